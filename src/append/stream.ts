/**
 * Appending as a Streams-standard sink, for `pipeTo` and writers. A thin class: the engine pulls what is written, so
 * back-pressure reaches the writer through `ready`.
 */

import { checkObject, checkType } from '../check.ts';
import type { AppendChunk } from '../source/segment.ts';
import type { AppendableObject } from './object.ts';
import type { AppendOptions } from './progress.ts';

/** Stands in for WritableStream where the platform has none (Safari before 14.1): then the first use fails, and not the import. */
class Missing {
  constructor() {
    throw new TypeError('AppendStream needs WritableStream, which is missing here');
  }
}

const Base: typeof WritableStream = globalThis.WritableStream ?? Missing;

/**
 * A WritableStream that appends what is written to an object. `close()` resolves when everything is stored; a failure is
 * told by the write that waits, or else by the next one or by `close()`, with the reason that `append` would give, and
 * errors the stream; `abort()` stops the request that is under way.
 *
 * A written chunk is sent when its segment is full, when it has waited for the object's `flushAfter`, or at the end.
 *
 * @example
 * ```ts
 * import { AppendStream, type AppendableObject } from 'oss-append';
 *
 * async function save(response: Response, object: AppendableObject) {
 *   await response.body?.pipeTo(new AppendStream(object));
 *   return object.tail;
 * }
 * ```
 */
export class AppendStream extends Base<AppendChunk> {
  /** @throws TypeError for what is no AppendableObject, for options that are none, and where the platform has no WritableStream. */
  constructor(object: Pick<AppendableObject, 'append'>, options: AppendOptions = {}) {
    checkType(typeof object?.append === 'function', 'AppendStream needs an AppendableObject');
    checkObject('options', options);
    super(new AppendSink(object, options), { highWaterMark: 1 });
  }
}

/** A chunk on its way from the writer to the engine. */
interface Handover {
  readonly chunk: AppendChunk;
  taken(): void;
  refused(reason: unknown): void;
}

class AppendSink implements UnderlyingSink<AppendChunk>, AsyncIterable<AppendChunk>, AsyncIterator<AppendChunk> {
  readonly #object: Pick<AppendableObject, 'append'>;
  readonly #options: AppendOptions;
  readonly #aborter = new AbortController();
  #appending: Promise<unknown> = Promise.resolve();
  #offered: Handover | undefined;
  #taken: Handover | undefined;
  #wake: (() => void) | undefined;
  #closed = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor(object: Pick<AppendableObject, 'append'>, options: AppendOptions) {
    this.#object = object;
    this.#options = options;
  }

  start(controller: WritableStreamDefaultController): void {
    const { signal } = this.#options;
    const abort = () => this.#aborter.abort(signal?.reason);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    // The sink's own `abort` is not called before the write under way has ended.
    const stop = () => this.#aborter.abort(controller.signal.reason);
    controller.signal?.addEventListener('abort', stop);
    this.#appending = this.#object.append(this, { ...this.#options, signal: this.#aborter.signal });
    this.#appending
      .catch((reason: unknown) => this.#fail(reason, controller))
      .finally(() => signal?.removeEventListener('abort', abort));
  }

  /**
   * Cloudflare's workerd resolves `pipeTo` where a controller errors the stream, as if all were stored. So a failure is
   * told by the write that waits, or else by the next one, or by `close`; only the caller's own abort needs no telling.
   */
  #fail(reason: unknown, controller: WritableStreamDefaultController): void {
    this.#failure = { reason };
    this.#offered?.refused(reason);
    this.#taken?.refused(reason);
    this.#offered = undefined;
    if (this.#aborter.signal.aborted) controller.error(reason);
  }

  /** Resolves when the engine has copied the chunk, whose buffer may then be used again; it does not while its segments are full. */
  write(chunk: AppendChunk): Promise<void> {
    return new Promise((taken, refused) => {
      if (this.#failure) return refused(this.#failure.reason);
      this.#offered = { chunk, taken, refused };
      this.#wake?.();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#appending;
  }

  async abort(reason: unknown): Promise<void> {
    this.#aborter.abort(reason);
    await this.#appending.catch(() => {});
  }

  [Symbol.asyncIterator](): AsyncIterator<AppendChunk> {
    return this;
  }

  /** That the engine asks for the next chunk shows that it is done with the last. */
  async next(): Promise<IteratorResult<AppendChunk>> {
    this.#taken?.taken();
    this.#taken = undefined;
    while (!this.#offered && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (!this.#offered) return { done: true, value: undefined };
    this.#taken = this.#offered;
    this.#offered = undefined;
    return { done: false, value: this.#taken.chunk };
  }
}
