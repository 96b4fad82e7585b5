/** Runs the suite in Cloudflare's workerd. A Worker runs the whole suite while it handles one request. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { RuntimeServer } from '../server.ts';
import { Absent, type Family, finding, type Job, reportOf } from './family.ts';

/** The compatibility dates: a recent one, and an old one for Workers that were never updated. */
const DATES: Readonly<Record<string, string>> = { workerd: '2026-04-01', 'workerd of 2023': '2023-03-01' };

/** Returns the family of workerd. The bundles are in `folder`. */
export function workerdFamily(command: string, folder: string): Family {
  return {
    name: 'workerd',
    required: true,
    runs: Object.keys(DATES),
    start: async (server) => {
      if (!existsSync(command)) throw new Absent('not installed');
      const version = spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout.trim();
      return { version, run: (job) => run(command, folder, server, job) };
    },
  };
}

async function run(command: string, folder: string, server: RuntimeServer, job: Job) {
  const config = await writeConfig(folder, server, DATES[job.runtime] ?? '');
  // workerd chooses a free port and writes its number to file descriptor 3.
  const child = spawn(command, ['serve', '--control-fd=3', config], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  try {
    const exited = new Promise<never>((_, reject) => {
      child.once('exit', (code) => reject(new Error(`workerd ended with code ${code}: ${output.trim()}`)));
    });
    const port = await Promise.race([portFrom(child.stdio[3] as Readable), exited]);
    const asked = fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: JSON.stringify(job) });
    const failed = asked.then(async (response): Promise<never> => {
      if (response.ok) return new Promise(() => {});
      throw new Error(`the Worker answered HTTP ${response.status}: ${output.trim()}`);
    });
    const { agent, results } = await reportOf(server, job, Promise.race([exited, failed]));
    await asked;
    return { agent, results: [...results, finding('workerd prints nothing', output.trim() || undefined)] };
  } finally {
    child.removeAllListeners('exit').kill('SIGKILL');
  }
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

async function writeConfig(
  folder: string,
  { ossUrl, permanent, region }: RuntimeServer,
  date: string,
): Promise<string> {
  const lines = Object.entries({ ossUrl, region, credentials: permanent }).map(
    ([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`,
  );
  await writeFile(join(folder, 'workerd-config.mjs'), lines.join(''));
  const modules = ['workerd.mjs', 'workerd-config.mjs'].map((name) => `(name = "${name}", esModule = embed "${name}")`);
  const config = join(folder, `workerd-${date}.capnp`);
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "suite", worker = (modules = [${modules.join(', ')}], compatibilityDate = "${date}")),
    (name = "internet", network = (allow = ["private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "suite")],
);
`,
  );
  return config;
}
