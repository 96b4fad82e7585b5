/** What a journal keeps of one page. */

import type { ObjectTail } from '../tail.ts';

/** A segment that may be in flight to this position, or may be stored there. */
export interface Flight {
  readonly key: string;
  /** The end of the object where the segment was sent. */
  readonly tail: ObjectTail;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of records in it, and the number of the first record after it. */
  readonly count: number;
  readonly end: number;
}

/** Waiting records, one after the other. */
export interface Waiting {
  /** The number of the first one. */
  readonly first: number;
  readonly sizes: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The records that a page has left. */
export interface LeftBehind {
  readonly flight: Flight | undefined;
  /** The number of the first record that is neither stored nor dropped. */
  readonly waiting: number;
  /** In the order in which they were written. */
  readonly records: readonly Waiting[];
}

/**
 * The part of a journal that belongs to one page. Its promises resolve when the change survives the end of the page.
 */
export interface JournalPart {
  /** Adds records, and forgets those before the number `waiting`. */
  add(records: Waiting | undefined, waiting: number): Promise<void>;
  /** Notes a segment before it is sent. */
  fly(flight: Flight): Promise<void>;
  /** Notes that the segment in flight is stored, and forgets the records before the number `waiting`. */
  land(waiting: number): Promise<void>;
  load(): Promise<LeftBehind>;
  /** Gives the part to other pages, or deletes it if it is empty. */
  close(isEmpty: boolean): Promise<void>;
}
