/**
 * A client of the Worker. It sends a repeatable source as fast as the Worker reads it. After a failure it resumes from
 * the tail of the object.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { crc64, type ObjectTail } from '../../src/index.ts';

const CHUNK = 64 * 1024;
const ORIGIN = 'https://page.example';

/** Makes bytes on demand that differ between clients and between chunks, but are the same at each read. */
export class Source {
  readonly size: number;
  readonly #chunk: Uint8Array<ArrayBuffer>;
  readonly #seed: number;

  constructor(seed: number, size: number) {
    this.size = size;
    this.#seed = seed;
    this.#chunk = Uint8Array.from({ length: CHUNK }, (_, i) => Math.imul(i + 1, 2654435761 + seed) >>> 24);
  }

  /**
   * Yields the bytes beginning at `from`. Each chunk is a copy, because bytes on their way to a socket must not change.
   */
  *chunks(from = 0): Generator<Uint8Array<ArrayBuffer>, void, void> {
    for (let at = from; at < this.size; ) {
      const index = Math.floor(at / CHUNK);
      const chunk = this.#chunk.slice();
      new DataView(chunk.buffer).setUint32(0, index ^ (this.#seed << 16));
      const part = chunk.subarray(at - index * CHUNK, Math.min(CHUNK, this.size - index * CHUNK));
      at += part.length;
      yield part;
    }
  }

  /** Returns the CRC-64 of the first `length` bytes in decimal. */
  crc(length: number = this.size): string {
    let crc = 0n;
    let left = length;
    for (const chunk of this.chunks()) {
      if (left <= 0) break;
      crc = crc64(chunk.subarray(0, left), crc);
      left -= chunk.length;
    }
    return String(crc);
  }
}

/** One user of the Worker. */
export class Client {
  readonly #url: string;
  readonly #cookie: string;

  constructor(url: string, cookie: string) {
    this.#url = url;
    this.#cookie = cookie;
  }

  static async login(url: string): Promise<{ client: Client; prefix: string }> {
    const response = await fetch(`${url}/session`, { method: 'POST', headers: { origin: ORIGIN } });
    const { prefix } = await response.json();
    return { client: new Client(url, response.headers.get('set-cookie')?.split(';')[0] ?? ''), prefix };
  }

  /** Asks the Worker for the tail of an object. */
  async tail(key: string): Promise<ObjectTail> {
    const headers = { origin: ORIGIN, cookie: this.#cookie };
    const response = await fetch(`${this.#url}/upload/${encodeURIComponent(key)}`, { headers });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return response.json();
  }

  /** Sends the bytes of a source beginning at the position `from`. */
  async upload(key: string, source: Source, from = 0): Promise<ObjectTail> {
    const path = `${this.#url}/upload/${encodeURIComponent(key)}?position=${from}`;
    const text = await send(path, source.chunks(from), { origin: ORIGIN, cookie: this.#cookie });
    return JSON.parse(text);
  }

  /**
   * Sends a source completely, even when the Worker is killed. After each failure it asks for the tail, checks the CRC
   * of the stored bytes, and continues from there.
   */
  async uploadThrough(key: string, source: Source): Promise<{ tail: ObjectTail; resumed: number }> {
    let last: unknown;
    for (let resumed = -1; resumed < 100; await wait(50)) {
      try {
        const { position, hashCrc64ecma } = await this.tail(key);
        if (hashCrc64ecma !== undefined && hashCrc64ecma !== source.crc(position))
          throw new Fatal(`${key}: the stored bytes are not the first ${position} bytes of the source`);
        resumed++;
        return { tail: await this.upload(key, source, position), resumed };
      } catch (error) {
        if (error instanceof Fatal) throw error;
        last = error;
      }
    }
    throw new Error(`${key}: the upload did not finish in 100 attempts`, { cause: last });
  }
}

class Fatal extends Error {}

/** Sends a body of unknown length with POST, at the speed at which the server reads it. */
export async function send(
  url: string,
  chunks: Iterable<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const sending = request(url, { method: 'POST', headers });
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  // The server may have sent its answer before the connection broke, so an error of the pipeline is ignored.
  // Without an answer, `answered` rejects.
  pipeline(Readable.from(chunks), sending).catch(() => {});
  const [response] = await answered;
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part;
  if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode} ${text.slice(0, 200)}`);
  return text;
}
