/** Records that wait in memory, and what keeps them for the next page. */

import type { Flight } from './journal-part.ts';
import { type Batch, type RecordQueue, storedIn } from './queue.ts';

/** A source of segments: the records of this page, or those that an earlier page has left. */
export interface Feed {
  readonly queue: RecordQueue;
  /** The segment that an earlier page has left in flight. It comes first. */
  left?: Flight | undefined;
  /** It is missing without a journal, before the journal is open, and after it has failed. */
  keeper?: Keeper | undefined;
}

/** Keeps the records of a feed in a journal. The journal is written a little later. */
export interface Keeper {
  /** Adds new records to the journal. */
  sync(): void;
  /** Notes a segment in the journal before it is sent. Returns nothing if the journal has it already. */
  note(flight: Flight): Promise<void> | undefined;
  /** Notes that the batch in flight is stored or lost. */
  land(): void;
  close(): Promise<void>;
}

/** Returns the note for the journal about a batch that is sent to this end of an object. */
export function flightOf(batch: Batch, bytes: Uint8Array<ArrayBuffer>, key: string, tail: Flight['tail']): Flight {
  return { key, tail, bytes, count: storedIn(batch), end: batch.first + batch.count };
}
