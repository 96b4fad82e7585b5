// Receives the body of a request piece by piece. It copies each piece, or in checksum mode it only computes the CRC, so
// that gigabytes need only a few kilobytes of memory. The CRC belongs to the stored bytes and the MD5 to the received
// bytes. They differ when a fault damages a byte.

import { unlessAborted } from './clock.ts';
import { crc64 } from './crc64.ts';
import { Md5 } from './md5.ts';
import { isBlob, isStream, type Payload } from './wire.ts';

/** A completely received body. */
export interface Body {
  /** The number of bytes. */
  readonly length: number;
  /** The CRC-64/XZ of the bytes to store. */
  readonly crc: bigint;
  /** Copies of the bytes. The list is empty in checksum mode. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  /** The first received byte. It is 0 for an empty body. */
  readonly first: number;
  /** The MD5 of the received bytes, if the option `md5` is set. */
  readonly md5: Uint8Array<ArrayBuffer> | undefined;
}

/** The options for receiving a body. */
export interface Intake {
  /** True keeps the bytes. False keeps only their length and CRC (checksum mode). */
  readonly keep: boolean;
  readonly md5?: boolean;
  /** The index of a byte in which one bit is changed after the byte is received and before it is stored. */
  readonly damageAt?: number | undefined;
  /** The number of bytes after which the reading stops. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called and awaited after each piece of a stream. It can delay the next read, like a slow reader. */
  readonly onPiece?: ((length: number) => Promise<void>) | undefined;
}

/**
 * Collects the pieces of a body one after the other. `add` copies the bytes or computes their CRC immediately, so the
 * caller can reuse the buffer after the call.
 */
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

// A Blob of up to this many bytes is read at once. This is faster than its stream and needs little memory.
const SMALL_BLOB = 1 << 20;

/**
 * Reads a complete body. It reads a buffer before the first await, so the caller can reuse the buffer as with fetch.
 */
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
    // If the stream itself has failed, its cancel rejects with the same error. That rejection is ignored.
    reader.cancel(error).catch(() => {});
    throw error;
  }
}
