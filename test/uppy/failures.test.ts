/** Fails uploads in every way, and checks the events of Uppy, and that a retry goes on. */
import { describe, expect, test } from 'vitest';
import type { FaultRequest } from '../../src/testing/index.ts';
import { UploadError } from '../../src/uppy/index.ts';
import { MemoryBlob } from '../engine/exactly-once/memory-blob.ts';
import { World, type WorldOptions } from './world.ts';

const TEXT = 'thirty-five bytes, in four segments';
const utf8 = (text: string) => new TextEncoder().encode(text);

/** Uploads one file that fails, and returns the world and the error. */
async function failing(options: WorldOptions, before?: (world: World) => void) {
  const world = new World(options);
  before?.(world);
  const id = world.add('a.txt', TEXT);
  const result = await world.uppy.upload();
  expect(result?.failed?.map(({ name }) => name)).toEqual(['a.txt']);
  const [error] = world.values('upload-error');
  return { world, id, error: error as UploadError };
}

describe('a failure carries the reason and the advice', () => {
  test.each<[string, WorldOptions, ((world: World) => void) | undefined, object, RegExp, RegExp]>([
    [
      'OSS refuses the append',
      { faults: [{ operation: 'AppendObject', kind: 'deny' }] },
      undefined,
      { code: 'AccessDenied', isNetworkError: false },
      /AccessDenied/,
      /Follow the hint/,
    ],
    [
      'no answer comes',
      { faults: () => ({ kind: 'drop-before' }) },
      undefined,
      { code: 'NetworkError', isNetworkError: true },
      /a\.txt/,
      /Check the network and the CORS rule/,
    ],
    [
      'the object holds other bytes',
      {},
      (world) => world.oss.appendObject('logs', 'a.txt', utf8('other bytes')),
      { code: 'DifferentPrefix' },
      /are not the beginning/,
      /This object holds other bytes.*another key/,
    ],
    [
      'the object is longer than the file',
      {},
      (world) => world.oss.appendObject('logs', 'a.txt', utf8(`${TEXT} and more`)),
      { code: 'AppendConflict' },
      /found length 44/,
      /holds other bytes than this file/,
    ],
    [
      'another operation has made the object',
      {},
      (world) => world.oss.putObject('logs', 'a.txt', utf8('put')),
      { code: 'ObjectNotAppendable' },
      /choose another key/,
      /another key/,
    ],
    [
      'the object is damaged',
      { faults: [{ operation: 'AppendObject', nth: 2, kind: 'flip-bit' }] },
      undefined,
      { code: 'ChecksumMismatch' },
      /OSS stored other bytes/,
      /The object is damaged/,
    ],
    [
      'the credentials cannot be loaded',
      { client: { credentials: () => Promise.reject(new Error('the token endpoint is down')) } },
      undefined,
      { code: 'CredentialsLoadFailed' },
      /credentials/,
      /Check your token endpoint/,
    ],
  ])('%s', async (_, options, before, facts, reason, advice) => {
    const { world, id, error } = await failing(options, before);
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject(facts);
    expect(error.message).toMatch(reason);
    expect(error.details).toMatch(advice);
    expect(error.cause).toMatchObject({ code: error.code });
    // This is the text that the Dashboard shows for the file.
    expect(world.uppy.getFile(id).error).toBe(`${error.message} ${error.details}`);
    expect(world.uppy.getState().info).toMatchObject([{ details: `${error.message} ${error.details}` }]);
  });

  test('a file that cannot be read any more', async () => {
    const world = new World();
    const data = new MemoryBlob([TEXT], { reads: { left: 0 } }) as unknown as Blob;
    world.uppy.addFile({ name: 'a.txt', data });
    await world.uppy.upload();
    const [error] = world.values('upload-error');
    expect(error).toMatchObject({
      cause: { name: 'SourceError' },
      details: expect.stringMatching(/Pick the file again/),
    });
  });

  test('the status of the refusal is in the response of the file', async () => {
    const { world, id } = await failing({ faults: [{ operation: 'HeadObject', kind: 'deny', times: 9 }] });
    expect(world.uppy.getFile(id).response).toEqual({ status: 403 });
  });

  test('no message, detail or cause contains the key or the token', async () => {
    const token = new World().oss.issueToken();
    const { error } = await failing({ client: { credentials: token, signing: 'query' } });
    const shown = JSON.stringify([error.message, error.details, error.stack, String(error.cause), error.cause]);
    expect(shown).toContain('InvalidAccessKeyId');
    for (const secret of [token.accessKeySecret, token.securityToken]) expect(shown).not.toContain(secret);
  });
});

/** Faults that a test can end. */
function weather(fault: (request: FaultRequest) => boolean) {
  const state = { isBad: true };
  const faults = (request: FaultRequest) =>
    state.isBad && fault(request) ? ({ kind: 'drop-before' } as const) : undefined;
  return { state, faults };
}

describe('retry', () => {
  test.each([
    ['retryUpload', (world: World, id: string) => world.uppy.retryUpload(id)],
    ['retryAll', (world: World) => world.uppy.retryAll()],
    ['upload', (world: World) => world.uppy.upload()],
  ])('%s of a file that failed before its first progress', async (_, retry) => {
    const { state, faults } = weather(() => true);
    const { world, id } = await failing({ faults });
    expect(world.values('upload-progress')).toEqual([]);
    // Without a percentage, the Dashboard shows no button to retry the file.
    expect(world.uppy.getFile(id).progress.percentage).toBe(0);
    state.isBad = false;
    const result = await retry(world, id);
    expect(result?.successful?.map(({ name }) => name)).toEqual(['a.txt']);
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.uppy.getFile(id)).toMatchObject({ error: null, progress: { uploadComplete: true, percentage: 100 } });
  });

  test('of an empty file: it keeps its percentage, so the Dashboard shows its button', async () => {
    const { state, faults } = weather(({ operation }) => operation === 'AppendObject');
    const world = new World({ faults });
    const id = world.add('empty.txt', '');
    await world.uppy.upload();
    expect(world.uppy.getFile(id)).toMatchObject({ error: expect.any(String), progress: { percentage: 0 } });
    state.isBad = false;
    await world.uppy.retryUpload(id);
    expect(world.stored('empty.txt')).toBe('');
  });

  test('of a file that failed in the middle goes on where the object ends', async () => {
    const { state, faults } = weather(({ position = 0 }) => position >= 20);
    const { world, id } = await failing({ faults });
    expect(world.stored('a.txt')).toBe(TEXT.slice(0, 20));
    expect(world.uppy.getFile(id).progress.bytesUploaded).toBe(20);
    state.isBad = false;
    world.told.length = 0;
    await world.uppy.retryUpload(id);
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.values('upload-progress')[0]).toBe(20);
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a.txt']);
  });

  test('a retry uses the key that was chosen at first', async () => {
    const { state, faults } = weather(({ position = 0 }) => position >= 20);
    let number = 0;
    const { world, id } = await failing({ faults, plugin: { key: ({ name }) => `${++number}-${name}` } });
    state.isBad = false;
    await world.uppy.retryUpload(id);
    expect(world.stored('1-a.txt')).toBe(TEXT);
    expect(number).toBe(1);
  });

  test.each(['before its upload', 'in the middle'])(
    'when another writer changed the object %s, the retry asks for a key again, so that it can succeed',
    async (when) => {
      let keys = 0;
      const world: World = new World({
        plugin: { key: ({ name }) => `${++keys}/${name}` },
        // Before moment 5, a HEAD and one append of 10 bytes were answered.
        onmoment: (moment) => when === 'in the middle' && moment === 5 && write(10),
      });
      const write = (position: number) =>
        world.oss.appendObject('logs', '1/a.txt', new TextEncoder().encode('other bytes'.repeat(position ? 1 : 2)));
      if (when === 'before its upload') write(0);
      const id = world.add('a.txt', TEXT);
      await world.uppy.upload();
      expect(world.values('upload-error')).toHaveLength(1);
      await world.uppy.retryUpload(id);
      expect(world.values('upload-error')).toHaveLength(1);
      expect(world.stored('2/a.txt')).toBe(TEXT);
      expect(world.uppy.getFile(id).progress).toMatchObject({ percentage: 100, uploadComplete: true });
    },
  );

  test('a retry from within a listener of upload-error is not lost', async () => {
    const { state, faults } = weather(() => true);
    const world = new World({ faults });
    const id = world.add('a.txt', TEXT);
    let retried: Promise<unknown> | undefined;
    world.uppy.on('upload-error', () => {
      state.isBad = false;
      retried = world.uppy.retryUpload(id);
    });
    await world.uppy.upload();
    await retried;
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.list('upload-success')).toEqual(['upload-success a.txt']);
  });

  test('a retry of a file that is in flight does not disturb it', async () => {
    const world = new World();
    const id = world.add('a.txt', TEXT);
    world.hold();
    const done = world.uppy.upload();
    await world.sent(1);
    const retried = world.uppy.retryUpload(id);
    world.release();
    await Promise.all([done, retried]);
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.list('upload-success')).toEqual(['upload-success a.txt']);
    expect(world.values('upload-start')).toEqual([['a.txt'], []]);
  });

  test('a file that fails while others go on is retried in the meantime, and the first upload waits for it', async () => {
    const { state, faults } = weather(({ key }) => key === 'a.txt');
    const world = new World({ faults });
    const id = world.add('a.txt', TEXT);
    world.add('b.txt', TEXT);
    const failed = world.next('upload-error');
    const done = world.uppy.upload();
    await failed;
    state.isBad = false;
    const retried = world.uppy.retryUpload(id);
    const result = await done;
    await retried;
    expect(result?.successful?.map(({ name }) => name)).toEqual(['a.txt', 'b.txt']);
    expect(world.stored('a.txt')).toBe(TEXT);
  });
});

describe('resumeAll removes the errors of failed files, so these files are uploaded again', () => {
  test('while other files of the upload are paused', async () => {
    const { state, faults } = weather(({ key }) => key === 'a.txt');
    const world = new World({ faults });
    world.add('a.txt', TEXT);
    world.add('b.txt', TEXT);
    world.uppy.on('upload-error', () => world.uppy.pauseAll());
    const done = world.uppy.upload();
    await world.next('upload-error');
    state.isBad = false;
    world.uppy.resumeAll();
    const result = await done;
    expect(result?.successful).toHaveLength(2);
    expect([world.stored('a.txt'), world.stored('b.txt')]).toEqual([TEXT, TEXT]);
  });

  test('after the upload has ended', async () => {
    const { state, faults } = weather(() => true);
    const { world, id } = await failing({ faults });
    state.isBad = false;
    const stored = world.next('upload-success');
    world.uppy.resumeAll();
    await stored;
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.uppy.getFile(id).progress.uploadComplete).toBe(true);
  });
});

describe('faults that the engine overcomes are not failures', () => {
  test.each([
    ['an answer is lost', { kind: 'drop-after' }],
    ['the server fails', { kind: 'error-before' }],
    ['the request is throttled', { kind: 'throttle', delay: 1 }],
    ['the connection breaks', { kind: 'drop-during' }],
  ] as const)('%s', async (_, fault) => {
    const world = new World({ faults: [{ operation: 'AppendObject', nth: 2, ...fault }] });
    world.add('a.txt', TEXT);
    await world.uppy.upload();
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a.txt']);
  });

  test('the token expires, and a new one is loaded', async () => {
    let loads = 0;
    const world: World = new World({
      faults: [{ operation: 'AppendObject', nth: 2, kind: 'expire-token' }],
      client: {
        credentials: () => {
          loads++;
          return world.oss.issueToken();
        },
      },
    });
    world.add('a.txt', TEXT);
    await world.uppy.upload();
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a.txt']);
    expect(loads).toBeGreaterThan(1);
  });
});

describe('a file that cannot be uploaded fails before any request', () => {
  test('a remote file', async () => {
    const world = new World();
    const remote = { companionUrl: 'https://x', requestClientId: 'x', url: 'https://x/y' };
    const file = { name: 'r.txt', isRemote: true, remote, data: { size: 3 } } as const;
    world.uppy.addFile(file);
    await world.uppy.upload();
    expect(world.uppy.getFiles()[0]?.progress.percentage).toBe(0);
    expect(world.values('upload-error')).toMatchObject(
      [{ code: 'RemoteFile', message: /remote server/ }].map(matching),
    );
    expect(world.oss.requests).toEqual([]);
  });

  test('a file whose data is gone since a reload', async () => {
    const world = new World();
    const id = world.add('a.txt', TEXT);
    world.uppy.setFileState(id, { data: undefined, isGhost: true });
    await world.uppy.upload();
    expect(world.values('upload-error')).toMatchObject(
      [{ code: 'DataMissing', message: /Pick the file again/ }].map(matching),
    );
    expect(world.oss.requests).toEqual([]);
    // The user picks the same file again.
    world.add('a.txt', TEXT);
    await world.uppy.upload();
    expect(world.stored('a.txt')).toBe(TEXT);
  });

  test('a stream or a recording that still grows', async () => {
    const world = new World();
    const data = new Blob(['x']).stream();
    // @ts-expect-error: the types of Uppy allow Blobs only.
    world.uppy.addFile({ name: 'live.webm', data });
    await world.uppy.upload();
    expect(world.values('upload-error')).toMatchObject(
      [{ code: 'NotABlob', message: /stream or a recording/ }].map(matching),
    );
    expect(world.oss.requests).toEqual([]);
  });

  test('two files with one key: the first is uploaded, and the second is refused', async () => {
    const world = new World({ plugin: { key: () => 'same', limit: 1 } });
    world.add('a.txt', TEXT);
    world.add('b.txt', 'other bytes');
    const first = world.next('upload-error');
    world.hold();
    const done = world.uppy.upload();
    await first;
    expect(world.values('upload-error')).toMatchObject(
      [{ code: 'KeyInUse', message: /"b\.txt" as "same": "a\.txt"/ }].map(matching),
    );
    expect(world.oss.requests).toEqual([]);
    world.release();
    const result = await done;
    expect([result?.successful?.length, result?.failed?.length]).toEqual([1, 1]);
    expect(world.stored('same')).toBe(TEXT);
  });

  test('a retry of the refused file says that the object holds other bytes, and changes nothing', async () => {
    const world = new World({ plugin: { key: () => 'same' } });
    world.add('a.txt', TEXT);
    const b = world.add('b.txt', 'other bytes than those of the first');
    await world.uppy.upload();
    await world.uppy.retryUpload(b);
    expect(world.values('upload-error')).toMatchObject([{ code: 'KeyInUse' }, { code: 'DifferentPrefix' }]);
    expect(world.stored('same')).toBe(TEXT);
  });

  test.each<[string, NonNullable<WorldOptions['plugin']>, RegExp]>([
    ['a key that OSS refuses', { key: () => '/a' }, /begins with \//],
    ['a key that is not text', { key: () => undefined as never }, /key must be a string/],
    [
      'a key function that throws',
      {
        key: () => {
          throw new Error('no user is logged in');
        },
      },
      /no user is logged in/,
    ],
    ['a client function that returns no client', { client: () => undefined as never }, /needs an OssClient/],
    ['headers that OSS refuses', { headers: () => ({ Range: 'bytes=0-1' }) }, /headers: range/],
  ])('%s', async (_, plugin, message) => {
    const { world, error } = await failing({ plugin });
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code: 'InvalidCall', isNetworkError: false });
    expect(world.oss.requests).toEqual([]);
  });
});

describe('a listener of the page that throws', () => {
  test.each(['upload-start', 'upload-progress', 'upload-success'] as const)(
    'at %s: the file is stored, and the error is logged',
    async (event) => {
      const world = new World();
      const wrong = new Error('a listener threw');
      world.uppy.on(event, () => {
        throw wrong;
      });
      world.add('a.txt', TEXT);
      const result = await world.uppy.upload();
      expect(result?.successful).toHaveLength(1);
      expect(world.stored('a.txt')).toBe(TEXT);
      expect(world.logged).toContain(wrong);
      expect(world.values('upload-error')).toEqual([]);
    },
  );

  test('at upload-error: the upload resolves, and says which file has failed', async () => {
    const world = new World({ faults: () => ({ kind: 'deny' }) });
    world.uppy.on('upload-error', () => {
      throw new Error('a listener threw');
    });
    world.add('a.txt', TEXT);
    const result = await world.uppy.upload();
    expect(result?.failed).toHaveLength(1);
  });

  test('a listener of upload-error that cancels everything leaves no ghost of a file', async () => {
    const world = new World({ plugin: { key: () => 'same' } });
    world.uppy.on('upload-error', () => world.uppy.cancelAll());
    for (const name of ['a', 'b', 'c']) world.add(name, TEXT);
    await world.uppy.upload();
    expect(world.uppy.getFiles()).toEqual([]);
    expect(world.oss.requests).toEqual([]);
  });
});

function matching({ message, ...facts }: { readonly message: RegExp }): object {
  return { ...facts, message: expect.stringMatching(message) };
}
