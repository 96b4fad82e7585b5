/**
 * Checks that the engine never keeps more than two segments and one piece in memory, however long the source is. Vitest
 * runs this file in its own process, whose memory can be measured.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { append } from '../../src/append/object.ts';
import { crc64, crc64Combine } from '../../src/crc64.ts';
import { KEY, Lab } from './exactly-once/lab.ts';

const MiB = 1024 * 1024;
const LENGTH = 1024 * MiB;
const CHUNK = 64 * 1024;
/** The limit for a stream: two segments of at most 23 MiB, and a piece of 1 MiB. */
const HELD = 47 * MiB;
/** Additional memory for the bytes that LocalOss reads at one time. A network stack needs about the same. */
const READ = 4 * MiB;
/** The limit for garbage. Each used piece becomes garbage, and V8 collects such buffers at about 16 MiB. */
const GARBAGE = 24 * MiB;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/**
 * Measures the peak memory of all array buffers in bytes, minus their memory at the start. `live` counts only buffers
 * in use, and `total` also counts garbage.
 */
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

  /** Collects garbage before the measurement, so that only buffers in use count. */
  collect(): void {
    this.look();
    collect();
    this.live = Math.max(this.live, Peak.#now() - this.#start);
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}

/** Returns the CRC of a chunk repeated `times` times. `crc64Combine` makes a second reading of 1 GiB unnecessary. */
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
  test('an append of 1 GiB from a stream keeps two segments and one piece at most', { timeout: 300_000 }, async () => {
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
      `1 GiB in ${seconds.toFixed(1)} s with ${lab.oss.requests.length - 1} appends; the array buffers had at most ` +
        `${megabytes(peak.live)} in use, and ${megabytes(peak.total)} together with garbage`,
    );
    expect(tail).toEqual({ position: LENGTH, hashCrc64ecma: crcOfRepeated(chunk, LENGTH / CHUNK) });
    expect(lab.oss.object('logs', KEY)).toMatchObject({ length: LENGTH, crc64: tail.hashCrc64ecma });
    expect(peak.live).toBeLessThan(HELD + READ);
    expect(peak.total).toBeLessThan(HELD + READ + GARBAGE);
  });
});
