/** The demo as users see it: a real Chromium, real HTTP, and different origins for page and OSS. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import { rollup } from 'rollup';
import { loadConfigFile } from 'rollup/loadConfigFile';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findChromium } from '../../.ci/chromium.mjs';
import { serve, TIMEOUTS } from '../../demo/node-http.ts';
import { type Demo, type DemoOptions, startDemo } from '../../demo/server.ts';
import { credentialsFromUrl, OssClient } from '../../src/index.ts';
import { failureOf } from '../tools/unit-tools.ts';

const MIB = 1024 * 1024;
const root = fileURLToPath(new URL('../..', import.meta.url));
const publicFolder = join(root, 'build/demo/public');
const executablePath = await findChromium();
if (!executablePath) console.log('not run: the demo in a browser (no Chromium)');

let demo: Demo;
/** The requests that reached the OSS: `OPTIONS for POST at 0`, `POST at 0`, `HEAD`. */
let arrived: string[];

async function start(options: DemoOptions = {}): Promise<void> {
  arrived = [];
  demo = await startDemo({ publicFolder, onrequest: (came) => arrived.push(summary(came)), ...options });
}

function summary({ method, url, headers }: Request): string {
  const position = new URL(url).searchParams.get('position');
  const what = method === 'OPTIONS' ? `OPTIONS for ${headers.get('access-control-request-method')}` : method;
  return position === null ? what : `${what} at ${position}`;
}

function count(what: string): number {
  return arrived.filter((one) => one === what).length;
}

const preflights = () => arrived.filter((one) => one.startsWith('OPTIONS'));

beforeAll(buildPage);
afterEach(() => demo.close());

describe('the servers', () => {
  beforeEach(() => start());

  /** Sends a request with any Host. `fetch` sets the Host itself and cannot do this. */
  function ask(url: string, headers: Record<string, string>, method = 'GET'): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      request(url, { method, headers }, (response) => resolve(response.resume()))
        .once('error', reject)
        .end();
    });
  }

  /** Starts a session, and returns its cookie. */
  async function login({ url }: Demo): Promise<string> {
    const response = await fetch(`${url}/session`, { method: 'POST' });
    return response.headers.get('set-cookie')?.split(';')[0] ?? '';
  }

  test("a request with a foreign Host is refused by the page's server and by the OSS", async () => {
    for (const url of [demo.url, `${demo.url}/config`, demo.ossUrl]) {
      const { statusCode } = await ask(url, { host: `rebound.example:${new URL(url).port}` });
      expect(statusCode, url).toBe(403);
    }
    expect(arrived).toEqual([]);
    const { statusCode } = await ask(`${demo.url}/config`, { host: `localhost:${new URL(demo.url).port}` });
    expect(statusCode).toBe(200);
  });

  test('a request with a foreign Origin gets neither a session nor a token', async () => {
    for (const origin of ['http://rebound.example', 'null', demo.ossUrl, demo.url.replace('http:', 'https:')]) {
      expect((await ask(`${demo.url}/session`, { origin }, 'POST')).statusCode, origin).toBe(403);
      expect((await ask(`${demo.url}/token`, { origin, cookie: await login(demo) }, 'POST')).statusCode).toBe(403);
    }
    const own = { origin: demo.url, cookie: await login(demo) };
    expect((await ask(`${demo.url}/token`, own, 'POST')).statusCode).toBe(200);
  });

  test('no other address of this machine answers', async () => {
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    const foreign = all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address);
    for (const url of [demo.url, demo.ossUrl]) {
      expect(new URL(url).hostname).toBe('127.0.0.1');
      for (const host of foreign) await expect(reach(host, Number(new URL(url).port)), host).rejects.toThrow();
    }
  });

  function reach(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port }, () => socket.end(resolve)).once('error', reject);
    });
  }

  test('a token of STS is never cached, and is valid for the prefix only', async () => {
    const { region, bucket, endpoint, prefix } = await (await fetch(`${demo.url}/config`)).json();
    const init = { method: 'POST', headers: { cookie: await login(demo) } };
    const response = await fetch(`${demo.url}/token`, init);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toMatchObject({ accessKeyId: expect.stringMatching(/^STS\./) });
    const credentials = credentialsFromUrl(`${demo.url}/token`, init);
    const client = new OssClient({ region, bucket, endpoint, credentials });
    await client.appendObject(`${prefix}a`, 'mine', { position: 0 });
    expect((await client.headObject(`${prefix}a`)).contentLength).toBe(4);
    const denied = { name: 'ServiceError', status: 403, code: 'AccessDenied' };
    await expect(client.appendObject('demo/a', 'not mine', { position: 0 })).rejects.toMatchObject(denied);
    await expect(client.headObject('demo/a')).rejects.toMatchObject(denied);
    expect(demo.oss.object(bucket, 'demo/a')).toBeUndefined();
  });

  test('each start has its own prefix and keys', async () => {
    const other = await startDemo({ publicFolder });
    const key = async (started: Demo) => {
      const init = { method: 'POST', headers: { cookie: await login(started) } };
      return (await (await fetch(`${started.url}/token`, init)).json()).accessKeyId;
    };
    try {
      expect(other.prefix).not.toBe(demo.prefix);
      expect(await key(other)).not.toBe(await key(demo));
    } finally {
      await other.close();
    }
  });

  test('nothing outside the folder of the page is served, and there is no other route', async () => {
    for (const path of ['/..%2f..%2f..%2fpackage.json', '/../../../package.json', '/token', '/nothing'])
      expect((await ask(demo.url + path, {})).statusCode, path).toBe(404);
    expect((await ask(`${demo.url}/network`, {}, 'POST')).statusCode).toBe(400);
  });
});

describe('node-http', () => {
  beforeEach(() => start());

  test('bodies are streamed in both directions', async () => {
    const served = await serve(({ body }) => new Response(body, { status: 201 }));
    let sent = 0;
    let push = (_: Uint8Array) => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        push = (bytes) => {
          controller.enqueue(bytes);
          if (++sent === 3) controller.close();
        };
      },
    });
    push(new Uint8Array(1));
    // The answer begins before the request ends, which is possible only with streams.
    const response = await fetch(served.url, { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect(response.status).toBe(201);
    push(new Uint8Array(MIB));
    push(new Uint8Array(2));
    expect((await response.arrayBuffer()).byteLength).toBe(MIB + 3);
    await served.close();
  });

  test('a handler that rejects closes the connection', async () => {
    const served = await serve(() => Promise.reject(new TypeError('fetch failed')));
    await expect(fetch(served.url)).rejects.toThrow('fetch failed');
    await served.close();
  });

  test('a body that is not read to its end delays neither the answer nor the connection', async () => {
    const served = await serve(async ({ body }) => {
      const reader = body?.getReader();
      await reader?.read();
      await reader?.cancel();
      return new Response('enough', { status: 409 });
    });
    // There is one connection, so the second request must wait until the first body has passed.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const post = (): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const sending = request(served.url, { method: 'POST', agent }, (response) => resolve(response.resume()));
        sending.once('error', reject).end(new Uint8Array(8 * MIB));
      });
    expect((await post()).statusCode).toBe(409);
    expect((await post()).statusCode).toBe(409);
    agent.destroy();
    await served.close();
  });

  /** Sends a request head and a body over its own socket, and reads nothing until everything is written. */
  function sendThenRead(url: string, head: string, body: Iterable<Uint8Array>): Promise<string> {
    return new Promise((resolve) => {
      let answer = '';
      const { hostname, port } = new URL(url);
      const socket = connect({ host: hostname, port: Number(port) });
      const end = () => resolve(answer);
      const sending = pipeline(Readable.from([Buffer.from(head), ...body]), socket, { end: false });
      const read = () => {
        socket.setEncoding('latin1').on('data', (text: string) => {
          answer += text;
          if (answer.includes('enough')) socket.destroy();
        });
      };
      sending.then(read, read);
      socket.once('close', end);
    });
  }

  function* megabytes(count: number): Generator<Uint8Array, void, void> {
    for (let i = 0; i < count; i++) yield new Uint8Array(MIB);
  }

  test.each<[what: string, handle: (body: ReadableStream<Uint8Array>) => Promise<unknown>]>([
    ['ignores the body', async () => {}],
    [
      'reads one chunk and cancels the body',
      (body) =>
        body
          .getReader()
          .read()
          .then(() => body.cancel().catch(() => {})),
    ],
    ['reads one chunk and then ignores the body', (body) => body.getReader().read()],
  ])('a sender that reads the answer last gets the answer, even if the handler %s', async (_, handle) => {
    const served = await serve(async ({ body }) => {
      await handle(body as ReadableStream<Uint8Array>);
      return new Response('enough', { status: 409 });
    });
    const head = `POST / HTTP/1.1\r\nhost: h\r\ncontent-length: ${48 * MIB}\r\n\r\n`;
    expect(await sendThenRead(served.url, head, megabytes(48))).toMatch(/^HTTP\/1\.1 409 /);
    await served.close();
  });

  test('the unread rest of a body is accepted up to a limit, and then the connection ends', async () => {
    const served = await serve(() => new Response('enough', { status: 409 }), { unread: MIB });
    const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
    });
    socket.write(`POST / HTTP/1.1\r\nhost: h\r\ncontent-length: ${5 * 1024 * MIB}\r\n\r\n`);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    let sent = 0;
    const endless = function* () {
      for (; ; sent++) yield new Uint8Array(MIB);
    };
    await pipeline(Readable.from(endless()), socket).catch(() => {});
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 409 /);
    // The rest is in the buffers of the sockets.
    expect(sent).toBeLessThan(200);
    await served.close();
  });

  test('a reader that continues after the answer learns that the body was not read completely, and gets no normal end', async () => {
    let reading: Promise<unknown> | undefined;
    const served = await serve(({ body }) => {
      reading = failureOf(new Response(body).text());
      return new Response('enough', { status: 409 });
    });
    const head = `POST / HTTP/1.1\r\nhost: h\r\ncontent-length: ${8 * MIB}\r\n\r\n`;
    await sendThenRead(served.url, head, megabytes(8));
    expect(String(await reading)).toContain('answered before its body was read');
    await served.close();
  });

  test('a sender that stops in the middle loses its connection, and the reader gets an error', async () => {
    let reading: Promise<unknown> | undefined;
    const served = await serve(
      async ({ body }) => {
        reading = failureOf(new Response(body).text());
        await reading;
        return new Response();
      },
      { silence: 20 },
    );
    const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nfive.');
    await new Promise((resolve) => socket.resume().once('close', resolve));
    expect(String(await reading)).toContain('silent');
    await served.close();
  });

  test('no request is cut because of its duration', () => {
    // Node's default limit for a whole request is 300 s. The limit for its headers would end with it if it were 0.
    expect(TIMEOUTS).toMatchObject({ requestTimeout: 0, headersTimeout: 60_000 });
  });

  test.each([
    'GET /x HTTP/1.1\r\nhost: a b',
    'GET /x HTTP/1.1\r\nhost: [',
    'GET /x HTTP/1.1\r\nhost: %',
    'GET /x HTTP/1.1\r\nhost: a/b',
    'GET /x HTTP/1.1\r\nhost: x\\y',
    'GET /x HTTP/1.1\r\nhost: user@h',
    'GET /x HTTP/1.1\r\nhost: h:99999',
    'GET /x HTTP/1.1\r\nhost:',
    'GET /x HTTP/1.0\r\nx: y',
    'OPTIONS * HTTP/1.1\r\nhost: h',
    'GET ftp://h/x HTTP/1.1\r\nhost: h',
  ])('%j is answered with 400, and reaches no handler', async (head) => {
    const served = await serve(() => new Response('enough'));
    const answer = await sendThenRead(served.url, `${head}\r\nconnection: close\r\n\r\n`, []);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    await served.close();
  });

  test.each([
    ['GET /x?y HTTP/1.1\r\nhost: h:8', 'http://h:8/x?y'],
    ['GET //x/y HTTP/1.1\r\nhost: [::1]:8', 'http://[::1]:8//x/y'],
    ['GET http://other/x HTTP/1.1\r\nhost: h', 'http://h/x'],
  ])('%j is a request for %s', async (head, expected) => {
    const served = await serve(({ url }) => new Response(`${url} enough`));
    const answer = await sendThenRead(served.url, `${head}\r\nconnection: close\r\n\r\n`, []);
    expect(answer).toContain(`${expected} enough`);
    await served.close();
  });

  test('a client that disconnects aborts the signal of the request', async () => {
    let left = (_: unknown) => {};
    const reason = new Promise((resolve) => {
      left = resolve;
    });
    const controller = new AbortController();
    const served = await serve(({ signal }) => {
      signal.addEventListener('abort', () => left(signal.reason));
      controller.abort();
      return new Promise<never>(() => {});
    });
    await expect(fetch(served.url, { signal: controller.signal })).rejects.toThrow('abort');
    expect(await reason).toMatchObject({ name: 'AbortError', message: 'The client has gone' });
    await served.close();
  });
});

describe.skipIf(!executablePath)('in a page', () => {
  const file = randomBytes(20 * MIB);
  let folder: string;
  let path: string;
  let browser: Browser;
  let page: Page;
  /** The complaints of the browser: errors and violations of the CSP. */
  let complaints: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oss-append-'));
    path = join(folder, 'holiday.mov');
    await writeFile(path, file);
    const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
    const args = process.getuid?.() === 0 ? ['--no-sandbox', ...quiet] : quiet;
    browser = await chromium.launch({ args, ...(executablePath ? { executablePath } : {}) });
  });

  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  afterEach(() => page.close());

  async function open(options: DemoOptions = {}): Promise<void> {
    await start(options);
    complaints = [];
    page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    await page.goto(demo.url);
    await page.getByText(demo.ossUrl).waitFor();
  }

  /** Waits until the append has ended, and returns how it ended. */
  async function outcome(): Promise<string | null> {
    await page.locator('#state[data-kind=good], #state[data-kind=bad]').waitFor();
    return page.locator('#state').textContent();
  }

  async function stored() {
    return demo.oss.object(demo.bucket, demo.prefix + (await page.locator('#name').inputValue()));
  }

  /** Checks that the object in OSS has these bytes, and that the page says so. */
  async function expectStored(bytes: Uint8Array): Promise<void> {
    expect(await outcome()).toBe('Done');
    expect(await page.locator('#verdict').textContent()).toBe('Equal');
    const object = await stored();
    expect(object?.length).toBe(bytes.byteLength);
    expect(Buffer.compare(object?.bytes() ?? new Uint8Array(), bytes), 'the bytes in OSS').toBe(0);
    expect(await page.locator('#object-length').textContent()).toBe(bytes.byteLength.toLocaleString('en'));
    for (const id of ['#expected-crc', '#object-crc'])
      expect(await page.locator(id).textContent(), id).toBe(object?.crc64);
  }

  test('a header-signed append of 20 MiB, sent twice, causes one preflight for each request', async () => {
    await open();
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
    await page.getByRole('button', { name: 'Append again' }).click();
    await expectStored(Buffer.concat([file, file]));
    for (let position = 0; position < 40 * MIB; position += MIB) {
      expect(count(`POST at ${position}`)).toBe(1);
      expect(count(`OPTIONS for POST at ${position}`)).toBe(1);
    }
    expect(count('OPTIONS for HEAD')).toBeLessThanOrEqual(count('HEAD'));
    expect(complaints).toEqual([]);
    if (process.env['OSS_APPEND_SCREENSHOT']) await takePicture();
  });

  /** Takes the picture for the README. */
  async function takePicture(): Promise<void> {
    await page.setViewportSize({ width: 1200, height: 1110 });
    await page.screenshot({ path: join(root, 'build/demo.png') });
  }

  test('a query-signed append of 20 MiB causes one preflight, for the Content-Type of the first request', async () => {
    await open();
    await page.getByLabel('In the URL').check();
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
    await page.getByRole('button', { name: 'Append again' }).click();
    await expectStored(Buffer.concat([file, file]));
    expect(preflights()).toEqual(['OPTIONS for POST at 0']);
    expect(count(`POST at ${39 * MIB}`)).toBe(1);
    expect((await stored())?.headers['content-type']).toBe('video/quicktime');
    // The URLs of these requests contain signatures, so the page shows only where each request went.
    expect(await page.locator('#log-rows tr').count()).toBe(arrived.length - 1);
    expect(await page.content()).not.toMatch(/x-oss-|signature=|STS\./i);
    expect(complaints).toEqual([]);
  });

  test('a query-signed append of 20 MiB without a Content-Type causes no preflight', async () => {
    await open();
    await page.getByLabel('In the URL').check();
    await page.getByLabel('Store the file’s media type').uncheck();
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
    expect(preflights()).toEqual([]);
    expect(count('POST at 0')).toBe(1);
    expect(complaints).toEqual([]);
  });

  test('if an append is stopped while a segment is stored but not answered, Resume finds it and sends no byte twice', async () => {
    await open({
      faults: [{ operation: 'AppendObject', nth: 3, kind: 'answer-late', delay: 3_600_000 }],
    });
    await page.locator('#file').setInputFiles(path);
    await expect.poll(async () => (await stored())?.length).toBe(3 * MIB);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('2.0 MiB of 20.0 MiB').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await expectStored(file);
    const appends = arrived.filter((one) => one.startsWith('POST'));
    expect(appends).toEqual(Array.from({ length: 20 }, (_, index) => `POST at ${index * MIB}`));
  });

  test('if every third answer is lost, each byte is stored once', async () => {
    await open();
    const set = page.waitForResponse(`${demo.url}/network`);
    await page.getByLabel('Network').selectOption('lossy');
    await set;
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
    expect(demo.oss.requests.filter(({ fault }) => fault === 'drop-after').length).toBeGreaterThan(5);
    expect(await page.locator('#map .confirmed').count()).toBe(20);
  });

  test('the page reports another writer, and a new object works', async () => {
    await open({ faults: [{ operation: 'AppendObject', nth: 2, kind: 'rival', same: true, when: 'before' }] });
    await page.locator('#file').setInputFiles(path);
    expect(await outcome()).toBe('Failed');
    expect(await page.getByRole('alert').textContent()).toMatch(/another writer was first.*begin a new one/s);
    await page.getByRole('button', { name: 'New object' }).click();
    await page.getByLabel('Segment size').selectOption('32 MiB');
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
  });

  test('a file can be chosen with the keyboard or dropped', async () => {
    await open();
    // The test listens first, because Playwright notices only file choosers that open after it listens.
    const chooser = page.waitForEvent('filechooser');
    await page.keyboard.press('Tab');
    await page.locator('#file:focus').waitFor({ state: 'attached' });
    await page.keyboard.press('Enter');
    await (await chooser).setFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('chosen, ') });
    await expectStored(Buffer.from('chosen, '));
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['dropped'], 'b.txt', { type: 'text/plain' }));
      return transfer;
    });
    await page.dispatchEvent('#drop-zone', 'drop', { dataTransfer: dropped });
    await expectStored(Buffer.from('chosen, dropped'));
    expect(complaints).toEqual([]);
  });
});

/** Builds the page as `npm start` does, from the current sources. */
async function buildPage(): Promise<void> {
  const { options } = await loadConfigFile(join(root, 'rollup.config.mjs'), {});
  const page = options.find(({ input }) => String(input) === 'demo/page/main.ts');
  if (!page) throw new Error('rollup.config.mjs does not build demo/page/main.ts');
  const bundle = await rollup(page);
  for (const output of page.output) await bundle.write(output);
  await bundle.close();
}
