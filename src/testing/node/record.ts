// The form of one change in the file of a data folder:
//
//   "OSSR", length of the state (u32), length of the bytes (f64), CRC-64 of these 16 bytes (u64), CRC-64 of the state (u64)
//   the state: the change without its bytes, as JSON in UTF-8
//   the bytes. The state holds the CRC-64 of the object, which proves them.

import { crc64 } from '../crc64.ts';
import type { BucketChange, ObjectChange } from '../store.ts';

/** A change of an object or of a bucket. */
export type Change = ObjectChange | BucketChange;

/** The length of the head in bytes. */
export const HEAD: number = 32;
const MAGIC = 0x4f535352;

/** What the head of a record says. */
export interface Head {
  /** The length of the state in bytes. */
  readonly stateLength: number;
  /** The length of the bytes of the object that follow the state. */
  readonly bytesLength: number;
  readonly stateCrc: bigint;
}

/** Returns the parts of a record, in the order in which they are written. */
export function encode(change: Change): Uint8Array[] {
  const { pieces = [], ...state } = { pieces: [], ...change };
  const text = new TextEncoder().encode(JSON.stringify(state));
  const head = new DataView(new ArrayBuffer(HEAD));
  head.setUint32(0, MAGIC);
  head.setUint32(4, text.length);
  head.setFloat64(
    8,
    pieces.reduce((sum, { length }) => sum + length, 0),
  );
  head.setBigUint64(16, crc64(new Uint8Array(head.buffer, 0, 16)));
  head.setBigUint64(24, crc64(text));
  return [new Uint8Array(head.buffer), text, ...pieces];
}

/** Returns undefined if the bytes are not a head, or are a damaged head. */
export function readHead(bytes: Uint8Array): Head | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD);
  if (view.getUint32(0) !== MAGIC || view.getBigUint64(16) !== crc64(bytes.subarray(0, 16))) return undefined;
  return { stateLength: view.getUint32(4), bytesLength: view.getFloat64(8), stateCrc: view.getBigUint64(24) };
}

/** Returns the change without its bytes, or undefined if it is damaged. */
export function readState(text: Uint8Array, { stateCrc }: Head): Change | undefined {
  return crc64(text) === stateCrc ? JSON.parse(new TextDecoder().decode(text)) : undefined;
}
