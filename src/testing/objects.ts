// The stored objects of one bucket: their bytes (or only length and CRC), and what an append changes.

import type { Body } from './body.ts';
import { crc64, crc64Combine } from './crc64.ts';
import { hex } from './encoding.ts';
import { Md5 } from './md5.ts';

/** The largest size of one object: 5 GiB. */
export const MAX_OBJECT_SIZE: number = 5 * 1024 ** 3;

/** The object type that the header x-oss-object-type reports. */
export type ObjectType = 'Appendable' | 'Normal';

/** The state of an object, without its bytes. It survives JSON. */
export interface ObjectState {
  readonly type: ObjectType;
  readonly headers: Readonly<Record<string, string>>;
  readonly acl: string;
  readonly appends: number;
  /** The length in bytes. */
  readonly length: number;
  /** The CRC-64/XZ of all bytes as an unsigned decimal number. */
  readonly crc64: string;
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly lastModified: number;
  /** When the object was sealed, in ms since the epoch. */
  readonly sealedTime?: number;
}

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
   * Appends a body, at a cost that does not depend on the object's length. An empty body creates an object, but it
   * changes nothing of an existing one. `now` is in ms; `serial` makes the ETag unique.
   */
  append(body: Body, now: number, serial: number): void {
    if (body.length === 0 && this.appends > 0) return;
    this.#keep(body.pieces);
    this.crc = this.length === 0 ? body.crc : crc64Combine(this.crc, body.crc, body.length);
    this.length += body.length;
    this.appends++;
    this.lastModified = now;
    this.etag = this.type === 'Normal' ? md5Tag(body) : serialTag(now, serial);
  }

  /**
   * Takes a state that was stored earlier, and the bytes that it adds.
   *
   * @throws {RangeError} if the bytes do not have the length and the CRC of the state.
   */
  restore(state: ObjectState, pieces: readonly Uint8Array<ArrayBuffer>[]): void {
    const { acl, appends, length, crc64: crc, etag, lastModified, sealedTime } = state;
    if (this.#kept) this.#check(state, pieces);
    this.#keep(pieces);
    Object.assign(this, { acl, appends, length, crc: BigInt(crc), etag, lastModified, sealedTime });
    for (const name of Object.keys(this.headers)) delete this.headers[name];
    Object.assign(this.headers, state.headers);
  }

  #check({ length, crc64: crc }: ObjectState, pieces: readonly Uint8Array<ArrayBuffer>[]): void {
    const added = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const crcOfAdded = pieces.reduce((value, piece) => crc64(piece, value), 0n);
    if (this.length + added === length && crc64Combine(this.crc, crcOfAdded, added) === BigInt(crc)) return;
    throw new RangeError(`The stored bytes do not match their length ${length} and their CRC-64 ${crc}`);
  }

  #keep(pieces: readonly Uint8Array<ArrayBuffer>[]): void {
    let start = this.length;
    for (const piece of pieces) {
      this.#pieces.push(piece);
      this.#starts.push(start);
      start += piece.length;
    }
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

  /** Returns the bytes from `start` to the end without a copy. The list is empty if the bucket keeps no bytes. */
  pieces(start: number): Uint8Array<ArrayBuffer>[] {
    if (!this.#kept || start >= this.length) return [];
    const first = this.#pieceAt(start);
    const [head, ...tail] = this.#pieces.slice(first);
    return [head!.subarray(start - this.#starts[first]!), ...tail];
  }

  /** The state without the bytes. */
  get state(): ObjectState {
    const { type, headers, acl, appends, length, crc, etag, lastModified, sealedTime } = this;
    const state = { type, headers: { ...headers }, acl, appends, length, crc64: String(crc), etag, lastModified };
    return sealedTime === undefined ? state : { ...state, sealedTime };
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
