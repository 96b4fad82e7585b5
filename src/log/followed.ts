/**
 * Reads an object that grows, from a position to its end, again and again. An answer may break off, CORS may hide
 * headers, and OSS answers a range after the end with the whole object: this file handles that. It also proves that the
 * object is still the same.
 */

import { concat } from '../bytes.ts';
import { crc64 } from '../crc64.ts';
import { OssError, TransportError } from '../errors.ts';
import { isMissing } from '../failure-kind.ts';
import { parseCrc, parseDecimal } from '../numbers.ts';
import type { OssClient } from '../request/client.ts';
import type { ObjectContent } from '../request/operations.ts';
import type { OpenRange } from '../request/request.ts';
import { getStored, type ReadMode } from '../request/stored.ts';
import { differ, type ObjectTail, publicTail, type Tail } from '../tail.ts';
import { deleted, replaced, shorter } from './changed.ts';
import { hasNoCredentials } from './outage.ts';

/** The methods that a reader needs: an `OssClient`, or another object that has them. */
export type TailClient = Pick<OssClient, 'getObject' | 'retry'>;

/**
 * Each request begins this many bytes before the position that was reached. These bytes are compared with the bytes
 * that were read before. They also keep the range inside the object when nothing is new. They cost about as much as the
 * headers of the answer.
 */
const OVERLAP = 256;

type Bytes = Uint8Array<ArrayBuffer>;

export class Followed {
  readonly key: string;
  readonly #client: TailClient;
  #position: number;
  /** CRC-64 of all bytes before the position. If the caller did not give it, it is unknown until the end is reached. */
  #crc: bigint | undefined;
  /** The last bytes before the position, at most {@link OVERLAP}. */
  #last: Bytes = new Uint8Array(0);
  /** True when the object has existed. */
  #seen = false;
  #sealed = false;
  /** True when it is known that the bytes arrive as they are stored. */
  #stored = false;
  readonly #mode: ReadMode = { decode: false };

  constructor(client: TailClient, key: string, from: Tail) {
    this.#client = client;
    this.key = key;
    this.#position = from.position;
    this.#crc = from.crc;
  }

  /** The position up to which the object was read, bytes. */
  get tail(): ObjectTail {
    return publicTail({ position: this.#position, crc: this.#crc });
  }

  get position(): number {
    return this.#position;
  }

  /** True if the object was sealed at the last reading. Then no more bytes will come. */
  get sealed(): boolean {
    return this.#sealed;
  }

  /** Reads to the present end of the object. If an answer breaks off, the reading goes on from there. */
  async *read(signal: AbortSignal): AsyncGenerator<Bytes, void, undefined> {
    for (let failures = 0; ; ) {
      const before = this.#position;
      let content: ObjectContent | undefined;
      try {
        content = await this.#get(signal);
        if (content) yield* this.#take(content, signal);
        return;
      } catch (error) {
        // A request that failed without an answer was repeated by the client already.
        if (signal.aborted || !(hasNoCredentials(error) || (content && isBreak(error)))) throw error;
        failures = this.#position > before ? 1 : failures + 1;
        if (!(await this.#client.retry.again(failures, { error, signal }))) throw error;
      }
    }
  }

  /** Returns where the next request begins: before the last byte that was there, so that the range is never empty. */
  get #start(): number {
    return Math.max(this.#position - Math.max(this.#last.byteLength, 1), 0);
  }

  /** Makes one request. Returns undefined if the object has never existed. */
  async #get(signal: AbortSignal): Promise<ObjectContent | undefined> {
    try {
      return await this.#ask({ start: this.#start }, signal);
    } catch (error) {
      if (!isMissing(error)) throw error;
      if (this.#seen || this.#position > 0) throw deleted(this);
      return undefined;
    }
  }

  #ask(range: OpenRange, signal: AbortSignal): Promise<ObjectContent> {
    return getStored(this.#client, this.key, { range, signal }, this.#mode);
  }

  /**
   * Holds each chunk back until the next one has arrived or the end is proven. So a short answer is given only when it
   * is right.
   */
  async *#take(content: ObjectContent, signal: AbortSignal): AsyncGenerator<Bytes, void, undefined> {
    const reader = (content.body as ReadableStream<Bytes>).getReader();
    let held: Bytes | undefined;
    try {
      let at = content.partial ? this.#start : 0;
      const length = lengthOf(content, at);
      this.#check(content, at, length);
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        const { value } = chunk;
        await this.#checkStored(content, signal);
        if (at + value.byteLength > (length ?? Number.POSITIVE_INFINITY)) throw tooMany(this.key, length);
        const fresh = this.#accept(value, at);
        at += value.byteLength;
        if (held) yield held;
        held = fresh.byteLength > 0 ? fresh : undefined;
      }
      if (length !== undefined && at < length) throw brokeOff(this.key, at, length);
      if (at < this.#position) throw shorter(this, at);
      this.#finish(content);
      if (held) yield held;
    } catch (error) {
      if (held && isBreak(error)) yield held;
      throw error;
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /** Checks the visible headers of an answer. */
  #check({ objectType = 'Appendable', range }: ObjectContent, start: number, length: number | undefined): void {
    if (objectType !== 'Appendable') {
      if (this.#seen) throw replaced(this, `it has become an object of type ${objectType}`, length);
      const what = `its type is ${objectType}, and such an object does not grow. Use getObject`;
      throw new OssError(`Cannot follow "${this.key}": ${what}`, { code: 'ObjectNotAppendable' });
    }
    if (length !== undefined && length < this.#position) throw shorter(this, length);
    if (range && range.start !== start)
      throw unexpected(this.key, `the answer begins at byte ${range.start}, not ${start}`);
    this.#seen = true;
  }

  /**
   * If `fetch` has decoded the bytes, they are not the stored ones, but their number may be right. If no header shows
   * that nothing was decoded, one byte is read alone, once for each object: no decoder turns one byte into one byte.
   */
  async #checkStored({ headers }: ObjectContent, signal: AbortSignal): Promise<void> {
    if (this.#stored || headers.get('content-encoding') === 'identity') return;
    const { body } = await this.#ask({ start: 0, end: 0 }, signal);
    if ((await countOf(body)) !== 1) {
      const what = 'its bytes do not come as they are stored, because it has a Content-Encoding';
      throw new OssError(`Cannot follow "${this.key}": ${what}`, { code: 'ContentEncoded' });
    }
    this.#stored = true;
  }

  /** Compares the bytes that were read before, and returns the new ones. */
  #accept(chunk: Bytes, at: number): Bytes {
    const known = Math.max(this.#position - at, 0);
    const begin = this.#position - this.#last.byteLength;
    for (let index = Math.max(begin - at, 0); index < Math.min(known, chunk.byteLength); index++)
      if (chunk[index] !== this.#last[at + index - begin])
        throw replaced(this, `byte ${at + index} is another than was read before`);
    const fresh = chunk.subarray(known);
    if (this.#crc !== undefined) this.#crc = crc64(fresh, this.#crc);
    this.#position += fresh.byteLength;
    this.#last = lastOf(this.#last, fresh);
    return fresh;
  }

  /**
   * Checks at the end that the CRC-64 of the whole object is that of the bytes that were read. If not, the object has
   * other bytes.
   */
  #finish({ hashCrc64ecma, headers }: ObjectContent): void {
    const found = parseCrc(hashCrc64ecma);
    if (differ(found, this.#crc))
      throw replaced(
        this,
        `the CRC-64 of its ${this.#position} bytes is ${found}, expected ${this.#crc}`,
        this.#position,
      );
    this.#crc ??= found;
    this.#sealed = headers.has('x-oss-sealed-time');
  }
}

/** Returns the length of the object that an answer shows. CORS never hides the Content-Length of a part. */
function lengthOf({ contentLength, partial, headers }: ObjectContent, start: number): number | undefined {
  const size = parseDecimal(headers.get('content-length'));
  return contentLength ?? (partial && size !== undefined ? start + size : undefined);
}

async function countOf(body: ReadableStream<Uint8Array>): Promise<number> {
  const reader = body.getReader();
  let count = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) count += chunk.value.byteLength;
  return count;
}

/** This is a copy, because the caller may change or transfer the bytes that it gets. */
function lastOf(before: Bytes, fresh: Bytes): Bytes {
  if (fresh.byteLength === 0) return before;
  const end = fresh.slice(-OVERLAP);
  const rest = OVERLAP - end.byteLength;
  return rest > 0 ? concat([before.slice(-rest), end], Math.min(before.byteLength, rest) + end.byteLength) : end;
}

/** True if an answer has broken off. */
function isBreak(error: unknown): boolean {
  return error instanceof TransportError && error.code !== 'UnexpectedResponse';
}

function unexpected(key: string, what: string): TransportError {
  return new TransportError(`Cannot follow "${key}": ${what}`, { code: 'UnexpectedResponse' });
}

function tooMany(key: string, length = 0): TransportError {
  return unexpected(key, `the answer has bytes after the object’s end at byte ${length}`);
}

function brokeOff(key: string, at: number, length: number): TransportError {
  const what = `the answer broke off at byte ${at} of ${length}`;
  return new TransportError(`Cannot follow "${key}": ${what}`, { code: 'NetworkError' });
}
