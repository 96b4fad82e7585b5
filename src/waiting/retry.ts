/** What kind of failure an error is, and whether and when a failed request is repeated. */

import { checkCallOptions, checkWholeNumber } from '../check.ts';
import { ServiceError, TransportError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { sleep } from './sleep.ts';

/**
 * What a failure says about the request.
 *
 * - `ambiguous`: nobody knows whether the request was carried out: there was no usable answer, or a 5xx.
 * - `throttled`: the request was not carried out, and may be repeated later.
 * - `position`: the object does not end at the position of the append.
 * - `protected`: a 409 for another reason, such as a bucket's overwrite rule. The rule may protect what our own lost request stored.
 * - `tooLarge`: the body is too long for OSS, or for a proxy on the way.
 * - `refused`: the request was not carried out, and a repeat would be refused as well.
 */
export type FailureKind = 'ambiguous' | 'throttled' | 'position' | 'protected' | 'tooLarge' | 'refused';

/**
 * Tells what kind of failure an error is. The engine, the transport and STS all ask here.
 *
 * @param throttled codes that mean throttling at any status, for a service that has codes of its own
 */
export function kindOf(error: unknown, throttled?: RegExp): FailureKind {
  if (error instanceof TransportError) return 'ambiguous';
  if (!(error instanceof ServiceError)) return 'refused';
  const { status, code } = error;
  if (status === 429 || (status === 503 && /LimitExceeded$/.test(code)) || throttled?.test(code)) return 'throttled';
  // A server that answers 501 or 505 has no such operation, and will have none later.
  if ((status >= 500 && status !== 501 && status !== 505) || status === 408 || code === 'RequestTimeout')
    return 'ambiguous';
  if (status === 413 || /TooLarge$/.test(code)) return 'tooLarge';
  if (status !== 409 || NEVER_APPENDABLE.test(code)) return 'refused';
  // CORS can hide the code of a 409.
  return /^(PositionNotEqualToLength|Http409)$/.test(code) ? 'position' : 'protected';
}

/** The object takes no appends at all, so these codes say that nothing was stored. */
const NEVER_APPENDABLE = /^(ObjectNotAppendable|FileImmutable|AppendSealedObjectNotAllowed)$/;

/** How often a failed request is repeated, and how long the waits are. */
export interface RetryOptions {
  /** Number of attempts, the first one included. Default 8, and 5 while this client has never had an answer. */
  readonly maxAttempts?: number | undefined;
  /** Before the n-th repeat, the wait is a random time of up to `baseDelay * 2 ** (n - 1)` ms. Default 200. */
  readonly baseDelay?: number | undefined;
  /** Longest random wait, ms. Default 20,000. A wait that OSS asks for (`Retry-After`) may be up to 60,000 ms long. */
  readonly maxDelay?: number | undefined;
}

/** What ended an attempt, and the signal that ends the wait before the next one. */
export interface Failure {
  readonly error?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Decides about the next attempt of a request, and gives the time. */
export interface Retry {
  readonly clock: Clock;
  /**
   * Waits before the next attempt: with jitter, and as long as OSS asked for in `error`. Resolves to false, at once, when
   * `failures` has used up the attempts.
   *
   * @throws TypeError or RangeError for `failures` that is no whole number from 1; the signal's reason.
   */
  again(failures: number, failure?: Failure): Promise<boolean>;
}

const MAX_SERVER_DELAY = 60_000;
/** A night offline takes so many attempts, at two a minute. */
const MAX_OFFLINE_ATTEMPTS = 1000;
const OFFLINE_WAIT = 30_000;

/** The retries of one client. What one request learns about the network counts for the next one. */
export class RetryPolicy implements Retry {
  readonly clock: Clock;
  readonly #options: RetryOptions;
  /** True when the browser believed itself offline although an answer came. Undefined before the first answer. */
  #isOfflineWrong: boolean | undefined;

  constructor(clock: Clock, options: RetryOptions = {}) {
    this.clock = clock;
    this.#options = { ...options };
  }

  async again(failures: number, failure: Failure = {}): Promise<boolean> {
    checkWholeNumber('failures', failures, 1);
    checkCallOptions(failure);
    const { error, signal } = failure;
    // Where no answer has ever come, a wrong name is as likely as a dead network. A page cannot tell the two apart.
    const fallback = this.#isOfflineWrong === undefined ? 5 : 8;
    const { maxAttempts = fallback, baseDelay = 200, maxDelay = 20_000 } = this.#options;
    // An answer, even a refusal, shows that the browser is not offline.
    const isPatient = this.#isOffline && !(error instanceof ServiceError) && failures < MAX_OFFLINE_ATTEMPTS;
    if (failures >= maxAttempts && !isPatient) return false;
    const jitter = this.clock.random() * Math.min(maxDelay, baseDelay * 2 ** (failures - 1));
    const asked = error instanceof ServiceError ? (error.retryAfter ?? 0) : 0;
    await sleep(this.clock, Math.max(jitter, Math.min(asked, MAX_SERVER_DELAY)), signal);
    return true;
  }

  /** Waits for the network where the browser believes itself offline, but for 30 s at most: it may be wrong. */
  async online(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isOffline) await sleep(this.clock, OFFLINE_WAIT, signal, true);
  }

  /** Notes that an answer came. */
  answered(): void {
    this.#isOfflineWrong = saysOffline();
  }

  get #isOffline(): boolean {
    return !this.#isOfflineWrong && saysOffline();
  }
}

/** `navigator.onLine` is only a hint. It delays an attempt, and never replaces it. */
function saysOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}
