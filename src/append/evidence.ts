/**
 * Reads an object as evidence: its length, its CRC, and the bytes at a place. Some headers may be hidden by CORS; this
 * file finds the same facts without them. It reads again if an answer is not what was asked for.
 */

import { isBlob } from '../bytes.ts';
import { crc64 } from '../crc64.ts';
import { ServiceError, TransportError } from '../errors.ts';
import { isMissing } from '../failure-kind.ts';
import { parseCrc, parseDecimal } from '../numbers.ts';
import type { ObjectContent, ObjectHead } from '../request/operations.ts';
import { getStored, type ReadMode } from '../request/stored.ts';
import { blobPieces } from '../source/blob.ts';
import type { Segment } from '../source/segment.ts';
import type { AppendClient } from './client.ts';
import type { Found } from './verdict.ts';

/** A place in an object. It has at least one byte. */
export interface Place {
  readonly position: number;
  readonly size: number;
}

/** The result of reading bytes, and the state of the object that the same answer shows. */
export interface Reading<T> {
  /** It is undefined if the object is too short for the place. */
  readonly value: T | undefined;
  readonly found: Found;
}

/** Where a reading begins, and the length that its answer must have at least. */
export interface LookOptions {
  /** A length that the object had before, bytes. Default 0. */
  readonly near?: number | undefined;
  /**
   * A length that OSS has already reported, bytes. Default 0. A smaller answer comes from a cache, because an object
   * only grows.
   */
  readonly atLeast?: number | undefined;
}

const NO_OBJECT: Found = { length: undefined, crc: undefined, appendable: true };

/**
 * Reads one object. Every method has the errors of the client's methods, and reads again if an answer is not what was
 * asked for.
 */
export class Evidence {
  readonly #client: Pick<AppendClient, 'headObject' | 'getObject' | 'retry'>;
  readonly #key: string;

  constructor(client: Pick<AppendClient, 'headObject' | 'getObject' | 'retry'>, key: string) {
    this.#client = client;
    this.#key = key;
  }

  /** Reads the object's state. */
  async look(signal: AbortSignal | undefined, { near = 0, atLeast = 0 }: LookOptions = {}): Promise<Found> {
    for (let looks = 1; ; looks++) {
      const found = await this.#lookOnce(near, signal);
      const { length = 0 } = found;
      if (length >= atLeast) return found;
      if (await this.#client.retry.again(looks, { signal })) continue;
      throw this.#unexpected(
        `read the state of "${this.#key}": found length ${length}, but OSS said ${atLeast} before. A cache (CDN) must not answer`,
      );
    }
  }

  /**
   * Compares the bytes at a place with `body`. The value is undefined if the object no longer reaches to the end of the
   * place.
   */
  compare(
    place: Place,
    body: Segment['body'],
    looked: Found,
    signal: AbortSignal | undefined,
  ): Promise<Reading<boolean>> {
    return this.#read(place, looked, signal, (bytes) => isSame(bytes, body));
  }

  /**
   * Returns the CRC-64 of the first bytes of a place, for each of the given sizes.
   *
   * @throws TransportError (`UnexpectedResponse`) if the object no longer reaches to the end of the place.
   */
  async crcsOf(
    place: Place,
    sizes: readonly number[],
    looked: Found,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<number, bigint>> {
    const { value } = await this.#read(place, looked, signal, (bytes) => prefixCrcs(bytes, sizes));
    if (value) return value;
    throw this.#inexact(place);
  }

  /** Returns the state of the object that one HEAD or GET shows. */
  async #lookOnce(near: number, signal: AbortSignal | undefined): Promise<Found> {
    try {
      const head = await this.#client.headObject(this.#key, { signal }).catch((error: unknown) => {
        // CORS hides why HEAD was refused: a wrong clock, an expired token, or no permission. A GET has the reason in
        // its body, so the client can correct the clock or renew the token.
        if (!(error instanceof ServiceError && error.code === 'Http403')) throw error;
      });
      return head?.contentLength === undefined ? await this.#measure(near, signal) : asFound(head);
    } catch (error) {
      if (isMissing(error)) return NO_OBJECT;
      throw error;
    }
  }

  /**
   * Reads the state with a GET, if HEAD did not show the length: OSS leaves it out for text types. CORS never hides the
   * Content-Length of a part. If that is missing too, the bytes are counted. So the range begins at the last byte that
   * is known, and the part is short.
   */
  async #measure(near: number, signal: AbortSignal | undefined): Promise<Found> {
    const start = near && near - 1;
    const content = await getStored(this.#client, this.#key, { range: { start }, signal }, { decode: false });
    const bytes = new CountingReader(content.body);
    const { contentLength, headers, partial } = content;
    // If the range begins at the end of the object or after it, OSS answers with the whole object.
    const before = partial ? start : 0;
    const length = contentLength ?? before + (parseDecimal(headers.get('content-length')) ?? (await bytes.countAll()));
    bytes.cancel();
    return asFound(content, length);
  }

  /** Reads a place until an answer covers exactly the place, or until the object no longer reaches to its end. */
  async #read<T>(
    place: Place,
    looked: Found,
    signal: AbortSignal | undefined,
    consume: (bytes: CountingReader) => Promise<T>,
  ): Promise<Reading<T>> {
    for (let found = looked, reads = 1; ; reads++) {
      const reading = await this.#readOnce(place, found, signal, consume);
      if (reading) return reading;
      if (!(await this.#client.retry.again(reads, { signal }))) throw this.#inexact(place);
      found = await this.look(signal, { near: place.position });
      if (!found.appendable || (found.length ?? 0) < place.position + place.size) return { value: undefined, found };
    }
  }

  /**
   * Returns undefined if the answer does not cover exactly the place: it broke off, or the object became shorter in the
   * meantime.
   */
  async #readOnce<T>(
    { position, size }: Place,
    looked: Found,
    signal: AbortSignal | undefined,
    consume: (bytes: CountingReader) => Promise<T>,
    mode: ReadMode = { decode: false },
  ): Promise<Reading<T> | undefined> {
    const end = position + size - 1;
    const content = await getStored(this.#client, this.#key, { range: { start: position, end }, signal }, mode);
    const { range, partial, headers } = content;
    const bytes = new CountingReader(content.body);
    try {
      if (!partial || (range && (range.start !== position || range.end !== end))) return undefined;
      const value = await consume(bytes);
      if ((await bytes.countAll()) !== size) return undefined;
      // If `fetch` has decoded the bytes, they are not the stored bytes, but their number may be right. So one byte is
      // read in the same way: no decoder turns one byte into one byte.
      const isRaw =
        size === 1 ||
        headers.get('content-encoding') === 'identity' ||
        (await this.#readOnce({ position, size: 1 }, looked, signal, async () => true, mode));
      return isRaw ? { value, found: toFound(content, looked) } : undefined;
    } catch (error) {
      // The body broke off, so the answer is incomplete. Reading again costs less than giving up.
      if (signal?.aborted || !(error instanceof TransportError)) throw error;
      return undefined;
    } finally {
      bytes.cancel();
    }
  }

  #inexact({ position, size }: Place): TransportError {
    const bytes = `bytes ${position} to ${position + size - 1}`;
    return this.#unexpected(
      `read ${bytes} of "${this.#key}": the answer is another range, broke off, or was decoded (Content-Encoding)`,
    );
  }

  #unexpected(attempted: string): TransportError {
    return new TransportError(`Cannot ${attempted}`, { code: 'UnexpectedResponse' });
  }
}

/** Reads a body chunk by chunk, and counts the bytes. */
class CountingReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #count = 0;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = (body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  }

  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { value } = await this.#reader.read();
    this.#count += value?.byteLength ?? 0;
    return value;
  }

  /** Drops the rest of the body. */
  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }

  async countAll(): Promise<number> {
    while (await this.next());
    return this.#count;
  }
}

/** Compares the bytes while they arrive. Only one piece of each side is in memory. */
async function isSame(bytes: CountingReader, body: Segment['body']): Promise<boolean> {
  let chunk: Uint8Array | undefined;
  for await (const piece of isBlob(body) ? blobPieces(body) : [body]) {
    for (let index = 0; index < piece.byteLength; ) {
      if (!chunk?.byteLength) chunk = await bytes.next();
      if (!chunk) return false;
      const length = Math.min(chunk.byteLength, piece.byteLength - index);
      for (let offset = 0; offset < length; offset++) if (chunk[offset] !== piece[index + offset]) return false;
      chunk = chunk.subarray(length);
      index += length;
    }
  }
  return true;
}

async function prefixCrcs(bytes: CountingReader, sizes: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
  const crcs = new Map<number, bigint>();
  const ends = [...sizes].sort((a, b) => a - b);
  let [position, crc] = [0, 0n];
  for (let chunk = await bytes.next(); chunk; chunk = await bytes.next()) {
    const next = position + chunk.byteLength;
    for (const end of [...ends.filter((size) => size > position && size < next), next]) {
      crc = crc64(chunk.subarray(0, end - position), crc);
      crcs.set(end, crc);
      chunk = chunk.subarray(end - position);
      position = end;
    }
  }
  return crcs;
}

function asFound(
  { objectType = 'Appendable', contentLength, hashCrc64ecma }: ObjectHead,
  length = contentLength,
): Found {
  return { length, crc: parseCrc(hashCrc64ecma), appendable: objectType === 'Appendable' };
}

/**
 * Returns the state that a GET shows, because it is newer than that of a HEAD. If CORS hides the length, or hides the
 * CRC while the length is the same, the state of the HEAD is used.
 */
function toFound(content: ObjectContent, looked: Found): Found {
  const found = asFound(content);
  return found.length === undefined || (found.length === looked.length && found.crc === undefined) ? looked : found;
}
