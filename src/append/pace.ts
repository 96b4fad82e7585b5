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
const LONGEST = 8000;
/** More samples would remember a link that has changed. */
const SAMPLES = 8;
/** Sizes whose standard deviation is less than this part of their mean tell noise, not the round trip. */
const ALIKE = 0.25;

const MiB: number = 1024 * 1024;
/** Where a size begins, bytes, and the least that a short round trip makes of it. */
const START: number = MiB;
const FLOOR: number = MiB / 4;
/**
 * The least that a slow link, failures or refusals make of it, bytes. A link of 6,000 bytes/s carries this in 11 s, and the
 * default time-out leaves 32 s for it.
 */
const LEAST: number = MiB / 16;
/** Two of these and a piece are less than 47 MiB: what a stream may hold. At 20 MB/s it hides 50 ms: 96 % of the link. */
const STREAM_CEILING: number = 23 * MiB;
/** At 20 MB/s it hides 200 ms: 97 % of the link. */
const BLOB_CEILING: number = 128 * MiB;

/**
 * Fits `time = RTT + size / BW` to the last eight samples by least squares, and aims at `32 x RTT x BW` bytes, but at no
 * more than takes eight seconds at the rate of the last one. One step is at most four times up and two times down, so that
 * a single odd sample does little. Where time does not grow with size it goes on up; where the sizes are alike it takes a
 * quarter more, to learn (four times as much after the first two, which are always alike). Without samples it stays.
 *
 * Each size is asked for while the segment before it is still on the wire, so a beginning is 1, 1, 4, 16, 64 MiB.
 *
 * @param current the size that was found last, bytes
 * @param samples oldest first
 */
export function nextSegmentSize(current: number, samples: readonly SegmentSample[], limits: SegmentLimits): number {
  const aim = target(current, samples.slice(-SAMPLES));
  const step = Math.min(Math.max(aim, current / 2), current * 4);
  return Math.round(Math.min(Math.max(step, limits.floor), limits.ceiling));
}

/**
 * The size of an object's segments as it goes: what the last ones tell, or a fixed one. Either becomes smaller where requests
 * fail again and again, and stays below what was refused as too large.
 */
export class SegmentPace {
  readonly #fixed: number | undefined;
  readonly #least: number;
  #size: number;
  /** Half of what was refused as too large. The size never grows above it again. */
  #limit = Number.POSITIVE_INFINITY;
  #samples: SegmentSample[] = [];

  constructor(fixed: number | undefined) {
    this.#fixed = fixed;
    this.#size = fixed ?? START;
    this.#least = Math.min(LEAST, Math.ceil(this.#size / 16));
  }

  /** Bytes of the next segment. Those of a stream are held in memory, two at a time; those of a Blob are not. */
  size(inMemory: boolean): number {
    return Math.min(this.#size, this.#limit, this.#fixed ?? ceilingOf(inMemory));
  }

  /** Text and bytes up to this length wait as one segment, which is cut only when it is sent. */
  get room(): number {
    return Math.max(this.size(true), this.#fixed ?? FLOOR);
  }

  /**
   * Whether a segment in hand must be cut before it is sent. One failure does not cut it, unless the size is the least already.
   * The second failure in a row leaves a quarter of its size, and then it is cut.
   */
  cuts(size: number, inMemory: boolean): boolean {
    const now = this.size(inMemory);
    return size > Math.min(this.#limit, now > this.#least ? 2 * now : now);
  }

  /** A sample that is shorter than the shortest segment tells of the round trip alone: log lines leave the size as it is. */
  stored(sample: SegmentSample, inMemory: boolean): void {
    if (sample.size < Math.min(FLOOR, this.#size)) return;
    this.#samples = [...this.#samples, sample].slice(-SAMPLES);
    this.#size = this.#fixed
      ? Math.min(this.#fixed, this.#size * 2)
      : nextSegmentSize(this.#size, this.#samples, { floor: LEAST, ceiling: ceilingOf(inMemory) });
  }

  /**
   * Half, so that the next attempt costs less; for good where a body of this size was refused as too large. Returns false where
   * there is nothing smaller to send: a request as short as the shortest segment does not fail for its length.
   */
  failed(size: number, refused = false): boolean {
    if (size <= this.#least) return false;
    this.#size = Math.max(Math.ceil(Math.min(this.#size, size) / 2), this.#least);
    if (refused) this.#limit = this.#size;
    return true;
  }
}

function ceilingOf(inMemory: boolean): number {
  return inMemory ? STREAM_CEILING : BLOB_CEILING;
}

function target(current: number, samples: readonly SegmentSample[]): number {
  const last = samples.at(-1);
  if (!last) return current;
  const inTime = (last.size / Math.max(last.time, 1)) * LONGEST;
  return Math.min(Math.max(leastSquares(current, samples), FLOOR), inTime);
}

function leastSquares(current: number, samples: readonly SegmentSample[]): number {
  const size = mean(samples.map((sample) => sample.size));
  const time = mean(samples.map((sample) => sample.time));
  const spread = mean(samples.map((sample) => (sample.size - size) ** 2));
  if (spread < (ALIKE * size) ** 2) return current * (samples.length < 3 ? 4 : 1.25);
  const perByte = mean(samples.map((sample) => (sample.size - size) * (sample.time - time))) / spread;
  if (perByte <= 0) return current * 4;
  const roundTrip = Math.max(time - perByte * size, 0);
  return (ROUND_TRIPS * roundTrip) / perByte;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
