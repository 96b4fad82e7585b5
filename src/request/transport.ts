/**
 * Sends requests to OSS: it authorises, sends and times each attempt, and repeats a request if that is certainly safe.
 * It never repeats an append whose outcome is unknown, because only the engine can find out what happened.
 */

import { isBlob, isSendable, readStart } from '../bytes.ts';
import {
  checkFlags,
  checkFunction,
  checkLeast,
  checkObject,
  checkRange,
  checkType,
  checkWholeNumber,
} from '../check.ts';
import { CredentialsError, OssError, ServiceError, TransportError, withoutSecrets } from '../errors.ts';
import { kindOf } from '../failure-kind.ts';
import { redact } from '../redact.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import { type Clock, platformClock } from '../waiting/clock.ts';
import { type Deadline, emptyStream, withDeadline } from '../waiting/deadline.ts';
import { type RetryOptions, RetryPolicy } from '../waiting/retry.ts';
import type { AuthorisedRequest, Authority } from './authority.ts';
import type { Credentials } from './credentials.ts';
import { Origin } from './origin.ts';
import { toServiceError } from './refusal.ts';
import type { Answer, Fetch, FetchInit, OssRequest } from './request.ts';

/** How requests are sent. */
export interface TransportOptions {
  /** Used in place of the global `fetch`. */
  readonly fetch?: Fetch | undefined;
  /**
   * Time-out of one attempt, and of loading credentials, ms. Default 30,000, and 1,000 more for each 32 KiB of body.
   * `Infinity` means no time-out.
   */
  readonly timeout?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  /** Default: the platform's clock. */
  readonly clock?: Clock | undefined;
  /**
   * Whether the client can see the `x-oss-request-id` of an answer, which proves that the answer comes from OSS. With
   * `true`, every answer must have it. With `false`, no answer needs it: use this in a page if the bucket's CORS rule
   * exposes no headers. Such a page can read objects of the type `text/html` only with `false`. Default: as soon as one
   * answer has it, every answer must have it.
   */
  readonly headersExposed?: boolean | undefined;
  /**
   * Agree to pay for the requests, which a bucket of another account may demand (requester pays). It is sent with every
   * request.
   */
  readonly requestPayer?: boolean | undefined;
}

/** Time-out of one attempt without a body, and of loading credentials, ms. */
export const TIMEOUT = 30_000;

type Mend = 'clock' | 'credentials';

export class Transport {
  readonly retry: RetryPolicy;
  readonly #authority: Authority;
  readonly #options: TransportOptions;
  readonly #origin: Origin;

  constructor(authority: Authority, options: TransportOptions) {
    this.#authority = authority;
    this.#options = { ...options };
    this.#origin = new Origin(options.headersExposed);
    this.retry = new RetryPolicy(clockOf(options), options.retry);
  }

  /**
   * Sends a request until it succeeds or OSS refuses it finally. It also stops if the outcome is unknown and the
   * request must not be repeated.
   */
  async send(given: OssRequest): Promise<Answer> {
    const request = this.complete(given);
    const { signal, isRepeatable } = request;
    const mended = new Set<Mend>();
    for (let failures = 0, rejected: Credentials | undefined, refusal: unknown; ; ) {
      await this.retry.online(signal);
      throwIfAborted(signal);
      let authorised: AuthorisedRequest | undefined;
      try {
        authorised = await this.#authority.authorise(request, rejected);
        return await this.#attempt(request, authorised);
      } catch (error) {
        if (refusal && error instanceof CredentialsError) throw afterRefusal(error, refusal);
        refusal = error;
        const mend = this.#mend(error, mended);
        rejected = mend === 'credentials' ? authorised?.credentials : undefined;
        const kind = kindOf(error);
        const mayPass = kind === 'throttled' || (kind === 'ambiguous' && isRepeatable);
        if (mend) mended.add(mend);
        else if (!mayPass || !(await this.retry.again(++failures, { error, signal }))) throw error;
      }
    }
  }

  /** Adds what goes with every request of this client. */
  complete(request: OssRequest): OssRequest {
    if (!this.#options.requestPayer) return request;
    return { ...request, headers: { ...request.headers, 'x-oss-request-payer': 'requester' } };
  }

  #attempt(request: OssRequest, authorised: AuthorisedRequest): Promise<Answer> {
    const { signal, attempted, size = 0 } = request;
    const { timeout = TIMEOUT + Math.ceil(size / 32_768) * 1000 } = this.#options;
    const expired = (limit: number) =>
      new TransportError(`Cannot ${attempted}: no answer within ${limit} ms`, { code: 'TimeoutError' });
    return withDeadline({ clock: this.retry.clock, timeout, signal, expired }, (deadline) =>
      this.#exchange(request, authorised, deadline),
    );
  }

  async #exchange(request: OssRequest, authorised: AuthorisedRequest, deadline: Deadline): Promise<Answer> {
    const { attempted, expects } = request;
    const { fetch = globalThis.fetch } = this.#options;
    checkFunction('fetch', fetch ?? null);
    const secrets = secretsOf(authorised);
    // An error of `fetch`, or of reading its answer, is a failure of the network. A TypeError from elsewhere is a
    // mistake in the code.
    const fail = (cause: unknown): never => {
      throw cause instanceof OssError ? cause : noAnswer(cause, request, authorised);
    };
    const init = initOf({ ...request, body: await sendable(request.body) }, authorised, deadline.signal);
    const response = await (async () => fetch(authorised.url, init))().catch(fail);
    this.retry.answered();
    const hasBody = response.ok && expects !== 'content' ? response.body : null;
    const rest = await readStart(hasBody, 1).catch(fail);
    if (this.#origin.isForeign(response, expects, rest)) throw notOss(request, response);
    if (!response.ok) throw await toServiceError(response, attempted, secrets).catch(fail);
    return pick(response, expects === 'content' ? deadline.guard(response.body, fail) : undefined);
  }

  /**
   * Corrects the clock if a refusal shows that it is wrong. Returns what makes it possible to repeat the request at once:
   * the right time, or other credentials. Each is tried once for a request.
   */
  #mend(error: unknown, mended: ReadonlySet<Mend>): Mend | undefined {
    if (!(error instanceof ServiceError)) return undefined;
    const { serverTime, code } = error;
    // OSS sends its time only if the time of the request was wrong. Another call may have corrected the clock in the
    // meantime.
    if (serverTime !== undefined && !mended.has('clock')) {
      this.#authority.correctClock(serverTime - this.retry.clock.now());
      return 'clock';
    }
    // Http403 is the answer to a HEAD whose `x-oss-err` CORS hides. The token may have expired.
    const isRefused = /^(SecurityTokenExpired|InvalidAccessKeyId|InvalidSecurityToken|Http403)$/.test(code);
    return this.#authority.isRenewable && isRefused && !mended.has('credentials') ? 'credentials' : undefined;
  }
}

/** Reads the Blob of another library, because `fetch` would send its name in place of its bytes. */
async function sendable(body: OssRequest['body']): Promise<OssRequest['body']> {
  if (!isBlob(body) || isSendable(body)) return body;
  const bytes = new Uint8Array(await body.arrayBuffer());
  checkType(bytes.byteLength === body.size, `body gave ${bytes.byteLength} of ${body.size} bytes`);
  return bytes;
}

/** Returns the second argument of `fetch`. */
export function initOf(
  { method, body, onprogress, expects }: Partial<OssRequest> & Pick<OssRequest, 'method'>,
  { headers }: Pick<AuthorisedRequest, 'headers'>,
  signal: AbortSignal,
): FetchInit {
  // If `fetch` followed a redirect, it would send the body and the token to another place.
  const init: FetchInit = { method, headers, signal, redirect: 'manual' };
  if (body) init.body = body;
  // A position from a cache is worse than none. Workers support `cache` only from some compatibility date on, and throw
  // before it.
  if (expects !== 'empty' && 'cache' in (globalThis.Request?.prototype ?? {})) init.cache = 'no-store';
  if (onprogress) init.onprogress = onprogress;
  return init;
}

/** Makes an empty stream only if somebody reads it, because a stream would cost a small append a tenth of its time. */
function pick({ status, headers }: Response, body?: ReadableStream<Uint8Array>): Answer {
  return {
    status,
    headers,
    get body() {
      return body ?? emptyStream();
    },
  };
}

function secretsOf({ credentials }: AuthorisedRequest): readonly string[] {
  return credentials ? [credentials.accessKeySecret, credentials.securityToken ?? ''] : [];
}

function noAnswer(thrown: unknown, { attempted }: OssRequest, authorised: AuthorisedRequest): TransportError {
  const secrets = secretsOf(authorised);
  const cause = withoutSecrets(thrown, secrets);
  const why = redact(thrown instanceof Error ? thrown.message : String(thrown), secrets);
  const hint = 'Check the network, region, bucket, endpoint, cname and, in a page, CORS, or run oss-append/doctor';
  const origin = redact(authorised.url.split(/[/?#]/, 3).join('/'));
  const message = `Cannot ${attempted}: no answer from ${origin} (${why}${codeOf(cause)}). ${hint}`;
  return new TransportError(message, { code: 'NetworkError', cause });
}

/** An error as `withoutSecrets` returns it. */
type Caused = { readonly code?: string; readonly cause?: Caused } | undefined;

/** Returns the code of the innermost cause, such as ECONNREFUSED, which the message of `fetch` in Node does not have. */
function codeOf(error: unknown): string {
  let code = '';
  for (let inner = error as Caused; inner; inner = inner.cause) if (inner.code) code = `, ${inner.code}`;
  return code;
}

function notOss({ attempted }: OssRequest, { status }: Response): TransportError {
  const what = `HTTP ${status} is a redirect or a page, not an answer of OSS; check proxies and the endpoint`;
  return new TransportError(`Cannot ${attempted}: ${what}`, { code: 'UnexpectedResponse' });
}

/** Adds to this error that a request was sent before, and why OSS refused it. */
function afterRefusal({ message, code }: CredentialsError, refusal: unknown): CredentialsError {
  return new CredentialsError(message, { code, cause: refusal, sent: true });
}

/** Returns the clock of the options, or the platform's clock. */
export function clockOf({ clock }: Pick<TransportOptions, 'clock'>): Clock {
  return clock ?? platformClock();
}

/** @throws TypeError or RangeError for impossible options. */
export function checkTransport(options: TransportOptions): void {
  checkObject('options', options);
  const { fetch, timeout = 1, retry = {}, clock, headersExposed, requestPayer } = options;
  checkFunction('fetch', fetch);
  checkRange(timeout > 0, 'timeout', 'above 0 ms', timeout);
  checkObject('retry', retry);
  const { maxAttempts = 1, baseDelay = 0, maxDelay = 0 } = retry;
  checkWholeNumber('retry.maxAttempts', maxAttempts, 1);
  checkLeast('retry.baseDelay', baseDelay);
  checkLeast('retry.maxDelay', maxDelay);
  checkFlags({ headersExposed, requestPayer });
  for (const name of ['now', 'setTimeout', 'clearTimeout', 'random'] as const)
    if (clock !== undefined) checkFunction(`clock.${name}`, clock?.[name] ?? null);
}
