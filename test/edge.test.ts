/** The demo's edge: the same handlers in Node, workerd, Deno and Bun, over real HTTP; and what its users may not do. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { edgeFrom } from '../demo/edge/app.ts';
import type { Question } from '../demo/edge/grants.ts';
import { createEdge, type EdgeHandler, type EdgeOptions } from '../demo/edge/handlers.ts';
import { isOwnKey } from '../demo/edge/keys.ts';
import { Sessions } from '../demo/edge/session.ts';
import { type Served, serve } from '../demo/node-http.ts';
import { Grants } from '../demo/page/grants.ts';
import { AppendableObject, crc64, credentialsFromUrl, OssClient } from '../src/index.ts';
import type { LocalOss } from '../src/testing/index.ts';
import { edgeRuntimes, type RunningEdge } from './edge-runtimes.ts';
import {
  Browser,
  BUCKET,
  demoEdge,
  EDGE,
  ENVIRONMENT,
  makeCloud,
  noise,
  PAGE,
  RAM,
  SESSION_SECRET,
} from './edge-tools.ts';
import { drive, settle, VirtualClock } from './unit-tools.ts';

const MIB = 1024 * 1024;
/** What the edges of this file take at most, bytes. */
const MOST = 24 * MIB;

const runtimes = edgeRuntimes();
for (const [name, start] of Object.entries(runtimes))
  if (!start) console.log(`not run: the edge in ${name} (npm run test:runtimes installs it)`);

/** Holds back every append while it is closed: a store that is slower than its sender. */
class Gate {
  #opened: Promise<void> = Promise.resolve();
  #open = () => {};

  close(): void {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }

  get passed(): Promise<void> {
    return this.#opened;
  }
}

let oss: LocalOss;
let ossServer: Served;
let stsServer: Served;
const gate = new Gate();
/** Appends that came to the gate. */
let arrived = 0;

beforeAll(async () => {
  // Some answers are lost, in every runtime.
  const lost = makeCloud({
    faults: ({ operation, nth }) =>
      operation === 'AppendObject' && nth % 5 === 3 ? { kind: 'drop-after' } : undefined,
  });
  oss = lost.oss;
  ossServer = await serve(async (request) => {
    if (request.method === 'POST') {
      arrived++;
      await gate.passed;
    }
    return oss.fetch(request);
  });
  stsServer = await serve((request) => lost.sts.fetch(request));
});
afterAll(() => Promise.all([ossServer.close(), stsServer.close()]));

describe.each(Object.keys(runtimes).filter((name) => runtimes[name]))('in %s', (name) => {
  let edge: RunningEdge;
  let browser: Browser;
  let prefix: string;
  /** All that the edge has answered. */
  let answers = '';

  beforeAll(async () => {
    const env = {
      ...ENVIRONMENT,
      OSS_ENDPOINT: ossServer.url,
      STS_ENDPOINT: stsServer.url,
      MAX_OBJECT_SIZE: String(MOST),
    };
    edge = (await runtimes[name]?.(env)) as RunningEdge;
    const recorded = async (request: Request) => {
      const response = await fetch(request);
      answers += `${JSON.stringify([...response.headers])}${await response.clone().text()}\n`;
      return response;
    };
    browser = new Browser(recorded, edge.url);
    prefix = await browser.login();
  }, 60_000);
  afterAll(() => edge?.stop());

  const where = () => ({ region: 'cn-hangzhou', bucket: BUCKET, endpoint: ossServer.url, retry: { baseDelay: 1 } });
  const upload = (key: string, body: BodyInit | null, more: RequestInit & { duplex?: 'half' } = {}, query = '') =>
    browser.fetch(`/upload/${encodeURIComponent(key)}${query}`, { method: 'POST', body, ...more });

  test('a token appends under the user’s prefix, and nowhere else', async () => {
    const credentials = credentialsFromUrl('/token', { method: 'POST', fetch: browser.fetch });
    const client = new OssClient({ ...where(), credentials });
    const bytes = noise(3 * MIB);
    await new AppendableObject(client, `${prefix}token.bin`, { segmentSize: 512 * 1024 }).append(new Blob([bytes]));
    expect(sameBytes(`${prefix}token.bin`, bytes)).toBe(true);
    await expect(client.appendObject(`inbox/other/${name}`, 'x', { position: 0 })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
  });

  test.each([1, 4])('grants, %i at a time, append a file', async (ahead) => {
    const segmentSize = 512 * 1024;
    const grants = new Grants('', { ahead, segmentSize, fetch: browser.fetch });
    const client = new OssClient({ ...where(), presign: grants.presign });
    const bytes = noise(3 * MIB + 5, ahead);
    const object = new AppendableObject(client, `${prefix}grants-${ahead}.bin`, { segmentSize });
    grants.end = bytes.length;
    await object.append(new Blob([bytes]));
    expect(sameBytes(object.key, bytes)).toBe(true);
  });

  test('a body of unknown length is piped into an object, and the answer is its tail', async () => {
    const bytes = noise(5 * MIB + 7);
    const body = streamOf(bytes, 100_000);
    const response = await upload(`${prefix}piped ü.bin`, body, {
      duplex: 'half',
      headers: { 'content-type': 'audio/webm' },
    });
    expect(await response.json()).toEqual({ position: bytes.length, hashCrc64ecma: String(crc64(bytes)) });
    expect(sameBytes(`${prefix}piped ü.bin`, bytes)).toBe(true);
    expect(oss.object(BUCKET, `${prefix}piped ü.bin`)?.headers['content-type']).toBe('audio/webm');
  });

  test('the rest goes behind the tail, and only there', async () => {
    const key = `${prefix}resumed.bin`;
    const bytes = noise(2 * MIB);
    await upload(key, bytes.subarray(0, 1000));
    const wrong = await upload(key, bytes.subarray(2000), {}, '?position=2000');
    expect(wrong.status).toBe(409);
    expect((await wrong.json()).tail.position).toBe(1000);
    const { position } = await (await browser.fetch(`/upload/${encodeURIComponent(key)}`)).json();
    const rest = streamOf(bytes.slice(position), 50_000);
    expect((await upload(key, rest, { duplex: 'half' }, `?position=${position}`)).status).toBe(200);
    expect(sameBytes(key, bytes)).toBe(true);
    expect((await upload(key, bytes, {}, '?position=-1')).status).toBe(400);
    // The limit is the object's, in however many uploads.
    const more = streamOf(noise(MOST - 1000), MIB);
    const over = await upload(key, more, { duplex: 'half' }).catch(() => undefined);
    if (over) expect(over.status).toBe(413);
    expect(oss.object(BUCKET, key)?.length).toBeLessThanOrEqual(MOST);
  });

  test('the sender waits while the store does', { timeout: 60_000 }, async () => {
    gate.close();
    const size = MOST;
    let given = 0;
    const before = arrived;
    const bytes = noise(size);
    const body = streamOf(bytes, 64 * 1024, (length) => {
      given += length;
    });
    const work = upload(`${prefix}waiting.bin`, body, { duplex: 'half' });
    try {
      const most = await settled(() => given);
      expect(arrived - before).toBe(1);
      // Two segments in the edge; the rest is in the sockets' buffers, on both sides: 4 MiB, 8 with Bun, 17 where it is busy.
      expect(most).toBeLessThan(20 * MIB);
      expect(oss.object(BUCKET, `${prefix}waiting.bin`)).toBeUndefined();
    } finally {
      gate.open();
    }
    expect((await (await work).json()).position).toBe(size);
    expect(sameBytes(`${prefix}waiting.bin`, bytes)).toBe(true);
  });

  test('a body that is too long is refused: at once where it says so, else where it becomes so', async () => {
    const announced = await ask({
      method: 'POST',
      path: `/upload/${encodeURIComponent(`${prefix}long`)}`,
      headers: { 'content-length': String(MOST + 1) },
    });
    expect(announced).toBe(413);
    expect(oss.object(BUCKET, `${prefix}long`)).toBeUndefined();
    const endless = new ReadableStream(
      { pull: (controller) => controller.enqueue(new Uint8Array(MIB)) },
      { highWaterMark: 0 },
    );
    const response = await upload(`${prefix}long`, endless, { duplex: 'half' }).catch(() => undefined);
    // A sender that does not stop may be cut off before it reads the answer.
    if (response) expect(response.status).toBe(413);
    expect(oss.object(BUCKET, `${prefix}long`)?.length ?? 0).toBeLessThanOrEqual(MOST);
    expect((await browser.post('/grant', { key: 'x'.repeat(9000) })).status).toBe(413);
  });

  test('a sender that is cut off loses nothing of what was confirmed, and goes on', { timeout: 60_000 }, async () => {
    const key = `${prefix}cut.bin`;
    const bytes = noise(4 * MIB);
    const path = `/upload/${encodeURIComponent(key)}`;
    await new Promise<void>((resolve) => {
      const url = new URL(path, edge.url);
      const sending = httpRequest(url, { method: 'POST', headers: { origin: PAGE, cookie: browser.cookie } });
      sending.once('error', () => resolve()).once('close', () => resolve());
      sending.write(bytes.subarray(0, 3 * MIB), () => {
        const look = () => ((oss.object(BUCKET, key)?.length ?? 0) > 0 ? sending.destroy() : setTimeout(look, 5));
        look();
      });
    });
    // The segment under way may still be stored: a position that has moved on is told, and taken from there.
    for (let status = 0; status !== 200; ) {
      const { position } = await (await browser.fetch(path)).json();
      expect(sameStart(key, bytes)).toBe(true);
      status = (await upload(key, bytes.subarray(position), {}, `?position=${position}`)).status;
      expect([200, 409]).toContain(status);
    }
    expect(sameBytes(key, bytes)).toBe(true);
  });

  test.each([
    'inbox/other/a',
    'inbox/',
    'a',
    '',
    '../a',
    'PREFIX../other/a',
    'PREFIXa/../../other/b',
    'PREFIX./a',
    'PREFIX/a',
    'PREFIX',
    'PREFIX..',
    'PREFIX..\\other',
    'PREFIX%2e%2e/other',
    'PREFIXa%2Fb',
    'PREFIX．．/other',
    'PREFIX‥/other',
    'PREFIXa＼b',
    'PREFIXa\u0000b',
    'PREFIXa\nb',
    'PREFIX\u202egnp.exe',
    'INBOX/other/a',
  ])('the key %j is refused by every route', async (pattern) => {
    const key = pattern.replace('PREFIX', prefix);
    const statuses = [
      await ask({ method: 'POST', path: `/upload/${encodeURIComponent(key)}` }),
      await ask({ path: `/upload/${encodeURIComponent(key)}` }),
      (await browser.post('/grant', { operation: 'appendObject', key, position: 0, size: 1 })).status,
      (await browser.post('/grant', { operation: 'headObject', key })).status,
      (await browser.post('/grants', { key, position: 0, segmentSize: 1, count: 1 })).status,
    ];
    expect(statuses).toEqual([403, 403, 403, 403, 403]);
    // As it stands in a path: what URLs make of `.` and `\\` may be another key of the user's own, and never one outside.
    await ask({ method: 'POST', path: `/upload/${encodeURI(key)}` });
    const outside = oss.requests.filter((request) => request.key === key || !/^inbox\/[^/]+\/[^/]/.test(request.key));
    expect(outside).toEqual([]);
  });

  test('a path that does not decode is refused', async () => {
    expect(await ask({ path: `/upload/${prefix}%ff` })).toBe(403);
    expect(await ask({ path: `/upload/${prefix}%` })).toBe(403);
  });

  test('pages of other origins are refused, and told nothing', async () => {
    for (const origin of ['https://evil.example', 'null', `${PAGE}.evil.example`, PAGE.replace('https', 'http')]) {
      for (const path of ['/session', '/token', '/grant']) {
        const response = await fetch(edge.url + path, {
          method: 'POST',
          headers: { origin, cookie: browser.cookie },
          body: '{}',
        });
        expect(response.status, origin).toBe(403);
        expect(response.headers.get('access-control-allow-origin')).toBeNull();
        expect(response.headers.get('set-cookie')).toBeNull();
        await response.text();
      }
      const preflight = await fetch(`${edge.url}/grant`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
      expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    }
    const headers = {
      origin: PAGE,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    const named = await fetch(`${edge.url}/grant`, { method: 'OPTIONS', headers });
    expect(named.status).toBe(204);
    expect(Object.fromEntries(named.headers)).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'content-type',
      vary: 'Origin',
    });
  });

  test('without a session, or with another’s signature, there is nothing', async () => {
    const forged = [
      '',
      'session=u1',
      browser.cookie.replace(/=[\w-]+\./, '=admin.'),
      browser.cookie.replace(/\.\d+\./, '.99999999999.'),
      `${browser.cookie.slice(0, -1)}${browser.cookie.endsWith('0') ? '1' : '0'}`,
      await new Sessions({ secret: SESSION_SECRET, now: () => Date.now() - 3_601_000 }).issue('u1', { secure: false }),
      await new Sessions({ secret: SESSION_SECRET.replace('a', 'b') }).issue('u1', { secure: false }),
    ];
    for (const cookie of forged) {
      for (const path of ['/token', '/grant', '/grants', `/upload/${encodeURIComponent(`${prefix}a`)}`]) {
        const response = await fetch(edge.url + path, {
          method: 'POST',
          headers: { cookie: cookie.split(';')[0] ?? '' },
          body: '{}',
        });
        expect(response.status, `${path} ${cookie}`).toBe(401);
        await response.text();
      }
    }
  });

  test('what cannot be read is refused, whatever it is', async () => {
    for (const body of ['', '{', 'null', '[]', '"text"', '\xff', '{"key":{}}', '{"__proto__":{"key":"a"}}']) {
      for (const path of ['/grant', '/grants'])
        expect([400, 403]).toContain((await browser.fetch(path, { method: 'POST', body })).status);
    }
    expect(await ask({ path: '/token' })).toBe(404);
    expect(await ask({ path: '/nothing' })).toBe(404);
  });

  test('no answer and no log holds a secret of the edge', () => {
    expect(answers.length).toBeGreaterThan(1000);
    const log = edge.output();
    for (const secret of [RAM.accessKeySecret, SESSION_SECRET]) {
      expect(answers.includes(secret)).toBe(false);
      expect(log.includes(secret)).toBe(false);
    }
    // Grants and tokens are for the user alone: the log has neither, and no key, cookie or query.
    for (const word of [prefix, 'x-oss-signature', 'session=', 'CAIS', '?'])
      expect(log.replaceAll(/Listening on \S+/g, '').includes(word), word).toBe(false);
    if (name !== 'node') expect(log).toMatch(/POST \/grant: 403 ForbiddenKey/);
  });

  /** By node:http, which sends a path as it is. */
  function ask({
    method = 'GET',
    path = '/',
    headers = {},
  }: {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
  }): Promise<number> {
    return new Promise((resolve, reject) => {
      const url = new URL(edge.url);
      const options = {
        host: url.hostname,
        port: url.port,
        method,
        path,
        headers: { origin: PAGE, cookie: browser.cookie, ...headers },
      };
      const sent = httpRequest(options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
        if (headers['content-length']) sent.destroy();
      }).once('error', reject);
      if (headers['content-length']) sent.flushHeaders();
      else sent.end();
    });
  }
});

describe('the handlers', () => {
  test('a failure of OSS is told by its code alone, with the tail', async () => {
    const { oss: failing } = makeCloud({ faults: ({ nth }) => (nth > 1 ? { kind: 'deny' } : undefined) });
    const failures: object[] = [];
    const edge = createEdge({
      oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch: failing.fetch },
      credentials: RAM,
      tokenFor: () => Promise.reject(new Error(`cannot: ${RAM.accessKeySecret}`)),
      authenticate: async () => 'u1',
      prefixOf: () => 'inbox/u1/',
      origins: [],
      segmentSize: 1000,
      onfailure: (failure) => failures.push(failure),
    });
    const post = (path: string, body: BodyInit) => edge(new Request(EDGE + path, { method: 'POST', body }));
    const response = await post('/upload/inbox%2Fu1%2Fa?position=0', noise(2500));
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({
      error: 'AccessDenied',
      message: 'OSS, or STS, did not do this',
      tail: { position: 1000 },
      loaded: 1000,
      outcome: 'unknown',
    });
    const text = await (await post('/token', '')).text();
    expect(JSON.parse(text)).toEqual({ error: 'InternalError', message: 'Something went wrong here' });
    expect(failures).toEqual([
      { method: 'POST', route: '/upload', status: 502, code: 'AccessDenied' },
      { method: 'POST', route: '/token', status: 500, code: 'InternalError' },
    ]);
  });

  /** The edge of user u1, who may do anything but what `more` says. */
  function edgeOf(store: LocalOss, more: Partial<EdgeOptions> = {}): EdgeHandler {
    return createEdge({
      oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch: store.fetch },
      credentials: RAM,
      tokenFor: () => Promise.reject(new Error('none')),
      authenticate: async () => 'u1',
      prefixOf: () => 'inbox/u1/',
      origins: [],
      segmentSize: 1000,
      ...more,
    });
  }
  const KEY = 'inbox/u1/a';
  const post = (body: BodyInit, headers: HeadersInit = {}) =>
    new Request(`${EDGE}/upload/inbox%2Fu1%2Fa`, { method: 'POST', body, headers, duplex: 'half' } as RequestInit);

  describe('a sender that stalls', () => {
    test('is told so and the tail after 30 s, and what it gave is stored', async () => {
      const { oss: store } = makeCloud();
      const clock = new VirtualClock(Date.now());
      const edge = edgeOf(store, { oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch: store.fetch, clock } });
      const bytes = noise(2400);
      const sender = new Sender();
      const work = edge(post(sender.body));
      await sender.give(bytes);
      // Bytes now and then are no stall.
      clock.advance(29_999);
      await settle(store);
      await sender.give(bytes);
      clock.advance(29_999);
      await settle(store);
      expect(sender.cancelled).toBe(false);
      clock.advance(1);
      const response = await drive(work, clock, store);
      expect(response.status).toBe(408);
      expect(await response.json()).toMatchObject({ error: 'RequestTimeout', tail: { position: 4800 } });
      expect(Buffer.from(store.object(BUCKET, KEY)?.bytes() ?? [])).toEqual(Buffer.concat([bytes, bytes]));
      expect(sender.cancelled).toBe(true);
      const rest = await drive(edge(post(streamOf(bytes, 1000))), clock, store);
      expect((await rest.json()).position).toBe(7200);
      expect(clock.waiting).toBe(0);
    });

    test('and gave nothing leaves nothing', async () => {
      const { oss: store } = makeCloud();
      const clock = new VirtualClock(Date.now());
      const settings = { region: 'cn-hangzhou', bucket: BUCKET, fetch: store.fetch, clock };
      const work = edgeOf(store, { oss: settings, idleTimeout: 5000 })(post(new Sender().body));
      await settle(store);
      clock.advance(5000);
      const response = await drive(work, clock, store);
      expect([response.status, await response.json()]).toMatchObject([408, { tail: { position: 0 } }]);
      expect(store.object(BUCKET, KEY)).toBeUndefined();
    });

    test('is not one whose store is slow', async () => {
      const { oss: store } = makeCloud();
      const clock = new VirtualClock(Date.now());
      const slow = new Gate();
      const fetch: typeof store.fetch = async (...request) => {
        await slow.passed;
        return store.fetch(...request);
      };
      const sender = new Sender();
      const edge = edgeOf(store, { oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch, clock } });
      const work = edge(post(sender.body));
      await settle(store);
      slow.close();
      for (const _ of [1, 2, 3]) sender.offer(noise(1000));
      await settle(store);
      // The first segment is on its way and the second is full: nobody asks for the third chunk.
      clock.advance(30_000);
      await settle(store);
      slow.open();
      await settle(store);
      await sender.give(noise(1000));
      // From here on it is one.
      clock.advance(30_000);
      const response = await drive(work, clock, store);
      expect([response.status, await response.json()]).toMatchObject([408, { tail: { position: 4000 } }]);
    });

    test('with a grant’s question is not waited for either', async () => {
      const { oss: store } = makeCloud();
      const clock = new VirtualClock(Date.now());
      const edge = edgeOf(store, { oss: { region: 'cn-hangzhou', bucket: BUCKET, clock } });
      const request = { method: 'POST', body: new Sender().body, duplex: 'half' } as RequestInit;
      const work = edge(new Request(`${EDGE}/grant`, request));
      await settle();
      clock.advance(30_000);
      expect((await drive(work, clock)).status).toBe(408);
    });
  });

  describe('the application’s number of bytes for an upload', () => {
    test('holds for a body of unknown length: what comes before it is stored, the rest refused', async () => {
      const { oss: store } = makeCloud();
      const asked: Question[] = [];
      const edge = edgeOf(store, { allows: (question) => asked.push(question) && 3500 });
      const bytes = noise(5000);
      const response = await edge(post(streamOf(bytes, 1000)));
      expect(asked).toMatchObject([{ user: 'u1', operation: 'upload', key: KEY, size: undefined }]);
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ error: 'TooLarge', tail: { position: 3000 } });
      expect(Buffer.from(store.object(BUCKET, KEY)?.bytes() ?? [])).toEqual(Buffer.from(bytes.subarray(0, 3000)));
      // It is of this upload, whatever the object has.
      expect((await edge(post(streamOf(bytes.slice(0, 3500), 1000)))).status).toBe(200);
      expect(store.object(BUCKET, KEY)?.length).toBe(6500);
    });

    test('refuses an announced length at once, and nothing is made', async () => {
      const { oss: store } = makeCloud();
      const allows = ({ size }: Question) => (size === undefined ? false : 3500);
      const tooLong = await edgeOf(store, { allows })(post(noise(3501), { 'content-length': '3501' }));
      expect(tooLong.status).toBe(413);
      const unknown = await edgeOf(store, { allows })(post(streamOf(noise(1), 1)));
      expect(unknown.status).toBe(403);
      const none = await edgeOf(store, { allows: () => 0 })(post(streamOf(noise(1), 1)));
      expect(none.status).toBe(413);
      expect(store.object(BUCKET, KEY)).toBeUndefined();
    });
  });

  test('waitUntil gets the upload while it runs and what follows it, and each request’s own only', async () => {
    const { oss: store } = makeCloud();
    let finish = () => {};
    const recorded = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const edge = edgeOf(store, { onuploaded: () => recorded });
    const works: Promise<unknown>[][] = [[], []];
    const answers = works.map((mine, i) =>
      edge(new Request(`${EDGE}/upload/inbox%2Fu1%2F${i}`, { method: 'POST', body: 'bytes' }), {
        waitUntil: (work) => mine.push(work),
      }),
    );
    // The answer does not wait for what follows.
    for (const answer of answers) expect((await answer).status).toBe(200);
    expect(works.map((mine) => mine.length)).toEqual([2, 2]);
    expect(new Set(works.flat()).size).toBe(4);
    finish();
    await Promise.all(works.flat());
  });

  test('waitUntil’s work never rejects: the runtime would count it as a crash', async () => {
    const { oss: store } = makeCloud({ faults: () => ({ kind: 'deny' }) });
    const works: Promise<unknown>[] = [];
    const edge = createEdge({
      oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch: store.fetch },
      credentials: RAM,
      tokenFor: () => Promise.reject(new Error('none')),
      authenticate: async () => 'u1',
      prefixOf: () => 'inbox/u1/',
      origins: [],
    });
    const request = new Request(`${EDGE}/upload/inbox%2Fu1%2Fa`, { method: 'POST', body: 'bytes' });
    expect((await edge(request, { waitUntil: (work) => works.push(work) })).status).toBe(502);
    expect(works).toHaveLength(1);
    await Promise.all(works);
  });

  test('two users have prefixes of their own, and a cookie leads to its own user', async () => {
    const edge = demoEdge();
    const [one, other] = [new Browser(edge), new Browser(edge)];
    const [mine, theirs] = [await one.login(), await other.login()];
    expect(mine).not.toBe(theirs);
    expect(await one.login()).toBe(mine);
    const asked = { operation: 'headObject', key: `${theirs}a` };
    expect((await one.post('/grant', asked)).status).toBe(403);
    expect((await other.post('/grant', asked)).status).toBe(200);
  });

  test('a cookie is for this site’s requests only, and for no script', async () => {
    const sessions = new Sessions({ secret: SESSION_SECRET });
    expect(await sessions.issue('u1', { secure: true })).toMatch(/; HttpOnly; SameSite=Strict; Secure$/);
    expect(await sessions.issue('u1', { secure: false })).not.toContain('Secure');
    const response = await demoEdge()(new Request(`${EDGE}/session`, { method: 'POST' }));
    expect(response.headers.get('set-cookie')).toContain('; Secure');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('impossible settings are refused when the handler is made', () => {
    expect(() => edgeFrom({ ...ENVIRONMENT, SESSION_SECRET: 'short' })).toThrow(/32 characters/);
    expect(() => edgeFrom({ ...ENVIRONMENT, ORIGINS: '*' })).toThrow(TypeError);
    expect(() => edgeFrom({ ...ENVIRONMENT, ORIGINS: 'https://page.example/path' })).toThrow(/origins/);
  });

  test('keys of every script are allowed, and nothing that reads as another one', () => {
    for (const key of ['日志.txt', 'ü', 'a b+c&d=e', 'a/b/c', '...', 'a..b', '👩‍🚀.png', 'a~!@#()'])
      expect(isOwnKey(`u1/${key}`, 'u1/'), key).toBe(true);
    for (const key of ['\ud800', 'a//b', 'a/', '/', 'x'.repeat(1021), 'a%b', '\u2066a'])
      expect(isOwnKey(`u1/${key}`, 'u1/'), key).toBe(false);
    expect(isOwnKey('u10/a', 'u1/')).toBe(false);
    expect(isOwnKey(42, 'u1/')).toBe(false);
  });
});

function sameBytes(key: string, bytes: Uint8Array): boolean {
  return Buffer.compare(oss.object(BUCKET, key)?.bytes() ?? new Uint8Array(), bytes) === 0;
}

function sameStart(key: string, bytes: Uint8Array): boolean {
  const stored = oss.object(BUCKET, key)?.bytes() ?? new Uint8Array();
  return Buffer.compare(stored, bytes.subarray(0, stored.length)) === 0;
}

/** A body that comes when a test says so. */
class Sender {
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #wanted: () => void = () => {};
  cancelled = false;

  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> = new ReadableStream(
    {
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#wanted(),
      cancel: () => {
        this.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );

  /** Gives a chunk, and waits until the next one is asked for. */
  give(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    const wanted = new Promise<void>((resolve) => {
      this.#wanted = resolve;
    });
    this.offer(chunk);
    return wanted;
  }

  offer(chunk: Uint8Array<ArrayBuffer>): void {
    this.#controller?.enqueue(chunk);
  }
}

/** A body of unknown length, given only as it is asked for. */
function streamOf(bytes: Uint8Array<ArrayBuffer>, chunk: number, ongive: (length: number) => void = () => {}) {
  let at = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const next = bytes.slice(at, at + chunk);
    at += next.length;
    if (next.length === 0) return controller.close();
    ongive(next.length);
    controller.enqueue(next);
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>({ pull }, { highWaterMark: 0 });
}

/** The value that something comes to, once it has stood still for half a second: that another process has stopped reading, nothing tells. */
async function settled(value: () => number): Promise<number> {
  for (let last = -1, still = 0; still < 5; last = value()) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    still = value() === last && last > 0 ? still + 1 : 0;
  }
  return value();
}
