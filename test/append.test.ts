/**
 * The promises of the engine, with one example for each. `exactly-once.test.ts` proves the same with random schedules.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import type { AppendClient } from '../src/append/client.ts';
import { AppendableObject, append } from '../src/append/object.ts';
import type { AppendProgress } from '../src/append/progress.ts';
import { AppendStream } from '../src/append/stream.ts';
import { crc64 } from '../src/crc64.ts';
import {
  AppendConflictError,
  ChecksumError,
  OssError,
  ServiceError,
  SourceError,
  TransportError,
} from '../src/errors.ts';
import type { AppendObjectResult } from '../src/request/operations.ts';
import type { AppendSource } from '../src/source/segment.ts';
import type { Fault, FaultRequest } from '../src/testing/faults.ts';
import { settle } from './exactly-once/clock.ts';
import { KEY, Lab } from './exactly-once/lab.ts';
import { synchronousPlatform } from './exactly-once/platform.ts';
import { memoryBlob } from './exactly-once/sources.ts';
import { OneObject } from './one-object.ts';
import { PolyfillBlob } from './runtimes/polyfill-blob.ts';
import { countedAbort } from './unit-tools.ts';

// With this platform, a memory Blob is a platform Blob, so its slices are sent unchanged.
beforeAll(synchronousPlatform);

const boom = (): never => {
  throw new Error('boom');
};

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const utf8 = (text: string) => new TextEncoder().encode(text);
const crcOf = (text: string) => String(crc64(utf8(text)));
const blob = (text: string) => memoryBlob(utf8(text));

/** Faults of the first append, unless another operation or number is given. */
const at = (fault: Fault, operation: FaultRequest['operation'] = 'AppendObject', nth = 1) => ({
  ...fault,
  operation,
  nth,
});
const HIDE_CRC: Fault = { kind: 'hide-headers', names: ['x-oss-hash-crc64ecma'] };
const hidden =
  (more: (request: FaultRequest) => Fault[] = () => []) =>
  (request: FaultRequest) => [...more(request), HIDE_CRC];

describe('after a failure the engine reads the object and decides', () => {
  test('no object and P = 0: the bytes are absent and are sent again', async () => {
    const lab = new Lab({ faults: [at({ kind: 'drop-before' })] });
    await expect(lab.run(lab.object.append('abcd'))).resolves.toEqual({ position: 4, hashCrc64ecma: crcOf('abcd') });
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'HEAD', 'POST 0']);
    expect(lab.stored).toBe('abcd');
  });

  test('no object and P > 0: another client deleted it', async () => {
    const lab = new Lab({ faults: [at({ kind: 'delete', when: 'before' }, 'AppendObject', 2)] });
    const error = await lab.failure(lab.object.append('abcdefgh'));
    expect(error).toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ position: 4, size: 4, found: undefined, outcome: 'unknown', loaded: 4 });
    expect(error).toMatchObject({ tail: { position: 4, hashCrc64ecma: crcOf('abcd') } });
  });

  test('no bucket: this is an error, not an absent object', async () => {
    const lab = new Lab();
    const wrong = (request: { operation: string; key: string; position?: number | undefined }) =>
      `https://missing.oss-cn-hangzhou.aliyuncs.com/${request.key}`;
    const other = new Lab({ client: { presign: wrong, fetch: lab.oss.fetch } });
    await expect(other.run(other.object.append('abcd'))).rejects.toMatchObject({ code: 'NoSuchBucket', status: 404 });
    expect(lab.requests).toEqual(['HEAD']);
  });

  test('an object that is not appendable: this is a conflict', async () => {
    const faults = [
      at({ kind: 'drop-before' }),
      at({ kind: 'replace', when: 'before', type: 'Normal' }, 'HeadObject', 2),
    ];
    const lab = new Lab({ faults });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ found: 8, outcome: 'unknown' });
    expect(lab.stored).toBe('replaced');
  });

  test('an empty source and L = P: the append is done', async () => {
    const lab = new Lab({ faults: [at({ kind: 'drop-after' })] });
    await expect(lab.run(lab.object.append(''))).resolves.toEqual({ position: 0, hashCrc64ecma: '0' });
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'HEAD']);
    expect(lab.stored).toBe('');
  });

  test('an empty source and L > P: this is a conflict, but not among writers who share the object', async () => {
    const faults = [at({ kind: 'rival', when: 'before', bytes: utf8('other') })];
    const alone = new Lab({ faults });
    expect(await alone.failure(alone.object.append(''))).toBeInstanceOf(AppendConflictError);
    const sharing = new Lab({ faults, shared: true });
    await expect(sharing.run(sharing.object.append(''))).resolves.toMatchObject({ position: 5 });
    expect(sharing.requests).toEqual(['HEAD', 'POST 0', 'HEAD']);
  });

  test('L = P: the bytes are absent and are sent again', async () => {
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'error-before', status: 503 })] });
    await lab.run(lab.object.append('abcd'));
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD', 'POST 2']);
    expect(lab.stored).toBe('xyabcd');
  });

  test('L = P with another CRC: another client replaced the object', async () => {
    const replace = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('zz') } as const;
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'drop-before' }), at(replace, 'HeadObject', 2)] });
    expect(await lab.failure(lab.object.append('abcd'))).toMatchObject({ name: 'AppendConflictError', found: 2 });
    expect(lab.stored).toBe('zz');
  });

  test('L = P + n with the expected CRC: the bytes are committed, and no byte is read back', async () => {
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'drop-after' })] });
    await lab.run(lab.object.append('abcd'));
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD']);
    expect(lab.stored).toBe('xyabcd');
  });

  test('L = P + n with a hidden CRC: the bytes are read and compared', async () => {
    const faults = hidden(({ operation, nth }) =>
      operation === 'AppendObject' && nth === 1 ? [{ kind: 'drop-after' }] : [],
    );
    const lab = new Lab({ before: 'xy', faults });
    await lab.run(lab.object.append('abcdefgh'));
    // One GET reads the place, and another one reads a single byte, which shows that nothing was decoded.
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD', 'GET', 'GET', 'POST 6']);
    expect(lab.stored).toBe('xyabcdefgh');
  });

  test('L = P + n after a rival append of the same length: the length alone proves nothing', async () => {
    for (const hide of [false, true]) {
      const rival: Fault = { kind: 'rival', same: true, when: 'before' };
      const first = ({ operation, nth }: FaultRequest) => (operation === 'AppendObject' && nth === 1 ? [rival] : []);
      const lab = new Lab({ before: 'xy', faults: hide ? hidden(first) : first });
      const error = await lab.failure(lab.object.append('abcd'));
      expect(error).toBeInstanceOf(AppendConflictError);
      expect(error).toMatchObject({ position: 2, size: 4, found: 6, outcome: 'absent', loaded: 0 });
      expect(lab.stored).not.toContain('abcd');
    }
  });

  test('L > P + n with our bytes followed by others: stored, but a single writer gets a conflict and sharing writers continue', async () => {
    const faults = [at({ kind: 'drop-after' }), at({ kind: 'rival', when: 'after', bytes: utf8('other') })];
    const alone = new Lab({ faults });
    const error = await alone.failure(alone.object.append('abcd'));
    expect(error).toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ outcome: 'stored', loaded: 0 });
    expect(error).not.toHaveProperty('tail');
    const sharing = new Lab({ faults, shared: true });
    await expect(sharing.run(sharing.object.append('abcdefgh'))).resolves.toMatchObject({ position: 13 });
    expect(sharing.stored).toBe('abcdotherefgh');
  });

  test('equal bytes after a prefix that was replaced: this is a conflict', async () => {
    const replace = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('zzabcd') } as const;
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'drop-before' }), at(replace, 'HeadObject', 2)] });
    expect(await lab.failure(lab.object.append('abcd'))).toMatchObject({
      name: 'AppendConflictError',
      outcome: 'stored',
    });
  });

  test('P < L < P + n: other bytes are in our place', async () => {
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'rival', when: 'before', bytes: utf8('o') })] });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 3, outcome: 'absent' });
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD']);
  });

  test('L < P: another client replaced the object by a shorter one', async () => {
    const replace = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('z') } as const;
    const lab = new Lab({ before: 'xy', shared: true, faults: [at(replace)] });
    const error = await lab.failure(lab.object.append('abcd'));
    // Sharing writers do not follow downward either.
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 1, outcome: 'unknown' });
  });

  test('a response that does not cover exactly the requested range proves nothing, so the engine reads again', async () => {
    const faults = hidden(({ operation, nth }) => {
      if (operation === 'AppendObject' && nth === 1) return [{ kind: 'drop-after' }];
      const shorter: Fault = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('xyz') };
      return operation === 'GetObject' && nth === 1 ? [shorter] : [];
    });
    const lab = new Lab({ before: 'xy', faults });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD', 'GET', 'HEAD']);
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 3 });
  });
});

describe('exactly once', () => {
  test('a 409 at the first attempt is reconciled, because the transport may have sent the POST twice', async () => {
    const lab = new Lab({ faults: [at({ kind: 'repeat', lost: 'first' })] });
    await lab.run(lab.object.append('abcd'));
    expect(lab.stored).toBe('abcd');
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 0', 'HEAD']);
  });

  test('if the commit comes after the client gave up, the repeat is refused and the bytes are recognised', async () => {
    const lab = new Lab({ client: { timeout: 1000 }, faults: [at({ kind: 'commit-late', delay: 1001 })] });
    await lab.run(lab.object.append('abcdefgh'));
    expect(lab.stored).toBe('abcdefgh');
  });

  test('an abandoned segment that is stored late is recognised as ours, and the next call appends after it', async () => {
    const client = { timeout: 1000, retry: { maxAttempts: 1 } };
    const faults = [
      at({ kind: 'commit-late', delay: 1500 }),
      at({ kind: 'slow', bytesPerSecond: 4 }, 'AppendObject', 2),
    ];
    const lab = new Lab({ client, faults });
    expect(await lab.failure(lab.object.append('abcd'))).toMatchObject({ outcome: 'unknown' });
    expect(lab.object.pending).toEqual([{ position: 0, size: 4, outcome: 'unknown' }]);
    await lab.run(lab.object.append('XY'));
    expect(lab.stored).toBe('abcdXY');
  });

  test('an empty source sends nothing after a late segment of ours', async () => {
    const client = { timeout: 1000, retry: { maxAttempts: 1 } };
    const faults = [
      at({ kind: 'commit-late', delay: 1500 }),
      at({ kind: 'commit-late', delay: 1500 }, 'AppendObject', 2),
    ];
    const lab = new Lab({ client, faults });
    await lab.failure(lab.object.append('abcd'));
    await expect(lab.run(lab.object.append(''))).resolves.toMatchObject({ position: 4 });
    expect(lab.requests.filter((request) => request.startsWith('POST'))).toEqual(['POST 0', 'POST 0']);
  });

  test('open finds out the outcome of abandoned segments', async () => {
    const client = { timeout: 1000, retry: { maxAttempts: 1 } };
    const lab = new Lab({ client, faults: [at({ kind: 'commit-late', delay: 1500 })] });
    await lab.failure(lab.object.append('abcd'));
    await lab.run(lab.clock.wait(1000));
    await expect(lab.run(lab.object.open())).resolves.toMatchObject({ position: 4 });
    expect(lab.object.pending).toEqual([{ position: 0, size: 4, outcome: 'stored' }]);
  });

  test("an abandoned segment that cannot be read is not reported as another writer's", async () => {
    const client = { timeout: 1000, retry: { maxAttempts: 1 } };
    const faults = hidden(({ operation, nth }) => {
      if (operation === 'AppendObject' && nth === 1) return [{ kind: 'commit-late', delay: 1200 }];
      if (operation === 'AppendObject') return [{ kind: 'slow', bytesPerSecond: 5 }];
      // Two GETs read what this call sent: the place and a single byte of it. The third one reads what the first call
      // sent.
      return operation === 'GetObject' && nth === 3 ? [{ kind: 'deny' }] : [];
    });
    const lab = new Lab({ client, faults });
    await lab.failure(lab.object.append('abcd'));
    const error = await lab.failure(lab.object.append('XYZW'));
    expect(error).not.toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('oss:GetObject') });
  });

  test("if several writers share an object, each segment is stored once, whole and in its writer's order", async () => {
    const lab = new Lab({ shared: true, faults: ({ nth }) => ({ kind: 'answer-late', delay: 10 + (nth % 7) }) });
    const writers = ['a', 'b', 'c'].map((name) => ({ name, object: lab.another() }));
    const lines = (name: string) => ['1', '2', '3'].map((line) => `${name}${line};\n`);
    await lab.run(Promise.all(writers.map(({ name, object }) => object.append(lines(name)))));
    const stored = lab.stored?.match(/..;\n/g) ?? [];
    expect(stored).toHaveLength(9);
    for (const { name } of writers) expect(stored.filter((line) => line.startsWith(name))).toEqual(lines(name));
  });

  test('a wrong CRC after a success means a damaged object, and nothing is sent again', async () => {
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'flip-bit', at: 1 })] });
    const error = await lab.failure(lab.object.append('abcdefgh'));
    expect(error).toBeInstanceOf(ChecksumError);
    expect(error).toMatchObject({ code: 'ChecksumMismatch', position: 2, expected: crcOf('xyabcd'), loaded: 0 });
    // One GET reads the place, and another one reads a single byte, which shows that nothing was decoded.
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'GET', 'GET']);
  });

  test('a wrong CRC is a conflict if the bytes before ours were replaced', async () => {
    const replace = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('zz') } as const;
    const lab = new Lab({ before: 'xy', faults: [at(replace)] });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toMatchObject({ name: 'AppendConflictError', outcome: 'stored' });
    expect(lab.stored).toBe('zzabcd');
  });

  test('without oss:GetObject nothing can be proven, and the message says so', async () => {
    const tail = { position: 2, hashCrc64ecma: crcOf('xy') };
    const faults = [at({ kind: 'drop-after' }), at({ kind: 'deny' }, 'HeadObject')];
    const lab = new Lab({ before: 'xy', tail, faults });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('oss:GetObject') });
  });

  test('when no attempt is left, the outcome is unknown', async () => {
    const client = { retry: { maxAttempts: 3 } };
    const lab = new Lab({ client, faults: ({ method }) => (method === 'POST' ? { kind: 'drop-before' } : undefined) });
    expect(await lab.failure(lab.object.append('abcd'))).toMatchObject({ name: 'TransportError', outcome: 'unknown' });
    expect(lab.requests.filter((request) => request === 'POST 0')).toHaveLength(3);
  });

  test('a reconcile that fails itself is reported together with the first failure', async () => {
    const faults = ({ method, nth }: FaultRequest): Fault | undefined =>
      method === 'POST' ? { kind: 'drop-after' } : nth > 1 ? { kind: 'error-before' } : undefined;
    const lab = new Lab({ faults });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('could not be proven') });
  });

  test('after a failure the next call reads the object again', async () => {
    const lab = new Lab({ faults: [at({ kind: 'rival', when: 'before', bytes: utf8('other') })] });
    await lab.failure(lab.object.append('abcd'));
    await lab.run(lab.object.append('abcd'));
    expect(lab.stored).toBe('otherabcd');
  });
});

function streamOf(chunks: readonly string[]): ReadableStream<string> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function* later<T>(chunks: readonly T[]): AsyncGenerator<T, void, void> {
  for (const chunk of chunks) yield chunk;
}

describe('any source', () => {
  const text = 'abcdefghijkl';
  const sources: Record<string, () => AppendSource> = {
    string: () => text,
    bytes: () => utf8(text),
    'a view of a part': () => utf8(`--${text}--`).subarray(2, 14),
    ArrayBuffer: () => utf8(text).buffer,
    DataView: () => new DataView(utf8(text).buffer),
    Blob: () => new Blob([text]),
    File: () => new File([text], 'a.txt'),
    Response: () => new Response(text),
    'an empty Response': () => new Response(null),
    'ReadableStream of bytes': () => new Blob([text]).stream(),
    'ReadableStream of strings': () => streamOf(text.match(/.{5}|.+/g) ?? []),
    'one byte at a time': () => [...text],
    Iterable: () => [utf8('abc'), 'defgh', new Blob(['ijkl'])],
    AsyncIterable: () => later([utf8('abc'), 'defgh', utf8('ijkl')]),
  };
  for (const [name, source] of Object.entries(sources)) {
    test(`${name}: it is stored completely, in segments`, async () => {
      const lab = new Lab({ segmentSize: 5 });
      await append(lab.client, KEY, source(), { segmentSize: 5 });
      expect(lab.stored).toBe(name.startsWith('an empty') ? '' : text);
      expect(lab.requests).toEqual(
        name.startsWith('an empty') ? ['HEAD', 'POST 0'] : ['HEAD', 'POST 0', 'POST 5', 'POST 10'],
      );
    });
  }

  test('a source whose length is a multiple of the segment size causes no empty request', async () => {
    const lab = new Lab();
    await lab.run(lab.object.append(['abcd', 'efgh']));
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 4']);
  });

  test('an empty source creates a missing object, and sends nothing to an existing one', async () => {
    const lab = new Lab();
    await lab.run(lab.object.append(''));
    expect(lab.stored).toBe('');
    const other = new Lab({ before: 'xy' });
    await other.run(other.object.append([]));
    expect(other.requests).toEqual(['HEAD']);
  });

  test('if a source throws in the middle, the error says how many bytes are stored', async () => {
    const lab = new Lab();
    const broken = async function* () {
      yield 'abcdef';
      throw new Error('the parser gave up');
    };
    const error = await lab.failure(lab.object.append(broken()));
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ loaded: 4, outcome: 'absent', tail: { position: 4 } });
    expect((error as SourceError).cause).toMatchObject({ message: 'the parser gave up' });
    expect(lab.stored).toBe('abcd');
  });

  const detached = (): Uint8Array<ArrayBuffer> => {
    const bytes = utf8('efgh');
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    return bytes;
  };
  const detachedView = (): DataView<ArrayBuffer> => {
    const view = new DataView(new ArrayBuffer(4));
    structuredClone(view.buffer, { transfer: [view.buffer] });
    return view;
  };
  const oddBlob = (members: object): object =>
    Object.defineProperties(
      { size: 4, type: '', slice: boom, arrayBuffer: boom },
      Object.getOwnPropertyDescriptors(members),
    );
  const revoked = (): object => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const call = (value: unknown): unknown => (typeof value === 'function' ? value() : value);
  const results = (...given: unknown[]) => ({ [Symbol.iterator]: () => ({ next: () => given.shift() }) });
  const reads = (...given: unknown[]) => ({
    locked: false,
    getReader: () => ({ read: async () => call(given.shift()), cancel: boom, releaseLock: () => {} }),
  });
  const good = { done: false, value: 'abcdef' };

  test.each<[string, object]>([
    ['bytes whose buffer was transferred', ['abcdef', detached()]],
    ['a view whose buffer was transferred', ['abcdef', detachedView()]],
    ['a Blob-like object whose slice throws', ['abcdef', oddBlob({})]],
    ['a Blob-like object whose slice is undefined', ['abcdef', oddBlob({ slice: () => undefined })]],
    ['a Blob-like object without a size', ['abcdef', oddBlob({ size: Number.NaN })]],
    [
      'an object whose size throws',
      [
        'abcdef',
        oddBlob({
          get size() {
            return boom();
          },
        }),
      ],
    ],
    ['a revoked proxy', ['abcdef', revoked()]],
    ['a pair', new Set(['abcdef', ['name', 'value']])],
    [
      'numbers',
      (function* () {
        yield 'abcdef';
        yield 7;
      })(),
    ],
    ['a result that is undefined, from an iterator', results(good, undefined)],
    ['a result that is a number, from an iterator', results(good, 5)],
    ['a result without a value, from an iterator', results(good, {})],
    [
      'an iterator whose result throws',
      results(good, {
        get done() {
          return boom();
        },
      }),
    ],
    ['a result that is undefined, from a reader', reads(good, undefined)],
    ['a result without a value, from a reader', reads(good, {})],
    ['a rejection without a reason, from a reader', reads(good, () => Promise.reject())],
  ])('the stored length is reported if the source then gives %s', async (_, source) => {
    const lab = new Lab();
    const error = await lab.failure(lab.object.append(source as AppendSource));
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ loaded: 4, outcome: 'absent', tail: { position: 4 } });
    expect(lab.stored).toBe('abcd');
  });

  test('if a file cannot be read any more, the engine fails without a repeat of the request', async () => {
    const lab = new Lab();
    // Each segment is read twice: once for its CRC, and once by the transport.
    const error = await lab.failure(lab.object.append(memoryBlob(utf8('abcdefgh'), 3)));
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ loaded: 4 });
    // The engine reads the file before it repeats the request, because the repeat would look like a network failure.
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 4', 'HEAD']);
  });

  test('a value that is not a source is a TypeError before any request', async () => {
    const lab = new Lab();
    for (const wrong of [undefined, 7, {}]) {
      await expect(lab.object.append(wrong as unknown as AppendSource)).rejects.toBeInstanceOf(TypeError);
    }
    expect(lab.requests).toEqual([]);
  });

  test('the next segment is read while one is being sent', async () => {
    const lab = new Lab({ faults: [at({ kind: 'answer-late', delay: 1000 })] });
    let pulled = 0;
    const source = async function* () {
      for (const chunk of ['abcd', 'efgh', 'ijkl', 'mnop']) {
        pulled++;
        yield chunk;
      }
    };
    const work = lab.object.append(source());
    await settle();
    // One segment is in flight and one is ready. A third one is not requested.
    expect([lab.requests, pulled]).toEqual([['HEAD', 'POST 0'], 2]);
    await lab.run(work);
    expect(lab.stored).toBe('abcdefghijklmnop');
  });

  test('a failure cancels the reader with its reason, and the end releases the reader', async () => {
    const lab = new Lab({ faults: [at({ kind: 'deny' })] });
    let reason: unknown;
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(utf8('abcd')),
      cancel: (given) => {
        reason = given;
      },
    });
    const error = await lab.failure(lab.object.append(stream));
    expect(reason).toBe(error);
    const sound = new Blob(['abcd']).stream();
    await lab.object.append(sound);
    expect(sound.locked).toBe(false);
  });
});

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
    expect(lab.clock.size).toBe(0);
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

describe('concurrent calls on one object', () => {
  const options = { segmentSize: 1000 };
  const names = (count: number) => Array.from({ length: count }, (_, index) => `${index},`);
  const first = (fault: Fault) => [at(fault)];
  /** Starts three calls. The first one is in flight and its answer is late; the other two wait. */
  async function waiting(more: Fault[] = []) {
    const lab = new Lab({ ...options, faults: [at({ kind: 'answer-late', delay: 1000 }), ...more] });
    const ahead = lab.object.append('first;');
    await settle();
    return { lab, ahead };
  }

  test('a hundred calls become one segment, and each call learns its own end', async () => {
    const lab = new Lab({ ...options, before: 'xy' });
    const calls = names(100).map((text) => lab.object.append(text));
    const tails = await lab.run(Promise.all(calls));
    expect(lab.requests).toEqual(['HEAD', 'POST 2']);
    expect(lab.stored).toBe(`xy${names(100).join('')}`);
    for (const [index, tail] of tails.entries()) {
      const text = `xy${names(index + 1).join('')}`;
      expect(tail).toEqual({ position: text.length, hashCrc64ecma: crcOf(text) });
    }
    expect(lab.object.tail).toEqual(tails.at(-1));
  });

  test('the first call is sent at once, and later calls share the next request', async () => {
    const { lab, ahead } = await waiting();
    const behind = names(50).map((text) => lab.object.append(text));
    expect(lab.requests).toEqual(['HEAD', 'POST 0']);
    await lab.run(Promise.all([ahead, ...behind]));
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 6']);
    expect(lab.stored).toBe(`first;${names(50).join('')}`);
  });

  test('a group holds no more than one segment', async () => {
    const lab = new Lab({ segmentSize: 10 });
    const calls = ['12345', '67890', 'abcde', '123456', '12345678901', 'xy'].map((text) => lab.object.append(text));
    await lab.run(Promise.all(calls));
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 10', 'POST 15', 'POST 21', 'POST 31', 'POST 32']);
    expect(lab.stored).toBe('1234567890abcde12345612345678901xy');
  });

  test('a group of more than 64 KiB is sent as a Blob', async () => {
    const lab = new Lab({ segmentSize: 1e6 });
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(40_000));
    const tails = await lab.run(Promise.all(texts.map((text) => lab.object.append(text))));
    expect(tails[1]).toEqual({ position: 80_000, hashCrc64ecma: crcOf(`${texts[0]}${texts[1]}`) });
    expect([lab.stored, lab.requests]).toEqual([texts.join(''), ['HEAD', 'POST 0']]);
  });

  test('the order is kept: a group ends before an open and before a source that is not text or bytes', async () => {
    const lab = new Lab(options);
    const { object } = lab;
    const sources = ['1', utf8('2'), blob('3'), '4', ['5'], '6', '7'];
    const calls = sources.map((source) => object.append(source));
    const opened = object.open();
    const last = object.append('8');
    await lab.run(Promise.all([...calls, last]));
    expect(lab.stored).toBe('12345678');
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 2', 'POST 3', 'POST 4', 'POST 5', 'POST 7']);
    await expect(opened).resolves.toMatchObject({ position: 7 });
  });

  test('a buffer may be used again as soon as append has returned', async () => {
    const { lab, ahead } = await waiting();
    const buffer = utf8('abc');
    const calls = [ahead, lab.object.append(buffer)];
    buffer.set(utf8('def'));
    calls.push(lab.object.append(buffer));
    buffer.fill(0);
    await lab.run(Promise.all(calls));
    expect(lab.stored).toBe('first;abcdef');
  });

  test('a failure rejects each call with its own error, and the next call continues exactly there', async () => {
    const lab = new Lab({ ...options, before: 'xy', faults: first({ kind: 'deny' }) });
    const failures = ['a', 'b', 'c'].map((text) => lab.failure(lab.object.append(text)));
    const errors = await Promise.all(failures);
    expect(new Set(errors).size).toBe(3);
    const tail = { position: 2, hashCrc64ecma: crcOf('xy') };
    for (const error of errors) {
      expect(error).toBeInstanceOf(ServiceError);
      expect(error).toMatchObject({ code: 'AccessDenied', loaded: 0, outcome: 'unknown', tail });
    }
    expect(lab.object.pending).toEqual([{ position: 2, size: 3, outcome: 'unknown' }]);
    await lab.run(lab.object.append('d'));
    expect(lab.stored).toBe('xyd');
  });

  test('a lost answer is resolved for all calls of the group', async () => {
    const lab = new Lab({ ...options, faults: first({ kind: 'drop-after' }) });
    const calls = ['a', 'bc', 'd'].map((text) => lab.object.append(text));
    const tails = await lab.run(Promise.all(calls));
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'HEAD']);
    expect(tails.map(({ position }) => position)).toEqual([1, 3, 4]);
  });

  test('if writers share the object, all calls move after the other writer and learn their positions', async () => {
    const faults = first({ kind: 'rival', when: 'before', bytes: utf8('other') });
    const lab = new Lab({ ...options, shared: true, faults });
    const calls = ['a', 'bc', 'd'].map((text) => lab.object.append(text));
    const tails = await lab.run(Promise.all(calls));
    expect(lab.stored).toBe('otherabcd');
    const ends = ['othera', 'otherabc', 'otherabcd'];
    expect(tails).toEqual(ends.map((text) => ({ position: text.length, hashCrc64ecma: crcOf(text) })));
  });

  test('if the CRC is hidden, the ends have no CRC', async () => {
    const lab = new Lab({ ...options, before: 'xy', faults: hidden() });
    const tails = await lab.run(Promise.all(['a', 'b'].map((text) => lab.object.append(text))));
    expect(tails).toEqual([{ position: 3 }, { position: 4 }]);
  });

  test('an empty call keeps its place and reports the end of the object there', async () => {
    const lab = new Lab(options);
    const tails = await lab.run(Promise.all(['', 'a', 'b', '', 'c'].map((text) => lab.object.append(text))));
    expect(tails.map(({ position }) => position)).toEqual([0, 1, 2, 2, 3]);
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 0', 'POST 2']);
  });

  test('a call that is aborted while it waits is not sent, and the others are', async () => {
    const { lab, ahead } = await waiting();
    const stop = new AbortController();
    const calls = [lab.object.append('a', stop), lab.object.append('b'), lab.object.append('c', stop)];
    stop.abort('enough');
    await expect(calls[0]).rejects.toBe('enough');
    await expect(calls[2]).rejects.toBe('enough');
    await lab.run(Promise.all([ahead, calls[1]]));
    expect(lab.stored).toBe('first;b');
  });

  test('if all waiting calls are aborted, nothing is sent, and later calls are sent', async () => {
    const { lab, ahead } = await waiting();
    const stops = [new AbortController(), new AbortController()];
    const calls = stops.map((stop) => lab.object.append('a', stop));
    for (const [index, stop] of stops.entries()) stop.abort(index);
    expect(await Promise.all(calls.map((call) => call.catch((reason: unknown) => reason)))).toEqual([0, 1]);
    const last = lab.object.append('b');
    await lab.run(Promise.all([ahead, last]));
    expect(lab.stored).toBe('first;b');
    expect(lab.object.pending).toEqual([]);
  });

  test('a call that is aborted in flight ends at once, and the request continues for the others', async () => {
    const lab = new Lab({ ...options, faults: first({ kind: 'answer-late', delay: 1000 }) });
    const stop = new AbortController();
    const calls = [lab.object.append('a', stop), lab.object.append('b')];
    await settle();
    const started = lab.clock.now();
    stop.abort('enough');
    await expect(calls[0]).rejects.toBe('enough');
    expect(lab.clock.now()).toBe(started);
    await expect(lab.run(calls[1]!)).resolves.toMatchObject({ position: 2 });
    expect(lab.stored).toBe('ab');
  });

  test('the request stops when its last call is aborted', async () => {
    const lab = new Lab({ ...options, faults: first({ kind: 'answer-late', delay: 60_000 }) });
    const stops = [new AbortController(), new AbortController()];
    const calls = stops.map((stop) => lab.object.append('a', stop));
    await settle();
    const started = lab.clock.now();
    for (const [index, stop] of stops.entries()) stop.abort(index);
    expect(await Promise.all(calls.map((call) => call.catch((reason: unknown) => reason)))).toEqual([0, 1]);
    expect(lab.clock.now()).toBe(started);
    expect(lab.object.pending).toEqual([{ position: 0, size: 2, outcome: 'unknown' }]);
    await lab.run(lab.object.append('b'));
    expect(lab.stored).toBe('aab');
  });

  test('a call that is aborted during open sends nothing and leaves no pending segment', async () => {
    const oss = new OneObject('xy');
    const stop = new AbortController();
    oss.onhead = () => stop.abort('enough');
    const object = new AppendableObject(oss.client, KEY);
    await expect(object.append('a', stop)).rejects.toBe('enough');
    expect([oss.sent, object.pending]).toEqual([[], []]);
  });

  test('a call that is refused because of its length keeps no request alive', async () => {
    const end = 5 * 1024 ** 3 - 3;
    const lab = new Lab({ ...options, contents: 'checksum', faults: first({ kind: 'answer-late', delay: 60_000 }) });
    lab.oss.appendObject('logs', KEY, end);
    const stop = new AbortController();
    const [fits, tooLong] = ['a', 'bcd'].map((text) => lab.object.append(text, stop));
    await expect(tooLong).rejects.toThrow(RangeError);
    stop.abort('enough');
    await expect(fits).rejects.toBe('enough');
    await settle();
    expect(lab.object.pending).toEqual([{ position: end, size: 1, outcome: 'unknown' }]);
  });

  test('calls with one signal share one listener, and no listener is left after them', async () => {
    const { lab, ahead } = await waiting();
    const [sent, aborted] = [countedAbort(), countedAbort()];
    const calls = names(50).map((text) => lab.object.append(text, sent.controller));
    const late = lab.object.append('late', aborted.controller);
    expect([sent.listeners(), aborted.listeners()]).toEqual([1, 1]);
    aborted.controller.abort('enough');
    await expect(late).rejects.toBe('enough');
    expect([sent.listeners(), aborted.listeners()]).toEqual([1, 0]);
    await lab.run(Promise.all([ahead, ...calls]));
    expect(sent.listeners()).toBe(0);
  });

  test('bytes stay in memory only as long as a call needs them', async () => {
    const LONG = 4e6;
    const held = async () => {
      for (let times = 0; times < 3; times++) {
        await settle();
        collect();
      }
      return process.memoryUsage().arrayBuffers;
    };
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const appendObject: AppendClient['appendObject'] = async (_key, body, { position }) => {
      await answered;
      const { size } = new Blob([body as Uint8Array<ArrayBuffer>]);
      return { nextAppendPosition: position + size, requestId: 'REQ' } as AppendObjectResult;
    };
    const client = { ...new OneObject().client, appendObject };
    const object = new AppendableObject(client, KEY, { segmentSize: LONG, tail: { position: 0 } });
    const ahead = object.append('ahead');
    await settle();
    const behind = object.append('stays');
    const before = await held();
    for (let times = 0; times < 5; times++) {
      const stop = new AbortController();
      const call = object.append(new Uint8Array(LONG - 5), stop);
      stop.abort('enough');
      await expect(call).rejects.toBe('enough');
    }
    expect((await held()) - before).toBeLessThan(LONG / 2);
    answer();
    await Promise.all([ahead, behind, object.append(new Uint8Array(LONG))]);
    expect((await held()) - before).toBeLessThan(LONG / 2);
  });

  test("progress counts the call's own bytes, and an exception of onprogress ends only this call", async () => {
    const lab: Lab = new Lab({
      ...options,
      client: {
        fetch: (url, init) => {
          for (const loaded of [1, 4]) init.onprogress?.({ loaded, total: 6 });
          return lab.oss.fetch(url, init);
        },
      },
    });
    const seen: AppendProgress[][] = [[], []];
    const throws = () => {
      throw new RangeError('mine');
    };
    const calls = [
      lab.object.append('abc', { onprogress: (progress) => seen[0]!.push(progress) }),
      lab.object.append('d', { onprogress: throws }),
      lab.object.append('ef', { onprogress: (progress) => seen[1]!.push(progress) }),
    ];
    expect(await lab.failure(calls[1]!)).toMatchObject({ name: 'RangeError', message: 'mine' });
    await lab.run(Promise.all([calls[0], calls[2]]));
    expect(seen[0]!.map(({ sent, loaded, total }) => [sent, loaded, total])).toEqual([
      [1, 0, 3],
      [3, 0, 3],
      [3, 3, 3],
    ]);
    expect(seen[1]!.map(({ sent, loaded, total }) => [sent, loaded, total])).toEqual([
      [0, 0, 2],
      [0, 0, 2],
      [2, 2, 2],
    ]);
    expect(lab.stored).toBe('abcdef');
  });

  test('a call that has no source or would exceed 5 GiB fails alone', async () => {
    const lab = new Lab({ ...options, contents: 'checksum' });
    lab.oss.appendObject('logs', KEY, 5 * 1024 ** 3 - 3);
    const wrong = lab.object.append(7 as unknown as AppendSource);
    const [first, tooLong, last] = ['a', 'bcd', 'ef'].map((text) => lab.object.append(text));
    const results = await lab.run(Promise.allSettled([wrong, first, tooLong, last]));
    expect(results).toMatchObject([
      { reason: expect.any(TypeError) },
      { status: 'fulfilled' },
      { reason: expect.any(RangeError) },
      { value: { position: 5 * 1024 ** 3 } },
    ]);
  });
});

describe('resume', () => {
  const text = 'abcdefghij';

  test('continues a file after a reload, without any saved state', async () => {
    const lab = new Lab({ before: 'abcdef' });
    const progress: number[] = [];
    const tail = await lab.run(lab.another().resume(blob(text), { onprogress: ({ loaded }) => progress.push(loaded) }));
    expect(tail).toEqual({ position: 10, hashCrc64ecma: crcOf(text) });
    expect(lab.requests).toEqual(['HEAD', 'POST 6']);
    expect(progress).toEqual([6, 10]);
  });

  test('creates a missing object, and recognises a finished upload', async () => {
    const lab = new Lab();
    await lab.run(lab.object.resume(blob(text)));
    expect(lab.stored).toBe(text);
    lab.oss.clearRequests();
    await expect(lab.run(lab.another().resume(blob(text)))).resolves.toMatchObject({ position: 10 });
    expect(lab.requests).toEqual(['HEAD']);
  });

  test('compares byte by byte if the CRC is hidden', async () => {
    const lab = new Lab({ before: 'abcdef', faults: hidden() });
    await lab.run(lab.object.resume(blob(text)));
    // One GET reads the bytes, and another one reads a single byte, which shows that nothing was decoded.
    expect(lab.requests).toEqual(['HEAD', 'GET', 'GET', 'POST 6']);
    expect(lab.stored).toBe(text);
  });

  test('refuses an object with another beginning, and reports both CRCs', async () => {
    for (const faults of [[], hidden()]) {
      const lab = new Lab({ before: 'abcdeX', faults });
      const error = await lab.failure(lab.object.resume(blob(text)));
      expect(error).toBeInstanceOf(ChecksumError);
      expect(error).toMatchObject({ code: 'DifferentPrefix', expected: crcOf('abcdef'), actual: crcOf('abcdeX') });
      expect(lab.stored).toBe('abcdeX');
    }
  });

  test('refuses an object that is longer than the file', async () => {
    const lab = new Lab({ before: `${text}!` });
    expect(await lab.failure(lab.object.resume(blob(text)))).toMatchObject({ name: 'AppendConflictError', found: 11 });
  });

  test('uses `start` as the position in the object where the file began', async () => {
    const start = { position: 3, hashCrc64ecma: crcOf('log') };
    const lab = new Lab({ before: 'logabc' });
    await lab.run(lab.object.resume(blob(text), { start }));
    expect(lab.stored).toBe(`log${text}`);
    const shorter = new Lab({ before: 'lo' });
    const error = await shorter.failure(shorter.object.resume(blob(text), { start }));
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 2 });
    const other = new Lab({ before: 'LOGabc' });
    const different = await other.failure(other.object.resume(blob(text), { start }));
    expect(different).toMatchObject({ code: 'DifferentPrefix' });
  });

  test('compares the beginning again if a late request from before the reload moved the end of the object', async () => {
    const lab = new Lab({ before: 'ab', faults: [at({ kind: 'rival', when: 'before', bytes: utf8('cdefg') })] });
    await lab.run(lab.object.resume(blob(text)));
    expect(lab.stored).toBe(text);
  });

  test('reports what is stored if a Blob-like object cannot be sliced any more', async () => {
    const lab = new Lab({ before: 'abcd' });
    let cuts = 0;
    const file = Object.assign(new PolyfillBlob(['abcdefgh']), {
      slice: (start: number, end: number) => {
        // The first slice is for the beginning that is already stored.
        if (++cuts > 1) throw new Error('boom');
        return new PolyfillBlob(['abcdefgh'.slice(start, end)]);
      },
    });
    const error = await lab.failure(lab.object.resume(file));
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ loaded: 4, outcome: 'absent', tail: { position: 4 }, cause: { message: 'boom' } });
  });

  test('is refused for sharing writers and for sources that cannot be read again', async () => {
    const lab = new Lab({ shared: true });
    await expect(lab.object.resume(blob(text))).rejects.toBeInstanceOf(TypeError);
    await expect(lab.another({ shared: false }).resume('abc' as unknown as Blob)).rejects.toBeInstanceOf(TypeError);
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

describe('AppendStream', () => {
  test('pipeTo stores everything, and close resolves when it is stored', async () => {
    const lab = new Lab({ faults: () => ({ kind: 'answer-late', delay: 5 }) });
    await lab.run(new Blob(['abcdefghij']).stream().pipeTo(new AppendStream(lab.object)));
    expect(lab.stored).toBe('abcdefghij');
    expect(lab.object.tail).toEqual({ position: 10, hashCrc64ecma: crcOf('abcdefghij') });
  });

  test('back-pressure reaches the writer: `ready` waits while one segment is being sent and another one is full', async () => {
    const lab = new Lab({ faults: [at({ kind: 'answer-late', delay: 1000 })] });
    const writer = new AppendStream(lab.object).getWriter();
    const written: string[] = [];
    const work = (async () => {
      for (const chunk of ['abcd', 'efgh', 'ijkl', 'mnop', 'qrst']) {
        await writer.ready;
        written.push(chunk);
        writer.write(chunk).catch(() => {});
      }
      await writer.close();
    })();
    work.catch(() => {});
    await settle();
    const paused = [...written];
    await lab.run(work);
    // One segment is in flight, one is full, and one is in the stream's own queue.
    expect(paused.length).toBeLessThanOrEqual(3);
    expect(lab.stored).toBe('abcdefghijklmnopqrst');
  });

  test('an abort stops the request that is in flight', async () => {
    const lab = new Lab({ faults: [at({ kind: 'answer-late', delay: 60_000 })] });
    const writer = new AppendStream(lab.object).getWriter();
    writer.closed.catch(() => {});
    writer.write('abcd').catch(() => {});
    writer.write('efgh').catch(() => {});
    await settle();
    const reason = new Error('closed the tab');
    const started = lab.clock.now();
    await lab.run(writer.abort(reason));
    expect(lab.clock.now()).toBe(started);
    await expect(writer.closed).rejects.toBe(reason);
  });

  test('a failure reaches every caller that writes, pipes or closes', async () => {
    const lab = new Lab({ faults: [at({ kind: 'deny' })] });
    const error = await lab.failure(new Blob(['abcdefgh']).stream().pipeTo(new AppendStream(lab.object)));
    expect(error).toMatchObject({ name: 'ServiceError', code: 'AccessDenied', loaded: 0 });
    const other = new Lab({ faults: [at({ kind: 'deny' })] });
    const writer = new AppendStream(other.object).getWriter();
    writer.closed.catch(() => {});
    writer.write('ab').catch(() => {});
    expect(await other.failure(writer.close())).toMatchObject({ code: 'AccessDenied' });
  });

  test('a signal ends the stream with its reason', async () => {
    const lab = new Lab({ faults: [at({ kind: 'answer-late', delay: 60_000 })] });
    const controller = new AbortController();
    const piping = new Blob(['abcdefgh']).stream().pipeTo(new AppendStream(lab.object, { signal: controller.signal }));
    piping.catch(() => {});
    await settle();
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await lab.failure(piping)).toBe(reason);
  });

  test('the constructor accepts only an AppendableObject', () => {
    expect(() => new AppendStream({} as never)).toThrow(new TypeError('AppendStream needs an AppendableObject'));
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
