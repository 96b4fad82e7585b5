// The time LocalOss lives by: the system's, or a test's own.

/** The clock and the timers of LocalOss. The same object fits the client's option `clock`. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once, `delay` milliseconds from now. */
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** At least 0, below 1. LocalOss never asks for it; it is here so that one object fits client and LocalOss. */
  random(): number;
}

/** The system's clock, where `own` gives nothing better. */
export function clockFrom(own: Partial<Clock> = {}): Clock {
  return {
    now: () => (own.now ? own.now() : Date.now()),
    setTimeout: (callback, delay) => (own.setTimeout ? own.setTimeout(callback, delay) : setTimeout(callback, delay)),
    clearTimeout: (timer) => {
      if (own.clearTimeout) own.clearTimeout(timer);
      else clearTimeout(timer as ReturnType<typeof setTimeout>);
    },
    random: () => (own.random ? own.random() : Math.random()),
  };
}

/** Resolves after `delay` ms by the clock; an abort rejects with the signal's reason and takes the timer away. */
export function wait(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, delay);
    const abort = () => {
      clock.clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** Never resolves; rejects with the signal's reason once it aborts. */
export function waitForAbort(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** The work's outcome, or the signal's reason as soon as it aborts. */
export function unlessAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const done = () => signal.removeEventListener('abort', abort);
    work.then(
      (value) => {
        done();
        resolve(value);
      },
      (error) => {
        done();
        reject(error);
      },
    );
  });
}
