/**
 * Appending as a WritableStream, for `pipeTo` and for writers. The class is thin: the engine reads the chunks that are
 * written, and a writer sees back-pressure in `ready`.
 */

import { checkObject, checkType } from '../check.ts';
import type { AppendChunk } from '../source/segment.ts';
import type { AppendOptions } from './call.ts';
import type { AppendableObject } from './object.ts';

/**
 * Takes the place of WritableStream on a platform that has none (Safari before 14.1). So the first use fails, and not
 * the import.
 */
class Missing {
  constructor() {
    throw new TypeError('AppendStream needs WritableStream, which is missing here');
  }
}

const Base: typeof WritableStream = globalThis.WritableStream ?? Missing;

/**
 * A WritableStream that appends every written chunk to an object. `close()` resolves when all chunks are stored. After
 * a failure, the waiting write rejects; if none waits, the next write or `close()` rejects. The reason is the error
 * that `append` would give. `abort()` stops the request that is in flight.
 *
 * A chunk is sent when its segment is full, when it has waited for the object's `flushAfter`, or when the stream is
 * closed.
 *
 * @see https://streams.spec.whatwg.org/#ws-class
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
  /**
   * Opens a stream that appends to `object`.
   *
   * @throws TypeError if `object` has no `append` method, if the options are not an object, or if the platform has no
   * WritableStream.
   */
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
    // The platform calls `abort` of a sink only after the write in flight has ended. That is too late to stop the
    // request.
    const stop = () => this.#aborter.abort(controller.signal.reason);
    controller.signal?.addEventListener('abort', stop);
    this.#appending = this.#object.append(this, { ...this.#options, signal: this.#aborter.signal });
    this.#appending
      .catch((reason: unknown) => this.#fail(reason, controller))
      .finally(() => signal?.removeEventListener('abort', abort));
  }

  /**
   * Reports a failure to the waiting write, or else to the next write or to `close`. The controller must not report it,
   * because `pipeTo` of Cloudflare's workerd then resolves as if everything were stored. The controller errors the
   * stream only after an abort by the caller.
   */
  #fail(reason: unknown, controller: WritableStreamDefaultController): void {
    this.#failure = { reason };
    this.#offered?.refused(reason);
    this.#taken?.refused(reason);
    this.#offered = undefined;
    if (this.#aborter.signal.aborted) controller.error(reason);
  }

  /**
   * Resolves when the engine has copied the chunk. Then the caller may use the buffer again. The wait for that is the
   * back-pressure.
   */
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

  /** Gives the next chunk to the engine. When the engine asks for it, the engine has copied the chunk before. */
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
