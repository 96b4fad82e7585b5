/** Uploads files with a real Uppy on LocalOss: what is stored, and what Uppy is told. */
import { expect, test } from 'vitest';
import { World } from './world.ts';

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
  expect(world.uppy.getFiles()[0]?.uploadURL).toBe('https://logs.oss-cn-hangzhou.aliyuncs.com/inbox/a.txt');
});
