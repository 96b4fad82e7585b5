/** The table of verdicts. It decides what happened to a segment, from what was sent and from what the object holds. */

import type { Outcome } from '../errors.ts';
import { differ, type Tail } from '../tail.ts';
import type { Plan } from './flight.ts';

/**
 * What happened to a segment.
 *
 * - `committed`: the segment is stored, and the object ends at `tail`.
 * - `moved`: an earlier segment of ours that was given up is stored in this place. So this segment goes after it, to
 *   `tail`.
 * - `missing`: the segment is not stored yet. OSS may still carry out its request, so only the same bytes may be sent
 *   again.
 * - `diverged`: somebody else changed the object.
 */
export type Verdict = Committed | Moved | { readonly kind: 'missing' } | Diverged;

export interface Committed {
  readonly kind: 'committed';
  readonly tail: Tail;
  /**
   * The number of stored bytes, if it is not the size of the segment: this one was cut from a longer segment, which was
   * stored late.
   */
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
  /** Several writers append to the object, so bytes after ours are expected. */
  readonly shared?: boolean | undefined;
  /** How the n bytes at P compare with the segment. It is undefined if they were not read. */
  readonly bytes?: 'equal' | 'other' | undefined;
}

/**
 * Looks up the table of README.md. A segment of n bytes was sent to position P, where the CRC was C. Now the object has
 * length L and CRC H. A test compares the rows with this function. Returns undefined if only the bytes at P can decide.
 * Missing means "not yet": OSS may still carry out a request. If it does, it refuses the next request at this position,
 * and that failure leads here again.
 */
export function judge(plan: Plan, found: Found, options: JudgeOptions = {}): Verdict | undefined {
  const { position, size, from, want } = plan;
  const { length, crc, appendable } = found;
  if (options.bytes) return judgeBytes(plan, found, options);
  if (!appendable) return diverged(found, 'unknown');
  if (length === undefined) return position === 0 ? { kind: 'missing' } : diverged(found, 'unknown');
  if (size === 0) return judgeEmpty(plan, found, options);
  if (length === position && !differ(crc, from.crc)) return { kind: 'missing' };
  if (length === want.position && crc !== undefined && crc === want.crc) return { kind: 'committed', tail: want };
  if (length >= want.position) return undefined;
  // The object is shorter than our end. If it is longer than our position, other bytes are in our place.
  return diverged(found, length > position ? 'absent' : 'unknown');
}

/** An empty segment only creates an object. If there are several writers, it does not matter which one created it. */
function judgeEmpty({ position, from }: Plan, found: Found, { shared }: JudgeOptions): Verdict {
  const { length = 0, crc } = found;
  if (length === position && !differ(crc, from.crc))
    return { kind: 'committed', tail: { position, crc: from.crc ?? crc } };
  return shared && length > position
    ? { kind: 'committed', tail: { position: length, crc } }
    : diverged(found, 'unknown');
}

/**
 * Decides after the bytes at our position were read. Equal bytes alone do not prove that nobody else changed the
 * object.
 */
function judgeBytes({ want, mayBeStored }: Plan, found: Found, { shared, bytes }: JudgeOptions): Verdict {
  if (bytes === 'other') return diverged(found, 'absent');
  const { length = 0, crc } = found;
  const ends = length === want.position;
  // If every request was refused, these may be the beginning of another writer's longer request.
  const outcome = mayBeStored ? 'stored' : 'unknown';
  if (ends ? differ(crc, want.crc) : !shared) return diverged(found, outcome);
  return { kind: 'committed', tail: ends ? { position: length, crc: want.crc ?? crc } : { position: length, crc } };
}

function diverged(found: Found, outcome: Outcome): Diverged {
  return { kind: 'diverged', outcome, found };
}

/**
 * Returns the end of an earlier segment. The CRC that was computed for it may belong to an object that has been
 * replaced since. So if the object shows a CRC, only that CRC counts.
 */
function endOf({ want }: Plan, { length, crc }: Found): Tail {
  if (crc === undefined) return want;
  return { position: want.position, crc: length === want.position ? crc : undefined };
}

/**
 * Decides when an earlier segment of ours is stored in the place of this one. If both are of the same call, this one
 * was cut from the earlier one. If not, this one goes after it. If this one is empty, nothing is left to do: the object
 * exists.
 */
export function moved({ size, flight }: Plan, ours: Plan, found: Found): Verdict {
  const tail = endOf(ours, found);
  if (flight === ours.flight) return { kind: 'committed', tail, size: ours.size };
  return size > 0 ? { kind: 'moved', tail } : { kind: 'committed', tail };
}

/** Returns true if both have the same bytes and the same place. */
export function isAlike(a: Plan, b: Plan): boolean {
  return a.position === b.position && a.size === b.size && a.crc === b.crc;
}

/** The state of an object. `length` is undefined if the object is absent. `crc` is undefined if CORS hides it. */
export interface Found {
  readonly length: number | undefined;
  readonly crc: bigint | undefined;
  readonly appendable: boolean;
}
