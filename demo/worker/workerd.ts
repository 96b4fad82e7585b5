/** Runs a Worker in workerd, the runtime of Cloudflare Workers, on this machine. Hides its configuration language. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

/** A Worker to run. */
export interface WorkerdOptions {
  /** The runtime. */
  readonly command: string;
  /** Path of the bundled Worker, one ES module. */
  readonly script: string;
  /** Text bindings. They reach the process by its environment and stand in no file. */
  readonly env: Readonly<Record<string, string>>;
  /** As in the Worker's wrangler configuration. */
  readonly compatibilityDate: string;
  readonly port?: number | undefined;
  /** Of the engine, such as `--gc-global`. */
  readonly v8Flags?: readonly string[] | undefined;
}

/** A Worker that runs. */
export interface RunningWorkerd {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** What it has said so far. */
  readonly output: () => string;
  /** Ends it at once, as a power cut would. */
  stop(): Promise<void>;
}

/** @throws Error where workerd cannot be run or names no port. */
export async function startWorkerd(options: WorkerdOptions): Promise<RunningWorkerd> {
  const { command, env } = options;
  const config = await writeConfig(options);
  // The port that it chose is told on descriptor 3.
  const child = spawn(command, ['serve', '--control-fd=3', config], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const output = outputOf(child);
  const exited = once(child, 'exit');
  const ended = exited.then(([code]): never => {
    throw new Error(`workerd ended with ${code}: ${output().trim()}`);
  });
  const port = await Promise.race([portFrom(child.stdio[3] as Readable), ended]);
  ended.catch(() => {});
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return { url: `http://127.0.0.1:${port}`, port, pid: child.pid ?? 0, output, stop };
}

function outputOf({ stdout, stderr }: ChildProcess): () => string {
  let text = '';
  for (const stream of [stdout, stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  return () => text;
}

async function portFrom(control: Readable): Promise<number> {
  let text = '';
  for await (const chunk of control) {
    text += String(chunk);
    const port = /"event":"listen".*?"port":(\d+)/.exec(text)?.[1];
    if (port) return Number(port);
  }
  throw new Error('workerd named no port');
}

async function writeConfig({
  script,
  env,
  compatibilityDate,
  port = 0,
  v8Flags = [],
}: WorkerdOptions): Promise<string> {
  const bindings = Object.keys(env).map((name) => `(name = "${name}", fromEnvironment = "${name}")`);
  const name = basename(script);
  const config = join(dirname(script), `${name}.capnp`);
  await mkdir(dirname(script), { recursive: true });
  // "internet" is what a Worker's fetch reaches: here this machine, too.
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "${name}", esModule = embed "${name}")],
      bindings = [${bindings.join(', ')}],
      compatibilityDate = "${compatibilityDate}",
    )),
    (name = "internet", network = (allow = ["private", "public"])),
  ],
  v8Flags = [${v8Flags.map((flag) => `"${flag}"`).join(', ')}],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`,
  );
  return config;
}
