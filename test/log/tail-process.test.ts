/** Follows an object over HTTP while another process writes it, and requests of both are refused, cut and lost. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, expect, test } from 'vitest';
import { OssClient } from '../../src/index.ts';
import { tail } from '../../src/log/tail.ts';
import type { Fault } from '../../src/testing/index.ts';
import { serve } from '../../src/testing/node/http.ts';
import { KEYS, localOss } from '../tools/unit-tools.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
mkdirSync(join(root, 'build'), { recursive: true });
const folder = mkdtempSync(join(root, 'build', 'writer-'));
afterAll(() => rmSync(folder, { recursive: true }));

const RECORDS = 150;

test('a reader gets each byte that another process appends under faults, exactly once', async () => {
  const outfile = join(folder, 'writer.mjs');
  await build({
    entryPoints: [join(root, 'test/log/writer.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
  });
  const oss = localOss({ faults: ({ operation, nth }) => FAULTS[operation]?.[nth % 7] });
  let finished = false;
  let gets = 0;
  const served = await serve(async (request) => {
    // The mark is set only on answers that are made after the writer has ended.
    const sealed = finished;
    const response = await oss.fetch(request);
    if (sealed) response.headers.set('x-oss-sealed-time', 'Fri, 02 Jan 2026 12:00:00 GMT');
    return request.method === 'GET' && ++gets % 3 === 0 ? cut(response) : response;
  });
  const retry = { maxAttempts: 100, baseDelay: 1, maxDelay: 5 };
  const client = new OssClient({
    region: 'cn-hangzhou',
    bucket: 'logs',
    endpoint: served.url,
    credentials: KEYS,
    retry,
  });
  const writer = spawn(process.execPath, [outfile, served.url, String(RECORDS)], { stdio: 'inherit' });
  const exit = once(writer, 'exit').then(([code]) => {
    finished = true;
    return code;
  });
  const chunks: Uint8Array[] = [];
  for await (const bytes of tail(client, 'a.log', { minDelay: 5, maxDelay: 20 })) chunks.push(bytes);
  expect(await exit).toBe(0);
  const lines = Buffer.concat(chunks).toString().trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).n)).toEqual(Array.from({ length: RECORDS }, (_, n) => n));
  expect(new Uint8Array(Buffer.concat(chunks))).toEqual(oss.object('logs', 'a.log')?.bytes());
  expect([chunks.length > 10, oss.requests.filter(({ fault }) => fault).length > 50]).toEqual([true, true]);
  await served.close();
});

/** What goes wrong with each seventh request of a kind. */
const FAULTS: Partial<Record<string, readonly (Fault | undefined)[]>> = {
  AppendObject: [
    undefined,
    { kind: 'drop-after' },
    undefined,
    { kind: 'error-after' },
    undefined,
    { kind: 'drop-before' },
  ],
  GetObject: [undefined, { kind: 'error-before' }, undefined, { kind: 'drop-after' }, { kind: 'throttle', delay: 1 }],
};

/** Half of the body, and then the connection breaks. */
function cut(response: Response): Response {
  const reader = response.body?.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value } = (await reader?.read()) ?? {};
      if (value) controller.enqueue(value.slice(0, value.byteLength >> 1));
      await new Promise((resolve) => setImmediate(resolve));
      controller.error(new Error('The connection breaks'));
    },
  });
  return new Response(body, response);
}
