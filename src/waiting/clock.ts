/** Where time and chance come from, so that tests can give others. */

/** The clock of a client. The default is the platform's. */
export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** `delay` in ms. */
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** From 0 up to, not including, 1. */
  random(): number;
}

/** The platform's own. */
export function platformClock(): Clock {
  return {
    now: () => Date.now(),
    // A longer delay than this (24 days) would end at once.
    setTimeout: (callback, delay) => setTimeout(callback, Math.min(delay, 2 ** 31 - 1)),
    clearTimeout: (timer) => clearTimeout(timer as number),
    random: () => Math.random(),
  };
}
