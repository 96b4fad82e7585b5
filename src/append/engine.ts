/** Everything that belongs to one object. The functions of the engine get it as one argument. */

import type { Crc64 } from '../crc64.ts';
import type { ObjectOptions } from '../request/headers.ts';
import type { Segment, SegmentReader } from '../source/segment.ts';
import type { AppendClient } from './client.ts';
import type { Evidence } from './evidence.ts';
import type { Ledger } from './ledger.ts';
import type { SegmentPace } from './pace.ts';

/** One object, the parts that work on it, and its settings. */
export interface Engine {
  readonly key: string;
  readonly client: AppendClient;
  readonly ledger: Ledger;
  readonly evidence: Evidence;
  readonly pace: SegmentPace;
  /** How long a byte of a slow stream may wait for its segment to fill, ms. */
  readonly flushAfter: number;
  /** Several writers append to the object. */
  readonly shared: boolean;
  readonly crc64: Crc64 | undefined;
  /**
   * Splits a segment into shorter ones. The segments of the edge are always bytes, so the edge gives a short function
   * of its own here. The reader for every kind of source would make the edge larger.
   */
  readonly split: (body: Segment['body'], crc64: Crc64 | undefined) => Pick<SegmentReader, 'next'>;
  /** Media type and headers of the append that creates the object. */
  readonly creation: ObjectOptions;
  /** Media type and headers of later appends. */
  readonly later: ObjectOptions;
}
