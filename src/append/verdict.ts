/** The table of verdicts: what became of a segment, from what was sent and what the object holds. */

import type { Outcome } from '../errors.ts';
import { differ, type Tail } from '../tail.ts';
import type { Plan } from './flight.ts';

/**
 * What became of a segment.
 *
 * - `committed`: the segment is stored, and the object ends at `tail`.
 * - `moved`: a segment of ours that was given up is stored in its place, so this one goes behind it, to `tail`.
 * - `absent`: the segment is not stored yet. Its request may still be carried out, so only the same bytes may be sent again.
 * - `diverged`: somebody else changed the object.
 */
export type Verdict = Committed | Moved | { readonly kind: 'absent' } | Diverged;

export interface Committed {
  readonly kind: 'committed';
  readonly tail: Tail;
  /** Bytes that are stored, where these are more than the segment's: it was cut from a longer one, which was stored late. */
  readonly size?: number;
}

interface Moved {
  readonly kind: 'moved';
  readonly tail: Tail;
}

export interface Diverged {
  readonly kind: 'diverged';
  readonly outcome: Outcome;
  readonly found: Found;
}

/** What is known besides lengths and CRCs. */
export interface JudgeOptions {
  /** Several writers append to the object, so bytes behind ours are no surprise. */
  readonly shared?: boolean | undefined;
  /** How the n bytes at P compare with the segment, where they were read. */
  readonly bytes?: 'equal' | 'other' | undefined;
}

/**
 * The table of README.md: what became of a segment of n bytes that was sent to position P, where the CRC was C, now that the object
 * has length L and CRC H. A test compares the rows with this function. Returns undefined where only the bytes at P can tell.
 * Absent means "not yet": a request may still be carried out. Then the position refuses the next one, which leads here again.
 */
export function judge(plan: Plan, found: Found, options: JudgeOptions = {}): Verdict | undefined {
  const { position, size, from, want } = plan;
  const { length, crc, appendable } = found;
  if (options.bytes) return judgeBytes(plan, found, options);
  if (!appendable) return diverged(found, 'unknown');
  if (length === undefined) return position === 0 ? { kind: 'absent' } : diverged(found, 'unknown');
  if (size === 0) return judgeEmpty(plan, found, options);
  if (length === position && !differ(crc, from.crc)) return { kind: 'absent' };
  if (length === want.position && crc !== undefined && crc === want.crc) return { kind: 'committed', tail: want };
  if (length >= want.position) return undefined;
  // The object is shorter than our end. If it is longer than our position, other bytes hold our place.
  return diverged(found, length > position ? 'absent' : 'unknown');
}

/** An empty segment only creates an object. Between several writers it does not matter who created it. */
function judgeEmpty({ position, from }: Plan, found: Found, { shared }: JudgeOptions): Verdict {
  const { length = 0, crc } = found;
  if (length === position && !differ(crc, from.crc))
    return { kind: 'committed', tail: { position, crc: from.crc ?? crc } };
  return shared && length > position
    ? { kind: 'committed', tail: { position: length, crc } }
    : diverged(found, 'unknown');
}

/** The bytes at our place were read. Equal bytes are not yet proof that the object is what we made it. */
function judgeBytes({ want, mayBeStored }: Plan, found: Found, { shared, bytes }: JudgeOptions): Verdict {
  if (bytes === 'other') return diverged(found, 'absent');
  const { length = 0, crc } = found;
  const ends = length === want.position;
  // Where every request was refused, these may be the beginning of another writer's longer request.
  const outcome = mayBeStored ? 'stored' : 'unknown';
  if (ends ? differ(crc, want.crc) : !shared) return diverged(found, outcome);
  return { kind: 'committed', tail: ends ? { position: length, crc: want.crc ?? crc } : { position: length, crc } };
}

function diverged(found: Found, outcome: Outcome): Diverged {
  return { kind: 'diverged', outcome, found };
}

/**
 * The end of an earlier segment. Its own CRC may be that of an object which was replaced since: where the object shows its CRC,
 * only that counts.
 */
function endOf({ want }: Plan, { length, crc }: Found): Tail {
  if (crc === undefined) return want;
  return { position: want.position, crc: length === want.position ? crc : undefined };
}

/**
 * A segment of ours was stored in the place of this one. If it is of the same call, this one was cut from it. Behind any other
 * there is nothing left to do for an empty one: the object exists.
 */
export function moved({ size, flight }: Plan, ours: Plan, found: Found): Verdict {
  const tail = endOf(ours, found);
  if (flight === ours.flight) return { kind: 'committed', tail, size: ours.size };
  return size > 0 ? { kind: 'moved', tail } : { kind: 'committed', tail };
}

/** The same bytes in the same place. */
export function isAlike(a: Plan, b: Plan | undefined): boolean {
  return a.position === b?.position && a.size === b.size && a.crc === b.crc;
}

/** The state of an object. Without `length` there is none; a `crc` may be hidden. */
export interface Found {
  readonly length: number | undefined;
  readonly crc: bigint | undefined;
  readonly appendable: boolean;
}
