/** Virtual time: no test waits, and the same schedule always runs in the same order. */
import type { Clock } from '../../src/waiting/clock.ts';
import { Random } from './random.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock whose time changes only when it moves to its next timer. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2026, 10, 23);
  readonly #timers = new Set<Timer>();
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** The number of timers that have not fired. */
  get size(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.#random.next();
  }

  setTimeout(callback: () => void, delay: number): Timer {
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

  /**
   * Moves to the next timer. Of several timers at the same time, the one that was set first fires. Returns false if
   * there is none.
   */
  advance(): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (!next || timer.at < next.at) next = timer;
    if (!next) return false;
    this.#timers.delete(next);
    this.#now = next.at;
    next.callback();
    return true;
  }
}

/** Lets all work run that does not wait for a timer. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Does the same if no work comes from outside (`synchronousPlatform`). A tick that a microtask requests runs after all
 * microtasks.
 */
export function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    queueMicrotask(() => process.nextTick(resolve));
  });
}

const MAX_STEPS = 20_000;

/**
 * Moves the time until the work is done, and returns the number of moves.
 * @throws Error if the work would never end.
 */
export async function drive(clock: VirtualClock, work: Promise<unknown>, quiet = settle): Promise<number> {
  let done = false;
  const end = () => {
    done = true;
  };
  work.then(end, end);
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    await quiet();
    if (done) return steps;
    if (!clock.advance())
      throw new Error('the run hangs: no timer is set, nothing else is going on, and the work is not done');
  }
  throw new Error(`the run does not end: ${MAX_STEPS} timers have fired`);
}

/** Returns a random delay, which is a whole number of ms up to `most`. */
export function drawDelay(clock: VirtualClock, most: number): number {
  return Math.floor(clock.random() * (most + 1));
}
