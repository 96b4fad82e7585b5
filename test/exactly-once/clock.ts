/** Virtual time: nothing waits, and the same schedule always runs in the same order. */
import type { Clock } from '../../src/waiting/clock.ts';
import { Random } from './random.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to move on to its next timer. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2026, 10, 23);
  readonly #timers = new Set<Timer>();
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** Timers that have not gone off. */
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

  /** Resolves `delay` ms later; rejects with the signal's reason when that comes first. */
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

  /** Goes on to the next timer, of several at one time to the one set first. False where there is none. */
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

/** Lets everything happen that waits for no timer. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The same where nothing comes from outside (`synchronousPlatform`): a tick asked for by a microtask comes after all of them. */
export function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    queueMicrotask(() => process.nextTick(resolve));
  });
}

const MAX_STEPS = 20_000;

/** Moves time on until the work is done, and returns how many times it moved. @throws Error where nothing would ever end it. */
export async function drive(clock: VirtualClock, work: Promise<unknown>, quiet = settle): Promise<number> {
  let done = false;
  const end = () => {
    done = true;
  };
  work.then(end, end);
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    await quiet();
    if (done) return steps;
    if (!clock.advance()) throw new Error('hangs: nothing is going on, no timer is set, and the work is not done');
  }
  throw new Error(`does not end: ${MAX_STEPS} timers went off`);
}

/** A random delay, a whole number of ms up to `most`. */
export function drawDelay(clock: VirtualClock, most: number): number {
  return Math.floor(clock.random() * (most + 1));
}
