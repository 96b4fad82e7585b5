/** The records and reports of a log writer, and the form of its records as bytes. */
import { Random } from './random.ts';

/** One page of a log writer. */
export interface LogLife {
  /** The calls of `onstored`: the number of stored records, and the end of the object after them. */
  readonly told: { readonly count: number; readonly position: number }[];
  /** The flushes that succeeded: the number of records that were accepted before, and those that were dropped by then. */
  readonly flushed: { readonly until: number; readonly dropped: number }[];
  /** The number of the first record of this page. */
  readonly first: number;
}

/**
 * The number of byte values with which a writer writes numbers. Two more values begin a record and the report of a loss.
 */
const DIGITS = 30;
const LOSS = 30;
const RECORD = 31;
/** The length of the shortest record in bytes: its beginning and two digits. */
const SHORTEST = 3;

export class LogBook {
  /** The accepted records by their number. */
  readonly records: Uint8Array<ArrayBuffer>[] = [];
  readonly lives: LogLife[] = [];
  /** The numbers of the records that the journal held when a page ended. */
  readonly kept = new Set<number>();
  readonly problems: string[] = [];
  readonly #least: number;
  readonly #random: Random;

  /** @param least the smallest value of the bytes of this writer */
  constructor(least: number, seed: number) {
    this.#least = least;
    this.#random = new Random(seed);
  }

  /** Makes the next record. It counts when it is added to {@link records}. */
  next(size: number): Uint8Array<ArrayBuffer> {
    const number = this.records.length;
    const digits = [RECORD, Math.floor(number / DIGITS), number % DIGITS];
    const rest = Array.from({ length: Math.max(0, size - SHORTEST) }, () => this.#random.int(0, DIGITS - 1));
    return Uint8Array.from([...digits, ...rest], (value) => this.#least + value);
  }

  /** The record that the log contains in place of dropped records. */
  lossRecord(): Uint8Array<ArrayBuffer> {
    return Uint8Array.of(this.#least + LOSS);
  }

  /** Returns the page that wrote a record. */
  lifeOf(number: number): number {
    return this.lives.findLastIndex(({ first }) => first <= number);
  }

  /** Returns the numbers of the records in these bytes in their order, and whether a part of a record is among them. */
  read(bytes: Uint8Array): { readonly numbers: number[]; readonly torn: boolean } {
    const numbers: number[] = [];
    let torn = false;
    for (let at = 0; at < bytes.length; ) {
      const value = bytes[at]! - this.#least;
      const number = value === RECORD ? this.#numberAt(bytes, at) : undefined;
      if (number !== undefined) numbers.push(number);
      else if (value >= 0 && value <= RECORD && value !== LOSS) torn = true;
      at += number === undefined ? 1 : this.records[number]!.length;
    }
    return { numbers, torn };
  }

  /** Returns the number of the record that begins here, if all of it is here. */
  #numberAt(bytes: Uint8Array, at: number): number | undefined {
    const number = (bytes[at + 1]! - this.#least) * DIGITS + bytes[at + 2]! - this.#least;
    const record = this.records[number];
    return record?.every((value, index) => bytes[at + index] === value) ? number : undefined;
  }
}
