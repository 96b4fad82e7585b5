/** Checks that the code in README.md, in docs and in the docstrings of src compiles, and that it runs against LocalOss. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test, vi } from 'vitest';
import { AppendableObject, type OssClient } from '../../src/index.ts';
import type { LogAppender } from '../../src/log/index.ts';
import { LocalOss, LocalSts } from '../../src/testing/index.ts';
import { TestRecorder } from '../log/recorder.ts';
import {
  bucket,
  clientOf,
  entries,
  exampleNamed,
  examples,
  readme,
  root,
  run,
  scriptsOf,
  text,
  write,
} from './examples.ts';
import { BUNDLES, measure } from './size.mjs';

/**
 * Compiles examples, and returns the problems that the compiler found in them. The sources of the library, which the
 * examples import, are checked by `npm run check`.
 */
function compile(names: readonly string[], more: ts.CompilerOptions = {}): string[] {
  const config = ts.readConfigFile(join(root, 'src/tsconfig.json'), ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, join(root, 'src'));
  const paths = Object.fromEntries(Object.entries(entries).map(([name, source]) => [name, [join(root, source)]]));
  const files = names.map(write);
  const program = ts.createProgram([...files, join(root, 'test/package/runtime-globals.d.ts')], {
    ...options,
    paths,
    noEmit: true,
    rootDir: root,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    lib: ['es2022', 'dom', 'dom.iterable', 'dom.asynciterable', 'esnext.disposable'].map((lib) => `lib.${lib}.d.ts`),
    ...more,
  });
  const found = files.flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)));
  return found.map(({ file, messageText }) => {
    return `${file?.fileName.slice(root.length) ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

test('every example compiles, as strictly as the library', () => {
  // Only examples that import a module or an adapter of Node, or that read its environment, may use the types of Node.
  const isForNode = (name: string) =>
    /from '(node:|oss-append\/testing\/node'|@hono\/node-server')|process\.env\b/.test(examples.get(name) ?? '');
  const names = [...examples.keys()];
  expect(compile(names.filter((name) => !isForNode(name)))).toEqual([]);
  expect(compile(names.filter(isForNode), { types: ['node'] })).toEqual([]);
  expect(readme.length).toBeGreaterThanOrEqual(4);
  expect(examples.size - readme.length).toBeGreaterThanOrEqual(8);
}, 180_000);

test('every example in JavaScript is code of ali-oss, or of a test runner that another test starts', () => {
  const files = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => join('docs', name))];
  const scripts = files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => scriptsOf(readFileSync(join(root, file), 'utf8')));
  const isKnown = (code: string) => /ali-oss|from 'vitest'|from '@playwright\/test'/.test(code);
  expect(scripts.filter((code) => !isKnown(code))).toEqual([]);
  expect(scripts.length).toBeGreaterThan(2);
});

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
  expect(text(oss, 'my-uploads', 'inbox/u1/a.txt')).toBe('some content');
  expect(oss.object('my-uploads', 'inbox/u1/a.txt')?.headers['content-type']).toBe('text/plain');
});

test('README: the Worker stores the body of a request', async () => {
  const world = cloud();
  const { default: worker } = await run(exampleNamed('export default'), world);
  const { fetch } = worker as { fetch: (request: Request, env: object) => Promise<Response> };
  const env = { OSS_ACCESS_KEY_ID: RAM.accessKeyId, OSS_ACCESS_KEY_SECRET: RAM.accessKeySecret };
  const answer = await fetch(new Request('https://worker.example.com/', { method: 'POST', body: 'bytes' }), env);
  expect(await answer.json()).toEqual({ position: 5, hashCrc64ecma: expect.stringMatching(/^\d+$/) });
  const [{ key = '' } = {}] = world.oss.requests;
  expect(text(world.oss, 'my-uploads', key)).toBe('bytes');
});

test('README: LocalOss with a fault', async () => {
  const lines: unknown[] = [];
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line));
  await run(exampleNamed('oss-append/testing'));
  expect(lines).toEqual(['exactly once']);
});

const RAM = { accessKeyId: 'LTAIexample', accessKeySecret: 'ExampleSecretExampleSecret' };
const OSS_ROLE_ARN = 'acs:ram::1000000000000000:role/append';

/** An OSS and an STS that know one RAM user. */
function cloud() {
  const accessKeys = { [RAM.accessKeyId]: RAM.accessKeySecret };
  const oss = new LocalOss({ buckets: { 'my-uploads': { region: 'cn-hangzhou' } }, accessKeys });
  return { oss, sts: new LocalSts({ oss, accessKeys, roles: { [OSS_ROLE_ARN]: {} } }) };
}

/** Sends a request of user u1, as a page of the application does. */
function fromPage(path: string, init: RequestInit = {}): Request {
  const headers = { origin: 'https://app.example.com', cookie: 'user=u1', 'x-user': 'u1' };
  return new Request(`https://edge.example.com${path}`, { method: 'POST', headers, ...init });
}

test.each([
  ['of Alibaba Cloud', {}, 'https://my-uploads.oss-cn-hangzhou.aliyuncs.com'],
  [
    'of an OSS on this machine',
    { OSS_ENDPOINT: 'http://127.0.0.1:9000', OSS_STS_ENDPOINT: 'http://127.0.0.1:9000' },
    'http://127.0.0.1:9000/my-uploads',
  ],
])(
  'docs/edge.md: with the endpoints %s, the Worker gives a token, a grant, and the end of an upload',
  async (_, more, at) => {
    const world = cloud();
    const { default: worker } = await run(exampleNamed('export default', 'docs-edge'), world);
    const { fetch } = worker as { fetch: (request: Request, env: object, context: object) => Promise<Response> };
    const env = {
      OSS_ACCESS_KEY_ID: RAM.accessKeyId,
      OSS_ACCESS_KEY_SECRET: RAM.accessKeySecret,
      OSS_ROLE_ARN,
      ...more,
    };
    const send = async (path: string, init: RequestInit) =>
      (await fetch(fromPage(path, init), env, { waitUntil: () => {} })).json();
    expect(await send('/token', {})).toMatchObject({ accessKeyId: expect.stringMatching(/^STS\./) });
    const question = { operation: 'appendObject', key: 'inbox/u1/a', position: 0, size: 5 };
    expect(await send('/grant', { body: JSON.stringify(question) })).toMatchObject({
      method: 'POST',
      url: expect.stringMatching(`^${at}/`),
    });
    expect(await send('/upload/inbox%2Fu1%2Fa', { body: 'bytes' })).toMatchObject({ position: 5 });
    expect(text(world.oss, 'my-uploads', 'inbox/u1/a')).toBe('bytes');
  },
);

test('docs/logs.md: the log of a page ships errors, rejections and performance entries', async () => {
  const oss = bucket();
  const page = new EventTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  let observe: (list: { getEntries: () => object[] }) => void = () => {};
  const observed: object[] = [];
  vi.stubGlobal(
    'PerformanceObserver',
    class {
      constructor(callback: typeof observe) {
        observe = callback;
      }
      observe(options: object): void {
        observed.push(options);
      }
    },
  );
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
  const { log } = await run(exampleNamed('PerformanceObserver', 'docs-logs'), { oss });
  console.error('broken', new Error('why', { cause: new RangeError('too far') }));
  const circular: { self?: object } = {};
  circular.self = circular;
  console.error(circular);
  page.dispatchEvent(Object.assign(new Event('error'), { message: 'Script error.' }));
  page.dispatchEvent(Object.assign(new Event('unhandledrejection'), { reason: new TypeError('nobody waited') }));
  const paint = { entryType: 'paint', duration: 0 };
  observe({
    getEntries: () => [
      { entryType: 'longtask', name: 'self', startTime: 5, duration: 60 },
      { ...paint, name: 'first-paint', startTime: 20 },
      { ...paint, name: 'first-contentful-paint', startTime: 30 },
      { entryType: 'navigation', name: 'https://app.example.com/a?token=secret#b', startTime: 0, duration: 90 },
    ],
  });
  await (log as LogAppender).flush();
  const [{ key = '' } = {}] = oss.requests;
  const lines = text(oss, 'my-uploads', key).trim().split('\n');
  const cause = { name: 'RangeError', message: 'too far', stack: expect.any(String) };
  const facts = lines.map((line) => JSON.parse(line)).map(({ type, facts }) => [type, facts]);
  expect(facts).toEqual([
    ['console', ['broken', expect.objectContaining({ message: 'why', cause: expect.objectContaining(cause) })]],
    ['console', '[object Object]'],
    ['error', 'Script error.'],
    ['rejection', expect.objectContaining({ name: 'TypeError', message: 'nobody waited' })],
    ['longtask', { name: 'self', startTime: 5, duration: 60 }],
    ['paint', { name: 'first-paint', startTime: 20, duration: 0 }],
    ['paint', { name: 'first-contentful-paint', startTime: 30, duration: 0 }],
    ['navigation', { name: 'https://app.example.com/a', startTime: 0, duration: 90 }],
  ]);
  expect([printed.mock.calls.length, observed]).toEqual([2, [{ entryTypes: ['longtask', 'navigation', 'paint'] }]]);
});

test('docs/logs.md: in Node, the lines of a logger are stored before the process ends', async () => {
  const { oss } = cloud();
  vi.stubEnv('OSS_ACCESS_KEY_ID', RAM.accessKeyId);
  vi.stubEnv('OSS_ACCESS_KEY_SECRET', RAM.accessKeySecret);
  const ends = new Map<string | symbol, () => void>();
  const once = vi.spyOn(process, 'once').mockImplementation((signal, end) => {
    ends.set(signal, end as () => void);
    return process;
  });
  const ended = new Promise<void>((resolve) => {
    vi.spyOn(process, 'exit').mockImplementation((() => resolve()) as never);
  });
  const { stream } = await run(exampleNamed('node:stream', 'docs-logs'), { oss });
  once.mockRestore();
  const logger = stream as NodeJS.WritableStream;
  logger.write('{"level":30,"msg":"from a logger"}\n');
  logger.write(Buffer.from('bytes\n'));
  ends.get('SIGTERM')?.();
  await ended;
  vi.unstubAllEnvs();
  const [{ key = '' } = {}] = oss.requests;
  expect(key).toMatch(/^logs\/.*\.ndjson$/);
  expect(text(oss, 'my-uploads', key)).toBe('{"level":30,"msg":"from a logger"}\nbytes\n');
});

test('docs/logs.md: each isolate has an object for each hour', async () => {
  const { keyOfEvent } = (await run(exampleNamed('keyOfEvent', 'docs-logs'))) as { keyOfEvent: () => string };
  const [key, again] = [keyOfEvent(), keyOfEvent()];
  expect(key).toMatch(/^logs\/requests\/\d{4}-\d\d-\d\dT\d\d-[\w-]{36}\.ndjson$/);
  expect(again.slice(-43)).toBe(key.slice(-43));
});

test('docs/recording.md: a recorder is stored while it records', async () => {
  const oss = bucket();
  const made: TestRecorder[] = [];
  vi.stubGlobal(
    'MediaRecorder',
    class extends TestRecorder {
      constructor(_stream: object, { mimeType }: { mimeType: string }) {
        super(mimeType);
        made.push(this);
      }
    },
  );
  const { record } = await run(exampleNamed('videoBitsPerSecond', 'docs-recording'), { oss });
  const button = new EventTarget();
  const recorded = (record as (stream: object, button: EventTarget) => Promise<{ key: string; size: number }>)(
    {},
    button,
  );
  made[0]?.give('some media');
  button.dispatchEvent(new Event('click'));
  const { key, size } = await recorded;
  expect([size, oss.object('my-uploads', key)?.length]).toEqual([10, 10]);
  expect(oss.object('my-uploads', key)?.headers['content-type']).toBe('video/webm;codecs=vp8,opus');
});

test('docs/recording.md: a recording is played while it grows, until it is sealed', async () => {
  const oss = bucket();
  const played: string[] = [];
  const ended = vi.fn();
  class Buffer extends EventTarget {
    appendBuffer(bytes: Uint8Array): void {
      played.push(new TextDecoder().decode(bytes));
      queueMicrotask(() => this.dispatchEvent(new Event('updateend')));
    }
  }
  class Media extends EventTarget {
    readonly addSourceBuffer = () => new Buffer();
    readonly endOfStream = ended;
  }
  vi.stubGlobal('MediaSource', Media);
  vi.spyOn(URL, 'createObjectURL').mockImplementation((media) => {
    queueMicrotask(() => (media as unknown as Media).dispatchEvent(new Event('sourceopen')));
    return 'blob:media';
  });
  const client = clientOf(oss);
  const object = new AppendableObject(client, 'inbox/u1/a.webm');
  await object.append('head, cluster');
  await object.seal();
  const { watch } = await run(exampleNamed('addSourceBuffer', 'docs-recording'), { oss });
  const video = { src: '' };
  type Watch = (client: OssClient, key: string, type: string, video: object, signal: AbortSignal) => Promise<void>;
  await (watch as Watch)(client, object.key, 'video/webm', video, new AbortController().signal);
  expect([video.src, played.join(''), ended.mock.calls.length]).toEqual(['blob:media', 'head, cluster', 1]);
});

test('docs/reading-back.md: lines are read until the object is sealed', async () => {
  const oss = bucket();
  const client = clientOf(oss);
  const object = new AppendableObject(client, 'inbox/u1/app.ndjson');
  await object.append('{"n":1}\n{"n":2}\n');
  await object.seal();
  const lines: unknown[] = [];
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line));
  const { show } = await run(exampleNamed('console.log(JSON.parse', 'docs-reading-back'), { oss });
  await (show as () => Promise<void>)();
  expect(lines).toEqual([{ n: 1 }, { n: 2 }]);
});

test('docs/reading-back.md: a rotation is followed from each sealed object to the next one', async () => {
  const oss = bucket();
  const client = clientOf(oss);
  const lines: string[] = [];
  const { followAll } = await run(exampleNamed('nameAfter', 'docs-reading-back'), { oss });
  const enough = new Error('enough');
  for (const n of [1, 2]) {
    const object = new AppendableObject(client, `app-${n}.ndjson`);
    await object.append(`line ${n}\n`);
    if (n === 1) await object.seal();
  }
  const show = (line: string) => {
    lines.push(line);
    if (lines.length === 2) throw enough;
  };
  const follow = followAll as (client: OssClient, show: (line: string) => void) => Promise<void>;
  await expect(follow(client, show)).rejects.toBe(enough);
  expect(lines).toEqual(['line 1', 'line 2']);
});

test('README and docs/leaving-ali-oss.md: the sizes', async () => {
  const [, all, one] =
    readFileSync(join(root, 'README.md'), 'utf8').match(/library has (\d+) KB \(minified.*?STS has (\d+) KB/s) ?? [];
  const kilobytes = async (name: string) => Math.round((await measure(BUNDLES[name]?.code as string)).gzip / 1000);
  const wanted = [await kilobytes('index'), await kilobytes('append')];
  expect([Number(all), Number(one)]).toEqual(wanted);
  const guide = readFileSync(join(root, 'docs/leaving-ali-oss.md'), 'utf8').match(/(\d+) KB, or (\d+) KB for a plain/);
  expect(guide?.slice(1).map(Number)).toEqual(wanted);
});

test('README: it keeps to its length', () => {
  expect(readFileSync(join(root, 'README.md'), 'utf8').split('\n').length).toBeLessThan(250);
});
