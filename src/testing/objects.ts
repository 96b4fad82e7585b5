// The stored objects of one bucket: their bytes (or only length and CRC), and what an append changes.

import type { Body } from './body.ts';
import { crc64Combine } from './crc64.ts';
import { hex } from './encoding.ts';
import { Md5 } from './md5.ts';

/** The largest size of one object: 5 GiB. */
export const MAX_OBJECT_SIZE: number = 5 * 1024 ** 3;

/** The object type that the header x-oss-object-type reports. */
export type ObjectType = 'Appendable' | 'Normal';

/** One object. `headers` are the headers from its creation. */
export class StoredObject {
  readonly type: ObjectType;
  readonly headers: Record<string, string>;
  acl = 'default';
  appends = 0;
  length = 0;
  crc = 0n;
  etag = '';
  /** Milliseconds since the epoch. */
  lastModified = 0;
  /** When the object was sealed, in ms since the epoch. It is undefined for an object that takes appends. */
  sealedTime: number | undefined;
  readonly #kept: boolean;
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  // The position at which each piece begins. `bytes` uses these positions to find a range in an object of many pieces.
  readonly #starts: number[] = [];

  constructor(type: ObjectType, kept: boolean, headers: Record<string, string>) {
    this.type = type;
    this.headers = headers;
    this.#kept = kept;
  }

  /**
   * Appends a body, at a cost that does not depend on the object's length. `now` is in ms; `serial` makes the ETag
   * unique.
   */
  append(body: Body, now: number, serial: number): void {
    let start = this.length;
    for (const piece of body.pieces) {
      this.#pieces.push(piece);
      this.#starts.push(start);
      start += piece.length;
    }
    this.crc = this.length === 0 ? body.crc : crc64Combine(this.crc, body.crc, body.length);
    this.length += body.length;
    this.appends++;
    this.lastModified = now;
    this.etag = this.type === 'Normal' ? md5Tag(body) : serialTag(now, serial);
  }

  /**
   * Returns a copy of the bytes from `start` up to, but not including, `end`.
   *
   * @throws {Error} if the bucket keeps no bytes.
   */
  bytes(start = 0, end: number = this.length): Uint8Array<ArrayBuffer> {
    if (!this.#kept && end > start) throw new Error("The bucket keeps no bytes: its contents are 'checksum'");
    const out = new Uint8Array(end - start);
    for (let i = this.#pieceAt(start), at = start; at < end; i++) {
      const piece = this.#pieces[i]!;
      const from = at - this.#starts[i]!;
      const part = piece.subarray(from, Math.min(piece.length, from + end - at));
      out.set(part, at - start);
      at += part.length;
    }
    return out;
  }

  get keepsBytes(): boolean {
    return this.#kept;
  }

  #pieceAt(position: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/**
 * The ETag of an appendable object is not an MD5. It has 24 hexadecimal digits and eight zeros, new after each append.
 */
function serialTag(now: number, serial: number): string {
  const seconds = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, '0');
  return `"${(seconds + serial.toString(16).padStart(16, '0')).slice(-24).toUpperCase()}00000000"`;
}

function md5Tag(body: Body): string {
  const md5 = body.md5 ?? body.pieces.reduce((sum, piece) => sum.update(piece), new Md5()).digest();
  return `"${hex(md5).toUpperCase()}"`;
}
