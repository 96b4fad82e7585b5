/** The code in README.md and in the docstrings of src compiles, and README’s runs against LocalOss: none goes stale. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { LocalOss } from '../src/testing/index.ts';
import { BUNDLES, measure } from './size.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
mkdirSync(join(root, 'build'), { recursive: true });
const folder = mkdtempSync(join(root, 'build', 'examples-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const entries: Record<string, string> = { 'oss-append': 'src/index.ts' };
for (const name of ['testing/index', 'xhr', 'sts']) {
  const source = `src/${name}.ts`;
  if (ts.sys.fileExists(join(root, source))) entries[`oss-append/${name.replace('/index', '')}`] = source;
}

function codeBlocks(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code as string);
}

function sources(under: string): string[] {
  return readdirSync(join(root, under), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(under, name));
}

function docstringBlocks(path: string): string[] {
  const docs = readFileSync(join(root, path), 'utf8').match(/\/\*\*.*?\*\//gs) ?? [];
  return docs.flatMap((doc) => codeBlocks(doc.replace(/^[ \t]*\* ?/gm, '')));
}

const readme = codeBlocks(readFileSync(join(root, 'README.md'), 'utf8'));
const examples = new Map(readme.map((code, index) => [`readme-${index + 1}`, code]));
for (const path of sources('src')) {
  docstringBlocks(path).forEach((code, index) => {
    examples.set(`${path.replace(/\W/g, '-')}-${index + 1}`, code);
  });
}

/** Each example as a module of its own. */
function write(name: string): string {
  const path = join(folder, `${name}.ts`);
  writeFileSync(path, `${examples.get(name)}\nexport {};\n`);
  return path;
}

test('every example compiles, as strictly as the library', () => {
  const config = ts.readConfigFile(join(root, 'src/tsconfig.json'), ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, join(root, 'src'));
  const paths = Object.fromEntries(Object.entries(entries).map(([name, source]) => [name, [join(root, source)]]));
  const program = ts.createProgram([...examples.keys()].map(write), {
    ...options,
    paths,
    noEmit: true,
    rootDir: root,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.dom.asynciterable.d.ts'],
  });
  const problems = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    return `${file?.fileName.slice(root.length) ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  expect(problems).toEqual([]);
  expect(readme.length).toBeGreaterThanOrEqual(4);
  expect(examples.size - readme.length).toBeGreaterThanOrEqual(8);
}, 60_000);

/** Runs an example in a world where OSS and the token endpoint are local. Resolves to what it logged. */
async function run(name: string, world: { oss?: LocalOss; document?: unknown } = {}): Promise<void> {
  const { oss } = world;
  const routes = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    if (url === '/sts') return Response.json(assumeRoleAnswer(oss as LocalOss));
    if (url === '/report') return new Response('a report\n');
    return (oss as LocalOss).fetch(input, init);
  };
  vi.stubGlobal('fetch', routes);
  if (world.document) vi.stubGlobal('document', world.document);
  const outfile = join(folder, `${name}.mjs`);
  const alias = Object.fromEntries(Object.entries(entries).map(([from, to]) => [from, join(root, to)]));
  await build({
    entryPoints: [write(name)],
    outfile,
    alias,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  await import(/* @vite-ignore */ pathToFileURL(outfile).href);
}

function assumeRoleAnswer(oss: LocalOss): object {
  const { accessKeyId, accessKeySecret, securityToken, expiration } = oss.issueToken({ policy: sessionPolicy() });
  return {
    RequestId: '1',
    AssumedRoleUser: { Arn: 'acs:ram::1:role/page/u', AssumedRoleId: '1:u' },
    Credentials: {
      AccessKeyId: accessKeyId,
      AccessKeySecret: accessKeySecret,
      SecurityToken: securityToken,
      Expiration: expiration,
    },
  };
}

/** The policy that README gives to paste. */
function sessionPolicy(): string {
  return readFileSync(join(root, 'README.md'), 'utf8').match(/^```json\n(.*?)^```/ms)?.[1] as string;
}

function exampleNamed(part: string): string {
  const found = [...examples].filter(([name, code]) => name.startsWith('readme-') && code.includes(part));
  expect(found.length, `examples in README with ${part}`).toBe(1);
  return found[0]?.[0] as string;
}

const bucket = () => new LocalOss({ buckets: { 'my-uploads': { region: 'cn-hangzhou' } } });
const text = (oss: LocalOss, name: string, key: string) => new TextDecoder().decode(oss.object(name, key)?.bytes());

test('README: from a file input to a stored object', async () => {
  const oss = bucket();
  const input = new EventTarget();
  const file = new File(['some content'], 'a.txt', { type: 'text/plain' });
  Object.assign(input, { files: [file] });
  const logged = new Promise<string>((resolve) => {
    vi.spyOn(console, 'log').mockImplementation((...args: unknown[]) => {
      if (String(args[0]).includes('stored')) resolve(String(args[0]));
    });
  });
  await run(exampleNamed("querySelector('input')"), { oss, document: { querySelector: () => input } });
  input.dispatchEvent(new Event('change'));
  expect(await logged).toMatch(/^12 bytes stored, CRC-64 \d+$/);
  expect(text(oss, 'my-uploads', 'inbox/a.txt')).toBe('some content');
  expect(oss.object('my-uploads', 'inbox/a.txt')?.headers['content-type']).toBe('text/plain');
});

test('README: appending text, iterables and a piped stream', async () => {
  const oss = bucket();
  await run(exampleNamed('AppendStream(log)'), { oss });
  expect(text(oss, 'my-uploads', 'inbox/app.log')).toBe('one line\nmany chunks\na report\n');
});

test('README: LocalOss with a fault', async () => {
  const lines: unknown[] = [];
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line));
  await run(exampleNamed('oss-append/testing'));
  expect(lines).toEqual(['exactly once']);
});

test('README: the sizes in its first sentence', async () => {
  const [, all, one] = readFileSync(join(root, 'README.md'), 'utf8').match(/in (\d+) KB \(all.*?STS: (\d+) KB/s) ?? [];
  const kilobytes = async (name: string) => Math.round((await measure(BUNDLES[name]?.code as string)).gzip / 1000);
  expect([Number(all), Number(one)]).toEqual([await kilobytes('index'), await kilobytes('append')]);
});

test('README: it keeps to its length', () => {
  expect(readFileSync(join(root, 'README.md'), 'utf8').split('\n').length).toBeLessThan(250);
});
