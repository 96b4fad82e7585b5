/**
 * One object of OSS in memory, with as much of a client as the engine needs. Any answer can be refused or lost, before
 * or after the request is carried out. So a test can say in one line what happened between two requests. No time
 * passes.
 */
import type { AppendClient } from '../../src/append/client.ts';
import { crc64 } from '../../src/crc64.ts';
import { ServiceError, TransportError } from '../../src/errors.ts';
import type { AppendBody, ObjectContent, ObjectHead } from '../../src/request/operations.ts';
import { clockAt } from './virtual-clock.ts';

/** One append, as it arrived. */
export interface Post {
  /** The number of the append, counted from 1. */
  readonly nth: number;
  readonly position: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Makes the error of a broken connection, after which the outcome of the request is unknown. */
export function lost(): TransportError {
  return new TransportError('Cannot go on: no answer', { code: 'NetworkError' });
}

/** Makes the error of a permanent refusal. */
export function denied(): ServiceError {
  return new ServiceError('Cannot go on: AccessDenied', { code: 'AccessDenied', status: 403 });
}

export class OneObject {
  /** The contents of the object. They are `undefined` if the object does not exist. */
  bytes: Uint8Array<ArrayBuffer> | undefined;
  readonly posts: Post[] = [];
  /** True to hide the CRC, as CORS does. */
  hidesCrc = false;
  maxAttempts = 8;
  /**
   * These functions are called before and after an append is carried out, and before a HEAD or a GET. They may throw,
   * wait, or change the object.
   */
  before: (post: Post) => unknown = () => {};
  after: (post: Post) => unknown = () => {};
  onhead: () => unknown = () => {};
  onget: () => unknown = () => {};
  /** Called with the answer to a GET. It may return another answer. */
  toContent: (content: ObjectContent) => ObjectContent = (content) => content;

  constructor(text?: string) {
    if (text !== undefined) this.bytes = new TextEncoder().encode(text);
  }

  get text(): string | undefined {
    return this.bytes && new TextDecoder().decode(this.bytes);
  }

  /** The position and the length of each append, as it was sent. */
  get sent(): readonly (readonly [position: number, size: number])[] {
    return this.posts.map(({ position, bytes }) => [position, bytes.byteLength]);
  }

  /** Carries an append out if its position is the end of the object, and refuses it otherwise. */
  store({ position, bytes }: Post): void {
    const have = this.bytes ?? new Uint8Array(0);
    if (position !== have.byteLength) throw notTheEnd(have.byteLength);
    const all = new Uint8Array(position + bytes.byteLength);
    all.set(have);
    all.set(bytes, position);
    this.bytes = all;
  }

  readonly client: AppendClient = {
    appendObject: async (_key, body, { position, signal }) => {
      signal?.throwIfAborted();
      const post: Post = { nth: this.posts.length + 1, position, bytes: await bytesOf(body) };
      this.posts.push(post);
      await this.before(post);
      this.store(post);
      await this.after(post);
      return { nextAppendPosition: this.#length, hashCrc64ecma: this.#crc, etag: undefined, requestId: 'REQ' };
    },
    headObject: async () => {
      await this.onhead();
      return this.#head();
    },
    getObject: async (_key, { range } = {}) => {
      await this.onget();
      return this.toContent(this.#content(range?.start ?? 0, range?.end ?? this.#length - 1));
    },
    retry: {
      clock: clockAt(() => 0),
      again: async (failures, { signal } = {}) => {
        signal?.throwIfAborted();
        return failures < this.maxAttempts;
      },
    },
  };

  get #length(): number {
    return this.bytes?.byteLength ?? 0;
  }

  get #crc(): string | undefined {
    return this.hidesCrc ? undefined : String(crc64(this.bytes ?? new Uint8Array(0)));
  }

  #head(): ObjectHead {
    if (!this.bytes) throw new ServiceError('Cannot read: NoSuchKey', { code: 'NoSuchKey', status: 404 });
    return {
      contentLength: this.#length,
      objectType: 'Appendable',
      nextAppendPosition: this.#length,
      hashCrc64ecma: this.#crc,
      requestId: 'REQ',
      headers: new Headers(),
    };
  }

  #content(start: number, last: number): ObjectContent {
    const head = this.#head();
    const end = Math.min(last, this.#length - 1);
    const body = toStream((this.bytes ?? new Uint8Array(0)).slice(start, end + 1));
    // As after `decode: false`, the header shows that nothing was decoded.
    const headers = new Headers({ 'content-encoding': 'identity' });
    return { ...head, headers, body, range: { start, end }, partial: true };
  }
}

function toStream(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.byteLength > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** Returns a copy, as a network does. */
async function bytesOf(body: AppendBody): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof body === 'string') return new TextEncoder().encode(body);
  if ('arrayBuffer' in body) return new Uint8Array(await body.arrayBuffer());
  return ArrayBuffer.isView(body)
    ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice()
    : new Uint8Array(body.slice(0));
}

function notTheEnd(length: number): ServiceError {
  const message = `Cannot append: PositionNotEqualToLength, the length is ${length}`;
  return new ServiceError(message, { code: 'PositionNotEqualToLength', status: 409, position: length });
}
