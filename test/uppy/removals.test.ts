/** Removes files, cancels all files, and removes the uploader, at every moment of an upload. */
import { describe, expect, test } from 'vitest';
import { type TestUppy, World } from './world.ts';

const TEXT = 'thirty-five bytes, in four segments';
const MOMENTS = Array.from({ length: 10 }, (_, n) => n + 1);

describe('a file that is removed at every moment of its upload', () => {
  test.each(MOMENTS)('moment %i: nothing more is sent, nothing is reported, and the other file goes on', async (at) => {
    let isRemoved = false;
    const late: string[] = [];
    const world: World = new World({
      plugin: { limit: 1 },
      onmoment: (moment) => {
        if (moment !== at) return;
        world.uppy.removeFile(a);
        isRemoved = true;
      },
    });
    const a = world.add('a', TEXT);
    world.add('b', TEXT);
    for (const event of ['upload-progress', 'upload-success', 'upload-error'] as const)
      world.uppy.on(event, (file: { name: string } | undefined) => {
        if (isRemoved && file?.name !== 'b') late.push(event);
      });
    const result = await world.uppy.upload();
    expect(result?.successful?.map(({ name }) => name)).toEqual(['b']);
    expect(world.stored('b')).toBe(TEXT);
    expect(late).toEqual([]);
    expect(world.uppy.getFiles().map(({ name }) => name)).toEqual(['b']);
    expect(world.logged).toEqual([]);
    const requestsOfA = world.oss.requests.filter(({ key }) => key === 'a').length;
    // At an odd moment a request was aborted before it reached the server.
    expect(requestsOfA).toBe(Math.floor(at / 2));
  });

  test.each(MOMENTS)('moment %i: it is added again at once, and stored once', async (at) => {
    const world: World = new World({
      onmoment: (moment) => {
        if (moment !== at) return;
        world.uppy.removeFile(id);
        world.add('a.txt', TEXT);
      },
    });
    const id = world.add('a.txt', TEXT);
    await world.uppy.upload();
    expect(world.list('upload-success')).toEqual([]);
    const result = await world.uppy.upload();
    expect(result?.successful?.map(({ name }) => name)).toEqual(['a.txt']);
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a.txt']);
  });
});

const ENDS: Record<string, (uppy: TestUppy) => void> = {
  cancelAll: (uppy) => uppy.cancelAll(),
  'clear, which emits no event': (uppy) => uppy.clear(),
  destroy: (uppy) => uppy.destroy(),
  'removeFiles of all files': (uppy) => uppy.removeFiles(uppy.getFiles().map(({ id }) => id)),
};

describe.each(Object.entries(ENDS))('%s', (_, end) => {
  test.each(MOMENTS)('moment %i: everything stops, no event comes, and the upload resolves', async (at) => {
    const world: World = new World({
      plugin: { limit: 2 },
      onmoment: (moment) => {
        if (moment !== at) return;
        end(world.uppy);
        world.told.length = 0;
      },
    });
    for (const name of ['a', 'b', 'c']) world.add(name, TEXT);
    const result = await world.uppy.upload();
    expect(result?.successful).toEqual([]);
    expect(world.list('upload-progress', 'upload-success', 'upload-error')).toEqual([]);
    await world.quiet();
    expect(world.inFlight).toBe(0);
    expect(world.oss.requests.length).toBeLessThanOrEqual(Math.ceil(at / 2) + 1);
    expect(world.logged).toEqual([]);
    expect(world.uppy.getFiles()).toEqual([]);
  });
});

test('after cancelAll the same files can be added again, and they go on where the objects end', async () => {
  const world: World = new World({ onmoment: (moment) => moment === 6 && world.uppy.cancelAll() });
  world.add('a.txt', TEXT);
  await world.uppy.upload();
  expect(world.stored('a.txt')).toBe(TEXT.slice(0, 20));
  world.add('a.txt', TEXT);
  await world.uppy.upload();
  expect(world.stored('a.txt')).toBe(TEXT);
  const appends = world.oss.requests.filter(({ operation }) => operation === 'AppendObject');
  expect(appends.map(({ position }) => position)).toEqual([0, 10, 20, 30]);
});

test('the plugin has one listener, and has none after it was removed', async () => {
  const world = new World();
  for (const name of ['a', 'b', 'c']) world.add(name, TEXT);
  const plugin = world.uppy.getPlugin('OssAppend')!;
  const count = () => [...world.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  const before = count();
  await world.uppy.upload();
  expect(count()).toBe(before);
  world.uppy.removePlugin(plugin);
  expect(count()).toBe(before - 1);
});

test('when the plugin is removed while files are in flight, these fail and can be retried', async () => {
  const world = new World();
  const id = world.add('a.txt', TEXT);
  world.hold();
  const done = world.uppy.upload();
  await world.sent(1);
  world.uppy.removePlugin(world.uppy.getPlugin('OssAppend')!);
  world.release();
  const result = await done;
  expect(result?.failed?.map(({ name }) => name)).toEqual(['a.txt']);
  expect(world.values('upload-error')).toMatchObject([{ code: 'Uninstalled' }]);
  expect(world.uppy.getFile(id).error).toContain('the uploader was removed');
  expect(world.inFlight).toBe(0);
});

test('a file that was removed between two steps of an upload is left out', async () => {
  const world = new World();
  const a = world.add('a', TEXT);
  world.add('b', TEXT);
  world.uppy.addPreProcessor(async () => world.uppy.removeFile(a));
  const result = await world.uppy.upload();
  expect(result?.successful?.map(({ name }) => name)).toEqual(['b']);
  expect(world.oss.requests.filter(({ key }) => key === 'a')).toEqual([]);
});
