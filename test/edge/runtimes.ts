/** The edge of the demo in each real runtime: how it is bundled, started and stopped. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type EdgeEnvironment, edgeFrom } from '../../demo/edge/app.ts';
import { lengthsInMemory } from '../../demo/edge/lengths.ts';
import { startWorkerd } from '../../demo/worker/workerd.ts';
import { contextOf, serve } from '../../src/testing/node/http.ts';

const root: string = findRoot(dirname(fileURLToPath(import.meta.url)));
const bin: string = join(root, 'test/runtimes/node_modules/.bin');

/** Returns the folder of the project. This file may be bundled into any folder below it. */
function findRoot(folder: string): string {
  return existsSync(join(folder, 'test/runtimes/package.json')) ? folder : findRoot(dirname(folder));
}

/** A running edge. */
export interface RunningEdge {
  readonly url: string;
  /** Returns everything that the process has printed. */
  readonly output: () => string;
  stop(): Promise<unknown>;
}

/** Starts an edge. */
export type StartEdge = (env: EdgeEnvironment) => Promise<RunningEdge>;

/** Returns the runtimes by name. A runtime that is not installed is undefined, so that a test can report it. */
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

/** Returns the installed runtimes, and prints the names of the others. */
export function installedRuntimes(): [name: string, start: StartEdge][] {
  return Object.entries(edgeRuntimes()).flatMap(([name, start]) => {
    if (start) return [[name, start]];
    console.log(`not run: the edge in ${name} (npm run test:runtimes installs it)`);
    return [];
  });
}

function has(name: string): boolean {
  return existsSync(join(bin, name)) && spawnSync(join(bin, name), ['--version'], { timeout: 20_000 }).status === 0;
}

/**
 * Bundles TypeScript to one module, and returns its path. Test files run at the same time, so each process has its own
 * folder.
 */
export async function bundle(source: string): Promise<string> {
  const name = `${source.replace(/.*\//, '').replace(/\.ts$/, '')}.mjs`;
  const outfile = join(root, 'build/edge', String(process.pid), name);
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

/** The path of workerd, for tests that run another Worker in it. */
export const workerdCommand: string = join(bin, 'workerd');

/** Returns the compatibility date of the Worker from its wrangler configuration. */
export function compatibilityDate(): string {
  const text = readFileSync(join(root, 'demo/worker/wrangler.jsonc'), 'utf8');
  return String(JSON.parse(text.replace(/^\s*\/\/.*$/gm, '')).compatibility_date);
}

async function startNode(env: EdgeEnvironment): Promise<RunningEdge> {
  const keepLength = lengthsInMemory();
  const { url, close } = await serve((request) => edgeFrom(env, { keepLength })(request, contextOf(request)));
  return { url, output: () => '', stop: close };
}

async function startWorker(env: EdgeEnvironment): Promise<RunningEdge> {
  const script = await bundle('demo/worker/worker.ts');
  return startWorkerd({
    command: workerdCommand,
    script,
    env: { ...env } as Record<string, string>,
    compatibilityDate: compatibilityDate(),
    durableObjects: { UPLOAD_LENGTHS: 'UploadLength' },
  });
}

async function startCommand(name: string, args: readonly string[], env: EdgeEnvironment): Promise<RunningEdge> {
  const script = await bundle(`demo/edge/${name}.ts`);
  const child = spawn(join(bin, name), [...args, script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, PORT: '0', NO_COLOR: '1' },
  });
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
        const found = /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1];
        if (found) resolve(found);
      });
    child.once('error', reject).once('exit', (code) => reject(new Error(`${name} ended with code ${code}: ${output}`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      child.removeAllListeners('exit').once('exit', resolve).kill('SIGKILL');
    });
  return { url, output: () => output, stop };
}
