/**
 * Clients of the Worker. One sends a repeatable source in one request, as fast as the Worker reads it. The other one is
 * tus-js-client, which resumes after a failure.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Upload } from 'tus-js-client';
import { crc64, type ObjectTail } from '../../src/index.ts';

const CHUNK = 64 * 1024;
/** The bytes of one request of tus. The client keeps them, because it cannot read a stream twice. */
const PIECE = 4 * 1024 * 1024;
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

  /** Sends the bytes of a source beginning at the position `from`. */
  async upload(key: string, source: Source, from = 0): Promise<ObjectTail> {
    const path = `${this.#url}/upload/${encodeURIComponent(key)}?position=${from}`;
    const text = await send(path, source.chunks(from), { origin: ORIGIN, cookie: this.#cookie });
    return JSON.parse(text);
  }

  /** Uploads a source with tus-js-client, which resumes after each failure. Returns the key that the Worker chose. */
  uploadWithTus(url: string, source: Source): Promise<{ key: string; resumed: number }> {
    return new Promise((resolve, reject) => {
      let resumed = 0;
      const upload: Upload = new Upload(Readable.from(source.chunks()), {
        endpoint: `${url}/upload`,
        headers: { cookie: this.#cookie },
        uploadSize: source.size,
        chunkSize: PIECE,
        retryDelays: Array.from({ length: 200 }, () => 100),
        onBeforeRequest: (request) => {
          if (request.getMethod() === 'HEAD') resumed++;
        },
        onError: reject,
        onSuccess: () => {
          const { pathname } = new URL(String(upload.url));
          resolve({ key: decodeURIComponent(pathname.slice('/upload/'.length)), resumed });
        },
      });
      upload.start();
    });
  }
}

/** Sends a body of unknown length with POST, at the speed at which the server reads it. */
export async function send(
  url: string,
  chunks: Iterable<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const sending = request(url, { method: 'POST', headers, agent: false });
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
