/**
 * Tests the handler of the edge in this process: the reports of failures, silent senders, limits in bytes, and
 * waitUntil.
 */
import { describe, expect, test } from 'vitest';
import type { EdgeQuestion } from '../../src/edge/index.ts';
import { drive, settle, VirtualClock } from '../tools/virtual-clock.ts';
import { Gate, noise, Sender, streamOf } from './senders.ts';
import { BUCKET, EDGE, edgeOf, KEY, makeCloud, placeOf, RAM, uploadRequest } from './world.ts';

test('a failure of OSS or of a token is answered with its code and the tail, and without its message', async () => {
  const { oss } = makeCloud({ faults: ({ nth }) => (nth > 1 ? { kind: 'deny' } : undefined) });
  const failures: object[] = [];
  const edge = edgeOf(oss, {
    tokenFor: () => Promise.reject(new Error(`The secret is ${RAM.accessKeySecret}`)),
    onfailure: (failure) => failures.push(failure),
  });
  const response = await edge(uploadRequest(noise(2500), { query: '?position=0' }));
  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({
    error: 'AccessDenied',
    message: 'OSS or STS refused the request, or did not answer',
    tail: { position: 1000 },
    loaded: 1000,
    outcome: 'unknown',
  });
  const token = await edge(new Request(`${EDGE}/token`, { method: 'POST', body: '' }));
  expect(await token.json()).toEqual({ error: 'InternalError', message: 'Something went wrong here' });
  expect(failures).toEqual([
    { method: 'POST', route: '/upload', status: 502, code: 'AccessDenied' },
    { method: 'POST', route: '/token', status: 500, code: 'InternalError' },
  ]);
});

test('a repeated plain POST with ?position=0 is refused, and one without a position is stored twice', async () => {
  const { oss } = makeCloud();
  const edge = edgeOf(oss);
  const send = async (key: string, query: string) => (await edge(uploadRequest('hello', { key, query }))).status;
  expect([await send(KEY, '?position=0'), await send(KEY, '?position=0')]).toEqual([200, 409]);
  expect(oss.object(BUCKET, KEY)?.length).toBe(5);
  expect([await send(`${KEY}2`, ''), await send(`${KEY}2`, '')]).toEqual([200, 200]);
  expect(oss.object(BUCKET, `${KEY}2`)?.length).toBe(10);
});

describe('a sender that is silent for 30 s', () => {
  test('is refused with the tail, and its bytes are stored', async () => {
    const { oss } = makeCloud();
    const clock = new VirtualClock(Date.now());
    const edge = edgeOf(oss, { oss: { ...placeOf(oss), clock } });
    const bytes = noise(2400);
    const sender = new Sender();
    const work = edge(uploadRequest(sender.body));
    await sender.give(bytes);
    // A sender that sends something every 29.999 s is not silent.
    clock.advance(29_999);
    await settle(oss);
    await sender.give(bytes);
    clock.advance(29_999);
    await settle(oss);
    expect(sender.cancelled).toBe(false);
    clock.advance(1);
    const response = await drive(work, clock, oss);
    expect(response.status).toBe(408);
    expect(await response.json()).toMatchObject({ error: 'RequestTimeout', tail: { position: 4800 } });
    expect(Buffer.from(oss.object(BUCKET, KEY)?.bytes() ?? [])).toEqual(Buffer.concat([bytes, bytes]));
    expect(sender.cancelled).toBe(true);
    const rest = await drive(edge(uploadRequest(streamOf(bytes, 1000))), clock, oss);
    expect((await rest.json()).position).toBe(7200);
    expect(clock.waiting).toBe(0);
  });

  test('creates no object if it sent no byte, after the time of the option idleTimeout', async () => {
    const { oss } = makeCloud();
    const clock = new VirtualClock(Date.now());
    const edge = edgeOf(oss, { oss: { ...placeOf(oss), clock }, idleTimeout: 5000 });
    const work = edge(uploadRequest(new Sender().body));
    await settle(oss);
    clock.advance(5000);
    const response = await drive(work, clock, oss);
    expect([response.status, await response.json()]).toMatchObject([408, { tail: { position: 0 } }]);
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
  });

  test('is not blamed for a slow store: the time in which the store works does not count', async () => {
    const { oss } = makeCloud();
    const clock = new VirtualClock(Date.now());
    const gate = new Gate();
    const fetch: typeof oss.fetch = async (...request) => {
      await gate.passed;
      return oss.fetch(...request);
    };
    const sender = new Sender();
    const work = edgeOf(oss, { oss: { ...placeOf({ fetch }), clock } })(uploadRequest(sender.body));
    await settle(oss);
    gate.close();
    for (const _ of [1, 2, 3]) sender.offer(noise(1000));
    await settle(oss);
    // The first segment is in flight and the second is full, so nobody asks for the third chunk.
    clock.advance(30_000);
    await settle(oss);
    gate.open();
    await settle(oss);
    await sender.give(noise(1000));
    // From here on, the edge waits for the sender.
    clock.advance(30_000);
    const response = await drive(work, clock, oss);
    expect([response.status, await response.json()]).toMatchObject([408, { tail: { position: 4000 } }]);
  });

  test('is refused when it asks for a grant', async () => {
    const { oss } = makeCloud();
    const clock = new VirtualClock(Date.now());
    const request = { method: 'POST', body: new Sender().body, duplex: 'half' } as RequestInit;
    const work = edgeOf(oss, { oss: { ...placeOf(oss), clock } })(new Request(`${EDGE}/grant`, request));
    await settle();
    clock.advance(30_000);
    expect((await drive(work, clock)).status).toBe(408);
  });
});

test('a request for a grant that gets one byte every 20 s is refused after 30 s, although its sender is never silent', async () => {
  const { oss } = makeCloud();
  const clock = new VirtualClock(Date.now());
  const sender = new Sender();
  const request = { method: 'POST', body: sender.body, duplex: 'half' } as RequestInit;
  const work = edgeOf(oss, { oss: { ...placeOf(oss), clock } })(new Request(`${EDGE}/grant`, request));
  await sender.give(new Uint8Array([0x20]));
  clock.advance(20_000);
  await sender.give(new Uint8Array([0x20]));
  clock.advance(10_000);
  expect((await work).status).toBe(408);
  expect(sender.cancelled).toBe(true);
});

describe('a number of bytes that the application allows', () => {
  test('limits a body of unknown length: the bytes before the limit are stored, and the rest is refused', async () => {
    const { oss } = makeCloud();
    const asked: EdgeQuestion[] = [];
    const edge = edgeOf(oss, { allows: (question) => asked.push(question) && 3500 });
    const bytes = noise(5000);
    const response = await edge(uploadRequest(streamOf(bytes, 1000)));
    expect(asked).toMatchObject([{ user: 'u1', operation: 'upload', key: KEY, size: undefined }]);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: 'TooLarge', tail: { position: 3000 } });
    expect(Buffer.from(oss.object(BUCKET, KEY)?.bytes() ?? [])).toEqual(Buffer.from(bytes.subarray(0, 3000)));
    // The number is for one upload, whatever the length of the object is.
    expect((await edge(uploadRequest(streamOf(bytes.slice(0, 3500), 1000)))).status).toBe(200);
    expect(oss.object(BUCKET, KEY)?.length).toBe(6500);
  });

  test('refuses a longer announced length at once, and creates no object', async () => {
    const { oss } = makeCloud();
    const allows = ({ size }: EdgeQuestion) => (size === undefined ? false : 3500);
    const tooLong = uploadRequest(noise(3501), { headers: { 'content-length': '3501' } });
    expect((await edgeOf(oss, { allows })(tooLong)).status).toBe(413);
    expect((await edgeOf(oss, { allows })(uploadRequest(streamOf(noise(1), 1)))).status).toBe(403);
    expect((await edgeOf(oss, { allows: () => 0 })(uploadRequest(streamOf(noise(1), 1)))).status).toBe(403);
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
  });
});

describe('waitUntil', () => {
  test('gets the upload and the work of onuploaded, and only those of its own request', async () => {
    const { oss } = makeCloud();
    let finish = () => {};
    const recorded = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const edge = edgeOf(oss, { onuploaded: () => recorded });
    const works: Promise<unknown>[][] = [[], []];
    const answers = works.map((mine, i) =>
      edge(uploadRequest('bytes', { key: `inbox/u1/${i}` }), { waitUntil: (work) => mine.push(work) }),
    );
    // The answer does not wait for onuploaded.
    for (const answer of answers) expect((await answer).status).toBe(200);
    expect(works.map((mine) => mine.length)).toEqual([2, 2]);
    expect(new Set(works.flat()).size).toBe(4);
    finish();
    await Promise.all(works.flat());
  });

  test('gets a promise that never rejects, because a Worker would count a rejection as a crash', async () => {
    const { oss } = makeCloud({ faults: () => ({ kind: 'deny' }) });
    const works: Promise<unknown>[] = [];
    const response = await edgeOf(oss)(uploadRequest('bytes'), { waitUntil: (work) => works.push(work) });
    expect(response.status).toBe(502);
    expect(works).toHaveLength(1);
    await Promise.all(works);
  });
});
