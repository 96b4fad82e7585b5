/** Checks the order of the rooms: a file imports only from its own room and from the rooms below. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../src', import.meta.url));

/**
 * The rooms of the house from top to bottom, and the rooms from which each one may import. `''` stands for the leaves, which are
 * files directly in src. Within a room, the imports may form no circle.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  doctor: ['request', 'waiting', ''],
  uppy: ['append', 'request', 'waiting', ''],
  edge: ['append', 'source', 'request', 'waiting', ''],
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

test('the search finds imports of every kind', () => {
  expect(imports.length).toBeGreaterThan(50);
  for (const [from, to] of [
    ['append/client.ts', 'request/client.ts'],
    ['index.ts', 'request/signature.ts'],
    ['request/signature.ts', '@noble/hashes/sha2.js'],
    ['testing/index.ts', 'testing/local-oss.ts'],
  ])
    expect(imports).toContainEqual(expect.objectContaining({ from, to }));
});

/** Follows the imports from a file and returns the first circle. */
function circleFrom(file: string, path: readonly string[] = []): readonly string[] | undefined {
  if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
  if (isDone.has(file)) return undefined;
  for (const { to } of imports.filter(({ from, to }) => from === file && to.endsWith('.ts'))) {
    const circle = circleFrom(to, [...path, file]);
    if (circle) return circle;
  }
  isDone.add(file);
  return undefined;
}

/** The files from which no circle can be reached. */
const isDone = new Set<string>();

test('the imports form no circle', () => {
  expect(files.map((file) => circleFrom(file)).filter(Boolean)).toEqual([]);
});

const roomOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');

test('every file is in a room, or is a leaf or an entry', () => {
  const rooms = new Set(ours.map(({ from }) => roomOf(from)));
  expect([...rooms].sort()).toEqual(['', ...Object.keys(ROOMS)].sort());
});

test('every room imports only from the rooms that it stands on, and a leaf imports from no room', () => {
  const wrong = ours.filter(({ from, to }) => {
    const [room, other] = [roomOf(from), roomOf(to)];
    if (!to.endsWith('.ts') || room === other || ENTRIES.includes(from)) return false;
    return !(ROOMS[room] ?? []).includes(other);
  });
  expect(wrong).toEqual([]);
});

test.each(['doctor', 'edge', 'log', 'uppy'])('no file outside of %s imports a file in it', (room) => {
  const inward = imports.filter(({ from, to }) => to.startsWith(`${room}/`) && !from.startsWith(`${room}/`));
  expect(inward).toEqual([]);
});

test('no file in testing imports a file outside of it, and no file outside imports one in testing', () => {
  const crossing = imports.filter(
    ({ from, to }) => to.endsWith('.ts') && from.startsWith('testing/') !== to.startsWith('testing/'),
  );
  expect(crossing).toEqual([]);
});

const isServer = (file: string) => file.startsWith('testing/node/');

test('no file outside of the server of LocalOss imports a file of it', () => {
  expect(imports.filter(({ from, to }) => isServer(to) && !isServer(from))).toEqual([]);
});

describe('the imports from other packages', () => {
  const packages = imports.filter(({ to }) => !to.endsWith('.ts'));

  test('the only package is @noble/hashes, and only the signer imports it', () => {
    const others = packages.filter(({ from, to }) => !from.startsWith('uppy/') && !to.startsWith('node:'));
    expect(others.filter(({ to }) => !to.startsWith('@noble/hashes/'))).toEqual([]);
    expect([...new Set(others.map(({ from }) => from))]).toEqual(['request/signature.ts']);
  });

  test('the uploader imports @uppy/core and no other package', () => {
    const names = packages.filter(({ from }) => from.startsWith('uppy/')).map(({ to }) => to);
    expect([...new Set(names)]).toEqual(['@uppy/core']);
  });

  test('no file uses a module or a global of Node, except for the server of LocalOss', () => {
    expect(imports.filter(({ from, to }) => /^node:/.test(to) && !isServer(from))).toEqual([]);
    const uses = files.filter((file) => /\b(process|Buffer|require|__dirname|setImmediate)\b[.(]/.test(codeOf(file)));
    expect(uses.filter((file) => !isServer(file))).toEqual([]);
  });
});

test('the engine imports only the type of the client, and in one file, so that any object of that shape works', () => {
  const client = imports.filter(({ from, to }) => from.startsWith('append/') && to === 'request/client.ts');
  expect(client.map(({ from }) => from)).toEqual(['append/client.ts']);
  expect(codeOf('append/client.ts')).toMatch(/^import type \{ OssClient \} from '\.\.\/request\/client\.ts';$/m);
});

test('relative imports end in .ts, and no file is imported only for its side effects', () => {
  expect(imports.filter(({ from, to }) => to.startsWith('.') && !to.endsWith('.ts') && from)).toEqual([]);
  const effects = files.filter((file) => /^import\s+'/m.test(readFileSync(join(root, file), 'utf8')));
  expect(effects).toEqual([]);
});
