/**
 * Entry "./sts", for edge workers and servers: temporary credentials for a page from a RAM key, limited to appending
 * under one prefix. Hides the signature of Alibaba Cloud's RPC calls (ACS3-HMAC-SHA256), which is not OSS's.
 */

import { readStart } from './bytes.ts';
import { checkFunction } from './check.ts';
import { ServiceError, TransportError, withoutSecrets } from './errors.ts';
import { harmless, redact } from './redact.ts';
import { type Credentials, credentialsProblem, parseCredentials } from './request/credentials.ts';
import { checkBucket, checkKey, percentEncode } from './request/endpoint.ts';
import type { Fetch } from './request/operation.ts';
import { digest, signature } from './request/signature.ts';
import { throwIfAborted } from './waiting/abort.ts';
import type { Clock } from './waiting/clock.ts';
import { platformClock } from './waiting/clock.ts';
import { Deadline } from './waiting/deadline.ts';
import { backOff, isThrottled, type RetryOptions } from './waiting/retry.ts';

/** What `assumeRole` needs. */
export interface AssumeRoleOptions {
  /** Of a RAM user or role that may call `sts:AssumeRole`; never of the account itself. */
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Where the caller's own credentials are temporary. */
  readonly securityToken?: string | undefined;
  /** `acs:ram::{account}:role/{name}`. */
  readonly roleArn: string;
  /** Who this is for, as it will stand in access logs: 2 to 64 of letters, digits and `.@-_`. */
  readonly roleSessionName: string;
  /** Life of the credentials, s. 900 up to the role's limit. Default 3,600. */
  readonly durationSeconds?: number | undefined;
  /** Session policy: what of the role's rights this session has. See {@link appendPolicy}. Default: all of them. */
  readonly policy?: string | undefined;
  readonly externalId?: string | undefined;
  /** Region whose STS to ask, such as `cn-hangzhou`. Default: the central one. */
  readonly region?: string | undefined;
  /** Origin to ask in place of Alibaba Cloud's, such as `https://sts-vpc.cn-hangzhou.aliyuncs.com`. */
  readonly endpoint?: string | undefined;
  readonly fetch?: Fetch | undefined;
  /** For one attempt, ms. Default 10,000. */
  readonly timeout?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Allows the call where `document` exists, for example in a test. Whoever opens such a page can read the key. Default false. */
  readonly allowInPage?: boolean | undefined;
}

/**
 * Temporary credentials from STS. Throttling, 5xx and dropped connections are repeated: the call changes nothing.
 *
 * @throws TypeError or RangeError for impossible options, and in a page. ServiceError where STS refuses (`NoPermission`,
 * `EntityNotExist.Role`), TransportError without an answer, CredentialsError for an answer without credentials.
 * @see https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole
 * @example
 * ```ts
 * import { appendPolicy, assumeRole } from 'oss-append/sts';
 *
 * interface Env { RAM_KEY_ID: string; RAM_KEY_SECRET: string; ROLE_ARN: string }
 *
 * export async function tokenFor(user: string, env: Env): Promise<Response> {
 *   const credentials = await assumeRole({
 *     accessKeyId: env.RAM_KEY_ID,
 *     accessKeySecret: env.RAM_KEY_SECRET,
 *     roleArn: env.ROLE_ARN,
 *     roleSessionName: user,
 *     durationSeconds: 900,
 *     policy: appendPolicy({ bucket: 'my-uploads', prefix: `inbox/${user}/` }),
 *   });
 *   return Response.json(credentials, { headers: { 'cache-control': 'no-store' } });
 * }
 * ```
 */
export async function assumeRole(options: AssumeRoleOptions): Promise<Credentials> {
  checkOptions(options);
  const { clock = platformClock(), retry = {}, signal } = options;
  for (let failures = 0; ; ) {
    throwIfAborted(signal);
    try {
      return await attempt(options, clock);
    } catch (error) {
      if (!mayPass(error) || !(await backOff(clock, retry, ++failures, { error, signal }))) throw error;
    }
  }
}

/** What a session policy is for. */
export interface AppendPolicyOptions {
  readonly bucket: string;
  /** What the keys begin with. End it in `/`, or `inbox/u1` also covers `inbox/u10`. Empty for the whole bucket. */
  readonly prefix: string;
  /** Allow reading, with which lost answers are settled. Default true. */
  readonly read?: boolean | undefined;
  /** Allow tags on the first append. Default false. */
  readonly tagging?: boolean | undefined;
}

/**
 * The least policy under which pages append: objects under one prefix, nothing else. It permits overwriting them too:
 * no RAM action grants append alone (a presigned grant does).
 *
 * @throws TypeError or RangeError for a bucket or prefix of an impossible form, one with wildcards, or too long a policy.
 * @see https://www.alibabacloud.com/help/en/oss/user-guide/ram-policy-overview
 * @example
 * ```ts
 * import { appendPolicy } from 'oss-append/sts';
 *
 * const policy = appendPolicy({ bucket: 'my-uploads', prefix: 'inbox/u42/' });
 * ```
 */
export function appendPolicy({ bucket, prefix, read = true, tagging = false }: AppendPolicyOptions): string {
  checkBucket(bucket);
  if (prefix !== '') checkKey(prefix);
  // A policy's * and ? match anything, and ${...} is replaced.
  if (/[*?$]/.test(prefix))
    throw new RangeError(`prefix "${prefix}" has one of * ? $, which a policy takes for a pattern`);
  const actions = ['oss:PutObject', ...(read ? ['oss:GetObject'] : []), ...(tagging ? ['oss:PutObjectTagging'] : [])];
  const statement = { Effect: 'Allow', Action: actions, Resource: [`acs:oss:*:*:${bucket}/${prefix}*`] };
  return checkPolicy(JSON.stringify({ Version: '1', Statement: [statement] }));
}

/**
 * The `Authorization` header of an RPC call without a query, signed with the secret itself: no derived key. Unlike OSS's
 * V4, every header given is signed.
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

/** Pairs, percent-encoded. */
function form(fields: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`);
  return pairs.join('&');
}

async function attempt(options: AssumeRoleOptions, clock: Clock): Promise<Credentials> {
  const { fetch = globalThis.fetch, timeout = 10_000, signal } = options;
  checkFunction('fetch', fetch ?? null);
  const { url, headers, body } = signedCall(options, clock);
  const deadline = new Deadline(clock, timeout, signal);
  // A redirect that is followed carries the signed call to another place.
  const init: RequestInit = { method: 'POST', headers, body, signal: deadline.signal, redirect: 'manual' };
  let response: Response;
  let answer: string;
  // Only what fails in here is a failure of the network. What fails outside is a mistake in code, and stays what it is.
  try {
    response = await deadline.race(fetch(url, init));
    answer = response.body ? await deadline.race(readStart(response.body)) : '';
  } catch (error) {
    const cause = deadline.signal.aborted ? deadline.signal.reason : error;
    deadline.end(error);
    if (signal?.aborted) throw signal.reason;
    throw noAnswer(cause, options);
  }
  deadline.end();
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

function mayPass(error: unknown): boolean {
  if (error instanceof TransportError) return true;
  return error instanceof ServiceError && (error.status >= 500 || isThrottled(error) || /^Throttling/.test(error.code));
}

function noAnswer(cause: unknown, options: AssumeRoleOptions): TransportError {
  const why = redact(cause instanceof Error ? cause.message : String(cause), secretsOf(options));
  const code = cause instanceof TransportError ? cause.code : 'NetworkError';
  return new TransportError(`Cannot assume ${options.roleArn}: no answer from STS (${why})`, {
    code,
    cause: withoutSecrets(cause, secretsOf(options)),
  });
}

function secretsOf({ accessKeySecret, securityToken = '' }: AssumeRoleOptions): string[] {
  return [accessKeySecret, securityToken];
}

function checkOptions(options: AssumeRoleOptions): void {
  const { roleArn, roleSessionName, durationSeconds = 3600, policy, region, endpoint, allowInPage } = options;
  const problem = credentialsProblem(options);
  if (problem) throw new TypeError(problem);
  if (!allowInPage && 'document' in globalThis) {
    throw new TypeError('assumeRole in a page would give its key away: call it in a worker or on a server');
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
  if (region !== undefined && !/^[a-z]{2,}(-[a-z0-9]+)+$/.test(region))
    throw new TypeError('region must be such as "cn-hangzhou"');
  if (endpoint !== undefined && !/^https?:\/\/[^/?#]+\/?$/.test(endpoint))
    throw new TypeError('endpoint must be an http(s) origin');
}

function checkPolicy(policy: string): string {
  if (typeof policy !== 'string') throw new TypeError('policy must be a JSON string');
  if (policy.length >= 1 && policy.length <= 2048) return policy;
  throw new RangeError(`policy has ${policy.length} characters; STS takes 1 to 2048`);
}
