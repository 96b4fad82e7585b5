/** The pure parts of the page: the rate and the time that is left, the ruler, the keys, the totals and the code. */
import { describe, expect, test } from 'vitest';
import { codeFor } from '../../demo/page/code.ts';
import { withMore } from '../../demo/page/follow.ts';
import { marksBetween } from '../../demo/page/transfer/figures.ts';
import { KeyBook } from '../../demo/page/transfer/key-book.ts';
import { Meter } from '../../demo/page/transfer/meter.ts';
import { layOut, marksOf } from '../../demo/page/transfer/ruler.ts';
import type { Segment } from '../../demo/page/transfer/story.ts';
import { totalsOf } from '../../demo/page/uploader/totals.ts';
import { crc64 } from '../../src/index.ts';

describe('the meter', () => {
  test('knows nothing before the second reading', () => {
    const meter = new Meter();
    meter.add(0, 0);
    expect([meter.rate(100), meter.left(100, 1000)]).toEqual([undefined, undefined]);
  });

  test('measures bytes per second, and the seconds that are left', () => {
    const meter = new Meter();
    meter.add(0, 0);
    meter.add(1000, 500);
    expect([meter.rate(1000), meter.left(1000, 2000)]).toEqual([500, 3]);
  });

  test('shows no stale rate when nothing was confirmed for some seconds', () => {
    const meter = new Meter();
    meter.add(0, 0);
    meter.add(1000, 500);
    expect([meter.rate(4500), meter.left(4500, 2000)]).toEqual([undefined, undefined]);
  });

  test('begins again when the number of bytes falls, for example after the list was cleared', () => {
    const meter = new Meter();
    meter.add(0, 900);
    meter.add(1000, 100);
    meter.add(2000, 300);
    expect(meter.rate(2000)).toBe(200);
  });
});

describe('the ruler', () => {
  const segments = (count: number, size: number): Segment[] =>
    Array.from({ length: count }, (_, n) => ({ position: n * size, size, state: 'stored' }));

  test('draws wide segments apart', () => {
    const blocks = layOut(segments(4, 100), { base: 0, total: 400, width: 400 });
    expect(blocks.map(({ x, width, count }) => [x, width, count])).toEqual([0, 100, 200, 300].map((x) => [x, 99, 1]));
  });

  test('draws 300 narrow segments as one block, because 300 lines would make a moiré', () => {
    const blocks = layOut(segments(300, 100), { base: 0, total: 30_000, width: 600 });
    expect(blocks).toHaveLength(1);
    expect(blocks[0]?.count).toBe(300);
  });

  test('always shows the request in flight, inside of the ruler', () => {
    const flying: Segment = { position: 999_999, size: 1, state: 'sent' };
    const last = layOut([flying], { base: 0, total: 1_000_000, width: 500 }).at(-1);
    expect(last?.width).toBeGreaterThanOrEqual(2);
    expect((last?.x ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual(500);
  });

  test('shows what the object held before', () => {
    expect(layOut([], { base: 50, total: 100, width: 100 })[0]).toMatchObject({ x: 0, state: 'earlier' });
  });

  test('has marks at round numbers, with room for their texts', () => {
    const marks = marksOf(30 * 1024 ** 2, 600);
    expect(marks.map(({ bytes }) => bytes / 1024 ** 2)).toEqual([0, 8, 16, 24]);
  });

  test('has no mark whose text would be cut off at the end', () => {
    const marks = marksOf(67.4 * 1024, 510);
    expect(marks.map(({ bytes }) => bytes / 1024)).toEqual([0, 16, 32, 48]);
  });
});

test('the marks of the time are multiples of the step, and none lies after the end of the axis', () => {
  expect(marksBetween(50.2, 54.2, 2)).toEqual([52, 54]);
  expect(marksBetween(50.2, 54.2, 5)).toEqual([]);
});

describe('the key book', () => {
  function storage() {
    const kept = new Map<string, string>();
    return {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => void kept.set(name, value),
    };
  }
  const open = (store = storage()) => new KeyBook(store, { prefix: 'demo/', scope: 'demo/tab/' });
  const file = { name: 'a.txt', size: 1, lastModified: 5 };

  test('gives each file a key of its own, also when two have one name', () => {
    const book = open();
    expect(book.choose(file)).toBe('demo/tab/a.txt');
    expect(book.choose({ ...file, size: 2 })).toBe('demo/tab/a (2).txt');
    expect(book.choose({ ...file, relativePath: 'folder/a.txt' })).toBe('demo/tab/folder/a.txt');
  });

  test('knows the object of a file after a reload', async () => {
    const store = storage();
    const key = open(store).choose(file);
    await Promise.resolve();
    expect(open(store).known(file)).toBe(key);
    expect(open(store).known({ ...file, lastModified: 6 })).toBeUndefined();
  });

  test.each([
    ['../../secret', 'demo/tab/secret'],
    ['..', 'demo/tab/file'],
    ['a\u0000b', 'demo/tab/a_b'],
    ['//x', 'demo/tab/x'],
  ])('a name cannot leave the folder of the tab: %j', (name, key) => {
    expect(open().choose({ name, size: 1 })).toBe(key);
  });

  test('a name that is too long for a key loses its beginning, not its ending', () => {
    const key = open().choose({ name: `${'长'.repeat(900)}.txt`, size: 1 });
    expect(new TextEncoder().encode(key).length).toBeLessThan(1023);
    expect(key.endsWith('.txt')).toBe(true);
  });
});

test('the totals count what is stored, failed, paused and in flight', () => {
  const progress = (uploadStarted: number | null, bytesUploaded = 0, uploadComplete = false) => ({
    uploadStarted,
    bytesUploaded,
    uploadComplete,
  });
  const totals = totalsOf([
    { size: 10, progress: progress(1, 10, true) },
    { size: 10, progress: progress(1, 4), error: 'broken' },
    { size: 10, progress: progress(1, 5), isPaused: true },
    { size: 10, progress: progress(1, 2) },
    { size: 10, progress: progress(null) },
  ]);
  expect(totals).toEqual({ files: 4, stored: 1, failed: 1, paused: 1, inFlight: 1, bytes: 21, size: 40 });
});

test('a tab that follows an object knows the CRC-64 of all bytes, and keeps only the end of them', () => {
  const bytes = new Uint8Array(5000).map((_, n) => n);
  const start = { length: 0, crc: '0', pieces: [], end: new Uint8Array() };
  const followed = withMore(withMore(start, bytes.subarray(0, 3000)), bytes.subarray(3000));
  expect([followed.length, followed.crc]).toEqual([5000, String(crc64(bytes))]);
  expect(followed.end).toEqual(bytes.subarray(-2048));
  expect(followed.pieces.map(({ position }) => position)).toEqual([0, 3000]);
});

describe('the example code that does what the user did', () => {
  const place = { region: 'cn-hangzhou', bucket: 'b', endpoint: 'http://e', pathStyle: false, edge: 'http://edge' };
  const done = { place, segmentSize: 0, keepsType: true, prefix: 'p/', kind: 'files' } as const;

  test.each([
    ['token', 'OssAppend'],
    ['grant', 'PageGrants'],
    ['pipe', 'xhrFetch'],
  ] as const)('names the parts that the way “%s” needs', (way, part) => {
    expect(codeFor({ ...done, route: { way, signing: 'header' } })).toContain(part);
  });

  test('shows the settings only if they are not the defaults', () => {
    const plain = codeFor({ ...done, route: { way: 'token', signing: 'header' } });
    const special = codeFor({
      ...done,
      segmentSize: 1024,
      keepsType: false,
      route: { way: 'token', signing: 'query' },
    });
    for (const setting of ['segmentSize', 'signing', 'contentType'])
      expect([plain.includes(`${setting}:`), special.includes(`${setting}:`)], setting).toEqual([false, true]);
  });

  test('records with recordTo', () => {
    const code = codeFor({ ...done, kind: 'recording', route: { way: 'token', signing: 'header' } });
    expect(code).toContain('recordTo(object, recorder');
    expect(code).toContain('import { AppendableObject, credentialsFromUrl, OssClient }');
  });
});
