/** Tests unusual calls at unusual moments. The uploaders of Uppy itself are tested in the same way. */
import { describe, expect, test } from 'vitest';
import { createEdge, PageGrants } from '../../src/edge/index.ts';
import { PresignedClient } from '../../src/index.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { MemoryBlob } from '../engine/exactly-once/memory-blob.ts';
import { World, type WorldOptions } from './world.ts';

const TEXT = 'thirty-five bytes, in four segments';

/** A world in which every append to the object of one file fails until `mend` is called. */
function failing(name: string, options: WorldOptions = {}) {
  const state = { isBad: true };
  const world = new World({
    ...options,
    faults: ({ key, operation }) =>
      state.isBad && key === name && operation === 'AppendObject' ? { kind: 'deny' } : undefined,
  });
  const mend = () => {
    state.isBad = false;
  };
  return { world, mend };
}

describe('two uploads at once', () => {
  test('upload() twice uploads each file once', async () => {
    const world = new World();
    for (const name of ['a', 'b']) world.add(name, TEXT);
    await Promise.all([world.uppy.upload(), world.uppy.upload()]);
    expect(world.list('upload-success').sort()).toEqual(['upload-success a', 'upload-success b']);
    expect([world.stored('a'), world.stored('b')]).toEqual([TEXT, TEXT]);
    expect(world.uppy.getState().currentUploads).toEqual({});
  });

  test('a file that is added in the meantime is uploaded by a second upload(), and both respect the limit', async () => {
    const world = new World({ plugin: { limit: 1 } });
    world.add('a', TEXT);
    world.hold();
    const first = world.uppy.upload();
    await world.sent(1);
    world.add('b', TEXT);
    const second = world.uppy.upload();
    world.release();
    const results = await Promise.all([first, second]);
    expect(results.map((result) => result?.successful?.map(({ name }) => name))).toEqual([['a'], ['b']]);
    expect(world.most).toBe(1);
  });

  test('with allowMultipleUploadBatches: false, Uppy takes no more files, and a retry is still allowed', async () => {
    const { world, mend } = failing('a');
    world.uppy.setOptions({ allowMultipleUploadBatches: false });
    const id = world.add('a', TEXT);
    await world.uppy.upload();
    expect(() => world.add('b', TEXT)).toThrow(/Cannot add more files/);
    mend();
    expect((await world.uppy.retryUpload(id))?.successful).toHaveLength(1);
    expect(world.stored('a')).toBe(TEXT);
  });

  test('retryAll while another file is in flight does not disturb that file', async () => {
    const { world, mend } = failing('a');
    world.add('a', TEXT);
    world.add('b', TEXT);
    const failed = world.next('upload-error');
    const done = world.uppy.upload();
    await failed;
    mend();
    await Promise.all([done, world.uppy.retryAll()]);
    expect(world.list('upload-success').sort()).toEqual(['upload-success a', 'upload-success b']);
    expect([world.stored('a'), world.stored('b')]).toEqual([TEXT, TEXT]);
  });
});

describe('removeFile in each state leaves nothing behind', () => {
  const states: Record<string, (world: World, id: string) => Promise<unknown>> = {
    'not started': async () => {},
    paused: async (world, id) => {
      world.hold();
      const done = world.uppy.upload();
      await world.sent(1);
      world.uppy.pauseResume(id);
      return { done };
    },
    failed: (world) => world.uppy.upload(),
    complete: (world) => world.uppy.upload(),
  };

  test.each(Object.entries(states))('%s', async (state, reach) => {
    const world = state === 'failed' ? failing('a').world : new World();
    const id = world.add('a', TEXT);
    const { done } = ((await reach(world, id)) ?? {}) as { readonly done?: Promise<unknown> };
    const before = world.list('upload-success', 'upload-error');
    world.uppy.removeFile(id);
    world.release();
    await done;
    await world.quiet();
    expect(world.uppy.getFiles()).toEqual([]);
    expect(world.uppy.getState().currentUploads).toEqual({});
    expect(world.list('upload-success', 'upload-error')).toEqual(before);
    expect(world.logged.filter((error) => error instanceof TypeError)).toEqual([]);
    // The key is free again.
    world.add('a', TEXT);
    if (state !== 'failed') expect((await world.uppy.upload())?.successful).toHaveLength(1);
  });
});

test('cancelAll while the beginning of a file is compared stops the reading, and nothing is sent or reported', async () => {
  const world = new World();
  world.oss.appendObject('logs', 'a', new TextEncoder().encode(TEXT.slice(0, 20)));
  let cancelled = false;
  const reads = {
    get left() {
      cancelled = true;
      world.uppy.cancelAll();
      return 9;
    },
    set left(_) {},
  };
  const data = new MemoryBlob([TEXT], { reads }) as unknown as Blob;
  world.uppy.addFile({ name: 'a', data });
  const result = await world.uppy.upload();
  await world.quiet();
  expect(cancelled).toBe(true);
  expect(result?.successful ?? []).toEqual([]);
  expect(world.list('upload-progress', 'upload-success', 'upload-error')).toEqual([]);
  expect(world.stored('a')).toBe(TEXT.slice(0, 20));
});

describe('what changes between a failure and its retry', () => {
  test('new data of the file is used, and must begin like the object', async () => {
    const { world, mend } = failing('a');
    const id = world.add('a', TEXT);
    await world.uppy.upload();
    mend();
    world.uppy.setFileState(id, { data: new Blob(['edited']), size: 6 });
    await world.uppy.retryUpload(id);
    expect(world.stored('a')).toBe('edited');
    world.uppy.setFileState(id, {
      data: new Blob(['other bytes']),
      size: 11,
      progress: { uploadStarted: null, uploadComplete: false, bytesUploaded: false, bytesTotal: 11 },
    });
    await world.uppy.retryUpload(id);
    expect(world.values('upload-error').at(-1)).toMatchObject({ code: 'DifferentPrefix' });
    expect(world.stored('a')).toBe('edited');
  });

  test('new metadata reaches the headers, and the key stays', async () => {
    const { world, mend } = failing('a', {
      plugin: { headers: ({ meta }) => ({ 'x-oss-meta-title': String(meta['title']) }) },
    });
    const id = world.add('a', TEXT);
    world.uppy.setFileMeta(id, { title: 'old' });
    await world.uppy.upload();
    mend();
    world.uppy.setFileMeta(id, { title: 'new', name: 'b' });
    await world.uppy.retryUpload(id);
    expect(world.oss.object('logs', 'a')?.headers).toMatchObject({ 'x-oss-meta-title': 'new' });
    expect(world.stored('b')).toBe(undefined);
  });

  test('new options are used by a retry and by new files, but not by a file in flight', async () => {
    const world = new World();
    const second = new World();
    const plugin = world.uppy.getPlugin('OssAppend');
    world.add('a', TEXT);
    world.hold();
    const done = world.uppy.upload();
    await world.sent(1);
    plugin?.setOptions({ client: second.client, key: ({ name }: { readonly name: string }) => `new/${name}` });
    world.release();
    await done;
    world.add('b', TEXT);
    await world.uppy.upload();
    expect([world.stored('a'), world.stored('new/b'), second.stored('new/b')]).toEqual([TEXT, undefined, TEXT]);
  });
});

test('each event has its file, also if a listener removes the file', async () => {
  const { world } = failing('b');
  const missing: string[] = [];
  for (const event of ['upload-progress', 'upload-success', 'upload-error'] as const)
    world.uppy.on(event, (file: { readonly id: string } | undefined) => {
      if (file) world.uppy.removeFile(file.id);
      else missing.push(event);
    });
  for (const name of ['a', 'b', 'c']) world.add(name, TEXT);
  await world.uppy.upload();
  await world.quiet();
  expect(missing).toEqual([]);
  expect(world.uppy.getFiles()).toEqual([]);
  expect(world.uppy.getState().currentUploads).toEqual({});
});

test('the steps of an upload come in their order, and a postprocessor sees what is stored', async () => {
  const world = new World();
  const steps: unknown[] = [];
  world.uppy.addPreProcessor(async () => void steps.push(['before', world.stored('a')]));
  world.uppy.addPostProcessor(async ([id = '']) => {
    const { progress, response } = world.uppy.getFile(id);
    steps.push(['after', progress.uploadComplete, response?.body?.position]);
  });
  world.uppy.on('complete', () => void steps.push('complete'));
  world.add('a', TEXT);
  await world.uppy.upload();
  expect(steps).toEqual([['before', undefined], ['after', true, TEXT.length], 'complete']);
});

test('logout, which is for remote sources, does not disturb an upload', async () => {
  const world: World = new World({ onmoment: (moment) => moment === 3 && world.uppy.logout() });
  world.add('a', TEXT);
  expect((await world.uppy.upload())?.successful).toHaveLength(1);
});

test('destroy while a file is paused ends the upload, and nothing is sent', async () => {
  const world = new World();
  const id = world.add('a', TEXT);
  world.hold();
  const done = world.uppy.upload();
  await world.sent(1);
  world.uppy.pauseResume(id);
  world.uppy.destroy();
  world.release();
  await done;
  await world.quiet();
  expect(world.oss.requests.filter(({ operation }) => operation === 'AppendObject')).toEqual([]);
});

test('one client for each bucket: the function chooses it by the file', async () => {
  const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' }, images: { region: 'cn-hangzhou' } } });
  const images = new World({ oss, client: { bucket: 'images' } });
  const world: World = new World({
    oss,
    plugin: { client: ({ type }) => (type.startsWith('image/') ? images.client : world.client) },
  });
  world.add('a.txt', TEXT);
  world.add('b.png', TEXT, 'image/png');
  await world.uppy.upload();
  expect(world.stored('a.txt')).toBe(TEXT);
  expect([oss.object('images', 'b.png')?.length, oss.object('logs', 'b.png')]).toEqual([TEXT.length, undefined]);
});

test('a page without a key uploads with the grants of an edge, pauses, and goes on', async () => {
  const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } } });
  const edge = createEdge({
    oss: { region: 'cn-hangzhou', bucket: 'logs', fetch: oss.fetch },
    credentials: oss.issueToken(),
    authenticate: () => 'u1',
    prefixOf: () => 'inbox/',
    origins: ['https://www.example.com'],
  });
  const { presign } = new PageGrants('https://edge.example.com', {
    fetch: (url, init) =>
      edge(new Request(url, { ...init, headers: { ...init.headers, origin: 'https://www.example.com' } })),
  });
  const world: World = new World({
    oss,
    plugin: {
      client: new PresignedClient({ presign, fetch: oss.fetch }),
      key: ({ name }) => `inbox/${name}`,
      url: (key) => `https://cdn.example.com/${key}`,
    },
  });
  const id = world.add('a.txt', TEXT);
  world.uppy.once('upload-progress', () => world.uppy.pauseResume(id));
  const done = world.uppy.upload();
  await new Promise<void>((resolve) => world.uppy.once('upload-pause', () => resolve()));
  world.uppy.pauseResume(id);
  await done;
  expect(world.values('upload-error')).toEqual([]);
  expect(world.stored('inbox/a.txt')).toBe(TEXT);
  expect(world.values('upload-success')).toMatchObject([{ uploadURL: 'https://cdn.example.com/inbox/a.txt' }]);
});
