/** Connects the records of a log with the parts of a journal. It is bundled only with a journal. */

import type { Feed, Keeper } from './feed.ts';
import type { Flight, JournalPart } from './journal-part.ts';
import { type QueueOptions, RecordQueue } from './queue.ts';

/** What a log gives to its journal. */
export interface JournaledLog {
  /** The records of this page. */
  readonly own: Feed;
  /** The settings of the queues of records that earlier pages have left. */
  readonly queue: QueueOptions;
  /** Called once, when the journal fails. The log then works without it. */
  readonly fail: (error: unknown) => void;
}

/** Makes a feed of the records that an earlier page has left. */
export async function loadFeed(part: JournalPart, { queue: options, fail }: JournaledLog): Promise<Feed> {
  const { flight, waiting, records } = await part.load();
  const begin = Math.max(waiting, flight?.end ?? 0);
  const queue = new RecordQueue({ ...options, limit: Number.POSITIVE_INFINITY, first: begin });
  for (const { first, sizes, bytes } of records) {
    let [number, end] = [first, 0];
    for (const size of sizes) {
      end += size;
      if (number++ < begin) continue;
      // When a page ends, records that are not yet in the journal are lost.
      queue.miss(number - 1 - queue.accepted);
      queue.write(bytes.subarray(end - size, end));
    }
  }
  const feed: Feed = { queue, left: flight };
  feed.keeper = new PartKeeper(feed, part, fail);
  return feed;
}

export class PartKeeper implements Keeper {
  readonly #feed: Feed;
  readonly #part: JournalPart;
  readonly #fail: (error: unknown) => void;
  /** The flight that is noted in the journal. */
  #noted: Flight | undefined;
  /** Pending until the journal has stored the flight. */
  #noting: Promise<void> | undefined;
  /** The number of the first record that the journal does not have. */
  #journaled = 0;
  #isSyncing = false;
  /** True after the first failure. Then no more records are added. The journal still notes what becomes of those that it has. */
  #hasFailed = false;

  constructor(feed: Feed, part: JournalPart, fail: (error: unknown) => void) {
    this.#feed = feed;
    this.#part = part;
    this.#fail = fail;
  }

  /** Adds new records to the journal, one transaction after the other. */
  sync(): void {
    if (!this.#works || this.#hasFailed || this.#isSyncing || this.#journaled === this.#feed.queue.accepted) return;
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
    const { queue } = this.#feed;
    while (this.#works && !this.#hasFailed && this.#journaled < queue.accepted) {
      const records = queue.from(this.#journaled);
      this.#journaled = queue.accepted;
      // The records of the batch in flight are still needed: the journal may not have noted it as a segment yet.
      try {
        await this.#part.add(records, queue.settled);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  note(flight: Flight): Promise<void> | undefined {
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

  land(): void {
    this.#noted = this.#noting = undefined;
    this.#try((part) => part.land(this.#feed.queue.waiting));
  }

  async close(): Promise<void> {
    const { left, queue } = this.#feed;
    await this.#try((part) => part.close(!left && queue.settled === queue.accepted));
  }

  get #works(): boolean {
    return this.#feed.keeper === this;
  }

  async #try(work: (part: JournalPart) => Promise<void>): Promise<void> {
    if (!this.#works) return;
    try {
      await work(this.#part);
    } catch (error) {
      if (!this.#works) return;
      this.#feed.keeper = undefined;
      this.#report(error);
      // The log stores these records without the journal. The next page must not find them there and store them again.
      await this.#part.close(true).catch(() => {});
    }
  }

  #report(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#fail(error);
  }
}

function isSame(a: Flight, b: Flight | undefined): boolean {
  return a.tail.position === b?.tail.position && a.end === b.end && a.bytes.byteLength === b.bytes.byteLength;
}
