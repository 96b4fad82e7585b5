/** The buffer in which a segment is gathered. It is used for one segment after another, so that there is no garbage. */
import { crc64 } from '../crc64.ts';
import type { Segment } from '../source/segment.ts';
import { freeBuffer } from './free-buffer.ts';

/** The bytes that are hashed at once: enough for the fast way of crc64, and still in the cache of the processor. */
const HASHED = 256 * 1024;

export class SegmentBuffer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The greatest length of the current segment. */
  #most = 0;
  #hashed = 0;
  #crc = 0n;
  /** The length of the current segment so far, in bytes. */
  used = 0;

  /** Begins a segment of at most `most` bytes, in a buffer of `size` bytes. */
  begin(size: number, most: number): void {
    if (this.#bytes.byteLength !== size) {
      this.free();
      this.#bytes = new Uint8Array(size);
    }
    this.#most = Math.min(size, most);
    this.used = this.#hashed = 0;
    this.#crc = 0n;
  }

  /** The memory of this buffer in bytes. */
  get size(): number {
    return this.#bytes.byteLength;
  }

  get isFull(): boolean {
    return this.used >= this.#most;
  }

  /** Copies as many bytes as there is room for. Returns the rest of the bytes. */
  add(bytes: Uint8Array): Uint8Array {
    const part = bytes.subarray(0, this.#most - this.used);
    this.#bytes.set(part, this.used);
    this.used += part.byteLength;
    if (this.used - this.#hashed >= HASHED) this.#hash();
    return bytes.subarray(part.byteLength);
  }

  /** Returns the segment. Its bytes stay as they are until the next segment begins. */
  take(): Segment {
    if (this.#hashed < this.used) this.#hash();
    return { size: this.used, crc: this.#crc, body: this.#bytes.subarray(0, this.used) };
  }

  /** Frees the memory. No segment may be in use any more. */
  free(): void {
    freeBuffer(this.#bytes.buffer);
    this.#bytes = new Uint8Array(0);
  }

  #hash(): void {
    this.#crc = crc64(this.#bytes.subarray(this.#hashed, this.used), this.#crc);
    this.#hashed = this.used;
  }
}
