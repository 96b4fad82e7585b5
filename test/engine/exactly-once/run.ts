/** Runs many schedules, one after the other. A schedule that fails is reduced to the smallest one that still fails. */
import { judge } from './oracle.ts';
import { type Schedule, scheduleOf } from './schedule.ts';
import { smaller } from './shrink.ts';
import { trace } from './trace.ts';
import { type Run, runSchedule } from './world.ts';

/** A schedule with which the engine fails. */
export interface Failure {
  readonly seed: number;
  /** The smallest schedule that fails in the same way, judged by the first problem. */
  readonly schedule: Schedule;
  readonly problems: readonly string[];
  readonly trace: string;
}

export interface Results {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

export interface RunOptions {
  readonly from: number;
  readonly count: number;
  /** The number of failures after which the run stops. Default 3. */
  readonly maxFailures?: number;
  /** True to reduce failing schedules. Default true. */
  readonly shrink?: boolean;
  readonly onrun?: (run: Run, seed: number) => void;
}

/** Runs the schedules of consecutive seeds. */
export async function runSeeds({ from, count, maxFailures = 3, shrink = true, onrun }: RunOptions): Promise<Results> {
  const failures: Failure[] = [];
  let passed = 0;
  for (let seed = from; seed < from + count && failures.length < maxFailures; seed++) {
    const run = await runSchedule(scheduleOf(seed));
    onrun?.(run, seed);
    if (judge(run).length === 0) passed++;
    else failures.push(await failureOf(run, seed, shrink));
  }
  return { passed, failures };
}

async function failureOf(run: Run, seed: number, shrink: boolean): Promise<Failure> {
  // A run that does not end takes a minute, and the search would take hours.
  const isEndless = run.problems.some((problem) => problem.includes('does not end'));
  const least = shrink && !isEndless ? await shrunk(run) : run;
  return { seed, schedule: least.schedule, problems: judge(least), trace: trace(least) };
}

/** Removes parts of a schedule as long as it fails for the same reason. `tries` limits the number of attempts. */
async function shrunk(run: Run, tries = 600): Promise<Run> {
  const reason = reasonOf(run);
  let least = run;
  for (let left = tries; left > 0; ) {
    let found: Run | undefined;
    for (const schedule of smaller(least.schedule)) {
      if (left-- <= 0) break;
      const next = await runSchedule(schedule);
      if (reasonOf(next) !== reason) continue;
      found = next;
      break;
    }
    if (!found) return least;
    least = found;
  }
  return least;
}

/** Returns the first problem without its numbers. */
function reasonOf(run: Run): string | undefined {
  return judge(run)[0]?.replace(/"[^"]*"|[0-9]+/g, '#');
}

/** Describes a failure for the console: what failed, and how to run it again. */
export function describe({ seed, schedule, problems, trace: seen }: Failure): string {
  const json = JSON.stringify(schedule);
  return [
    `seed ${seed} fails: ${problems.join('; ')}`,
    `again: npm run test:soak -- --seed ${seed} --schedules 1`,
    `least: npm run test:soak -- --schedule '${json}'`,
    seen,
  ].join('\n');
}
