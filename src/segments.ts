/**
 * Any source to segments of at most the asked size, each with its CRC and sendable again. Hides what a source is
 * (Blob, bytes, text, stream, iterable), and keeps memory to the segment being gathered and one piece.
 */
import { type Crc64, crc64 as ownCrc64 } from './crc64.ts';
import { redact, SourceError } from './errors.ts';

/** Bytes in any of the forms that a chunk of a stream may have. */
export type AppendChunk = ArrayBuffer | ArrayBufferView | string | Blob;

/**
 * What can be appended. Streams and iterables are read once; bytes longer than a segment must not change until the append is
 * done, and those of a chunk not before the next chunk is asked for.
 */
export type AppendSource =
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | string
  | Response
  | ReadableStream<AppendChunk>
  | Iterable<AppendChunk>
  | AsyncIterable<AppendChunk>;

/** The bytes of one AppendObject request. */
export interface Segment {
  /** Bytes. */
  readonly size: number;
  /** CRC-64 of these bytes alone. */
  readonly crc: bigint;
  /** Neither kind makes `fetch` add a Content-Type, and both can be sent again. */
  readonly body: Blob | Uint8Array<ArrayBuffer>;
}

/** Reads a source, a segment at a time. */
export interface SegmentReader {
  /** Length of the source, bytes, where it is known. */
  readonly total: number | undefined;
  /** Media type of the source, or an empty string. */
  readonly type: string;
  /** Whether a segment holds its bytes in memory, or is a slice of something that has them. */
  readonly inMemory: boolean;
  /**
   * The next segment, `undefined` at the end. With `cut`, a segment that has bytes but is not full is handed out when
   * the promise that it returns resolves; it is called once, at the segment's first byte.
   *
   * @throws SourceError when the source fails.
   */
  next(size: number, cut?: () => Promise<unknown>): Promise<Segment | undefined>;
  /** Stops reading. Harmless after the end. */
  cancel(reason: unknown): void;
}

/** Hash and hand over this much between two turns of the event loop, bytes: a millisecond in a browser, on a slow phone six. */
const PIECE = 524_288;
/**
 * Read this much of a Blob at a time, bytes: browsers take a third longer for reads of 1 MiB, and 8 MiB would block a page.
 * Not as a stream, which Chromium would read half as fast again: workerd gives streams in chunks of 4 KiB and takes five
 * times as long, and Node 24.16 to 24.18 never frees what it has given.
 */
const READ = 4_194_304;
/** A segment up to this size is sent as bytes: a Blob costs more than it saves. */
const SMALL = 65_536;

/**
 * @param crc64 what computes the CRCs
 * @throws TypeError for what is no source, or one that is already being read.
 */
export function readSegments(source: AppendSource, crc64: Crc64 = ownCrc64): SegmentReader {
  if (isBlob(source)) return new BlobSegments(source, crc64);
  const gatherer = new Gatherer(crc64);
  const bytes = bytesOf(source);
  if (bytes) return new ChunkSegments(iterate([bytes]), gatherer, bytes.byteLength);
  return new ChunkSegments(chunksOf(source as Parameters<typeof chunksOf>[0]), gatherer);
}

/** By its shape: Blobs come from other realms and libraries too. */
export function isBlob(value: unknown): value is Blob {
  const { size, slice, arrayBuffer } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Blob>;
  return typeof size === 'number' && typeof slice === 'function' && typeof arrayBuffer === 'function';
}

/** The same bytes without a type: a slice has none, says the standard, but in Bun it keeps what `fetch` takes for one. */
export function untyped(blob: Blob): Blob {
  if (!blob.type) return blob;
  const slice = blob.slice(0, blob.size);
  // A Blob of another realm or library would be taken for text.
  return slice instanceof Blob ? new Blob([slice], { type: '' }) : slice;
}

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Text as UTF-8, and views and buffers of any realm as bytes, not copied but from shared memory, which `fetch` refuses. */
export function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  if (tagOf(value) === 'ArrayBuffer') return new Uint8Array(value as ArrayBuffer);
  if (!ArrayBuffer.isView(value)) return undefined;
  const bytes = new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
  return tagOf(value.buffer) === 'ArrayBuffer' ? bytes : bytes.slice();
}

/** Bytes that are ours alone, one behind the other. */
export function joinBytes(parts: readonly Uint8Array<ArrayBuffer>[]): Segment {
  let size = 0;
  let crc = 0n;
  for (const part of parts) {
    size += part.byteLength;
    crc = ownCrc64(part, crc);
  }
  return { size, crc, body: size > SMALL ? new Blob([...parts]) : concat(parts, size) };
}

function concat(parts: readonly Uint8Array<ArrayBuffer>[], size: number): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (first?.byteLength === size) return first;
  const all = new Uint8Array(size);
  let done = 0;
  for (const part of parts) {
    all.set(part, done);
    done += part.byteLength;
  }
  return all;
}

/** Reads a Blob from its start, a piece at a time. */
export async function* blobPieces(blob: Blob): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  for (let start = 0; start < blob.size; start += READ) {
    const bytes = new Uint8Array(await readBlob(blob.slice(start, Math.min(start + READ, blob.size))));
    for (let at = 0; at < bytes.byteLength; at += PIECE) {
      if (at > 0) await breathe();
      yield bytes.subarray(at, at + PIECE);
    }
  }
}

/**
 * Lets the event loop turn: a page draws, a server takes other requests. By a message, for timers wait 4 ms, and in a
 * hidden page a second or more. Some workers have no channels: nobody there waits for a frame.
 */
function breathe(): Promise<void> | undefined {
  if (typeof MessageChannel === 'undefined') return undefined;
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      // Deno keeps it open else.
      port2.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** @throws SourceError where the file changed since it was picked, or cannot be read any more. */
export async function readBlob(blob: Blob): Promise<ArrayBuffer> {
  const { size } = blob;
  let bytes: ArrayBuffer | undefined;
  try {
    bytes = await blob.arrayBuffer();
  } catch (cause) {
    const why = 'a file that was changed, moved or removed since it was picked, or more Blobs than there is room for';
    throw sourceError(`it cannot be read any more: ${why}`, cause);
  }
  if (bytes.byteLength === size) return bytes;
  throw sourceError(`the file gave ${bytes.byteLength} of ${size} bytes: it was changed since it was picked`);
}

/** A Blob's segments are slices of it, and cost no memory of ours; Chromium copies those of what does not lie on the disk. */
class BlobSegments implements SegmentReader {
  readonly inMemory = false;
  readonly type: string;
  readonly #blob: Blob;
  readonly #crc64: Crc64;
  #offset = 0;

  constructor(blob: Blob, crc64: Crc64) {
    this.type = blob.type;
    this.#blob = untyped(blob);
    this.#crc64 = crc64;
  }

  get total(): number {
    return this.#blob.size;
  }

  async next(size: number): Promise<Segment | undefined> {
    const start = this.#offset;
    if (start >= this.total) return undefined;
    this.#offset = Math.min(start + size, this.total);
    const body = this.#blob.slice(start, this.#offset);
    let crc = 0n;
    const crc64 = this.#crc64;
    for await (const piece of blobPieces(body)) crc = crc64(piece, crc);
    return { size: body.size, crc, body };
  }

  cancel(): void {
    this.#offset = this.total;
  }
}

/** Chunks, one by one; `undefined` at the end. */
interface ChunkReader {
  read(): Promise<unknown>;
  cancel(reason: unknown): void;
}

/** Gathers chunks of any size. */
class ChunkSegments implements SegmentReader {
  readonly total: number | undefined;
  readonly type = '';
  readonly inMemory = true;
  readonly #chunks: ChunkReader;
  readonly #gatherer: Gatherer;
  readonly #text = new TextChunks();
  /** What is left of the last chunk, and how long that must be: a buffer that is transferred meanwhile is empty. */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #left = 0;
  /** Bytes gathered since the event loop turned: a stream that always has bytes would not let it. */
  #sinceBreath = 0;
  /** Pieces of a chunk that is a Blob. */
  #pieces: AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> | undefined;
  /** A read that outlived the segment that asked for it. */
  #reading: Promise<Uint8Array<ArrayBuffer> | undefined> | undefined;
  #ended = false;

  constructor(chunks: ChunkReader, gatherer: Gatherer, total?: number) {
    this.#chunks = chunks;
    this.#gatherer = gatherer;
    this.total = total;
  }

  async next(size: number, cut?: () => Promise<unknown>): Promise<Segment | undefined> {
    const patience = new Patience(cut);
    while (this.#gatherer.size < size) {
      if (this.#rest.byteLength !== this.#left) throw sourceError('a chunk was transferred before it was read');
      if (this.#left === 0 && !(await this.#refill(patience))) break;
      const taken = this.#rest.subarray(0, Math.min(size - this.#gatherer.size, PIECE));
      this.#gatherer.add(taken);
      this.#setRest(this.#rest.subarray(taken.byteLength));
      patience.start();
      this.#sinceBreath += taken.byteLength;
      if (this.#sinceBreath >= PIECE) {
        this.#sinceBreath = 0;
        await breathe();
      }
    }
    return this.#gatherer.size > 0 ? this.#gatherer.take() : undefined;
  }

  cancel(reason: unknown): void {
    if (!this.#ended) this.#chunks.cancel(reason);
    this.#ended = true;
    this.#reading = undefined;
    this.#setRest(new Uint8Array(0));
  }

  #setRest(bytes: Uint8Array<ArrayBuffer>): void {
    this.#rest = bytes;
    this.#left = bytes.byteLength;
  }

  /** Whether there are more bytes now: not at the end, and not when patience ran out. */
  async #refill(patience: Patience): Promise<boolean> {
    // A read that ended the source after a cut is still to be met: its failure must not pass for the end.
    while (this.#rest.byteLength === 0 && (this.#reading || !this.#ended)) {
      this.#reading ??= this.#startRead();
      const bytes = await patience.wait(this.#reading);
      if (bytes === 'cut') return false;
      this.#reading = undefined;
      if (bytes) this.#setRest(bytes);
    }
    return this.#rest.byteLength > 0;
  }

  /** Nobody may be waiting when it fails: the failure is met at the next segment, or never after a cancel. */
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
    if (chunk !== undefined) return this.#bytesOf(chunk);
    this.#ended = true;
    return this.#text.end();
  }

  #fail(cause: unknown): never {
    this.#ended = true;
    throw sourceError('it failed', cause);
  }

  #bytesOf(chunk: unknown): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (typeof chunk === 'string') return this.#text.encode(chunk);
    const bytes = bytesOf(chunk);
    if (bytes) return this.#text.endBefore(bytes);
    if (!isBlob(chunk)) {
      const wrong = new TypeError(
        `a chunk is ${chunk === null ? 'null' : `of type ${typeof chunk}`}: bytes, text or Blobs are wanted`,
      );
      this.#chunks.cancel(wrong);
      this.#ended = true;
      throw sourceError('it gave something else than bytes', wrong);
    }
    this.#pieces = blobPieces(chunk);
    return this.#text.end() ?? this.#read();
  }
}

/** Text arrives in chunks that may split a surrogate pair. */
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

  /** Half a pair that no text follows stays in its place. */
  endBefore(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const last = this.end();
    if (!last) return bytes;
    return concat([last, bytes], last.byteLength + bytes.byteLength);
  }
}

/** Waits for reads until it is told to cut. One callback at a time, or a million tiny chunks would pile up on one promise. */
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

/**
 * Copies chunks into a piece (a generator may reuse its buffer), and each full piece into a Blob: two copies, of which
 * a Blob spares `fetch` the third, and its memory need not be in the JavaScript heap.
 *
 * A piece is not used again. Chromium frees Blobs as it collects garbage, counts bytes of buffers towards that and none of
 * Blobs, and has no room for more than 512 MiB of them: with one piece for all, a stream of that length was lost. With
 * fresh ones no more than 90 MiB of Blobs were alive at once in 5 GiB.
 */
class Gatherer {
  readonly #crc64: Crc64;
  #piece: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #used = 0;
  #crc = 0n;
  #blobs: Blob[] = [];
  size = 0;

  constructor(crc64: Crc64) {
    this.#crc64 = crc64;
  }

  add(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.byteLength; ) {
      this.#makeRoom(bytes.byteLength - done);
      const part = bytes.subarray(done, done + this.#piece.byteLength - this.#used);
      this.#piece.set(part, this.#used);
      this.#used += part.byteLength;
      this.size += part.byteLength;
      done += part.byteLength;
    }
  }

  take(): Segment {
    const { size } = this;
    const body = size <= SMALL && this.#blobs.length === 0 ? this.#smallBody() : this.#blobBody();
    const segment = { size, crc: this.#crc, body };
    this.#crc = 0n;
    this.#blobs = [];
    this.size = 0;
    return segment;
  }

  /** The piece grows to its full size first, so that a log line does not cost a megabyte. */
  #makeRoom(wanted: number): void {
    const { byteLength } = this.#piece;
    if (this.#used < byteLength) return;
    if (byteLength === PIECE) this.#flush();
    else this.#grow(this.#used + wanted);
  }

  #grow(wanted: number): void {
    const grown = new Uint8Array(Math.min(PIECE, Math.max(wanted, this.#piece.byteLength * 2)));
    grown.set(this.#piece);
    this.#piece = grown;
  }

  #flush(): void {
    this.#blobs.push(new Blob([this.#filled()]));
    this.#hash();
    this.#piece = new Uint8Array(this.#piece.byteLength);
  }

  #smallBody(): Uint8Array<ArrayBuffer> {
    const bytes = this.#filled().slice();
    this.#hash();
    return bytes;
  }

  #filled(): Uint8Array<ArrayBuffer> {
    return this.#piece.subarray(0, this.#used);
  }

  /** After the bytes were copied: the caller's function sees neither us nor what is sent. */
  #hash(): void {
    const crc64 = this.#crc64;
    this.#crc = crc64(this.#filled(), this.#crc);
    this.#used = 0;
  }

  #blobBody(): Blob {
    if (this.#used > 0) this.#flush();
    const [first] = this.#blobs;
    return this.#blobs.length === 1 && first ? first : new Blob(this.#blobs);
  }
}

function chunksOf(source: Response | ReadableStream | Iterable<unknown> | AsyncIterable<unknown>): ChunkReader {
  if (typeof source !== 'object' || source === null) throw notASource(source);
  if ('getReader' in source) return readStream(source);
  if ('body' in source && 'headers' in source) return readResponse(source);
  if (Symbol.asyncIterator in source || Symbol.iterator in source) return iterate(source);
  throw notASource(source);
}

function readResponse({ body, bodyUsed }: Response): ChunkReader {
  if (bodyUsed) throw new TypeError('the body of this Response has been read already');
  return body ? chunksOf(body) : iterate([]);
}

/** `getReader().read()` alone: Safari's streams have no async iteration. */
function readStream(stream: ReadableStream<unknown>): ChunkReader {
  if (stream.locked) throw new TypeError('this ReadableStream is locked: something else reads it');
  const reader = stream.getReader();
  return {
    read: async () => {
      let ended = true;
      try {
        const { done, value } = await reader.read();
        ended = done;
        return done ? undefined : (value ?? null);
      } finally {
        if (ended) reader.releaseLock();
      }
    },
    cancel: (reason) => {
      reader.cancel(reason).catch(() => {});
      reader.releaseLock();
    },
  };
}

function iterate(source: Iterable<unknown> | AsyncIterable<unknown>): ChunkReader {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  return {
    read: async () => {
      const { done, value } = await iterator.next();
      return done ? undefined : (value ?? null);
    },
    cancel: () => void stop(iterator),
  };
}

/** A generator that is suspended answers when it runs again: nobody waits for it. */
async function stop(iterator: Iterator<unknown> | AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The append has failed already, with a better reason.
  }
}

function notASource(value: unknown): TypeError {
  const what = value === null ? 'null' : typeof value;
  return new TypeError(`source must be a Blob, bytes, a string, a Response, a stream or an iterable, not ${what}`);
}

function sourceError(problem: string, cause?: unknown): SourceError {
  const why = cause instanceof Error ? ` (${redact(cause.message)})` : '';
  return new SourceError(`Cannot read the source: ${problem}${why}`, { code: 'SourceError', cause });
}
