/** Runs the code of the guides in docs against LocalOss, with the faults that they describe. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { KeepLength } from '../../src/edge/index.ts';
import type { AppendableObject } from '../../src/index.ts';
import { LocalOss, LocalSts } from '../../src/testing/index.ts';
import { exampleNamed, root, run, text } from './examples.ts';

test('docs/how-it-works.md: a text is stored once though its answer is lost and nobody answers for a while', async () => {
  let isUp = true;
  const oss = new LocalOss({
    buckets: { 'my-uploads': { region: 'cn-hangzhou' } },
    faults: ({ operation, nth }) => {
      if (operation === 'AppendObject' && nth === 1) isUp = false;
      return isUp ? undefined : { kind: operation === 'AppendObject' && nth === 1 ? 'drop-after' : 'drop-before' };
    },
  });
  const { appendAll, library } = await run(exampleNamed('appendAll', 'docs-how-it-works'), { oss });
  const { AppendableObject, OssClient } = library as typeof import('../../src/index.ts');
  const settings = {
    region: 'cn-hangzhou',
    bucket: 'my-uploads',
    credentials: oss.issueToken(),
    fetch: oss.fetch,
    retry: { maxAttempts: 1 },
  };
  const object = new AppendableObject(new OssClient(settings), 'a.log');
  const online = vi.fn(async () => {
    isUp = true;
  });
  const append = appendAll as (object: AppendableObject, text: string, online: () => Promise<void>) => Promise<void>;
  await append(object, 'exactly once\n', online);
  expect([text(oss, 'my-uploads', 'a.log'), online.mock.calls.length]).toEqual(['exactly once\n', 1]);
});

const RAM = { OSS_ACCESS_KEY_ID: 'LTAIexample', OSS_ACCESS_KEY_SECRET: 'ExampleSecretExampleSecret' };
const OSS_ROLE_ARN = 'acs:ram::1000000000000000:role/append';
const accessKeys = { [RAM.OSS_ACCESS_KEY_ID]: RAM.OSS_ACCESS_KEY_SECRET };

/** Makes an OSS with the bucket of the documents, and with the key of a RAM user. */
const bucketWithKey = () => new LocalOss({ buckets: { 'my-uploads': { region: 'cn-hangzhou' } }, accessKeys });

test.each([
  ['stores a file with the token of u1', 'u1', /^12 bytes stored, CRC-64 \d+$/, 'some content'],
  ['is refused with the token of u2, and says how to go on', 'u2', /AccessDenied.* Pick the same file again/, ''],
])('docs/start.md: the page of u1 %s', async (_what, user, shown, stored) => {
  const oss = bucketWithKey();
  const sts = new LocalSts({ oss, accessKeys, roles: { [OSS_ROLE_ARN]: {} } });
  const { giveToken } = await run(exampleNamed('function giveToken', 'docs-start'), { oss, sts });
  // The server has no document, so it answers before the page exists.
  const answer = await (giveToken as (user: string, settings: object) => Promise<Response>)(user, {
    ...RAM,
    OSS_ROLE_ARN,
  });
  const document = { querySelector: () => null };
  const { upload } = await run(exampleNamed("querySelector('input')", 'docs-start'), {
    oss,
    document,
    token: async () => answer.clone(),
  });
  const file = new File(['some content'], 'a.txt', { type: 'text/plain' });
  const bar = { value: 0, max: 0 };
  const output = { textContent: '' };
  await (upload as (file: File, bar: object, output: object) => Promise<void>)(file, bar, output);
  expect(output.textContent).toMatch(shown);
  expect([bar.value, text(oss, 'my-uploads', 'inbox/u1/a.txt')]).toEqual([stored.length, stored]);
});

test('docs/start.md: the page empties its input at a click, because picking the same file again is no change', async () => {
  const input = Object.assign(new EventTarget(), { value: 'C:\\fakepath\\a.txt', files: [] });
  const document = { querySelector: (name: string) => (name === 'input' ? input : null) };
  await run(exampleNamed("querySelector('input')", 'docs-start'), { oss: bucketWithKey(), document });
  input.dispatchEvent(new Event('click'));
  expect(input.value).toBe('');
});

test.each([
  ['gives the token of u1', RAM, { accessKeyId: expect.stringMatching(/^STS\./) }],
  ['passes on which setting is missing', { ...RAM, OSS_ACCESS_KEY_ID: undefined }, /accessKeyId is missing/],
])('docs/start.md: /sts of Vite %s', async (_what, settings, wanted) => {
  const oss = bucketWithKey();
  const sts = new LocalSts({ oss, accessKeys, roles: { [OSS_ROLE_ARN]: {} } });
  for (const [name, value] of Object.entries({ ...settings, OSS_ROLE_ARN })) vi.stubEnv(name, value);
  const { default: config } = await run(exampleNamed('configureServer', 'docs-start'), {
    oss,
    sts,
    external: ['vite'],
  });
  type Middleware = (request: object, response: { end(text: string): void }, next: (error: Error) => void) => void;
  const [plugin] = (config as { plugins: { configureServer(server: object): void }[] }).plugins;
  const answer = await new Promise<string | Error>((resolve) => {
    const use = (_path: string, answer: Middleware) => answer({}, { end: resolve }, resolve);
    plugin?.configureServer({ middlewares: { use } });
  });
  if (answer instanceof Error) expect(answer.message).toMatch(wanted as RegExp);
  else expect(JSON.parse(answer)).toMatchObject(wanted);
});

test('docs/start.md: the Worker appends the body of a request, and refuses everybody without the secret', async () => {
  const oss = bucketWithKey();
  const { default: worker } = await run(exampleNamed('export default {', 'docs-start'), { oss });
  const { fetch } = worker as { fetch: (request: Request, env: object) => Promise<Response> };
  const env = {
    OSS_ACCESS_KEY_ID: RAM.OSS_ACCESS_KEY_ID,
    OSS_ACCESS_KEY_SECRET: RAM.OSS_ACCESS_KEY_SECRET,
    UPLOAD_SECRET: 'a secret',
  };
  const send = (authorization: string, method = 'POST') => {
    const body = method === 'POST' ? { body: 'bytes' } : {};
    return fetch(new Request('https://worker.example.com/', { method, headers: { authorization }, ...body }), env);
  };
  expect(await (await send('Bearer a secret')).json()).toEqual({ position: 5 });
  const [{ key = '' } = {}] = oss.requests;
  expect(text(oss, 'my-uploads', key)).toBe('bytes');
  expect([(await send('Bearer another')).status, (await send('')).status]).toEqual([403, 403]);
  expect((await send('Bearer a secret', 'GET')).status).toBe(405);
});

test('docs/start.md: Node uploads the file of its argument', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'start-'));
  await writeFile(join(folder, 'a.txt'), 'from Node');
  const oss = bucketWithKey();
  vi.stubEnv('OSS_ACCESS_KEY_ID', RAM.OSS_ACCESS_KEY_ID);
  vi.stubEnv('OSS_ACCESS_KEY_SECRET', RAM.OSS_ACCESS_KEY_SECRET);
  vi.stubGlobal('process', { ...process, argv: ['node', 'upload.ts', join(folder, 'a.txt')] });
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {});
  await run(exampleNamed('openAsBlob', 'docs-start'), { oss });
  expect(printed.mock.calls).toEqual([['9 bytes stored in inbox/a.txt']]);
  expect(text(oss, 'my-uploads', 'inbox/a.txt')).toBe('from Node');
  await rm(folder, { recursive: true });
});

test('docs/start.md: text, iterables and a piped stream are appended', async () => {
  const oss = bucketWithKey();
  await run(exampleNamed('AppendStream(log)', 'docs-start'), { oss });
  expect(text(oss, 'my-uploads', 'inbox/u1/app.log')).toBe('one line\nmany chunks\na report\n');
});

describe('docs/deploy.md', () => {
  const SETTINGS = {
    ...{ ...RAM, OSS_REGION: 'cn-hangzhou', OSS_BUCKET: 'my-uploads', ORIGINS: 'https://app.example.com' },
    UPLOAD_SECRET: 'a secret of the documents, long enough',
  };
  type Handler = (request: Request) => Promise<Response>;

  /** Uploads a file with tus at a path, as user u1, and checks what is stored. */
  async function checkUpload(oss: LocalOss, path: string, handle: Handler): Promise<void> {
    const send = (method: string, url: string, headers: Record<string, string>, body?: string) => {
      const all = { cookie: 'user=u1', origin: 'https://app.example.com', 'tus-resumable': '1.0.0', ...headers };
      return handle(new Request(url, { method, headers: all, ...(body ? { body } : {}) }));
    };
    const endpoint = `https://edge.example.com${path}/upload`;
    const created = await send('POST', endpoint, { 'upload-length': '5' });
    const url = new URL(created.headers.get('location') ?? '', endpoint);
    expect([created.status, url.pathname]).toEqual([201, expect.stringContaining(`${path}/upload/inbox%2Fu1%2F`)]);
    const headers = { 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
    expect((await send('PATCH', url.href, headers, 'hello')).status).toBe(204);
    const key = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
    expect(text(oss, 'my-uploads', key)).toBe('hello');
  }

  test.each([
    ['of Alibaba Cloud', {}, 'my-uploads.oss-cn-hangzhou.aliyuncs.com'],
    ['of an OSS on this machine', { OSS_ENDPOINT: 'http://127.0.0.1:9000' }, '127.0.0.1:9000'],
  ])('the Worker stores an upload at the endpoint %s', async (_, more, host) => {
    const oss = bucketWithKey();
    const { default: worker } = await run(exampleNamed('optionsFrom(env))(request', 'docs-deploy'), { oss });
    const hosts = new Set<string>();
    const local = fetch;
    vi.stubGlobal('fetch', (url: string, init?: RequestInit) => {
      hosts.add(new URL(url).host);
      return local(url, init);
    });
    const { fetch: answer } = worker as { fetch: (...given: unknown[]) => Promise<Response> };
    await checkUpload(oss, '', (request) => answer(request, { ...SETTINGS, ...more }, { waitUntil: () => {} }));
    expect([...hosts].sort()).toEqual([host, 'app.example.com'].sort());
  });

  test('the Worker prints why it refuses a page whose origin is not in ORIGINS', async () => {
    const oss = bucketWithKey();
    const { default: worker } = await run(exampleNamed('optionsFrom(env))(request', 'docs-deploy'), { oss });
    const printed = vi.spyOn(console, 'warn').mockReturnValue();
    const { fetch: answer } = worker as { fetch: (...given: unknown[]) => Promise<Response> };
    const headers = { origin: 'http://localhost:5173' };
    const request = new Request('https://edge.example.com/upload', { method: 'OPTIONS', headers });
    expect((await answer(request, SETTINGS, {})).status).toBe(403);
    const line = 'OPTIONS /upload 403 ForbiddenOrigin';
    expect(printed.mock.calls.map((words) => words.join(' '))).toEqual([line]);
    for (const name of ['docs', 'docs/zh-CN'])
      expect(readFileSync(join(root, name, 'deploy.md'), 'utf8')).toContain(`\`${line}\``);
  });

  test('wrangler.jsonc and the table of secrets name every setting that the options need', () => {
    const text = readFileSync(join(root, 'docs/deploy.md'), 'utf8');
    const file = /^```jsonc\n\/\/ wrangler\.jsonc\n(.*?)^```/ms.exec(text)?.[1] ?? '';
    const { main, vars } = JSON.parse(file);
    expect(text).toContain(`// ${main}\n`);
    const secrets = /for name in ([A-Z_ ]+);/.exec(text)?.[1]?.split(' ') ?? [];
    const needed = [...text.matchAll(/ setting\('(\w+)'\)/g)].map(([, name]) => name);
    expect([...Object.keys(vars), ...secrets].sort()).toEqual(needed.sort());
    for (const name of secrets) expect(text).toMatch(new RegExp(`^\\|.*\`${name}\`.* \\|`, 'm'));
  });

  test('the file for Hono serves the edge below /files', async () => {
    const oss = bucketWithKey();
    const { default: app } = await run(exampleNamed('new Hono', 'docs-deploy'), { oss });
    const { request } = app as { request: (request: Request, init: object, env: object) => Promise<Response> };
    await checkUpload(oss, '/files', async (sent) => request(sent, {}, SETTINGS));
  });

  test('the file for Deno gives the edge the request and nothing else', async () => {
    const oss = bucketWithKey();
    const handlers: ((...args: unknown[]) => Promise<Response>)[] = [];
    vi.stubGlobal('Deno', { env: { toObject: () => SETTINGS }, serve: (handler: never) => handlers.push(handler) });
    await run(exampleNamed('Deno.serve', 'docs-deploy'), { oss });
    await checkUpload(oss, '', async (request) => handlers[0]?.(request, { remoteAddr: {} }) as Promise<Response>);
  });

  test('the file for Bun switches the idle time-out of an upload off', async () => {
    const oss = bucketWithKey();
    const servers: { fetch: (request: Request, server: object) => Promise<Response> }[] = [];
    vi.stubGlobal('Bun', { env: SETTINGS, serve: (options: never) => servers.push(options) });
    await run(exampleNamed('Bun.serve', 'docs-deploy'), { oss });
    const timeout = vi.fn();
    await checkUpload(oss, '', async (request) => servers[0]?.fetch(request, { timeout }) as Promise<Response>);
    expect(timeout).toHaveBeenCalledWith(expect.any(Request), 0);
  });

  test('a setting that is missing is named', async () => {
    const { optionsFrom } = await run(exampleNamed('function optionsFrom', 'docs-deploy'));
    const make = optionsFrom as (env: object) => unknown;
    expect(() => make({ ...SETTINGS, UPLOAD_SECRET: '' })).toThrow('The setting UPLOAD_SECRET is missing');
  });
});

test('docs/edge.md: the Durable Object keeps the first length of each upload', async () => {
  const { UploadLength, keepLengthIn } = await run(exampleNamed('class UploadLength', 'docs-edge'));
  const Length = UploadLength as new (state: object) => { fetch(request: Request): Promise<Response> };
  const objects = new Map<unknown, InstanceType<typeof Length>>();
  const newObject = () => {
    const kept = new Map<string, unknown>();
    const storage = {
      get: async (key: string) => kept.get(key),
      put: async (key: string, value: unknown) => void kept.set(key, value),
    };
    return new Length({ storage });
  };
  const keepLength = (keepLengthIn as (lengths: object) => KeepLength)({
    idFromName: (name: string) => name,
    get: (id: unknown) => {
      const object = objects.get(id) ?? newObject();
      objects.set(id, object);
      return { fetch: (url: string, init: RequestInit) => object.fetch(new Request(url, init)) };
    },
  });
  const ask = (upload: string, length?: number) => keepLength({ user: 'u1', key: 'inbox/u1/a', upload, length });
  expect([await ask('a'), await ask('a', 0), await ask('a', 5), await ask('a')]).toEqual([null, 0, 0, 0]);
  expect([await ask('b', 7), await ask('b')]).toEqual([7, 7]);
});
