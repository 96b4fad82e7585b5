/** Tests what protects an edge from its users: quotas, time-outs, the secrecy of upload URLs, and another path. */
import { expect, test } from 'vitest';
import hono from '../../demo/worker/hono.ts';
import type { EdgeQuestion } from '../../src/edge/index.ts';
import { drive, settle, VirtualClock } from '../tools/virtual-clock.ts';
import { noise, Sender } from './senders.ts';
import { keyOf, SECRET, UploadWorld } from './upload-client.ts';
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

test('grants at the same time cannot pass a quota that the application reserves', async () => {
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

test('an application can bound the unfinished uploads of a user with the name of each upload', async () => {
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

test('no URL, key or secret of an upload is in what the application hears of failures', async () => {
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
