/**
 * Runs the suite on every runtime of this machine, two at a time, and prints the result of each. run.mjs bundles and
 * starts this file. An argument selects all runtimes whose name begins with it.
 */
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { WebKitPlace } from '../tools/webkit-driver.ts';
import type { Report, Result } from './context.ts';
import { commandFamily } from './families/command.ts';
import { Absent, type Family, type Job, type Running } from './families/family.ts';
import { type BrowserPlace, chromiumFamily, firefoxFamily } from './families/page.ts';
import { webkitFamily } from './families/webkit.ts';
import { workerdFamily } from './families/workerd.ts';
import { type RuntimeServer, startServer } from './server.ts';

/** The paths that run.mjs found on this machine. */
export interface Places {
  /** The folder of the project. */
  readonly root: string;
  readonly chromium?: BrowserPlace | undefined;
  readonly firefox?: BrowserPlace | undefined;
  readonly webkit?: WebKitPlace | undefined;
}

/** The numbers of passed and failed tests, summed over all runtimes. */
export interface Counts {
  passed: number;
  failed: number;
}

/** Forbids `eval` and `new Function` in V8, like a content security policy without `unsafe-eval`. */
const NO_EVAL = '--disallow-code-generation-from-strings';
const LANES = 2;

/** What to run, and against which server. */
export interface MainOptions {
  /** Prefixes of the names of runtimes. Without any, all runtimes run. */
  readonly chosen: readonly string[];
  /** True if a missing runtime is a failure. */
  readonly strict: boolean;
  /** Default: LocalOss. */
  readonly start?: ((folder: string) => Promise<RuntimeServer>) | undefined;
  /** Is called with each report. */
  readonly onreport?: ((runtime: string, report: Report) => void) | undefined;
}

/** Runs the suite on the runtimes in `chosen`, or on all runtimes if `chosen` is empty. */
export async function main(places: Places, options: MainOptions): Promise<Counts> {
  const { chosen, start = startServer } = options;
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const server = await start(folder);
  const counts: Counts = { passed: 0, failed: 0 };
  const queue = families(places, folder).filter(
    ({ name }) => chosen.length === 0 || chosen.some((one) => name.startsWith(one)),
  );
  const lane = async () => {
    for (let family = queue.shift(); family; family = queue.shift()) await runFamily(family, server, counts, options);
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } finally {
    await server.close();
  }
  return counts;
}

/** Returns all families. The slowest come first, so that at the end both lanes finish at about the same time. */
function families({ root, chromium, firefox, webkit }: Places, folder: string): Family[] {
  const bin = (name: string) => join(root, 'test/runtimes/node_modules', name);
  const script = join(folder, 'command.mjs');
  const node = (name: string, command: string, required: boolean, missing = 'not installed') =>
    commandFamily({ name, command, args: [NO_EVAL], script, required, missing });
  const deno = [
    'run',
    '--quiet',
    '--no-config',
    '--no-lock',
    '--no-prompt',
    '--allow-net=127.0.0.1',
    `--v8-flags=${NO_EVAL}`,
  ];
  return [
    firefoxFamily(firefox),
    chromiumFamily(chromium),
    webkitFamily(webkit),
    node('node', process.execPath, true),
    node('node 22', bin('node22/bin/node'), false, 'npm has no binary of it for this system'),
    node('node 24', bin('node24/bin/node'), false, 'npm has no binary of it for this system'),
    workerdFamily(bin('workerd/bin/workerd'), folder),
    commandFamily({ name: 'deno', command: bin('deno/deno'), args: deno, script, required: true }),
    commandFamily({ name: 'bun', command: bin('bun/bin/bun.exe'), args: ['run'], script, required: true }),
    commandFamily({
      name: 'happy-dom',
      command: process.execPath,
      script: join(folder, 'happy-dom.mjs'),
      required: true,
    }),
  ];
}

/** The names of all runs on a machine that has every runtime. */
export const RUNS: readonly string[] = families({ root: '' }, '').flatMap(({ runs }) => runs);

async function runFamily(family: Family, server: RuntimeServer, counts: Counts, options: MainOptions): Promise<void> {
  let running: Running | undefined;
  try {
    running = await family.start(server);
    for (const runtime of family.runs) await runOne(runtime, running, { server, counts, options });
  } catch (error) {
    if (error instanceof Absent) notRun(family, error.message, counts, options.strict);
    else fail(counts, `${family.name}: ${error}`);
  } finally {
    await running?.close?.();
  }
}

function notRun({ runs, required }: Family, reason: string, counts: Counts, strict: boolean): void {
  for (const runtime of runs) console.log(`not run: ${runtime} (${reason})`);
  if (required && strict) fail(counts, `${runs[0]} is required here`);
}

async function runOne(
  runtime: string,
  running: Running,
  {
    server,
    counts,
    options,
  }: { readonly server: RuntimeServer; readonly counts: Counts; readonly options: MainOptions },
): Promise<void> {
  const job: Job = { runtime, run: runtime.replaceAll(' ', '-'), controlUrl: server.controlUrl };
  const started = performance.now();
  try {
    const report = await running.run(job);
    options.onreport?.(runtime, report);
    print(runtime, running.version, report, Math.round((performance.now() - started) / 100) / 10);
    for (const { status } of report.results) if (status !== 'skipped') counts[status]++;
  } catch (error) {
    fail(counts, `${runtime}: ${error instanceof Error ? error.message : error}`);
  }
}

function print(runtime: string, version: string, { results }: Report, seconds: number): void {
  const of = (status: Result['status']) => results.filter((result) => result.status === status);
  const [passed, failed, skipped] = [of('passed'), of('failed'), of('skipped')];
  console.log(
    `${failed.length === 0 ? 'ok    ' : 'FAILED'} ${runtime} (${version}): ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped, ${seconds} s`,
  );
  for (const { name, reason } of failed) console.log(`  failed: ${name}\n    ${reason}`);
  for (const { name, reason } of skipped) console.log(`  skipped: ${name} (${reason})`);
}

function fail(counts: Counts, what: string): void {
  counts.failed++;
  console.log(`FAILED ${what}`);
}
