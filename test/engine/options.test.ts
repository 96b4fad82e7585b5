/** What the caller controls: aborts, progress, limits, headers, and a CRC-64 function. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { AppendProgress } from '../../src/append/call.ts';
import type { AppendClient } from '../../src/append/client.ts';
import { AppendableObject } from '../../src/append/object.ts';
import { crc64 } from '../../src/crc64.ts';
import { OssError, ServiceError, SourceError } from '../../src/errors.ts';
import type { AppendSource } from '../../src/source/segment.ts';
import type { Fault } from '../../src/testing/faults.ts';
import { PolyfillBlob } from '../runtimes/polyfill-blob.ts';
import { settle } from '../tools/virtual-clock.ts';
import { KEY, Lab } from './exactly-once/lab.ts';
import { synchronousPlatform } from './exactly-once/platform.ts';
import { at, blob, boom, crcOf } from './tools.ts';

// With this platform, a memory Blob is a platform Blob, so its slices are sent unchanged.
beforeAll(synchronousPlatform);

describe('control', () => {
  test('progress counts confirmed bytes, and the total if it is known', async () => {
    const lab = new Lab();
    const known: AppendProgress[] = [];
    await lab.run(lab.object.append('abcdefghij', { onprogress: (progress) => known.push(progress) }));
    expect(known.map(({ loaded, total }) => [loaded, total])).toEqual([
      [4, 10],
      [8, 10],
      [10, 10],
    ]);
    const unknown: AppendProgress[] = [];
    await lab.run(lab.object.append(['abcd'], { onprogress: (progress) => unknown.push(progress) }));
    expect(unknown).toEqual([{ loaded: 4, total: undefined, sent: 4 }]);
  });

  test('an abort at any request ends the call with its reason, and the next call continues exactly there', async () => {
    for (let nth = 1; nth <= 5; nth++) {
      const controller = new AbortController();
      const reason = new Error('enough');
      let count = 0;
      const faults = (): Fault | undefined => {
        if (++count !== nth) return undefined;
        controller.abort(reason);
        return { kind: 'answer-late', delay: 10 };
      };
      const lab = new Lab({ faults });
      const source = 'abcdefghijklmnop';
      await expect(lab.run(lab.object.append(source, { signal: controller.signal }))).rejects.toBe(reason);
      await lab.run(lab.object.resume(blob(source)));
      expect(lab.stored).toBe(source);
    }
  });

  test('an abort before the start sends nothing, and an abort in the queue does not affect other calls', async () => {
    const lab = new Lab();
    const reason = new Error('never mind');
    await expect(lab.run(lab.object.append('abcd', { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(lab.requests).toEqual([]);
    const controller = new AbortController();
    const first = lab.object.append('1234');
    const second = lab.object.append('5678', { signal: controller.signal });
    const third = lab.object.append('9');
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    await lab.run(Promise.all([first, third]));
    expect(lab.stored).toBe('12349');
  });

  test('an abort ends the wait before a repeat', async () => {
    const lab = new Lab({
      faults: ({ method }) => (method === 'POST' ? { kind: 'throttle', delay: 60_000 } : undefined),
    });
    const controller = new AbortController();
    const work = lab.object.append('abcd', { signal: controller.signal });
    work.catch(() => {});
    await settle();
    controller.abort();
    await expect(work).rejects.toBe(controller.signal.reason);
    expect(lab.clock.waiting).toBe(0);
  });

  test('calls on one object run one after the other, in order', async () => {
    const lab = new Lab({ faults: ({ nth }) => ({ kind: 'answer-late', delay: nth % 2 ? 20 : 1 }) });
    await lab.run(Promise.all(['one ', 'two ', 'three'].map((source) => lab.object.append(source))));
    expect(lab.stored).toBe('one two three');
    expect(lab.requests.filter((request) => request === 'HEAD')).toHaveLength(1);
  });

  test('a failed call does not stop the calls after it', async () => {
    const lab = new Lab({ faults: [at({ kind: 'deny' })] });
    const failed = lab.object.append('abcd');
    const next = lab.object.append('efgh');
    expect(await lab.failure(failed)).toMatchObject({ code: 'AccessDenied' });
    await lab.run(next);
    expect(lab.stored).toBe('efgh');
  });

  test('bytes of a slow stream wait for flushAfter, and not longer', async () => {
    const lab = new Lab({ flushAfter: 50 });
    const source = async function* () {
      yield 'ab';
      await lab.clock.wait(40);
      yield 'c';
      await lab.clock.wait(1000);
      yield 'd';
    };
    await lab.run(lab.object.append(source()));
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 3']);
    expect(lab.stored).toBe('abcd');
  });

  test('while the browser reports that it is offline, the engine waits for `online` and counts no attempt', async () => {
    const navigator = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    const state = { onLine: false };
    Object.defineProperty(globalThis, 'navigator', { configurable: true, value: state });
    try {
      const lab: Lab = new Lab({
        client: { retry: { maxAttempts: 1 } },
        faults: () => (state.onLine ? [] : [{ kind: 'drop-before' }]),
      });
      const night = lab.clock.wait(8 * 3600_000).then(() => {
        state.onLine = true;
      });
      await lab.run(Promise.all([lab.object.append('abcd'), night]));
      expect(lab.stored).toBe('abcd');
    } finally {
      if (navigator) Object.defineProperty(globalThis, 'navigator', navigator);
      else Reflect.deleteProperty(globalThis, 'navigator');
    }
  });
});

describe('limits and options', () => {
  const GiB = 1024 ** 3;

  test('more than 5 GiB is refused before sending', async () => {
    const lab = new Lab({ contents: 'checksum' });
    lab.oss.appendObject('logs', KEY, 5 * GiB - 3);
    await expect(lab.run(lab.object.append('abcd'))).rejects.toBeInstanceOf(RangeError);
    expect(lab.requests).toEqual(['HEAD']);
    // The length of a stream is unknown, so the engine fails at the segment that would not fit.
    const error = await lab.failure(lab.object.append(['a', 'bc', 'd']));
    expect(error).toMatchObject({ code: 'EntityTooLarge', outcome: 'absent' });
    expect(lab.requests).toEqual(['HEAD']);
    await expect(lab.run(lab.object.append('abc'))).resolves.toMatchObject({ position: 5 * GiB });
  });

  test('headers that describe the object are sent only with the append that creates it', async () => {
    const seen: string[] = [];
    const lab: Lab = new Lab({
      contentType: 'text/plain',
      headers: { 'x-oss-meta-author': 'me', 'Cache-Control': 'no-cache', 'x-oss-traffic-limit': '819200' },
      client: {
        fetch: (url, init) => {
          if (init.method === 'POST') seen.push([...new Headers(init.headers).keys()].join(' '));
          return lab.oss.fetch(url, init);
        },
      },
    });
    await lab.run(lab.object.append('abcdefgh'));
    expect(seen).toEqual(['cache-control content-type x-oss-meta-author x-oss-traffic-limit', 'x-oss-traffic-limit']);
    expect(lab.headers).toMatchObject({ 'content-type': 'text/plain', 'x-oss-meta-author': 'me' });
  });

  test("the type of a File becomes the object's type, unless another one is given", async () => {
    const lab = new Lab();
    await lab.run(lab.object.append(new File(['abcd'], 'a.json', { type: 'application/json' })));
    expect(lab.headers).toMatchObject({ 'content-type': 'application/json' });
    const none = new Lab({ contentType: null });
    await none.run(none.object.append(new File(['abcd'], 'a.json', { type: 'application/json' })));
    expect(none.headers).toMatchObject({ 'content-type': 'application/octet-stream' });
  });

  test('a given tail makes the HEAD unnecessary, and a wrong tail is a conflict', async () => {
    const lab = new Lab({ before: 'xy', tail: { position: 2, hashCrc64ecma: crcOf('xy') } });
    await lab.run(lab.object.append('abcd'));
    expect(lab.requests).toEqual(['POST 2']);
    const stale = new Lab({ before: 'xyz', tail: { position: 2 } });
    expect(await stale.failure(stale.object.append('abcd'))).toMatchObject({ name: 'AppendConflictError', found: 3 });
  });

  test('a tail survives JSON', async () => {
    const lab = new Lab();
    await lab.run(lab.object.append('abcd'));
    const tail = JSON.parse(JSON.stringify(lab.object.tail));
    await lab.run(lab.another({ tail }).append('ef'));
    expect(lab.stored).toBe('abcdef');
  });

  test("a refusal ends the call with OSS's message", async () => {
    const lab = new Lab({ faults: [at({ kind: 'deny' })] });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({ status: 403, code: 'AccessDenied', loaded: 0 });
    expect(error).toBeInstanceOf(OssError);
  });
});

describe("a caller's own crc64 function", () => {
  /** The bytes that the function received. */
  function counted() {
    const taken = { bytes: 0 };
    const own = (data: Uint8Array<ArrayBuffer>, value: bigint) => {
      taken.bytes += data.byteLength;
      return crc64(data, value);
    };
    return { taken, own };
  }

  test.each<[string, (text: string) => AppendSource]>([
    ['a Blob', (text) => blob(text)],
    ['a stream', (text) => new Response(text)],
    ['chunks', (text) => [text]],
  ])('hashes %s, and OSS has the same CRC', async (_, source) => {
    const { taken, own } = counted();
    const lab = new Lab({ crc64: own });
    taken.bytes = 0;
    const tail = await lab.run(lab.object.append(source('twelve bytes')));
    expect(tail).toEqual({ position: 12, hashCrc64ecma: crcOf('twelve bytes') });
    expect(taken.bytes).toBe(12);
  });

  test('gets no internal object as `this`, and cannot change the bytes that are sent', async () => {
    const receivers = new Set<unknown>();
    let wild = false;
    function destructive(this: unknown, data: Uint8Array<ArrayBuffer>, value: bigint): bigint {
      receivers.add(this);
      const crc = crc64(data, value);
      if (wild) data.fill(0);
      return crc;
    }
    const lab = new Lab({ crc64: destructive, segmentSize: 2 ** 20 });
    wild = true;
    const text = 'a long line\n'.repeat(10_000);
    await lab.run(lab.object.append(new Response(text)));
    await lab.run(lab.object.append(new Response('short')));
    expect(lab.stored === `${text}short`).toBe(true);
    expect([...receivers]).toEqual([undefined]);
  });

  test('hashes the bytes that resume compares', async () => {
    const { taken, own } = counted();
    const lab = new Lab({ crc64: own, before: 'twelve' });
    taken.bytes = 0;
    await lab.run(lab.object.resume(blob('twelve bytes')));
    expect([taken.bytes, lab.stored]).toEqual([12, 'twelve bytes']);
  });

  test.each<[string, (lab: Lab) => Promise<unknown>]>([
    ['a Blob', ({ object }) => object.append(blob('abcdef'))],
    ['a Blob of a library', ({ object }) => object.append(new PolyfillBlob(['abcdef']))],
    ['a stream', ({ object }) => object.append(new Response('abcdef'))],
    ['a Blob that is resumed', ({ object }) => object.resume(blob('abcdef'))],
  ])('fails for %s or returns something that is not a CRC: a SourceError reports what is stored', async (_, send) => {
    for (const failing of [boom, () => undefined, () => 1.5]) {
      let calls = 0;
      const own = (data: Uint8Array<ArrayBuffer>, value: bigint) =>
        data.byteLength === 2 && ++calls > 0 ? (failing() as unknown as bigint) : crc64(data, value);
      const lab = new Lab({ crc64: own });
      const error = await lab.failure(send(lab));
      expect(error).toBeInstanceOf(SourceError);
      expect(error).toMatchObject({ loaded: 4, outcome: 'absent', tail: { position: 4 } });
      expect([lab.stored, calls]).toEqual(['abcd', 1]);
    }
  });

  test.each<[string, (data: Uint8Array<ArrayBuffer>, value: bigint) => bigint]>([
    ['another polynomial’s', () => 0x6c40df5f0b497347n],
    ['one that starts again with each piece', (data) => crc64(data)],
    ['a number', (data, value) => Number(crc64(data, value)) as unknown as bigint],
  ])('is refused: %s', (_, wrong) => {
    expect(() => new Lab({ crc64: wrong })).toThrow(/^crc64 must be a function \(data, value\)/);
  });
});

test("headers are copied at construction, and a client's changes to them affect only one append", async () => {
  const lab = new Lab();
  const seen: unknown[] = [];
  const client: AppendClient = {
    appendObject: async (key, body, options) => {
      seen.push({ ...options.headers });
      (options.headers as Record<string, string>)[`x-trace-${seen.length}`] = '1';
      return lab.client.appendObject(key, body, options);
    },
    headObject: lab.client.headObject.bind(lab.client),
    getObject: lab.client.getObject.bind(lab.client),
    retry: lab.client.retry,
  };
  const headers = { 'x-oss-traffic-limit': '1000000' };
  const object = new AppendableObject(client, KEY, { headers });
  headers['x-oss-traffic-limit'] = '819200';
  for (const text of ['a', 'b', 'c']) await lab.run(object.append(text));
  expect(seen).toEqual(Array(3).fill({ 'x-oss-traffic-limit': '1000000' }));
});
