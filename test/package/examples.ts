/**
 * Finds the code in README.md, in docs and in the docstrings of src, and runs it in a world where OSS, STS and the servers
 * of the application are local.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, expect, vi } from 'vitest';
import { OssClient } from '../../src/index.ts';
import { LocalOss, type LocalSts } from '../../src/testing/index.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
mkdirSync(join(root, 'build'), { recursive: true });
export const folder = mkdtempSync(join(root, 'build', 'examples-'));
// A test bundles its example first, which takes seconds on a machine that does other work.
vi.setConfig({ testTimeout: 60_000 });
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** The source file of each entry, by the name with which users import it. */
export const entries: Record<string, string> = {};
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
for (const [entry, { default: file }] of Object.entries<{ readonly default?: string }>(manifest.exports))
  if (file) entries[`oss-append${entry.slice(1)}`] = file.replace('./dist/', 'src/').replace(/js$/, 'ts');

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

/** The code blocks of a document in JavaScript, which no compiler checks. */
export function scriptsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```jsx?\n(.*?)^```/gms)].map(([, code]) => code as string);
}

export const readme = codeBlocks(readFileSync(join(root, 'README.md'), 'utf8'));
export const examples = new Map(readme.map((code, index) => [`readme-${index + 1}`, code]));
for (const name of readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')))
  codeBlocks(readFileSync(join(root, 'docs', name), 'utf8')).forEach((code, index) => {
    examples.set(`docs-${name.replace(/\W/g, '-')}-${index + 1}`, code);
  });
for (const path of sources('src')) {
  docstringBlocks(path).forEach((code, index) => {
    examples.set(`${path.replace(/\W/g, '-')}-${index + 1}`, code);
  });
}

// An example that begins with its file name is also written under this name, because other examples import it.
for (const code of examples.values()) {
  const name = /^\/\/ ([\w-]+\.ts)[\n:]/.exec(code)?.[1];
  if (name) writeFileSync(join(folder, name), code);
}

/** The files that the token routes of frameworks import. docs/page.md says where `server.ts` is copied to. */
const server = [...examples.values()].find((code) => code.startsWith('// server.ts:')) ?? '';
const session = 'export declare function userOf(request: object): Promise<string>;\n';
const FRAMEWORKS: Readonly<Record<string, string>> = {
  'Next.js/server.ts': server,
  'Next.js/session.ts': session,
  'Nuxt/server/token.ts': server,
  'Nuxt/server/session.ts': session,
};
for (const [path, code] of Object.entries(FRAMEWORKS)) place(path, code);

function place(path: string, code: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, code);
  return file;
}

/**
 * Writes an example as a module of its own. An example whose first line says `server/token.ts of Nuxt` is written to that
 * path in the folder of the framework. The module also exports the library that it was bundled with, because the classes
 * of another copy would fail `instanceof`.
 */
export function write(name: string): string {
  const code = examples.get(name) ?? '';
  const [, path, framework] = /^\/\/ ([\w./-]+\.ts) of ([\w.]+)\. /.exec(code) ?? [];
  return place(path ? `${framework}/${path}` : `${name}.ts`, `${code}\nexport * as library from 'oss-append';\n`);
}

export interface World {
  readonly oss?: LocalOss;
  readonly sts?: LocalSts;
  readonly document?: unknown;
  /** Packages that the test itself uses, too, so that there must be only one copy. */
  readonly external?: string[];
  /** Answers the page's request for a token. By default, LocalOss gives one. */
  readonly token?: () => Promise<Response>;
}

let runs = 0;

/** Runs an example in a world where OSS, STS and the servers of the application are local. Resolves to its module. */
export async function run(name: string, world: World = {}): Promise<Readonly<Record<string, unknown>>> {
  const { oss, sts } = world;
  const routes = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    if (url === '/sts') return world.token?.() ?? Response.json(assumeRoleAnswer(oss as LocalOss));
    if (url === '/report') return new Response('a report\n');
    if (url === 'https://app.example.com/me')
      return Response.json({ id: new Headers(init?.headers).get('cookie')?.replace('user=', '') || undefined });
    // On this machine, OSS and STS have the same address. Only requests of STS have the root as their path.
    if (sts && (url.startsWith('https://sts.') || new URL(url).pathname === '/')) return sts.fetch(input, init);
    return (oss as LocalOss).fetch(input, init);
  };
  vi.stubGlobal('fetch', routes);
  if (world.document) vi.stubGlobal('document', world.document);
  // Each run gets a module of its own, because a module keeps its client and the token of that client.
  runs += 1;
  const outfile = join(folder, `${name}-${runs}.mjs`);
  const alias = Object.fromEntries(Object.entries(entries).map(([from, to]) => [from, join(root, to)]));
  await build({
    entryPoints: [write(name)],
    outfile,
    alias,
    external: world.external ?? [],
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  return import(/* @vite-ignore */ pathToFileURL(outfile).href);
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

/** The policy that README gives to paste. Like the server of docs/start.md, it allows the keys of user u1 and no others. */
function sessionPolicy(): string {
  return readFileSync(join(root, 'README.md'), 'utf8').match(/^```json\n(.*?)^```/ms)?.[1] as string;
}

/** Finds the one example of a document that contains a text. */
export function exampleNamed(part: string, document = 'readme'): string {
  const found = [...examples].filter(([name, code]) => name.startsWith(`${document}-`) && code.includes(part));
  expect(found.length, `examples in ${document} with ${part}`).toBe(1);
  return found[0]?.[0] as string;
}

/** Makes an OSS with the bucket that the documents use. */
export const bucket = (): LocalOss => new LocalOss({ buckets: { 'my-uploads': { region: 'cn-hangzhou' } } });

/** Makes a client of this bucket. */
export function clientOf(oss: LocalOss): OssClient {
  const credentials = oss.issueToken();
  return new OssClient({ region: 'cn-hangzhou', bucket: 'my-uploads', credentials, fetch: oss.fetch });
}

/** Reads an object as text. */
export const text = (oss: LocalOss, name: string, key: string): string =>
  new TextDecoder().decode(oss.object(name, key)?.bytes());
