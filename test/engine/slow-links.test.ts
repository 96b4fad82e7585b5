// Links that are so slow that a segment of the usual size does not pass within the time-out of one attempt, in virtual
// time.
import { describe, expect, test } from 'vitest';
import { FORMS, NarrowLink, noise } from '../tools/narrow-link.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const SIZE = 1_500_000;
const DATA = noise(SIZE);

/** A round trip takes 350 ms. Without it, 1 MiB at 17,000 bytes/s would just pass within its time-out of 62 s. */
const steady = (bytesPerSecond: number) => () =>
  [
    { kind: 'slow', bytesPerSecond },
    { kind: 'answer-late', delay: 350 },
  ] as const;

describe.each([6_000, 10_000, 17_000, 50_000, 1_000_000])('1.5 MB at %i bytes/s', (rate) => {
  test.each(Object.keys(FORMS) as (keyof typeof FORMS)[])(
    'a %s is stored in less than twice the time that the link needs',
    async (form) => {
      const link = new NarrowLink(steady(rate));
      const time = await link.run(link.object.append(FORMS[form](DATA)));
      expect(link.holds(DATA)).toBe(true);
      expect(time).toBeLessThan((2 * SIZE) / rate);
    },
  );
});

test('a link that carries the first segment in time gets the usual segments', async () => {
  const link = new NarrowLink(steady(50_000));
  await link.run(link.object.append(new Blob([DATA])));
  expect(link.sent).toEqual([MiB, SIZE - MiB]);
});

test('after two attempts without an answer, the segment is sent in quarters, and later segments are as short as the link requires', async () => {
  const link = new NarrowLink(steady(6_000));
  await link.run(link.object.append(new Blob([DATA])));
  expect(link.sent.slice(0, 5)).toEqual([MiB, MiB, 256 * KiB, 256 * KiB, 64 * KiB]);
  expect(Math.max(...link.sent.slice(5))).toBe(64 * KiB);
});

test('after one attempt without an answer, the same bytes are sent again', async () => {
  const link = new NarrowLink(({ operation, nth }) =>
    operation === 'AppendObject' && nth === 1 ? { kind: 'drop-during' } : undefined,
  );
  await link.run(link.object.append(new Blob([DATA])));
  expect(link.sent.slice(0, 2)).toEqual([MiB, MiB]);
  expect(link.holds(DATA)).toBe(true);
});

test('a segment of a fixed segmentSize is cut as well, and the fixed size is tried again', async () => {
  const link = new NarrowLink(steady(6_000), { segmentSize: MiB });
  await link.run(link.object.append(new Blob([DATA])));
  expect(link.holds(DATA)).toBe(true);
});

test('a time-out of the caller is kept, and the segments shrink until they fit into it', async () => {
  const link = new NarrowLink(steady(50_000), { timeout: 4_000 });
  await link.run(link.object.append(new Blob([DATA])));
  expect(link.holds(DATA)).toBe(true);
  expect(link.sent).toContain(64 * KiB);
});

test('a resume continues in shorter segments as well', async () => {
  const link = new NarrowLink(steady(6_000));
  link.oss.appendObject('logs', 'a.bin', DATA.subarray(0, 100_000));
  await link.run(link.object.resume(new Blob([DATA])));
  expect(link.holds(DATA)).toBe(true);
});

test('if a link becomes slow, long segments shrink', async () => {
  const data = noise(6 * MiB);
  let passed = 0;
  const link = new NarrowLink(({ size = 0 }) => {
    passed += size;
    return { kind: 'slow', bytesPerSecond: passed > 2 * MiB ? 17_000 : 20_000_000 };
  });
  const time = await link.run(link.object.append(new Blob([data])));
  expect(link.holds(data)).toBe(true);
  expect(time).toBeLessThan((3 * data.length) / 17_000);
});

test('a group of several calls is stored, and each call learns its own end', async () => {
  const link = new NarrowLink(steady(6_000));
  const text = 'x'.repeat(100_000);
  const calls = Array.from({ length: 8 }, () => link.object.append(text));
  await link.run(Promise.all(calls));
  const ends = (await Promise.all(calls)).map(({ position }) => position);
  expect(ends).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((nth) => nth * text.length));
  // If the bytes of several calls must be sent in parts, a part ends at the end of a call, if possible.
  expect(link.oss.object('logs', 'a.bin')?.length).toBe(8 * text.length);
});
