/** Tests the sizes of adaptive segments on simulated links, without a clock and without a network. */
import { describe, expect, test } from 'vitest';
import { nextSegmentSize, SegmentPace } from '../../src/append/pace.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const limits = { floor: 256 * KiB, ceiling: 128 * MiB };

/**
 * Simulates the transfer of `total` bytes over a link. The round trip (ms) and the bandwidth (bytes/ms) of the link can
 * change with the bytes sent. As in the engine, a segment is read while the previous segment is in flight. So its size
 * is chosen before the time of the previous segment is known.
 */
function send(
  total: number,
  link: (sent: number, turn: number) => { rtt: number; bandwidth: number },
  { inMemory = false } = {},
) {
  const pace = new SegmentPace(undefined);
  const sizes: number[] = [];
  let [busy, time, sent] = [0, 0, 0];
  for (let size = pace.size(inMemory), next = 0; sent < total; size = next) {
    const { rtt, bandwidth } = link(sent, sizes.length);
    next = Math.min(pace.size(inMemory), total - sent - size);
    const took = rtt + size / bandwidth;
    pace.stored({ size, time: took }, inMemory);
    sizes.push(size);
    busy += size / bandwidth;
    time += took;
    sent += size;
  }
  return { sizes, share: busy / time };
}

const steady = (rtt: number, megabytes: number) => () => ({ rtt, bandwidth: (megabytes * 1e6) / 1000 });

/** Returns the random generator of Park and Miller with a fixed seed, so that every run has the same noise. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

describe('a steady link', () => {
  test('at 20 MB/s and 50 ms, a stream uses 95 % of the link with segments of at most 23 MiB', () => {
    const { share, sizes } = send(1024 * MiB, steady(50, 20), { inMemory: true });
    expect(share).toBeGreaterThan(0.955);
    expect(Math.max(...sizes)).toBe(23 * MiB);
  });

  test('at 20 MB/s and 50 ms, a Blob uses 96.5 % of the link', () => {
    expect(send(1024 * MiB, steady(50, 20)).share).toBeGreaterThan(0.965);
  });

  test('at 20 MB/s and 200 ms, a Blob uses 95 % of the link', () => {
    expect(send(1024 * MiB, steady(200, 20)).share).toBeGreaterThan(0.953);
  });

  test('the first two segments have 1 MiB, and then each segment is four times as large as the one before', () => {
    expect(send(1024 * MiB, steady(200, 20)).sizes.slice(0, 5)).toEqual([1, 1, 4, 16, 64].map((size) => size * MiB));
  });

  test('on a link with almost no latency, the segments use 95 % of the link and stay below the ceiling', () => {
    const { share, sizes } = send(1024 * MiB, steady(0.6, 850));
    expect(share).toBeGreaterThan(0.95);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(128 * MiB);
  });

  test('at 100 kB/s, a segment takes at most eight seconds, except for the first two', () => {
    const { sizes } = send(20 * MiB, steady(50, 0.1));
    expect(Math.max(...sizes.slice(2))).toBeLessThanOrEqual(100_000 * 8.1);
  });

  test('at 2 MB/s and 15 ms, the segment size stays between 0.7 and 2.5 MiB', () => {
    const { sizes } = send(100 * MiB, steady(15, 2));
    const late = sizes.slice(10, -1);
    expect(Math.min(...late)).toBeGreaterThan(0.7 * MiB);
    expect(Math.max(...late)).toBeLessThan(2.5 * MiB);
  });
});

describe('a link that changes', () => {
  test('when the bandwidth falls to a twentieth, the segments shrink until each takes about eight seconds', () => {
    const { sizes } = send(600 * MiB, (sent) => ({ rtt: 50, bandwidth: sent < 400 * MiB ? 20_000 : 1000 }));
    expect(Math.max(...sizes)).toBeGreaterThan(16 * MiB);
    expect(sizes.slice(-10, -1).every((size) => size <= 8.1 * 1_000_000)).toBe(true);
  });

  test('with a noise of ±50 %, the segments still use 90 % of the link', () => {
    const random = noise(7);
    const { share } = send(1024 * MiB, () => ({ rtt: 50 * (0.5 + random()), bandwidth: 20_000 * (0.5 + random()) }));
    expect(share).toBeGreaterThan(0.9);
  });

  test('when the link becomes twenty times as fast, the segments grow, although their sizes were nearly equal', () => {
    const { sizes } = send(600 * MiB, (sent) => ({ rtt: 50, bandwidth: sent < 100 * MiB ? 1000 : 20_000 }));
    expect(Math.max(...sizes)).toBeGreaterThan(24 * MiB);
  });

  test('after a single delay, the next segment is at most four times as large and at least half as large', () => {
    const { sizes } = send(600 * MiB, (_, turn) => ({ rtt: turn % 5 === 0 ? 2000 : 50, bandwidth: 20_000 }));
    for (let index = 1; index < sizes.length - 1; index++) {
      const ratio = (sizes[index] as number) / (sizes[index - 1] as number);
      expect(ratio).toBeLessThanOrEqual(4.001);
      expect(ratio).toBeGreaterThanOrEqual(0.499);
    }
  });
});

/** Segment sizes in MiB and times in ms, recorded over TCP at 20 MB/s and 50 ms on a busy machine. */
const RECORDED: readonly (readonly [size: number, time: number])[] = [
  [1, 111.9],
  [1, 137.9],
  [4, 263.7],
  [2, 157.6],
  [8, 473.3],
  [15.5, 869.1],
  [15.5, 869.6],
  [15.5, 866.6],
];

describe('a recorded trace', () => {
  const samples = RECORDED.map(([size, time]) => ({ size: size * MiB, time }));

  test('the fit estimates the link in spite of the noise and aims at 27 to 45 MB', () => {
    const aim = nextSegmentSize(15.5 * MiB, samples, limits);
    expect(aim).toBeGreaterThan(27e6);
    expect(aim).toBeLessThan(45e6);
  });

  test('a few late answers do not reduce the size when the sizes are nearly equal', () => {
    // These values are from a busy machine at 20 MB/s and 200 ms. The fit cannot find a round trip in them, because the
    // sizes are too similar.
    const sizes = [64, 117.22, 128, 128, 114.13, 112.45, 109.18, 93.21];
    const times = [3614.7, 6394.7, 7536.1, 7302.1, 6585.5, 6358.5, 6237.8, 5302.9];
    const late = sizes.map((size, at) => ({ size: size * MiB, time: times[at] as number }));
    expect(nextSegmentSize(69.43 * MiB, late, limits)).toBeGreaterThan(69.43 * MiB);
  });

  test('the recorded samples never reduce the size', () => {
    const pace = new SegmentPace(undefined);
    const sizes = samples.map((sample) => {
      pace.stored(sample, true);
      return pace.size(true) / MiB;
    });
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(sizes.at(-1)).toBe(23);
  });
});

describe('the pace of an object', () => {
  const grown = () => {
    const pace = new SegmentPace(undefined);
    for (let turn = 0; turn < 20; turn++)
      pace.stored({ size: pace.size(false), time: 200 + pace.size(false) / 20_000 }, false);
    return pace;
  };

  test('the size begins at 1 MiB and grows, but for a stream only up to its memory limit of 23 MiB', () => {
    expect(new SegmentPace(undefined).size(true)).toBe(MiB);
    expect(grown().size(false)).toBeGreaterThan(120 * MiB);
    expect(grown().size(true)).toBe(23 * MiB);
  });

  test('a call of size() does not change the state', () => {
    const pace = grown();
    expect([pace.size(false), pace.size(true), pace.size(false)]).toEqual([
      grown().size(false),
      23 * MiB,
      grown().size(false),
    ]);
  });

  test('short segments, such as log lines, do not change the size', () => {
    const pace = grown();
    for (let turn = 0; turn < 20; turn++) pace.stored({ size: 200, time: 50 }, true);
    expect(pace.size(false)).toBe(grown().size(false));
  });

  test('a failure halves the size, down to 64 KiB', () => {
    const pace = grown();
    const before = pace.size(false);
    pace.failed(before);
    expect(pace.size(false)).toBe(Math.round(before / 2));
    for (let turn = 0; turn < 12; turn++) pace.failed(before);
    expect(pace.size(false)).toBe(64 * KiB);
  });

  test('the new size is half of the failed segment, and the failure of a short log line does not count', () => {
    const pace = grown();
    pace.failed(200);
    expect(pace.size(false)).toBe(grown().size(false));
    pace.failed(MiB);
    expect(pace.size(false)).toBe(MiB / 2);
  });

  test('a segment that is already read is cut after two failures in a row, but not after one', () => {
    const pace = new SegmentPace(undefined);
    pace.failed(MiB);
    expect(pace.cuts(MiB, false)).toBe(false);
    pace.failed(MiB);
    expect(pace.cuts(MiB, false)).toBe(true);
    expect(pace.size(false)).toBe(256 * KiB);
  });

  test('after a segment is refused as too large, the size stays below it and larger segments are cut at once', () => {
    const pace = grown();
    expect(pace.failed(4 * MiB, true)).toBe(true);
    for (let turn = 0; turn < 20; turn++) pace.stored({ size: 2 * MiB, time: 200 + (2 * MiB) / 20_000 }, false);
    expect(pace.size(false)).toBe(2 * MiB);
    expect(pace.cuts(2 * MiB, false)).toBe(false);
    expect(pace.cuts(2 * MiB + 1, false)).toBe(true);
  });

  test.each([
    [undefined, 64 * KiB],
    [16 * MiB, 64 * KiB],
    [1000, 63],
    [1, 1],
  ])('with segmentSize %s, the smallest segment after refusals has %i bytes', (fixed, least) => {
    const pace = new SegmentPace(fixed);
    let size = pace.size(true);
    while (pace.failed(size, true)) size = pace.size(true);
    expect(size).toBe(least);
  });

  test('a fixed size does not change, except that a failure halves it until the next success', () => {
    const pace = new SegmentPace(1000);
    pace.stored({ size: 1000, time: 500 }, true);
    expect(pace.size(true)).toBe(1000);
    pace.failed(1000);
    expect(pace.size(true)).toBe(500);
    pace.stored({ size: 500, time: 500 }, true);
    expect(pace.size(true)).toBe(1000);
  });
});

test('without samples the size does not change', () => {
  expect(nextSegmentSize(MiB, [], limits)).toBe(MiB);
});
