import { runInNewContext } from 'node:vm';
import { Window } from 'happy-dom';
import { describe, expect, test } from 'vitest';
import { isBlob } from '../../src/bytes.ts';
import type { AppendSource } from '../../src/source/segment.ts';
import { readSegments } from '../../src/source/segments.ts';
import { utf8 } from '../tools/unit-tools.ts';
import { segmentsOf, streamOf, textsOf } from './segment-tools.ts';

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

  test('a request of a Node server, with headers and an unread body, is read as a stream', async () => {
    const request = Object.assign(asynchronous('01234', '56789'), { headers: {}, body: undefined });
    expect(await textsOf(request, 10)).toEqual([TEXT]);
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
