/**
 * One request to OSS, carried through: it is authorised, timed, sent, judged, and repeated where that is certain to be safe. An
 * append whose outcome is unknown is never repeated here, because only the engine can find out what happened.
 */

import { readStart } from '../bytes.ts';
import { checkFunction, checkObject, checkRange, checkType } from '../check.ts';
import { CredentialsError, OssError, ServiceError, TransportError, withoutSecrets } from '../errors.ts';
import { redact } from '../redact.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import { type Clock, platformClock } from '../waiting/clock.ts';
import { Deadline, emptyStream } from '../waiting/deadline.ts';
import { backOff, type Failure, isAmbiguous, isOffline, isThrottled } from '../waiting/retry.ts';
import { sleep } from '../waiting/sleep.ts';
import { type Authorised, checkAuthority, EXPOSED, isExposed, noOthers, QUERY_LIFE, tooOld } from './authority.ts';
import { type Credentials, expiresAt, loadFailed, usableCredentials } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { EVERY_REQUEST } from './headers.ts';
import type { Answer, FetchInit, Operation, PresignedRequest, TransportOptions } from './operation.ts';
import { toServiceError } from './refusal.ts';
import { canonicalQuery, checkLife, presignV4, type SignableRequest, signV4 } from './signature.ts';

/** The header that shows an answer to be OSS's. */
const MARK = 'x-oss-request-id';

/** For one attempt without a body, and for loading credentials, ms. */
const TIMEOUT = 30_000;

const OFFLINE_WAIT = 30_000;

export class Transport {
  readonly #endpoint: Endpoint;
  readonly #options: TransportOptions;
  readonly #clock: Clock;
  /** OSS's clock less ours, ms. */
  #clockOffset = 0;
  /** Whether every answer must bear OSS's mark, because one has borne it, or the caller says so. Undefined while that is unknown. */
  #marks: boolean | undefined;
  /** Whether the browser believed itself offline when the last answer came, and was wrong. Undefined before any answer. */
  #answered: boolean | undefined;

  constructor(endpoint: Endpoint, options: TransportOptions) {
    checkOptions(options);
    this.#endpoint = endpoint;
    this.#options = { ...options, retry: { ...options.retry } };
    this.#clock = options.clock ?? platformClock();
    this.#marks = options.headersExposed;
  }

  /** Sends an operation until it succeeds, is refused for good, or its outcome is unknown and it may not be repeated. */
  async send(given: Operation): Promise<Answer> {
    const operation = this.#complete(given);
    const { signal } = operation;
    const handled = new Set<Mend>();
    for (let failures = 0, rejected: Credentials | undefined, last: unknown; ; ) {
      if (isOffline(this.#answered)) await sleep(this.#clock, OFFLINE_WAIT, signal, true);
      let authority: Credentials | undefined;
      try {
        authority = await this.#authority(operation, rejected);
        return await this.#attempt(operation, authority);
      } catch (error) {
        if (last && error instanceof CredentialsError) throw noOthers(error, last);
        last = error;
        const mend = this.#mend(error, handled);
        rejected = mend === 'credentials' ? authority : undefined;
        if (mend) handled.add(mend);
        else if (!isRepeatable(error, operation) || !(await this.waitToRetry(++failures, { error, signal })))
          throw error;
      }
    }
  }

  /** Signs an operation for someone else to send. */
  async presign(given: Operation, expiresIn = 900): Promise<PresignedRequest> {
    checkLife(expiresIn);
    const operation = this.#complete(given);
    const credentials = await this.#authority(operation);
    if (!credentials) throw new TypeError('A client with a presign function cannot presign');
    checkLife(expiresIn, credentials);
    const signed = this.#signQuery(operation, credentials, expiresIn);
    if (expiresAt(credentials) < signed.expiration.getTime()) throw tooOld(credentials, operation);
    return { method: operation.method, ...signed };
  }

  #complete(operation: Operation): Operation {
    if (!this.#options.requestPayer) return operation;
    return { ...operation, headers: { ...operation.headers, 'x-oss-request-payer': 'requester' } };
  }

  /** {@link backOff} with this client's settings. */
  waitToRetry(failures: number, failure: Failure = {}): Promise<boolean> {
    // Where no answer has ever come, a wrong name is as likely as a dead network, and a page cannot tell these apart.
    const retry = { maxAttempts: this.#answered === undefined ? 5 : 8, ...this.#options.retry };
    return backOff(this.#clock, retry, failures, failure, isOffline(this.#answered));
  }

  now(): number {
    return this.#clock.now();
  }

  wait(delay: number, signal?: AbortSignal): Promise<void> {
    return sleep(this.#clock, delay, signal);
  }

  /** OSS's time. */
  #now(): number {
    return this.#clock.now() + this.#clockOffset;
  }

  /** The credentials to sign with; none where a presign function signs. */
  async #authority({ signal }: Operation, rejected?: Credentials): Promise<Credentials | undefined> {
    throwIfAborted(signal);
    const { credentials, allowInPage, timeout = TIMEOUT } = this.#options;
    if (typeof credentials !== 'function') return credentials;
    const deadline = new Deadline(this.#clock, timeout, signal);
    try {
      const load = async () => credentials({ rejected, signal: deadline.signal });
      const given = usableCredentials(await deadline.race(load()));
      if (isExposed(given, allowInPage)) throw new CredentialsError(EXPOSED, { code: 'PermanentKeyInPage' });
      return given;
    } catch (error) {
      throwIfAborted(signal);
      throw error instanceof CredentialsError ? error : loadFailed(error);
    } finally {
      deadline.end();
    }
  }

  async #attempt(operation: Operation, authority: Credentials | undefined): Promise<Answer> {
    const { signal, size = 0 } = operation;
    const { timeout = TIMEOUT + Math.ceil(size / 32_768) * 1000 } = this.#options;
    const secrets = authority ? [authority.accessKeySecret, authority.securityToken ?? ''] : [];
    const signed = authority && this.#sign(operation, authority);
    const deadline = new Deadline(this.#clock, timeout, signal);
    try {
      const request = signed ?? (await deadline.race(this.#askPresigned(operation, deadline.signal)));
      return await deadline.race(this.#exchange(operation, request, deadline, secrets));
    } catch (error) {
      const cause = deadline.signal.aborted ? deadline.signal.reason : error;
      deadline.end(error);
      if (signal?.aborted) throw signal.reason;
      // What else was thrown is a mistake in code, ours or the caller's, and no failure of the network.
      throw cause instanceof OssError ? networkError(cause, operation, secrets) : cause;
    }
  }

  async #exchange(
    operation: Operation,
    request: Authorised,
    deadline: Deadline,
    secrets: readonly string[],
  ): Promise<Answer> {
    const { method, body, onprogress, attempted } = operation;
    const { fetch = globalThis.fetch } = this.#options;
    checkFunction('fetch', fetch ?? null);
    // A redirect that is followed carries the body and the token to another place.
    const init: FetchInit = { method, headers: request.headers, signal: deadline.signal, redirect: 'manual' };
    if (body) init.body = body;
    // A stale position is worse than none. Workers know `cache` by compatibility date only, and throw before it.
    else if ('cache' in (globalThis.Request?.prototype ?? {})) init.cache = 'no-store';
    if (onprogress) init.onprogress = onprogress;
    // What `fetch` throws, or the reading of its answer, is a failure of the network. A TypeError from elsewhere is a mistake in code.
    const fail = (cause: unknown): never => {
      throw networkError(cause, operation, secrets, request.url);
    };
    const response = await (async () => fetch(request.url, init))().catch(fail);
    this.#answered = isOffline();
    if (this.#isForeign(operation, response)) throw notOss(operation, response);
    if (!response.ok) throw await toServiceError(response, attempted, secrets).catch(fail);
    if (method === 'GET') return pick(response, deadline.guard(response.body, fail));
    const rest = response.body ? await readStart(response.body, 1).catch(fail) : '';
    // OSS answers an append with 200 and an empty body.
    if (method === 'POST' && (response.status !== 200 || (rest && !response.headers.has(MARK))))
      throw notOss(operation, response);
    deadline.end();
    return pick(response);
  }

  /**
   * Whether an answer is not OSS's. Captive portals and proxies answer with redirects and with pages of their own. OSS marks each
   * of its answers, but CORS may hide the mark. It is wanted where it has been seen before, where nothing is hidden (the type
   * `basic`, as in Node and Deno), and of HTML. Where it is not, OSS's date of the object is visible all the same.
   */
  #isForeign({ method }: Operation, { headers, ok, redirected, status, type }: Response): boolean {
    const marked = headers.has(MARK);
    if (marked) this.#marks ??= true;
    const wanted = this.#marks ?? (type === 'basic' || /html/.test(headers.get('content-type') ?? ''));
    if (redirected || (!ok && status < 400)) return true;
    return !marked && (wanted ? ok || status === 404 : ok && method !== 'POST' && !headers.has('last-modified'));
  }

  /** Adds the signature, in a header or in the query. At once: a promise more would cost a small append as much as the signature. */
  #sign(operation: Operation, credentials: Credentials): Authorised {
    const { key, query } = operation;
    if (this.#options.signing === 'query') return this.#signQuery(operation, credentials, QUERY_LIFE);
    const { region } = this.#endpoint;
    const signed = signV4(this.#signable(operation), credentials, { region, date: new Date(this.#now()) });
    const search = canonicalQuery(query);
    return { url: this.#endpoint.url(key) + (search && `?${search}`), headers: signed };
  }

  /** What OSS takes in the query as well as in a header goes there, because a header makes browsers ask first (a preflight). */
  #signQuery(operation: Operation, credentials: Credentials, life: number): Authorised & { readonly expiration: Date } {
    const headers: Record<string, string> = {};
    const query: Record<string, string> = { ...operation.query };
    for (const [name, value] of Object.entries(operation.headers))
      (EVERY_REQUEST.test(name) ? query : headers)[name] = value;
    // V4 knows whole seconds only.
    const now = Math.floor(this.#now() / 1000) * 1000;
    const left = Math.floor((expiresAt(credentials) - now) / 1000);
    // Never past the token's own end; with a clock that may be wrong about that end, the asked life.
    const expiresIn = left > 0 ? Math.min(life, left) : life;
    const scope = { region: this.#endpoint.region, date: new Date(now), expiresIn };
    const signable = this.#signable({ ...operation, headers, query });
    const url = `${this.#endpoint.url(operation.key)}?${presignV4(signable, credentials, scope)}`;
    return { url, headers, expiration: new Date(now + expiresIn * 1000) };
  }

  #signable({ method, key, query, headers, additionalHeaders, size }: Operation): SignableRequest {
    const signsLength = additionalHeaders?.includes('content-length');
    const all = signsLength ? { ...headers, 'content-length': String(size) } : headers;
    return { method, bucket: this.#endpoint.bucket, key, query, headers: all, additionalHeaders };
  }

  /** A URL that someone else signed. */
  async #askPresigned(
    { operation, key, position, size, range, decode, headers }: Operation,
    signal: AbortSignal,
  ): Promise<Authorised> {
    let cause: unknown;
    try {
      const given = await this.#options.presign?.({ operation, key, position, size, range, decode, headers, signal });
      const url = typeof given === 'string' ? given : String(given?.url);
      const sent = { ...headers };
      // What the URL carries in its query already, OSS refuses in a header.
      for (const name of Object.keys(headers)) if (url.includes(`${name}=`)) delete sent[name];
      if (/^https?:\/\/[^/?#@]+([/?#]|$)/i.test(url)) return { url, headers: sent };
    } catch (error) {
      cause = error;
    }
    const failed = `The presign function gave no http(s) URL for ${operation} of "${key}"`;
    throw new CredentialsError(failed, { code: 'PresignFailed', cause });
  }

  /** A refusal that can be mended at once, each kind once an operation: other credentials, or the right time. */
  #mend(error: unknown, handled: ReadonlySet<Mend>): Mend | undefined {
    if (!(error instanceof ServiceError)) return undefined;
    const { serverTime, code } = error;
    // OSS tells its time only where ours was wrong; another call may have corrected the clock since this one signed.
    if (serverTime !== undefined && !handled.has('clock')) {
      this.#clockOffset = serverTime - this.#clock.now();
      return 'clock';
    }
    const replaceable = typeof this.#options.credentials !== 'object';
    // Http403: a HEAD whose x-oss-err CORS hides. It may be a token that has ended.
    const refused = /^(SecurityTokenExpired|InvalidAccessKeyId|InvalidSecurityToken|Http403)$/.test(code);
    return replaceable && refused && !handled.has('credentials') ? 'credentials' : undefined;
  }
}

type Mend = 'clock' | 'credentials';

function isRepeatable(error: unknown, { method }: Operation): boolean {
  if (error instanceof ServiceError && isThrottled(error)) return true;
  return method !== 'POST' && isAmbiguous(error);
}

/** A stream that nobody reads is not made: it would cost a small append a tenth of its time. */
function pick({ status, headers }: Response, body?: ReadableStream<Uint8Array>): Answer {
  return {
    status,
    headers,
    get body() {
      return body ?? emptyStream();
    },
  };
}

/** What kept an answer away. A time-out does not know what it interrupted: that is said here. */
function networkError(cause: unknown, { attempted }: Operation, secrets: readonly string[], url = ''): OssError {
  if (cause instanceof TransportError && cause.code === 'TimeoutError')
    return new TransportError(`Cannot ${attempted}: ${cause.message}`, { code: cause.code });
  if (cause instanceof OssError) return cause;
  const why = redact(cause instanceof Error ? cause.message : String(cause), secrets);
  const hint = 'Check the network, region, bucket, endpoint, cname and, in a page, the CORS rule';
  return new TransportError(`Cannot ${attempted}: no answer from ${url.split(/[/?#]/)[2]} (${why}). ${hint}`, {
    code: 'NetworkError',
    cause: withoutSecrets(cause, secrets),
  });
}

function notOss({ attempted }: Operation, { status }: Response): TransportError {
  const what = `HTTP ${status} is a redirect or a page, not OSS’s answer; check proxies and the endpoint`;
  return new TransportError(`Cannot ${attempted}: ${what}`, { code: 'UnexpectedResponse' });
}

function checkOptions(options: TransportOptions): void {
  const { signing = 'header', fetch, timeout = 1, retry = {}, clock } = options;
  checkAuthority(options);
  checkType(signing === 'header' || signing === 'query', "signing must be 'header' or 'query'");
  checkFunction('fetch', fetch);
  checkNumber('timeout', timeout, timeout > 0, 'above 0 ms');
  checkObject('retry', retry);
  const { maxAttempts = 1, baseDelay = 0, maxDelay = 0 } = retry;
  checkNumber('retry.maxAttempts', maxAttempts, maxAttempts >= 1 && maxAttempts % 1 === 0, 'a whole number from 1');
  checkNumber('retry.baseDelay', baseDelay, baseDelay >= 0, '0 ms or more');
  checkNumber('retry.maxDelay', maxDelay, maxDelay >= 0, '0 ms or more');
  for (const name of ['now', 'setTimeout', 'clearTimeout', 'random'] as const)
    if (clock !== undefined) checkFunction(`clock.${name}`, clock?.[name] ?? null);
}

function checkNumber(name: string, value: number, inRange: boolean, wanted: string): void {
  checkType(typeof value === 'number', `${name} must be a number`);
  checkRange(inRange, name, wanted, value);
}
