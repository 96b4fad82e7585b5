/** Checks that a mistake in the options throws at once. */
import { describe, expect, test } from 'vitest';
import { OssAppend } from '../../src/uppy/index.ts';
import { World } from './world.ts';

describe('an option that can upload no file is refused by uppy.use', () => {
  test.each<[wrong: object, error: typeof TypeError | typeof RangeError, message: RegExp]>([
    [{ client: undefined }, TypeError, /client must be/],
    [{ client: {} }, TypeError, /client must be/],
    [{ key: undefined }, TypeError, /key must be a function/],
    [{ key: 'a.txt' }, TypeError, /key must be a function/],
    [{ limit: -1 }, RangeError, /limit must be/],
    [{ limit: 1.5 }, RangeError, /limit must be/],
    [{ limit: '4' }, TypeError, /limit must be/],
    [{ headers: 'x' }, TypeError, /headers must be/],
    [{ url: 'https://cdn.example.com' }, TypeError, /url must be a function/],
    [{ shared: true }, TypeError, /shared is not an option/],
    [{ tail: { position: 0 } }, TypeError, /tail is not an option/],
    [{ segmentSize: 0 }, RangeError, /segmentSize/],
    [{ maxRate: 5 }, RangeError, /maxRate/],
    [{ crc64: () => 0n }, TypeError, /crc64/],
    [{ headers: { Range: 'bytes=0-1' } }, TypeError, /headers: range/],
  ])('%o', (wrong, error, message) => {
    const use = () => new World({ plugin: wrong });
    expect(use).toThrow(error);
    expect(use).toThrow(message);
  });

  test('no options at all', () => {
    const { uppy } = new World();
    // @ts-expect-error: the options are missing.
    expect(() => uppy.use(OssAppend, undefined)).toThrow(TypeError);
  });
});

test('setOptions refuses the same mistakes, and keeps the options as they were', async () => {
  const world = new World();
  const plugin = world.uppy.getPlugin('OssAppend');
  expect(() => plugin?.setOptions({ limit: -1 })).toThrow(RangeError);
  world.add('a.txt', 'text');
  await world.uppy.upload();
  expect(world.stored('a.txt')).toBe('text');
});

test('Uppy’s own setOptions translates the texts of the plugin', async () => {
  const world = new World();
  world.uppy.setOptions({ locale: { strings: { dataMissing: '文件数据已丢失' } } });
  world.uppy.addFile({ name: 'a.txt', data: new Blob(['x']) });
  const [file] = world.uppy.getFiles();
  world.uppy.setFileState(file!.id, { data: undefined, isGhost: true });
  await world.uppy.upload();
  expect(world.values('upload-error')).toMatchObject([{ message: '文件数据已丢失' }]);
});
