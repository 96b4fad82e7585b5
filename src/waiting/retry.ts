/** Which failures may pass, how often a request is repeated, and how long the wait before that is. */

import { ServiceError, TransportError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { sleep } from './sleep.ts';

/** How failures that may pass are repeated. */
export interface RetryOptions {
  /** Attempts in all, the first included. Default 8; 5 while this client has never had an answer. */
  readonly maxAttempts?: number | undefined;
  /** Before the n-th repeat: a random wait of up to `baseDelay * 2 ** (n - 1)` ms. Default 200. */
  readonly baseDelay?: number | undefined;
  /** No wait of ours is longer than this, ms. Default 20,000. What OSS asks for (`Retry-After`) counts up to 60,000. */
  readonly maxDelay?: number | undefined;
}

const MAX_SERVER_DELAY = 60_000;

/** A night offline, at one attempt each half minute. */
const MAX_OFFLINE_ATTEMPTS = 1000;

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

/** `navigator.onLine` is only a hint, so it delays an attempt and never replaces it. `wrong`: an answer has refuted it. */
export function isOffline(wrong = false): boolean {
  return !wrong && globalThis.navigator?.onLine === false;
}
