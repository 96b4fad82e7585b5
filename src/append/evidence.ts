/**
 * What an object holds, read as evidence: its length and CRC, and the bytes at a place. It hides what CORS may hide, and that an
 * answer may be another one than was asked for.
 */

import { isBlob } from '../bytes.ts';
import { decimal } from '../check.ts';
import { crc64 } from '../crc64.ts';
import { ServiceError, TransportError } from '../errors.ts';
import type { ObjectContent, ObjectHead, OssClient } from '../request/client.ts';
import type { OpenRange } from '../request/operation.ts';
import { blobPieces } from '../source/blob.ts';
import type { Segment } from '../source/segment.ts';
import { parseCrc } from '../tail.ts';
import type { Found } from './verdict.ts';

/** Bytes of an object: never none. */
export interface Place {
  readonly position: number;
  readonly size: number;
}

/** What a reading of bytes gave, and the state of the object that the same answer told. */
export interface Reading<T> {
  readonly value: T;
  readonly found: Found;
}

const NO_OBJECT: Found = { length: undefined, crc: undefined, appendable: true };

/** Looks at one object. Every method fails as the client's do. */
export class Evidence {
  readonly #client: Pick<OssClient, 'headObject' | 'getObject'>;
  readonly #key: string;

  constructor(client: Pick<OssClient, 'headObject' | 'getObject'>, key: string) {
    this.#client = client;
    this.#key = key;
  }

  /** The object's state now. `near` is a length that it had before, or 0. */
  async look(signal: AbortSignal | undefined, near = 0): Promise<Found> {
    try {
      const head = await this.#client.headObject(this.#key, { signal }).catch((error: unknown) => {
        // CORS hides why: a wrong clock, an ended token, no permission. A GET is told that in its body, and can mend it.
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
   * the Content-Length of a part; where it is missing too, the bytes are counted. So the part begins before the last byte
   * that was there, and is short.
   */
  async #measure(near: number, signal: AbortSignal | undefined): Promise<Found> {
    const start = near && near - 1;
    const content = await this.#get({ start }, signal);
    const bytes = new Bytes(content.body);
    const { contentLength, headers, partial } = content;
    // OSS answers a part that begins at the end, or behind it, with all of the object.
    const before = partial ? start : 0;
    const length = contentLength ?? before + (decimal(headers.get('content-length')) ?? (await bytes.countAll()));
    bytes.cancel();
    return asFound(content, length);
  }

  /** Whether the bytes at a place are these. */
  compare(
    place: Place,
    body: Segment['body'],
    looked: Found,
    signal?: AbortSignal,
  ): Promise<Reading<boolean> | undefined> {
    return this.#read(place, looked, signal, (bytes) => isSame(bytes, body));
  }

  /** The CRC-64 of so many first bytes of a place, by their number. */
  crcsOf(
    place: Place,
    sizes: readonly number[],
    looked: Found,
    signal?: AbortSignal,
  ): Promise<Reading<ReadonlyMap<number, bigint>> | undefined> {
    return this.#read(place, looked, signal, (bytes) => prefixCrcs(bytes, sizes));
  }

  /** For callers whom `undefined` gets nowhere: the answers are not exactly the range asked for. */
  inexact({ position, size }: Place): TransportError {
    const bytes = `bytes ${position} to ${position + size - 1}`;
    return unexpected(
      `read ${bytes} of "${this.#key}": the answer is another range, broke off, or was decoded (Content-Encoding)`,
    );
  }

  /** For an answer that tells less than OSS told before. */
  outdated({ length = 0 }: Found, told: number): TransportError {
    return unexpected(
      `read the state of "${this.#key}": the answer tells length ${length}, but OSS has told ${told}. Never read a position through a cache (CDN)`,
    );
  }

  /** Undefined where the answer is not exactly this range, because it broke off or the object became shorter: look again. */
  async #read<T>(
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
        (await this.#read({ position, size: 1 }, looked, signal, async () => true));
      return isRaw ? { value, found: toFound(content, looked) } : undefined;
    } catch (error) {
      // A body that broke off is half an answer: looking again costs less than giving up.
      if (signal?.aborted || !(error instanceof TransportError)) throw error;
      return undefined;
    } finally {
      bytes.cancel();
    }
  }

  /**
   * Asks for the bytes as they are stored, because `fetch` decodes what has a Content-Encoding; Chromium even fails, when it
   * has only a part. OSS refuses some such wishes with HTTP 400: then the bytes come as they come.
   */
  #get(range: OpenRange, signal: AbortSignal | undefined): Promise<ObjectContent> {
    return this.#client.getObject(this.#key, { range, decode: false, signal }).catch((error: unknown) => {
      if (!(error instanceof ServiceError) || error.status !== 400) throw error;
      return this.#client.getObject(this.#key, { range, signal });
    });
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

function unexpected(attempted: string): TransportError {
  return new TransportError(`Cannot ${attempted}`, { code: 'UnexpectedResponse' });
}
