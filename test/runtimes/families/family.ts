/** The interface between the runner and a runtime: how a runtime starts, and how it reports that it is missing. */
import type { Report, Result } from '../context.ts';
import type { RuntimeServer } from '../server.ts';

/** A runtime with its runs. A browser has one run for each scope, for example window and worker. */
export interface Family {
  readonly name: string;
  /** CI fails when a required runtime is missing. */
  readonly required: boolean;
  /** The names of the runs, which are the keys of the table of traits. */
  readonly runs: readonly string[];
  /** @throws Absent if this machine does not have the runtime. */
  start(server: RuntimeServer): Promise<Running>;
}

/** A started runtime. */
export interface Running {
  readonly version: string;
  run(job: Job): Promise<Report>;
  close?(): Promise<void>;
}

/** One run of the suite. */
export interface Job {
  readonly runtime: string;
  readonly run: string;
  readonly controlUrl: string;
}

/** The runtime is not installed on this machine. `message` is the reason. */
export class Absent extends Error {}

/** The time in ms in which a run must send its report. */
const TIME_LIMIT = 120_000;

/** Waits for the report of a run. Rejects when the run ends without a report or takes too long. */
export async function reportOf(server: RuntimeServer, { run }: Job, broken: Promise<never>): Promise<Report> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const limit = server.timeLimit ?? TIME_LIMIT;
    timer = setTimeout(() => reject(new Error(`the suite sent no report within ${limit} ms`)), limit);
  });
  try {
    return await Promise.race([server.report(run), broken, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns a result that the runner found itself, outside of the suite. */
export function finding(name: string, problem: string | undefined): Result {
  return problem === undefined ? { name, status: 'passed' } : { name, status: 'failed', reason: problem };
}
