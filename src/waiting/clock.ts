/** The source of time and of random numbers. Tests replace it. */

/** The clock of a client. The default is the clock of the platform. */
export interface Clock {
  /** Returns the time in ms since the epoch. */
  now(): number;
  /** Calls `callback` after `delay` ms. */
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Returns a random number from 0 up to, but not including, 1. */
  random(): number;
}

/** Returns the clock of the platform. */
export function platformClock(): Clock {
  return {
    now: () => Date.now(),
    // A browser ends a timer at once if its delay is longer than this (24 days).
    setTimeout: (callback, delay) => setTimeout(callback, Math.min(delay, 2 ** 31 - 1)),
    clearTimeout: (timer) => clearTimeout(timer as number),
    random: () => Math.random(),
  };
}
