/**
 * The records that wait to be stored. The queue encodes each record when it is written, counts its bytes exactly, and
 * never holds more than its limit. If it drops records, one record about the loss takes their place in the log.
 */

import { concat } from '../bytes.ts';
import { Block, type LogLoss } from './block.ts';
import { encodeRecord, type LogRecord, lineOf } from './lines.ts';

/** Whole records, one after the other. They are the bytes of one segment. */
export interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of the caller's records in it. */
  readonly count: number;
  /** The number of its first record. Records are numbered in the order in which the queue took them. */
  readonly first: number;
  /** The dropped records that it reports. */
  readonly loss: LogLoss | undefined;
  /** The sizes of its records in bytes, if they are known. The size of a record that was lost before is 0. */
  readonly sizes?: readonly number[] | undefined;
}

/** Settings of a queue. */
export interface QueueOptions {
  /** The most bytes that the queue holds, including those of the batch in flight. */
  readonly limit: number;
  /** Bytes of one batch. A longer record is a batch of its own. */
  readonly batchSize: number;
  /** The number of the first record. Default 0. */
  readonly first?: number | undefined;
  /** What happens to a record that does not fit: see {@link RecordQueue.write}. */
  readonly whenFull: 'refuse' | 'dropOldest' | 'dropNewest';
  /** Returns the record that the log contains in place of the dropped records. */
  readonly lossRecord: (loss: LogLoss) => LogRecord;
}

/** The first size of a block, bytes. So a log of few lines costs little memory. */
const FIRST_BLOCK = 1024;

/** It is made at its first use, because the platform may lack TextEncoder at import. */
let encoder: TextEncoder | undefined;

export class RecordQueue {
  readonly #options: QueueOptions;
  readonly #blocks: Block[] = [];
  #inFlight: Batch | undefined;
  #bytes = 0;
  #count = 0;
  #accepted: number;
  #dropped = 0;
  /** The records that were dropped since the last call of {@link newLoss}. */
  #news: LogLoss | undefined;
  #blockSize: number;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#accepted = options.first ?? 0;
    this.#blockSize = Math.min(FIRST_BLOCK, options.batchSize);
  }

  /** Bytes that wait. The batch in flight does not count. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True if nothing waits, neither a record nor a report of a loss. */
  get isEmpty(): boolean {
    return this.#blocks.every(({ count, loss }) => count === 0 && !loss);
  }

  /** The number of records that were accepted. It is also the number of the next one. */
  get accepted(): number {
    return this.#accepted;
  }

  /** The number of the first record that waits. */
  get waiting(): number {
    return this.#accepted - this.#count;
  }

  /** The number of the first record that is neither stored nor dropped. */
  get settled(): number {
    return this.#inFlight?.first ?? this.waiting;
  }

  /** The number of records that were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Takes a record, and returns whether it did. With `refuse`, a record that does not fit is refused. With
   * `dropOldest`, the oldest records are dropped instead. With `dropNewest`, the new record is dropped, and the result
   * is still true, because the log reports the loss.
   *
   * @throws TypeError for a value that JSON cannot write.
   */
  write(record: LogRecord): boolean {
    const block = this.#blocks.at(-1);
    // A character takes three bytes at most. Text that may be too long for the block is encoded first.
    if (typeof record !== 'string' || !block?.reserve(3 * record.length + 1, this.#options.batchSize))
      return this.#writeBytes(encodeRecord(record));
    encoder ??= new TextEncoder();
    return this.#add(block, encoder.encodeInto(lineOf(record), block.free).written);
  }

  #writeBytes(bytes: Uint8Array): boolean {
    const size = bytes.byteLength;
    if (size > this.#options.limit) return this.#overflow(size);
    const block = this.#blockFor(size);
    block.free.set(bytes);
    return this.#add(block, size);
  }

  /** Returns the last block if it has this much room, or a new one. */
  #blockFor(size: number): Block {
    const { batchSize } = this.#options;
    const last = this.#blocks.at(-1);
    if (last?.reserve(size, batchSize)) return last;
    const block = new Block(Math.max(size, this.#blockSize));
    this.#blocks.push(block);
    return block;
  }

  /** Counts a record that was written after the last one, if there is room for it. */
  #add(block: Block, size: number): boolean {
    const room = this.#options.limit - (this.#inFlight?.bytes.byteLength ?? 0);
    const fits = this.#bytes + size <= room || (this.#options.whenFull === 'dropOldest' && this.#makeRoom(room - size));
    if (fits && size > 0) this.#append(block, size);
    this.#trim();
    return fits || this.#overflow(size);
  }

  #append(block: Block, size: number): void {
    block.add(size);
    this.#bytes += size;
    this.#count++;
    this.#accepted++;
  }

  /** Drops the oldest records until at most `most` bytes are left. Returns false if that is impossible. */
  #makeRoom(most: number): boolean {
    while (most >= 0 && this.#bytes > most) {
      const block = this.#blocks.find(({ count }) => count > 0);
      if (!block) break;
      const { size } = block.fitting(0);
      this.#remove(block, 1, size);
      this.#drop(block, 1, size);
    }
    return this.#bytes <= most;
  }

  /** Decides about a record that does not fit. */
  #overflow(size: number): boolean {
    if (this.#options.whenFull === 'refuse') return false;
    this.#drop(this.#emptyBlock(), 1, size);
    return true;
  }

  /** Counts this many records that were lost before they reached the queue. They have numbers, but no bytes. */
  miss(count: number): void {
    if (count <= 0) return;
    const block = this.#emptyBlock();
    this.#drop(block, count, 0);
    for (let missed = 0; missed < count; missed++) this.#append(block, 0);
  }

  /** Adds a block without records at the end, so that the report of a loss comes after all earlier records. */
  #emptyBlock(): Block {
    const last = this.#blocks.at(-1);
    if (last?.count === 0) return last;
    const block = new Block(this.#blockSize);
    this.#blocks.push(block);
    return block;
  }

  #drop(block: Block, records: number, bytes: number): void {
    const loss = { records, bytes };
    this.#dropped += records;
    this.#news = sum(this.#news, loss);
    block.loss = sum(block.loss, loss);
  }

  #remove(block: Block, count: number, size: number): void {
    block.remove(count, size);
    this.#count -= count;
    this.#bytes -= size;
  }

  /** Removes blocks without records from the front. The losses that they report move to the next block. */
  #trim(): void {
    for (let [first, next] = this.#blocks; first && next && first.count === 0; [first, next] = this.#blocks) {
      if (first.loss) next.loss = sum(next.loss, first.loss);
      this.#blocks.shift();
    }
  }

  /**
   * Removes the first records and makes them the batch in flight: at most `most` bytes, but at least one record. A
   * report of a loss comes before them. Returns undefined if nothing waits.
   */
  take(most: number = Number.POSITIVE_INFINITY): Batch | undefined {
    const loss = this.#takeLoss();
    // The report is made first, because its maker may write records.
    const parts = loss ? [encodeRecord(this.#options.lossRecord(loss))] : [];
    const reported = total(parts.map(({ byteLength }) => byteLength));
    const [block] = this.#blocks;
    if (!block || (this.isEmpty && !loss)) return undefined;
    const { count, size } = block.fitting(most - reported);
    const first = this.waiting;
    const bytes = concat([...parts, block.first(size)], reported + size);
    const sizes = block.sizes(count);
    this.#remove(block, count, size);
    if (block.count === 0) {
      this.#blocks.shift();
      this.#blockSize = Math.min(Math.max(block.used, FIRST_BLOCK), this.#options.batchSize);
    }
    this.#inFlight = { bytes, count, first, loss, sizes };
    return this.#inFlight;
  }

  /** Returns the losses that the next batch reports, and forgets them. */
  #takeLoss(): LogLoss | undefined {
    const [block] = this.#blocks;
    const loss = block?.loss;
    if (block) block.loss = undefined;
    return loss;
  }

  /** Returns the records that {@link take} would take. It does not remove them, and adds no report of a loss. */
  peek(most: number): Batch | undefined {
    const block = this.#blocks.find(({ count }) => count > 0);
    if (!block) return undefined;
    const { count, size } = block.fitting(most);
    return { bytes: block.first(size), count, first: this.waiting, loss: undefined, sizes: block.sizes(count) };
  }

  /** Copies the records that wait or are in flight, from this number on. */
  from(number: number): { first: number; sizes: number[]; bytes: Uint8Array<ArrayBuffer> } | undefined {
    const first = Math.max(number, this.settled);
    const sizes: number[] = [];
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let before = this.settled;
    const choose = (all: readonly number[], last: (size: number) => Uint8Array<ArrayBuffer>) => {
      const chosen = all.slice(Math.max(first - before, 0));
      before += all.length;
      sizes.push(...chosen);
      parts.push(last(total(chosen)));
    };
    const { sizes: flying, bytes } = this.#inFlight ?? {};
    if (flying && bytes) choose(flying, (size) => bytes.subarray(bytes.byteLength - size));
    for (const block of this.#blocks) choose(block.sizes(), (size) => block.last(size));
    return sizes.length > 0 ? { first, sizes, bytes: concat(parts, total(sizes)).slice() } : undefined;
  }

  /** Makes the batch of an earlier {@link peek} the batch in flight, and removes its waiting records from the queue. */
  retake(batch: Batch): Batch {
    for (const end = batch.first + batch.count; this.settled < end && this.#count > 0; this.#trim()) {
      const block = this.#blocks.find(({ count }) => count > 0) as Block;
      this.#remove(block, 1, block.fitting(0).size);
    }
    this.#inFlight = batch;
    return batch;
  }

  /** Drops the batch in flight, because it is stored. */
  release(): void {
    this.#inFlight = undefined;
  }

  /**
   * Drops the batch in flight, because it cannot be stored. Its records count as dropped, and the next batch reports
   * that.
   */
  lose(): void {
    const batch = this.#inFlight;
    this.#inFlight = undefined;
    if (!batch) return;
    if (this.#blocks.length === 0) this.#blocks.push(new Block(this.#blockSize));
    const [block] = this.#blocks;
    if (!block) return;
    this.#drop(block, batch.count, batch.bytes.byteLength);
    // If the batch reported an earlier loss, the loss is reported again, because nobody can read this batch.
    if (batch.loss) block.loss = sum(block.loss, batch.loss);
  }

  /** Returns what was dropped since the last call. */
  newLoss(): LogLoss | undefined {
    const loss = this.#news;
    this.#news = undefined;
    return loss;
  }
}

/** Returns the number of records in a batch. A record that was lost before has a number, but it is not stored. */
export function storedIn({ sizes, count }: Batch): number {
  return sizes ? sizes.filter((size) => size > 0).length : count;
}

function total(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all + size, 0);
}

function sum(a: LogLoss | undefined, b: LogLoss): LogLoss {
  return { records: (a?.records ?? 0) + b.records, bytes: (a?.bytes ?? 0) + b.bytes };
}
