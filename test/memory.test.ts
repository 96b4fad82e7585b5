/** However long the source, the engine holds two segments and a piece. Vitest gives each file a process, so this one is measured. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { append } from '../src/append.ts';
import { crc64, crc64Combine } from '../src/crc64.ts';
import { KEY, Lab } from './exactly-once/lab.ts';

const MiB = 1024 * 1024;
const LENGTH = 2048 * MiB;
const CHUNK = 64 * 1024;
/** What a stream may hold: two segments of at most 23 MiB, and a piece of 1 MiB. */
const HELD = 47 * MiB;
/** Beside that: what LocalOss reads of a segment at a time. A network stack has as much. */
const READ = 4 * MiB;
/** Buffers that are garbage, but not yet collected: each piece is, and V8 looks for them when they are some 16 MiB. */
const GARBAGE = 24 * MiB;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** The most array-buffer memory above what there was at the start, bytes: in use, and with garbage. */
class Peak {
  readonly #start: number = Peak.#now();
  live = 0;
  total = 0;

  static #now(): number {
    return process.memoryUsage().arrayBuffers;
  }

  look(): void {
    this.total = Math.max(this.total, Peak.#now() - this.#start);
  }

  /** After a collection, so that only what is held counts. */
  collect(): void {
    this.look();
    collect();
    this.live = Math.max(this.live, Peak.#now() - this.#start);
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}

/** The same bytes again and again: their CRC is known without reading two gigabytes twice. */
function crcOfRepeated(chunk: Uint8Array<ArrayBuffer>, times: number): string {
  let [crc, length] = [crc64(chunk), chunk.byteLength];
  for (let count = 1; count < times; count *= 2, length *= 2) crc = crc64Combine(crc, crc, length);
  return String(crc);
}

function streamOf(chunk: Uint8Array<ArrayBuffer>, length: number, onpull: () => void): ReadableStream<typeof chunk> {
  let left = length;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      if (left % MiB === 0) onpull();
      left -= chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
}

describe('memory', () => {
  test('2 GiB from a stream in two segments and a piece', { timeout: 300_000 }, async () => {
    const fetch: typeof globalThis.fetch = (input, init) => {
      peak.collect();
      return lab.oss.fetch(input, init).finally(() => peak.collect());
    };
    const lab: Lab = new Lab({ contents: 'checksum', client: { clock: undefined, fetch } });
    const chunk = crypto.getRandomValues(new Uint8Array(CHUNK));
    const peak = new Peak();
    const source = streamOf(chunk, LENGTH, () => peak.look());
    const started = performance.now();
    const tail = await append(lab.client, KEY, source, { flushAfter: Number.POSITIVE_INFINITY });
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `2 GiB in ${seconds.toFixed(1)} s, ${lab.oss.requests.length - 1} appends; array buffers at most ` +
        `${megabytes(peak.live)} in use, ${megabytes(peak.total)} with garbage`,
    );
    expect(tail).toEqual({ position: LENGTH, hashCrc64ecma: crcOfRepeated(chunk, LENGTH / CHUNK) });
    expect(lab.oss.object('logs', KEY)).toMatchObject({ length: LENGTH, crc64: tail.hashCrc64ecma });
    expect(peak.live).toBeLessThan(HELD + READ);
    expect(peak.total).toBeLessThan(HELD + READ + GARBAGE);
  });
});
