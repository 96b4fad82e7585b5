/** Runs work that must end within a time limit, or when its caller aborts it. */

import { throwIfAborted } from './abort.ts';
import type { Clock } from './clock.ts';

/** The limits of one piece of work. */
export interface DeadlineOptions {
  readonly clock: Clock;
  /** The time that the work may take, in ms. `Infinity` means no limit. */
  readonly timeout: number;
  /** The caller's signal. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error for work that takes longer than `timeout`. */
  readonly expired: (timeout: number) => unknown;
}

/**
 * Runs work under a deadline. If the caller has aborted, it rejects with the caller's reason; else, if the time is
 * over, with the error of `expired`; else with the error of the work. The work may then continue for a while, and its
 * result is ignored.
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
    deadline.end(error);
    throwIfAborted(options.signal);
    throw error;
  }
}

/** Joins the time limit of one piece of work and the caller's signal into one signal. It leaves no listener behind. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #options: DeadlineOptions;
  /** Rejects the promise of the current race. An event listener for each race would cost more than a signature. */
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

  /**
   * Settles as the work does, or rejects at once at the deadline's end, because some transports react late to a signal.
   */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.signal.aborted) reject(this.signal.reason);
      work.then(resolve, reject);
    });
  }

  /**
   * Ends the deadline, because the work is done. If its body is still to be read, the body stays under the deadline.
   */
  release(): void {
    if (!this.#isGuarding) this.end();
  }

  /** Stops the timer. With a reason, it also aborts the work. */
  end(reason?: unknown): void {
    this.#stop();
    this.#options.signal?.removeEventListener('abort', this.#abort);
    if (reason !== undefined) this.#finish(reason);
  }

  /** Returns the body under this deadline. Each chunk has the whole time limit; the timer stops while nobody reads. */
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
