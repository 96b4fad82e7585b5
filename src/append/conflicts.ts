/** The errors of an append that cannot go on: what was attempted, what was found, and what to do. */

import { AppendConflictError, ChecksumError, OssError } from '../errors.ts';
import { MAX_OBJECT_SIZE } from '../tail.ts';
import type { PendingSegment, Plan } from './flight.ts';
import type { Found } from './verdict.ts';

export function checkRoom(key: string, position: number, size: number): void {
  if (position + size > MAX_OBJECT_SIZE) throw new RangeError(noRoom(key, position, size));
}

export function noRoom(key: string, position: number, size: number): string {
  return `Cannot append ${size} bytes to "${key}" at position ${position}: an object holds ${MAX_OBJECT_SIZE} bytes (5 GiB) at most`;
}

export function told({ length, appendable }: Found): string {
  if (length === undefined) return 'there is no such object';
  return `found ${appendable ? '' : 'a non-appendable object of '}length ${length}`;
}

export function conflict(key: string, { position, size, outcome }: PendingSegment, found: Found): AppendConflictError {
  const why = {
    stored: 'These bytes are stored there, but others follow or precede them that are not ours',
    absent: 'Other bytes hold their place: another writer was first',
    unknown: 'It was deleted, replaced or written by someone else, or a cache (CDN) answered',
  }[outcome];
  return new AppendConflictError(
    `Cannot append ${size} bytes to "${key}": expected length ${position}, ${told(found)}. ${why}`,
    {
      code: 'AppendConflict',
      position,
      size,
      found: found.length,
    },
  );
}

export function unsettled(key: string, { position, size }: Plan): OssError {
  const message = `Cannot settle the ${size} bytes for "${key}" at position ${position}: another append was sent since, and the bytes are no longer held. Settle that append first`;
  return new OssError(message, { code: 'Unsettled' });
}

export function notAppendable(key: string, found: Found): AppendConflictError {
  const message = `Cannot append to "${key}": ${told(found)}, which AppendObject did not make; choose another key`;
  return new AppendConflictError(message, { code: 'ObjectNotAppendable', position: 0, size: 0, found: found.length });
}

export function notThisBlob(key: string, position: number, size: number, found: Found): AppendConflictError {
  const message = `Cannot resume "${key}": expected a length from ${position} to ${position + size}, ${told(found)}`;
  return new AppendConflictError(message, { code: 'AppendConflict', position, size, found: found.length });
}

export function damaged(key: string, { position, size, want }: Plan, crc: bigint | undefined): ChecksumError {
  const expected = String(want.crc ?? '');
  const actual = String(crc ?? '');
  const where = `bytes ${position} to ${position + size - 1} of "${key}"`;
  return new ChecksumError(
    `OSS stored other bytes than were sent: CRC-64 ${actual} in place of ${expected}, in ${where}. Do not append again`,
    {
      code: 'ChecksumMismatch',
      position,
      expected,
      actual,
    },
  );
}

export function differentPrefix(
  key: string,
  position: number,
  size: number,
  wanted: bigint,
  is: bigint,
): ChecksumError {
  const [expected, actual] = [String(wanted), String(is)];
  const message = `Cannot resume "${key}": its ${size} bytes from ${position} are not the beginning of this Blob (CRC-64 ${actual}, expected ${expected})`;
  return new ChecksumError(message, { code: 'DifferentPrefix', position, expected, actual });
}
