/** The table of verdicts: what became of a segment, from what was sent and what the object holds. */

import type { Outcome } from '../errors.ts';
import { differ, type Tail } from '../tail.ts';
import type { Plan } from './flight.ts';

/** The answer of reconciling. `moved`: a segment of ours from an earlier call was stored in this place after all. */
export type Verdict = Stored | { readonly kind: 'absent' } | Diverged;

interface Stored {
  readonly kind: 'committed' | 'moved';
  readonly tail: Tail;
  /** Bytes that are stored, where these are more than the segment's: it was cut from a longer one, which turned up. */
  readonly size?: number;
}

export interface Diverged {
  readonly kind: 'diverged';
  readonly outcome: Outcome;
  readonly found: Found;
}

/** The table of `#reconcile`. Undefined: only the bytes can tell. */
export function judge({ position, size, from, want }: Plan, found: Found, shared = false): Verdict | undefined {
  const { length, crc, appendable } = found;
  const diverged = (outcome: Outcome): Verdict => ({ kind: 'diverged', outcome, found });
  if (!appendable) return diverged('unknown');
  if (length === undefined) return position === 0 ? { kind: 'absent' } : diverged('unknown');
  const unchanged = length === position && !differ(crc, from.crc);
  if (size === 0) {
    if (unchanged) return { kind: 'committed', tail: { position, crc: from.crc ?? crc } };
    // The object that nothing was to be added to: among several writers it does not matter who made it.
    return shared && length > position ? { kind: 'committed', tail: { position: length, crc } } : diverged('unknown');
  }
  if (unchanged) return { kind: 'absent' };
  if (length === want.position && crc !== undefined && crc === want.crc) return { kind: 'committed', tail: want };
  if (length >= want.position) return undefined;
  // Shorter than our end but beyond our place: other bytes are there.
  return diverged(length > position ? 'absent' : 'unknown');
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
  return { kind: size > 0 ? 'moved' : 'committed', tail };
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
