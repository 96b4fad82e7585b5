/** Checks the size of each part of the library, and that a bundle of one part contains no other part. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Plugin, rollup } from 'rollup';
import esbuild from 'rollup-plugin-esbuild';
import { describe, expect, test } from 'vitest';
import * as library from '../../src/index.ts';
import { BUNDLES, bundle, measure } from './size.mjs';

test.each(Object.entries(BUNDLES))(
  'the bundle of %s is not larger than its budget',
  async (_, { code, budget, over }) => {
    const { min, gzip, brotli } = await measure(code);
    // Some budgets are for the bytes that a program adds to another one.
    const base = over ? (await measure(BUNDLES[over]!.code)).gzip : 0;
    expect(gzip - base).toBeLessThanOrEqual(budget);
    // All numbers must belong to the same text.
    expect(gzipSync((await bundle(code)).text, { level: 9 }).byteLength).toBe(gzip);
    expect(brotli).toBeLessThan(gzip);
    expect(gzip).toBeLessThan(min);
  },
);

const src = (...names: string[]) => names.map((name) => `src/${name}.ts`);
const NOBLE = ['_md', '_u64', 'hmac', 'sha2', 'utils'].map((name) => `node_modules/@noble/hashes/${name}.js`);
const LEAVES = src(
  'tail',
  'check',
  'redact',
  'bytes',
  'numbers',
  'errors',
  'failure-kind',
  'waiting/abort',
  'waiting/clock',
);
const SIGNING = [
  ...src('request/signature', 'request/credentials', 'request/endpoint', 'waiting/deadline'),
  ...LEAVES,
  ...NOBLE,
];
const WAITING = src('waiting/sleep', 'waiting/retry', 'waiting/deadline');
const REQUEST = src(
  'request/stored',
  'request/operations',
  'request/transport',
  'request/origin',
  'request/headers',
  'request/refusal',
  'request/advice',
);
const CLIENT = [...src('request/client', 'request/signer'), ...REQUEST, ...WAITING, ...SIGNING];
/** A client that holds presigned URLs only. It checks keys of objects and encodes tags, and it signs nothing. */
const PRESIGNED = [
  ...src('request/presigned', 'request/presigner', 'request/endpoint'),
  ...REQUEST,
  ...WAITING,
  ...LEAVES,
];
const SOURCE = src('source/segments', 'source/segment', 'source/blob', 'source/chunks', 'source/gatherer');
const APPEND = src(
  ...['append/object', 'append/evidence', 'append/group', 'append/pace', 'append/verdict'],
  ...[
    'append/call',
    'append/conflicts',
    'append/ledger',
    'append/commit',
    'append/open',
    'append/pump',
    'append/pending',
  ],
  ...['append/resume', 'append/seal', 'append/settle'],
);
const EDGE = src(
  ...['edge/handler', 'edge/options', 'edge/decisions', 'edge/keys', 'edge/cors', 'edge/refusal', 'edge/grants'],
  ...['edge/grant-request', 'edge/upload', 'edge/body', 'edge/body-reader', 'edge/delete-object', 'edge/digest'],
  ...['edge/resumable-http', 'edge/resumable-upload', 'edge/tus', 'edge/upload-headers', 'edge/upload-metadata'],
  ...[
    'edge/upload-object',
    'edge/upload-piece',
    'edge/upload-url',
    'edge/uploads',
    'edge/deferred-length',
    'edge/body-appender',
  ],
  ...['edge/body-segments', 'edge/segment-buffer', 'edge/segment-memory', 'edge/free-buffer'],
);
const LOG = src(
  ...[
    'log/appender',
    'log/options',
    'log/delivery',
    'log/outage',
    'log/queue',
    'log/block',
    'log/lines',
    'log/listener',
  ],
  ...['log/page', 'log/keepalive', 'log/deferred-append', 'log/feed', 'log/sender', 'log/gzip', 'log/log-client'],
);
const UPPY = src(
  ...['uppy/oss-append', 'uppy/options', 'uppy/queue', 'uppy/throttle', 'uppy/transfer', 'uppy/upload-error'],
  'uppy/locale',
);
const ENGINE = [...APPEND, ...SOURCE, ...src('crc64'), ...CLIENT];
const ENGINE_PRESIGNED = [...APPEND, ...SOURCE, ...src('crc64'), ...PRESIGNED];

/** The first round constant of SHA-256, as a minifier may write it. */
const SHA_256 = /1116352408|0x428a2f98/i;

test('the bundle of a client with presigned URLs has no SHA-256 and no signature', async () => {
  const signs = await bundle(BUNDLES['append, exactly once']!.code);
  expect(signs.text).toMatch(SHA_256);
  expect(signs.text).toContain('OSS4-HMAC-SHA256');
  const { text } = await bundle(BUNDLES['presigned']!.code);
  expect(text).not.toMatch(SHA_256);
  expect(text).not.toContain('HMAC');
});

describe('a bundle of one part contains no other part', () => {
  test.each<[bundle: string, allowed: readonly string[]]>([
    ['index', [...src('append/stream'), ...ENGINE, ...PRESIGNED]],
    ['append', CLIENT],
    ['append, exactly once', ENGINE],
    ['presigned', ENGINE_PRESIGNED],
    ['signV4', SIGNING],
    ['crc64', src('crc64')],
    ['./xhr', src('xhr', 'waiting/abort')],
    ['./sts', [...src('sts'), ...WAITING, ...SIGNING]],
    ['./log', [...LOG, ...ENGINE]],
    ['./edge', [...EDGE, ...ENGINE]],
    ['./uppy', [...UPPY, ...ENGINE]],
    ['./edge, in a page', src('edge/page-grants', 'check', 'errors', 'redact', 'waiting/clock')],
  ])('the program "%s" contains only the allowed modules', async (name, allowed) => {
    const { modules } = await bundle(BUNDLES[name]!.code);
    expect(modules.filter((module) => !allowed.includes(module))).toEqual([]);
  });

  const imports: Record<string, readonly string[]> = {
    AppendConflictError: src('errors', 'redact'),
    AppendStream: src('append/stream', 'check'),
    AppendableObject: ENGINE,
    ChecksumError: src('errors', 'redact'),
    CredentialsError: src('errors', 'redact'),
    OssClient: CLIENT,
    PresignedClient: PRESIGNED,
    OssError: src('errors', 'redact'),
    ServiceError: src('errors', 'redact'),
    SourceError: src('errors', 'redact'),
    TransportError: src('errors', 'redact'),
    append: ENGINE,
    crc64: src('crc64'),
    objectHeaders: src('request/headers', 'request/endpoint', 'check'),
    crc64Combine: src('crc64'),
    credentialsFromUrl: [...src('request/credentials', 'waiting/deadline'), ...LEAVES],
    presignV4: SIGNING,
    refreshingCredentials: [...src('request/credentials', 'waiting/deadline'), ...LEAVES],
    signV4: SIGNING,
  };

  test('the table above has a row for every export of the index', () => {
    expect(Object.keys(library).sort()).toEqual(Object.keys(imports).sort());
  });

  test.each(Object.entries(imports))('an import of %s contains only the allowed modules', async (name, allowed) => {
    const { modules } = await bundle(`export { ${name} } from './src/index.ts';`);
    expect(modules.filter((module) => !allowed.includes(module))).toEqual([]);
  });

  test.each([
    ['./xhr', 'XMLHttpRequest'],
    ['./sts', 'AssumeRole'],
    ['./edge', 'ForbiddenOrigin'],
    ['./log', 'dropOldest'],
    ['./testing', 'drop-after'],
    ['./uppy', 'upload-success'],
  ])('the bundle of the index does not contain %s, and so not the text "%s"', async (name, word) => {
    expect((await bundle(BUNDLES[name]!.code)).text).toContain(word);
    expect((await bundle(BUNDLES['index']!.code)).text).not.toContain(word);
  });
});

test('an import has no side effects, so a bundler drops unused modules also without "sideEffects"', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const input = [
    'index',
    'xhr',
    'sts',
    'edge/index',
    'log/index',
    'uppy/index',
    'testing/index',
    'testing/node/index',
  ].map((entry) => `${root}src/${entry}.ts`);
  for (const entry of input) {
    // Without a plugin, Rollup does not read "sideEffects" in package.json, so only the code itself counts here.
    const treeshake = { moduleSideEffects: 'no-external' } as const;
    const build = await rollup({
      input: 'program',
      external: /^(@noble|@uppy|node:)/,
      treeshake,
      plugins: [program(entry), esbuild()],
    });
    const [chunk] = (await build.generate({ format: 'es' })).output;
    expect(chunk.code.trim()).toBe('');
  }
});

/** A plugin for a program that imports a module and does not use it. */
function program(entry: string): Plugin {
  return {
    name: 'program',
    resolveId: (id) => (id === 'program' ? id : null),
    load: (id) => (id === 'program' ? `import ${JSON.stringify(entry)};` : null),
  };
}
