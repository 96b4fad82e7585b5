// The clock of LocalOss: the clock of the system, or a clock of the test.

/** The clock and the timers of LocalOss. You can use the same object as the option `clock` of the client. */
export interface Clock {
  /** Returns the time in ms since the epoch. */
  now(): number;
  /** Calls `callback` once after `delay` ms. */
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Returns a number from 0 (included) to 1 (excluded). LocalOss does not use it, but the client needs it. */
  random(): number;
}

/** Returns a clock with the functions in `own`, and with the functions of the system for all that are missing. */
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

/** Resolves after `delay` ms of the clock. An abort removes the timer and rejects with the reason of the signal. */
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

/** Waits until the signal aborts, and then rejects with its reason. The promise never resolves. */
export function waitForAbort(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Settles like `work`. If the signal aborts first, it rejects with the reason of the signal. */
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
