/**
 * Chooses the length of the next segment from the time that the last segments took. Appends to one object follow one
 * another, so the link is idle for one round trip (RTT) after each append. With segments of S bytes and a bandwidth BW,
 * the link is in use for the share 1 / (1 + BW x RTT / S) of the time. So longer segments use the link better.
 */

/** The size and the time of a segment that was stored at the first attempt. */
export interface SegmentSample {
  /** Length of the segment, bytes. */
  readonly size: number;
  /** Time from the first byte of the request to the answer, ms. */
  readonly time: number;
}

/** The shortest and the longest segment, bytes. */
export interface SegmentLimits {
  readonly floor: number;
  readonly ceiling: number;
}

/** A segment should take 32 times as long to send as one round trip. Then 97 % of the link is used. */
const ROUND_TRIPS = 32;
/** The longest time that a segment should take, ms. A repeat costs this much time, and progress is seen this often. */
const LONGEST = 8000;
/** The number of samples that are used. More samples would remember a link that has changed since. */
const SAMPLES = 8;
/**
 * If the standard deviation of the sizes is below this part of their mean, the times show noise and not the round trip.
 */
const ALIKE = 0.25;

const MiB: number = 1024 * 1024;
/** START is the first size, bytes. FLOOR is the smallest size that is chosen because the round trip is short. */
const START: number = MiB;
const FLOOR: number = MiB / 4;
/**
 * The smallest size that is chosen because the link is slow, or because requests fail or are refused, bytes. A link of
 * 6,000 bytes/s carries this many bytes in 11 s, and the default time-out leaves 32 s for it.
 */
const LEAST: number = MiB / 16;
/**
 * With a `maxRate`, a segment has the bytes that the rate sends in this part of a second. The link sends a segment at
 * its full speed, so the segment must be short if other traffic needs the link.
 */
const BURSTS = 4;
/**
 * The largest segment of a stream, bytes. A stream may hold 47 MiB in memory: two of these and one piece are less. At
 * 20 MB/s and a round trip of 50 ms, 96 % of the link is used.
 */
const STREAM_CEILING: number = 23 * MiB;
/** The largest segment of a Blob, bytes. At 20 MB/s and a round trip of 200 ms, 97 % of the link is used. */
const BLOB_CEILING: number = 128 * MiB;

/**
 * Returns the size of the next segment, bytes. The function fits `time = RTT + size / BW` to the last eight samples by
 * least squares. The goal is `32 x RTT x BW` bytes, but at most the bytes that the rate of the last sample sends in
 * eight seconds. One step makes the size at most four times as large, or half as large, so that a single odd sample has
 * little effect.
 *
 * Three cases need another rule. If the time does not grow with the size, the size grows. If all samples have
 * nearly the same size, the next size is larger by a quarter, because only different sizes show the round trip. (The
 * first two samples always have the same size. After them, the next size is four times as large.) Without samples, the
 * size does not change.
 *
 * The next size is asked for while the segment before it is still in flight. So the first sizes are 1, 1, 4, 16 and 64
 * MiB.
 *
 * @param current the last size, bytes
 * @param samples the oldest sample first
 */
export function nextSegmentSize(current: number, samples: readonly SegmentSample[], limits: SegmentLimits): number {
  const goal = goalOf(current, samples.slice(-SAMPLES));
  const step = Math.min(Math.max(goal, current / 2), current * 4);
  return Math.round(Math.min(Math.max(step, limits.floor), limits.ceiling));
}

/**
 * The size of an object's segments: an adaptive one, or a fixed one. Both become smaller when requests fail again and
 * again, and both stay below a size that was refused as too large.
 */
export class SegmentPace {
  readonly #fixed: number | undefined;
  readonly #least: number;
  #size: number;
  /** The size that `maxRate` allows, or half of a size that was refused as too large. The size never grows above it. */
  #limit: number;
  #samples: SegmentSample[] = [];
  readonly #maxRate: number;
  /** The earliest time of the next request under `maxRate`, ms, and how long the last request takes at this rate, ms. */
  #next = 0;
  #last = 0;

  constructor(fixed: number | undefined, maxRate: number = Number.POSITIVE_INFINITY) {
    this.#fixed = fixed;
    this.#maxRate = maxRate;
    this.#limit = Math.ceil(maxRate / BURSTS);
    this.#size = fixed ?? START;
    this.#least = Math.min(LEAST, Math.ceil(this.#size / 16));
  }

  /**
   * Returns the size of the next segment, bytes. Segments of a stream are held in memory, two at a time. Those of a
   * Blob are not.
   */
  size(inMemory: boolean): number {
    return Math.min(this.#size, this.#limit, this.#fixed ?? ceilingOf(inMemory));
  }

  /** Text and bytes up to this length wait as one segment. It is cut only when it is sent. */
  get room(): number {
    return Math.max(this.size(true), this.#fixed ?? FLOOR);
  }

  /**
   * Returns true if a segment that is already read must be cut before it is sent. After one failure, the segment is cut
   * only if the size is the smallest one already. After a second failure in a row, the size is a quarter of it, and
   * then it is cut.
   */
  cuts(size: number, inMemory: boolean): boolean {
    const now = this.size(inMemory);
    return size > Math.min(this.#limit, now > this.#least ? 2 * now : now);
  }

  /**
   * Learns from a stored segment. A very short segment shows only the round trip, so log lines do not change the size.
   */
  stored(sample: SegmentSample, inMemory: boolean): void {
    if (sample.size < Math.min(FLOOR, this.#size)) return;
    this.#samples = [...this.#samples, sample].slice(-SAMPLES);
    this.#size = this.#fixed
      ? Math.min(this.#fixed, this.#size * 2)
      : nextSegmentSize(this.#size, this.#samples, { floor: LEAST, ceiling: ceilingOf(inMemory) });
  }

  /**
   * Reserves the time for a request of this many bytes. Returns how long the request must wait so that the rate stays
   * below `maxRate`, ms. Unused time is not saved for later requests.
   */
  reserve(size: number, now: number): number {
    // If the clock was set back, `#next` may be hours away. But a request never waits longer than the last one takes.
    const wait = Math.min(Math.max(this.#next - now, 0), this.#last);
    this.#last = (size / this.#maxRate) * 1000;
    this.#next = now + wait + this.#last;
    return wait;
  }

  /**
   * Makes the size half as large, so that the next attempt costs less. If a body of this size was refused as too large,
   * the size stays below it. Returns false if the segment is already as short as the shortest one: then its length is
   * not the reason of the failure.
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

function goalOf(current: number, samples: readonly SegmentSample[]): number {
  const [last] = samples.slice(-1);
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
