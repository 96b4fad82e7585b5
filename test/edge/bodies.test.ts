/**
 * Tests how the edge handles bodies: a body that differs from its announced length is not a success, and its bytes are
 * kept.
 */
import { describe, expect, test } from 'vitest';
import { drive, settle, VirtualClock } from '../tools/virtual-clock.ts';
import { ByteSender, noise, Sender, streamOf } from './senders.ts';
import { BUCKET, edgeOf, hasBytes, jsonRequest, KEY, makeCloud, placeOf, uploadRequest } from './world.ts';

/** Uploads a body to an object of 100 bytes, and returns all results. */
async function upload(body: BodyInit | null, headers: Record<string, string> = {}, query = '') {
  const { oss } = makeCloud();
  oss.appendObject(BUCKET, KEY, noise(100));
  const uploaded: object[] = [];
  const failures: object[] = [];
  const asked: (number | undefined)[] = [];
  const edge = edgeOf(oss, {
    onuploaded: (upload) => void uploaded.push(upload),
    onfailure: (failure) => failures.push(failure),
    allows: ({ size }) => asked.push(size) > 0,
  });
  const response = await edge(uploadRequest(body, { headers, query }));
  return { oss, uploaded, failures, asked, status: response.status, answer: await response.json() };
}

describe('a body that ends before its announced length', () => {
  test.each<[came: number, announced: number]>([
    [1_048_576, 3_879_731],
    [1, 2],
    [999, 1000],
    [1000, 1001],
    [2000, 2001],
    [2500, 5000],
  ])(
    'fails after %i of %i bytes, but these bytes are stored and the answer has their tail',
    async (came, announced) => {
      const bytes = noise(came, 7);
      const { oss, uploaded, failures, status, answer } = await upload(streamOf(bytes, Math.min(came, 100_000)), {
        'content-length': String(announced),
      });
      const stored = oss.object(BUCKET, KEY);
      expect([status, answer]).toMatchObject([400, { error: 'IncompleteBody', loaded: came }]);
      expect(answer.message).toContain(`${came} of the ${announced} bytes`);
      expect(answer.tail).toEqual({ position: 100 + came, hashCrc64ecma: stored?.crc64 });
      expect(Buffer.compare(stored?.bytes().subarray(100) ?? new Uint8Array(), bytes)).toBe(0);
      expect(uploaded).toEqual([]);
      expect(failures).toEqual([{ method: 'POST', route: '/upload', status: 400, code: 'IncompleteBody' }]);
    },
    30_000,
  );

  test.each<[what: string, body: BodyInit | null]>([
    ['no body', null],
    ['a body of 0 bytes', streamOf(noise(0), 1)],
  ])('creates no object when a request with a Content-Length of 5 has %s', async (_, body) => {
    const { oss } = makeCloud();
    const response = await edgeOf(oss)(uploadRequest(body, { headers: { 'content-length': '5' } }));
    const expected = [400, { error: 'IncompleteBody', tail: { position: 0 }, loaded: 0 }];
    expect([response.status, await response.json()]).toMatchObject(expected);
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
  });

  test('can be continued at the tail in the answer', async () => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss);
    const bytes = noise(5000);
    const send = async (from: number, to: number) => {
      const headers = { 'content-length': String(bytes.length - from) };
      return edge(uploadRequest(streamOf(bytes.slice(from, to), 700), { headers, query: `?position=${from}` }));
    };
    const { tail } = await (await send(0, 3333)).json();
    expect((await send(tail.position, 5000)).status).toBe(200);
    expect(hasBytes(oss, KEY, bytes)).toBe(true);
  });

  test('is refused for a grant too', async () => {
    const { oss } = makeCloud();
    const request = jsonRequest('/grant', { operation: 'headObject', key: KEY });
    const { length } = await request.clone().text();
    const short = new Request(request, { headers: { 'content-length': String(length + 1) } });
    const response = await edgeOf(oss)(short);
    expect([response.status, (await response.json()).error]).toEqual([400, 'IncompleteBody']);
  });
});

test.each<[came: number, announced: number, kept: number]>([
  [1001, 1000, 0],
  [3000, 2500, 2002],
  [3000, 0, 0],
])(
  'a body of %i bytes that announced %i is a failure, and its first %i bytes are stored',
  async (came, announced, kept) => {
    const { oss, uploaded, failures, status, answer } = await upload(streamOf(noise(came), Math.min(came, 1001)), {
      'content-length': String(announced),
    });
    expect([status, answer]).toMatchObject([400, { error: 'BodyTooLong', tail: { position: 100 + kept } }]);
    expect(oss.object(BUCKET, KEY)?.length).toBe(100 + kept);
    expect([uploaded, failures.length]).toEqual([[], 1]);
  },
);

test.each(['', 'abc', '-1', '+5', '1e3', '0x10', '1.5', '5, 5', '5 5', 'NaN', 'Infinity', '9'.repeat(16)])(
  'a Content-Length of %j is refused before the application is asked',
  async (length) => {
    const { oss, asked, status, answer } = await upload(streamOf(noise(5), 5), { 'content-length': length });
    expect([status, answer.error]).toEqual([400, 'BadRequest']);
    expect(asked).toEqual([]);
    expect(oss.object(BUCKET, KEY)?.length).toBe(100);
  },
);

test.each(['', '-1', '1e2', '1.0', ' 100', 'x', '100&position=100', '100&position=0', '9'.repeat(16)])(
  'the query ?position=%s is refused, and nothing is stored',
  async (position) => {
    const { oss, status, answer } = await upload(streamOf(noise(5), 5), {}, `?position=${position}`);
    expect([status, answer.error]).toEqual([400, 'BadRequest']);
    expect(oss.object(BUCKET, KEY)?.length).toBe(100);
  },
);

test.each<[what: string, length: string | undefined]>([
  ['the announced length', '2500'],
  ['no announced length', undefined],
])('a body with %s is complete, and the application gets the upload', async (_, length) => {
  const found = await upload(streamOf(noise(2500), 700), length === undefined ? {} : { 'content-length': length });
  expect([found.status, found.answer.position, found.failures]).toEqual([200, 2600, []]);
  expect(found.uploaded).toMatchObject([{ user: 'u1', key: KEY, tail: { position: 2600 } }]);
});

test('a body that breaks off with an error is a failure, and the bytes that arrived are stored', async () => {
  const { oss, uploaded, status, answer } = await upload(
    new ReadableStream({
      start: (controller) => controller.enqueue(noise(1500)),
      pull: (controller) => controller.error(new TypeError('terminated')),
    }),
  );
  expect([status, answer]).toMatchObject([400, { error: 'SourceError', tail: { position: 1600 }, loaded: 1500 }]);
  expect([oss.object(BUCKET, KEY)?.length, uploaded]).toEqual([1600, []]);
});

describe('a sender that is slow', () => {
  test.each<[what: string, size: number, every: number, byob: boolean]>([
    ['1 byte every 29 s', 1, 29_000, false],
    ['1 byte every 29 s, to a Worker', 1, 29_000, true],
    ['100 bytes every second, to a Worker', 100, 1000, true],
  ])('is read to its end: %s', async (_, size, every, byob) => {
    const { oss } = makeCloud();
    const clock = new VirtualClock(Date.now());
    const sender = byob ? new ByteSender() : new Sender();
    const work = edgeOf(oss, { oss: { ...placeOf(oss), clock } })(uploadRequest(sender.body));
    await settle(oss);
    for (let i = 0; i < 50; i++) {
      sender.offer(noise(size));
      await settle(oss);
      clock.advance(every);
      await settle(oss);
    }
    sender.end();
    const response = await drive(work, clock, oss);
    expect([response.status, (await response.json()).position]).toEqual([200, 50 * size]);
  });

  describe('to a Worker, after 4 s with 640 KiB/s,', () => {
    /** Sends 64 KiB every 100 ms, and then `bytes` every second for 30 s. */
    async function becomeSlow(bytes: number) {
      const { oss } = makeCloud();
      const clock = new VirtualClock(Date.now());
      const sender = new ByteSender();
      const options = { oss: { ...placeOf(oss), clock }, segmentSize: 1024 * 1024 };
      const work = edgeOf(oss, options)(uploadRequest(sender.body));
      await settle(oss);
      const send = async (count: number, size: number, every: number) => {
        for (let i = 0; i < count; i++) {
          sender.offer(noise(size));
          await settle(oss);
          clock.advance(every);
          await settle(oss);
        }
      };
      await send(40, 65_536, 100);
      await send(30, bytes, 1000);
      return { sender, answer: () => drive(work, clock, oss) };
    }

    test('it is still read when it becomes 100 times as slow', async () => {
      const { sender, answer } = await becomeSlow(6554);
      sender.end();
      const response = await answer();
      expect([response.status, (await response.json()).position]).toEqual([200, 40 * 65_536 + 30 * 6554]);
    });

    test('it is refused when it becomes 1,000 times as slow, and its bytes are kept', async () => {
      const response = await (await becomeSlow(655)).answer();
      expect([response.status, (await response.json()).loaded]).toEqual([408, 40 * 65_536]);
    });
  });

  test('is refused by a Worker too when it sends nothing for 30 s', async () => {
    const { oss } = makeCloud();
    const clock = new VirtualClock(Date.now());
    const sender = new ByteSender();
    const work = edgeOf(oss, { oss: { ...placeOf(oss), clock } })(uploadRequest(sender.body));
    sender.offer(noise(100));
    await settle(oss);
    clock.advance(30_000);
    const response = await drive(work, clock, oss);
    expect([response.status, await response.json()]).toMatchObject([408, { tail: { position: 100 }, loaded: 100 }]);
  });
});

test.each(['page', 'xml', 'reset'] as const)(
  'a segment that is too long for a proxy before OSS is stored in shorter ones: the answer is of the kind "%s"',
  async (answer) => {
    const bytes = noise(2_000_000, 5);
    const { oss } = makeCloud({ faults: () => ({ kind: 'limit', bytes: 300_000, answer }) });
    const edge = edgeOf(oss, { oss: { ...placeOf(oss), retry: { baseDelay: 1 } }, segmentSize: 1_048_576 });
    const response = await edge(uploadRequest(streamOf(bytes, 70_000), { key: 'inbox/u1/short' }));
    expect([response.status, hasBytes(oss, 'inbox/u1/short', bytes)]).toEqual([200, true]);
  },
);
