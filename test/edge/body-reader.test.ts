/** Tests how the chunks of a body are read: no chunk is lost, and every end has its own reason and frees its memory. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drive, settle, VirtualClock } from '../tools/virtual-clock.ts';
import { ByteSender, Gate, noise } from './senders.ts';
import { UploadWorld } from './upload-client.ts';
import { edgeOf, hasBytes, jsonRequest, KEY, makeCloud, placeOf, uploadRequest } from './world.ts';

describe('if the memory of a buffer can be freed at once, as in a Worker,', () => {
  const own = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'transfer');
  // Node 20 has no `transfer`. The standard demands an exception for a buffer that was transferred before.
  const transfer = function (this: ArrayBuffer, length: number): ArrayBuffer {
    new Uint8Array(this);
    structuredClone(this, { transfer: [this] });
    return new ArrayBuffer(length);
  };
  beforeEach(
    () => void Object.defineProperty(ArrayBuffer.prototype, 'transfer', { value: transfer, configurable: true }),
  );
  afterEach(() => {
    if (own) Object.defineProperty(ArrayBuffer.prototype, 'transfer', own);
    else Reflect.deleteProperty(ArrayBuffer.prototype, 'transfer');
  });

  /** Sends the first bytes of a request, and nothing for the next 30 s. */
  async function fallSilent(requestOf: (body: ByteSender['body']) => Request, bytes: Uint8Array) {
    const { oss } = makeCloud();
    const clock = new VirtualClock(Date.now());
    const sender = new ByteSender();
    const work = edgeOf(oss, { oss: { ...placeOf(oss), clock } })(requestOf(sender.body));
    sender.offer(bytes);
    await settle(oss);
    clock.advance(30_000);
    const response = await drive(work, clock, oss);
    return [response.status, await response.json()];
  }

  test('an upload whose sender is silent for 30 s is refused with 408, as everywhere else', async () => {
    const answer = await fallSilent((body) => uploadRequest(body), noise(100));
    expect(answer).toMatchObject([408, { error: 'RequestTimeout', tail: { position: 100 }, loaded: 100 }]);
  });

  test('a question for a grant whose sender is silent for 30 s is refused with 408, as everywhere else', async () => {
    const init = { body: null, duplex: 'half' } as RequestInit;
    const requestOf = (body: ByteSender['body']) =>
      new Request(jsonRequest('/grant', {}).url, { ...init, method: 'POST', body });
    expect(await fallSilent(requestOf, new TextEncoder().encode('{'))).toMatchObject([
      408,
      { error: 'RequestTimeout' },
    ]);
  });
});

test('an empty chunk after the last byte does not replace the bytes before it', async () => {
  const world = new UploadWorld();
  const path = await world.create(1500);
  const bytes = noise(1500);
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const chunk of [bytes.slice(0, 1000), bytes.slice(1000), new Uint8Array(0)]) controller.enqueue(chunk);
      controller.close();
    },
  });
  const response = await world.patch(path, 0, body);
  expect([response.status, response.headers.get('upload-offset'), world.has(path, bytes)]).toEqual([204, '1500', true]);
});

test('a sender that leaves when its time is already over causes no unhandled rejection', async () => {
  const { oss } = makeCloud();
  const clock = new VirtualClock(Date.now());
  const gate = new Gate();
  gate.close();
  const fetch: typeof oss.fetch = async (input, init) => {
    if (init?.method === 'POST') await gate.passed;
    return oss.fetch(input, init);
  };
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  let leave = () => {};
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      leave = () => controller.error(new TypeError('gone'));
      controller.enqueue(noise(3000));
    },
  });
  const edge = edgeOf(oss, { oss: { ...placeOf(oss), fetch, clock }, totalTimeout: 1000 });
  const work = edge(uploadRequest(body));
  await settle(oss);
  clock.advance(1000);
  leave();
  gate.open();
  const { status } = await drive(work, clock, oss);
  // Node reports unhandled rejections before the next timer.
  await new Promise((resolve) => setTimeout(resolve, 0));
  process.off('unhandledRejection', note);
  expect([status, unhandled]).toEqual([408, []]);
});

test.each<[what: string, bodyOf: (bytes: Uint8Array<ArrayBuffer>) => BodyInit]>([
  ['in memory', (bytes) => bytes],
  ['of a Blob', (bytes) => new Blob([bytes])],
])('a body %s is read to its end, although its stream closes before its last bytes are read', async (_, bodyOf) => {
  const { oss } = makeCloud();
  const bytes = noise(1_000_000);
  const response = await edgeOf(oss, { segmentSize: undefined })(uploadRequest(bodyOf(bytes)));
  expect([response.status, hasBytes(oss, KEY, bytes)]).toEqual([200, true]);
});
