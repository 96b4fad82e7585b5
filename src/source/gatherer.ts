/** Gathers chunks of any size into the body of one segment, and computes the CRC of the bytes. */

import type { Crc64 } from '../crc64.ts';
import { PIECE } from './blob.ts';
import { type Segment, SMALL } from './segment.ts';

/**
 * Copies each chunk into a piece, because a generator may reuse its buffer. Copies each full piece into a Blob, because
 * `fetch` copies bytes again but not a Blob, and the memory of a Blob can lie outside the JavaScript heap. So each byte
 * is copied twice.
 *
 * A piece is used only once. Chromium frees Blobs during garbage collection, and the bytes of buffers trigger a
 * collection but the bytes of Blobs do not. It has room for 512 MiB of Blobs. When one piece was reused, a stream of
 * that length failed. With a new piece each time, at most 90 MiB of Blobs were alive at once in 5 GiB.
 */
export class Gatherer {
  readonly #crc64: Crc64;
  #piece: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #used = 0;
  #crc = 0n;
  #blobs: Blob[] = [];
  size = 0;

  constructor(crc64: Crc64) {
    this.#crc64 = crc64;
  }

  add(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.byteLength; ) {
      this.#makeRoom(bytes.byteLength - done);
      const part = bytes.subarray(done, done + this.#piece.byteLength - this.#used);
      this.#piece.set(part, this.#used);
      this.#used += part.byteLength;
      this.size += part.byteLength;
      done += part.byteLength;
    }
  }

  take(): Segment {
    const { size } = this;
    const body = size <= SMALL && this.#blobs.length === 0 ? this.#smallBody() : this.#blobBody();
    const segment = { size, crc: this.#crc, body };
    this.#crc = 0n;
    this.#blobs = [];
    this.size = 0;
    return segment;
  }

  /**
   * The piece first grows step by step to its full size, so that a short log line does not allocate half a megabyte.
   */
  #makeRoom(wanted: number): void {
    const { byteLength } = this.#piece;
    if (this.#used < byteLength) return;
    if (byteLength === PIECE) this.#flush();
    else this.#grow(this.#used + wanted);
  }

  #grow(wanted: number): void {
    const grown = new Uint8Array(Math.min(PIECE, Math.max(wanted, this.#piece.byteLength * 2)));
    grown.set(this.#piece);
    this.#piece = grown;
  }

  #flush(): void {
    this.#blobs.push(new Blob([this.#filled()]));
    this.#hash();
    this.#piece = new Uint8Array(this.#piece.byteLength);
  }

  #smallBody(): Uint8Array<ArrayBuffer> {
    const bytes = this.#filled().slice();
    this.#hash();
    return bytes;
  }

  #filled(): Uint8Array<ArrayBuffer> {
    return this.#piece.subarray(0, this.#used);
  }

  /** Hashes the bytes after they were copied, so that the caller's function cannot change the bytes that are sent. */
  #hash(): void {
    const crc64 = this.#crc64;
    this.#crc = BigInt(crc64(this.#filled(), this.#crc));
    this.#used = 0;
  }

  #blobBody(): Blob {
    if (this.#used > 0) this.#flush();
    const [first] = this.#blobs;
    return this.#blobs.length === 1 && first ? first : new Blob(this.#blobs);
  }
}
