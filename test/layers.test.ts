/** Checks the order of the layers (DESIGN.md section 4): a file imports only from layers below its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));

/** The layers from top to bottom. A file imports only from rows below its own, so files of one row are independent. */
const LAYERS: readonly (readonly string[])[] = [
  ['edge/index.ts'],
  ['edge/handler.ts'],
  ['edge/grants.ts', 'edge/options.ts', 'edge/upload.ts'],
  ['edge/body.ts', 'edge/cors.ts', 'edge/decisions.ts', 'edge/grant-request.ts', 'edge/page-grants.ts'],
  ['edge/body-reader.ts', 'edge/keys.ts'],
  ['edge/refusal.ts'],
  ['log/index.ts'],
  ['log/appender.ts'],
  ['log/late-append.ts', 'log/page.ts'],
  ['log/delivery.ts', 'log/keepalive.ts', 'log/queue.ts'],
  ['log/block.ts', 'log/lines.ts', 'log/platform.ts'],
  ['index.ts'],
  ['append/stream.ts', 'log/tail.ts'],
  ['append/object.ts'],
  ['append/group.ts'],
  ['append/evidence.ts', 'append/progress.ts', 'log/followed.ts'],
  ['request/client.ts'],
  ['request/transport.ts', 'source/segments.ts'],
  ['append/conflicts.ts', 'request/authority.ts', 'source/chunks.ts', 'sts.ts', 'xhr.ts'],
  ['append/verdict.ts', 'request/operation.ts', 'request/signature.ts', 'source/gatherer.ts'],
  ['append/flight.ts', 'request/credentials.ts', 'source/blob.ts'],
  ['request/headers.ts', 'request/refusal.ts', 'source/segment.ts', 'waiting/deadline.ts', 'waiting/retry.ts'],
  ['log/changed.ts', 'log/line-splitter.ts', 'log/stoppable.ts'],
  ['errors.ts', 'request/endpoint.ts', 'waiting/sleep.ts'],
  [
    'append/pace.ts',
    'bytes.ts',
    'check.ts',
    'crc64.ts',
    'redact.ts',
    'request/exposed-headers.ts',
    'tail.ts',
    'waiting/abort.ts',
    'waiting/clock.ts',
  ],
];

/**
 * The rooms of the house, and the rooms from which each one may import. The files directly in src are leaves or
 * entries.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  edge: ['append', 'request', 'waiting', ''],
  log: ['append', 'request', 'waiting', ''],
  append: ['source', 'request', 'waiting', ''],
  request: ['waiting', ''],
  source: ['waiting', ''],
  waiting: [''],
};
/** Entries may import everything. The other files directly in src may import only each other. */
const ENTRIES = ['index.ts', 'sts.ts', 'xhr.ts'];

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'));

/** Returns the text of a file without comments, because the comments contain examples with imports. */
function codeOf(file: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  return text.replace(/\/\*.*?\*\//gs, '').replace(/(^|\s)\/\/.*$/gm, '');
}

function importsOf(file: string): Import[] {
  const text = codeOf(file);
  const statements = text.matchAll(/^(?:import|export)\s+(?:type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm);
  const calls = text.matchAll(/\bimport\(\s*['"`]([^'"`]+)/g);
  return [...statements, ...calls].map(([, to = '']) => {
    const relative = to.startsWith('.') ? normalize(join(dirname(file), to)).replaceAll('\\', '/') : to;
    return { from: file, to: relative };
  });
}

const imports = files.flatMap(importsOf);
const ours = imports.filter(({ from }) => !from.startsWith('testing/'));
const rowOf = (file: string) => LAYERS.findIndex((row) => row.includes(file));

test('the search finds imports of every kind', () => {
  expect(imports.length).toBeGreaterThan(50);
  for (const [from, to] of [
    ['append/object.ts', 'request/client.ts'],
    ['index.ts', 'request/signature.ts'],
    ['request/signature.ts', '@noble/hashes/sha2.js'],
    ['testing/index.ts', 'testing/local-oss.ts'],
  ])
    expect(imports).toContainEqual(expect.objectContaining({ from, to }));
});

test('every file is in one row, and every file in the rows exists', () => {
  expect(files.filter((file) => !file.startsWith('testing/')).sort()).toEqual(LAYERS.flat().sort());
});

test('every file imports only from the rows below its own', () => {
  const up = ours.filter(({ from, to }) => to.endsWith('.ts') && rowOf(to) <= rowOf(from));
  expect(up).toEqual([]);
});

const roomOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');

test('every room imports only from the rooms that it stands on, and the leaves from none', () => {
  const wrong = ours.filter(({ from, to }) => {
    const [room, other] = [roomOf(from), roomOf(to)];
    if (!to.endsWith('.ts') || room === other || ENTRIES.includes(from)) return false;
    return !(ROOMS[room] ?? []).includes(other);
  });
  expect(wrong).toEqual([]);
});

test.each(['edge', 'log'])('no file outside of %s imports a file in it', (room) => {
  const inward = imports.filter(({ from, to }) => to.startsWith(`${room}/`) && !from.startsWith(`${room}/`));
  expect(inward).toEqual([]);
});

test('no file in testing imports a file outside of it, and no file outside imports one in testing', () => {
  const crossing = imports.filter(
    ({ from, to }) => to.endsWith('.ts') && from.startsWith('testing/') !== to.startsWith('testing/'),
  );
  expect(crossing).toEqual([]);
});

describe('the imports from other packages', () => {
  const packages = imports.filter(({ to }) => !to.endsWith('.ts'));

  test('the only package is @noble/hashes, and only the signer imports it', () => {
    expect(packages.filter(({ to }) => !to.startsWith('@noble/hashes/'))).toEqual([]);
    expect([...new Set(packages.map(({ from }) => from))]).toEqual(['request/signature.ts']);
  });

  test('no file uses a module or a global of Node', () => {
    expect(imports.filter(({ to }) => /^node:/.test(to))).toEqual([]);
    const uses = files.filter((file) => /\b(process|Buffer|require|__dirname|setImmediate)\b[.(]/.test(codeOf(file)));
    expect(uses).toEqual([]);
  });
});

test('the engine imports only the type of the client, so that any object of that shape works', () => {
  for (const file of ['append/object.ts', 'append/evidence.ts']) {
    const [, type, names = ''] = /import (type )?\{([^}]*)\} from '\.\.\/request\/client\.ts'/.exec(codeOf(file)) ?? [];
    expect([file, names]).toEqual([file, expect.stringMatching(/\w/)]);
    const values = type ? [] : names.split(',').map((name) => name.trim());
    expect([file, values]).toEqual([file, expect.not.arrayContaining(['OssClient'])]);
  }
});

test('relative imports end in .ts, and no file is imported only for its side effects', () => {
  expect(imports.filter(({ from, to }) => to.startsWith('.') && !to.endsWith('.ts') && from)).toEqual([]);
  const effects = files.filter((file) => /^import\s+'/m.test(readFileSync(join(root, file), 'utf8')));
  expect(effects).toEqual([]);
});
