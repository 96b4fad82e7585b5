/** The handlers of the edge, in this process: what they refuse, what they keep, and whom they believe. */
import { describe, expect, test } from 'vitest';
import { edgeFrom } from '../demo/edge/app.ts';
import { Sessions } from '../demo/edge/session.ts';
import type { EdgeQuestion } from '../src/edge/index.ts';
import { createEdge } from '../src/edge/index.ts';
import {
  Browser,
  BUCKET,
  demoEdge,
  EDGE,
  ENVIRONMENT,
  edgeOf,
  Gate,
  makeCloud,
  noise,
  RAM,
  SESSION_SECRET,
  Sender,
  streamOf,
} from './edge-tools.ts';
import { drive, settle, VirtualClock } from './unit-tools.ts';

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
      message: 'OSS or STS refused the request, or did not answer',
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
      const asked: EdgeQuestion[] = [];
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
      const allows = ({ size }: EdgeQuestion) => (size === undefined ? false : 3500);
      const tooLong = await edgeOf(store, { allows })(post(noise(3501), { 'content-length': '3501' }));
      expect(tooLong.status).toBe(413);
      const unknown = await edgeOf(store, { allows })(post(streamOf(noise(1), 1)));
      expect(unknown.status).toBe(403);
      const none = await edgeOf(store, { allows: () => 0 })(post(streamOf(noise(1), 1)));
      expect(none.status).toBe(403);
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
});
