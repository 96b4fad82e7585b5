/** An endless iteration that its caller may leave at any time, even while it waits for a value that may never come. */

import { throwIfAborted } from '../waiting/abort.ts';

/**
 * Iterates over the values of a generator. `return()` ends the iteration at once, although a generator alone would
 * first go on to its next value. The caller's signal ends it with the signal's reason. Nothing begins before the first
 * `next()`.
 */
export class Stoppable<T> implements AsyncIterableIterator<T> {
  readonly #begin: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>;
  readonly #caller: AbortSignal | undefined;
  #stop: AbortController | undefined;
  #run: AsyncGenerator<T, void, undefined> | undefined;
  #left = false;

  constructor(begin: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>, caller: AbortSignal | undefined) {
    this.#begin = begin;
    this.#caller = caller;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.#left) return DONE;
    try {
      this.#run ??= this.#start();
      const result = await this.#run.next();
      if (result.done) this.#end();
      return result.done || this.#left ? DONE : result;
    } catch (error) {
      const { aborted } = this.#caller ?? {};
      if (this.#left) return DONE;
      this.#end();
      if (aborted) throw this.#caller?.reason;
      throw error;
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#left = true;
    this.#end();
    this.#stop?.abort(new Error('The reader has left'));
    await this.#run?.return();
    return DONE;
  }

  #start(): AsyncGenerator<T, void, undefined> {
    throwIfAborted(this.#caller);
    this.#stop = new AbortController();
    this.#caller?.addEventListener('abort', this.#abort);
    return this.#begin(this.#stop.signal);
  }

  #end(): void {
    this.#caller?.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => this.#stop?.abort(this.#caller?.reason);
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
