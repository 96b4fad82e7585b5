/** Tests how memory is divided among the uploads that a process serves at the same time. */
import { expect, test } from 'vitest';
import { SEGMENT, SegmentMemory } from '../../src/edge/segment-memory.ts';

const MIB = 1024 * 1024;
const FULL = { most: 5 * 1024 * MIB, now: 0 };

/** The two buffers of an upload. The second one is optional. */
type Pair = readonly [object, object];

function uploads(count: number): readonly Pair[] {
  return Array.from({ length: count }, (): Pair => [{}, {}]);
}

/** Lets every upload take its buffers several times, as it does for its segments, and returns the last sizes. */
function rounds(memory: SegmentMemory, pairs: readonly Pair[], count: number): number[] {
  let sizes: number[] = [];
  for (let i = 0; i < count; i++)
    sizes = pairs.flatMap(([first, second]) => [
      memory.take(first, FULL),
      memory.take(second, { ...FULL, isOptional: true }),
    ]);
  return sizes;
}

const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);

test('an upload that is alone gets the longest segments', () => {
  expect(rounds(new SegmentMemory(), uploads(1), 3)).toEqual([SEGMENT.most, SEGMENT.most]);
});

test.each([1, 2, 5, 10, 50, 200])(
  '%i uploads hold at most the limit, and for each upload one buffer of the least length',
  (count) => {
    const memory = new SegmentMemory();
    const limit = SEGMENT.all + count * SEGMENT.least;
    const held = new Map<object, number>();
    const pairs = uploads(count);
    for (let round = 0; round < 5; round++)
      for (const pair of pairs)
        for (const buffer of pair) {
          held.set(buffer, memory.take(buffer, { ...FULL, isOptional: buffer === pair[1] }));
          expect(sum([...held.values()])).toBeLessThanOrEqual(limit);
        }
  },
);

test('fifty uploads hold less than a quarter of the 128 MB of a Worker, and no upload starves', () => {
  const sizes = rounds(new SegmentMemory(), uploads(50), 5);
  expect(sum(sizes)).toBeLessThan(32 * MIB);
  expect(Math.min(...sizes.filter((_, i) => i % 2 === 0))).toBeGreaterThanOrEqual(SEGMENT.least);
  expect(Math.max(...sizes)).toBeLessThan(MIB);
});

test('a buffer keeps its size while the number of uploads stays, so that it is not made again', () => {
  const memory = new SegmentMemory();
  const pairs = uploads(20);
  const sizes = rounds(memory, pairs, 20);
  expect(rounds(memory, pairs, 5)).toEqual(sizes);
});

test('the segments become longer again when the other uploads have ended', () => {
  const memory = new SegmentMemory();
  const [first, ...others] = uploads(50);
  rounds(memory, [first!, ...others], 5);
  for (const buffer of others.flat()) memory.free(buffer);
  expect(rounds(memory, [first!], 2)).toEqual([SEGMENT.most, SEGMENT.most]);
});

test('a short body gets only what it needs, and the end of a long one keeps its buffer', () => {
  const memory = new SegmentMemory();
  const [short, long] = [{}, {}];
  expect(memory.take(short, { most: 100, now: 0 })).toBe(100);
  expect(memory.take(long, FULL)).toBe(SEGMENT.most);
  expect(memory.take(long, { most: 100, now: 0 })).toBe(SEGMENT.most);
});

test('the memory of a request that the platform ended is free after two minutes', () => {
  const memory = new SegmentMemory();
  rounds(memory, uploads(50), 1);
  const buffer = {};
  expect(memory.take(buffer, { most: FULL.most, now: 120_000 })).toBeLessThan(MIB);
  expect(memory.take(buffer, { most: FULL.most, now: 120_001 })).toBe(SEGMENT.most);
});
