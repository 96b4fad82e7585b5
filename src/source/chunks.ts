/** Reads streams, iterables and responses as chunks, one at a time, and gathers the chunks into segments. */

import { bytesOf, concat, isBlob, tagOf } from '../bytes.ts';
import { checkType } from '../check.ts';
import { blobPieces, breathe, PIECE } from './blob.ts';
import type { Gatherer } from './gatherer.ts';
import { failSource, type Segment, type SegmentReader, sourceError } from './segment.ts';

/** Returns chunks one by one, and `undefined` at the end. Both methods reject with the error that the source throws. */
interface ChunkReader {
  /** The chunk is inside an object. Otherwise `await` would also wait for a chunk that is a Promise by mistake. */
  read(): Promise<{ readonly value: unknown } | undefined>;
  cancel(reason: unknown): Promise<unknown>;
}

/** Reading a chunk takes about as long as computing the CRC of this many bytes, even if the chunk is empty. */
const CHUNK_COST = 512;

/** Gathers chunks of any size into segments. */
export class ChunkSegments implements SegmentReader {
  readonly total: number | undefined;
  readonly type: string;
  readonly inMemory = true;
  readonly #chunks: ChunkReader;
  readonly #gatherer: Gatherer;
  readonly #text = new TextChunks();
  /**
   * The rest of the last chunk, and its length. If other code transfers the buffer, the rest becomes shorter than that.
   */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #left = 0;
  /**
   * The bytes gathered since the event loop last ran, and {@link CHUNK_COST} for each chunk. A stream that always has
   * chunks must not block the event loop.
   */
  #sinceBreath = 0;
  /** The pieces of the current chunk, if this chunk is a Blob. */
  #pieces: AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> | undefined;
  /** A read that was still in flight when its segment was cut. */
  #reading: Promise<Uint8Array<ArrayBuffer> | undefined> | undefined;
  #ended = false;

  constructor(chunks: ChunkReader, gatherer: Gatherer, total?: number, type = '') {
    this.#chunks = chunks;
    this.#gatherer = gatherer;
    this.total = total;
    this.type = type;
  }

  /** Every failure here becomes a SourceError, so that the caller learns how many bytes are stored. */
  next(size: number, cut?: () => Promise<unknown>): Promise<Segment | undefined> {
    return this.#gather(size, cut).catch(failSource);
  }

  async #gather(size: number, cut: (() => Promise<unknown>) | undefined): Promise<Segment | undefined> {
    const patience = new Patience(cut);
    while (this.#gatherer.size < size) {
      if (this.#rest.byteLength !== this.#left) throw sourceError('a chunk was transferred before it was read');
      if (this.#left === 0 && !(await this.#refill(patience))) break;
      const taken = this.#rest.subarray(0, Math.min(size - this.#gatherer.size, PIECE));
      this.#gatherer.add(taken);
      this.#setRest(this.#rest.subarray(taken.byteLength));
      if (this.#gatherer.size > 0) patience.start();
      this.#sinceBreath += taken.byteLength + CHUNK_COST;
      if (this.#sinceBreath >= PIECE) {
        this.#sinceBreath = 0;
        await breathe();
      }
    }
    return this.#gatherer.size > 0 ? this.#gatherer.take() : undefined;
  }

  cancel(reason: unknown): void {
    this.#stop(reason);
    this.#reading = undefined;
    this.#setRest(new Uint8Array(0));
  }

  #setRest(bytes: Uint8Array<ArrayBuffer>): void {
    this.#rest = bytes;
    this.#left = bytes.byteLength;
  }

  /**
   * Reads the next chunk, which may be empty. Returns false if there is none: at the end, or when the segment must be cut.
   */
  async #refill(patience: Patience): Promise<boolean> {
    // A read in flight at the end of the source must still be awaited, because its failure must not look like the end.
    if (this.#ended && !this.#reading) return false;
    this.#reading ??= this.#startRead();
    const bytes = await patience.wait(this.#reading);
    if (bytes === 'cut') return false;
    this.#reading = undefined;
    if (bytes) this.#setRest(bytes);
    return bytes !== undefined;
  }

  /**
   * Starts a read that may fail while nobody waits. The next segment rejects with this failure. After a cancel, the
   * failure is ignored.
   */
  #startRead(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const reading = this.#read();
    reading.catch(() => {});
    return reading;
  }

  async #read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const piece = await this.#pieces?.next();
    if (piece?.value) return piece.value;
    this.#pieces = undefined;
    const chunk = this.#ended ? undefined : await this.#chunks.read().catch((cause: unknown) => this.#fail(cause));
    if (chunk) return this.#bytesOf(chunk.value);
    this.#ended = true;
    return this.#text.end();
  }

  #fail(cause: unknown): never {
    this.#ended = true;
    return failSource(cause);
  }

  /**
   * Cancels the source. Errors of the source are ignored, because the append has already ended for another reason. The
   * cancel is not awaited, because a generator answers only when it runs again.
   */
  #stop(reason: unknown): void {
    if (!this.#ended) this.#chunks.cancel(reason).catch(() => {});
    this.#ended = true;
  }

  #bytesOf(chunk: unknown): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (typeof chunk === 'string') return this.#text.encode(chunk);
    const bytes = bytesOf(chunk);
    if (bytes) return this.#text.endBefore(bytes);
    if (!isBlob(chunk)) {
      const wrong = new TypeError(`a chunk has type ${tagOf(chunk)}, but must be bytes, text or a Blob`);
      this.#stop(wrong);
      throw sourceError('it returned something that is not bytes', wrong);
    }
    this.#pieces = blobPieces(chunk);
    return this.#text.end() ?? this.#read();
  }
}

/** Encodes text whose chunks may split a surrogate pair. */
class TextChunks {
  #half = '';

  encode(chunk: string): Uint8Array<ArrayBuffer> {
    const text = this.#half + chunk;
    const splits = /[\ud800-\udbff]$/.test(text);
    this.#half = splits ? text.slice(-1) : '';
    return new TextEncoder().encode(splits ? text.slice(0, -1) : text);
  }

  end(): Uint8Array<ArrayBuffer> | undefined {
    const last = this.#half;
    this.#half = '';
    return last ? new TextEncoder().encode(last) : undefined;
  }

  /** Encodes half a surrogate pair before the bytes that follow it, so that it keeps its place. */
  endBefore(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const last = this.end();
    if (!last) return bytes;
    return concat([last, bytes], last.byteLength + bytes.byteLength);
  }
}

/**
 * Waits for reads until the segment must be cut. It keeps one callback at a time, because otherwise a million tiny
 * chunks would add a million callbacks to one promise.
 */
class Patience {
  readonly #cut: (() => Promise<unknown>) | undefined;
  #started = false;
  #over = false;
  #wake: (() => void) | undefined;

  constructor(cut: (() => Promise<unknown>) | undefined) {
    this.#cut = cut;
  }

  start(): void {
    if (this.#started || !this.#cut) return;
    this.#started = true;
    const over = () => {
      this.#over = true;
      this.#wake?.();
    };
    this.#cut().then(over, over);
  }

  wait<T>(read: Promise<T>): Promise<T | 'cut'> {
    if (!this.#started) return read;
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve('cut');
      if (this.#over) this.#wake();
      read.then(resolve, reject);
    });
  }
}

export function chunksOf(
  source: Response | Request | null | ReadableStream | Iterable<unknown> | AsyncIterable<unknown>,
): ChunkReader {
  // `null` is the body of a Request or Response without a body.
  if (source === null) return iterate([]);
  if (typeof source === 'object') {
    if ('getReader' in source) return readStream(source);
    if ('headers' in source && 'body' in source && source.body !== undefined) return readBody(source);
    if (Symbol.asyncIterator in source) return iterate(source);
    // A FormData, URLSearchParams, Headers or Map yields pairs, not bytes. Such a class of a library does the same.
    if (Symbol.iterator in source && !('entries' in source && 'get' in source && 'delete' in source))
      return iterate(source);
  }
  throw new TypeError(
    `source must be a Blob, bytes, a string, a Response, a stream or an iterable, not of type ${tagOf(source)}; for a FormData or Map, append its values`,
  );
}

function readBody(source: Response | Request): ChunkReader {
  const { body, bodyUsed, ok, status } = source as Response;
  // A Request has no `ok`. An opaque Response (`no-cors`) is never ok, because its bytes are hidden.
  checkType(ok !== false, `this Response has HTTP status ${status}: append only what is ok`);
  checkType(!bodyUsed, 'this body has been read already');
  return chunksOf(body);
}

/** Reads with `getReader().read()` only, because streams in Safari have no async iteration. */
function readStream(stream: ReadableStream<unknown>): ChunkReader {
  checkType(!stream.locked, 'this ReadableStream is locked: something else reads it');
  const reader = stream.getReader();
  return {
    read: async () => {
      let ended = true;
      try {
        const { done, value } = await reader.read();
        ended = done;
        return done ? undefined : { value };
      } finally {
        if (ended) reader.releaseLock();
      }
    },
    cancel: async (reason) => {
      const cancelled = reader.cancel(reason);
      reader.releaseLock();
      return cancelled;
    },
  };
}

export function iterate(source: Iterable<unknown> | AsyncIterable<unknown>): ChunkReader {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  return {
    read: async () => {
      const { done, value } = await iterator.next();
      return done ? undefined : { value };
    },
    cancel: async () => iterator.return?.(),
  };
}
