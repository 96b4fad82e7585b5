/** What the runner knows of a runtime: how it is started, and how it says that it is not there. */
import type { Report, Result } from '../context.ts';
import type { RuntimeServer } from '../server.ts';

/** A runtime, or a browser with its several scopes. */
export interface Family {
  readonly name: string;
  /** CI fails without it. */
  readonly required: boolean;
  /** Lines of the table of traits. */
  readonly runs: readonly string[];
  /** @throws Absent where this machine has no such runtime. */
  start(server: RuntimeServer): Promise<Running>;
}

/** A runtime that is there. */
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

/** Not on this machine: `message` says why. */
export class Absent extends Error {}

/** No run takes this long, ms. */
const TIME_LIMIT = 120_000;

/** Waits for a report, or for what ends the run without one. */
export async function reportOf(server: RuntimeServer, { run }: Job, broken: Promise<never>): Promise<Report> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no report within ${TIME_LIMIT} ms`)), TIME_LIMIT);
  });
  try {
    return await Promise.race([server.report(run), broken, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A result of the runner itself. */
export function finding(name: string, problem: string | undefined): Result {
  return problem === undefined ? { name, status: 'passed' } : { name, status: 'failed', reason: problem };
}
