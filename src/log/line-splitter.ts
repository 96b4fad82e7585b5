/** Cuts bytes into lines. A line may be spread over several chunks, and so may a character. */

import { concat } from '../bytes.ts';
import { OssError } from '../errors.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const LINE_FEED = 10;

/** The length of the bytes after the last line feed, which are held in memory. */
const LONGEST = 16 * 1024 * 1024;

export class LineSplitter {
  #rest: Bytes[] = [];
  #size = 0;

  /** Returns the lines that end in this chunk, without empty lines. */
  *split(chunk: Bytes, key: string): Generator<string, void, undefined> {
    let begin = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, begin)) {
      this.#keep(chunk.subarray(begin, end));
      begin = end + 1;
      yield* this.end();
    }
    this.#keep(chunk.slice(begin));
    if (this.#size > LONGEST) throw new OssError(tooLong(key), { code: 'LineTooLong' });
  }

  /** Returns the last line, if it has no line feed. */
  *end(): Generator<string, void, undefined> {
    const line = new TextDecoder().decode(concat(this.#rest, this.#size));
    this.#rest = [];
    this.#size = 0;
    if (line !== '') yield line;
  }

  #keep(bytes: Bytes): void {
    if (bytes.byteLength === 0) return;
    this.#rest.push(bytes);
    this.#size += bytes.byteLength;
  }
}

function tooLong(key: string): string {
  return `Cannot read "${key}" line by line: a line has more than ${LONGEST} bytes (16 MiB)`;
}
