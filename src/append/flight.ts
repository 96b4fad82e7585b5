/** A segment in flight, and the facts that its call needs later. Only ledger.ts changes these records. */

import type { Outcome } from '../errors.ts';
import type { Segment } from '../source/segment.ts';
import type { Tail } from '../tail.ts';

/** A segment whose outcome was unknown when its call failed. A later reading may have shown the outcome. */
export interface PendingSegment {
  /** Where the segment was to go, bytes. */
  readonly position: number;
  /** Length of the segment, bytes. */
  readonly size: number;
  readonly outcome: Outcome;
}

/** A segment and its place. `outcome` is `absent` until a request with the segment is sent. */
export interface Plan extends PendingSegment {
  /**
   * True when at least one request with this segment was not refused. OSS may have carried it out, or may still do so.
   */
  readonly mayBeStored: boolean;
  /** CRC-64 of the segment alone. */
  readonly crc: bigint;
  /** The end of the object before the segment. */
  readonly from: Tail;
  /** The end of the object when the segment is stored. */
  readonly want: Tail;
  readonly flight: Flight;
  /** Bytes of the call's source that are stored as soon as this segment is stored. */
  readonly loaded: number;
}

/** What one call has in flight. It lives longer than the call, because `settle` goes on from it. */
export interface Flight {
  /** The segment that was sent last. */
  readonly plan: Plan | undefined;
  /** Bytes of the call's source that are known to be stored. */
  readonly loaded: number;
  /** That segment with its bytes. It is undefined when the bytes are no longer in memory. */
  readonly segment: Segment | undefined;
  /** Media type of the call's source. */
  readonly type: string;
}
