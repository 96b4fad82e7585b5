/** Runs a Worker on this machine in workerd, the runtime of Cloudflare Workers, and writes workerd's configuration. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

/** The Worker and the settings of its process. */
export interface WorkerdOptions {
  /** The path of workerd. */
  readonly command: string;
  /** The path of the bundled Worker, which is one ES module. */
  readonly script: string;
  /** Text bindings. They are environment variables of the process, so that secrets are not written to a file. */
  readonly env: Readonly<Record<string, string>>;
  /** The same date as in the wrangler configuration of the Worker. */
  readonly compatibilityDate: string;
  readonly port?: number | undefined;
  /**
   * The classes of Durable Objects that the script exports, by the names of their bindings. The objects live as long as
   * the process.
   */
  readonly durableObjects?: Readonly<Record<string, string>> | undefined;
}

/** A running Worker. */
export interface RunningWorkerd {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Returns everything that the process has printed. */
  readonly output: () => string;
  /** Kills the process at once, like a power failure. */
  stop(): Promise<void>;
}

/**
 * Starts workerd with a Worker.
 *
 * @throws Error if workerd cannot run or does not report its port.
 */
export async function startWorkerd(options: WorkerdOptions): Promise<RunningWorkerd> {
  const { command, env } = options;
  const config = await writeConfig(options);
  // workerd writes the number of its port to file descriptor 3.
  const child = spawn(command, ['serve', '--control-fd=3', config], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const output = outputOf(child);
  const exited = once(child, 'exit');
  const ended = exited.then(([code]): never => {
    throw new Error(`workerd ended with code ${code}: ${output().trim()}`);
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
  throw new Error('workerd ended its control stream without reporting a port');
}

async function writeConfig({
  script,
  env,
  compatibilityDate,
  port = 0,
  durableObjects = {},
}: WorkerdOptions): Promise<string> {
  const texts = Object.keys(env).map((name) => `(name = "${name}", fromEnvironment = "${name}")`);
  const objects = Object.entries(durableObjects).map(
    ([name, type]) => `(name = "${name}", durableObjectNamespace = "${type}")`,
  );
  const types = Object.values(durableObjects).map((type) => `(className = "${type}", uniqueKey = "${type}")`);
  const name = basename(script);
  const config = join(dirname(script), `${name}.capnp`);
  await mkdir(dirname(script), { recursive: true });
  // The service "internet" is the network for the Worker's fetch. Here it includes this machine.
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "${name}", esModule = embed "${name}")],
      bindings = [${[...texts, ...objects].join(', ')}],
      durableObjectNamespaces = [${types.join(', ')}],
      durableObjectStorage = (inMemory = void),
      compatibilityDate = "${compatibilityDate}",
    )),
    (name = "internet", network = (allow = ["private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`,
  );
  return config;
}
