/** Tests how a body is cut into segments: their lengths, their bytes while an answer is missing, and their memory. */
import { afterEach, describe, expect, test } from 'vitest';
import { BodySegments } from '../../src/edge/body-segments.ts';
import { Refusal } from '../../src/edge/refusal.ts';
import { SEGMENT } from '../../src/edge/segment-memory.ts';
import { crc64 } from '../../src/index.ts';
import type { Segment } from '../../src/source/segment.ts';
import { VirtualClock } from '../tools/virtual-clock.ts';
import { noise, Sender, streamOf } from './senders.ts';
import { BUCKET, edgeOf, hasBytes, KEY, makeCloud, uploadRequest } from './world.ts';

const MIB = 1024 * 1024;
const clock = new VirtualClock();
let last: BodySegments | undefined;
// The memory of all uploads is shared, so each test gives its part back.
afterEach(() => last?.cancel());

function segmentsOf(chunks: AsyncIterable<Uint8Array>, announced?: number, segmentSize?: number): BodySegments {
  last = new BodySegments(chunks, { announced, segmentSize, clock });
  return last;
}

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, void> {
  // The reader of the edge reuses its buffer, so this one does it too.
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    buffer.set(chunk);
    yield buffer.subarray(0, chunk.length);
  }
}

/** Reads all segments, and copies their bytes at once. */
async function readAll(segments: BodySegments): Promise<{ sizes: number[]; bytes: Uint8Array; found: Segment[] }> {
  const found: Segment[] = [];
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let segment = await segments.next(128 * MIB); segment; segment = await segments.next(128 * MIB)) {
    found.push(segment);
    segments.confirm(found.reduce((sum, { size }) => sum + size, 0));
    parts.push((segment.body as Uint8Array<ArrayBuffer>).slice());
  }
  return { sizes: found.map(({ size }) => size), bytes: new Uint8Array(Buffer.concat(parts)), found };
}

test.each([1, 999, 1000, 1001, 65_536])('chunks of %i bytes become full segments with their CRC-64', async (chunk) => {
  const bytes = noise(10_500);
  const { sizes, bytes: all, found } = await readAll(segmentsOf(chunked(bytes, chunk), undefined, 1000));
  expect(sizes).toEqual([...Array(10).fill(1000), 500]);
  expect(Buffer.compare(all, bytes)).toBe(0);
  expect(found.map(({ crc }) => crc)).toEqual(sizes.map((size, i) => crc64(bytes.subarray(i * 1000, i * 1000 + size))));
});

test('a body of known length is cut into long segments at once, and one of unknown length begins with short ones', async () => {
  const bytes = noise(5 * MIB);
  expect((await readAll(segmentsOf(chunked(bytes, 65_536), bytes.length))).sizes).toEqual([2 * MIB, 2 * MIB, MIB]);
  last?.cancel();
  const { sizes } = await readAll(segmentsOf(chunked(bytes, 65_536)));
  expect(sizes).toEqual([384, 384, 768, 1536, 2048].map((kib) => kib * 1024));
});

test('the bytes of a segment stay until the segment after the next one is asked for, and then its memory is used again', async () => {
  const bytes = noise(3000);
  const segments = segmentsOf(chunked(bytes, 700), 3000, 1000);
  const bodies: Uint8Array[] = [];
  for (const from of [0, 1000]) {
    bodies.push((await segments.next(1000))?.body as Uint8Array);
    for (const [i, body] of bodies.entries())
      expect(Buffer.compare(body, bytes.subarray(i * 1000, i * 1000 + 1000)), `after ${from}`).toBe(0);
  }
  const third = (await segments.next(1000))?.body as Uint8Array;
  expect(third.buffer).toBe(bodies[0]?.buffer);
  expect(Buffer.compare(bodies[1]!, bytes.subarray(1000, 2000))).toBe(0);
});

test('a segment of a slow sender ends after 5 s, but it has at least 384 KiB', async () => {
  async function* slow(): AsyncGenerator<Uint8Array, void, void> {
    for (let i = 0; i < 40; i++) {
      yield noise(64 * 1024);
      clock.advance(i < 20 ? 1000 : 2000);
    }
  }
  const { sizes } = await readAll(segmentsOf(slow(), 40 * 65_536));
  const chunks = sizes.map((size) => size / 65_536);
  // The first part sends 64 KiB in a second, and the second part in two seconds.
  expect(chunks.slice(0, 3)).toEqual([6, 6, 6]);
  expect(chunks.slice(3, 6)).toEqual([6, 6, 6]);
});

test('an upload without memory for a second buffer waits until its segment is stored, and then uses its buffer again', async () => {
  const others = Array.from(
    { length: 60 },
    () => new BodySegments(chunked(noise(10), 10), { announced: 9 * MIB, segmentSize: undefined, clock }),
  );
  for (const other of others) await other.next(1);
  const bytes = noise(SEGMENT.least * 3);
  const segments = segmentsOf(chunked(bytes, 65_536), bytes.length);
  const first = await segments.next(128 * MIB);
  const body = first?.body as Uint8Array;
  let isWaiting = true;
  const reading = segments.next(128 * MIB).finally(() => {
    isWaiting = false;
  });
  for (let i = 0; i < 100; i++) await Promise.resolve();
  // A part of the segment is stored. The rest is still needed.
  segments.confirm(body.length - 1);
  for (let i = 0; i < 100; i++) await Promise.resolve();
  expect([isWaiting, Buffer.compare(body, bytes.subarray(0, body.length))]).toEqual([true, 0]);
  segments.confirm(body.length);
  const second = (await reading)?.body as Uint8Array;
  expect(second.buffer).toBe(body.buffer);
  expect(Buffer.compare(second, bytes.subarray(body.length, 2 * body.length))).toBe(0);
  for (const other of others) other.cancel();
});

test('the memory of slow uploads counts for as long as their bytes come', async () => {
  const slow = Array.from({ length: 10 }, () => {
    const sender = new Sender();
    const chunks = sender.body.values();
    return { sender, segments: new BodySegments(chunks, { announced: 9 * MIB, segmentSize: undefined, clock }) };
  });
  for (const { segments } of slow) segments.next(128 * MIB).catch(() => {});
  for (let time = 0; time < 1_200_000; time += 29_000) {
    await Promise.all(slow.map(({ sender }) => sender.give(noise(1))));
    clock.advance(29_000);
  }
  const another = await segmentsOf(chunked(noise(3 * MIB), 65_536), 3 * MIB).next(128 * MIB);
  for (const { segments } of slow) segments.cancel();
  expect(another?.size).toBeLessThan(MIB);
});

describe('a body that is refused', () => {
  async function* refused(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
    if (bytes.length > 0) yield bytes;
    throw new Refusal(408, 'RequestTimeout', 'too slow');
  }

  test('gives the bytes that came before, and says why it ended', async () => {
    const segments = segmentsOf(refused(noise(1500)), 5000, 1000);
    expect((await readAll(segments)).sizes).toEqual([1000, 500]);
    expect(segments.refusal?.code).toBe('RequestTimeout');
  });

  test('fails at once if no byte came, so that no object is created', async () => {
    await expect(segmentsOf(refused(noise(0)), 5000, 1000).next(1000)).rejects.toThrow('too slow');
  });
});

describe('every answer of the store is lost or late', () => {
  test.each(['drop-after', 'drop-during', 'error-after', 'error-before'] as const)(
    'the same bytes are sent again after %s, although the next segment is read in the meantime',
    async (kind) => {
      const status = 500;
      const fault = kind.startsWith('error') ? ({ kind, status } as { kind: 'error-after'; status: number }) : { kind };
      const { oss } = makeCloud({
        faults: ({ operation, nth }) =>
          operation === 'AppendObject' && nth % 2 === 1 ? (fault as { kind: 'drop-after' }) : undefined,
      });
      const bytes = noise(7800, 3);
      const edge = edgeOf(oss, {
        oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch: oss.fetch, retry: { baseDelay: 1 } },
      });
      const response = await edge(uploadRequest(streamOf(bytes, 333)));
      expect([response.status, (await response.json()).position]).toEqual([200, 7800]);
      expect(hasBytes(oss, KEY, bytes)).toBe(true);
    },
  );
});
