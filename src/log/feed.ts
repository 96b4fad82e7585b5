/**
 * Records that wait in memory, and the part of a journal that keeps them for the next page. The journal is written a
 * little later, may be missing, and may fail. Then the log works without it.
 */

import type { Flight, JournalPart } from './journal.ts';
import { type Batch, type QueueOptions, RecordQueue, storedIn } from './queue.ts';

export class Feed {
  readonly queue: RecordQueue;
  /** The segment that an earlier page has left in flight. It comes first. */
  left: Flight | undefined;
  #part: JournalPart | undefined;
  readonly #fail: (error: unknown) => void;
  /** The flight that is noted in the journal. */
  #noted: Flight | undefined;
  /** Pending until the journal has stored the flight. */
  #noting: Promise<void> | undefined;
  /** The number of the first record that the journal does not have. */
  #journaled = 0;
  #isSyncing = false;

  /** @param fail called once, when the journal fails */
  constructor(queue: RecordQueue, fail: (error: unknown) => void, part?: JournalPart) {
    this.queue = queue;
    this.#fail = fail;
    this.#part = part;
  }

  /** The records that an earlier page has left. */
  static async load(part: JournalPart, options: QueueOptions, fail: (error: unknown) => void): Promise<Feed> {
    const { flight, waiting, records } = await part.load();
    const begin = Math.max(waiting, flight?.end ?? 0);
    const unlimited = { ...options, limit: Number.POSITIVE_INFINITY, first: begin };
    const feed = new Feed(new RecordQueue(unlimited), fail, part);
    for (const { first, sizes, bytes } of records) {
      let [number, end] = [first, 0];
      for (const size of sizes) {
        end += size;
        if (number++ < begin) continue;
        // When a page ends, records that are not yet in the journal are lost.
        feed.queue.miss(number - 1 - feed.queue.accepted);
        feed.queue.write(bytes.subarray(end - size, end));
      }
    }
    feed.left = flight;
    return feed;
  }

  /** Returns whether a journal keeps the records. */
  get isKept(): boolean {
    return this.#part !== undefined;
  }

  /** Uses a part of the journal from now on. */
  keep(part: JournalPart): void {
    this.#part = part;
    this.sync();
  }

  /** Adds new records to the journal, one transaction after the other. */
  sync(): void {
    if (!this.#part || this.#isSyncing || this.#journaled === this.queue.accepted) return;
    this.#isSyncing = true;
    // Records that are written together are added together.
    this.#addAll().finally(() => {
      this.#isSyncing = false;
      // A record may have been written since the last look.
      this.sync();
    });
  }

  async #addAll(): Promise<void> {
    await undefined;
    const { queue } = this;
    while (this.#part && this.#journaled < queue.accepted) {
      const records = queue.from(this.#journaled);
      this.#journaled = queue.accepted;
      // The records of the batch in flight are still needed: the journal may not have noted it as a segment yet.
      await this.#try((part) => part.add(records, queue.settled));
    }
  }

  /** Notes a segment in the journal before it is sent. Returns nothing if the journal has it already. */
  note(flight: Flight): Promise<void> | undefined {
    if (!this.#part) return undefined;
    if (!isSame(flight, this.#noted)) {
      this.#noted = flight;
      // The bytes are copied, because they may be a part of a longer buffer, and IndexedDB would store the whole
      // buffer.
      this.#noting = this.#try((part) => part.fly({ ...flight, bytes: flight.bytes.slice() })).then(() => {
        if (this.#noted === flight) this.#noting = undefined;
      });
    }
    return this.#noting;
  }

  /** Notes that the batch in flight is stored or lost. */
  land(): void {
    this.left = this.#noted = this.#noting = undefined;
    this.#try((part) => part.land(this.queue.waiting));
  }

  async close(): Promise<void> {
    await this.#try((part) => part.close(!this.left && this.queue.settled === this.queue.accepted));
  }

  async #try(work: (part: JournalPart) => Promise<void>): Promise<void> {
    if (!this.#part) return;
    try {
      await work(this.#part);
    } catch (error) {
      if (this.#part) this.#fail(error);
      this.#part = undefined;
    }
  }
}

function isSame(a: Flight, b: Flight | undefined): boolean {
  return a.tail.position === b?.tail.position && a.end === b.end && a.bytes.byteLength === b.bytes.byteLength;
}

/** Returns the note for the journal about a batch that is sent to this end of an object. */
export function flightOf(batch: Batch, bytes: Uint8Array<ArrayBuffer>, key: string, tail: Flight['tail']): Flight {
  return { key, tail, bytes, count: storedIn(batch), end: batch.first + batch.count };
}
