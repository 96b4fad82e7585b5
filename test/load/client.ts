/** A client of the Worker: a source that is the same each time, sent as fast as it is taken, and resumed from the tail. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { crc64, type ObjectTail } from '../../src/index.ts';

const CHUNK = 64 * 1024;
const ORIGIN = 'https://page.example';

/** Bytes that differ from client to client and from chunk to chunk, made as they are needed. */
export class Source {
  readonly size: number;
  readonly #chunk: Uint8Array<ArrayBuffer>;
  readonly #seed: number;

  constructor(seed: number, size: number) {
    this.size = size;
    this.#seed = seed;
    this.#chunk = Uint8Array.from({ length: CHUNK }, (_, i) => Math.imul(i + 1, 2654435761 + seed) >>> 24);
  }

  /** A copy each time: what is written to a socket must not change. */
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

  /** Of the first bytes, decimal. */
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

  /** Where an object ends. */
  async tail(key: string): Promise<ObjectTail> {
    const headers = { origin: ORIGIN, cookie: this.#cookie };
    const response = await fetch(`${this.#url}/upload/${encodeURIComponent(key)}`, { headers });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return response.json();
  }

  /** Sends a source from a position on. */
  async upload(key: string, source: Source, from = 0): Promise<ObjectTail> {
    const path = `${this.#url}/upload/${encodeURIComponent(key)}?position=${from}`;
    const text = await send(path, source.chunks(from), { origin: ORIGIN, cookie: this.#cookie });
    return JSON.parse(text);
  }

  /** Sends a source whatever happens to the Worker: asks for the tail, proves it, and goes on. */
  async uploadThrough(key: string, source: Source): Promise<{ tail: ObjectTail; resumed: number }> {
    let last: unknown;
    for (let resumed = -1; resumed < 100; await wait(50)) {
      try {
        const { position, hashCrc64ecma } = await this.tail(key);
        if (hashCrc64ecma !== undefined && hashCrc64ecma !== source.crc(position))
          throw new Fatal(`${key}: other bytes`);
        resumed++;
        return { tail: await this.upload(key, source, position), resumed };
      } catch (error) {
        if (error instanceof Fatal) throw error;
        last = error;
      }
    }
    throw new Error(`${key}: no end after 100 attempts`, { cause: last });
  }
}

class Fatal extends Error {}

/** POSTs a body of unknown length, no faster than it is taken. */
export async function send(
  url: string,
  chunks: Iterable<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const sending = request(url, { method: 'POST', headers });
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  // A connection that breaks while the body is sent may have brought an answer first; without one `answered` rejects.
  pipeline(Readable.from(chunks), sending).catch(() => {});
  const [response] = await answered;
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part;
  if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode} ${text.slice(0, 200)}`);
  return text;
}
