/** Uses the plugin in ways that no other test of the uploader uses: several Uppys, waits, asynchronous options. */
import type { Meta } from '@uppy/core';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { refreshingCredentials } from '../../src/index.ts';
import { type Fault, LocalOss } from '../../src/testing/index.ts';
import { OssAppend, type OssAppendBody } from '../../src/uppy/index.ts';
import { VirtualClock } from '../tools/virtual-clock.ts';
import { World } from './world.ts';

const TEXT = 'thirty-five bytes, in four segments';
const NAMES = ['a', 'b', 'c'];

/** Resolves when a macrotask of the runtime has ended, so that every promise that can settle has settled. */
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Resolves as soon as the condition holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** The rejections that nobody handled, since the last test. */
const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
process.on('unhandledRejection', note);
afterAll(() => void process.off('unhandledRejection', note));
afterEach(async () => {
  await turn();
  expect(unhandled.splice(0)).toEqual([]);
});

describe('several Uppys in one page', () => {
  test('two Uppys with the same client upload their own files side by side', async () => {
    const first = new World();
    const second = new World({ oss: first.oss, plugin: { client: first.client } });
    for (const name of NAMES) {
      first.add(name, TEXT + name);
      second.add(`second/${name}`, name + TEXT);
    }
    const results = await Promise.all([first.uppy.upload(), second.uppy.upload()]);
    expect(results.map((result) => [result?.successful?.length, result?.failed?.length])).toEqual([
      [3, 0],
      [3, 0],
    ]);
    for (const name of NAMES)
      expect([first.stored(name), first.stored(`second/${name}`)]).toEqual([TEXT + name, name + TEXT]);
  });

  test.each([
    [10, 10],
    [10, 7],
    [3, 35],
  ])('two Uppys upload the same file under the same key in segments of %i and %i bytes', async (one, other) => {
    const first = new World({ plugin: { segmentSize: one } });
    const second = new World({ oss: first.oss, plugin: { segmentSize: other } });
    first.add('a', TEXT);
    second.add('a', TEXT);
    await Promise.all([first.uppy.upload(), second.uppy.upload()]);
    for (const world of [first, second])
      expect([world.list('upload-success', 'upload-error'), world.values('upload-error')]).toEqual([
        ['upload-success a'],
        [],
      ]);
    expect(first.stored('a')).toBe(TEXT);
  });

  test('if two Uppys upload different files to the same key, one of them fails, because the object holds other bytes', async () => {
    const first = new World();
    const second = new World({ oss: first.oss });
    first.add('a', TEXT);
    second.add('a', TEXT.toUpperCase());
    await Promise.all([first.uppy.upload(), second.uppy.upload()]);
    const ends = [...first.list('upload-success', 'upload-error'), ...second.list('upload-success', 'upload-error')];
    expect(ends.sort()).toEqual(['upload-error a', 'upload-success a']);
    expect([TEXT, TEXT.toUpperCase()]).toContain(first.stored('a'));
  });
});

test('the same key in two buckets is no conflict, because each bucket has an object of its own', async () => {
  const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' }, images: { region: 'cn-hangzhou' } } });
  const images = new World({ oss, client: { bucket: 'images' } });
  const world: World = new World({
    oss,
    plugin: { key: () => 'same', client: ({ name }) => (name === 'a' ? world.client : images.client) },
  });
  world.add('a', TEXT);
  world.add('b', TEXT.toUpperCase());
  await world.uppy.upload();
  expect(world.values('upload-error')).toEqual([]);
  expect(world.stored('same')).toBe(TEXT);
  expect(oss.object('images', 'same')?.length).toBe(TEXT.length);
});

describe('autoProceed', () => {
  test('uploads each file once, also files that are added while others are in flight', async () => {
    const world = new World({ plugin: { limit: 1 } });
    world.uppy.setOptions({ autoProceed: true });
    world.hold();
    world.add('a', TEXT);
    await world.sent(1);
    for (const name of ['b', 'c']) world.add(name, TEXT);
    await until(() => world.values('upload-start').length === 2);
    world.release();
    await until(() => world.values('complete').length === 2);
    expect(world.list('upload-success')).toEqual(NAMES.map((name) => `upload-success ${name}`));
    expect(world.values('upload-start')).toEqual([['a'], ['b', 'c']]);
  });

  test('a file that is removed before its upload starts is not sent', async () => {
    const world = new World();
    world.uppy.setOptions({ autoProceed: true });
    const id = world.add('a', TEXT);
    world.add('b', TEXT);
    world.uppy.removeFile(id);
    await until(() => world.values('complete').length === 1);
    expect(world.list('upload-success')).toEqual(['upload-success b']);
    expect(world.stored('a')).toBe(undefined);
  });
});

test('a plugin that is removed in flight and added again goes on where the objects end', async () => {
  const world = new World({ plugin: { limit: 1 } });
  world.uppy.once('upload-progress', () => world.uppy.removePlugin(world.uppy.getPlugin('OssAppend')!));
  for (const name of NAMES) world.add(name, TEXT + name);
  const first = await world.uppy.upload();
  expect([first?.successful?.length, first?.failed?.length]).toEqual([0, 3]);
  world.uppy.use(OssAppend<Meta, OssAppendBody>, {
    client: world.client,
    key: ({ name }) => name,
    segmentSize: 10,
  });
  const second = await world.uppy.retryAll();
  expect([second?.successful?.length, second?.failed?.length]).toEqual([3, 0]);
  for (const name of NAMES) expect(world.stored(name)).toBe(TEXT + name);
  expect(world.list('upload-success').sort()).toEqual(NAMES.map((name) => `upload-success ${name}`));
  expect(world.uppy.getState().currentUploads).toEqual({});
});

describe('the wait before a retry', () => {
  /** A world in which OSS asks for a wait of 5 s before the second append is repeated. */
  async function waiting(): Promise<{ world: World; clock: VirtualClock; id: string; done: Promise<unknown> }> {
    const clock = new VirtualClock();
    const world = new World({
      clock,
      faults: [{ operation: 'AppendObject', nth: 2, kind: 'throttle', delay: 5000 }],
    });
    const id = world.add('a', TEXT);
    const done = world.uppy.upload();
    await until(() => clock.delays.includes(5000));
    return { world, clock, id, done };
  }

  test('a pause ends the wait, and nothing is sent until the file is resumed', async () => {
    const { world, clock, id, done } = await waiting();
    world.uppy.pauseResume(id);
    const before = world.oss.requests.length;
    clock.advance(60_000);
    await world.quiet();
    expect(world.oss.requests.length).toBe(before);
    expect(world.uppy.getFile(id).error).toBeFalsy();
    world.uppy.pauseResume(id);
    await done;
    expect(world.stored('a')).toBe(TEXT);
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a']);
    clock.advance(60_000);
    expect(clock.waiting).toBe(0);
  });

  test.each<[string, (world: World, id: string) => void]>([
    ['cancelAll', ({ uppy }) => uppy.cancelAll()],
    ['removeFile', ({ uppy }, id) => uppy.removeFile(id)],
    ['destroy', ({ uppy }) => uppy.destroy()],
    ['clear', ({ uppy }) => uppy.clear()],
  ])('%s ends the wait, and leaves no timer', async (_, end) => {
    const { world, clock, id, done } = await waiting();
    end(world, id);
    await done;
    await world.quiet();
    expect(clock.waiting).toBe(0);
    expect(world.inFlight).toBe(0);
  });
});

describe('calls that are made twice, or in an unusual order', () => {
  test('a second resumeAll changes nothing', async () => {
    const world = new World({ faults: [{ operation: 'HeadObject', key: 'a', kind: 'deny' }] });
    for (const name of NAMES) world.add(name, TEXT);
    world.uppy.once('upload-error', () => world.uppy.pauseAll());
    const done = world.uppy.upload();
    await world.next('upload-error');
    world.uppy.resumeAll();
    world.uppy.resumeAll();
    const result = await done;
    expect(result?.successful?.length).toBe(3);
    await until(() => Object.keys(world.uppy.getState().currentUploads).length === 0);
    expect(world.list('upload-success').sort()).toEqual(NAMES.map((name) => `upload-success ${name}`));
    for (const name of NAMES) expect(world.stored(name)).toBe(TEXT);
  });

  test('pauseAll, removeFile and resumeAll: the other files go on, and their results are right', async () => {
    const world = new World({ plugin: { limit: 2 } });
    const [a] = NAMES.map((name) => world.add(name, TEXT));
    world.hold();
    const done = world.uppy.upload();
    await world.sent(2);
    world.uppy.pauseAll();
    world.uppy.removeFile(a!);
    world.uppy.resumeAll();
    world.release();
    const result = await done;
    expect(result?.successful?.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(result?.failed).toEqual([]);
    expect([world.stored('a'), world.stored('b'), world.stored('c')]).toEqual([undefined, TEXT, TEXT]);
    expect(world.uppy.getState().currentUploads).toEqual({});
  });

  test('after cancelAll, the first upload resolves although the same file is uploaded again and is paused', async () => {
    const world = new World();
    world.add('a', TEXT);
    world.hold();
    const first = world.uppy.upload();
    await world.sent(1);
    world.uppy.cancelAll();
    const id = world.add('a', TEXT);
    const second = world.uppy.upload();
    world.uppy.pauseResume(id);
    world.release();
    expect((await first)?.successful).toEqual([]);
    world.uppy.pauseResume(id);
    expect((await second)?.successful?.map(({ name }) => name)).toEqual(['a']);
    expect(world.stored('a')).toBe(TEXT);
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a']);
  });

  test('a file that failed, was removed and is uploaded again belongs to the second upload only', async () => {
    let isBad = true;
    const world = new World({ faults: ({ key }) => (key === 'a' && isBad ? { kind: 'deny' } : undefined) });
    const failed = world.next('upload-error');
    const a = world.add('a', TEXT);
    const b = world.add('b', TEXT);
    world.uppy.setFileState(b, { isPaused: true });
    const first = world.uppy.upload();
    await failed;
    world.uppy.removeFile(a);
    isBad = false;
    const again = world.add('a', TEXT);
    world.uppy.setFileState(again, { isPaused: true });
    const second = world.uppy.upload();
    world.uppy.pauseResume(b);
    expect((await first)?.successful?.map(({ name }) => name)).toEqual(['b']);
    world.uppy.pauseResume(again);
    expect((await second)?.successful?.map(({ name }) => name)).toEqual(['a']);
  });

  test('a file that is added again after clear() does not count as uploaded before it is', async () => {
    const world = new World();
    world.add('a', TEXT);
    world.hold();
    const first = world.uppy.upload();
    await world.sent(1);
    world.uppy.clear();
    const id = world.add('a', TEXT);
    world.release();
    expect((await first)?.successful).toEqual([]);
    expect(world.uppy.getFile(id).progress.uploadComplete).toBe(false);
    expect((await world.uppy.upload())?.successful?.map(({ name }) => name)).toEqual(['a']);
    expect(world.stored('a')).toBe(TEXT);
  });

  test('an append of a cancelled file that is stored late does not disturb the same file when it is added again', async () => {
    const world: World = new World({
      faults: [{ operation: 'AppendObject', nth: 2, kind: 'commit-late', delay: 20 }],
      onmoment: (moment) => moment === 5 && queueMicrotask(() => world.uppy.cancelAll()),
    });
    world.add('a', TEXT);
    await world.uppy.upload();
    world.add('a', TEXT);
    await world.uppy.upload();
    expect(world.stored('a')).toBe(TEXT);
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a']);
  });
});

describe('an option that returns a promise', () => {
  const lost = () => Promise.reject(new Error('no user is logged in'));
  const plugins: [string, object][] = [
    ['key', { key: async () => 'a' }],
    ['key', { key: lost }],
    ['client', { client: async () => undefined }],
    ['client', { client: lost }],
    ['headers', { headers: async () => ({ 'x-oss-object-acl': 'private' }) }],
    ['headers', { headers: lost }],
  ];

  test.each(plugins)('%s: the file fails before any request, and the message says what to do', async (name, plugin) => {
    const world = new World({ plugin });
    world.add('a', TEXT);
    await world.uppy.upload();
    const [error] = world.values('upload-error');
    expect(error).toMatchObject({ code: 'InvalidCall', cause: expect.any(TypeError) });
    expect(String(error)).toContain(`${name} returned a promise for "a"`);
    expect(String(error)).toContain('preprocessor');
    expect(world.oss.requests).toEqual([]);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no user is logged in');
      },
    ],
    ['rejects', lost],
  ])('url: a stored file stays stored if the function %s', async (_, url) => {
    const world = new World({ plugin: { url: url as never } });
    world.add('a', TEXT);
    await world.uppy.upload();
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a']);
    expect(world.values('upload-success')[0]).not.toHaveProperty('uploadURL');
  });
});

describe('a function of the page that throws', () => {
  test.each<[unknown, RegExp]>([
    ['no user is logged in', /no user is logged in/],
    [undefined, /undefined/],
    [{ message: 'no user is logged in' }, /no user is logged in/],
    [Object.create(null), /./],
  ])('%o: the file fails with a message, and the next file is uploaded', async (thrown, message) => {
    const world = new World({
      plugin: {
        limit: 1,
        key: ({ name }) => {
          if (name === 'a') throw thrown;
          return name;
        },
      },
    });
    for (const name of ['a', 'b']) world.add(name, TEXT);
    const result = await world.uppy.upload();
    expect([result?.failed?.length, result?.successful?.length]).toEqual([1, 1]);
    expect(world.values('upload-error')).toMatchObject([
      { code: 'InvalidCall', message: expect.stringMatching(message) },
    ]);
    expect(world.uppy.getFiles()[0]?.error).toMatch(message);
    expect(world.stored('b')).toBe(TEXT);
  });
});

test('a file whose data is null fails with a request to pick it again, and an empty file beside it is stored', async () => {
  const world = new World({ plugin: { limit: 1 } });
  const ghost = world.add('a', TEXT);
  world.add('b', '');
  world.uppy.setFileState(ghost, { data: null as never });
  const result = await world.uppy.upload();
  expect(world.values('upload-error')).toMatchObject([{ code: 'DataMissing' }]);
  expect(result?.successful?.map(({ name }) => name)).toEqual(['b']);
  expect([world.stored('a'), world.stored('b')]).toEqual([undefined, '']);
});

test('a listener of upload-success that uploads and retries again gets no second upload-success', async () => {
  const world = new World();
  const again: Promise<unknown>[] = [];
  world.uppy.on('upload-success', (file) => {
    if (again.length < 6 && file) again.push(world.uppy.retryUpload(file.id), world.uppy.upload());
  });
  for (const name of NAMES) world.add(name, TEXT);
  await world.uppy.upload();
  await Promise.all(again);
  expect(world.list('upload-success', 'upload-error').sort()).toEqual(NAMES.map((name) => `upload-success ${name}`));
  expect(world.uppy.getState().currentUploads).toEqual({});
});

describe('isNetworkError is true exactly if no usable answer came, as in the errors of @uppy/tus', () => {
  test.each<[string, Fault, boolean]>([
    ['the connection breaks', { kind: 'drop-before' }, true],
    ['a browser hides the answer', { kind: 'opaque' }, true],
    ['a portal answers', { kind: 'portal' }, true],
    ['OSS refuses', { kind: 'deny' }, false],
    ['OSS fails', { kind: 'error-before' }, false],
    ['the token has expired', { kind: 'expire-token' }, false],
  ])('%s', async (_, fault, isNetworkError) => {
    const world = new World({ faults: () => fault });
    world.add('a', TEXT);
    await world.uppy.upload();
    expect(world.values('upload-error')).toMatchObject([{ isNetworkError }]);
  });
});

test('with a limit of 1, a first file that fails gives its place to the next one', async () => {
  const world = new World({ plugin: { limit: 1 }, faults: ({ key }) => (key === 'a' ? { kind: 'deny' } : undefined) });
  for (const name of NAMES) world.add(name, TEXT);
  const result = await world.uppy.upload();
  expect(result?.failed?.map(({ name }) => name)).toEqual(['a']);
  expect(result?.successful?.map(({ name }) => name)).toEqual(['b', 'c']);
  expect(world.most).toBe(1);
});

test('a lower limit takes effect as soon as files end, and no file is stopped for it', async () => {
  const world = new World({ plugin: { limit: 4 } });
  for (let n = 0; n < 12; n++) world.add(String(n), TEXT);
  world.hold();
  const done = world.uppy.upload();
  await world.sent(4);
  world.uppy.getPlugin('OssAppend')?.setOptions({ limit: 1 });
  let running = 0;
  world.uppy.on('upload-success', () => {
    running = Math.max(running, world.inFlight);
  });
  world.release();
  expect((await done)?.successful?.length).toBe(12);
  expect(world.most).toBe(4);
  expect(world.list('upload-error')).toEqual([]);
});

test('after 100 uploads, Uppy has as many listeners as before, no timer waits, and no upload is left', async () => {
  const clock = new VirtualClock();
  const world = new World({ clock });
  const count = () => [...world.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  const before = count();
  for (let n = 0; n < 100; n++) {
    world.add(String(n), TEXT);
    await world.uppy.upload();
  }
  expect(world.list('upload-success')).toHaveLength(100);
  expect([count(), clock.waiting, world.uppy.getState().currentUploads]).toEqual([before, 0, {}]);
});

test('with pauses, failures and retries, the progress never falls, never passes the size, and ends once', async () => {
  let failures = 0;
  const clock = new VirtualClock();
  const world: World = new World({
    clock,
    plugin: { segmentSize: 3 },
    faults: ({ operation, nth }) =>
      operation === 'AppendObject' && nth % 4 === 3 && failures++ < 5 ? { kind: 'deny' } : undefined,
    onmoment: (moment) => {
      clock.advance(100);
      if (moment % 7 === 0 && !world.uppy.getFile(id)?.isPaused) world.uppy.pauseResume(id);
    },
  });
  const id = world.add('a', TEXT);
  let done = world.uppy.upload();
  while (!world.uppy.getFile(id).progress.uploadComplete) {
    await world.quiet();
    if (world.uppy.getFile(id).error) done = world.uppy.retryAll();
    else if (world.uppy.getFile(id).isPaused) world.uppy.pauseResume(id);
  }
  await done;
  const progress = world.values('upload-progress') as number[];
  expect(progress.length).toBeGreaterThan(5);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect(Math.max(...progress)).toBeLessThanOrEqual(TEXT.length);
  expect(failures).toBeGreaterThan(1);
  expect(world.list('upload-success')).toEqual(['upload-success a']);
  expect(world.stored('a')).toBe(TEXT);
});

describe('a token that expires during the upload', () => {
  test('is replaced by one new token for many files, and all files are stored', async () => {
    let loads = 0;
    let isExpired = false;
    const world: World = new World({
      plugin: { limit: 4 },
      onmoment: (moment) => {
        if (moment === 12) isExpired = true;
      },
      faults: () => (isExpired ? { kind: 'expire-token' } : undefined),
      client: {
        credentials: refreshingCredentials(async () => {
          loads++;
          isExpired = false;
          return world.oss.issueToken();
        }),
      },
    });
    for (let n = 0; n < 8; n++) world.add(String(n), TEXT);
    expect((await world.uppy.upload())?.successful?.length).toBe(8);
    expect(world.list('upload-error')).toEqual([]);
    expect(loads).toBe(2);
  });

  test('makes the file fail if there is no new token, and with a new client the retry goes on where the object ends', async () => {
    let isExpired = false;
    const world: World = new World({
      onmoment: (moment) => {
        if (moment === 5) isExpired = true;
      },
      faults: () => (isExpired ? { kind: 'expire-token' } : undefined),
    });
    const id = world.add('a', TEXT);
    await world.uppy.upload();
    expect(world.values('upload-error')).toMatchObject([{ code: 'SecurityTokenExpired', isNetworkError: false }]);
    isExpired = false;
    const fresh = new World({ oss: world.oss });
    world.uppy.getPlugin('OssAppend')?.setOptions({ client: fresh.client });
    await world.uppy.retryUpload(id);
    expect(world.stored('a')).toBe(TEXT);
    const appends = world.oss.requests.filter(({ operation }) => operation === 'AppendObject');
    expect(appends.map(({ position }) => position).filter((position) => position === 0)).toHaveLength(1);
  });
});

test('when an object takes no more appends, the retry asks for a key again, so that it can succeed', async () => {
  let keys = 0;
  const world: World = new World({ plugin: { key: ({ name }) => `${++keys}/${name}` } });
  await world.client.appendObject('1/a', TEXT.slice(0, 10), { position: 0 });
  await world.client.sealAppendObject('1/a', { position: 10 });
  const id = world.add('a', TEXT);
  await world.uppy.upload();
  expect(world.values('upload-error')).toMatchObject([{ code: 'AppendSealedObjectNotAllowed' }]);
  await world.uppy.retryUpload(id);
  expect(world.values('upload-error')).toHaveLength(1);
  expect(world.stored('2/a')).toBe(TEXT);
});

test('a Uppy that is destroyed in flight sends nothing more, and its plugin reports nothing', async () => {
  const world = new World({ plugin: { limit: 1 } });
  for (const name of NAMES) world.add(name, TEXT);
  world.uppy.once('upload-progress', () => {
    world.uppy.destroy();
    world.told.length = 0;
  });
  await world.uppy.upload();
  await world.quiet();
  expect(world.told.filter(({ event }) => event !== 'complete')).toEqual([]);
  expect(world.inFlight).toBe(0);
});
