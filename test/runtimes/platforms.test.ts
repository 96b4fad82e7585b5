/**
 * Platforms that lack something: the import succeeds, and the first use names the missing class. Proxies of frameworks
 * are tested as well.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, Script } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { AppendableObject } from '../../src/append/object.ts';
import { OneObject } from '../tools/one-object.ts';
import { makeClient, STS } from '../tools/unit-tools.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  exports: Record<string, { types?: string }>;
};

/** The globals that a platform may lack. ECMAScript itself is complete. */
const GLOBALS = [
  ...['AbortController', 'AbortSignal', 'Blob', 'Headers', 'MessageChannel', 'ReadableStream', 'Request', 'Response'],
  ...['TextDecoder', 'TextEncoder', 'URL', 'WritableStream', 'XMLHttpRequest', 'atob', 'crypto', 'fetch', 'navigator'],
  ...['setTimeout', 'clearTimeout', 'queueMicrotask', 'document', 'location', 'addEventListener'],
];

/** Bundles an entry as one script whose exports are in the global `entry`. */
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

// The entry for Node is not meant for other platforms.
const entries = Object.entries(exports).flatMap(([name, { types }]) =>
  types && name !== './testing/node' ? [[name, types] as const] : [],
);

describe.each(entries)('the entry "%s"', (_, types) => {
  test('can be imported on a platform that has no globals at all', async () => {
    const context = createContext({});
    new Script(await scriptOf(types)).runInContext(context);
    expect(Object.keys((context as { entry: object }).entry).length).toBeGreaterThan(0);
  });
});

test('the list of globals is complete for this platform, so that the test above removes something', () => {
  expect(GLOBALS.filter((name) => name in globalThis).length).toBeGreaterThan(15);
});

test('AppendStream names the missing class at its first use', async () => {
  const context = createContext({ AbortController });
  new Script(await scriptOf(exports['.']?.types ?? '')).runInContext(context);
  expect(() => new Script('new entry.AppendStream({ append() {} })').runInContext(context)).toThrow(
    'AppendStream needs WritableStream, which is missing here',
  );
});

/** Vue makes proxies of plain objects, arrays and collections, which it recognises by their tag. */
const VUE_PROXIES = ['Object', 'Array', 'Map', 'Set', 'WeakMap', 'WeakSet'];

test.each<[string, object]>([
  ['AppendableObject', new AppendableObject(new OneObject().client, 'a.log')],
  ['OssClient', makeClient({ credentials: STS })],
])('%s is not a plain object, so that Vue, MobX and Immer make no proxy of it', (name, value) => {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  expect(tag).toBe(name);
  expect(VUE_PROXIES).not.toContain(tag);
});
