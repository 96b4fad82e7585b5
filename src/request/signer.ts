/**
 * Authorises requests with credentials: it loads them, signs each attempt again, and presigns. It corrects a wrong
 * local clock, and never lets a URL live longer than its token.
 */

import { checkType } from '../check.ts';
import { CredentialsError } from '../errors.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import type { Clock } from '../waiting/clock.ts';
import type { AuthorisedRequest, Authority } from './authority.ts';
import {
  type Credentials,
  type CredentialsProvider,
  credentialsProblem,
  expiresAt,
  loadWithin,
  usableCredentials,
} from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { IN_QUERY_TOO } from './headers.ts';
import type { OssRequest, PresignedRequest } from './request.ts';
import { canonicalQuery, checkLife, presignV4, type SignableRequest, signV4 } from './signature.ts';

/** The credentials, and how they sign. */
export interface SignerOptions {
  readonly credentials: CredentialsProvider;
  /**
   * Where the signature goes. Default `header`. With `query`, a browser sends an append without a preflight, which
   * saves one round trip. But then the token is in the URL, and logs may show it. Such a URL lives 300 s at most.
   */
  readonly signing?: 'header' | 'query' | undefined;
  /** Allow credentials without `securityToken` in a page. Whoever opens the page can read them. Default false. */
  readonly allowInPage?: boolean | undefined;
}

/** What a signer needs besides its options. */
export interface SignerContext {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  /** Time for loading credentials, ms. */
  readonly timeout: number;
}

/** Lifetime of a query-signed URL that is used at once, s. */
const QUERY_LIFE = 300;

const EXPOSED = 'anyone can read a permanent key in a page: give credentials with securityToken, or allowInPage: true';

/** Signs the requests of one client. */
export class Signer implements Authority {
  readonly #options: SignerOptions;
  readonly #context: SignerContext;
  /** How far OSS's clock is ahead of the local clock, ms. */
  #clockOffset = 0;

  /** @throws TypeError for options that cannot sign. */
  constructor(options: SignerOptions, context: SignerContext) {
    checkSigner(options);
    this.#options = options;
    this.#context = context;
  }

  /** Only a function can give other credentials after OSS has refused some. */
  get isRenewable(): boolean {
    return typeof this.#options.credentials === 'function';
  }

  correctClock(offset: number): void {
    this.#clockOffset = offset;
  }

  authorise(request: OssRequest, rejected: Credentials | undefined): AuthorisedRequest | Promise<AuthorisedRequest> {
    const sign = (credentials: Credentials) => ({ ...this.#sign(request, credentials), credentials });
    const given = this.#credentials(request.signal, rejected);
    // Static credentials are not awaited: another promise would cost a small append as much time as its signature.
    return 'then' in given ? given.then(sign) : sign(given);
  }

  /** Signs a request for someone else to send. `expiresIn` is in s. */
  async presign(request: OssRequest, expiresIn = 900): Promise<PresignedRequest> {
    checkLife(expiresIn);
    throwIfAborted(request.signal);
    const credentials = await this.#credentials(request.signal);
    checkLife(expiresIn, credentials);
    const signed = this.#signQuery(request, credentials, expiresIn);
    if (expiresAt(credentials) < signed.expiration.getTime()) throw tooOld(credentials, request);
    return { method: request.method, ...signed };
  }

  #credentials(signal: AbortSignal | undefined, rejected?: Credentials): Credentials | Promise<Credentials> {
    const { credentials } = this.#options;
    return typeof credentials === 'function' ? this.#load(credentials, signal, rejected) : credentials;
  }

  async #load(
    provider: Exclude<CredentialsProvider, Credentials>,
    signal: AbortSignal | undefined,
    rejected: Credentials | undefined,
  ): Promise<Credentials> {
    const { clock, timeout } = this.#context;
    const limits = { clock, timeout, signal };
    const usable = usableCredentials(await loadWithin(limits, (until) => provider({ rejected, signal: until })));
    if (isExposed(usable, this.#options.allowInPage))
      throw new CredentialsError(EXPOSED, { code: 'PermanentKeyInPage' });
    return usable;
  }

  /** OSS's time, ms since the epoch. */
  #now(): number {
    return this.#context.clock.now() + this.#clockOffset;
  }

  #sign(request: OssRequest, credentials: Credentials): AuthorisedRequest {
    if (this.#options.signing === 'query') return this.#signQuery(request, credentials, QUERY_LIFE);
    const { endpoint } = this.#context;
    const headers = signV4(this.#signable(request), credentials, {
      region: endpoint.region,
      date: new Date(this.#now()),
    });
    const search = canonicalQuery(request.query);
    return { url: endpoint.url(request.key) + (search && `?${search}`), headers };
  }

  /**
   * Signs in the query. Some headers are moved into the query, because as headers they would make a browser send a
   * preflight.
   */
  #signQuery(
    request: OssRequest,
    credentials: Credentials,
    life: number,
  ): AuthorisedRequest & { readonly expiration: Date } {
    const { endpoint } = this.#context;
    const headers: Record<string, string> = {};
    const query: Record<string, string> = { ...request.query };
    for (const [name, value] of Object.entries(request.headers))
      (IN_QUERY_TOO.test(name) ? query : headers)[name] = value;
    // V4 knows whole seconds only.
    const now = Math.floor(this.#now() / 1000) * 1000;
    const left = Math.floor((expiresAt(credentials) - now) / 1000);
    // The URL expires with the token. If the token seems to be expired already, the local clock may be wrong. So OSS
    // decides.
    const expiresIn = left > 0 ? Math.min(life, left) : life;
    const scope = { region: endpoint.region, date: new Date(now), expiresIn };
    const signable = this.#signable({ ...request, headers, query });
    const url = `${endpoint.url(request.key)}?${presignV4(signable, credentials, scope)}`;
    return { url, headers, expiration: new Date(now + expiresIn * 1000) };
  }

  #signable({ method, key, query, headers, additionalHeaders, size }: OssRequest): SignableRequest {
    const signsLength = additionalHeaders?.includes('content-length');
    const all = signsLength ? { ...headers, 'content-length': String(size) } : headers;
    return { method, bucket: this.#context.endpoint.bucket, key, query, headers: all, additionalHeaders };
  }
}

function checkSigner({ credentials, signing = 'header', allowInPage }: SignerOptions): void {
  checkType(credentials, 'credentials are missing; for presigned URLs use PresignedClient');
  checkType(signing === 'header' || signing === 'query', "signing must be 'header' or 'query'");
  if (typeof credentials === 'function') return;
  const problem = credentialsProblem(credentials);
  checkType(!problem, String(problem));
  checkType(!isExposed(credentials, allowInPage), EXPOSED);
}

function isExposed(credentials: Credentials, isAllowed = false): boolean {
  return !isAllowed && !credentials.securityToken && 'document' in globalThis;
}

function tooOld({ expiration }: Credentials, { attempted }: OssRequest): CredentialsError {
  const end = new Date(expiration ?? 0).toISOString();
  return new CredentialsError(`Cannot presign (${attempted}): the credentials ended at ${end}`, {
    code: 'CredentialsExpired',
  });
}
