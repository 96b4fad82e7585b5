/**
 * Entry "./sts", for edge workers and servers. It gets temporary credentials for a page from a RAM key, limited to
 * appends under one prefix. This file hides the signature of Alibaba Cloud's RPC APIs (ACS3-HMAC-SHA256), which differs
 * from OSS's signature.
 */

import { readStart } from './bytes.ts';
import { checkFunction } from './check.ts';
import { ServiceError, TransportError, withoutSecrets } from './errors.ts';
import { kindOf } from './failure-kind.ts';
import { harmless, redact } from './redact.ts';
import { type Credentials, credentialsProblem, parseCredentials } from './request/credentials.ts';
import { checkBucket, checkKey, isRegionId, percentEncode } from './request/endpoint.ts';
import type { Fetch } from './request/request.ts';
import { digest, signature } from './request/signature.ts';
import { throwIfAborted } from './waiting/abort.ts';
import { type Clock, platformClock } from './waiting/clock.ts';
import { withDeadline } from './waiting/deadline.ts';
import { type RetryOptions, RetryPolicy } from './waiting/retry.ts';

/** The fields of credentials that sign a call of STS. */
type StsCaller = Pick<Credentials, 'accessKeyId' | 'accessKeySecret' | 'securityToken'>;

/**
 * The options of `assumeRole`. The key is that of a RAM user or role that may call `sts:AssumeRole`. Never use the key
 * of the account itself. It needs its `securityToken` if it is temporary.
 */
export interface AssumeRoleOptions extends StsCaller {
  /** The ARN of the role, `acs:ram::{account}:role/{name}`. */
  readonly roleArn: string;
  /** The name of this session in access logs, for example the user: 2 to 64 letters, digits and `.@-_`. */
  readonly roleSessionName: string;
  /** How long the credentials are valid, in s, from 900 up to the limit of the role. Default 3,600. */
  readonly durationSeconds?: number | undefined;
  /**
   * The session policy, which limits the rights of the role; see {@link appendPolicy}. By default nothing is limited.
   */
  readonly policy?: string | undefined;
  readonly externalId?: string | undefined;
  /** The region whose STS endpoint is called, such as `cn-hangzhou`. Default: the central endpoint. */
  readonly region?: string | undefined;
  /** The origin that replaces Alibaba Cloud's endpoint, such as `https://sts-vpc.cn-hangzhou.aliyuncs.com`. */
  readonly endpoint?: string | undefined;
  readonly fetch?: Fetch | undefined;
  /** The time limit of one attempt, in ms. Default 10,000. */
  readonly timeout?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Allows the call if `document` exists, as in some tests. In a page, the call would expose the key. Default false.
   */
  readonly allowInPage?: boolean | undefined;
}

/**
 * Gets temporary credentials from STS. The function repeats the call after throttling, a 5xx answer or a dropped
 * connection, because the call changes nothing.
 *
 * @throws TypeError or RangeError for invalid options, and in a page.
 * @throws ServiceError if STS refuses (`NoPermission`, `EntityNotExist.Role`), TransportError if no answer came,
 *   CredentialsError if the answer contains no credentials.
 * @see https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole
 * @example
 * ```ts
 * import { appendPolicy, assumeRole } from 'oss-append/sts';
 *
 * interface Env { OSS_ACCESS_KEY_ID: string; OSS_ACCESS_KEY_SECRET: string; OSS_ROLE_ARN: string }
 *
 * export async function tokenFor(user: string, env: Env): Promise<Response> {
 *   const credentials = await assumeRole({
 *     accessKeyId: env.OSS_ACCESS_KEY_ID,
 *     accessKeySecret: env.OSS_ACCESS_KEY_SECRET,
 *     roleArn: env.OSS_ROLE_ARN,
 *     roleSessionName: user,
 *     durationSeconds: 900,
 *     policy: appendPolicy({ bucket: 'my-uploads', prefix: `inbox/${user}/` }),
 *   });
 *   return Response.json(credentials, { headers: { 'cache-control': 'no-store' } });
 * }
 * ```
 */
export async function assumeRole(options: AssumeRoleOptions): Promise<Credentials> {
  checkAssumeRole(options);
  const { clock = platformClock(), signal } = options;
  const retry = new RetryPolicy(clock, { maxAttempts: 8, ...options.retry });
  for (let failures = 0; ; ) {
    throwIfAborted(signal);
    try {
      return await attempt(options, clock);
    } catch (error) {
      const kind = kindOf(error, /^Throttling/);
      const mayPass = kind === 'ambiguous' || kind === 'throttled';
      if (!mayPass || !(await retry.again(++failures, { error, signal }))) throw error;
    }
  }
}

/** The options of `appendPolicy`. */
export interface AppendPolicyOptions {
  readonly bucket: string;
  /**
   * The beginning of the keys. It should end with `/`, because `inbox/u1` also covers `inbox/u10`. An empty prefix
   * covers the whole bucket.
   */
  readonly prefix: string;
  /** Allows reading, with which the library finds out whether a segment is stored. Default true. */
  readonly read?: boolean | undefined;
  /** Allows tags on the first append. Default false. */
  readonly tagging?: boolean | undefined;
  /** Allows sealing. A sealed object accepts no more appends. Default false. */
  readonly seal?: boolean | undefined;
}

/**
 * Makes the smallest policy with which pages can append: it covers the objects under one prefix and nothing else. The
 * policy also permits overwriting these objects, because no RAM action permits only appends (a presigned grant does).
 *
 * @throws TypeError or RangeError if the bucket or the prefix is invalid, if the prefix contains wildcards, or if the
 *   policy is too long.
 * @see https://www.alibabacloud.com/help/en/oss/user-guide/ram-policy-overview
 * @example
 * ```ts
 * import { appendPolicy } from 'oss-append/sts';
 *
 * const policy = appendPolicy({ bucket: 'my-uploads', prefix: 'inbox/u42/' });
 * ```
 */
export function appendPolicy(options: AppendPolicyOptions): string {
  const { bucket, prefix, read = true, tagging = false, seal = false } = options;
  checkBucket(bucket);
  if (prefix !== '') checkKey(prefix);
  // In a policy, `*` and `?` match anything, and `${...}` is replaced.
  if (/[*?$]/.test(prefix))
    throw new RangeError(`prefix "${prefix}" contains one of * ? $, which have a special meaning in a policy`);
  const actions = ['oss:PutObject'];
  if (read) actions.push('oss:GetObject');
  if (tagging) actions.push('oss:PutObjectTagging');
  if (seal) actions.push('oss:SealAppendObject');
  const statement = { Effect: 'Allow', Action: actions, Resource: [`acs:oss:*:*:${bucket}/${prefix}*`] };
  return checkPolicy(JSON.stringify({ Version: '1', Statement: [statement] }));
}

/**
 * Returns the `Authorization` header of an RPC call without a query. The secret itself signs, not a derived key. Unlike
 * with OSS's V4 signature, every given header is signed.
 *
 * @see https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
 */
function authorization(headers: Readonly<Record<string, string>>, body: string, options: AssumeRoleOptions): string {
  const names = Object.keys(headers).sort();
  const signedHeaders = names.join(';');
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const text = `${ALGORITHM}\n${digest(`POST\n/\n\n${lines}\n${signedHeaders}\n${digest(body)}`)}`;
  const hex = signature(new TextEncoder().encode(options.accessKeySecret), text);
  return `${ALGORITHM} Credential=${options.accessKeyId},SignedHeaders=${signedHeaders},Signature=${hex}`;
}

const ALGORITHM = 'ACS3-HMAC-SHA256';

/** Returns the fields as a percent-encoded form. */
function form(fields: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`);
  return pairs.join('&');
}

async function attempt(options: AssumeRoleOptions, clock: Clock): Promise<Credentials> {
  const { fetch = globalThis.fetch, timeout = 10_000, signal } = options;
  checkFunction('fetch', fetch ?? null);
  const { url, headers, body } = signedCall(options, clock);
  const expired = (limit: number) => noAnswer(`no answer within ${limit} ms`, options, 'TimeoutError');
  const [response, answer] = await withDeadline({ clock, timeout, signal, expired }, async (deadline) => {
    // The redirect is not followed, because the signed call would then go to another host.
    const init: RequestInit = { method: 'POST', headers, body, signal: deadline.signal, redirect: 'manual' };
    // Only failures inside this block are failures of the network. A failure outside is a mistake in the code and is
    // thrown unchanged.
    try {
      const given = await fetch(url, init);
      return [given, await readStart(given.body)] as const;
    } catch (error) {
      throw noAnswer(error, options);
    }
  });
  return read(response, answer, options);
}

function signedCall(
  options: AssumeRoleOptions,
  clock: Clock,
): { url: string; headers: Record<string, string>; body: string } {
  const { securityToken } = options;
  const url = new URL(options.endpoint ?? `https://sts.${options.region ? `${options.region}.` : ''}aliyuncs.com`);
  const body = form(parameters(options));
  const signed: Record<string, string> = {
    host: url.host,
    'content-type': 'application/x-www-form-urlencoded',
    'x-acs-action': 'AssumeRole',
    'x-acs-version': '2015-04-01',
    'x-acs-date': new Date(clock.now()).toISOString().replace(/\.\d+/, ''),
    'x-acs-signature-nonce': crypto.randomUUID(),
    'x-acs-content-sha256': digest(body),
  };
  if (securityToken) signed['x-acs-security-token'] = securityToken;
  const { host: _, ...headers } = signed;
  return { url: `${url.origin}/`, headers: { ...headers, authorization: authorization(signed, body, options) }, body };
}

function parameters({
  roleArn,
  roleSessionName,
  durationSeconds = 3600,
  policy,
  externalId,
}: AssumeRoleOptions): Record<string, string> {
  const fields: Record<string, string> = {
    RoleArn: roleArn,
    RoleSessionName: roleSessionName,
    DurationSeconds: String(durationSeconds),
  };
  if (policy !== undefined) fields['Policy'] = policy;
  if (externalId !== undefined) fields['ExternalId'] = externalId;
  return fields;
}

function read({ ok, status }: Response, answer: string, options: AssumeRoleOptions): Credentials {
  const fields = parseJson(answer);
  if (ok && fields) return parseCredentials(fields);
  const { Code, Message = '', RequestId } = (fields ?? {}) as Readonly<Record<string, unknown>>;
  const secrets = secretsOf(options);
  const code = harmless(Code as string, secrets) ?? `Http${status}`;
  const text = redact(String(Message), secrets);
  throw new ServiceError(`Cannot assume ${options.roleArn}: ${code} (HTTP ${status})${text && `: ${text}`}`, {
    code,
    status,
    requestId: harmless(RequestId as string, secrets),
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function noAnswer(cause: unknown, options: AssumeRoleOptions, code = 'NetworkError'): TransportError {
  const why = redact(cause instanceof Error ? cause.message : String(cause), secretsOf(options));
  return new TransportError(`Cannot assume ${options.roleArn}: no answer from STS (${why})`, {
    code,
    cause: withoutSecrets(cause, secretsOf(options)),
  });
}

function secretsOf({ accessKeySecret, securityToken = '' }: AssumeRoleOptions): string[] {
  return [accessKeySecret, securityToken];
}

function checkAssumeRole(options: AssumeRoleOptions): void {
  const { roleArn, roleSessionName, durationSeconds = 3600, policy, region, endpoint, allowInPage } = options;
  const problem = credentialsProblem(options);
  if (problem) throw new TypeError(problem);
  if (!allowInPage && 'document' in globalThis) {
    throw new TypeError('assumeRole in a page would expose its key: call it in a worker or on a server');
  }
  if (!/^acs:ram::\d+:role\/[\w.@/-]+$/.test(roleArn))
    throw new TypeError('roleArn must be acs:ram::{account}:role/{name}');
  if (!/^[\w.@-]{2,64}$/.test(roleSessionName)) {
    throw new TypeError('roleSessionName must be 2 to 64 letters, digits and . @ - _');
  }
  if (!Number.isInteger(durationSeconds) || durationSeconds < 900 || durationSeconds > 43_200) {
    throw new RangeError(`durationSeconds must be 900 to 43200 s, not ${durationSeconds}`);
  }
  if (policy !== undefined) checkPolicy(policy);
  if (region !== undefined && !isRegionId(region)) throw new TypeError('region must be such as "cn-hangzhou"');
  if (endpoint !== undefined && !/^https?:\/\/[^/?#]+\/?$/.test(endpoint))
    throw new TypeError('endpoint must be an http(s) origin');
}

function checkPolicy(policy: string): string {
  if (typeof policy !== 'string') throw new TypeError('policy must be a JSON string');
  if (policy.length >= 1 && policy.length <= 2048) return policy;
  throw new RangeError(`policy has ${policy.length} characters; STS takes 1 to 2048`);
}
