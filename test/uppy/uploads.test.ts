/** Uploads files with a real Uppy on LocalOss: what is stored, and what the plugin reports to Uppy. */
import { expect, test } from 'vitest';
import { type OssClient, PresignedClient } from '../../src/index.ts';
import { VirtualClock } from '../tools/virtual-clock.ts';
import { World } from './world.ts';

const names = (count: number) => Array.from({ length: count }, (_, n) => `${n}.txt`);

test('a file is stored, and upload-success carries the key, the length, the CRC and the URL', async () => {
  const world = new World({ plugin: { key: ({ name }) => `inbox/${name}` } });
  world.add('a.txt', 'twenty-five bytes of text');
  const result = await world.uppy.upload();
  expect(result?.successful?.map(({ name }) => name)).toEqual(['a.txt']);
  expect(world.stored('inbox/a.txt')).toBe('twenty-five bytes of text');
  expect(world.values('upload-success')).toEqual([
    {
      status: 200,
      bytesUploaded: 25,
      uploadURL: 'https://logs.oss-cn-hangzhou.aliyuncs.com/inbox/a.txt',
      body: { key: 'inbox/a.txt', position: 25, hashCrc64ecma: world.oss.object('logs', 'inbox/a.txt')?.crc64 },
    },
  ]);
  expect(world.oss.object('logs', 'inbox/a.txt')?.headers['content-type']).toBe('text/plain');
  const file = world.uppy.getFiles()[0];
  expect(file?.uploadURL).toBe('https://logs.oss-cn-hangzhou.aliyuncs.com/inbox/a.txt');
  expect(file?.progress).toMatchObject({ uploadComplete: true, percentage: 100, bytesUploaded: 25 });
});

test('the events come in the order of Uppy’s own uploaders, and the progress is the number of confirmed bytes', async () => {
  const clock = new VirtualClock();
  const confirmed: number[] = [];
  const world = new World({ clock });
  world.add('a.txt', 'x'.repeat(25));
  world.uppy.on('upload-progress', () => confirmed.push(world.oss.object('logs', 'a.txt')?.length ?? 0));
  await world.uppy.upload();
  expect(world.told.map(({ event }) => event)).toEqual([
    'upload-start',
    'upload-progress',
    'upload-success',
    'complete',
  ]);
  expect(world.values('upload-start')).toEqual([['a.txt']]);
  expect(world.values('upload-progress')).toEqual([0]);
  expect(confirmed).toEqual([0]);
});

test('the progress is reported at most once in 100 ms, and the last report is not lost', async () => {
  const clock = new VirtualClock();
  const world = new World({
    clock,
    // The third append gets no answer for a while. By then two segments are confirmed.
    onmoment: (moment) => moment === 9 && world.hold(),
  });
  world.add('a.txt', 'x'.repeat(40));
  const done = world.uppy.upload();
  await world.sent(1);
  while (world.oss.object('logs', 'a.txt')?.length !== 30) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(world.values('upload-progress')).toEqual([0]);
  clock.advance(99);
  expect(world.values('upload-progress')).toEqual([0]);
  clock.advance(1);
  expect(world.values('upload-progress')).toEqual([0, 30]);
  world.release();
  await done;
  expect(world.stored('a.txt')).toBe('x'.repeat(40));
});

test('bytes that the object already has are the first progress, and only the rest is sent', async () => {
  const world = new World();
  world.oss.appendObject('logs', 'a.txt', new TextEncoder().encode('the beginning, '));
  world.add('a.txt', 'the beginning, and the rest');
  await world.uppy.upload();
  expect(world.stored('a.txt')).toBe('the beginning, and the rest');
  expect(world.values('upload-progress')[0]).toBe(15);
  const appends = world.oss.requests.filter(({ operation }) => operation === 'AppendObject');
  expect(appends[0]?.position).toBe(15);
});

test('a file that is complete on the server is a success without any append', async () => {
  const world = new World();
  world.oss.appendObject('logs', 'a.txt', new TextEncoder().encode('all of it'));
  world.add('a.txt', 'all of it');
  await world.uppy.upload();
  expect(world.values('upload-success')).toMatchObject([{ body: { key: 'a.txt', position: 9 } }]);
  expect(world.oss.requests.map(({ operation }) => operation)).toEqual(['HeadObject']);
});

test('an empty file becomes an empty object', async () => {
  const world = new World();
  const id = world.add('empty.txt', '');
  await world.uppy.upload();
  expect(world.stored('empty.txt')).toBe('');
  expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success empty.txt']);
  expect(world.values('upload-success')).toMatchObject([{ body: { position: 0, hashCrc64ecma: '0' } }]);
  expect(world.uppy.getFile(id).progress).toMatchObject({ uploadComplete: true, percentage: 100 });
});

test('many files: all are stored, and never more than the limit are in flight', async () => {
  const world = new World({ plugin: { limit: 4 } });
  for (const name of names(50)) world.add(name, `the text of file ${name}`);
  const result = await world.uppy.upload();
  expect(result?.successful).toHaveLength(50);
  for (const name of names(50)) expect(world.stored(name)).toBe(`the text of file ${name}`);
  expect(world.most).toBe(4);
  expect(world.list('upload-success')).toHaveLength(50);
});

test.each([
  [undefined, 5],
  [1, 1],
  [0, 8],
])('with the limit %s, %i of 8 files are in flight', async (limit, most) => {
  const world = new World({ plugin: { limit } });
  for (const name of names(8)) world.add(name, 'text');
  await world.uppy.upload();
  expect(world.most).toBe(most);
});

test('setOptions changes the limit of an upload that goes on', async () => {
  const world = new World({ plugin: { limit: 1 } });
  for (const name of names(6)) world.add(name, 'text');
  world.hold();
  const done = world.uppy.upload();
  await world.sent(1);
  world.uppy.getPlugin('OssAppend')?.setOptions({ limit: 3 });
  await world.sent(3);
  expect(world.inFlight).toBe(3);
  world.release();
  await done;
  expect(world.most).toBe(3);
});

test('the client, the headers and the URL may be functions of the file', async () => {
  const seen: string[] = [];
  const world: World = new World({
    plugin: {
      client: ({ name }) => {
        seen.push(name);
        return world.client;
      },
      headers: ({ name }) => ({ 'Content-Disposition': `attachment; filename=${name}` }),
      url: (key, { name }) => `https://cdn.example.com/${key}?of=${name}`,
      contentType: 'text/csv',
    },
  });
  world.add('a.txt', 'text');
  await world.uppy.upload();
  expect(seen).toEqual(['a.txt']);
  expect(world.oss.object('logs', 'a.txt')?.headers).toMatchObject({
    'content-disposition': 'attachment; filename=a.txt',
    'content-type': 'text/csv',
  });
  expect(world.values('upload-success')).toMatchObject([{ uploadURL: 'https://cdn.example.com/a.txt?of=a.txt' }]);
});

test('the URL has no signature and no token, also with query signing', async () => {
  const world = new World({ client: { signing: 'query' } });
  world.add('a b?.txt', 'text');
  await world.uppy.upload();
  expect(world.uppy.getFiles()[0]?.uploadURL).toBe('https://logs.oss-cn-hangzhou.aliyuncs.com/a%20b%3F.txt');
});

/** A client whose requests another client signs. */
const presignedBy = (world: World) =>
  new PresignedClient({
    fetch: world.oss.fetch,
    presign: ({ operation, key, position = 0, headers }) => {
      if (operation === 'headObject') return world.client.presignHeadObject(key);
      return world.client.presignAppendObject(key, { position, headers, contentType: headers['content-type'] ?? null });
    },
  });

test('a client that does not know its address stores files, and reports no URL', async () => {
  const world: World = new World({ plugin: { client: () => presignedBy(world), contentType: null } });
  world.add('a.txt', 'text');
  await world.uppy.upload();
  expect(world.logged).toEqual([]);
  expect(world.stored('a.txt')).toBe('text');
  expect(world.values('upload-success')[0]).not.toHaveProperty('uploadURL');
});

test('a URL that cannot be found does not make a stored file fail', async () => {
  const failing = (client: OssClient) => ({
    appendObject: client.appendObject.bind(client),
    headObject: client.headObject.bind(client),
    getObject: client.getObject.bind(client),
    retry: client.retry,
    presignHeadObject: () => Promise.reject(new Error('no more credentials')),
  });
  const world: World = new World({ plugin: { client: () => failing(world.client) } });
  world.add('a.txt', 'text');
  await world.uppy.upload();
  expect(world.list('upload-success', 'upload-error')).toEqual(['upload-success a.txt']);
});

test('the plugin tells Uppy that uploads can be resumed, until it is removed', () => {
  const { uppy } = new World();
  expect(uppy.getState().capabilities).toMatchObject({ resumableUploads: true, individualCancellation: true });
  uppy.removePlugin(uppy.getPlugin('OssAppend')!);
  expect(uppy.getState().capabilities.resumableUploads).toBe(false);
});
