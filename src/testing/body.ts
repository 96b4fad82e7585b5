// A request body on its way in: copied piece by piece, or in checksum mode only summed, so that gigabytes pass
// through a few kilobytes. The sum is that of the stored bytes; the MD5 is that of the received ones.

import { unlessAborted } from './clock.ts';
import { crc64 } from './crc64.ts';
import { Md5 } from './md5.ts';
import { isBlob, isStream, type Payload } from './wire.ts';

/** Bytes received whole. */
export interface Body {
  /** In bytes. */
  readonly length: number;
  /** CRC-64/XZ of what is to be stored. */
  readonly crc: bigint;
  /** The bytes, owned by nobody else; empty in checksum mode. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  /** The first byte received, 0 where there is none. */
  readonly first: number;
  /** MD5 of what was received, if asked for. */
  readonly md5: Uint8Array<ArrayBuffer> | undefined;
}

/** How a body is taken in. */
export interface Intake {
  /** Keep the bytes, or only their length and CRC. */
  readonly keep: boolean;
  readonly md5?: boolean;
  /** Index of the byte of which one bit is damaged between receiving and storing. */
  readonly damageAt?: number | undefined;
  /** Stop after this many bytes. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Awaited for each piece of a stream: a slow reader. */
  readonly onPiece?: ((length: number) => Promise<void>) | undefined;
}

/** Takes pieces one after the other. Buffers given to `add` stay the caller's: they are copied or summed at once. */
export class BodyCollector {
  readonly #intake: Intake;
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  readonly #md5: Md5 | undefined;
  #length = 0;
  #crc = 0n;
  #first = 0;

  constructor(intake: Intake) {
    this.#intake = intake;
    this.#md5 = intake.md5 ? new Md5() : undefined;
  }

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    if (this.#length === 0) this.#first = piece[0]!;
    this.#md5?.update(piece);
    const at = (this.#intake.damageAt ?? -1) - this.#length;
    const damaged = at >= 0 && at < piece.length;
    const stored = this.#intake.keep || damaged ? piece.slice() : piece;
    if (damaged) stored[at]! ^= 1;
    if (this.#intake.keep) this.#pieces.push(stored as Uint8Array<ArrayBuffer>);
    this.#crc = crc64(stored, this.#crc);
    this.#length += piece.length;
  }

  finish(): Body {
    const md5 = this.#md5?.digest();
    return { length: this.#length, crc: this.#crc, pieces: this.#pieces, first: this.#first, md5 };
  }
}

// In one go below this many bytes: a Blob's stream is slower, and memory is no worry yet.
const SMALL_BLOB = 1 << 20;

/** Reads a body whole. A buffer is read before the first await: its owner may use it again at once, as with fetch. */
export async function receive(payload: Payload | undefined, intake: Intake): Promise<Body> {
  const collector = new BodyCollector(intake);
  if (payload === undefined) return collector.finish();
  if (isStream(payload)) await drain(payload, collector, intake);
  else if (!isBlob(payload)) collector.add(payload);
  else if (payload.size > SMALL_BLOB) await drain(payload.stream(), collector, intake);
  else collector.add(new Uint8Array(await payload.arrayBuffer()));
  return collector.finish();
}

async function drain(stream: ReadableStream<Uint8Array>, collector: BodyCollector, intake: Intake): Promise<void> {
  const reader = stream.getReader();
  const { signal, limit = Number.POSITIVE_INFINITY } = intake;
  try {
    while (collector.length < limit) {
      const { done, value } = await unlessAborted(reader.read(), signal);
      if (done) return;
      if (!ArrayBuffer.isView(value)) throw new TypeError('fetch: a stream as body must yield Uint8Array');
      collector.add(value);
      await intake.onPiece?.(value.length);
    }
    await reader.cancel();
  } catch (error) {
    // The cancel of a stream that has failed itself rejects with the same error.
    reader.cancel(error).catch(() => {});
    throw error;
  }
}
