/** Pauses and resumes one file or all files, at every moment, and checks that nothing is lost or stored twice. */
import { describe, expect, test } from 'vitest';
import { World } from './world.ts';

const TEXT = 'thirty-five bytes, in four segments';

/** A HEAD and four appends are sent and answered. */
const MOMENTS = Array.from({ length: 10 }, (_, n) => n + 1);

describe('a file that is paused at every moment of its upload', () => {
  test.each(MOMENTS)('moment %i: it stops, and goes on when it is resumed', async (at) => {
    const world: World = new World({
      onmoment: (moment) => {
        if (moment === at) world.uppy.pauseResume(id);
      },
    });
    const id = world.add('a.txt', TEXT);
    const done = world.uppy.upload();
    await world.quiet();
    expect(world.uppy.getFile(id)).toMatchObject({ isPaused: true });
    expect(world.uppy.getFile(id).error).toBeFalsy();
    expect(world.list('upload-success', 'upload-error')).toEqual([]);
    const before = world.oss.requests.length;
    await world.quiet();
    expect(world.oss.requests.length).toBe(before);
    world.uppy.pauseResume(id);
    await done;
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a.txt']);
  });

  test.each(MOMENTS)('moment %i: it is resumed at once, and stored once', async (at) => {
    const world: World = new World({
      onmoment: (moment) => {
        if (moment !== at) return;
        world.uppy.pauseResume(id);
        world.uppy.pauseResume(id);
      },
    });
    const id = world.add('a.txt', TEXT);
    await world.uppy.upload();
    expect(world.stored('a.txt')).toBe(TEXT);
    expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a.txt']);
  });

  test.each(MOMENTS)('moment %i: pauseAll and resumeAll do the same for three files', async (at) => {
    const world: World = new World({
      onmoment: (moment) => moment === at && world.uppy.pauseAll(),
    });
    for (const name of ['a', 'b', 'c']) world.add(name, TEXT + name);
    const done = world.uppy.upload();
    await world.quiet();
    const { isAllPaused, completeFiles } = world.uppy.getObjectOfFilesPerState();
    expect(isAllPaused || completeFiles.length > 0).toBe(true);
    world.uppy.resumeAll();
    await done;
    for (const name of ['a', 'b', 'c']) expect(world.stored(name)).toBe(TEXT + name);
    expect(world.list('upload-success', 'upload-error').sort()).toEqual(
      ['a', 'b', 'c'].map((n) => `upload-success ${n}`),
    );
  });
});

test('the progress does not go back when a file is paused and resumed', async () => {
  const world: World = new World({ onmoment: (moment) => moment === 7 && world.uppy.pauseResume(id) });
  const id = world.add('a.txt', TEXT);
  const done = world.uppy.upload();
  await world.quiet();
  world.uppy.pauseResume(id);
  await done;
  const progress = world.values('upload-progress') as number[];
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
});

test('a request that is stored although its file was paused is found, and not sent again', async () => {
  const world: World = new World({
    faults: [{ operation: 'AppendObject', nth: 2, kind: 'commit-late', delay: 20 }],
    onmoment: (moment) => moment === 5 && queueMicrotask(() => world.uppy.pauseResume(id)),
  });
  const id = world.add('a.txt', TEXT);
  const done = world.uppy.upload();
  await world.quiet();
  while (world.stored('a.txt')?.length !== 20) await new Promise((resolve) => setImmediate(resolve));
  world.uppy.pauseResume(id);
  await done;
  expect(world.stored('a.txt')).toBe(TEXT);
  const appends = world.oss.requests.filter(({ operation }) => operation === 'AppendObject');
  expect(appends.map(({ position }) => position)).toEqual([0, 10, 20, 30]);
});

test('a paused file gives its place to the next one, and waits at the end of the queue when it is resumed', async () => {
  const world = new World({ plugin: { limit: 1 } });
  const [a] = ['a', 'b', 'c'].map((name) => world.add(name, TEXT));
  world.hold();
  const done = world.uppy.upload();
  await world.sent(1);
  world.uppy.pauseResume(a!);
  world.uppy.pauseResume(a!);
  world.release();
  await done;
  expect(world.list('upload-success')).toEqual(['upload-success b', 'upload-success c', 'upload-success a']);
  expect(world.most).toBe(1);
});

test('a file that is paused before its upload begins takes no place, and sends nothing until it is resumed', async () => {
  const world = new World({ plugin: { limit: 1 } });
  const a = world.add('a', TEXT);
  world.add('b', TEXT);
  world.uppy.setFileState(a, { isPaused: true });
  const done = world.uppy.upload();
  await world.next('upload-success');
  await world.quiet();
  expect([world.stored('a'), world.stored('b')]).toEqual([undefined, TEXT]);
  world.uppy.pauseResume(a);
  await done;
  expect(world.stored('a')).toBe(TEXT);
});

test('a waiting file that is paused is not started when a place is free', async () => {
  const world = new World({ plugin: { limit: 1 } });
  world.add('a', TEXT);
  const b = world.add('b', TEXT);
  world.hold();
  const done = world.uppy.upload();
  await world.sent(1);
  world.uppy.pauseResume(b);
  world.release();
  await world.next('upload-success');
  await world.quiet();
  expect(world.stored('b')).toBe(undefined);
  world.uppy.resumeAll();
  await done;
  expect(world.stored('b')).toBe(TEXT);
});

test('a file that waits for a place has a percentage, so the Dashboard shows its button to pause it', async () => {
  const world = new World({ plugin: { limit: 1 } });
  world.add('a', TEXT);
  const b = world.add('b', '');
  world.hold();
  const done = world.uppy.upload();
  await world.sent(1);
  expect(world.uppy.getFile(b).progress).toMatchObject({ percentage: 0, bytesUploaded: 0 });
  world.release();
  await done;
});
