/**
 * Grants. A grant is one OSS request that the edge signs for a page without a key. The page cannot change what is
 * signed: the key, position, length and named headers of an append, or the range of a read. No RAM policy can express
 * this right, because `oss:PutObject` also permits overwriting.
 */
import type { PresignedRequest } from '../request/request.ts';
import { checkAllowed, type UserContext } from './decisions.ts';
import {
  type AppendRequest,
  type GrantLimits,
  type RequestFields,
  readAppend,
  readBatch,
  readRange,
  refuseHeaders,
} from './grant-request.ts';
import { checkOwnKey } from './keys.ts';
import { badRequest, Refusal } from './refusal.ts';

/** The user of a request, and the limits of this user's grants. */
export interface GrantContext extends UserContext, GrantLimits {
  /** How long a grant is valid, in seconds. */
  readonly grantLife: number;
}

/** A grant for an append that the page asked for in advance. */
interface AppendGrant extends PresignedRequest {
  readonly position: number;
  readonly size: number;
}

/** Answers `POST /grant`. @throws Refusal */
export async function grantOne(context: GrantContext, fields: RequestFields): Promise<PresignedRequest> {
  const key = checkOwnKey(fields['key'], context.prefix);
  const { operation } = fields;
  if (operation === 'appendObject') return grantAppend(context, key, readAppend(fields, context));
  if (operation === 'headObject') return grantHead(context, key, fields);
  if (operation === 'getObject') return grantRead(context, key, fields);
  throw badRequest('operation must be appendObject, headObject or getObject');
}

/**
 * Answers `POST /grants`: appends of `segmentSize` bytes, one after the other, from `position` up to `end` if the
 * client named an end. It grants as many appends as the application allows, and at least one. @throws Refusal
 */
export async function grantMany(context: GrantContext, fields: RequestFields): Promise<AppendGrant[]> {
  const key = checkOwnKey(fields['key'], context.prefix);
  const { position, segmentSize, count, end, headers } = readBatch(fields, context);
  const grants: AppendGrant[] = [];
  for (let at = position; grants.length < count && (at < end || grants.length === 0); at += segmentSize) {
    const append = { position: at, size: Math.min(segmentSize, end - at), headers: at === position ? headers : {} };
    try {
      grants.push({ ...(await grantAppend(context, key, append)), position: at, size: append.size });
    } catch (error) {
      if (grants.length === 0 || !(error instanceof Refusal)) throw error;
      break;
    }
  }
  return grants;
}

async function grantAppend(context: GrantContext, key: string, append: AppendRequest): Promise<PresignedRequest> {
  const { client, user, grantLife: expiresIn, allows } = context;
  const { position, size } = append;
  const { 'content-type': contentType, ...headers } = append.headers;
  await checkAllowed({ user, operation: 'appendObject', key, position, size, contentType, headers }, allows);
  return client.presignAppendObject(key, { position, size, contentType: contentType ?? null, headers, expiresIn });
}

async function grantHead(context: GrantContext, key: string, fields: RequestFields): Promise<PresignedRequest> {
  refuseHeaders(fields);
  const { client, user, grantLife: expiresIn, allows } = context;
  await checkAllowed({ user, operation: 'headObject', key }, allows);
  return client.presignHeadObject(key, { expiresIn });
}

async function grantRead(context: GrantContext, key: string, fields: RequestFields): Promise<PresignedRequest> {
  refuseHeaders(fields);
  const range = readRange(fields, context);
  const { client, user, grantLife: expiresIn, allows } = context;
  const size = range.end === undefined ? undefined : range.end - range.start + 1;
  await checkAllowed({ user, operation: 'getObject', key, size }, allows);
  // A page that compares stored bytes needs them as they are stored, without decoding of their Content-Encoding.
  return client.presignGetObject(key, { range, decode: fields['decode'] !== false, expiresIn });
}
