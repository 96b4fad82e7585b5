/** Runtimes that are a command: Node, Deno, Bun. Each must end by itself, and say nothing. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { RuntimeServer } from '../server.ts';
import { Absent, type Family, finding, type Job, type Running, reportOf } from './family.ts';

/** How a command is called. */
export interface CommandOptions {
  readonly name: string;
  readonly command: string;
  /** Before the script. */
  readonly args?: readonly string[];
  /** Path of the bundled entry. */
  readonly script: string;
  readonly required: boolean;
  /** Why it may be missing. */
  readonly missing?: string;
}

/** After its report a process may take this long to end, ms. */
const GRACE = 10_000;

/** A family of one run. */
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
  const told = JSON.stringify({ ...job, pageUrl: server.pageUrl });
  const child = spawn(command, [...args, script, told], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const said = saidBy(child);
  const broken = exited.then(async ([code, signal]): Promise<never> => {
    // A process that ends well may be faster than its report is read.
    if (code === 0) return new Promise(() => {});
    throw new Error(`ended with ${code ?? signal} before its report: ${said()}`);
  });
  try {
    const { agent, results } = await reportOf(server, job, broken);
    const end = await endOf(exited);
    return {
      agent,
      results: [...results, finding('the process ends by itself, and says nothing', end ?? (said() || undefined))],
    };
  } finally {
    child.kill('SIGKILL');
  }
}

async function endOf(exited: Promise<[number | null, string | null]>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`still there ${GRACE} ms after its report`), GRACE);
  });
  const ended = exited.then(([code]) => (code === 0 ? undefined : `exit code ${code}`));
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}

function saidBy({ stdout, stderr }: ChildProcess): () => string {
  let text = '';
  for (const stream of [stdout, stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  return () => text.trim().slice(0, 2000);
}
