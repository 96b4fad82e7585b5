/**
 * Restores uploads as Golden Retriever does after a reload: a new Uppy gets the old state as JSON, and the data of the
 * files. The real Golden Retriever is tested in browsers by `npm run test:uppy`.
 */
import { expect, test } from 'vitest';
import { World } from './world.ts';

const TEXT = 'thirty-five bytes, in four segments';

/** Puts the state of one page into the next one. Files whose names are in `lost` come back without their data. */
function restore(from: World, to: World, lost: readonly string[] = []): void {
  const { files, currentUploads } = from.uppy.getState();
  const restored = Object.entries(files).map(([id, { data, ...facts }]) => {
    const isGhost = lost.includes(facts.name) && !facts.progress.uploadComplete;
    const file = { ...JSON.parse(JSON.stringify(facts)), isRestored: true, isGhost };
    return [id, { ...file, data: isGhost ? undefined : data }];
  });
  to.uppy.setState({ files: Object.fromEntries(restored), currentUploads: JSON.parse(JSON.stringify(currentUploads)) });
}

/** What Golden Retriever does when the user goes on. */
async function confirm({ uppy }: World): Promise<void> {
  const ids = Object.keys(uppy.getState().currentUploads);
  uppy.resumeAll();
  await Promise.all(ids.map((id) => uppy.restore(id)));
}

/** A page that dies when the last append of `b` is in flight. `a` is complete, and `c` has not begun. */
async function dead(key?: (file: { name: string }) => string): Promise<World> {
  let die: () => void = () => {};
  const died = new Promise<void>((resolve) => {
    die = resolve;
  });
  // Each file has one HEAD and four appends, which are sent and answered.
  const world: World = new World({
    plugin: { limit: 1, ...(key && { key }) },
    onmoment: (moment) => {
      if (moment !== 19) return;
      world.hold();
      die();
    },
  });
  for (const name of ['a', 'b', 'c']) world.add(name, TEXT + name);
  void world.uppy.upload();
  await died;
  return world;
}

/** A new page on the bucket of an old one. */
function next(old: World, plugin: object = {}): World {
  const { oss } = old;
  return new World({ oss, plugin });
}

test('files go on after a reload where their objects end, and complete files are not uploaded again', async () => {
  const old = await dead();
  const world = next(old);
  restore(old, world);
  old.oss.clearRequests();
  await confirm(world);
  for (const name of ['a', 'b', 'c']) expect(world.stored(name)).toBe(TEXT + name);
  const appends = old.oss.requests.filter(({ operation, key }) => operation === 'AppendObject' && key === 'b');
  expect(appends.map(({ position }) => position)).toEqual([30]);
  expect(old.oss.requests.filter(({ key }) => key === 'a')).toEqual([]);
  expect(world.list('upload-success').sort()).toEqual(['upload-success b', 'upload-success c']);
});

test('a file that was started before the reload keeps its progress: upload-start does not come again', async () => {
  const old = await dead();
  const world = next(old);
  restore(old, world);
  await confirm(world);
  expect(world.values('upload-start')).toEqual([[]]);
});

test('a key with a random part is the same after a reload', async () => {
  let number = 0;
  const old = await dead(({ name }) => `${++number}/${name}`);
  const world = next(old, { key: () => 'another key' });
  restore(old, world);
  await confirm(world);
  expect(world.stored('2/b')).toBe(`${TEXT}b`);
  expect(world.stored('another key')).toBe(undefined);
});

test('a ghost file fails with a request to pick it again, the others go on, and then it goes on, too', async () => {
  const old = await dead();
  const world = next(old);
  restore(old, world, ['b']);
  await confirm(world);
  expect(world.list('upload-error', 'upload-success')).toEqual(['upload-error b', 'upload-success c']);
  expect(world.values('upload-error')).toMatchObject([{ code: 'DataMissing' }]);
  world.add('b', `${TEXT}b`);
  const result = await world.uppy.upload();
  expect(result?.successful?.map(({ name }) => name)).toEqual(['b']);
  expect(world.stored('b')).toBe(`${TEXT}b`);
});

test('a file that had failed before the reload is retried when the user goes on, although it is in no upload', async () => {
  const old = new World({ faults: () => ({ kind: 'deny' }) });
  const id = old.add('a', TEXT);
  await old.uppy.upload();
  const world = new World();
  restore(old, world);
  expect(world.uppy.getFile(id).error).toBeTruthy();
  const stored = world.next('upload-success');
  await confirm(world);
  await stored;
  expect(world.stored('a')).toBe(TEXT);
});

test('a paused file is not started by a reload before the user resumes it', async () => {
  const old = await dead();
  const [, b] = old.uppy.getFiles();
  old.uppy.pauseResume(b!.id);
  const world = next(old);
  restore(old, world);
  const ids = Object.keys(world.uppy.getState().currentUploads);
  const done = Promise.all(ids.map((id) => world.uppy.restore(id)));
  await world.quiet();
  expect(world.list('upload-success')).toEqual(['upload-success c']);
  world.uppy.resumeAll();
  await done;
  expect(world.stored('b')).toBe(`${TEXT}b`);
});
