/** How segments are cut: their sizes, memory that changes meanwhile, slow streams, and the event loop. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { bytesOf, isBlob } from '../../src/bytes.ts';
import { crc64 } from '../../src/crc64.ts';
import { SourceError } from '../../src/errors.ts';
import type { AppendChunk, AppendSource, Segment } from '../../src/source/segment.ts';
import { readSegments } from '../../src/source/segments.ts';
import { failureOf, utf8 } from '../tools/unit-tools.ts';
import { settle } from '../tools/virtual-clock.ts';
import { check, segmentsOf, streamOf } from './segment-tools.ts';

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

  test.each<[string, AppendChunk]>([
    ['texts without a character', ''],
    ['bytes of length 0', new Uint8Array(0)],
    ['texts of one character', 'x'],
    ['single bytes', new Uint8Array(1)],
  ])('the event loop runs between %s', async (_, chunk) => {
    let hasRun = false;
    const chunks = function* () {
      setTimeout(() => {
        hasRun = true;
      }, 0);
      for (let count = 0; !hasRun; count++) {
        if (count > 50_000) throw new Error('the event loop did not run');
        yield chunk;
      }
    };
    await segmentsOf(chunks(), MIB);
    expect(hasRun).toBe(true);
  });

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

  test('a promise that rejects also ends the segment', async () => {
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

  test('a source can also be read without MessageChannel', async () => {
    vi.stubGlobal('MessageChannel', undefined);
    const reader = readSegments(ready());
    expect((await reader.next(SIZE))?.size).toBe(SIZE);
  });
});
