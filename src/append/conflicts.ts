/** The errors of an append that cannot go on. Each message says what was attempted, what was found, and what to do. */

import { AppendConflictError, ChecksumError, OssError, type Outcome, remake, ServiceError } from '../errors.ts';
import type { Plan } from './flight.ts';
import type { Found } from './verdict.ts';

/** A segment's place, for messages. */
type At = Pick<Plan, 'position' | 'size'>;

const REASONS: Readonly<Record<Outcome, string>> = {
  stored: 'These bytes are stored, but also bytes of another writer',
  absent:
    'Another writer was first, and stored other bytes there. Use one AppendableObject for each key, or shared: true',
  unknown: 'Another writer changed, replaced or deleted it, or a cache (CDN) answered',
};

/** The object is not what it was when its end was last confirmed. */
export function conflict(key: string, { position, size }: At, outcome: Outcome, found: Found): AppendConflictError {
  const message = `Cannot append ${size} bytes to "${key}": expected length ${position}, ${describe(found)}. ${REASONS[outcome]}`;
  return conflictError(message, { position, size }, found);
}

/** The object was created by another operation than AppendObject. */
export function notAppendable(key: string, found: Found): AppendConflictError {
  const message = `Cannot append to "${key}": ${describe(found)}, which AppendObject did not make: choose another key`;
  return conflictError(message, { position: 0, size: 0 }, found, 'ObjectNotAppendable');
}

/** The length of the object shows that it does not hold a beginning of the resumed Blob. */
export function notThisBlob(key: string, { position, size }: At, found: Found): AppendConflictError {
  const isLonger = (found.length ?? 0) > position;
  const why = isLonger ? 'The object is longer than the file: choose another key' : REASONS.unknown;
  const message = `Cannot resume "${key}": expected a length from ${position} to ${position + size}, ${describe(found)}. ${why}`;
  return conflictError(message, { position, size }, found);
}

function conflictError(message: string, at: At, { length }: Found, code = 'AppendConflict'): AppendConflictError {
  const { position, size } = at;
  return new AppendConflictError(message, { code, position, size, found: length });
}

/** The object begins with other bytes than the resumed Blob. */
export function differentPrefix(key: string, { position, size }: At, wanted: bigint, is: bigint): ChecksumError {
  const [expected, actual] = [String(wanted), String(is)];
  const message = `Cannot resume "${key}": its ${size} bytes from ${position} are not the beginning of this Blob (CRC-64 ${actual}, expected ${expected})`;
  return new ChecksumError(message, { code: 'DifferentPrefix', position, expected, actual });
}

/** OSS accepted a segment, but holds other bytes at its position. */
export function damaged(key: string, { position, size, want }: Plan, crc: bigint | undefined): ChecksumError {
  const [expected, actual] = [String(want.crc ?? ''), String(crc ?? '')];
  const where = `bytes ${position} to ${position + size - 1} of "${key}"`;
  return new ChecksumError(
    `OSS stored other bytes than were sent: CRC-64 ${actual} in place of ${expected}, in ${where}. Do not append again`,
    { code: 'ChecksumMismatch', position, expected, actual },
  );
}

/** A segment cannot be settled, because its bytes were dropped when another segment was sent. */
export function unsettled(key: string, { position, size }: At): OssError {
  const message = `Cannot settle the ${size} bytes for "${key}" at position ${position}: a later append was sent. Settle that append first`;
  return new OssError(message, { code: 'Unsettled' });
}

/**
 * Returns the error of an append whose outcome could not be found out. Its message names the first failure and why the
 * object could not be read.
 */
export function unproven(failure: unknown, reading: OssError): unknown {
  if (!(failure instanceof OssError)) return failure;
  const permission = reading instanceof ServiceError && reading.status === 403 ? ' (reading needs oss:GetObject)' : '';
  const message = `${failure.message}. Whether these bytes are stored could not be proven${permission}: ${reading.message}`;
  return remake(failure, { cause: failure.cause ?? reading }, message);
}

function describe({ length, appendable }: Found): string {
  if (length === undefined) return 'found no object';
  return `found ${appendable ? '' : 'a non-appendable object of '}length ${length}`;
}
