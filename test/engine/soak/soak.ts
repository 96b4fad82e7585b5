/**
 * `npm run test:soak` runs random schedules on all cores, without a test framework.
 *
 *   -- --schedules N    the number of schedules; the default is 1,000,000
 *   -- --seed S         the first seed; the default is 1
 *   -- --schedule JSON  runs only this schedule and prints its trace
 *   -- --workers N      the number of worker threads; the default is one for each core
 *   -- --until-failure  stops at the first failure and does not search for a shorter schedule that fails too
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { judge } from '../exactly-once/oracle.ts';
import { quickPlatform } from '../exactly-once/platform.ts';
import { describe, runSeeds } from '../exactly-once/run.ts';
import type { Schedule } from '../exactly-once/schedule.ts';
import { trace } from '../exactly-once/trace.ts';
import { type Counts, VerdictTable } from '../exactly-once/verdicts.ts';
import { runSchedule } from '../exactly-once/world.ts';

/** A range of seeds for one worker. */
interface Batch {
  readonly from: number;
  readonly count: number;
  readonly shrink: boolean;
}

interface BatchResult {
  readonly passed: number;
  readonly failures: readonly string[];
  readonly counts: Counts;
}

const BATCH = 1000;
const MAX_FAILURES = 5;
/** This number of schedules is large enough to reach every cell of the verdict table. A run of 10,000 may miss a rare one. */
const ENOUGH = 50_000;

function options() {
  const { values } = parseArgs({
    options: {
      schedules: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      schedule: { type: 'string' },
      workers: { type: 'string', default: String(availableParallelism()) },
      'until-failure': { type: 'boolean', default: false },
    },
  });
  const numbers = { schedules: Number(values.schedules), seed: Number(values.seed), workers: Number(values.workers) };
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`--${name} must be a whole number of at least 1, found ${value}`);
  }
  return { ...numbers, schedule: values.schedule, untilFailure: values['until-failure'] };
}

/** Runs in a worker thread. It receives batches and answers each one with its results. */
function serve(): void {
  prepare();
  parentPort?.on('message', async ({ from, count, shrink }: Batch) => {
    const table = new VerdictTable();
    const maxFailures = shrink ? MAX_FAILURES : 1;
    const { passed, failures } = await runSeeds({ from, count, shrink, maxFailures, onrun: (run) => table.add(run) });
    parentPort?.postMessage({ passed, failures: failures.map(describe), counts: table.counts } satisfies BatchResult);
  });
}

function prepare(): void {
  quickPlatform();
  // The schedules create thousands of errors on purpose. Their stack traces cost time, and nobody reads them.
  Error.stackTraceLimit = 0;
}

async function soak({ schedules, seed, workers, untilFailure }: ReturnType<typeof options>): Promise<boolean> {
  const table = new VerdictTable();
  let [passed, failed, next] = [0, 0, seed];
  const end = seed + schedules;
  const work = async () => {
    const ask = worker();
    for (; next < end && failed < (untilFailure ? 1 : MAX_FAILURES); ) {
      const from = next;
      next = Math.min(end, from + BATCH);
      const result = await ask.run({ from, count: next - from, shrink: !untilFailure });
      passed += result.passed;
      failed += result.failures.length;
      table.merge(result.counts);
      for (const failure of result.failures) console.log(failure);
      if (from % (20 * BATCH) < BATCH) console.log(`seeds up to ${next - 1}: ${passed} passed, ${failed} failed`);
    }
    await ask.end();
  };
  await Promise.all(Array.from({ length: Math.min(workers, Math.ceil(schedules / BATCH)) }, work));
  if (!untilFailure) console.log(`\n${table}\n`);
  // A smaller number of schedules may miss some cells, so missing cells are then no failure.
  const missing = schedules < ENOUGH || failed > 0 ? [] : table.missing;
  for (const cell of missing) console.log(`no schedule reached this cell of the verdict table: ${cell}`);
  failed += missing.length;
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

function worker() {
  const thread = new Worker(fileURLToPath(import.meta.url), { workerData: 'serve' });
  const run = async (batch: Batch): Promise<BatchResult> => {
    const answered = once(thread, 'message');
    thread.postMessage(batch);
    return (await answered)[0] as BatchResult;
  };
  return { run, end: () => thread.terminate() };
}

async function replay(schedule: Schedule): Promise<boolean> {
  prepare();
  const run = await runSchedule(schedule);
  const problems = judge(run);
  console.log(trace(run));
  for (const problem of problems) console.log(problem);
  console.log(problems.length === 0 ? '1 passed, 0 failed' : '0 passed, 1 failed');
  return problems.length === 0;
}

if (isMainThread) {
  const given = options();
  const passed = given.schedule ? await replay(JSON.parse(given.schedule) as Schedule) : await soak(given);
  process.exitCode = passed ? 0 : 1;
} else if (workerData === 'serve') serve();
