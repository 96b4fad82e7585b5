/**
 * The end of an object: its length and, if it is known, the CRC-64 of its bytes. This file holds two forms: the public
 * form, which JSON can write, and the form with a bigint, which the engine uses to compute. It also knows how long an
 * object can become.
 */

import { checkType, checkWholeNumber } from './check.ts';
import { parseCrc } from './numbers.ts';

/**
 * The end of an object: its length in bytes and, if known, the CRC-64 of all bytes before it (decimal, as in OSS's
 * header).
 */
export interface ObjectTail {
  readonly position: number;
  readonly hashCrc64ecma?: string;
}

/**
 * Converts a tail that a caller gave.
 *
 * @throws TypeError or RangeError if no object can end there.
 */
export function parseTail(name: string, tail: ObjectTail): Tail {
  const { position, hashCrc64ecma } = (tail ?? {}) as ObjectTail;
  checkWholeNumber(`${name}.position`, position, 0, MAX_OBJECT_SIZE);
  const crc = parseCrc(hashCrc64ecma);
  const isUsable = hashCrc64ecma === undefined || crc !== undefined;
  checkType(isUsable, `${name}.hashCrc64ecma must be a decimal string below 2 ** 64`);
  return { position, crc: position === 0 ? 0n : crc };
}

/** Returns whether both values are known and different. */
export function differ(a: bigint | undefined, b: bigint | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** A tail whose CRC is a bigint, for computations. */
export interface Tail {
  readonly position: number;
  readonly crc: bigint | undefined;
}

export function publicTail({ position, crc }: Tail): ObjectTail {
  return crc === undefined ? { position } : { position, hashCrc64ecma: String(crc) };
}

/** The largest size that OSS allows for one object, in bytes. */
export const MAX_OBJECT_SIZE: number = 5 * 1024 ** 3;

/** @throws RangeError, or the error that `fail` makes, if the object has no room for this many bytes. */
export function checkRoom(
  key: string,
  position: number,
  size: number,
  fail = (problem: string): Error => new RangeError(problem),
): void {
  if (position + size <= MAX_OBJECT_SIZE) return;
  const limit = `an object holds ${MAX_OBJECT_SIZE} bytes (5 GiB) at most`;
  throw fail(`Cannot append ${size} bytes to "${key}" at position ${position}: ${limit}`);
}
