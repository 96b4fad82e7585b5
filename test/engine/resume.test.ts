/** Resumes a File when the object already holds its beginning. */
import { beforeAll, describe, expect, test } from 'vitest';
import { ChecksumError, SourceError } from '../../src/errors.ts';
import { PolyfillBlob } from '../runtimes/polyfill-blob.ts';
import { settle } from '../tools/virtual-clock.ts';
import { Lab } from './exactly-once/lab.ts';
import { synchronousPlatform } from './exactly-once/platform.ts';
import { at, blob, crcOf, hidden, utf8 } from './tools.ts';

// With this platform, a memory Blob is a platform Blob, so its slices are sent unchanged.
beforeAll(synchronousPlatform);

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

  test('can be aborted while a file does not give its bytes', async () => {
    const lab = new Lab({ before: 'abcdef' });
    const never = () => new Promise<ArrayBuffer>(() => {});
    const stuck = { size: 10, type: '', arrayBuffer: never, slice: () => stuck } as unknown as Blob;
    const controller = new AbortController();
    const work = lab.object.resume(stuck, { signal: controller.signal });
    await settle();
    expect(lab.requests).toEqual(['HEAD']);
    controller.abort('enough');
    await expect(work).rejects.toBe('enough');
    expect(lab.stored).toBe('abcdef');
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
    const message = expect.stringContaining('longer than the file: choose another key');
    const error = await lab.failure(lab.object.resume(blob(text)));
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 11, message });
  });

  test('uses `start` as the position in the object where the file began', async () => {
    const start = { position: 3, hashCrc64ecma: crcOf('log') };
    const lab = new Lab({ before: 'logabc' });
    await lab.run(lab.object.resume(blob(text), { start }));
    expect(lab.stored).toBe(`log${text}`);
    const shorter = new Lab({ before: 'lo' });
    const error = await shorter.failure(shorter.object.resume(blob(text), { start }));
    const message = expect.stringContaining('replaced or deleted it');
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 2, message });
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
