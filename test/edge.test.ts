/** The demo's edge: the same handlers in Node, workerd, Deno and Bun, over real HTTP; and what its users may not do. */
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sessions } from '../demo/edge/session.ts';
import { type Served, serve } from '../demo/node-http.ts';
import { makeTarget } from '../demo/page/ways.ts';
import { PageGrants } from '../src/edge/index.ts';
import { AppendableObject, crc64, credentialsFromUrl, OssClient } from '../src/index.ts';
import type { LocalOss } from '../src/testing/index.ts';
import { edgeRuntimes, type RunningEdge } from './edge-runtimes.ts';
import {
  Browser,
  BUCKET,
  ENVIRONMENT,
  Gate,
  makeCloud,
  noise,
  PAGE,
  RAM,
  SESSION_SECRET,
  streamOf,
} from './edge-tools.ts';

const MIB = 1024 * 1024;
/** What the edges of this file take at most, bytes. */
const MOST = 24 * MIB;

const runtimes = edgeRuntimes();
for (const [name, start] of Object.entries(runtimes))
  if (!start) console.log(`not run: the edge in ${name} (npm run test:runtimes installs it)`);

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
    edge = await startEdge({ MAX_OBJECT_SIZE: String(MOST) });
    browser = new Browser(recorded, edge.url);
    prefix = await browser.login();
  }, 60_000);
  afterAll(() => edge?.stop());

  const startEdge = (more: object) =>
    runtimes[name]?.({
      ...ENVIRONMENT,
      OSS_ENDPOINT: ossServer.url,
      STS_ENDPOINT: stsServer.url,
      ...more,
    }) as Promise<RunningEdge>;
  const recorded = async (request: Request) => {
    const response = await fetch(request);
    answers += `${JSON.stringify([...response.headers])}${await response.clone().text()}\n`;
    return response;
  };
  const where = () => ({ region: 'cn-hangzhou', bucket: BUCKET, endpoint: ossServer.url, retry: { baseDelay: 1 } });
  const upload = (key: string, body: BodyInit | null, more: RequestInit & { duplex?: 'half' } = {}, query = '') =>
    browser.fetch(`/upload/${encodeURIComponent(key)}${query}`, { method: 'POST', body, ...more });

  test('a token appends under the user’s prefix, and nowhere else; where a quota holds there is none', async () => {
    expect((await browser.fetch('/token', { method: 'POST' })).status).toBe(403);
    const unlimited = await startEdge({});
    try {
      const visitor = new Browser(recorded, unlimited.url);
      const own = await visitor.login();
      const credentials = credentialsFromUrl('/token', { method: 'POST', fetch: visitor.fetch });
      const client = new OssClient({ ...where(), credentials });
      const bytes = noise(3 * MIB);
      await new AppendableObject(client, `${own}token.bin`, { segmentSize: 512 * 1024 }).append(new Blob([bytes]));
      expect(sameBytes(`${own}token.bin`, bytes)).toBe(true);
      await expect(client.appendObject(`inbox/other/${name}`, 'x', { position: 0 })).rejects.toMatchObject({
        code: 'AccessDenied',
      });
    } finally {
      await unlimited.stop();
    }
  });

  test.each([1, 4])('grants, %i at a time, append a file', async (ahead) => {
    const segmentSize = 512 * 1024;
    const grants = new PageGrants('', { ahead, segmentSize, fetch: browser.fetch });
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

  test.each<[how: string, framing: string, cut: (socket: Socket) => void]>([
    ['a body of unknown length, connection closed', 'transfer-encoding: chunked', (socket) => socket.destroy()],
    ['a body of unknown length, sender ends', 'transfer-encoding: chunked', (socket) => socket.end()],
    ['an announced length, connection closed', `content-length: ${4 * MIB}`, (socket) => socket.destroy()],
    ['an announced length, sender ends', `content-length: ${4 * MIB}`, (socket) => socket.end()],
    ['an announced length, connection reset', `content-length: ${4 * MIB}`, (socket) => socket.resetAndDestroy()],
  ])(
    'a sender that is cut off has no success, loses nothing of what was confirmed, and goes on: %s',
    async (how, framing, cut) => {
      const key = `${prefix}cut ${how}.bin`;
      const bytes = noise(4 * MIB);
      const path = `/upload/${encodeURIComponent(key)}`;
      const chunked = framing.startsWith('transfer');
      const answer = await converse(
        [headOf(path, framing), chunked ? `${(3 * MIB).toString(16)}\r\n` : '', bytes.subarray(0, 3 * MIB)],
        {
          cut: async (socket) => {
            await expect.poll(() => oss.object(BUCKET, key)?.length ?? 0).toBeGreaterThan(0);
            cut(socket);
          },
        },
      );
      expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
      // The segment under way may still be stored: a position that has moved on is told, and taken from there.
      for (let status = 0; status !== 200; ) {
        const { position } = await (await browser.fetch(path)).json();
        expect(position).toBeLessThanOrEqual(3 * MIB);
        expect(sameStart(key, bytes)).toBe(true);
        status = (await upload(key, bytes.subarray(position), {}, `?position=${position}`)).status;
        expect([200, 409]).toContain(status);
      }
      expect(sameBytes(key, bytes)).toBe(true);
    },
  );

  test('Stop, and Resume at once: whatever the edge still does of the first request, the file is there once', async () => {
    const file = new File([noise(6 * MIB)], 'a.bin', { type: 'video/webm' });
    const key = `${prefix}stopped.bin`;
    const client = { region: 'cn-hangzhou', bucket: BUCKET, fetch: browser.fetch };
    const options = { way: 'pipe', edge: edge.url, client, key, tail: undefined, contentType: undefined } as const;
    const target = makeTarget({ ...options, segmentSize: MIB });
    const stop = new AbortController();
    const call = (signal: AbortSignal) => ({ signal, onprogress: () => {} });
    const stopped = target.append(file, call(stop.signal)).catch(() => 'stopped');
    await expect.poll(() => oss.object(BUCKET, key)?.length ?? 0, { interval: 1 }).toBeGreaterThan(0);
    stop.abort();
    await target.resume(file, { position: 0, hashCrc64ecma: '0' }, call(new AbortController().signal));
    await stopped;
    expect(sameBytes(key, new Uint8Array(await file.arrayBuffer()))).toBe(true);
  });

  // workerd itself closes the connection of a sender that goes on behind the answer: only who reads meanwhile sees that.
  test(`a refusal comes at once and arrives, although the sender has 13 MB to send${name === 'workerd' ? ', if it reads meanwhile' : ''}`, async () => {
    const key = `${prefix}refused.bin`;
    const head = headOf(`/upload/${encodeURIComponent(key)}?position=5`, 'content-length: 13000000');
    const answer = await converse([head, noise(13_000_000)], { readsLast: name !== 'workerd' });
    expect(answer).toMatch(/^HTTP\/1\.1 409 .*"error":"PositionNotEqualToLength"/s);
    expect(oss.object(BUCKET, key)).toBeUndefined();
  });

  test.each(['a b', '[', '%', 'a/b', 'x\\y', 'user@h', ''])(
    'the Host %j is answered without a path or a line of source',
    async (host) => {
      const answer = await converse([
        `POST /token HTTP/1.1\r\nhost: ${host}\r\norigin: ${PAGE}\r\nconnection: close\r\n\r\n`,
      ]);
      expect(answer).toMatch(/^HTTP\/1\.1 [45]\d\d /);
      expect(answer).not.toMatch(/<html|file:|\.m?[jt]s\b|\bat \w+ \(|securityToken/i);
    },
  );

  // The table of all names is in edge-keys.test.ts. Here each runtime's way with paths is tried.
  test.each([
    ['inbox/other/a', 403],
    ['', 403],
    ['../a', 403],
    ['PREFIX../other/a', 400],
    ['PREFIXa/../../other/b', 400],
    ['PREFIX..\\other', 400],
    ['PREFIX%2e%2e/other', 400],
    ['PREFIX．．/other', 400],
    ['PREFIXa\u0000b', 400],
  ])('the key %j is refused by every route: %i', async (pattern, expected) => {
    const key = pattern.replace('PREFIX', prefix);
    const statuses = [
      await ask({ method: 'POST', path: `/upload/${encodeURIComponent(key)}` }),
      await ask({ path: `/upload/${encodeURIComponent(key)}` }),
      (await browser.post('/grant', { operation: 'appendObject', key, position: 0, size: 1 })).status,
      (await browser.post('/grant', { operation: 'headObject', key })).status,
      (await browser.post('/grants', { key, position: 0, segmentSize: 1, count: 1 })).status,
    ];
    expect(statuses).toEqual([expected, expected, expected, expected, expected]);
    // As it stands in a path: what URLs make of `.` and `\\` may be another key of the user's own, and never one outside.
    await ask({ method: 'POST', path: `/upload/${encodeURI(key)}` });
    const outside = oss.requests.filter((request) => request.key === key || !/^inbox\/[^/]+\/[^/]/.test(request.key));
    expect(outside).toEqual([]);
  });

  test.each(['50% off.pdf', '进度100％.docx', 'a b+c#d?e&f=g', 'naïve/𝒳 👩‍🚀.txt', 'report%20(1).pdf'])(
    'a file may be called %j',
    async (file) => {
      const key = prefix + file;
      expect((await upload(key, 'bytes')).status).toBe(200);
      expect((await (await browser.fetch(`/upload/${encodeURIComponent(key)}`)).json()).position).toBe(5);
      expect((await browser.post('/grant', { operation: 'headObject', key })).status).toBe(200);
      expect(oss.object(BUCKET, key)?.length).toBe(5);
    },
  );

  test('a path that does not decode is refused', async () => {
    expect(await ask({ path: `/upload/${prefix}%ff` })).toBe(400);
    expect(await ask({ path: `/upload/${prefix}%` })).toBe(400);
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

  /** The head of an upload by this browser. */
  function headOf(path: string, framing: string): string {
    const { host } = new URL(edge.url);
    const headers = [`host: ${host}`, `origin: ${PAGE}`, `cookie: ${browser.cookie}`, framing];
    return `POST ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
  }

  /** Writes to a connection of its own, and gives what is answered until its end, or until the JSON is complete. */
  function converse(
    parts: readonly (string | Uint8Array)[],
    { cut, readsLast = false }: { readonly cut?: (socket: Socket) => Promise<void>; readonly readsLast?: boolean } = {},
  ): Promise<string> {
    return new Promise((resolve) => {
      const { hostname, port } = new URL(edge.url);
      const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
      let answer = '';
      const read = () =>
        socket.setEncoding('latin1').on('data', (text: string) => {
          answer += text;
          if (answer.includes('}')) socket.destroy();
        });
      socket.once('error', () => {}).once('end', () => socket.destroy());
      socket.once('close', () => resolve(answer));
      if (!readsLast) read();
      for (const part of parts.slice(0, -1)) socket.write(part);
      socket.write(parts.at(-1) ?? '', () => {
        if (readsLast) read();
        cut?.(socket);
      });
    });
  }

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

function sameBytes(key: string, bytes: Uint8Array): boolean {
  return Buffer.compare(oss.object(BUCKET, key)?.bytes() ?? new Uint8Array(), bytes) === 0;
}

function sameStart(key: string, bytes: Uint8Array): boolean {
  const stored = oss.object(BUCKET, key)?.bytes() ?? new Uint8Array();
  return Buffer.compare(stored, bytes.subarray(0, stored.length)) === 0;
}

/** The value that something comes to, once it has stood still for half a second: that another process has stopped reading, nothing tells. */
async function settled(value: () => number): Promise<number> {
  for (let last = -1, still = 0; still < 5; last = value()) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    still = value() === last && last > 0 ? still + 1 : 0;
  }
  return value();
}
