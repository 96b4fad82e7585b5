/**
 * Reads an object as evidence: its length and CRC, and the bytes at a place. It hides what CORS may hide, and repeats a reading
 * whose answer is not what was asked for.
 */

import { isBlob } from '../bytes.ts';
import { decimal } from '../check.ts';
import { crc64 } from '../crc64.ts';
import { ServiceError, TransportError } from '../errors.ts';
import type { ObjectContent, ObjectHead } from '../request/operations.ts';
import type { OpenRange } from '../request/request.ts';
import { blobPieces } from '../source/blob.ts';
import type { Segment } from '../source/segment.ts';
import { parseCrc } from '../tail.ts';
import type { AppendClient } from './client.ts';
import type { Found } from './verdict.ts';

/** Bytes of an object: never none. */
export interface Place {
  readonly position: number;
  readonly size: number;
}

/** What a reading of bytes gave, and the state of the object that the same answer told. */
export interface Reading<T> {
  /** Undefined where the object is too short for the place that was to be read. */
  readonly value: T | undefined;
  readonly found: Found;
}

/** Where a look begins, and what its answer must tell at least. */
export interface LookOptions {
  /** A length that the object had before, bytes. Default 0. */
  readonly near?: number | undefined;
  /** A length that OSS has told already, bytes. An answer with less comes from a cache, because an object only grows. */
  readonly atLeast?: number | undefined;
}

const NO_OBJECT: Found = { length: undefined, crc: undefined, appendable: true };

/** Reads one object. Every method fails as the client's methods do, and repeats a reading that does not tell what was asked. */
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
        `read the state of "${this.#key}": the answer tells length ${length}, but OSS has told ${atLeast}. Never read a position through a cache (CDN)`,
      );
    }
  }

  /** Compares the bytes at a place with these. The value is undefined where the object no longer reaches to the end of the place. */
  compare(
    place: Place,
    body: Segment['body'],
    looked: Found,
    signal: AbortSignal | undefined,
  ): Promise<Reading<boolean>> {
    return this.#read(place, looked, signal, (bytes) => isSame(bytes, body));
  }

  /**
   * The CRC-64 of the first bytes of a place, for each of these sizes.
   *
   * @throws TransportError (`UnexpectedResponse`) where the object no longer reaches to the end of the place.
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

  /** The object's state, as one HEAD or GET tells it. */
  async #lookOnce(near: number, signal: AbortSignal | undefined): Promise<Found> {
    try {
      const head = await this.#client.headObject(this.#key, { signal }).catch((error: unknown) => {
        // CORS hides the reason: a wrong clock, an ended token, no permission. A GET has the reason in its body, and can mend it.
        if (!(error instanceof ServiceError && error.code === 'Http403')) throw error;
      });
      return head?.contentLength === undefined ? await this.#measure(near, signal) : asFound(head);
    } catch (error) {
      if (isMissing(error)) return NO_OBJECT;
      throw error;
    }
  }

  /**
   * The state as a GET tells it, where HEAD does not tell the length: OSS leaves that out for text types. CORS never hides
   * the Content-Length of a part. Where it is missing too, the bytes are counted. So the part begins before the last byte
   * that was there, and is short.
   */
  async #measure(near: number, signal: AbortSignal | undefined): Promise<Found> {
    const start = near && near - 1;
    const content = await this.#get({ start }, signal);
    const bytes = new Bytes(content.body);
    const { contentLength, headers, partial } = content;
    // OSS answers a part that begins at the end, or behind it, with the whole object.
    const before = partial ? start : 0;
    const length = contentLength ?? before + (decimal(headers.get('content-length')) ?? (await bytes.countAll()));
    bytes.cancel();
    return asFound(content, length);
  }

  /** Reads a place, again and again, until an answer covers exactly the place, or the object no longer reaches to its end. */
  async #read<T>(
    place: Place,
    looked: Found,
    signal: AbortSignal | undefined,
    consume: (bytes: Bytes) => Promise<T>,
  ): Promise<Reading<T>> {
    for (let found = looked, reads = 1; ; reads++) {
      const reading = await this.#readOnce(place, found, signal, consume);
      if (reading) return reading;
      if (!(await this.#client.retry.again(reads, { signal }))) throw this.#inexact(place);
      found = await this.look(signal, { near: place.position });
      if (!found.appendable || (found.length ?? 0) < place.position + place.size) return { value: undefined, found };
    }
  }

  /** Undefined where the answer does not cover exactly the place: it broke off, or the object became shorter meanwhile. */
  async #readOnce<T>(
    { position, size }: Place,
    looked: Found,
    signal: AbortSignal | undefined,
    consume: (bytes: Bytes) => Promise<T>,
  ): Promise<Reading<T> | undefined> {
    const end = position + size - 1;
    const content = await this.#get({ start: position, end }, signal);
    const { range, partial, headers } = content;
    const bytes = new Bytes(content.body);
    try {
      if (!partial || (range && (range.start !== position || range.end !== end))) return undefined;
      const value = await consume(bytes);
      if ((await bytes.countAll()) !== size) return undefined;
      // Decoded bytes may be as many as were asked for, and are not the stored ones. No decoder makes one byte of one byte.
      const isRaw =
        size === 1 ||
        headers.get('content-encoding') === 'identity' ||
        (await this.#readOnce({ position, size: 1 }, looked, signal, async () => true));
      return isRaw ? { value, found: toFound(content, looked) } : undefined;
    } catch (error) {
      // A body that broke off is half an answer. Another reading costs less than giving up.
      if (signal?.aborted || !(error instanceof TransportError)) throw error;
      return undefined;
    } finally {
      bytes.cancel();
    }
  }

  /**
   * Asks for the bytes as they are stored, because `fetch` decodes what has a Content-Encoding. Chromium even fails when it has
   * only a part of that. OSS refuses some such requests with HTTP 400: then the bytes come as they come.
   */
  #get(range: OpenRange, signal: AbortSignal | undefined): Promise<ObjectContent> {
    return this.#client.getObject(this.#key, { range, decode: false, signal }).catch((error: unknown) => {
      if (!(error instanceof ServiceError) || error.status !== 400) throw error;
      return this.#client.getObject(this.#key, { range, signal });
    });
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

/** A body, read chunk by chunk and counted. */
class Bytes {
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

  /** Ends what is not read. */
  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }

  async countAll(): Promise<number> {
    while (await this.next());
    return this.#count;
  }
}

/** Compares as the bytes arrive, holding a piece of each side. */
async function isSame(bytes: Bytes, body: Segment['body']): Promise<boolean> {
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

async function prefixCrcs(bytes: Bytes, sizes: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
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

/** A GET's own length and CRC are newer than a HEAD's; CORS may hide both. */
function toFound(content: ObjectContent, looked: Found): Found {
  const found = asFound(content);
  return found.length === undefined || (found.length === looked.length && found.crc === undefined) ? looked : found;
}

/** Absent; or CORS hides why, and then an append to position 0 will tell. NoSuchBucket is never absent. */
function isMissing(error: unknown): boolean {
  return error instanceof ServiceError && error.status === 404 && /^(NoSuchKey|Http404)$/.test(error.code);
}
