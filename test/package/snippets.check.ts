/**
 * Compiles the examples of the packed documents against the packed declarations, in strict projects with the types that
 * their readers have. The tests of examples.test.ts compile the same examples, but against the sources of the library
 * and with the types of a page, in which for example `response.json()` gives `any`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { files, node, project, read } from './packed.ts';

const folder = join(project, 'snippets');
mkdirSync(folder, { recursive: true });

/** The examples that need no package besides oss-append, by the name of their file. */
const examples = new Map<string, string>();
for (const file of files.filter((name) => /^(README|docs\/[\w-]+)\.md$/.test(name))) {
  const blocks = [...read(file).matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) => code);
  blocks.forEach((code, index) => {
    const imported = [...code.matchAll(/ from '([^']+)'/g)].map(([, name = '']) => name);
    if (imported.some((name) => !/^(oss-append(\/|$)|node:|\.\/options\.ts$)/.test(name))) return;
    if (/oss-append\/uppy|\b(Deno|Bun)\./.test(code)) return;
    examples.set(`${file.replace(/\W/g, '-')}-${index + 1}.ts`, code);
    if (code.startsWith('// options.ts\n')) examples.set('options.ts', code);
  });
}
for (const [name, code] of examples) writeFileSync(join(folder, name), code);

const isForNode = (code: string) => /from '(node:|oss-append\/testing\/node')|process\.env\b/.test(code);
const isForWorker = (code: string) =>
  /^export default \{|oss-append\/sts'|EdgeOptions|KeepLength|executionCtx/m.test(code) && !isForNode(code);

/** Compiles some examples, and returns what the compiler prints. */
function compile(isWanted: (code: string) => boolean, lib: readonly string[], types: readonly string[]): string {
  const wanted = [...examples].filter(([, code]) => isWanted(code)).map(([name]) => `snippets/${name}`);
  expect(wanted.length).toBeGreaterThan(0);
  const compilerOptions = {
    ...{ target: 'ES2022', module: 'ESNext', moduleResolution: 'bundler', allowImportingTsExtensions: true },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
    ...{ noEmit: true, lib, types },
  };
  writeFileSync(join(project, 'tsconfig.snippets.json'), JSON.stringify({ compilerOptions, files: wanted }));
  return node(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.snippets.json']).output;
}

test('the examples for pages compile with the types of a page', () => {
  expect(compile((code) => !isForNode(code), ['ES2022', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'], [])).toBe('');
});

test('the examples for Workers compile with the types of Cloudflare, in which the result of json() is unknown', () => {
  expect(compile(isForWorker, ['ES2022'], ['@cloudflare/workers-types'])).toBe('');
});

test('the examples for Node and for Workers compile with the types of Node alone', () => {
  expect(compile((code) => isForNode(code) || isForWorker(code), ['ES2022'], ['node'])).toBe('');
});

test('an example with a mistake does not compile, which shows that these checks can fail', () => {
  const name = 'mistake.ts';
  examples.set(name, "import { OssClient } from 'oss-append';\nnew OssClient({ bucket: 1 });\n");
  writeFileSync(join(folder, name), examples.get(name) ?? '');
  const output = compile((code) => code.includes('bucket: 1'), ['ES2022', 'DOM'], []);
  examples.delete(name);
  expect(output).toContain('snippets/mistake.ts');
});
