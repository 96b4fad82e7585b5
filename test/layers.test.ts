/** The order of the layers (DESIGN.md section 4), read from the imports: arrows run down only. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));

/** From the top. A module imports from rows below its own; files of one row know nothing of each other. */
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

/** Without comments, which hold examples. */
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

test('the imports are found at all', () => {
  expect(imports.length).toBeGreaterThan(50);
  for (const [from, to] of [
    ['append.ts', 'client.ts'],
    ['index.ts', 'signature.ts'],
    ['signature.ts', '@noble/hashes/sha2.js'],
    ['testing/index.ts', 'testing/local-oss.ts'],
  ])
    expect(imports).toContainEqual(expect.objectContaining({ from, to }));
});

test('every file has its row, and every row its files', () => {
  expect(files.filter((file) => !file.startsWith('testing/')).sort()).toEqual(LAYERS.flat().sort());
});

test('arrows run down only', () => {
  const up = ours.filter(({ from, to }) => to.endsWith('.ts') && rowOf(to) <= rowOf(from));
  expect(up).toEqual([]);
});

test('testing imports nothing from the rest, and the rest nothing from it', () => {
  const crossing = imports.filter(
    ({ from, to }) => to.endsWith('.ts') && from.startsWith('testing/') !== to.startsWith('testing/'),
  );
  expect(crossing).toEqual([]);
});

describe('what comes from outside', () => {
  const packages = imports.filter(({ to }) => !to.endsWith('.ts'));

  test('is @noble/hashes, and only for signatures', () => {
    expect(packages.filter(({ to }) => !to.startsWith('@noble/hashes/'))).toEqual([]);
    expect([...new Set(packages.map(({ from }) => from))]).toEqual(['signature.ts']);
  });

  test('is not of Node', () => {
    expect(imports.filter(({ to }) => /^node:/.test(to))).toEqual([]);
    const uses = files.filter((file) => /\b(process|Buffer|require|__dirname|setImmediate)\b[.(]/.test(codeOf(file)));
    expect(uses).toEqual([]);
  });
});

test('the engine knows the client by its type alone, so that anything of that shape will do', () => {
  for (const file of ['append.ts', 'evidence.ts']) {
    const [, type, names = ''] = /import (type )?\{([^}]*)\} from '\.\/client\.ts'/.exec(codeOf(file)) ?? [];
    expect([file, names]).toEqual([file, expect.stringMatching(/\w/)]);
    const values = type ? [] : names.split(',').map((name) => name.trim());
    expect([file, values]).toEqual([file, expect.not.arrayContaining(['OssClient'])]);
  }
});

test('relative imports say .ts, and no import is for its effects', () => {
  expect(imports.filter(({ from, to }) => to.startsWith('.') && !to.endsWith('.ts') && from)).toEqual([]);
  const effects = files.filter((file) => /^import\s+'/m.test(readFileSync(join(root, file), 'utf8')));
  expect(effects).toEqual([]);
});
