/** Tests how a body with a checksum is held in memory until its checksum is known. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { verified } from '../../src/edge/digest.ts';
import { noise } from './senders.ts';

const MIB = 1024 * 1024;

function digestOf(bytes: Uint8Array) {
  return { algorithm: 'SHA-1', bytes: new Uint8Array(createHash('sha1').update(bytes).digest()), mismatch: 460 };
}

/** Yields chunks like the reader of the edge, which uses its buffer again. */
async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    buffer.set(chunk);
    yield buffer.subarray(0, chunk.length);
  }
}

async function join(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return Buffer.concat(parts);
}

test.each([
  [1, 1],
  [65_535, 1000],
  [65_536, 65_536],
  [65_537, 65_536],
  [3 * MIB + 1, 100_000],
  [4 * MIB, 3 * MIB],
])('a body of %i bytes in chunks of %i bytes comes out as it went in', async (length, size) => {
  const bytes = noise(length);
  const body = await join(verified(chunked(bytes, size), digestOf(bytes), 4 * MIB));
  expect(Buffer.compare(body, bytes)).toBe(0);
});

test('a body with one byte too many is refused, and one of the greatest length is not', async () => {
  const bytes = noise(100_000);
  expect(await join(verified(chunked(bytes, 999), digestOf(bytes), 100_000))).toHaveLength(100_000);
  await expect(join(verified(chunked(bytes, 999), digestOf(bytes), 99_999))).rejects.toMatchObject({ status: 413 });
});

test('a body that comes in chunks of one byte needs no more memory than another body', async () => {
  const bytes = noise(500_000);
  const before = process.memoryUsage().heapUsed;
  let most = 0;
  async function* measured() {
    yield* chunked(bytes, 1);
    most = process.memoryUsage().heapUsed - before;
  }
  await join(verified(measured(), digestOf(bytes), MIB));
  // A list of these chunks has about 100 MiB. The limit leaves room for garbage that V8 has not collected yet.
  expect(most).toBeLessThan(50 * MIB);
}, 60_000);
