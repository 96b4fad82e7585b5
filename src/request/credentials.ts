/**
 * Credentials: as an object, from a function, kept fresh, or from a URL. This file decides when a token is loaded
 * again, and lets many waiting callers share one load. Each provider has its own state, and nothing outlives the
 * provider.
 */

import { readStart } from '../bytes.ts';
import { checkLeast, checkRange, checkType } from '../check.ts';
import { CredentialsError } from '../errors.ts';
import { harmless, redact } from '../redact.ts';
import { abortable, throwIfAborted } from '../waiting/abort.ts';
import { type Clock, platformClock } from '../waiting/clock.ts';
import { type DeadlineOptions, withDeadline } from '../waiting/deadline.ts';

/**
 * A key that signs requests. STS gives all four fields.
 *
 * @see https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole
 */
export interface Credentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** The STS token. A key without it is permanent, and must not be used in a page. */
  readonly securityToken?: string | undefined;
  /** When the token expires. */
  readonly expiration?: string | Date | undefined;
}

/** The argument of a provider. */
export interface CredentialsRequest {
  /** Credentials that OSS has just refused. The provider must give other credentials. */
  readonly rejected?: Credentials | undefined;
  /**
   * Aborts when nobody waits for the credentials any more: when the one waiting call ends, or when a shared load
   * reaches its time-out.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Credentials, or a function that returns them. The function is called for every attempt, so it should keep credentials
 * that are still valid.
 */
export type CredentialsProvider = Credentials | ((request: CredentialsRequest) => Credentials | Promise<Credentials>);

/** A provider that this library makes. It is always a function. */
export type RefreshingProvider = (request?: CredentialsRequest) => Promise<Credentials>;

/** How `refreshingCredentials` keeps its credentials fresh. */
export interface RefreshOptions {
  /** How long before `expiration` new credentials are loaded, ms. Default 300,000 (5 minutes). */
  readonly refreshBefore?: number | undefined;
  /**
   * Time-out of one load, ms. Default 30,000. After it, the load fails for all waiting callers, and the next call
   * begins a new load.
   */
  readonly timeout?: number | undefined;
  /** Default: the platform's clock. */
  readonly clock?: Clock | undefined;
}

/**
 * Returns a provider that keeps credentials until shortly before they expire, or until OSS refuses them. Callers that
 * need new credentials at the same time share one `load`. If `load` fails while the old credentials are still valid,
 * the old ones are used.
 *
 * In a Worker, make one provider for each request, because one request must not await a promise of another.
 *
 * @throws TypeError if `load` is not a function; RangeError for an impossible `refreshBefore` or `timeout`. The
 * provider rejects with a {@link CredentialsError} when `load` fails.
 * @example
 * ```ts
 * import { OssClient, refreshingCredentials } from 'oss-append';
 *
 * const client = new OssClient({
 *   region: 'cn-hangzhou',
 *   bucket: 'my-logs',
 *   credentials: refreshingCredentials(async () => (await fetch('/sts', { method: 'POST' })).json()),
 * });
 * ```
 */
export function refreshingCredentials(
  load: (request: CredentialsRequest) => unknown,
  { refreshBefore = 300_000, timeout = 30_000, clock = platformClock() }: RefreshOptions = {},
): RefreshingProvider {
  checkType(typeof load === 'function', 'refreshingCredentials needs a function that loads credentials');
  checkLeast('refreshBefore', refreshBefore);
  checkRange(timeout > 0, 'timeout', 'above 0 ms', timeout);
  const now = () => clock.now();
  let kept: Credentials | undefined;
  let freshUntil = 0;
  let loading: Promise<Credentials> | undefined;

  const refresh = async (rejected: Credentials | undefined): Promise<Credentials> => {
    try {
      // The result of a load after its time-out is ignored, because newer credentials may be in use by then.
      kept = parseCredentials(await loadWithin({ clock, timeout }, (signal) => load({ rejected, signal })));
      // If the clock of the device is ahead, every token looks expired. So OSS decides, and new ones are loaded once a
      // minute at most.
      freshUntil = Math.max(expiresAt(kept) - refreshBefore, now() + 60_000);
      return kept;
    } catch (error) {
      if (kept && expiresAt(kept) > now()) return kept;
      kept = undefined;
      throw error;
    }
  };
  return async ({ rejected, signal } = {}) => {
    throwIfAborted(signal);
    if (kept && rejected && sameKey(kept, rejected)) kept = undefined;
    if (kept && now() < freshUntil) return kept;
    loading ??= refresh(rejected);
    const shared = loading;
    // A caller that gives up, for example at the time-out of its client, does not let the next caller wait for the same
    // load: it may hang.
    return abortable(shared, signal).finally(() => {
      if (loading === shared) loading = undefined;
    });
  };
}

/** Settings of `credentialsFromUrl`: those of `fetch`, and those of refreshing. */
export interface CredentialsUrlInit extends Omit<RequestInit, 'signal'>, RefreshOptions {
  /** Used in place of the global `fetch`. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

/**
 * Returns a provider that loads credentials from your endpoint, and keeps them fresh as {@link refreshingCredentials}
 * does. It understands the JSON of AssumeRole as STS gives it, and the same fields in camelCase. They may be inside a
 * `credentials` object.
 *
 * @throws TypeError if the URL is neither a string nor a `URL`. The provider rejects with a {@link CredentialsError} if
 * the endpoint does not answer with credentials.
 * @example
 * ```ts
 * import { credentialsFromUrl } from 'oss-append';
 *
 * const credentials = credentialsFromUrl('/sts');
 * ```
 */
export function credentialsFromUrl(url: string | URL, init: CredentialsUrlInit = {}): RefreshingProvider {
  checkType(typeof url === 'string' || url instanceof URL, 'credentialsFromUrl needs a URL');
  const { fetch = globalThis.fetch, refreshBefore, timeout, clock, ...request } = init;
  // Only the beginning of the URL is shown, and nothing of a URL that may have a password.
  const place = redact(String(url).replace(/.*@.*|[?#;].*/s, '...'));
  const failed = (problem: string) => loadFailed(` from ${place}: ${problem}`);
  const load = async ({ signal }: CredentialsRequest) => {
    const response = await fetch.call(undefined, String(url), signal ? { ...request, signal } : request);
    if (!response.ok) throw failed(`HTTP ${response.status}`);
    const text = await readStart(response.body);
    try {
      return JSON.parse(text);
    } catch {
      // This error has no cause, because the cause quotes the text, which may contain a secret.
      throw failed(`HTTP ${response.status}, but no JSON; check the token endpoint`);
    }
  };
  return refreshingCredentials(load, { refreshBefore, timeout, clock });
}

/** The fields by the names that are in use for them, in lower case and without `_` and `-`. */
const FIELDS: Readonly<Record<string, keyof Credentials>> = {
  accesskeyid: 'accessKeyId',
  accesskeysecret: 'accessKeySecret',
  securitytoken: 'securityToken',
  ststoken: 'securityToken',
  expiration: 'expiration',
};

/**
 * Reads credentials in any of the spellings and envelopes that are in use: `SecurityToken`, `stsToken` or
 * `security_token`, inside `data`, `Credentials` or `body.credentials`. If the object already has this library's form,
 * the same object is returned.
 */
export function parseCredentials(given: unknown): Credentials {
  const own: Partial<Credentials> = record(given);
  const fields = findFields(given, 3);
  const hasEveryToken = own.securityToken || !fields?.['securityToken'];
  if (hasEveryToken && !credentialsProblem(own)) return given as Credentials;
  if (!fields)
    throw unusable(
      `they came with ${fieldsOf(given)}, and need accessKeyId, accessKeySecret, securityToken, expiration`,
    );
  return usableCredentials({ ...fields, expiration: toDate(fields['expiration']) } as Credentials);
}

/** Returns the fields of the first object that has a key and its secret. The fields get the names of this library. */
function findFields(value: unknown, depth: number): Readonly<Record<string, unknown>> | undefined {
  const fields: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(record(value))) {
    const known = FIELDS[name.toLowerCase().replace(/[_-]/g, '')];
    if (known && field) fields[known] ??= field;
  }
  if (fields['accessKeyId'] && fields['accessKeySecret']) return fields;
  for (const inner of depth > 0 ? Object.values(record(value)) : []) {
    const found = findFields(inner, depth - 1);
    if (found) return found;
  }
  return undefined;
}

/** Describes the fields by their names. It shows no value, and no unusual name, because both may contain a secret. */
function fieldsOf(value: unknown): string {
  const names = Object.keys(record(value)).filter((name) => harmless(name));
  return names.length > 0 ? `the fields ${names.slice(0, 8).join(', ')}` : 'no fields';
}

/** Accepts a time as text, or as seconds or ms since the epoch. */
function toDate(value: unknown): unknown {
  const number = typeof value === 'number' ? value : /^\d+$/.test(String(value)) ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) return value;
  return new Date(number < 1e11 ? number * 1000 : number);
}

/**
 * Returns the credentials if they can sign.
 *
 * @throws CredentialsError (`InvalidCredentials`) if they cannot.
 */
export function usableCredentials(given: Credentials): Credentials {
  const problem = credentialsProblem(given);
  if (problem) throw unusable(problem);
  return given;
}

function unusable(problem: string): CredentialsError {
  return new CredentialsError(`Credentials are not usable: ${problem}`, { code: 'InvalidCredentials' });
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Returns what is wrong with these credentials, without quoting them. It is `undefined` if nothing is wrong. */
export function credentialsProblem(given: Partial<Credentials> | undefined): string | undefined {
  const { accessKeyId, accessKeySecret, securityToken, expiration } = given ?? {};
  const texts = { accessKeyId, accessKeySecret, securityToken: securityToken || '-' };
  for (const [name, value] of Object.entries(texts))
    if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value))
      return `${name} ${value ? 'must be visible ASCII without white space' : 'is missing: is the environment variable set?'}`;
  // A slash and a comma separate the parts of a credential in the signature.
  if (/[/,]/.test(String(accessKeyId))) return 'accessKeyId must be without / and comma';
  if (/^STS\./.test(String(accessKeyId)) && !securityToken) return 'an STS key needs its securityToken';
  // A time in 1970 means that seconds were mistaken for ms, or that the value is not a time.
  if (!(expiresAt({ expiration }) > Date.UTC(2000))) return 'expiration must be a date';
  return undefined;
}

/** Returns when the credentials expire, ms since the epoch. It is `Infinity` if they do not say. */
export function expiresAt({ expiration }: Pick<Credentials, 'expiration'>): number {
  return expiration ? Number(new Date(expiration)) : Number.POSITIVE_INFINITY;
}

function sameKey(a: Credentials, b: Credentials): boolean {
  return a.accessKeyId === b.accessKeyId && a.securityToken === b.securityToken;
}

/** The limits of a load. */
export type LoadLimits = Omit<DeadlineOptions, 'expired'>;

/**
 * Calls a function that loads credentials.
 *
 * @throws CredentialsError for each failure of the function, and at the time-out; after an abort, the signal's reason.
 */
export async function loadWithin<T>(limits: LoadLimits, load: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
  const expired = (timeout: number) => loadFailed(`: no answer within ${timeout} ms`);
  try {
    return await withDeadline({ ...limits, expired }, ({ signal }) => load(signal));
  } catch (cause) {
    throwIfAborted(limits.signal);
    if (cause instanceof CredentialsError) throw cause;
    throw loadFailed(cause instanceof Error ? `: ${redact(cause.message)}` : '', { cause });
  }
}

function loadFailed(why: string, init?: { readonly cause: unknown }): CredentialsError {
  return new CredentialsError(`Cannot load credentials${why}`, { code: 'CredentialsLoadFailed', ...init });
}
