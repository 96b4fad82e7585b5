/** Checks the order of the layers (DESIGN.md section 4): a file imports only from layers below its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));

/** The layers from top to bottom. A file imports only from rows below its own, so files of one row are independent. */
const LAYERS: readonly (readonly string[])[] = [
  ['index.ts'],
  ['stream.ts'],
  ['append.ts'],
  ['evidence.ts', 'group.ts', 'segment-size.ts'],
  ['client.ts', 'sts.ts', 'xhr.ts'],
  ['http.ts'],
  ['signature.ts'],
  ['credentials.ts', 'headers.ts'],
  ['endpoint.ts'],
  ['segments.ts'],
  ['errors.ts'],
  ['crc64.ts', 'abort.ts', 'clock.ts', 'exposed-headers.ts'],
];

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
    ['append.ts', 'client.ts'],
    ['index.ts', 'signature.ts'],
    ['signature.ts', '@noble/hashes/sha2.js'],
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
    expect([...new Set(packages.map(({ from }) => from))]).toEqual(['signature.ts']);
  });

  test('no file uses a module or a global of Node', () => {
    expect(imports.filter(({ to }) => /^node:/.test(to))).toEqual([]);
    const uses = files.filter((file) => /\b(process|Buffer|require|__dirname|setImmediate)\b[.(]/.test(codeOf(file)));
    expect(uses).toEqual([]);
  });
});

test('the engine imports only the type of the client, so that any object of that shape works', () => {
  for (const file of ['append.ts', 'evidence.ts']) {
    const [, type, names = ''] = /import (type )?\{([^}]*)\} from '\.\/client\.ts'/.exec(codeOf(file)) ?? [];
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
