/**
 * Any source to segments of at most the asked size, each with its CRC and sendable again. Hides what a source is
 * (Blob, bytes, text, stream, iterable), and keeps memory to the segment being gathered and one piece.
 */
import { throwIfAborted } from './abort.ts';
import { type Crc64, crc64 as ownCrc64 } from './crc64.ts';
import { checkType, redact, SourceError } from './errors.ts';

/** Bytes in any of the forms that a chunk of a stream may have. */
export type AppendChunk = ArrayBuffer | ArrayBufferView | string | Blob;

/**
 * What can be appended. Streams and iterables are read once; bytes longer than a segment must not change until the append is
 * done, and those of a chunk not before the next chunk is asked for. `null` is the body of a Request or Response that has
 * none: an empty source.
 */
export type AppendSource =
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | string
  | Response
  | Request
  | null
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
 * @param start of a Blob, bytes that are left out at its beginning
 * @throws TypeError for what is no source, or one that is already being read.
 */
export function readSegments(source: AppendSource, crc64: Crc64 = ownCrc64, start = 0): SegmentReader {
  const gatherer = new Gatherer(crc64);
  if (isBlob(source)) {
    const { size, type } = source;
    if (isSendable(source)) return new BlobSegments(source, crc64, start);
    return new ChunkSegments(iterate(blobPieces(source, start)), gatherer, size, type);
  }
  const bytes = bytesOf(source);
  if (bytes) return new ChunkSegments(iterate([bytes]), gatherer, bytes.byteLength);
  return new ChunkSegments(chunksOf(source as Parameters<typeof chunksOf>[0]), gatherer);
}

/** Recognises a Blob by its shape, because Blobs also come from other realms and from libraries. */
export function isBlob(value: unknown): value is Blob {
  const { size = -1, slice, arrayBuffer } = Object(value) as Partial<Blob>;
  return Number.isSafeInteger(size) && size >= 0 && typeof slice === 'function' && typeof arrayBuffer === 'function';
}

/**
 * Whether `fetch` sends the bytes of this Blob's slices, and adds no Content-Type. It takes the Blob of a library for text, and
 * sends `[object Blob]`. The platform's own `slice` refuses such a Blob. Two kinds pass that and get a Content-Type from
 * `Response`, which converts a body exactly as `fetch` does: a Blob where a library replaced the global one (jsdom), and one
 * whose slices keep their type (Bun).
 */
export function isSendable(blob: Blob): boolean {
  try {
    return !new Response(ownSlice(blob, 0, 0)).headers.has('content-type');
  } catch {
    return false;
  }
}

/** The same bytes without a type. The standard says that a slice has none, but in Bun a File's slice keeps it. */
export function untyped(blob: Blob): Blob {
  return blob.type ? new Blob([blob]) : blob;
}

/** By the platform's own `slice`, whatever a subclass or a library makes of it. */
function ownSlice(blob: Blob, start: number, end: number): Blob {
  return Blob.prototype.slice.call(blob, start, end);
}

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/**
 * Text as UTF-8, and views and buffers of any realm as bytes. They are copied only where `fetch` refuses them: from memory that
 * is shared, or that can change its size.
 */
export function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(value) ? value : { buffer: value as ArrayBuffer };
  if (!/ArrayBuffer$/.test(tagOf(buffer))) return undefined;
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return tagOf(buffer) === 'ArrayBuffer' && !(buffer as { resizable?: boolean }).resizable ? bytes : bytes.slice();
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

/**
 * Reads a Blob, or a part of it, a piece at a time.
 *
 * @throws SourceError where the file changed since it was picked, or cannot be read any more.
 */
export async function* blobPieces(
  blob: Blob,
  start = 0,
  end: number = blob.size,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  for (let from = start; from < end; from += READ) {
    const bytes = await readBlob(blob, from, Math.min(from + READ, end));
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

/** A beginning of a Blob, and the CRC-64 of its bytes. */
export interface Prefix {
  readonly size: number;
  readonly crc: bigint;
}

/** The CRC-64 of a beginning of a Blob, of `size` bytes, computed from that of a shorter one. */
export async function extendPrefix(
  blob: Blob,
  { size: start, crc: known }: Prefix,
  size: number,
  { crc64 = ownCrc64, signal }: { readonly crc64?: Crc64 | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<Prefix> {
  let crc = known;
  try {
    for await (const piece of blobPieces(blob, start, size)) {
      throwIfAborted(signal);
      crc = BigInt(crc64(piece, crc));
    }
    return { size, crc };
  } catch (error) {
    if (signal?.aborted) throw error;
    return failSource(error);
  }
}

/** Reads a part of a Blob. */
export async function readBlob(blob: Blob, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const size = end - start;
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = new Uint8Array(await blob.slice(start, end).arrayBuffer());
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
  #offset: number;

  constructor(blob: Blob, crc64: Crc64, start: number) {
    this.type = blob.type;
    this.#blob = blob;
    this.#crc64 = crc64;
    this.#offset = start;
  }

  get total(): number {
    return this.#blob.size;
  }

  async next(size: number): Promise<Segment | undefined> {
    const start = this.#offset;
    if (start >= this.total) return undefined;
    this.#offset = Math.min(start + size, this.total);
    const body = untyped(ownSlice(this.#blob, start, this.#offset));
    return { ...(await extendPrefix(body, { size: 0, crc: 0n }, body.size, { crc64: this.#crc64 })), body };
  }

  cancel(): void {
    this.#offset = this.total;
  }
}

/** Chunks, one by one; `undefined` at the end. Both methods reject with what the source throws. */
interface ChunkReader {
  /** In an object, because a chunk that is a Promise by mistake would be awaited otherwise. */
  read(): Promise<{ readonly value: unknown } | undefined>;
  cancel(reason: unknown): Promise<unknown>;
}

/** Gathers chunks of any size. */
class ChunkSegments implements SegmentReader {
  readonly total: number | undefined;
  readonly type: string;
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

  constructor(chunks: ChunkReader, gatherer: Gatherer, total?: number, type = '') {
    this.#chunks = chunks;
    this.#gatherer = gatherer;
    this.total = total;
    this.type = type;
  }

  /** Whatever fails here is told as the source's failure, so that the caller learns how much is stored. */
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
    this.#stop(reason);
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
    if (chunk) return this.#bytesOf(chunk.value);
    this.#ended = true;
    return this.#text.end();
  }

  #fail(cause: unknown): never {
    this.#ended = true;
    return failSource(cause);
  }

  /** The append has ended, with a better reason than what a source may throw here. A generator answers only when it runs again. */
  #stop(reason: unknown): void {
    if (!this.#ended) this.#chunks.cancel(reason).catch(() => {});
    this.#ended = true;
  }

  #bytesOf(chunk: unknown): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (typeof chunk === 'string') return this.#text.encode(chunk);
    const bytes = bytesOf(chunk);
    if (bytes) return this.#text.endBefore(bytes);
    if (!isBlob(chunk)) {
      const wrong = new TypeError(`a chunk is of type ${tagOf(chunk)}: bytes, text or Blobs are wanted`);
      this.#stop(wrong);
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
    this.#crc = BigInt(crc64(this.#filled(), this.#crc));
    this.#used = 0;
  }

  #blobBody(): Blob {
    if (this.#used > 0) this.#flush();
    const [first] = this.#blobs;
    return this.#blobs.length === 1 && first ? first : new Blob(this.#blobs);
  }
}

function chunksOf(
  source: Response | Request | null | ReadableStream | Iterable<unknown> | AsyncIterable<unknown>,
): ChunkReader {
  // The body of a Request or Response that has none.
  if (source === null) return iterate([]);
  if (typeof source === 'object') {
    if ('getReader' in source) return readStream(source);
    if ('body' in source && 'headers' in source) return readBody(source);
    if (Symbol.asyncIterator in source) return iterate(source);
    // A FormData, URLSearchParams, Headers or Map gives pairs when it is iterated, and a library's own does as well.
    if (Symbol.iterator in source && !('entries' in source && 'get' in source && 'delete' in source))
      return iterate(source);
  }
  throw new TypeError(
    `source must be a Blob, bytes, a string, a Response, a stream or an iterable, not of type ${tagOf(source)}; of a FormData or Map append the values`,
  );
}

function readBody(source: Response | Request): ChunkReader {
  const { body, bodyUsed, ok, status } = source as Response;
  // A Request has no `ok`. An opaque Response (`no-cors`) is never ok, because it hides its bytes.
  checkType(ok !== false, `this Response is HTTP ${status}: append only what is ok`);
  checkType(!bodyUsed, 'this body has been read already');
  return chunksOf(body);
}

/** `getReader().read()` alone: Safari's streams have no async iteration. */
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

function iterate(source: Iterable<unknown> | AsyncIterable<unknown>): ChunkReader {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  return {
    read: async () => {
      const { done, value } = await iterator.next();
      return done ? undefined : { value };
    },
    cancel: async () => iterator.return?.(),
  };
}

function failSource(error: unknown): never {
  throw error instanceof SourceError ? error : sourceError('it failed', error);
}

function sourceError(problem: string, cause?: unknown): SourceError {
  const why = cause instanceof Error ? ` (${redact(cause.message)})` : '';
  return new SourceError(`Cannot read the source: ${problem}${why}`, { code: 'SourceError', cause });
}
