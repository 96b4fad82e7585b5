/** Compressed logs: each segment is one gzip member, and every reader of gzip reads the whole. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gzipAtOnce } from '../../src/log/gzip.ts';
import { settle } from '../tools/virtual-clock.ts';
import { FakePage } from './fake-page.ts';
import { KEY, LogWorld } from './log-tools.ts';

async function compressedLog(): Promise<{ world: LogWorld; text: string }> {
  const world = new LogWorld();
  const log = world.log({ gzip: true, segmentSize: 2000 });
  const lines = Array.from({ length: 300 }, (_, n) => ({ n, level: 'info', message: 'a request was answered' }));
  for (const line of lines) log.write(line);
  await log.flush();
  return { world, text: lines.map((line) => `${JSON.stringify(line)}\n`).join('') };
}

const bytesOf = (world: LogWorld) => world.oss.object('logs', KEY)?.bytes() as Uint8Array<ArrayBuffer>;

test('the object is application/gzip, without a Content-Encoding, in several members', async () => {
  const { world, text } = await compressedLog();
  const { headers } = world.oss.object('logs', KEY) ?? {};
  expect([headers?.['content-type'], headers?.['content-encoding']]).toEqual(['application/gzip', undefined]);
  expect(world.stored.length).toBeGreaterThan(5);
  expect(bytesOf(world).byteLength).toBeLessThan(text.length / 3);
  expect(gunzipSync(bytesOf(world)).toString()).toBe(text);
});

test('gunzip and Python read the whole', async () => {
  const { world, text } = await compressedLog();
  const folder = mkdtempSync(join(tmpdir(), 'log-gzip-'));
  const file = join(folder, 'log.gz');
  writeFileSync(file, bytesOf(world));
  const tested = spawnSync('gunzip', ['-t', file]);
  const python = spawnSync('python3', [
    '-c',
    'import gzip, sys; sys.stdout.write(gzip.open(sys.argv[1], "rt").read())',
    file,
  ]);
  rmSync(folder, { recursive: true });
  expect([tested.status, String(tested.stderr)]).toEqual([0, '']);
  expect([String(python.stderr), String(python.stdout)]).toEqual(['', text]);
});

test('a segment that is sent again has the same bytes, compressed once', async () => {
  const world = new LogWorld(({ operation, nth }) =>
    operation === 'AppendObject' && nth < 12 ? { kind: 'drop-before' } : undefined,
  );
  const page = new FakePage();
  world.others.push(page);
  const bodies: Uint8Array[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    if (init.body) bodies.push(init.body as Uint8Array);
    return world.oss.fetch(url, init);
  };
  let compressed = 0;
  class Counted extends CompressionStream {
    constructor(format: CompressionFormat) {
      super(format);
      compressed++;
    }
  }
  const { LogAppender } = await import('../../src/log/index.ts');
  const log = new LogAppender(world.client({ fetch }), KEY, { gzip: true, platform: { CompressionStream: Counted } });
  log.write('again and again');
  const flushed = log.flush();
  while (bodies.length === 0) await settle(world);
  await world.drive(flushed);
  expect([compressed, bodies.length]).toEqual([1, 12]);
  for (const body of bodies) expect(body).toEqual(bodies[0]);
  expect(gunzipSync(bytesOf(world)).toString()).toBe('again and again\n');
});

test('a page that is left sends a member that is made at once', async () => {
  const world = new LogWorld();
  const page = new FakePage();
  const { LogAppender } = await import('../../src/log/index.ts');
  const log = new LogAppender(world.client({ fetch: page.fetch(world.oss.fetch) }), KEY, {
    gzip: true,
    platform: page,
  });
  log.write('first');
  await log.flush();
  log.write('last words');
  page.leave();
  for (let turn = 0; turn < 50; turn++) await undefined;
  expect(page.sent.at(-1)).toMatchObject({ keepalive: true });
  await settle(world);
  expect(gunzipSync(bytesOf(world)).toString()).toBe('first\nlast words\n');
});

test('a member that is made at once holds any bytes', () => {
  const sizes = fc.constantFrom(1, 65_534, 65_535, 65_536, 131_070, 140_000);
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 255 }), (size, seed) => {
      const bytes = Uint8Array.from({ length: size }, (_, n) => n * 31 + seed);
      expect(Buffer.compare(gunzipSync(gzipAtOnce(bytes)), bytes)).toBe(0);
    }),
    { numRuns: 20 },
  );
});

test('is refused at construction if CompressionStream is missing, with the reason', () => {
  const make = () => new LogWorld().log({ gzip: true, platform: {} });
  expect(make).toThrow(new TypeError('gzip needs CompressionStream, which is missing here'));
});
