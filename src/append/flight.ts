/** A segment on its way to the object, and what its call must know of it later. Only ledger.ts changes these records. */

import type { Outcome } from '../errors.ts';
import type { Segment } from '../source/segment.ts';
import type { Tail } from '../tail.ts';

/** A segment whose outcome was unknown when its call failed, and what later reads showed. */
export interface PendingSegment {
  /** Where the segment was to go, bytes. */
  readonly position: number;
  /** Length of the segment, bytes. */
  readonly size: number;
  readonly outcome: Outcome;
}

/** A segment and its place. `outcome` is `absent` until a request with it was sent. */
export interface Plan extends PendingSegment {
  /** True when at least one request with this segment was not refused: it may have been carried out, or may be later. */
  readonly mayBeStored: boolean;
  /** CRC-64 of the segment alone. */
  readonly crc: bigint;
  /** The end of the object before the segment. */
  readonly from: Tail;
  /** The end of the object when the segment is stored. */
  readonly want: Tail;
  readonly flight: Flight;
  /** Bytes of the call's source that are stored when this segment is. */
  readonly loaded: number;
}

/** What one call has in flight. It outlives the call, because `settle` goes on from it. */
export interface Flight {
  /** The segment that was sent last. */
  readonly plan: Plan | undefined;
  /** Bytes of the call's source that are known to be stored. */
  readonly loaded: number;
  /** The bytes of that segment. They are undefined when they are no longer held. */
  readonly segment: Segment | undefined;
  /** Media type of the call's source. */
  readonly type: string;
  /** True for a call of `resume`. */
  readonly resumes: boolean;
}
