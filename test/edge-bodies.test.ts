/** What the edge makes of bodies: a body that is not what its request announced is no success, and what came of it is kept. */
import { describe, expect, test } from 'vitest';
import { BUCKET, EDGE, edgeOf, makeCloud, noise, Sender, streamOf } from './edge-tools.ts';
import { drive, settle, VirtualClock } from './unit-tools.ts';

const KEY = 'inbox/u1/a';
const MIB = 1024 * 1024;

/** An upload with these headers, and what came of it. */
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
  const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit;
  const response = await edge(new Request(`${EDGE}/upload/${encodeURIComponent(KEY)}${query}`, init));
  return { oss, uploaded, failures, asked, status: response.status, answer: await response.json() };
}

describe('a body that ends before its announced length', () => {
  test.each<[came: number, announced: number]>([
    [10_485_760, 38_797_312],
    [1, 2],
    [999, 1000],
    [1000, 1001],
    [2000, 2001],
    [2500, 5000],
  ])('%i of %i bytes: what came is kept, the tail is told, and it is no success', async (came, announced) => {
    const bytes = noise(came, 7);
    const { oss, uploaded, failures, status, answer } = await upload(streamOf(bytes, Math.min(came, MIB)), {
      'content-length': String(announced),
    });
    const stored = oss.object(BUCKET, KEY);
    expect([status, answer]).toMatchObject([400, { error: 'IncompleteBody', loaded: came }]);
    expect(answer.message).toContain(`${came} of the ${announced} bytes`);
    expect(answer.tail).toEqual({ position: 100 + came, hashCrc64ecma: stored?.crc64 });
    expect(Buffer.compare(stored?.bytes().subarray(100) ?? new Uint8Array(), bytes)).toBe(0);
    expect(uploaded).toEqual([]);
    expect(failures).toEqual([{ method: 'POST', route: '/upload', status: 400, code: 'IncompleteBody' }]);
  });

  test.each<[what: string, body: BodyInit | null]>([
    ['no body', null],
    ['a body of no bytes', streamOf(noise(0), 1)],
  ])('%s where some was announced: nothing is made', async (_, body) => {
    const { oss } = makeCloud();
    const init = { method: 'POST', body, headers: { 'content-length': '5' }, duplex: 'half' } as RequestInit;
    const response = await edgeOf(oss)(new Request(`${EDGE}/upload/${encodeURIComponent(KEY)}`, init));
    const expected = [400, { error: 'IncompleteBody', tail: { position: 0 }, loaded: 0 }];
    expect([response.status, await response.json()]).toMatchObject(expected);
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
  });

  test('goes on from the tail that was told', async () => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss);
    const bytes = noise(5000);
    const send = async (from: number, to: number) => {
      const init = {
        method: 'POST',
        body: streamOf(bytes.slice(from, to), 700),
        headers: { 'content-length': String(bytes.length - from) },
        duplex: 'half',
      };
      const url = `${EDGE}/upload/${encodeURIComponent(KEY)}?position=${from}`;
      return edge(new Request(url, init as RequestInit));
    };
    const { tail } = await (await send(0, 3333)).json();
    expect((await send(tail.position, 5000)).status).toBe(200);
    expect(Buffer.compare(oss.object(BUCKET, KEY)?.bytes() ?? new Uint8Array(), bytes)).toBe(0);
  });

  test('of a question is no question', async () => {
    const { oss } = makeCloud();
    const body = JSON.stringify({ operation: 'headObject', key: KEY });
    const headers = { 'content-length': String(body.length + 1) };
    const response = await edgeOf(oss)(new Request(`${EDGE}/grant`, { method: 'POST', body, headers }));
    expect([response.status, (await response.json()).error]).toEqual([400, 'IncompleteBody']);
  });
});

describe('a body that is longer than its announced length', () => {
  test.each<[came: number, announced: number, kept: number]>([
    [1001, 1000, 0],
    [3000, 2500, 2002],
    [3000, 0, 0],
  ])('%i bytes where %i were announced', async (came, announced, kept) => {
    const { oss, uploaded, failures, status, answer } = await upload(streamOf(noise(came), Math.min(came, 1001)), {
      'content-length': String(announced),
    });
    expect([status, answer]).toMatchObject([400, { error: 'BodyTooLong', tail: { position: 100 + kept } }]);
    expect(oss.object(BUCKET, KEY)?.length).toBe(100 + kept);
    expect([uploaded, failures.length]).toEqual([[], 1]);
  });
});

describe('a length that is none', () => {
  test.each(['', 'abc', '-1', '+5', '1e3', '0x10', '1.5', '5, 5', '5 5', 'NaN', 'Infinity', '9'.repeat(16)])(
    'Content-Length: %j',
    async (length) => {
      const { oss, asked, status, answer } = await upload(streamOf(noise(5), 5), { 'content-length': length });
      expect([status, answer.error]).toEqual([400, 'BadRequest']);
      expect(asked).toEqual([]);
      expect(oss.object(BUCKET, KEY)?.length).toBe(100);
    },
  );

  test.each(['', '-1', '1e2', '1.0', ' 100', 'x', '100&position=100', '100&position=0', '9'.repeat(16)])(
    '?position=%s',
    async (position) => {
      const { oss, status, answer } = await upload(streamOf(noise(5), 5), {}, `?position=${position}`);
      expect([status, answer.error]).toEqual([400, 'BadRequest']);
      expect(oss.object(BUCKET, KEY)?.length).toBe(100);
    },
  );
});

test.each<[what: string, length: string | undefined]>([
  ['the announced length', '2500'],
  ['no announced length', undefined],
])('a body with %s is whole', async (_, length) => {
  const found = await upload(streamOf(noise(2500), 700), length === undefined ? {} : { 'content-length': length });
  expect([found.status, found.answer.position, found.failures]).toEqual([200, 2600, []]);
  expect(found.uploaded).toMatchObject([{ user: 'u1', key: KEY, tail: { position: 2600 } }]);
});

test('a body that breaks off with an error is no success either', async () => {
  const { oss, uploaded, status, answer } = await upload(
    new ReadableStream({
      start: (controller) => controller.enqueue(noise(1500)),
      pull: (controller) => controller.error(new TypeError('terminated')),
    }),
  );
  expect([status, answer]).toMatchObject([400, { error: 'SourceError', tail: { position: 1100 }, loaded: 1000 }]);
  expect([oss.object(BUCKET, KEY)?.length, uploaded]).toEqual([1100, []]);
});

describe('a steady sender', () => {
  /** Bytes, the ms between them, and whether the body has BYOB readers, as those of Workers have. */
  test.each<[what: string, size: number, every: number, byob: boolean]>([
    ['a byte every 29 s', 1, 29_000, false],
    ['a byte every 29 s, in a Worker', 1, 29_000, true],
    ['100 bytes every second, in a Worker', 100, 1000, true],
  ])('is never too slow: %s', async (_, size, every, byob) => {
    const { oss } = makeCloud();
    const clock = new VirtualClock(Date.now());
    const sender = byob ? new ByteSender() : new Sender();
    const edge = edgeOf(oss, { oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch: oss.fetch, clock } });
    const init = { method: 'POST', body: sender.body, duplex: 'half' } as RequestInit;
    const work = edge(new Request(`${EDGE}/upload/${encodeURIComponent(KEY)}`, init));
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

  test('that falls silent is told so, in a Worker too', async () => {
    const { oss } = makeCloud();
    const clock = new VirtualClock(Date.now());
    const sender = new ByteSender();
    const edge = edgeOf(oss, { oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch: oss.fetch, clock } });
    const init = { method: 'POST', body: sender.body, duplex: 'half' } as RequestInit;
    const work = edge(new Request(`${EDGE}/upload/${encodeURIComponent(KEY)}`, init));
    sender.offer(noise(100));
    await settle(oss);
    clock.advance(30_000);
    const response = await drive(work, clock, oss);
    expect([response.status, await response.json()]).toMatchObject([408, { tail: { position: 100 }, loaded: 100 }]);
  });
});

/** A sender whose body has BYOB readers that wait for as many bytes as they were asked for, as in workerd. */
class ByteSender {
  #queue: Uint8Array[] = [];
  #ended = false;
  #pump: () => void = () => {};

  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> = new ReadableStream({
    type: 'bytes',
    pull: (controller) => {
      this.#pump = () => this.#give(controller);
      this.#pump();
    },
  });

  offer(chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#pump();
  }

  end(): void {
    this.#ended = true;
    this.#pump();
  }

  #give(controller: ReadableByteStreamController): void {
    for (const chunk of this.#queue.splice(0)) controller.enqueue(chunk.slice());
    if (!this.#ended) return;
    this.#pump = () => {};
    controller.close();
    controller.byobRequest?.respond(0);
  }
}
