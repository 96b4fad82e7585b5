// How contestants are compared: interleaved, so that what else the machine does falls on all of them, and by ratios of
// the same round, so that a slow minute cancels.

/** One way to do a piece of work. */
export interface Contestant {
  readonly name: string;
  /** Does the work once. Returns what it cost: seconds, or any measure of which less is better. */
  run(): number | Promise<number>;
}

/** The costs of one contestant, round by round. */
export type Costs = ReadonlyMap<string, readonly number[]>;

/** One line of the table. */
export interface Row {
  readonly name: string;
  /** How many times as good as what it is compared with: the median of the rounds. */
  readonly ratio: number;
  /** The least and the greatest of the rounds: what the machine's noise makes of the same thing. */
  readonly low: number;
  readonly high: number;
  /** The medians of both, for people: `9.2 us`. */
  readonly ours: string;
  readonly theirs: string;
  /** What issue 6 asks of the ratio. */
  readonly target?: number | undefined;
}

/** Runs every contestant once a round. Each round begins with another one: the first pays for what the last one left. */
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

/** How a line is named and spelled. */
export interface Naming {
  readonly name: string;
  readonly target?: number | undefined;
  readonly unit: (cost: number) => string;
}

/** `ours` against `theirs`, round by round. */
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

/** Work so short that it must be repeated to be timed. */
export interface Work {
  /** Calls before the clock is read again. */
  readonly batch: number;
  run(): unknown;
}

const SLICES = 40;
/** ms of one slice: shorter than what a busy system gives a process at a time. */
const SLICE = 2;

/**
 * Seconds of one call: the fastest of many slices, because another process can only make a slice longer. Awaits what is
 * a promise, and nothing else.
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
/** For the time that so many bytes take. */
export const rateOf =
  (bytes: number) =>
  (seconds: number): string =>
    `${(bytes / seconds / 1e6).toFixed(0)} MB/s`;
