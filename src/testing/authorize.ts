// Decides whether a signer may do something: by the session policy of a token, and for anonymous requests by the ACL.
// https://help.aliyun.com/document_detail/100676 (RAM actions)

import type { Call } from './call.ts';
import { Refusal } from './errors.ts';
import type { Identity } from './verify.ts';

/** The actions that the ACL `public-read` permits to everybody. */
const READS = ['oss:GetObject', 'oss:ListObjects'];

/** Checks that the signer may write this object, and its tags. @throws {Refusal} */
export function authorizeWrite(call: Call): void {
  authorize(call, 'oss:PutObject');
  if (call.headers.has('x-oss-tagging')) authorize(call, 'oss:PutObjectTagging');
}

/**
 * Checks that the signer may do something with the object, or with the bucket if the call names no key.
 *
 * @throws {Refusal}
 */
export function authorize(call: Call, action: string): void {
  const { identity } = call;
  if (!identity) authorizeAnonymous(call, READS.includes(action) ? 'read' : 'write');
  const resource = call.key === '' ? call.bucket.name : `${call.bucket.name}/${call.key}`;
  const decision = identity?.key.policy?.decide(action, resource) ?? 'Allow';
  if (identity && decision !== 'Allow') throw deniedByPolicy(action, identity, decision);
}

function authorizeAnonymous({ bucket, key }: Call, access: 'read' | 'write'): void {
  const own = bucket.objects.get(key)?.acl ?? 'default';
  const acl = own === 'default' ? bucket.acl : own;
  if (acl === 'public-read-write' || (acl === 'public-read' && access === 'read')) return;
  const [what, ec] = own === 'default' ? ['bucket', '0003-00000001'] : ['object', '0003-00000005'];
  const message = `You have no right to access this object because of ${what} acl.`;
  throw new Refusal(403, 'AccessDenied', message, { ec: ec! });
}

function deniedByPolicy(action: string, { accessKeyId }: Identity, decision: string): Refusal {
  return new Refusal(403, 'AccessDenied', 'You have no right to access this object.', {
    ec: '0003-00000201',
    elements: {
      AccessDeniedDetail: {
        AuthAction: action,
        AuthPrincipalType: 'AssumedRoleUser',
        AuthPrincipalOwnerId: '1234567890123456',
        AuthPrincipalDisplayName: accessKeyId,
        NoPermissionType: decision,
        PolicyType: 'SessionPolicy',
      },
    },
  });
}
