/**
 * What signs: credentials as an object, from a function, kept fresh, or from a URL. Hides when a token is fetched
 * again, and that many callers waiting for one share a single fetch. Nothing here outlives the provider it belongs to.
 */

import { readStart } from '../bytes.ts';
import { CredentialsError } from '../errors.ts';
import { plainUrl, redact } from '../redact.ts';
import { abortable, throwIfAborted } from '../waiting/abort.ts';
import { type Clock, platformClock } from '../waiting/clock.ts';
import { withDeadline } from '../waiting/deadline.ts';

/**
 * A key to sign with. From STS: all four fields.
 *
 * @see https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole
 */
export interface Credentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** The STS token. Without it the key is a permanent one, which has no place in a page. */
  readonly securityToken?: string | undefined;
  /** When the token ends. */
  readonly expiration?: string | Date | undefined;
}

/** What a provider is told. */
export interface CredentialsRequest {
  /** Credentials that OSS has just refused: give others. */
  readonly rejected?: Credentials | undefined;
  /** Aborts when nobody waits any more: at the end of the one call that waits or, for a shared load, at its time-out. */
  readonly signal?: AbortSignal | undefined;
}

/** Credentials, or a function that gives them: called for every attempt, so it should keep what is still good. */
export type CredentialsProvider = Credentials | ((request: CredentialsRequest) => Credentials | Promise<Credentials>);

/** A provider made here: always a function. */
export type RefreshingProvider = (request?: CredentialsRequest) => Promise<Credentials>;

/** How `refreshingCredentials` keeps its credentials fresh. */
export interface RefreshOptions {
  /** Fetch anew this long before `expiration`, ms. Default 300,000 (5 minutes). */
  readonly refreshBefore?: number | undefined;
  /** Time that one load may take, ms. Then it fails for all that wait, and the next call begins a new one. Default 30,000. */
  readonly timeout?: number | undefined;
  /** Default: the platform's. */
  readonly clock?: Clock | undefined;
}

/**
 * Keeps credentials until shortly before they expire, or until OSS refuses them. Callers that need new ones at the
 * same time share one `load`. When `load` fails while the old ones are still good, the old ones serve on.
 *
 * In a Worker make one for each request: a promise of one request may not be awaited by another.
 *
 * @throws TypeError for a `load` that is no function; {@link CredentialsError} from the provider when `load` fails.
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
  if (typeof load !== 'function') throw new TypeError('refreshingCredentials needs a function that loads credentials');
  if (!(refreshBefore >= 0)) throw new RangeError(`refreshBefore must be 0 ms or more, not ${refreshBefore}`);
  if (!(timeout > 0)) throw new RangeError(`timeout must be above 0 ms, not ${timeout}`);
  const now = () => clock.now();
  let kept: Credentials | undefined;
  let freshUntil = 0;
  let loading: Promise<Credentials> | undefined;

  const refresh = async (rejected: Credentials | undefined): Promise<Credentials> => {
    try {
      const limits = { clock, timeout, expired: loadTimedOut };
      // What a load gives after its time is ignored, because newer credentials may be in use by then.
      kept = parseCredentials(await withDeadline(limits, ({ signal }) => load({ rejected, signal })));
      // A device whose clock is ahead sees every token as expired: OSS decides, and we ask once a minute at most.
      freshUntil = Math.max(expiresAt(kept) - refreshBefore, now() + 60_000);
      return kept;
    } catch (error) {
      if (kept && expiresAt(kept) > now()) return kept;
      kept = undefined;
      throw error instanceof CredentialsError ? error : loadFailed(error);
    }
  };
  return async ({ rejected, signal } = {}) => {
    throwIfAborted(signal);
    if (kept && rejected && sameKey(kept, rejected)) kept = undefined;
    if (kept && now() < freshUntil) return kept;
    // Not in `refresh` itself: a `load` that throws at once would end it before it is kept.
    loading ??= refresh(rejected).finally(() => {
      loading = undefined;
    });
    return abortable(loading, signal);
  };
}

/** Settings of `credentialsFromUrl`: those of `fetch`, and of refreshing. */
export interface CredentialsUrlInit extends Omit<RequestInit, 'signal'>, RefreshOptions {
  /** In place of the global `fetch`. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

/**
 * Credentials from an endpoint of yours, kept fresh as by {@link refreshingCredentials}. It understands the JSON of
 * AssumeRole as STS gives it, and the same fields in camelCase, with or without a `credentials` object around them.
 *
 * @throws TypeError for a URL that is neither string nor `URL`; {@link CredentialsError} from the provider when the
 * endpoint does not answer with credentials.
 * @example
 * ```ts
 * import { credentialsFromUrl } from 'oss-append';
 *
 * const credentials = credentialsFromUrl('/sts', { method: 'POST' });
 * ```
 */
export function credentialsFromUrl(url: string | URL, init: CredentialsUrlInit = {}): RefreshingProvider {
  if (typeof url !== 'string' && !(url instanceof URL)) throw new TypeError('credentialsFromUrl needs a URL');
  const { fetch = globalThis.fetch, refreshBefore, timeout, clock, ...request } = init;
  const failed = (problem: string) =>
    new CredentialsError(`Cannot load credentials from ${plainUrl(String(url))}: ${problem}`, {
      code: 'CredentialsLoadFailed',
    });
  const load = async ({ signal }: CredentialsRequest) => {
    const response = await fetch.call(undefined, String(url), signal ? { ...request, signal } : request);
    if (!response.ok) throw failed(`HTTP ${response.status}`);
    const text = response.body ? await readStart(response.body) : '';
    try {
      return JSON.parse(text);
    } catch {
      // Without the cause: it quotes the text, which may hold a secret.
      throw failed('the answer is not JSON');
    }
  };
  return refreshingCredentials(load, { refreshBefore, timeout, clock });
}

/** Names in use for each field, in lower case and without `_` and `-`. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  accessKeyId: ['accesskeyid'],
  accessKeySecret: ['accesskeysecret'],
  securityToken: ['securitytoken', 'ststoken'],
  expiration: ['expiration'],
};

/**
 * Reads credentials in any of the spellings and envelopes in use: `SecurityToken`, `stsToken`, `security_token`, within `data`,
 * `Credentials` or `body.credentials`. An object that is already in ours is returned itself.
 */
export function parseCredentials(given: unknown): Credentials {
  if (!credentialsProblem(record(given))) return given as Credentials;
  const fields = findFields(given, 3);
  if (!fields) throw unusable(`they came with ${fieldsOf(given)}, and need ${Object.keys(NAMES).join(', ')}`);
  const { expiration, ...rest } = fields;
  return usableCredentials({ ...rest, expiration: toDate(expiration) } as Credentials);
}

/** The fields of the first object that has a key and its secret, by our names. */
function findFields(value: unknown, depth: number): Record<string, unknown> | undefined {
  const entries = Object.entries(record(value));
  const named = (names: readonly string[]) =>
    entries.find(([name]) => names.includes(name.toLowerCase().replace(/[_-]/g, '')))?.[1] ?? undefined;
  const fields = Object.fromEntries(Object.entries(NAMES).map(([name, names]) => [name, named(names)]));
  if (fields['accessKeyId'] && fields['accessKeySecret']) return fields;
  if (depth === 0) return undefined;
  for (const [, inner] of entries) {
    const found = findFields(inner, depth - 1);
    if (found) return found;
  }
  return undefined;
}

/** Names only: a value may be a secret, and so may a name that is none. */
function fieldsOf(value: unknown): string {
  const names = Object.keys(record(value)).filter((name) => /^[a-z_]\w{0,29}$/i.test(name));
  return names.length > 0 ? `the fields ${names.slice(0, 8).join(', ')}` : 'no fields';
}

/** A time as text, or as seconds or ms since the epoch. */
function toDate(value: unknown): unknown {
  const number = typeof value === 'number' ? value : /^\d+$/.test(String(value)) ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) return value;
  return new Date(number < 1e11 ? number * 1000 : number);
}

/** What a provider gave, if it can sign. */
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

/** What is wrong with these credentials, without quoting them; `undefined` when nothing is. */
export function credentialsProblem(given: Partial<Credentials> | undefined): string | undefined {
  const { accessKeyId, accessKeySecret, securityToken, expiration } = given ?? {};
  const texts = { accessKeyId, accessKeySecret, securityToken: securityToken || '-' };
  for (const [name, value] of Object.entries(texts))
    if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) return `${name} must be a string of visible ASCII`;
  // These separate the parts of a credential.
  if (/[/,]/.test(String(accessKeyId))) return 'accessKeyId must be without / and comma';
  if (/^STS\./.test(String(accessKeyId)) && !securityToken)
    return 'an accessKeyId that begins with STS. needs its securityToken';
  // A time in 1970 is a number of seconds that was taken for ms, or no time at all.
  if (!(expiresAt({ expiration }) > Date.UTC(2000))) return 'expiration must be a date';
  return undefined;
}

/** When the credentials end, ms since the epoch; `Infinity` where they do not say. */
export function expiresAt({ expiration }: Pick<Credentials, 'expiration'>): number {
  return expiration ? Number(new Date(expiration)) : Number.POSITIVE_INFINITY;
}

function sameKey(a: Credentials, b: Credentials): boolean {
  return a.accessKeyId === b.accessKeyId && a.securityToken === b.securityToken;
}

/** The credentials did not come within so many ms. */
export function loadTimedOut(timeout: number): CredentialsError {
  return new CredentialsError(`Cannot load credentials: no answer within ${timeout} ms`, {
    code: 'CredentialsLoadFailed',
  });
}

/** Loading failed, for any reason. */
export function loadFailed(cause: unknown): CredentialsError {
  const why = cause instanceof Error ? `: ${redact(cause.message)}` : '';
  return new CredentialsError(`Cannot load credentials${why}`, { code: 'CredentialsLoadFailed', cause });
}
