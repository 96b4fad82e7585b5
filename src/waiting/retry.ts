/** Decides whether and when a failed request is repeated. */

import { checkCallOptions, checkWholeNumber } from '../check.ts';
import { ServiceError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { sleep } from './sleep.ts';

/** How often a failed request is repeated, and how long the waits are. */
export interface RetryOptions {
  /**
   * The number of attempts, including the first one. Default 8, or 5 until this client has received its first answer.
   */
  readonly maxAttempts?: number | undefined;
  /** The wait before repeat n is a random time of at most `baseDelay * 2 ** (n - 1)` ms. Default 200. */
  readonly baseDelay?: number | undefined;
  /**
   * The longest random wait, in ms. Default 20,000. A wait that OSS asks for (`Retry-After`) may be up to 60,000 ms.
   */
  readonly maxDelay?: number | undefined;
}

/** The error that ended an attempt, and the signal that can end the wait before the next one. */
export interface Failure {
  readonly error?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Decides whether there is another attempt of a request, and waits before it. */
export interface Retry {
  readonly clock: Clock;
  /**
   * Waits before the next attempt. The wait is random, and at least as long as OSS asks for in `error`. `failures` is
   * the number of failed attempts. Resolves to false at once if no attempt is left.
   *
   * @throws TypeError or RangeError if `failures` is not a whole number from 1; after an abort, the signal's reason.
   */
  again(failures: number, failure?: Failure): Promise<boolean>;
}

const MAX_SERVER_DELAY = 60_000;
/** Enough attempts for a night offline, at one attempt in 30 s. */
const MAX_OFFLINE_ATTEMPTS = 1000;
const OFFLINE_WAIT = 30_000;

/** The retry state of one client. An answer to one request also changes the retries of other requests. */
export class RetryPolicy implements Retry {
  readonly clock: Clock;
  readonly #options: RetryOptions;
  /**
   * True if the browser reported that it was offline although an answer came. It is undefined before the first answer.
   */
  #isOfflineWrong: boolean | undefined;

  constructor(clock: Clock, options: RetryOptions = {}) {
    this.clock = clock;
    this.#options = { ...options };
  }

  async again(failures: number, failure: Failure = {}): Promise<boolean> {
    checkWholeNumber('failures', failures, 1);
    checkCallOptions(failure);
    const { error, signal } = failure;
    // Until the first answer, a wrong name is as likely as a network failure. A page cannot distinguish the two.
    const fallback = this.#isOfflineWrong === undefined ? 5 : 8;
    const { maxAttempts = fallback, baseDelay = 200, maxDelay = 20_000 } = this.#options;
    // An answer, even a refusal, proves that the browser is online.
    const isPatient = this.#isOffline && !(error instanceof ServiceError) && failures < MAX_OFFLINE_ATTEMPTS;
    if (failures >= maxAttempts && !isPatient) return false;
    const jitter = this.clock.random() * Math.min(maxDelay, baseDelay * 2 ** (failures - 1));
    const asked = error instanceof ServiceError ? (error.retryAfter ?? 0) : 0;
    await sleep(this.clock, Math.max(jitter, Math.min(asked, MAX_SERVER_DELAY)), signal);
    return true;
  }

  /**
   * Waits for the network if the browser reports that it is offline, but 30 s at most, because the report may be wrong.
   */
  async online(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isOffline) await sleep(this.clock, OFFLINE_WAIT, signal, true);
  }

  /** Records that an answer came. */
  answered(): void {
    this.#isOfflineWrong = saysOffline();
  }

  get #isOffline(): boolean {
    return !this.#isOfflineWrong && saysOffline();
  }
}

/**
 * Returns whether the browser reports that it is offline. This is only a hint: it delays an attempt, but never replaces
 * it.
 */
function saysOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}
