/** Platforms that lack something: the import works all the same, and the first use names what is missing. Proxies of frameworks, too. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, Script } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { AppendableObject } from '../src/append/object.ts';
import { OneObject } from './one-object.ts';
import { makeClient, STS } from './unit-tools.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  exports: Record<string, { types?: string }>;
};

/** What a platform may lack. ECMAScript itself is all there. */
const GLOBALS = [
  ...['AbortController', 'AbortSignal', 'Blob', 'Headers', 'MessageChannel', 'ReadableStream', 'Request', 'Response'],
  ...['TextDecoder', 'TextEncoder', 'URL', 'WritableStream', 'XMLHttpRequest', 'atob', 'crypto', 'fetch', 'navigator'],
  ...['setTimeout', 'clearTimeout', 'queueMicrotask', 'document', 'location', 'addEventListener'],
];

/** An entry as one script whose exports are the global `entry`. */
async function scriptOf(types: string): Promise<string> {
  const source = types.replace('./dist/', 'src/').replace('.d.ts', '.ts');
  const { outputFiles } = await build({
    entryPoints: [source],
    absWorkingDir: root,
    bundle: true,
    format: 'iife',
    globalName: 'entry',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

const entries = Object.entries(exports).flatMap(([name, { types }]) => (types ? [[name, types] as const] : []));

describe.each(entries)('the entry "%s"', (_, types) => {
  test('can be imported where the platform has no globals at all', async () => {
    const context = createContext({});
    new Script(await scriptOf(types)).runInContext(context);
    expect(Object.keys((context as { entry: object }).entry).length).toBeGreaterThan(0);
  });
});

test('the list of globals is that of this platform, so that the test above takes something away', () => {
  expect(GLOBALS.filter((name) => name in globalThis).length).toBeGreaterThan(15);
});

test('AppendStream names what is missing at its first use', async () => {
  const context = createContext({ AbortController });
  new Script(await scriptOf(exports['.']?.types ?? '')).runInContext(context);
  expect(() => new Script('new entry.AppendStream({ append() {} })').runInContext(context)).toThrow(
    'AppendStream needs WritableStream, which is missing here',
  );
});

/** As Vue decides: it makes proxies of plain objects, arrays and collections, by their tag. */
const VUE_PROXIES = ['Object', 'Array', 'Map', 'Set', 'WeakMap', 'WeakSet'];

test.each<[string, object]>([
  ['AppendableObject', new AppendableObject(new OneObject().client, 'a.log')],
  ['OssClient', makeClient({ credentials: STS })],
])('%s is no plain object, so that Vue, MobX and Immer make no proxy of it', (name, value) => {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  expect(tag).toBe(name);
  expect(VUE_PROXIES).not.toContain(tag);
});
