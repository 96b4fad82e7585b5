/** Tests what protects an edge from its users: quotas, time-outs, the secrecy of upload URLs, and another path. */
import { expect, test, vi } from 'vitest';
import hono from '../../demo/worker/hono.ts';
import type { EdgeQuestion } from '../../src/edge/index.ts';
import { drive, settle, VirtualClock } from '../tools/virtual-clock.ts';
import { noise, Sender, streamOf } from './senders.ts';
import { keyOf, pathOf, SECRET, START, UploadWorld } from './upload-client.ts';
import { EDGE, ENVIRONMENT, edgeOf, hasBytes, jsonRequest, makeCloud, placeOf, uploadRequest } from './world.ts';

/** A quota of an application: it reserves the bytes of each question before it says yes. */
class Quota {
  reserved = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  readonly allows = async ({ size = 0 }: EdgeQuestion): Promise<boolean> => {
    await Promise.resolve();
    if (this.reserved + size > this.#most) return false;
    this.reserved += size;
    return true;
  };
}

test('simultaneous grants cannot exceed a quota that the application reserves', async () => {
  const quota = new Quota(5500);
  const edge = edgeOf(makeCloud().oss, { allows: quota.allows });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      edge(jsonRequest('/grant', { operation: 'appendObject', key: `inbox/u1/${i}`, position: 0, size: 1000 })),
    ),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  expect(quota.reserved).toBe(5000);
});

test('grants of one batch stop at the quota', async () => {
  const quota = new Quota(5500);
  const edge = edgeOf(makeCloud().oss, { allows: quota.allows });
  const batch = { key: 'inbox/u1/a', position: 0, segmentSize: 1000, count: 20 };
  const answers = await Promise.all([batch, batch].map((fields) => edge(jsonRequest('/grants', fields))));
  const grants = await Promise.all(answers.map(async (answer) => (await answer.json()).grants?.length ?? 0));
  expect(grants.reduce((sum, count) => sum + count, 0)).toBe(5);
});

test('an application can limit the unfinished uploads of a user, because it learns the name of each upload', async () => {
  const open = new Set<string>();
  const world = new UploadWorld({
    allows: ({ operation, upload = '' }) => {
      if (operation !== 'createUpload') return true;
      return open.size < 2 && Boolean(open.add(upload));
    },
    onuploaded: ({ upload = '' }) => void open.delete(upload),
  });
  const [first] = [await world.create(5), await world.create(5)];
  await expect(world.create(5)).rejects.toThrow('HTTP 403');
  await world.patch(String(first), 0, 'hello');
  await world.create(5);
  expect(open.size).toBe(2);
});

test('a body that takes longer than totalTimeout is ended although it never stops, and its bytes are stored', async () => {
  const { oss } = makeCloud();
  const clock = new VirtualClock(Date.now());
  const edge = edgeOf(oss, { oss: { ...placeOf(oss), clock }, totalTimeout: 60_000 });
  const sender = new Sender();
  const work = edge(uploadRequest(sender.body, { key: 'inbox/u1/slow' }));
  const bytes = noise(600);
  for (let i = 0; i < 6; i++) {
    await sender.give(bytes.slice(i * 100, i * 100 + 100));
    clock.advance(9999);
    await settle(oss);
  }
  expect(sender.cancelled).toBe(false);
  clock.advance(6);
  const response = await drive(work, clock, oss);
  expect([response.status, await response.json()]).toMatchObject([408, { tail: { position: 600 } }]);
  expect(hasBytes(oss, 'inbox/u1/slow', bytes)).toBe(true);
  expect(clock.waiting).toBe(0);
});

test('simultaneous creations cannot exceed the limit of a user, and resumable uploads cannot exceed the quota', async () => {
  const quota = new Quota(5500);
  const world = new UploadWorld({
    // The whole size is reserved at the creation. The bytes of each request are a part of it.
    allows: (question) => (question.operation === 'createUpload' ? quota.allows(question) : true),
  });
  const headers = { 'upload-length': '1000' };
  const sent = Array.from({ length: 12 }, () => world.tus('POST', '/upload', { headers }));
  const created = (await Promise.all(sent)).filter(({ status }) => status === 201);
  expect([created.length, quota.reserved]).toEqual([5, 5000]);
  const stored = created.map(async (response) => {
    const path = pathOf(response);
    const bodies = [noise(1000), noise(1001), streamOf(noise(3000), 500)];
    await Promise.all(bodies.map((body) => world.patch(path, 0, body)));
    return world.object(path)?.length ?? 0;
  });
  for (const length of await Promise.all(stored)) expect(length).toBeLessThanOrEqual(1000);
});

test.each<[what: string, start: (world: UploadWorld, path: string, body: BodyInit) => Promise<Response>]>([
  ['tus', (world, path, body) => world.patch(path, 0, body)],
  ['the draft of the IETF', (world, path, body) => world.append(path, 0, { complete: '?1', body })],
])('a sender of %s that is silent for 30 s gets 503 and the offset, and can continue', async (_, start) => {
  const world = new UploadWorld();
  const path = await world.create(1000);
  const bytes = noise(1000);
  const sender = new Sender();
  const work = start(world, path, sender.body);
  await sender.give(bytes.slice(0, 300));
  world.clock.advance(29_999);
  await settle(world.oss);
  await sender.give(bytes.slice(300, 600));
  world.clock.advance(29_999);
  await settle(world.oss);
  expect(sender.cancelled).toBe(false);
  world.clock.advance(1);
  const response = await drive(work, world.clock, world.oss);
  expect([response.status, response.headers.get('upload-offset'), sender.cancelled]).toEqual([503, '600', true]);
  await world.patch(path, 600, bytes.slice(600));
  expect([world.has(path, bytes), world.clock.waiting]).toEqual([true, 0]);
});

test('a resumable upload that takes longer than totalTimeout gets 503 and the offset', async () => {
  const world = new UploadWorld({ totalTimeout: 60_000 });
  const path = await world.create(1000);
  const sender = new Sender();
  const work = world.patch(path, 0, sender.body);
  for (let i = 0; i < 4; i++) {
    await sender.give(noise(100, i));
    world.clock.advance(15_000);
    await settle(world.oss);
  }
  const response = await drive(work, world.clock, world.oss);
  expect([response.status, response.headers.get('upload-offset')]).toEqual([503, '400']);
});

test.each<[method: string, answered: number, seconds: number]>([
  ['HEAD', 0, 36],
  ['PATCH', 1, 48],
])(
  'with a time-out of 12 s and three attempts, %s is refused in time if OSS is silent after %i answers',
  async (method, answered, seconds) => {
    const world = new UploadWorld();
    const path = await world.create(5);
    let asked = 0;
    const fetch = (url: string, init: RequestInit) => {
      asked++;
      return asked <= answered ? world.oss.fetch(url, init) : new Promise<Response>(() => {});
    };
    const clock = new VirtualClock(START);
    clock.chance = 0;
    const edge = world.edgeWith({
      oss: { ...placeOf(world.oss), fetch, clock, timeout: 12_000, retry: { maxAttempts: 3 } },
    });
    const headers = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' };
    const work = world.tus(method, path, method === 'HEAD' ? {} : { headers, body: 'hello' }, edge);
    await expect.poll(() => asked).toBe(answered + 1);
    const { status } = await drive(work, clock, world.oss);
    expect([status, (clock.now() - START) / 1000]).toEqual([method === 'HEAD' ? 423 : 502, seconds]);
  },
);

test('Web Crypto compares the signature of a URL, so the time of the comparison reveals nothing about the right signature', async () => {
  const world = new UploadWorld();
  const path = await world.create(5);
  const verify = vi.spyOn(crypto.subtle, 'verify');
  const [start = '', mac = ''] = path.split(/\.(?=[\w-]+$)/);
  const change = (at: number) => {
    const letter = mac[at] === 'A' ? 'B' : 'A';
    return `${start}.${mac.slice(0, at)}${letter}${mac.slice(at + 1)}`;
  };
  for (const wrong of [change(0), change(20), change(41)]) {
    verify.mockClear();
    expect((await world.tus('HEAD', wrong)).status).toBe(404);
    expect(verify).toHaveBeenCalledTimes(1);
  }
  verify.mockRestore();
});

test.each(['\u001b[31mDELETE', 'PATCH /token', 'a1', 'x'.repeat(5000), 'GET,POST'])(
  'the method %j in X-HTTP-Method-Override does not get into the log of the application',
  async (method) => {
    const heard: string[] = [];
    const world = new UploadWorld({ onfailure: (failure) => heard.push(JSON.stringify(failure)) });
    const headers = { 'x-http-method-override': method, origin: 'https://evil.example' };
    expect((await world.tus('POST', '/upload', { headers })).status).toBe(403);
    expect(JSON.parse(heard[0] ?? '{}')).toMatchObject({ method: 'POST' });
  },
);

test('no header of a proxy or a client changes the Location of an upload', async () => {
  for (const basePath of [undefined, '/files']) {
    const world = new UploadWorld({ basePath });
    const forged = {
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example;proto=http',
      host: 'evil.example',
    };
    const headers = { 'upload-length': '1', 'x-forwarded-prefix': '//evil.example', ...forged };
    const created = await world.tus('POST', '/upload', { headers });
    expect(created.headers.get('location')).not.toContain('evil');
  }
});

test('no URL, key or secret of an upload is in the reports of failures that the application gets', async () => {
  const heard: string[] = [];
  const world = new UploadWorld({ onfailure: (failure) => heard.push(JSON.stringify(failure)) });
  const path = await world.create(10);
  await world.patch(path, 5, 'hello');
  await world.patch(path, 0, 'x'.repeat(11));
  await world.tus('DELETE', path);
  await world.tus('PATCH', '/upload/inbox%2Fother%2Fa', { body: 'x' });
  expect(heard.length).toBeGreaterThanOrEqual(3);
  for (const text of [SECRET, 'upload=', keyOf(path), path.split('upload=')[1]?.slice(0, 20) ?? '', 'inbox'])
    expect(heard.join(), text).not.toContain(text);
});

test('the template for Hono serves the edge below another path, and the Location of an upload stays right', async () => {
  const env = { ...ENVIRONMENT, MAX_OBJECT_SIZE: '1000' };
  const session = await hono.request(`${EDGE}/files/session`, { method: 'POST' }, env);
  const cookie = session.headers.get('set-cookie')?.split(';')[0] ?? '';
  const init = { method: 'POST', headers: { 'tus-resumable': '1.0.0', 'upload-length': '2000', cookie } };
  // The file is too long, so no request goes to OSS.
  expect((await hono.request(`${EDGE}/files/upload`, init, env)).status).toBe(413);
  expect((await hono.request(`${EDGE}/upload`, init, env)).status).toBe(404);
  const world = new UploadWorld();
  const created = await world.tus('POST', '/upload', { headers: { 'upload-length': '5' } });
  const location = created.headers.get('location') ?? '';
  expect(new URL(location, `${EDGE}/files/upload`).pathname).toMatch(/^\/files\/upload\/inbox%2Fu1%2F/);
});
