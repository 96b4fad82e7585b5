/** Work that must end in time, or when its caller aborts it. */

import { throwIfAborted } from './abort.ts';
import type { Clock } from './clock.ts';

/** The limits of one piece of work. */
export interface DeadlineOptions {
  readonly clock: Clock;
  /** Time that the work may take, ms. `Infinity` for any time. */
  readonly timeout: number;
  /** The caller's signal. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error of work that takes longer than `timeout`. */
  readonly expired: (timeout: number) => unknown;
}

/**
 * Runs work under a deadline. It rejects with the reason that counts: the caller's, if the caller has aborted; else the error of
 * `expired`, if the time is over; else with the error of the work. The work may go on for a while, and its result is then ignored.
 */
export async function withDeadline<T>(
  options: DeadlineOptions,
  work: (deadline: Deadline) => T | Promise<T>,
): Promise<T> {
  const deadline = new Deadline(options);
  try {
    const result = await deadline.race((async () => work(deadline))());
    deadline.release();
    return result;
  } catch (error) {
    const { signal } = deadline;
    const cause = signal.aborted ? signal.reason : error;
    deadline.end(error);
    throwIfAborted(options.signal);
    throw cause;
  }
}

/** The time that one piece of work has, and the caller's signal, as one signal. It leaves no listener behind. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #options: DeadlineOptions;
  /** Rejects the race that is on. An event listener for each race would cost a small append more than its signature. */
  #reject: (reason: unknown) => void = () => {};
  #timer: unknown;
  #isGuarding = false;

  constructor(options: DeadlineOptions) {
    this.#options = options;
    options.signal?.addEventListener('abort', this.#abort);
    if (options.signal?.aborted) this.#abort();
    this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Settles as the work does, or rejects when the deadline ends first, because some transports do not heed a signal at once. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.signal.aborted) reject(this.signal.reason);
      work.then(resolve, reject);
    });
  }

  /** The work is done. A body that is still to be read stays under the deadline. */
  release(): void {
    if (!this.#isGuarding) this.end();
  }

  /** Stops the clock. With a reason, it also aborts the work. */
  end(reason?: unknown): void {
    this.#stop();
    this.#options.signal?.removeEventListener('abort', this.#abort);
    if (reason !== undefined) this.#finish(reason);
  }

  /** Keeps a body under this deadline: each chunk has the whole time, and no time counts while nobody reads. */
  guard(body: ReadableStream<Uint8Array> | null, fail: (error: unknown) => never): ReadableStream<Uint8Array> {
    const reader = (body ?? emptyStream()).getReader();
    this.#isGuarding = true;
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
        throwIfAborted(this.#options.signal);
        fail(error);
      }
    };
    const cancel = (reason: unknown) => {
      this.end();
      return reader.cancel(reason);
    };
    return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
  }

  readonly #abort = (): void => this.#finish(this.#options.signal?.reason);

  #finish(reason: unknown): void {
    if (this.signal.aborted) return;
    this.#reject(reason);
    this.#controller.abort(reason);
  }

  #start(): void {
    const { clock, timeout, expired } = this.#options;
    if (timeout === Number.POSITIVE_INFINITY) return;
    this.#timer = clock.setTimeout(() => this.#finish(expired(timeout)), timeout);
  }

  #stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }
}

export function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}
