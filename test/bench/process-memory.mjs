// `npm run bench:memory`: how much a process grows while it appends a stream of 1 GiB in Node, Deno and Bun. It appends once with
// the default settings, once in segments of 8 MiB, and sends the same segments with a bare `fetch`. The figure is the resident
// memory that the operating system counts. It includes the buffers of the runtime, and what the garbage collector has not freed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const GIB = 1024 ** 3;
const SEGMENT = 8 * 1024 * 1024;

/** Runs in each runtime: sends 1 GiB, and prints by how many MiB the resident memory rose. */
async function measure(kind, url) {
  const rss = () => process.memoryUsage().rss;
  const chunk = new Uint8Array(65_536).fill(7);
  const stream = () => {
    let left = GIB;
    return new ReadableStream({
      pull(controller) {
        if (left === 0) return controller.close();
        controller.enqueue(chunk.slice());
        left -= chunk.length;
      },
    });
  };
  const before = rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, rss());
  }, 20);
  if (kind !== 'fetch') {
    const { append, OssClient } = await import(new URL('../../dist/index.js', import.meta.url).href);
    const presign = ({ operation, key, position }) =>
      operation === 'appendObject' ? `${url}/${key}?append&position=${position}` : `${url}/${key}`;
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'memory', endpoint: url, presign });
    await append(client, 'a', stream(), {
      tail: { position: 0 },
      segmentSize: kind === 'segments' ? SEGMENT : undefined,
    });
  } else {
    for (let at = 0; at < GIB; at += SEGMENT) {
      const response = await fetch(`${url}/a?append&position=${at}`, {
        method: 'POST',
        body: new Uint8Array(SEGMENT).fill(7),
      });
      await response.arrayBuffer();
    }
  }
  clearInterval(timer);
  console.log(Math.round((most - before) / 1024 / 1024));
}

/** Takes appends as OSS does, and keeps nothing. */
function serve() {
  const server = createServer(async (request, response) => {
    let end = Number(new URL(request.url, 'http://a').searchParams.get('position'));
    for await (const chunk of request) end += chunk.length;
    response.writeHead(200, { 'x-oss-next-append-position': end, 'x-oss-request-id': 'MEMORY' }).end();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.on('error', () => resolve('not run'));
    child.on('close', () => resolve(output.trim() || 'failed'));
  });
}

const [kind, url] = process.argv.slice(2);
if (kind) {
  await measure(kind, url);
} else {
  const server = await serve();
  const file = fileURLToPath(import.meta.url);
  const bin = (name) => join(root, 'test/runtimes/node_modules/.bin', name);
  const runtimes = {
    Node: [process.execPath, [file]],
    Deno: [bin('deno'), ['run', '--allow-all', file]],
    Bun: [bin('bun'), [file]],
  };
  const address = `http://127.0.0.1:${server.address().port}`;
  for (const [name, [command, args]] of Object.entries(runtimes)) {
    if (command.includes('.bin') && !existsSync(command)) {
      console.log(`${name}: not run (npm run test:runtimes installs it)`);
      continue;
    }
    const grown = [];
    for (const one of ['append', 'segments', 'fetch']) grown.push(await run(command, [...args, one, address]));
    const [ours, segments, bare] = grown;
    console.log(
      `${name}: append +${ours} MiB, append in segments of 8 MiB +${segments}, fetch of these segments +${bare}`,
    );
  }
  server.close();
}
