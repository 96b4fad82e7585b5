/** Joins the time limit of one attempt and the caller's signal into one signal. */

import { TransportError } from '../errors.ts';
import type { Clock } from './clock.ts';

/**
 * Joins the time limit of one attempt and the caller's signal for all attempts into one signal. It leaves no listener
 * behind.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #caller: AbortSignal | undefined;
  /**
   * Rejects the promise of the current `race`. A new event listener for each race would cost a small append more than
   * its signature does.
   */
  #reject: (reason: unknown) => void = () => {};
  #timer: unknown;

  constructor(clock: Clock, timeout: number, caller: AbortSignal | undefined) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#caller = caller;
    caller?.addEventListener('abort', this.#abort);
    if (caller?.aborted) this.#abort();
    this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Settles as the work does, or rejects at once on a time-out or an abort, because some transports react late to a
   * signal. Only one race may run at a time. The deadline keeps no reference to the result after the race.
   */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.signal.aborted) reject(this.signal.reason);
      work.then(resolve, reject);
    });
  }

  /** Stops the timer. With a reason, it also aborts the work. */
  end(reason?: unknown): void {
    this.#stop();
    this.#caller?.removeEventListener('abort', this.#abort);
    if (reason !== undefined) this.#finish(reason);
  }

  /**
   * Returns the body under this deadline. Each chunk gets the whole time limit again, and the timer is stopped while
   * nobody reads.
   */
  guard(body: ReadableStream<Uint8Array> | null, fail: (error: unknown) => never): ReadableStream<Uint8Array> {
    const reader = (body ?? emptyStream()).getReader();
    this.#stop();
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      this.#start();
      try {
        const { done, value } = await this.race(reader.read());
        this.#stop();
        if (!done) return controller.enqueue(value);
        this.end();
        controller.close();
      } catch (error) {
        this.end(error);
        reader.cancel(error).catch(() => {});
        throw this.#caller?.aborted ? this.#caller.reason : fail(error);
      }
    };
    const cancel = (reason: unknown) => {
      this.end();
      return reader.cancel(reason);
    };
    return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
  }

  readonly #abort = (): void => this.#finish(this.#caller?.reason);

  #finish(reason: unknown): void {
    if (this.signal.aborted) return;
    this.#reject(reason);
    this.#controller.abort(reason);
  }

  #start(): void {
    if (this.#timeout === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.setTimeout(() => this.#finish(timeoutError(this.#timeout)), this.#timeout);
  }

  #stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }
}

export function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

function timeoutError(timeout: number): TransportError {
  return new TransportError(`no answer within ${timeout} ms`, { code: 'TimeoutError' });
}
