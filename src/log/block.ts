/**
 * Records in one piece of memory. Many records share it, because an allocation for each would cost more than its copy.
 */

/** Records that were dropped. */
export interface LogLoss {
  readonly records: number;
  readonly bytes: number;
}

export class Block {
  #bytes: Uint8Array<ArrayBuffer>;
  /** The size of each record, including those that were removed. */
  readonly #sizes: number[] = [];
  #removed = 0;
  #start = 0;
  #end = 0;
  /** The number of records that were dropped before the first record of this block. */
  loss: LogLoss | undefined;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** The number of records that are left. */
  get count(): number {
    return this.#sizes.length - this.#removed;
  }

  /** Bytes of the records that are left. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** The bytes that records have used since the block was made. */
  get used(): number {
    return this.#end;
  }

  /** The free memory after the last record. Bytes that are written there count only when they are added. */
  get free(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#end);
  }

  /** Makes room for this many bytes. Returns false if the block would become longer than `most`. */
  reserve(size: number, most: number): boolean {
    const needed = this.#end + size;
    if (needed > most) return false;
    if (needed <= this.#bytes.byteLength) return true;
    // A batch may still use a part of the old memory, which does not change.
    const grown = new Uint8Array(Math.min(most, Math.max(needed, 2 * this.#bytes.byteLength)));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
    return true;
  }

  /** Adds the record that was written to `free`. */
  add(size: number): void {
    this.#sizes.push(size);
    this.#end += size;
  }

  /** Returns how many of the first records have at most `most` bytes together, but at least one. */
  fitting(most: number): { readonly count: number; readonly size: number } {
    if (this.size <= most) return { count: this.count, size: this.size };
    let [count, size] = [0, 0];
    for (; count < this.count; count++) {
      const next = this.#sizes[this.#removed + count] ?? 0;
      if (count > 0 && size + next > most) break;
      size += next;
    }
    return { count, size };
  }

  /** The sizes of the first records that are left. */
  sizes(count: number = this.count): number[] {
    return this.#sizes.slice(this.#removed, this.#removed + count);
  }

  /** The first bytes. They do not change when records are added or removed. */
  first(size: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#start, this.#start + size);
  }

  /** The last bytes. */
  last(size: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#end - size, this.#end);
  }

  /** Removes this many records from the front. */
  remove(count: number, size: number): void {
    this.#removed += count;
    this.#start += size;
  }
}
