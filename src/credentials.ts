/**
 * What signs: credentials as an object, from a function, kept fresh, or from a URL. Hides when a token is fetched
 * again, and that many callers waiting for one share a single fetch. Nothing here outlives the provider it belongs to.
 */
import { abortable } from './abort.ts';
import { CredentialsError, redact } from './errors.ts';

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
  /** The end of the one call that waits; none for the `load` of {@link refreshingCredentials}, which works for all. */
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
  /** Clock, ms since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
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
  { refreshBefore = 300_000, now = Date.now }: RefreshOptions = {},
): RefreshingProvider {
  if (typeof load !== 'function') throw new TypeError('refreshingCredentials needs a function that loads credentials');
  if (!(refreshBefore >= 0)) throw new RangeError(`refreshBefore must be 0 ms or more, not ${refreshBefore}`);
  let kept: Credentials | undefined;
  let freshUntil = 0;
  let loading: Promise<Credentials> | undefined;

  const refresh = async (rejected: Credentials | undefined): Promise<Credentials> => {
    try {
      kept = parseCredentials(await load({ rejected }));
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
    signal?.throwIfAborted();
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
export interface CredentialsUrlInit extends RequestInit, RefreshOptions {
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
  const { fetch = globalThis.fetch, refreshBefore, now, ...request } = init;
  const failed = (problem: string) =>
    new CredentialsError(`Cannot load credentials from ${redact(String(url))}: ${problem}`, {
      code: 'CredentialsLoadFailed',
    });
  const load = async () => {
    const response = await fetch.call(undefined, String(url), request);
    if (!response.ok) throw failed(`HTTP ${response.status}`);
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      // Without the cause: it quotes the text, which may hold a secret.
      throw failed('the answer is not JSON');
    }
  };
  return refreshingCredentials(load, { refreshBefore, now });
}

/** Reads credentials in any of the spellings in use. An object that is already in ours is returned itself. */
export function parseCredentials(given: unknown): Credentials {
  const outer = record(given);
  const fields = record(outer['Credentials'] ?? outer['credentials'] ?? outer);
  if (!credentialsProblem(fields)) return fields as unknown as Credentials;
  return usableCredentials({
    accessKeyId: fields['AccessKeyId'] ?? fields['accessKeyId'],
    accessKeySecret: fields['AccessKeySecret'] ?? fields['accessKeySecret'],
    securityToken: fields['SecurityToken'] ?? fields['securityToken'] ?? undefined,
    expiration: fields['Expiration'] ?? fields['expiration'] ?? undefined,
  } as Credentials);
}

/** What a provider gave, if it can sign. */
export function usableCredentials(given: Credentials): Credentials {
  const problem = credentialsProblem(given);
  if (problem) throw new CredentialsError(`Credentials are not usable: ${problem}`, { code: 'InvalidCredentials' });
  return given;
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
  if (Number.isNaN(expiresAt({ expiration }))) return 'expiration must be a date';
  return undefined;
}

/** When the credentials end, ms since the epoch; `Infinity` where they do not say. */
export function expiresAt({ expiration }: Pick<Credentials, 'expiration'>): number {
  return expiration ? Number(new Date(expiration)) : Number.POSITIVE_INFINITY;
}

function sameKey(a: Credentials, b: Credentials): boolean {
  return a.accessKeyId === b.accessKeyId && a.securityToken === b.securityToken;
}

/** Loading failed, for any reason. */
export function loadFailed(cause: unknown): CredentialsError {
  const why = cause instanceof Error ? `: ${redact(cause.message)}` : '';
  return new CredentialsError(`Cannot load credentials${why}`, { code: 'CredentialsLoadFailed', cause });
}
