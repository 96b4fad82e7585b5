/**
 * One request to OSS, carried through: authorise each attempt, time it out, map errors, correct the clock, and repeat
 * what is certain not to have happened. An append whose outcome is unknown is never repeated here: that is for the engine.
 */
import { throwIfAborted } from './abort.ts';
import { type Clock, platformClock } from './clock.ts';
import {
  type Credentials,
  type CredentialsProvider,
  credentialsProblem,
  expiresAt,
  loadFailed,
  usableCredentials,
} from './credentials.ts';
import type { Endpoint, EndpointOptions } from './endpoint.ts';
import {
  CredentialsError,
  checkFunction,
  checkObject,
  checkRange,
  checkType,
  OssError,
  readStart,
  redact,
  ServiceError,
  TransportError,
  toServiceError,
  withoutSecrets,
} from './errors.ts';
import { EVERY_REQUEST } from './headers.ts';
import { canonicalQuery, checkLife, presignV4, type SignableRequest, signV4 } from './signature.ts';

export { type Clock, platformClock } from './clock.ts';

/** Bytes handed to the network, and all there are. Handed over is not yet stored. */
export interface UploadProgress {
  readonly loaded: number;
  readonly total: number;
}

/** What our requests give to `fetch`. `onprogress` is for transports that can tell (see `xhrFetch`); the platform's ignores it. */
export interface FetchInit extends RequestInit {
  onprogress?: (progress: UploadProgress) => void;
}

/** The part of `fetch` that is used here. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** How failures that may pass are repeated. */
export interface RetryOptions {
  /** Attempts in all, the first included. Default 8; 5 while this client has never had an answer. */
  readonly maxAttempts?: number | undefined;
  /** Before the n-th repeat: a random wait of up to `baseDelay * 2 ** (n - 1)` ms. Default 200. */
  readonly baseDelay?: number | undefined;
  /** No wait of ours is longer than this, ms. Default 20,000. What OSS asks for (`Retry-After`) counts up to 60,000. */
  readonly maxDelay?: number | undefined;
}

/** Bytes of an object, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes of an object from `start` on: to `end`, which is included, or to the object's last byte. */
export interface OpenRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** What a presign function is asked for: one request, so that it can be allowed or refused as such. */
export interface PresignRequest {
  readonly operation: 'appendObject' | 'headObject' | 'getObject';
  readonly key: string;
  /** Where the append goes, bytes. */
  readonly position?: number | undefined;
  /** Length of the body, bytes: to be signed as `content-length`. */
  readonly size?: number | undefined;
  /** To be signed as `range`: `bytes=start-end`, or `bytes=start-` without an end. */
  readonly range?: OpenRange | undefined;
  /** False: a read to be signed with `response-content-encoding=identity` in the query (see `getObject`). */
  readonly decode?: boolean | undefined;
  /** Headers that the request will carry. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Stands in for credentials: asks whoever holds the key (an edge worker) to sign one request. Returns its URL. */
export type Presign = (
  request: PresignRequest,
) => string | { readonly url: string } | Promise<string | { readonly url: string }>;

/** A request, not yet authorised. */
export interface Operation extends PresignRequest {
  readonly method: 'POST' | 'HEAD' | 'GET';
  readonly query: Readonly<Record<string, string>>;
  readonly additionalHeaders?: readonly string[] | undefined;
  readonly body?: Uint8Array<ArrayBuffer> | Blob | undefined;
  /** For messages: what could not be done. */
  readonly attempted: string;
  readonly onprogress?: ((progress: UploadProgress) => void) | undefined;
}

/** An answer of success. Only a GET has a body to read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
}

/** A request that anyone can make who has it, until it expires. Send exactly these headers. */
export interface PresignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** When the URL ends: the asked life, or the token's end if that comes first. */
  readonly expiration: Date;
}

/** What a transport is made of. */
export interface TransportOptions extends Pick<EndpointOptions, 'headersExposed' | 'requestPayer'> {
  readonly credentials?: CredentialsProvider | undefined;
  readonly presign?: Presign | undefined;
  /** Where the signature goes. Default `header`. */
  readonly signing?: 'header' | 'query' | undefined;
  readonly fetch?: Fetch | undefined;
  /** For one attempt, and for loading credentials, ms. Default 30,000, and 1,000 more for each 32 KiB of body. `Infinity` for none. */
  readonly timeout?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  readonly clock?: Clock | undefined;
  /** Allow credentials without `securityToken` in a page. Whoever opens the page can read them. Default false. */
  readonly allowPermanentKeys?: boolean | undefined;
}

/** The header that shows an answer to be OSS's. */
const MARK = 'x-oss-request-id';
/** Life of a query-signed URL that is used at once, s. */
const QUERY_LIFE = 300;
/** For one attempt without a body, and for loading credentials, ms. */
const TIMEOUT = 30_000;
const MAX_SERVER_DELAY = 60_000;
const OFFLINE_WAIT = 30_000;
/** A night offline, at one attempt each half minute. */
const MAX_OFFLINE_ATTEMPTS = 1000;

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
    const { credentials, allowPermanentKeys, timeout = TIMEOUT } = this.#options;
    if (typeof credentials !== 'function') return credentials;
    const deadline = new Deadline(this.#clock, timeout, signal);
    try {
      const load = async () => credentials({ rejected, signal: deadline.signal });
      const given = usableCredentials(await deadline.race(load()));
      if (isExposed(given, allowPermanentKeys)) throw new CredentialsError(EXPOSED, { code: 'PermanentKeyInPage' });
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

/** What ended an attempt, and who may end the wait for the next. */
export interface Failure {
  readonly error?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits before the next attempt, after so many failures: with full jitter, as long as the server asks, and while the
 * browser believes itself offline. False when the attempts are used up.
 */
export async function backOff(
  clock: Clock,
  retry: RetryOptions,
  failures: number,
  failure: Failure,
  offline: boolean = isOffline(),
): Promise<boolean> {
  const { maxAttempts = 8, baseDelay = 200, maxDelay = 20_000 } = retry;
  const { error, signal } = failure;
  // An answer, be it a refusal, shows that the browser is wrong about being offline.
  const patient = offline && !(error instanceof ServiceError) && failures < MAX_OFFLINE_ATTEMPTS;
  if (failures >= maxAttempts && !patient) return false;
  const jitter = clock.random() * Math.min(maxDelay, baseDelay * 2 ** (failures - 1));
  const asked = error instanceof ServiceError ? (error.retryAfter ?? 0) : 0;
  await sleep(clock, Math.max(jitter, Math.min(asked, MAX_SERVER_DELAY)), signal);
  return true;
}

interface Authorised {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Whether this failure leaves open if the request was carried out. */
export function isAmbiguous(error: unknown): boolean {
  if (error instanceof TransportError) return true;
  if (!(error instanceof ServiceError) || isThrottled(error)) return false;
  const { status, code } = error;
  // 501 and 505: the server has no such operation, and will have none later.
  return (status >= 500 && ![501, 505].includes(status)) || status === 408 || code === 'RequestTimeout';
}

/** Throttling is decided before the request is carried out. */
export function isThrottled({ code, status }: ServiceError): boolean {
  return status === 429 || (status === 503 && /LimitExceeded$/.test(code));
}

/** Whether the body was too large for OSS or for something on the way, which answers before it has read it. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof ServiceError && (error.status === 413 || /TooLarge$/.test(error.code));
}

function isRepeatable(error: unknown, { method }: Operation): boolean {
  if (error instanceof ServiceError && isThrottled(error)) return true;
  return method !== 'POST' && isAmbiguous(error);
}

/** The time of one attempt, and the caller's signal for all of them, as one signal that leaves no listener behind. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #caller: AbortSignal | undefined;
  /** Of the race that is on. An event listener for each would cost a small append more than its signature. */
  #reject: (reason: unknown) => void = () => {};
  #timer: unknown;

  constructor(clock: Clock, timeout: number, caller: AbortSignal | undefined) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#caller = caller;
    caller?.addEventListener('abort', this.#abort);
    if (caller?.aborted) this.#abort();
    this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Some transports do not heed a signal at once; we do. One race at a time: what it gave is not held after it. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.signal.aborted) reject(this.signal.reason);
      work.then(resolve, reject);
    });
  }

  /** Stops the clock; with a reason, the work too. */
  end(reason?: unknown): void {
    this.#stop();
    this.#caller?.removeEventListener('abort', this.#abort);
    if (reason !== undefined) this.#finish(reason);
  }

  /** A body under this deadline: each chunk gets the whole time anew, and nothing counts while nobody reads. */
  guard(body: ReadableStream<Uint8Array> | null, fail: (error: unknown) => never): ReadableStream<Uint8Array> {
    const reader = (body ?? emptyStream()).getReader();
    this.#stop();
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      this.#start();
      try {
        const { done, value } = await this.race(reader.read());
        this.#stop();
        if (!done) return controller.enqueue(value);
        this.end();
        controller.close();
      } catch (error) {
        this.end(error);
        reader.cancel(error).catch(() => {});
        throw this.#caller?.aborted ? this.#caller.reason : fail(error);
      }
    };
    const cancel = (reason: unknown) => {
      this.end();
      return reader.cancel(reason);
    };
    return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
  }

  readonly #abort = (): void => this.#finish(this.#caller?.reason);

  #finish(reason: unknown): void {
    if (this.signal.aborted) return;
    this.#reject(reason);
    this.#controller.abort(reason);
  }

  #start(): void {
    if (this.#timeout === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.setTimeout(() => this.#finish(timeoutError(this.#timeout)), this.#timeout);
  }

  #stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }
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

function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

function timeoutError(timeout: number): TransportError {
  return new TransportError(`no answer within ${timeout} ms`, { code: 'TimeoutError' });
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

/** `navigator.onLine` is only a hint, so it delays an attempt and never replaces it. `wrong`: an answer has refuted it. */
function isOffline(wrong = false): boolean {
  return !wrong && globalThis.navigator?.onLine === false;
}

/** Also ends, where asked, when the browser believes itself online again. */
function sleep(clock: Clock, delay: number, signal?: AbortSignal, online = false): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (online) globalThis.removeEventListener?.('online', wake);
      act();
    };
    const abort = settle(() => reject(signal?.reason));
    const wake = settle(resolve);
    const timer = clock.setTimeout(wake, delay);
    if (online) globalThis.addEventListener?.('online', wake);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
  });
}

const EXPOSED =
  'credentials have no securityToken: anyone can read a permanent key in a page. Use STS, or allowPermanentKeys: true';

function isExposed(credentials: Credentials, allowed = false): boolean {
  return !allowed && !credentials.securityToken && 'document' in globalThis;
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

function checkAuthority({ credentials, presign, allowPermanentKeys }: TransportOptions): void {
  checkType(!credentials !== !presign, 'give either credentials or presign');
  checkFunction('presign', presign);
  if (!credentials || typeof credentials === 'function') return;
  const problem = credentialsProblem(credentials);
  if (problem) throw new TypeError(problem);
  checkType(!isExposed(credentials, allowPermanentKeys), EXPOSED);
}

function checkNumber(name: string, value: number, inRange: boolean, wanted: string): void {
  checkType(typeof value === 'number', `${name} must be a number`);
  checkRange(inRange, name, wanted, value);
}

/** Whoever holds this error must know that something was sent before, and why that was not enough. */
function noOthers({ message, code }: CredentialsError, cause: unknown): CredentialsError {
  return Object.assign(new CredentialsError(message, { code, cause }), { sent: true });
}

function tooOld({ expiration }: Credentials, { attempted }: Operation): CredentialsError {
  const end = new Date(expiration ?? 0).toISOString();
  return new CredentialsError(`Cannot presign (${attempted}): the credentials ended at ${end}`, {
    code: 'CredentialsExpired',
  });
}
