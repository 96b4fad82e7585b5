/** Virtual time: no test waits, and the same test always runs in the same order. */
import type { Clock } from '../../src/waiting/clock.ts';

/** The time at which the tests start, in ms. */
export const NOON: number = Date.UTC(2026, 0, 2, 12);

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Time that moves only when the test moves it, and random numbers that the test chooses. */
export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>();
  /** The delays of all timers so far, in ms. */
  readonly delays: number[] = [];
  /** The number that `random` returns, if the test gave no source of its own. */
  chance = 0.5;
  #now: number;
  readonly #random: (() => number) | undefined;

  constructor(now: number = NOON, random?: () => number) {
    this.#now = now;
    this.#random = random;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.#random?.() ?? this.chance;
  }

  setTimeout(callback: () => void, delay: number): unknown {
    this.delays.push(delay);
    const timer = { at: this.#now + Math.max(0, delay), callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  /** Resolves after `delay` ms. If the signal is aborted first, it rejects with the signal's reason. */
  wait(delay: number, signal?: AbortSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (act: () => void) => () => {
        this.clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        act();
      };
      const abort = end(() => reject(signal?.reason));
      const timer = this.setTimeout(end(resolve), delay);
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
    });
  }

  /** The number of timers that have not fired. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** The delay until the next timer, in ms. It is `undefined` without a timer. */
  get next(): number | undefined {
    const timer = this.#first();
    return timer && Math.max(0, timer.at - this.#now);
  }

  /** Moves the time, and fires the timers that are due by then. Timers that these set are not fired. */
  advance(ms: number): void {
    this.#now += ms;
    const due = [...this.#timers].filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at);
    for (const timer of due) if (this.#timers.delete(timer)) timer.callback();
  }

  /**
   * Moves to the next timer and fires it. If several timers have the same time, the one that was set first fires.
   * Returns false if there is none.
   */
  step(): boolean {
    const timer = this.#first();
    if (!timer) return false;
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
    return true;
  }

  #first(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (!first || timer.at < first.at) first = timer;
    return first;
  }
}

/** A clock that reports the given time and whose timers never fire. */
export function clockAt(now: () => number): Clock {
  return { now, setTimeout: () => 0, clearTimeout: () => {}, random: () => 0.5 };
}

/** Lets all work run that does not wait for a timer. Web Crypto, which LocalOss uses, runs on other threads. */
export async function settle(oss?: { readonly busy: number }): Promise<void> {
  let turns = 0;
  while (turns++ < 5 || (oss?.busy ?? 0) > 0) await new Promise((resolve) => setImmediate(resolve));
}

/** Does the same for work that needs microtasks only. A tick that a microtask requests runs after all microtasks. */
export function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    queueMicrotask(() => process.nextTick(resolve));
  });
}

/** The most timers that fire before {@link drive} gives up. */
const MAX_STEPS = 20_000;

/**
 * Moves the clock from timer to timer until the work is done.
 *
 * @param quiet a function that lets the work run until it waits, or the LocalOss that the work calls
 * @param most the number of timers after which the work counts as endless
 * @throws Error if the work would never end.
 */
export async function drive<T>(
  work: Promise<T>,
  clock: VirtualClock,
  quiet: (() => Promise<void>) | { readonly busy: number } = settle,
  most: number = MAX_STEPS,
): Promise<T> {
  let done = false;
  const end = () => {
    done = true;
  };
  work.then(end, end);
  for (let steps = 0; steps < most; steps++) {
    await (typeof quiet === 'function' ? quiet() : settle(quiet));
    if (done) return work;
    if (!clock.step())
      throw new Error('the run hangs: no timer is set, nothing else is going on, and the work is not done');
  }
  throw new Error(`the run does not end: ${most} timers have fired`);
}
