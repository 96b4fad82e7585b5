/** Tests xhrFetch in a real Chromium over real HTTP. The LocalOss is on another origin than the page and uses CORS. */
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findChromium } from '../../.ci/chromium.mjs';
import { type Fault, LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';

const executablePath = await findChromium();
const MIB = 1024 * 1024;

/** Bundles the library into one module for the page. */
async function bundle(): Promise<string> {
  const contents = "export * from './src/index.ts'; export { xhrFetch } from './src/xhr.ts';";
  const stdin = { contents, resolveDir: new URL('../..', import.meta.url).pathname };
  const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', target: 'es2022', write: false });
  return outputFiles[0]!.text;
}

const WORKER = `
  import { xhrFetch } from '/library.js';
  onmessage = async ({ ports: [port] }) => {
    const answer = await xhrFetch('/echo', { method: 'POST', body: 'x' }).then((answer) => answer.text(), String);
    port.postMessage(answer);
  };`;

/** The web server of the page, with a path for each kind of answer. */
class Site {
  /** Called when the client aborts its request to `/held`. */
  onleft: () => void = () => {};
  #release: () => void = () => {};
  readonly #library: string;

  constructor(library: string) {
    this.#library = library;
  }

  readonly answer = (request: Request): Response | Promise<Response> => {
    const url = new URL(request.url);
    const routes: Record<string, () => Response | Promise<Response>> = {
      '/': () => new Response('<!doctype html><title>page</title>', { headers: { 'content-type': 'text/html' } }),
      '/library.js': () => new Response(this.#library, JAVASCRIPT),
      '/worker.js': () => new Response(WORKER, JAVASCRIPT),
      '/echo': () => echo(request),
      '/empty': () => new Response(null, { status: 204 }),
      '/moved': () => new Response(null, { status: 307, headers: { location: '/echo' } }),
      '/drop': () => Promise.reject(new Error('the connection drops')),
      '/held': () => this.#hold(request),
      '/release': () => this.#go(),
    };
    return routes[url.pathname]?.() ?? new Response(null, { status: 404 });
  };

  async #hold(request: Request): Promise<Response> {
    request.signal.addEventListener('abort', () => this.onleft());
    await new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    return echo(request);
  }

  #go(): Response {
    this.#release();
    return new Response(null, { status: 204 });
  }
}

const JAVASCRIPT = { headers: { 'content-type': 'text/javascript' } };

async function echo(request: Request): Promise<Response> {
  const headers = new Headers({ 'x-asked': request.headers.get('x-ask') ?? '', 'x-empty': '', 'x-colon': 'a: b' });
  headers.append('x-list', 'one');
  headers.append('x-list', 'two');
  return new Response(await request.arrayBuffer(), { status: 201, headers });
}

describe.skipIf(!executablePath)('xhrFetch in Chromium', () => {
  let browser: Browser;
  let page: Page;
  let site: Site;
  let pageServer: Served;
  let ossServer: Served;
  let oss: LocalOss;
  let methods: string[];
  let faults: (nth: number) => Fault | undefined;

  beforeAll(async () => {
    site = new Site(await bundle());
    pageServer = await serve(site.answer);
    ossServer = await serve((request) => {
      methods.push(request.method);
      return oss.fetch(request);
    });
    browser = await chromium.launch({
      executablePath: executablePath!,
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    });
  });

  beforeEach(async () => {
    methods = [];
    faults = () => undefined;
    const cors = {
      allowedOrigins: [pageServer.url],
      allowedMethods: ['GET', 'HEAD', 'POST'] as const,
      allowedHeaders: ['*'],
      exposeHeaders: ['x-oss-next-append-position', 'x-oss-hash-crc64ecma', 'x-oss-request-id', 'content-range'],
      maxAgeSeconds: 600,
    };
    oss = new LocalOss({
      buckets: { logs: { region: 'cn-hangzhou', cors: [cors] } },
      faults: ({ operation, nth }) => (operation === 'AppendObject' ? faults(nth) : undefined),
    });
    page = await browser.newPage();
    await page.goto(pageServer.url);
    await page.evaluate("import('/library.js').then((library) => Object.assign(globalThis, library))");
  });

  afterEach(() => page.close());

  afterAll(async () => {
    await browser?.close();
    await Promise.all([pageServer?.close(), ossServer?.close()]);
  });

  /** Runs the body of an async function in the page, with the argument `given` and the library's exports as globals. */
  function inPage<T>(code: string, given?: unknown): Promise<T> {
    return page.evaluate(
      ([body, value]) => new Function('given', `return (async () => { ${body} })()`)(value) as Promise<T>,
      [code, given] as const,
    );
  }

  test('a binary body is sent and received unchanged, and the response has status, headers and URL', async () => {
    const answer = await inPage<object>(`
      const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const response = await xhrFetch('/echo#part', { method: 'POST', body, headers: { 'x-ask': 'héllo' } });
      const { status, statusText, ok, url, redirected, headers } = response;
      const names = ['x-asked', 'x-list', 'x-empty', 'x-colon', 'x-absent'];
      return { status, statusText, ok, url, redirected, headers: names.map((name) => headers.get(name)),
        bytes: new Uint8Array(await response.arrayBuffer()).join() };`);
    expect(answer).toEqual({
      status: 201,
      statusText: 'Created',
      ok: true,
      url: `${pageServer.url}/echo`,
      redirected: false,
      headers: ['héllo', 'one, two', '', 'a: b', null],
      bytes: Array.from({ length: 256 }, (_, byte) => byte).join(),
    });
  });

  test('a Blob and a string are sent unchanged, and a response with status 204 has no body', async () => {
    const answer = await inPage<unknown[]>(`
      const send = async (url, body) => xhrFetch(url, { method: 'POST', body });
      const blob = await send('/echo', new Blob(['a', 'ü']));
      const text = await send('/echo', 'ü');
      const empty = await send('/empty', 'x');
      return [await blob.text(), await text.text(), empty.status, empty.body];`);
    expect(answer).toEqual(['aü', 'ü', 204, null]);
  });

  test('a redirect is followed and visible in the response, or is an error if the caller wants that', async () => {
    const answer = await inPage<unknown[]>(`
      const moved = await xhrFetch('/moved', { method: 'POST', body: 'x' });
      const refused = [];
      for (const redirect of ['error', 'manual'])
        refused.push(String(await xhrFetch('/moved', { method: 'POST', body: 'x', redirect }).catch((error) => error)));
      return [moved.redirected, moved.url, await moved.text(), ...refused];`);
    expect(answer).toEqual([
      true,
      `${pageServer.url}/echo`,
      'x',
      'TypeError: Failed to fetch: the request was redirected',
      'TypeError: Failed to fetch: the request was redirected',
    ]);
  });

  test.each([
    ['a connection that breaks', () => `${pageServer.url}/drop`],
    ['an answer that CORS hides', () => `${ossServer.url}/absent-bucket/key`],
    ['an invalid URL', () => 'http://'],
  ])('%s rejects with a TypeError', async (_, url) => {
    const code = `const error = await xhrFetch(given, { method: 'POST', body: 'x' }).catch((error) => error);
      return [error instanceof TypeError, error.message]`;
    expect(await inPage(code, url())).toEqual([true, expect.stringMatching(/^Failed to fetch/)]);
  });

  test('an abort rejects with the reason of the signal, ends the request, and leaves no listener', async () => {
    const left = new Promise<void>((resolve) => {
      site.onleft = resolve;
    });
    const answer = await inPage<unknown[]>(`
      const controller = new AbortController();
      const { signal } = controller;
      let listeners = 0;
      for (const [name, step] of [['addEventListener', 1], ['removeEventListener', -1]])
        signal[name] = (...args) => { listeners += step; AbortSignal.prototype[name].apply(signal, args); };
      const before = await xhrFetch('/echo', { method: 'POST', body: 'x', signal });
      const onprogress = () => controller.abort({ why: 'enough' });
      const error = await xhrFetch('/held', { method: 'POST', body: new Blob(['x']), signal, onprogress }).catch((error) => error);
      return [before.status, error === signal.reason, error, listeners];`);
    expect(answer).toEqual([201, true, { why: 'enough' }, 0]);
    await left;
  });

  test('progress is reported while the body is sent, never goes down, and ends at the total', async () => {
    const seen = await inPage<{ loaded: number; total: number }[]>(`
      const seen = [];
      const onprogress = (progress) => {
        seen.push(progress);
        if (seen.length === 1) fetch('/release');
      };
      const body = new Blob([new Uint8Array(${32 * MIB})]);
      const response = await xhrFetch('/held', { method: 'POST', body, onprogress });
      if ((await response.arrayBuffer()).byteLength !== body.size) throw new Error('bytes are missing');
      return seen;`);
    const loaded = seen.map((progress) => progress.loaded);
    // The server reads the body only after the first report, so that report must come before the end of the upload.
    expect(loaded[0]).toBeLessThan(32 * MIB);
    expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
    expect(seen.at(-1)).toEqual({ loaded: 32 * MIB, total: 32 * MIB });
  });

  test('an upload causes a preflight only when the caller asks for progress', async () => {
    const config = { endpoint: ossServer.url, credentials: oss.issueToken() };
    const sends = `
      const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', signing: 'query', fetch: xhrFetch, ...given });
      const bytes = new Uint8Array(10);`;
    await inPage(`${sends} await client.appendObject('a', bytes, { position: 0 });`, config);
    expect(methods).toEqual(['POST']);
    await inPage(`${sends} await client.appendObject('a', bytes, { position: 10, onprogress() {} });`, config);
    expect(methods).toEqual(['POST', 'OPTIONS', 'POST']);
  });

  test.each(['header', 'query'])('the engine appends exactly once through xhrFetch (%s-signed)', async (signing) => {
    faults = (nth) => (nth === 2 ? { kind: 'drop-after' } : undefined);
    const config = { endpoint: ossServer.url, credentials: oss.issueToken(), signing, retry: { baseDelay: 0 } };
    const result = await inPage<{ tail: object; seen: { loaded: number; sent: number; total: number }[] }>(
      `const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', fetch: xhrFetch, ...given });
      const object = new AppendableObject(client, 'big', { segmentSize: ${MIB} });
      const file = new Blob(Array.from({ length: 3 }, (_, i) => new Uint8Array(${MIB}).fill(i + 1)));
      const seen = [];
      const tail = await object.append(file, { onprogress: (progress) => seen.push(progress) });
      return { tail, seen };`,
      config,
    );
    const stored = oss.object('logs', 'big')!;
    expect(result.tail).toEqual({ position: 3 * MIB, hashCrc64ecma: stored.crc64 });
    expect([0, 1, 2].map((i) => stored.bytes()[(i + 0.5) * MIB])).toEqual([1, 2, 3]);
    expect(stored.appends).toBe(3);
    expect(result.seen.some(({ loaded, sent }) => sent > loaded)).toBe(true);
    expect(result.seen.at(-1)).toEqual({ loaded: 3 * MIB, sent: 3 * MIB, total: 3 * MIB });
  });

  test('in a service worker, which has no XMLHttpRequest, it sends a body with fetch', async () => {
    const answer = await inPage(`
      await navigator.serviceWorker.register('/worker.js', { type: 'module' });
      const { active } = await navigator.serviceWorker.ready;
      const { port1, port2 } = new MessageChannel();
      const answer = new Promise((resolve) => { port1.onmessage = ({ data }) => resolve(data); });
      active.postMessage('go', [port2]);
      return answer;`);
    expect(answer).toBe('x');
  });
});
