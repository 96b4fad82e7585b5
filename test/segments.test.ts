/**
 * Any source becomes segments that contain all its bytes in order, each byte once. The source is released in every
 * case.
 */
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { Window } from 'happy-dom';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { bytesOf, isBlob } from '../src/bytes.ts';
import { crc64 } from '../src/crc64.ts';
import { SourceError } from '../src/errors.ts';
import type { AppendSource, Segment } from '../src/source/segment.ts';
import { readSegments } from '../src/source/segments.ts';
import { failureOf, settle, utf8 } from './unit-tools.ts';

/** Reads a source to its end, and checks the size and the CRC of each segment. */
async function segmentsOf(source: AppendSource, size = 4): Promise<Uint8Array[]> {
  const reader = readSegments(source);
  const segments: Uint8Array[] = [];
  for (let segment = await reader.next(size); segment; segment = await reader.next(size))
    segments.push(await check(segment));
  expect(await reader.next(size)).toBeUndefined();
  return segments;
}

async function check({ body, size, crc }: Segment): Promise<Uint8Array> {
  const bytes = new Uint8Array(body instanceof Blob ? await body.arrayBuffer() : body);
  expect([bytes.byteLength, crc64(bytes)]).toEqual([size, crc]);
  if (body instanceof Blob) expect(body.type).toBe('');
  return bytes;
}

async function textsOf(source: AppendSource, size = 4): Promise<string[]> {
  return (await segmentsOf(source, size)).map((bytes) => new TextDecoder().decode(bytes));
}

function streamOf(...chunks: unknown[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk as Uint8Array);
      controller.close();
    },
  });
}

async function* asynchronous<T>(...items: T[]): AsyncGenerator<T> {
  yield* items;
}

const TEXT = '0123456789';

describe('every source', () => {
  const bytes = utf8(TEXT);
  const padded = utf8(`__${TEXT}___`);
  const sources: [string, () => AppendSource, number | undefined][] = [
    ['Blob', () => new Blob([TEXT]), 10],
    ['slice of a Blob', () => new Blob([padded]).slice(2, 12), 10],
    ['File', () => new File([TEXT], 'a.txt'), 10],
    ['Uint8Array', () => bytes, 10],
    ['Uint8Array with an offset', () => padded.subarray(2, 12), 10],
    ['Buffer of a pool', () => Buffer.from(TEXT) as Uint8Array<ArrayBuffer>, 10],
    ['ArrayBuffer', () => bytes.buffer, 10],
    ['DataView with an offset', () => new DataView(padded.buffer, 2, 10), 10],
    ['Int8Array', () => new Int8Array(bytes.buffer), 10],
    ['Uint8ClampedArray', () => new Uint8ClampedArray(bytes.buffer), 10],
    ['Int16Array with an offset', () => new Int16Array(padded.slice().buffer, 2, 5), 10],
    ['Uint16Array', () => new Uint16Array(bytes.buffer), 10],
    ['string', () => TEXT, 10],
    ['Response', () => new Response(TEXT), undefined],
    ['Request', () => new Request('http://e.com', { method: 'POST', body: TEXT }), undefined],
    [
      'Response of another library',
      () => ({ body: asynchronous(bytes), headers: {}, bodyUsed: false }) as unknown as Response,
      undefined,
    ],
    ['ReadableStream of bytes', () => streamOf(bytes.subarray(0, 3), bytes.subarray(3)), undefined],
    ['ReadableStream of strings', () => streamOf('01234', '56789'), undefined],
    ['ReadableStream of Blobs', () => streamOf(new Blob(['012']), new Blob(['3456789'])), undefined],
    [
      'ReadableStream of all kinds',
      () => streamOf('01', utf8('23').buffer, new Blob(['456']), new DataView(bytes.buffer, 7)),
      undefined,
    ],
    [
      'byte stream',
      () =>
        new ReadableStream({
          type: 'bytes',
          start: (c) => {
            c.enqueue(bytes.slice());
            c.close();
          },
        }),
      undefined,
    ],
    ['stream of a Blob', () => new Blob([TEXT]).stream(), undefined],
    ['piped stream', () => streamOf(TEXT).pipeThrough(new TransformStream()), undefined],
    ['array of chunks', () => ['01', bytes.subarray(2)], undefined],
    ['Set', () => new Set([utf8('012'), utf8('3456789')]), undefined],
    [
      'generator',
      () =>
        (function* () {
          yield '01234';
          yield '56789';
        })(),
      undefined,
    ],
    ['async generator', () => asynchronous<string | Uint8Array<ArrayBuffer>>('01234', utf8('56789')), undefined],
    [
      'async iterable without return',
      () =>
        ({
          [Symbol.asyncIterator]: () => {
            const left = ['01234', '56789'];
            return {
              next: async () => {
                const value = left.shift();
                return value === undefined ? { done: true as const, value } : { value };
              },
            };
          },
        }) as AsyncIterable<string>,
      undefined,
    ],
  ];

  test.each(sources)('%s', async (_, make, total) => {
    expect(await textsOf(make())).toEqual(['0123', '4567', '89']);
    expect(await textsOf(make(), 10)).toEqual([TEXT]);
    expect(await textsOf(make(), 5)).toEqual(['01234', '56789']);
    expect(await textsOf(make(), 1)).toEqual([...TEXT]);
    expect(await textsOf(make(), 1e9)).toEqual([TEXT]);
    expect(readSegments(make()).total).toBe(total);
  });

  test('the bytes of a Float64Array are used as they are in memory', async () => {
    const floats = new Float64Array([1, 2]);
    expect(await segmentsOf(floats, 16)).toEqual([new Uint8Array(floats.buffer)]);
  });

  test.each<[string, () => AppendSource]>([
    ['Blob', () => new Blob()],
    ['bytes', () => new Uint8Array()],
    ['string', () => ''],
    ['Response', () => new Response()],
    ['Request', () => new Request('http://e.com')],
    ['body of a Request without a body', () => new Request('http://e.com').body],
    ['Response with an empty body', () => new Response('')],
    ['stream', () => streamOf()],
    ['stream of empty chunks', () => streamOf(utf8(''), '', new Blob([]), new ArrayBuffer(0))],
    ['iterable', () => []],
    ['async iterable', () => asynchronous()],
  ])('empty: %s', async (_, make) => expect(await segmentsOf(make())).toEqual([]));

  test('the type is the type of a Blob, and other sources have none', () => {
    expect(readSegments(new File([''], 'a', { type: 'text/csv' })).type).toBe('text/csv');
    expect(readSegments(new Response('', { headers: { 'content-type': 'text/csv' } })).type).toBe('');
    expect(readSegments('').type).toBe('');
  });

  test('bytes of another realm are accepted', async () => {
    const realm = (code: string): AppendSource => runInNewContext(code, { TextEncoder });
    expect(await textsOf(realm('Uint8Array.of(48, 49, 50, 51, 52).subarray(1)'))).toEqual(['1234']);
    expect(await textsOf(realm('Uint8Array.of(48, 49).buffer'))).toEqual(['01']);
    expect(await textsOf(realm('new DataView(Uint8Array.of(48, 49).buffer)'))).toEqual(['01']);
    expect(await textsOf(realm('["01", Uint8Array.of(50).buffer]'))).toEqual(['012']);
    expect(await textsOf(realm('(async function* () { yield "01"; })()'))).toEqual(['01']);
    const blob = new Blob([TEXT]);
    const duck = { size: 10, type: '', slice: blob.slice.bind(blob), arrayBuffer: () => blob.arrayBuffer() };
    expect([isBlob(duck), duck instanceof Blob]).toEqual([true, false]);
    expect(await textsOf(duck as unknown as Blob)).toEqual(['0123', '4567', '89']);
    const inner = streamOf(TEXT).getReader();
    const stream = { locked: false, getReader: () => inner } as unknown as ReadableStream<string>;
    expect(await textsOf(stream)).toEqual(['0123', '4567', '89']);
  });

  test('streams are read only with getReader, because Safari has nothing else', async () => {
    const stream = streamOf('01', '23');
    Object.defineProperty(stream, Symbol.asyncIterator, { value: undefined });
    expect(await textsOf(stream)).toEqual(['0123']);
  });
});

describe('text', () => {
  test.each([
    [['\ud83d', '\ude00'], '😀'],
    [['a\ud83d', '\ude00b', 'c'], 'a😀bc'],
    [['\ud83d', '', '\ude00'], '😀'],
    [['日', '志\ud83d'], '日志\ufffd'],
    [['\ud83d', '\ud83d', '\ude00'], '\ufffd😀'],
    [['\ude00', 'a'], '\ufffda'],
    [['\ud83d', utf8('|'), '\ude00'], '\ufffd|\ufffd'],
    [['\ud83d', new Blob(['|']), '\ude00'], '\ufffd|\ufffd'],
  ])('%j is %s, wherever the chunks are cut', async (chunks, expected) => {
    for (const source of [streamOf(...chunks), chunks, asynchronous(...chunks)] as AppendSource[])
      expect((await textsOf(source, 1e6)).join('')).toBe(expected);
  });

  test('a segment may end inside a character', async () => {
    const segments = await segmentsOf(['日志'], 2);
    expect(segments.map(({ byteLength }) => byteLength)).toEqual([2, 2, 2]);
    expect(Buffer.concat(segments).toString()).toBe('日志');
  });
});

describe('sizes', () => {
  const MIB = 1024 * 1024;

  /** Bytes that identify their position. */
  function pattern(size: number): Uint8Array<ArrayBuffer> {
    const words = new Uint32Array(Math.ceil(size / 4));
    for (let i = 0; i < words.length; i++) words[i] = i * 2_654_435_761;
    return new Uint8Array(words.buffer, 0, size);
  }

  test.each([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB, 3 * MIB + 5])(
    '%i bytes in chunks and segments of different sizes are complete',
    async (size) => {
      const all = pattern(size);
      const chunks = function* () {
        for (let at = 0; at < size; at += 65_537) yield all.subarray(at, at + 65_537);
      };
      const expected = crc64(all);
      for (const source of [all, new Blob([all]), chunks(), streamOf(new Blob([all]))]) {
        const segments = await segmentsOf(source, 700_001);
        expect(segments.slice(0, -1).every(({ byteLength }) => byteLength === 700_001)).toBe(true);
        expect(segments.reduce((crc, bytes) => crc64(bytes, crc), 0n)).toBe(expected);
        expect(segments.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(size);
      }
    },
  );

  test('a hundred thousand chunks of one byte are complete', async () => {
    const count = 100_000;
    const all = pattern(count);
    const chunks = function* () {
      for (let i = 0; i < count; i++) yield all.subarray(i, i + 1);
    };
    const [first, second, ...rest] = await segmentsOf(chunks(), count - 1);
    expect([first, second, rest]).toEqual([all.subarray(0, -1), all.subarray(-1), []]);
  });

  test('one chunk of 100 MB is complete', async () => {
    const all = pattern(100_000_000);
    const reader = readSegments(streamOf(all));
    let [crc, size, count] = [0n, 0, 0];
    for (let segment = await reader.next(8 * MIB); segment; segment = await reader.next(8 * MIB)) {
      crc = crc64(new Uint8Array(await (segment.body as Blob).arrayBuffer()), crc);
      size += segment.size;
      count++;
    }
    expect([size, count, crc]).toEqual([100_000_000, 12, crc64(all)]);
  });

  test('small segments are bytes, and large segments and slices of a Blob are Blobs; none has a type', async () => {
    const kinds = async (source: AppendSource) => isBlob((await readSegments(source).next(1e9))?.body);
    expect(await kinds(pattern(65_536))).toBe(false);
    expect(await kinds(pattern(65_537))).toBe(true);
    const slice = await readSegments(new Blob(['x'], { type: 'text/plain' })).next(1);
    expect(slice?.body).toBeInstanceOf(Blob);
    expect(slice?.body).toMatchObject({ type: '' });
  });
});

test('a generator may reuse its buffer', async () => {
  const chunks = function* () {
    const buffer = new Uint8Array(3);
    for (let i = 0; i < 300_000; i++) {
      buffer.fill(i);
      yield buffer;
    }
  };
  const segments = await segmentsOf(chunks(), 450_000);
  const all = Buffer.concat(segments);
  expect(all.length).toBe(900_000);
  expect(all.findIndex((byte, i) => byte !== (Math.floor(i / 3) & 255))).toBe(-1);
});

test('segments do not change while the next ones are read', async () => {
  const reader = readSegments(['aaaa', 'bbbb', 'cccc']);
  const first = await reader.next(4);
  await reader.next(4);
  await reader.next(4);
  expect(new TextDecoder().decode(await check(first as Segment))).toBe('aaaa');
});

describe('sources that fail', () => {
  const boom = new Error('boom');
  const failing: [string, () => AppendSource][] = [
    [
      'stream',
      () =>
        new ReadableStream({
          pull: (c) => {
            c.enqueue('0123');
            c.error(boom);
          },
        }).pipeThrough(new TransformStream()),
    ],
    [
      'generator',
      () =>
        (function* () {
          yield '01';
          throw boom;
        })(),
    ],
    [
      'async generator',
      () =>
        (async function* () {
          yield '01';
          throw boom;
        })(),
    ],
  ];
  test.each(failing)('%s causes a SourceError with the cause', async (_, make) => {
    const reader = readSegments(make());
    const error = await failureOf(
      (async () => {
        while (await reader.next(1));
      })(),
    );
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({
      code: 'SourceError',
      message: 'Cannot read the source: it failed (boom)',
    });
    // The cause is the caller's own error, not a copy.
    expect((error as SourceError).cause).toBe(boom);
    reader.cancel(error);
  });

  test.each<[string, unknown]>([
    ['a number', 5],
    ['null', null],
    ['undefined', undefined],
    ['an object', {}],
    ['a list of numbers', [1, 2]],
    ['a pair', ['a', utf8('b')]],
    ['a Promise', Promise.resolve('x')],
    ['a stream', new ReadableStream()],
  ])('a chunk that is %s causes a SourceError that says so, and the source is cancelled', async (_, chunk) => {
    const cancel = vi.fn();
    const stream = new ReadableStream({ start: (c) => c.enqueue(chunk), cancel });
    const ended = vi.fn();
    const generator = (function* () {
      try {
        yield chunk;
      } finally {
        ended();
      }
    })();
    for (const source of [stream, generator] as AppendSource[]) {
      const error = await failureOf(readSegments(source).next(4));
      expect(error).toBeInstanceOf(SourceError);
      expect(error).toMatchObject({
        message: expect.stringMatching(
          /^Cannot read the source: it returned something that is not bytes \(a chunk has type \w+, but must be bytes, text or a Blob\)$/,
        ),
      });
      expect(error).toMatchObject({ cause: { name: 'TypeError' } });
    }
    await settle();
    expect(cancel).toHaveBeenCalledTimes(1);
    expect(cancel.mock.calls[0]?.[0]).toBeInstanceOf(TypeError);
    expect(ended).toHaveBeenCalledTimes(1);
  });

  test('a File that cannot be read any more causes a SourceError', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'segments-'));
    try {
      const path = join(folder, 'file');
      await writeFile(path, 'before');
      const blob = await openAsBlob(path);
      await writeFile(path, 'changed after it was picked');
      for (const source of [blob, [blob]]) {
        const error = await failureOf(readSegments(source).next(4));
        expect(error).toBeInstanceOf(SourceError);
        expect(error).toMatchObject({
          message: expect.stringMatching(/^Cannot read the source: it cannot be read any more: the file/),
          cause: { name: 'NotReadableError' },
        });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a File that returns fewer bytes than its size causes a SourceError', async () => {
    const blob = { size: 10, type: '', slice: () => blob, arrayBuffer: async () => new ArrayBuffer(4) };
    const error = await failureOf(readSegments(blob as unknown as Blob).next(10));
    expect(error).toMatchObject({ name: 'SourceError', message: expect.stringMatching(/the file gave 4 of 10 bytes/) });
  });
});

describe('a value that is not a source is refused at once', () => {
  test.each([undefined, 5, 5n, true, Symbol('s'), () => {}, {}, { size: 5 }, new Date(0)])('%s', (value) => {
    expect(() => readSegments(value as string)).toThrow(TypeError);
    expect(() => readSegments(value as string)).toThrow(
      /^source must be a Blob, bytes, a string, a Response, a stream or an iterable, not /,
    );
  });

  test('a stream that something else reads is refused', () => {
    const stream = streamOf('x');
    stream.getReader();
    expect(() => readSegments(stream)).toThrow(/this ReadableStream is locked/);
    expect(() => readSegments(stream)).toThrow(TypeError);
  });

  test('a Response that was already read is refused', async () => {
    const response = new Response('x');
    await response.text();
    expect(() => readSegments(response)).toThrow(/^this body has been read already/);
    expect(() => readSegments(response)).toThrow(TypeError);
  });

  const form = (...pairs: [string, string][]) => {
    const result = new FormData();
    for (const [name, value] of pairs) result.append(name, value);
    return result;
  };
  const pairs: [string, object][] = [
    ['an empty FormData', form()],
    ['a FormData', form(['a', 'b'])],
    ['happy-dom’s FormData', new Window().FormData.prototype],
    ['an empty URLSearchParams', new URLSearchParams()],
    ['URLSearchParams', new URLSearchParams('a=b')],
    ['Headers', new Headers({ a: 'b' })],
    ['an empty Map', new Map()],
    ['a Map', new Map([['a', utf8('b')]])],
    ['a Map of another realm', runInNewContext('new Map()')],
    ['a Promise of bytes', Promise.resolve(utf8('a'))],
    ['a record of bytes', { a: utf8('a') }],
    ['a function that returns bytes', () => utf8('a')],
  ];
  test.each(pairs)('%s: the error names its type and says what to append', (_, value) => {
    const [, type] = /^\[object (\w+)\]$/.exec(Object.prototype.toString.call(value)) ?? [];
    expect(() => readSegments(value as AppendSource)).toThrow(TypeError);
    expect(() => readSegments(value as AppendSource)).toThrow(
      new RegExp(`not of type ${type}; for a FormData or Map, append its values$`),
    );
  });

  test.each([
    ['a refusal', () => new Response('<Error/>', { status: 404 }), 404],
    ['a failure of the server', () => new Response('oops', { status: 502 }), 502],
    ['an error', () => Response.error(), 0],
    ['a redirect', () => Response.redirect('https://e.com/'), 302],
  ])('a Response that is not a success is refused: %s', (_, make, status) => {
    expect(() => readSegments(make())).toThrow(TypeError);
    expect(() => readSegments(make())).toThrow(`this Response has HTTP status ${status}: append only what is ok`);
  });

  test('a Request that was already read is refused', async () => {
    const request = new Request('http://e.com', { method: 'POST', body: 'x' });
    await request.text();
    expect(() => readSegments(request)).toThrow(/^this body has been read already/);
  });
});

describe('memory that can change', () => {
  const resizable = (size: number): ArrayBuffer =>
    Reflect.construct(ArrayBuffer, [size, { maxByteLength: 2 * size }]) as ArrayBuffer;

  test.each<[string, () => ArrayBufferView | ArrayBufferLike]>([
    ['shared memory', () => new SharedArrayBuffer(4)],
    ['a view of shared memory', () => new Uint8Array(new SharedArrayBuffer(8), 1, 4)],
    ['a resizable buffer', () => resizable(4)],
    ['a view of a resizable buffer', () => new DataView(resizable(8), 1, 4)],
  ])('%s is copied, because `fetch` refuses it', (_, make) => {
    const bytes = bytesOf(make());
    expect(bytes).toEqual(new Uint8Array(4));
    expect(bytes?.buffer).toEqual(new ArrayBuffer(4));
    expect(bytes?.buffer).not.toHaveProperty('resizable', true);
  });

  test('other memory is not copied', () => {
    const bytes = utf8('abcd');
    expect(bytesOf(bytes)?.buffer).toBe(bytes.buffer);
  });
});

describe('the source is released', () => {
  test('a stream is released at its end', async () => {
    const stream = streamOf('x');
    await textsOf(stream);
    expect(stream.locked).toBe(false);
  });

  test('a stream is released when it fails', async () => {
    const stream = new ReadableStream({ start: (c) => c.error(new Error('boom')) });
    await failureOf(readSegments(stream).next(1));
    expect(stream.locked).toBe(false);
  });

  test('a stream is cancelled with the reason and released, during a read as well', async () => {
    for (const during of [false, true]) {
      const cancel = vi.fn();
      const stream = new ReadableStream({ pull: (c) => (during ? undefined : c.enqueue('xx')), cancel });
      const reader = readSegments(stream);
      const reading = reader.next(1);
      if (!during) await reading;
      const reason = new Error('enough');
      reader.cancel(reason);
      await reading;
      expect(cancel.mock.calls).toEqual([[reason]]);
      expect(stream.locked).toBe(false);
    }
  });

  test('an iterator is returned once', async () => {
    const ended = vi.fn();
    const endless = (function* () {
      try {
        for (;;) yield 'x';
      } finally {
        ended();
      }
    })();
    const reader = readSegments(endless);
    await reader.next(3);
    expect(ended).toHaveBeenCalledTimes(0);
    reader.cancel(new Error('enough'));
    reader.cancel(new Error('again'));
    expect(ended).toHaveBeenCalledTimes(1);
    expect(await reader.next(3)).toBeUndefined();
  });

  test('an iterator whose return fails or never answers does no harm', async () => {
    for (const end of [
      () => {
        throw new Error('no');
      },
      async () => {
        throw new Error('no');
      },
      () => new Promise<never>(() => {}),
    ]) {
      const source = { [Symbol.asyncIterator]: () => ({ next: async () => ({ value: 'x' }), return: end }) };
      const reader = readSegments(source as AsyncIterable<string>);
      await reader.next(1);
      expect(() => reader.cancel('enough')).not.toThrow();
    }
    await settle();
  });

  test('after the end, nothing is cancelled', async () => {
    const cancel = vi.fn();
    const stream = new ReadableStream({ start: (c) => c.close(), cancel });
    const reader = readSegments(stream);
    await reader.next(1);
    reader.cancel('late');
    expect(cancel).toHaveBeenCalledTimes(0);
    const blob = readSegments(new Blob(['xy']));
    await blob.next(1);
    blob.cancel('enough');
    expect(await blob.next(1)).toBeUndefined();
  });

  test('nothing is read before it is requested, and no more than is needed', async () => {
    const given: number[] = [];
    const chunks = (function* () {
      for (let i = 0; i < 9; i++) {
        given.push(i);
        yield 'xx';
      }
    })();
    const reader = readSegments(chunks);
    await settle();
    expect(given).toEqual([]);
    await reader.next(3);
    expect(given).toEqual([0, 1]);
    await reader.next(1);
    expect(given).toEqual([0, 1]);
  });
});

describe('a segment of a slow stream can be cut', () => {
  const unreadable = {
    size: 1,
    type: '',
    slice: () => unreadable,
    arrayBuffer: () => Promise.reject(new Error('gone')),
  };

  function slow() {
    let controller: ReadableStreamDefaultController<string>;
    const stream = new ReadableStream<string>({
      start: (given) => {
        controller = given;
      },
    });
    let cutNow = () => {};
    const cut = vi.fn(
      () =>
        new Promise<void>((resolve) => {
          cutNow = resolve;
        }),
    );
    const reader = readSegments(stream);
    const next = async () => {
      const segment = await reader.next(4, cut);
      return segment && new TextDecoder().decode(await check(segment));
    };
    return {
      cut,
      next,
      reader,
      cutNow: () => cutNow(),
      give: (text: string) => controller.enqueue(text),
      close: () => controller.close(),
      fail: (e: unknown) => controller.error(e),
    };
  }

  test('if it has bytes and the promise resolves; later bytes belong to the next segment', async () => {
    const { next, cut, cutNow, give, close } = slow();
    const first = next();
    await settle();
    expect(cut).toHaveBeenCalledTimes(0);
    give('a');
    await settle();
    give('b');
    await settle();
    expect(cut).toHaveBeenCalledTimes(1);
    cutNow();
    expect(await first).toBe('ab');
    const second = next();
    give('cd');
    await settle();
    expect(cut).toHaveBeenCalledTimes(2);
    close();
    expect(await second).toBe('cd');
    expect(await next()).toBeUndefined();
  });

  test('but not while it is empty', async () => {
    const { next, cut, cutNow, give } = slow();
    const first = next();
    give('');
    await settle();
    cutNow();
    await settle();
    expect(cut).toHaveBeenCalledTimes(0);
    give('abcd');
    expect(await first).toBe('abcd');
  });

  test('a full segment needs no cut, and no cut is left over for it', async () => {
    const { next, cutNow, give } = slow();
    give('abcdef');
    expect(await next()).toBe('abcd');
    const second = next();
    cutNow();
    expect(await second).toBe('ef');
  });

  test('a promise that rejects cuts as well', async () => {
    const reader = readSegments(new ReadableStream<string>({ start: (c) => c.enqueue('ab') }));
    expect((await reader.next(4, () => Promise.reject(new Error('over'))))?.size).toBe(2);
  });

  test.each<[string, (source: ReturnType<typeof slow>) => void]>([
    ['a failure', ({ fail }) => fail(new Error('boom'))],
    ['a chunk of a wrong type', ({ give }) => give(5 as unknown as string)],
    ['a Blob that cannot be read', ({ give }) => give(unreadable as unknown as string)],
  ])('%s after the cut reaches the next segment, and is never mistaken for the end', async (_, happens) => {
    const source = slow();
    const first = source.next();
    source.give('ab');
    await settle();
    source.cutNow();
    expect(await first).toBe('ab');
    happens(source);
    await settle();
    expect(await failureOf(source.next())).toBeInstanceOf(SourceError);
  });

  test('a hundred thousand chunks add no callbacks to the promise', async () => {
    const over = new Promise<void>(() => {});
    const then = vi.spyOn(over, 'then');
    const chunk = new Uint8Array(1);
    const chunks = (function* () {
      for (let i = 0; i < 1e5; i++) yield chunk;
    })();
    await readSegments(chunks).next(1e5, () => over);
    expect(then).toHaveBeenCalledTimes(1);
  });
});

describe('the event loop runs while many bytes are read at once', () => {
  const MIB = 1024 * 1024;
  const SIZE = 16 * MIB;
  const chunk = new Uint8Array(MIB / 16);
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  /** A stream that always has bytes, so that reading it takes only microtasks. */
  function ready(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let left = SIZE;
    return new ReadableStream({
      pull(controller) {
        if (left === 0) return controller.close();
        left -= chunk.byteLength;
        controller.enqueue(chunk);
      },
    });
  }

  /** Counts the runs of the event loop until the work is done. */
  async function turnsOf(work: Promise<unknown>): Promise<number> {
    let turns = 0;
    let done = false;
    const count = () => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await work.finally(() => {
      done = true;
    });
    return turns;
  }

  test.each<[string, () => AppendSource]>([
    ['bytes', () => new Uint8Array(SIZE)],
    ['a stream', ready],
    ['an iterable', () => Array<Uint8Array<ArrayBuffer>>(SIZE / chunk.byteLength).fill(chunk)],
    ['a Blob', () => new Blob([new Uint8Array(SIZE)])],
    ['a Blob in a stream', () => streamOf(new Blob([new Uint8Array(SIZE)]))],
  ])('while the source is %s', async (_, source) => {
    const reader = readSegments(source());
    expect(await turnsOf(reader.next(SIZE))).toBeGreaterThanOrEqual(SIZE / MIB / 2);
    expect(await reader.next(SIZE)).toBeUndefined();
  });

  test('no port stays open', async () => {
    const open = new Set<MessagePort>();
    const Native = MessageChannel;
    vi.stubGlobal(
      'MessageChannel',
      class {
        constructor() {
          const { port1, port2 } = new Native();
          for (const port of [port1, port2]) {
            open.add(port);
            const close = port.close.bind(port);
            port.close = () => {
              open.delete(port);
              close();
            };
          }
          Object.assign(this, { port1, port2 });
        }
      },
    );
    await readSegments(ready()).next(SIZE);
    expect(open.size).toBe(0);
  });

  test('without MessageChannel, the source is read as well', async () => {
    vi.stubGlobal('MessageChannel', undefined);
    const reader = readSegments(ready());
    expect((await reader.next(SIZE))?.size).toBe(SIZE);
  });
});
