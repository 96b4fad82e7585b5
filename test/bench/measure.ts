// Compares contestants. They run interleaved, so that other work on the machine slows all of them equally. Each ratio
// compares two runs of the same round, so that a slow minute changes both sides and cancels out.

/** One of several ways to do the same work. */
export interface Contestant {
  readonly name: string;
  /** Does the work once and returns its cost: seconds, or another measure where a smaller number is better. */
  run(): number | Promise<number>;
}

/** The costs of one contestant, round by round. */
export type Costs = ReadonlyMap<string, readonly number[]>;

/** One line of the table. */
export interface Row {
  readonly name: string;
  /** The ratio of the two costs, as the median of the rounds. A ratio of 2 means that our side is twice as good. */
  readonly ratio: number;
  /** The lowest and the highest ratio of all rounds. Their distance shows the noise of the machine. */
  readonly low: number;
  readonly high: number;
  /** The median costs of both sides as text for people, for example `9.2 us`. */
  readonly ours: string;
  readonly theirs: string;
  /** The lowest ratio that is good enough. Absent for rows without a goal. */
  readonly target?: number | undefined;
}

/**
 * Runs every contestant once in each round. Each round starts with a different contestant, because the first one also
 * pays for the garbage that the round before left behind.
 */
export async function race(contestants: readonly Contestant[], rounds: number): Promise<Costs> {
  const costs = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(turn + round) % contestants.length]!;
      costs.get(contestant.name)?.push(await contestant.run());
    }
  }
  return costs;
}

/** The name of a row, its target, and the text form of its costs. */
export interface Naming {
  readonly name: string;
  readonly target?: number | undefined;
  readonly unit: (cost: number) => string;
}

/** Compares `ours` with `theirs` in each round, and returns one row for the table. */
export function compare(costs: Costs, ours: string, theirs: string, { name, target, unit }: Naming): Row {
  const [mine = [], other = []] = [costs.get(ours), costs.get(theirs)];
  const ratios = mine.map((cost, round) => other[round]! / cost);
  return { ...spread(ratios), name, target, ours: unit(median(mine)), theirs: unit(median(other)) };
}

export function spread(values: readonly number[]): { ratio: number; low: number; high: number } {
  return { ratio: median(values), low: Math.min(...values), high: Math.max(...values) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Work that is so short that one call cannot be timed. */
export interface Work {
  /** The number of calls between two readings of the clock. */
  readonly batch: number;
  run(): unknown;
}

const SLICES = 40;
/** The length of one slice in ms. It is shorter than the time for which a busy system lets one process run. */
const SLICE = 2;

/**
 * Returns the seconds that one call takes. The fastest of many slices counts, because another process can only make a
 * slice longer. A result is awaited only when it is a promise, because an `await` costs time.
 */
export async function fastest({ batch, run }: Work): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let slice = 0; slice < SLICES; slice++) best = Math.min(best, await timeSlice(batch, run));
  return best / 1000;
}

async function timeSlice(batch: number, run: () => unknown): Promise<number> {
  const start = performance.now();
  for (let calls = batch; ; calls += batch) {
    for (let i = 0; i < batch; i++) {
      const result = run();
      if (result instanceof Promise) await result;
    }
    const time = performance.now() - start;
    if (time >= SLICE) return time / calls;
  }
}

export const microseconds = (seconds: number): string => `${(seconds * 1e6).toFixed(1)} us`;
export const milliseconds = (seconds: number): string => `${(seconds * 1e3).toFixed(2)} ms`;
/** Returns a formatter that turns the seconds for `bytes` bytes into a rate. */
export const rateOf =
  (bytes: number) =>
  (seconds: number): string =>
    `${(bytes / seconds / 1e6).toFixed(0)} MB/s`;
