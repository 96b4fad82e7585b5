/** The policy of adaptive segments, on made-up links: no clock, no network. */
import { describe, expect, test } from 'vitest';
import { nextSegmentSize, SegmentPace, type SegmentSample } from '../src/segment-size.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const limits = { floor: 256 * KiB, ceiling: 64 * MiB };

/** Sends `total` bytes over a link whose round trip (ms) and bandwidth (bytes/ms) may change with the bytes sent. */
function send(
  total: number,
  link: (sent: number, turn: number) => { rtt: number; bandwidth: number },
  ceiling = limits.ceiling,
) {
  const samples: SegmentSample[] = [];
  const sizes: number[] = [];
  let size = limits.floor;
  let busy = 0;
  let time = 0;
  for (let sent = 0, turn = 0; sent < total; turn++) {
    const { rtt, bandwidth } = link(sent, turn);
    const bytes = Math.min(size, total - sent);
    const took = rtt + bytes / bandwidth;
    samples.push({ size: bytes, time: took });
    sizes.push(bytes);
    busy += bytes / bandwidth;
    time += took;
    sent += bytes;
    size = nextSegmentSize(size, samples, { ...limits, ceiling });
  }
  return { sizes, share: busy / time };
}

const steady = (rtt: number, megabytes: number) => () => ({ rtt, bandwidth: (megabytes * 1e6) / 1000 });

/** Park and Miller's generator, so that noise is the same in each run. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

describe('a steady link', () => {
  test('20 MB/s and 50 ms: 95 % of the link within a stream’s 15.5 MiB', () => {
    const { share, sizes } = send(1024 * MiB, steady(50, 20), 15.5 * MiB);
    expect(share).toBeGreaterThan(0.93);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(15.5 * MiB);
  });

  test('20 MB/s and 50 ms: 95 % from a Blob', () => {
    expect(send(1024 * MiB, steady(50, 20)).share).toBeGreaterThan(0.95);
  });

  test('20 MB/s and 200 ms: 93 % and more from a Blob', () => {
    expect(send(1024 * MiB, steady(200, 20)).share).toBeGreaterThan(0.93);
  });

  test('no latency to speak of: neither stuck at the floor nor beyond five seconds’ worth', () => {
    const { share, sizes } = send(1024 * MiB, steady(0.6, 850));
    expect(share).toBeGreaterThan(0.95);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * MiB);
  });

  test('100 kB/s: a segment takes five seconds at most', () => {
    const { sizes } = send(20 * MiB, steady(50, 0.1));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100_000 * 5.1);
  });

  test('2 MB/s and 15 ms settles near a megabyte', () => {
    const { sizes } = send(100 * MiB, steady(15, 2));
    const last = sizes.at(-2) as number;
    expect(last).toBeGreaterThan(0.7 * MiB);
    expect(last).toBeLessThan(1.5 * MiB);
  });
});

describe('a link that changes', () => {
  test('falling to a twentieth: the segments follow within a few turns', () => {
    const { sizes } = send(600 * MiB, (sent) => ({ rtt: 50, bandwidth: sent < 400 * MiB ? 20_000 : 1000 }));
    expect(Math.max(...sizes)).toBeGreaterThan(16 * MiB);
    expect(sizes.slice(-10, -1).every((size) => size <= 5.5 * MiB)).toBe(true);
  });

  test('noise of ±50 %: still nine tenths of the link', () => {
    const random = noise(7);
    const { share } = send(1024 * MiB, () => ({ rtt: 50 * (0.5 + random()), bandwidth: 20_000 * (0.5 + random()) }));
    expect(share).toBeGreaterThan(0.9);
  });

  test('one burst does not throw the size about: four times up, two times down', () => {
    const { sizes } = send(600 * MiB, (_, turn) => ({ rtt: turn % 5 === 0 ? 2000 : 50, bandwidth: 20_000 }));
    for (let index = 1; index < sizes.length - 1; index++) {
      const ratio = (sizes[index] as number) / (sizes[index - 1] as number);
      expect(ratio).toBeLessThanOrEqual(4.001);
      expect(ratio).toBeGreaterThanOrEqual(0.499);
    }
  });
});

describe('the pace of an object', () => {
  const grown = () => {
    const pace = new SegmentPace(undefined);
    for (let turn = 0; turn < 20; turn++)
      pace.stored({ size: pace.size(false), time: 200 + pace.size(false) / 20_000 }, false);
    return pace;
  };

  test('begins at 1 MiB and grows; a stream’s stays within its memory', () => {
    expect(new SegmentPace(undefined).size(true)).toBe(MiB);
    expect(grown().size(false)).toBe(64 * MiB);
    expect(grown().size(true)).toBe(15.5 * MiB);
  });

  test('a failure halves it, down to 256 KiB', () => {
    const pace = grown();
    pace.failed();
    expect(pace.size(false)).toBe(32 * MiB);
    for (let turn = 0; turn < 10; turn++) pace.failed();
    expect(pace.size(false)).toBe(256 * KiB);
  });

  test('a fixed size stays', () => {
    const pace = new SegmentPace(1000);
    pace.stored({ size: 1000, time: 500 }, true);
    pace.failed();
    expect(pace.size(true)).toBe(1000);
  });
});

test('without samples it stays', () => {
  expect(nextSegmentSize(MiB, [], limits)).toBe(MiB);
});
