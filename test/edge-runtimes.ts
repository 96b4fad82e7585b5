/** The demo's edge in each real runtime: how it is bundled, started, and stopped. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type EdgeEnvironment, edgeFrom } from '../demo/edge/app.ts';
import { serve } from '../demo/node-http.ts';
import { startWorkerd } from '../demo/worker/workerd.ts';

const root: string = fileURLToPath(new URL('..', import.meta.url));
const bin: string = join(root, 'test/runtimes/node_modules/.bin');

/** An edge that listens. */
export interface RunningEdge {
  readonly url: string;
  /** What it has said so far. */
  readonly output: () => string;
  stop(): Promise<unknown>;
}

/** How an edge is started; `undefined` where this machine has no such runtime. */
export type StartEdge = (env: EdgeEnvironment) => Promise<RunningEdge>;

/** By name. Those that are not installed are named, not passed over. */
export function edgeRuntimes(): Record<string, StartEdge | undefined> {
  return {
    node: startNode,
    workerd: has('workerd') ? startWorker : undefined,
    deno: has('deno')
      ? (env) => startCommand('deno', ['run', '--no-prompt', '--allow-net=127.0.0.1', '--allow-env'], env)
      : undefined,
    bun: has('bun') ? (env) => startCommand('bun', [], env) : undefined,
  };
}

function has(name: string): boolean {
  return existsSync(join(bin, name)) && spawnSync(join(bin, name), ['--version'], { timeout: 20_000 }).status === 0;
}

/** Bundles TypeScript to one module below `build/edge`, and gives its path. */
export async function bundle(source: string): Promise<string> {
  const outfile = join(root, 'build/edge', `${source.replace(/.*\//, '').replace(/\.ts$/, '')}.mjs`);
  await build({
    entryPoints: [join(root, source)],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
  });
  return outfile;
}

/** workerd itself, for those who run another Worker in it. */
export const workerdCommand: string = join(bin, 'workerd');

/** The date by which the Worker's platform behaves, from its wrangler configuration. */
export function compatibilityDate(): string {
  const text = readFileSync(join(root, 'demo/worker/wrangler.jsonc'), 'utf8');
  return String(JSON.parse(text.replace(/^\s*\/\/.*$/gm, '')).compatibility_date);
}

async function startNode(env: EdgeEnvironment): Promise<RunningEdge> {
  const { url, close } = await serve((request) => edgeFrom(env)(request));
  return { url, output: () => '', stop: close };
}

async function startWorker(env: EdgeEnvironment): Promise<RunningEdge> {
  const script = await bundle('demo/worker/worker.ts');
  return startWorkerd({
    command: workerdCommand,
    script,
    env: { ...env } as Record<string, string>,
    compatibilityDate: compatibilityDate(),
  });
}

async function startCommand(name: string, args: readonly string[], env: EdgeEnvironment): Promise<RunningEdge> {
  const script = await bundle(`demo/edge/${name}.ts`);
  const child = spawn(join(bin, name), [...args, script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, PORT: '0', NO_COLOR: '1' },
  });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
        const found = /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
        if (found) resolve(found);
      });
    child.once('error', reject).once('exit', (code) => reject(new Error(`${name} ended with ${code}: ${said}`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      child.removeAllListeners('exit').once('exit', resolve).kill('SIGKILL');
    });
  return { url, output: () => said, stop };
}
