// Starts each example with the tool that its users have: Vite for pages, workerd for the Worker, Deno, and Bun.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** Serves a page with Vite. */
const page = (name) => async (cloud) => {
  const { createServer } = await import('vite');
  process.env.TOKEN_SERVER = cloud.tokenServer;
  process.env.VITE_OSS_ENDPOINT = cloud.environment.OSS_ENDPOINT;
  process.env.VITE_OSS_BUCKET = cloud.bucket;
  const server = await createServer({ root: join(folder, name), logLevel: 'warn', server: { port: 0 } });
  await server.listen();
  const { port } = server.httpServer.address();
  const url = `http://127.0.0.1:${port}/`;
  return { url, says: `Open ${url} and choose a file.`, close: () => server.close() };
};

/** Returns a port that was free a moment ago. */
async function freePort() {
  const probe = createTcpServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Resolves when a server answers, and rejects when its process ends. */
async function answering(url, child) {
  while (child.exitCode === null) {
    const response = await fetch(url).catch(() => undefined);
    if (response) return void (await response.body?.cancel());
  }
  throw new Error(`The example ended with code ${child.exitCode}`);
}

/** Runs a server in a process of its own. */
async function runProcess(command, args, cloud) {
  const port = await freePort();
  const env = { ...process.env, ...cloud.environment, PORT: String(port) };
  const child = spawn(command, args, { cwd: folder, stdio: 'inherit', env });
  const url = `http://127.0.0.1:${port}/`;
  await answering(url, child);
  const close = async () => {
    if (child.exitCode !== null) return;
    child.kill();
    await once(child, 'exit');
  };
  return { url, says: howToSend(url, cloud), close };
}

const howToSend = (url, { environment }) =>
  `Send a file: curl -T FILE -X POST -H 'authorization: Bearer ${environment.UPLOAD_SECRET}' ${url}upload/NAME`;

/** Bundles a file into one module for a browser or a Worker. */
async function bundle(entry, { define = {}, outfile } = {}) {
  const { build } = await import('vite');
  const { output } = await build({
    configFile: false,
    logLevel: 'warn',
    define,
    build: {
      write: false,
      minify: false,
      target: 'es2022',
      lib: { entry: join(folder, entry), formats: ['es'], fileName: 'bundle' },
    },
  }).then((result) => (Array.isArray(result) ? result[0] : result));
  const { code } = output[0];
  if (outfile) await writeFile(outfile, code);
  return code;
}

async function workerHono(cloud) {
  const { Miniflare } = await import('miniflare');
  const script = await bundle('worker-hono/worker.ts');
  const { environment: bindings } = cloud;
  const worker = new Miniflare({ modules: true, script, compatibilityDate: '2026-04-01', bindings, host: '127.0.0.1' });
  const url = String(await worker.ready);
  return { url, says: howToSend(url, cloud), close: () => worker.dispose() };
}

/** Builds the extension into a folder. */
async function extension(cloud) {
  const out = await mkdtemp(join(tmpdir(), 'oss-append-extension-'));
  const define = {
    OSS_ENDPOINT: JSON.stringify(cloud.environment.OSS_ENDPOINT),
    OSS_BUCKET: JSON.stringify(cloud.bucket),
    TOKEN_SERVER: JSON.stringify(cloud.tokenServer),
  };
  await bundle('extension/service-worker.ts', { define, outfile: join(out, 'service-worker.js') });
  await copyFile(join(folder, 'extension/manifest.json'), join(out, 'manifest.json'));
  const says = `Open chrome://extensions, turn on the developer mode, and load the unpacked extension from ${out}`;
  return { url: '', folder: out, says, close: () => rm(out, { recursive: true }) };
}

/**
 * Runs Deno itself. The command of the npm package is a Node process that starts Deno, and Deno goes on when that process
 * is ended.
 */
async function deno(cloud) {
  const { default: installer } = await import('deno/install_api.cjs');
  const args = ['run', '--allow-net=127.0.0.1', '--allow-env', 'deno/main.ts'];
  return runProcess(installer.runInstall(), args, cloud);
}

/** The starter of each example. */
export const start = {
  page: page('page'),
  react: page('react'),
  vue: page('vue'),
  'worker-hono': workerHono,
  deno,
  bun: (cloud) => runProcess(join(folder, 'node_modules/.bin/bun'), ['bun/main.ts'], cloud),
  extension,
};
