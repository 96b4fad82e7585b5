/** Runs the suite in runtimes with a command: Node, Deno and Bun. The process must end by itself and print nothing. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { RuntimeServer } from '../server.ts';
import { Absent, type Family, finding, type Job, type Running, reportOf } from './family.ts';

/** The command and its arguments. */
export interface CommandOptions {
  readonly name: string;
  readonly command: string;
  /** Arguments before the path of the script. */
  readonly args?: readonly string[];
  /** The path of the bundled entry. */
  readonly script: string;
  readonly required: boolean;
  /** The reason that is printed when the command is missing. */
  readonly missing?: string;
}

/** The time in ms in which a process must end after its report. */
const GRACE = 10_000;

/** Returns a family with a single run. */
export function commandFamily(options: CommandOptions): Family {
  const { name, required } = options;
  return { name, required, runs: [name], start: async (server) => start(options, server) };
}

function start(options: CommandOptions, server: RuntimeServer): Running {
  const { command, missing = 'not installed' } = options;
  const { stdout, status } = existsSync(command)
    ? spawnSync(command, ['--version'], { encoding: 'utf8', timeout: 20_000 })
    : { stdout: '', status: 1 };
  if (status !== 0) throw new Absent(missing);
  return { version: stdout.split('\n')[0] ?? '', run: (job) => run(options, server, job) };
}

async function run({ command, args = [], script }: CommandOptions, server: RuntimeServer, job: Job) {
  const options = JSON.stringify({ ...job, pageUrl: server.pageUrl });
  const child = spawn(command, [...args, script, options], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const output = outputOf(child);
  const broken = exited.then(async ([code, signal]): Promise<never> => {
    // A process that succeeds may end before the server has read its report, so this waits for the report.
    if (code === 0) return new Promise(() => {});
    throw new Error(`the process ended with ${code ?? signal} before it sent its report: ${output()}`);
  });
  try {
    const { agent, results } = await reportOf(server, job, broken);
    const end = await endOf(exited);
    return {
      agent,
      results: [...results, finding('the process ends by itself and prints nothing', end ?? (output() || undefined))],
    };
  } finally {
    child.kill('SIGKILL');
  }
}

async function endOf(exited: Promise<[number | null, string | null]>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`the process still ran ${GRACE} ms after its report`), GRACE);
  });
  const ended = exited.then(([code]) => (code === 0 ? undefined : `exit code ${code}`));
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}

function outputOf({ stdout, stderr }: ChildProcess): () => string {
  let text = '';
  for (const stream of [stdout, stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  return () => text.trim().slice(0, 2000);
}
