/**
 * Checksums of bodies: `Upload-Checksum` of tus, and `Content-Digest`. Both standards demand that nothing of a damaged
 * body is stored. So such a body is read completely before its first byte is stored.
 */
import type { Clock } from '../waiting/clock.ts';
import { freeBuffer } from './free-buffer.ts';
import { badRequest, Refusal } from './refusal.ts';
import { uploadMemory } from './segment-memory.ts';

/** The checksum that a client sent for a body. */
export interface Digest {
  /** The name of the algorithm in Web Crypto. */
  readonly algorithm: string;
  readonly bytes: Uint8Array;
  /** The status of the refusal if the body has another checksum. */
  readonly mismatch: number;
}

/** The algorithms by their names in tus. */
const TUS: Readonly<Record<string, string>> = { sha1: 'SHA-1', sha256: 'SHA-256' };
/** The algorithms by their names in `Content-Digest`. By RFC 9530, others are ignored. */
const FIELDS: Readonly<Record<string, string>> = { 'sha-256': 'SHA-256', 'sha-512': 'SHA-512' };

/** The first size of the buffer for a body of unknown length, and the size of the pieces, in bytes. */
const FIRST = 64 * 1024;
/**
 * A request waits for memory up to `most` ms, and tries to reserve it every `step` ms. It is not refused at once,
 * because many clients, such as tus-js-client, give up after a few refusals within some seconds. If there is still no
 * memory, the answer tells the client to retry after `retry` s.
 */
const WAIT = { most: 20_000, step: 250, retry: 5 };

/** The value of `Tus-Checksum-Algorithm`. */
export const CHECKSUMS = 'sha1,sha256';

/**
 * Reads `Upload-Checksum`.
 *
 * @throws Refusal (400) for an unknown algorithm, and for a checksum that is not Base64.
 * @see https://tus.io/protocols/resumable-upload#checksum
 */
export function readUploadChecksum({ headers }: Request): Digest | undefined {
  const text = headers.get('upload-checksum');
  if (text === null) return undefined;
  const [name = '', value = ''] = text.split(' ');
  const algorithm = Object.hasOwn(TUS, name) ? TUS[name] : undefined;
  if (!algorithm) throw badRequest(`Upload-Checksum must have one of these algorithms: ${CHECKSUMS}`);
  return { algorithm, bytes: fromBase64(value, 'Upload-Checksum'), mismatch: 460 };
}

/**
 * Reads `Content-Digest`.
 *
 * @throws Refusal (400) for a digest that is not Base64.
 * @see https://www.rfc-editor.org/rfc/rfc9530
 */
export function readContentDigest({ headers }: Request): Digest | undefined {
  for (const member of (headers.get('content-digest') ?? '').split(',')) {
    const [, name = '', value = ''] = /^\s*([a-z0-9-]+)=:([^:]*):/.exec(member) ?? [];
    const algorithm = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (algorithm) return { algorithm, bytes: fromBase64(value, 'Content-Digest'), mismatch: 400 };
  }
  return undefined;
}

/** What is known of a body before it is read. */
export interface VerifiedOptions {
  /** The greatest length in bytes. */
  readonly most: number;
  /** The announced length in bytes. */
  readonly announced?: number | undefined;
  readonly clock: Pick<Clock, 'now' | 'setTimeout'>;
}

/**
 * Reads a body completely, and yields it in pieces if it has the checksum.
 *
 * @throws Refusal: 413 if the body has more than `most` bytes, 460 or 400 if it has another checksum, and 503 if the
 *   uploads of this process leave no memory for it for 20 s.
 */
export async function* verified(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  digest: Digest,
  options: VerifiedOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const body = new HeldBody(options);
  try {
    await body.begin();
    for await (const chunk of chunks) await body.add(chunk);
    await checkDigest(body.bytes, digest);
    yield* body.pieces();
  } finally {
    body.free();
  }
}

/** Holds a body in one buffer. A list of chunks could be much larger than the body, because a chunk can have one byte. */
class HeldBody {
  readonly #options: VerifiedOptions;
  #buffer = new Uint8Array(0);
  #size = 0;

  constructor(options: VerifiedOptions) {
    this.#options = options;
  }

  /** Reserves the announced length at once, so that a client that gets no memory does not send its body for nothing. */
  begin(): Promise<void> {
    const { announced, most } = this.#options;
    return this.#reach(announced ?? Math.min(FIRST, most));
  }

  async add(chunk: Uint8Array): Promise<void> {
    const end = this.#size + chunk.byteLength;
    const { length } = this.#buffer;
    if (end > length) await this.#reach(Math.max(end, Math.min(2 * length, this.#options.most)));
    this.#keep();
    this.#buffer.set(chunk, this.#size);
    this.#size = end;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#size);
  }

  /** Yields the body in pieces, and keeps its memory reserved while the pieces before are stored. */
  *pieces(): Generator<Uint8Array<ArrayBuffer>, void, void> {
    for (let at = 0; at < this.#size; at += FIRST) {
      this.#keep();
      yield this.bytes.subarray(at, at + FIRST);
    }
  }

  free(): void {
    uploadMemory.free(this);
    freeBuffer(this.#buffer.buffer);
  }

  /** Makes the buffer large enough for `size` bytes. */
  async #reach(size: number): Promise<void> {
    const { most } = this.#options;
    if (size > most) throw tooLarge(most);
    await this.#reserve(size);
    const larger = new Uint8Array(size);
    larger.set(this.bytes);
    freeBuffer(this.#buffer.buffer);
    this.#buffer = larger;
  }

  /**
   * Waits until there is memory. The request uses a timer of its own, because a request of a Worker must not wait for
   * a promise of another request.
   *
   * @throws Refusal (503) after 20 s.
   */
  async #reserve(size: number): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + WAIT.most;
    while (!uploadMemory.reserve(this, { size, now: clock.now() })) {
      if (clock.now() >= end) throw noMemory();
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, WAIT.step));
    }
  }

  /** Keeps the reserved memory, even if the uploads together have taken more than the limit since then. */
  #keep(): void {
    uploadMemory.keep(this, { size: this.#buffer.length, now: this.#options.clock.now(), isHeld: true });
  }
}

async function checkDigest(body: Uint8Array<ArrayBuffer>, { algorithm, bytes, mismatch }: Digest): Promise<void> {
  const actual = new Uint8Array(await crypto.subtle.digest(algorithm, body));
  if (actual.length === bytes.length && actual.every((byte, i) => byte === bytes[i])) return;
  const message = 'The body does not have the checksum that was sent: nothing is stored';
  throw new Refusal(mismatch, 'ChecksumMismatch', message);
}

function tooLarge(most: number): Refusal {
  return new Refusal(413, 'TooLarge', `A body with a checksum may have at most ${most} bytes`);
}

function noMemory(): Refusal {
  const message =
    'Other uploads use the memory that a body with a checksum needs: nothing of it is stored, send it again';
  return new Refusal(503, 'NoMemory', message, {}, { 'retry-after': String(WAIT.retry) });
}

function fromBase64(text: string, header: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) throw badRequest(`${header} must be Base64`);
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
