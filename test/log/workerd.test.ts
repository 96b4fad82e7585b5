/** The Workers of docs/logs.md in real workerd: a Tail Worker, and a middleware in a real Hono. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const installed = join(root, 'test/runtimes/node_modules');
const command = join(installed, '.bin/workerd');
const folder = join(root, 'build/log-workers', String(process.pid));
const KEYS = { accessKeyId: 'LTAIworker', accessKeySecret: 'WorkerSecretWorkerSecret' };

/** The example of docs/logs.md that contains this text. */
function example(part: string): string {
  const blocks = readFileSync(join(root, 'docs/logs.md'), 'utf8').matchAll(/^```ts\n(.*?)^```/gms);
  const found = [...blocks].map(([, code]) => code as string).filter((code) => code.includes(part));
  expect(found).toHaveLength(1);
  return found[0] as string;
}

const APP = `
import { Hono } from 'hono';
import { logged } from './logged.ts';
const app = new Hono();
app.use(logged);
app.get('/hello', (context) => { console.warn('somebody said hello'); return context.text('hello'); });
app.get('/broken', () => { throw new Error('this is broken'); });
app.onError((error, context) => context.text(error.message, 500));
export default app;
`;

async function bundle(name: string, code: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.ts`), code);
  if (name === 'logged') return;
  await build({
    entryPoints: [join(folder, `${name}.ts`)],
    outfile: join(folder, `${name}.mjs`),
    alias: { 'oss-append/log': join(root, 'src/log/index.ts') },
    nodePaths: [installed],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
  });
}

/** Both Workers in one process: the application, and the Tail Worker that gets its traces. */
function config(env: readonly string[]): string {
  const worker = (name: string, more: string) => `(name = "${name}", worker = (
      modules = [(name = "${name}.mjs", esModule = embed "${name}.mjs")],
      bindings = [${env.map((variable) => `(name = "${variable}", fromEnvironment = "${variable}")`).join(', ')}],
      compatibilityDate = "2026-01-01", ${more}
    ))`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${worker('app', 'tails = ["tail"],')},
    ${worker('tail', '')},
    (name = "internet", network = (allow = ["private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "app")],
);
`;
}

async function portOf(child: ChildProcess): Promise<number> {
  let text = '';
  for await (const chunk of child.stdio[3] as Readable) {
    text += String(chunk);
    const port = /"event":"listen".*?"port":(\d+)/.exec(text)?.[1];
    if (port) return Number(port);
  }
  throw new Error('workerd ended without a port');
}

const isThere = existsSync(command) && existsSync(join(root, 'node_modules/hono'));
if (!isThere) console.log('not run: logs in workerd (npm run test:runtimes installs workerd)');

describe.runIf(isThere)('the Workers of docs/logs.md', () => {
  let oss: LocalOss;
  let ossServer: Served;
  let child: ChildProcess;
  let url: string;
  let arrived: () => void = () => {};

  beforeAll(async () => {
    oss = new LocalOss({
      buckets: { 'my-uploads': { region: 'cn-hangzhou' } },
      accessKeys: { [KEYS.accessKeyId]: KEYS.accessKeySecret },
    });
    ossServer = await serve(async (request) => {
      const response = await oss.fetch(request);
      arrived();
      return response;
    });
    await bundle('logged', example('export async function logged'));
    await bundle('app', APP);
    await bundle('tail', example('tail(traces'));
    const env = {
      OSS_ENDPOINT: ossServer.url,
      OSS_ACCESS_KEY_ID: KEYS.accessKeyId,
      OSS_ACCESS_KEY_SECRET: KEYS.accessKeySecret,
    };
    writeFileSync(join(folder, 'config.capnp'), config(Object.keys(env)));
    child = spawn(command, ['serve', '--experimental', '--control-fd=3', join(folder, 'config.capnp')], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      env: { ...process.env, ...env },
    });
    url = `http://127.0.0.1:${await portOf(child)}`;
  });

  afterAll(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
    await ossServer.close();
    rmSync(folder, { recursive: true });
  });

  /** Returns the records of an object as soon as there are this many. They are stored after the answer. */
  async function records(key: string, count: number): Promise<Record<string, unknown>[]> {
    for (;;) {
      const lines = new TextDecoder().decode(oss.object('my-uploads', key)?.bytes()).split('\n').filter(Boolean);
      if (lines.length >= count) return lines.map((line) => JSON.parse(line));
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  }

  test('the middleware stores a record of each request, also of those at the same time, and the answers do not wait', async () => {
    const paths = ['/hello', '/broken', ...Array.from({ length: 8 }, () => '/hello')];
    const answers = await Promise.all(paths.map((path) => fetch(url + path)));
    expect(answers.map(({ status }) => status)).toEqual([200, 500, ...Array(8).fill(200)]);
    const stored = await records('logs/requests.ndjson', 10);
    expect(new Set(stored.map(({ id }) => id)).size).toBe(10);
    expect(stored.map(({ path, status }) => `${path} ${status}`).sort()).toEqual([
      '/broken 500',
      ...Array(9).fill('/hello 200'),
    ]);
  });

  test('the Tail Worker stores what another Worker prints', async () => {
    await fetch(`${url}/hello`);
    const stored = await records('logs/workers.ndjson', 1);
    expect(stored[0]).toMatchObject({ level: 'warn', message: ['somebody said hello'], timestamp: expect.any(Number) });
  });
});
