/**
 * How long the next segment should be, from how long the last ones took. Appends to one object follow one another, so a
 * link is idle for a round trip after each: of a segment of S bytes it uses the share 1 / (1 + BW x RTT / S).
 */

/** A segment that was stored at the first attempt. */
export interface SegmentSample {
  /** Bytes. */
  readonly size: number;
  /** From the first byte handed over to the answer, ms. */
  readonly time: number;
}

/** Between what a segment may be long, bytes. */
export interface SegmentLimits {
  readonly floor: number;
  readonly ceiling: number;
}

/** Hides the round trip behind 32 times its worth of bytes: 97 % of the link. */
const ROUND_TRIPS = 32;
/** A segment should not take longer than this, ms: it is what a repeat costs, and how often progress is seen. */
const LONGEST = 5000;
/** More samples would remember a link that has changed. */
const SAMPLES = 8;

const MiB: number = 1024 * 1024;
/** Where a size begins and how small it may become, bytes. */
const START: number = MiB;
const FLOOR: number = MiB / 4;
/** Two of these and a piece of 1 MiB are 32 MiB: what a stream may hold. */
const STREAM_CEILING: number = 15.5 * MiB;
const BLOB_CEILING: number = 64 * MiB;

/**
 * Fits `time = RTT + size / BW` to the last eight samples by least squares, and aims at `32 x RTT x BW` bytes, but at no
 * more than the link carries in five seconds. One step is at most four times up and two times down, so that a single
 * odd sample does little. Where the fit says nothing (equal sizes, or time that does not grow with size) it stays, or
 * goes on up while below the ceiling.
 *
 * @param current the size that was used last, bytes
 * @param samples oldest first
 */
export function nextSegmentSize(current: number, samples: readonly SegmentSample[], limits: SegmentLimits): number {
  const aim = target(samples.slice(-SAMPLES)) ?? current;
  const step = Math.min(Math.max(aim, current / 2), current * 4);
  return Math.round(Math.min(Math.max(step, limits.floor), limits.ceiling));
}

/** The size of an object's segments as it goes: a fixed one, or what the last ones tell. */
export class SegmentPace {
  readonly #fixed: number | undefined;
  #size = START;
  #samples: SegmentSample[] = [];

  constructor(fixed: number | undefined) {
    this.#fixed = fixed;
  }

  /** Bytes of the next segment. Those of a stream are held in memory, two at a time; those of a Blob are not. */
  size(inMemory: boolean): number {
    return this.#fixed ?? Math.min(this.#size, limitsOf(inMemory).ceiling);
  }

  stored(sample: SegmentSample, inMemory: boolean): void {
    this.#samples = [...this.#samples, sample].slice(-SAMPLES);
    this.#size = nextSegmentSize(this.#size, this.#samples, limitsOf(inMemory));
  }

  /** Half, so that the repeat of what comes next costs less. */
  failed(): void {
    this.#size = Math.max(Math.round(this.#size / 2), FLOOR);
  }
}

function limitsOf(inMemory: boolean): SegmentLimits {
  return { floor: FLOOR, ceiling: inMemory ? STREAM_CEILING : BLOB_CEILING };
}

/** Undefined where the samples tell nothing. */
function target(samples: readonly SegmentSample[]): number | undefined {
  const last = samples.at(-1);
  if (!last) return undefined;
  const size = mean(samples.map((sample) => sample.size));
  const time = mean(samples.map((sample) => sample.time));
  const spread = mean(samples.map((sample) => (sample.size - size) ** 2));
  const slowest = (last.size / Math.max(last.time, 1)) * LONGEST;
  // One size only: a first segment says no more than that the link can carry it in its time.
  if (spread === 0) return samples.length === 1 ? Math.min(4 * last.size, slowest) : Math.min(last.size, slowest);
  const perByte = mean(samples.map((sample) => (sample.size - size) * (sample.time - time))) / spread;
  if (perByte <= 0) return Math.min(4 * last.size, slowest);
  const roundTrip = Math.max(time - perByte * size, 0);
  return Math.min((ROUND_TRIPS * roundTrip) / perByte, LONGEST / perByte);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
