/** Any source is appended whole, and a source that fails leaves its confirmed beginning. */
import { beforeAll, describe, expect, test } from 'vitest';
import { append } from '../../src/append/object.ts';
import { SourceError } from '../../src/errors.ts';
import type { AppendSource } from '../../src/source/segment.ts';
import { settle } from '../tools/virtual-clock.ts';
import { KEY, Lab } from './exactly-once/lab.ts';
import { synchronousPlatform } from './exactly-once/platform.ts';
import { memoryBlob } from './exactly-once/sources.ts';
import { at, boom, utf8 } from './tools.ts';

// With this platform, a memory Blob is a platform Blob, so its slices are sent unchanged.
beforeAll(synchronousPlatform);

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
