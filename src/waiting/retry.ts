/**
 * Decides which failures are temporary, how often a request is repeated, and how long the client waits before each
 * repeat.
 */

import { ServiceError, TransportError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { sleep } from './sleep.ts';

/** How the client repeats requests after temporary failures. */
export interface RetryOptions {
  /**
   * The number of attempts, including the first one. Default 8, or 5 until this client has received an answer for the
   * first time.
   */
  readonly maxAttempts?: number | undefined;
  /** The wait before repeat n is random, at most `baseDelay * 2 ** (n - 1)` ms. Default 200. */
  readonly baseDelay?: number | undefined;
  /**
   * The longest wait that the client chooses itself, in ms. Default 20,000. A wait that OSS asks for (`Retry-After`)
   * may be up to 60,000.
   */
  readonly maxDelay?: number | undefined;
}

const MAX_SERVER_DELAY = 60_000;

/** Enough attempts for a night offline, at one attempt in 30 s. */
const MAX_OFFLINE_ATTEMPTS = 1000;

/** The error that ended an attempt, and the signal that can end the wait for the next one. */
export interface Failure {
  readonly error?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits before the next attempt. `failures` is the number of attempts that have failed. The wait is random (full
 * jitter), and at least as long as the server asks for. Attempts do not run out while the browser reports that it is
 * offline. Returns false when no attempt is left.
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
  // An answer, even a refusal, proves that the browser is online.
  const patient = offline && !(error instanceof ServiceError) && failures < MAX_OFFLINE_ATTEMPTS;
  if (failures >= maxAttempts && !patient) return false;
  const jitter = clock.random() * Math.min(maxDelay, baseDelay * 2 ** (failures - 1));
  const asked = error instanceof ServiceError ? (error.retryAfter ?? 0) : 0;
  await sleep(clock, Math.max(jitter, Math.min(asked, MAX_SERVER_DELAY)), signal);
  return true;
}

/** Returns whether the request may have been carried out in spite of this failure. */
export function isAmbiguous(error: unknown): boolean {
  if (error instanceof TransportError) return true;
  if (!(error instanceof ServiceError) || isThrottled(error)) return false;
  const { status, code } = error;
  // 501 and 505 are excluded, because the server does not have this operation and a repeat would not help.
  return (status >= 500 && ![501, 505].includes(status)) || status === 408 || code === 'RequestTimeout';
}

/** Returns whether the server throttled the request. Such a request was not carried out. */
export function isThrottled({ code, status }: ServiceError): boolean {
  return status === 429 || (status === 503 && /LimitExceeded$/.test(code));
}

/**
 * Returns whether the body was too large for OSS or for a proxy on the way. Such a server answers before it has read
 * the body.
 */
export function isTooLarge(error: unknown): boolean {
  return error instanceof ServiceError && (error.status === 413 || /TooLarge$/.test(error.code));
}

/**
 * Returns whether the browser reports that it is offline. `navigator.onLine` is only a hint, so it delays an attempt
 * but never replaces it. `wrong` is true if an answer has proven that the browser is online.
 */
export function isOffline(wrong = false): boolean {
  return !wrong && globalThis.navigator?.onLine === false;
}
