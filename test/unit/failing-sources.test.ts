/** Sources that fail, and that every source is released at the end. */
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { SourceError } from '../../src/errors.ts';
import { extendPrefix } from '../../src/source/blob.ts';
import type { AppendSource } from '../../src/source/segment.ts';
import { readSegments } from '../../src/source/segments.ts';
import { failureOf, utf8 } from '../tools/unit-tools.ts';
import { settle } from '../tools/virtual-clock.ts';
import { streamOf, textsOf } from './segment-tools.ts';

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
          message: expect.stringMatching(/^Cannot read the source: the file was changed/),
          cause: { name: 'NotReadableError' },
        });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a Blob of a removed frame, whose own methods never settle, can still be read', async () => {
    const blob = new Blob(['abcdef']);
    Object.defineProperty(blob, 'slice', { value: () => ({ arrayBuffer: () => new Promise(() => {}) }) });
    expect(await readSegments([blob]).next(10)).toMatchObject({ size: 6 });
    expect(await extendPrefix(blob, { size: 0, crc: 0n }, 6)).toMatchObject({ size: 6 });
  });

  test('a File that returns fewer bytes than its size causes a SourceError', async () => {
    const blob = { size: 10, type: '', slice: () => blob, arrayBuffer: async () => new ArrayBuffer(4) };
    const error = await failureOf(readSegments(blob as unknown as Blob).next(10));
    expect(error).toMatchObject({ name: 'SourceError', message: expect.stringMatching(/it gave 4 of 10 bytes/) });
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

  test('a source is read only when bytes are requested, and only as far as needed', async () => {
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
