/** A segment on its way: where it goes, what is known of it, and the segments that were given up. */

import type { Outcome } from '../errors.ts';
import type { Segment } from '../source/segment.ts';
import type { Tail } from '../tail.ts';

/** A segment whose outcome was unknown when its call failed, and what later reads showed. */
export interface PendingSegment {
  readonly position: number;
  readonly size: number;
  readonly outcome: Outcome;
}

/** A segment at its place, on its way. */
export interface Plan extends PendingSegment {
  /** `absent` until something of it was sent. */
  outcome: Outcome;
  /** At least one request with this segment got no answer, so that it may have been carried out, or may be later. */
  unanswered: boolean;
  /** CRC-64 of the segment alone. */
  readonly crc: bigint;
  /** The end that it was sent to, and the end that it makes. */
  readonly from: Tail;
  readonly want: Tail;
  /** What it is part of, and how much of that is stored when it is. */
  readonly flight: Flight;
  readonly loaded: number;
}

/** What a call has in flight, for whoever must know later what became of it. */
export interface Flight {
  /** The segment that was sent last. */
  plan: Plan | undefined;
  /** Bytes of the call's source that are known to be stored. */
  loaded: number;
  /** Undefined when the bytes are no longer held. */
  segment: Segment | undefined;
  /** As of its call. */
  readonly type: string;
  readonly resumes: boolean;
}
