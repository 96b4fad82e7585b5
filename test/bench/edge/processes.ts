/** Starts the processes of `npm run bench:edge`, and reads what they use. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startWorkerd } from '../../../demo/worker/workerd.ts';
import { compatibilityDate } from '../../edge/runtimes.ts';

/** A running program that listens. */
export interface Running {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<unknown>;
}

type Environment = Readonly<Record<string, string>>;
/** Starts a contestant in one runtime. */
export type Start = (env: Environment) => Promise<Running>;

/** Where the programs are. */
export interface Places {
  /** The folder with the programs of the runtimes. */
  readonly bin: string;
  /** The folder with the bundles of this benchmark. */
  readonly folder: string;
}

/** Returns how to start a contestant in each runtime. */
export function runtimesIn({ bin, folder }: Places): Readonly<Record<string, Start>> {
  const program = join(folder, 'command.mjs');
  const worker = { command: join(bin, 'workerd'), script: join(folder, 'worker.mjs') };
  return {
    workerd: (env) => startWorkerd({ ...worker, env, compatibilityDate: compatibilityDate() }),
    deno: (env) => startProgram(join(bin, 'deno'), ['run', '--no-prompt', '--allow-all', program], env),
    bun: (env) => startProgram(join(bin, 'bun'), [program], env),
    node: (env) => startProgram(process.execPath, [program], env),
  };
}

/** Starts a program, and waits until it prints its address. */
export async function startProgram(command: string, args: readonly string[], env: Environment = {}): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const url = await addressOf(child, command);
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { url, pid: child.pid ?? 0, stop };
}

function addressOf(child: ChildProcess, command: string): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (code) => reject(new Error(`${command} ended with code ${code}`)));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const found = /Listening on (\S+)/.exec(output)?.[1];
      if (found) resolve(found);
    });
  });
}

/**
 * Returns the processor time that all threads of a process have used, in ms. The kernel counts it in nanoseconds for
 * each thread, but in steps of 10 ms for a process. The time of a thread that has ended is lost, but the runtimes keep
 * their threads.
 */
export async function processorTime(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = threads.map(async (thread) => {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0');
    return Number(text.split(' ')[0]) / 1e6;
  });
  return (await Promise.all(times)).reduce((sum, time) => sum + time, 0);
}
