/** A file is dropped from a restored list only if OSS proves that it is stored completely. */
import { describe, expect, test } from 'vitest';
import { StoredBook } from '../../demo/page/transfer/stored-book.ts';
import { append } from '../../src/index.ts';
import { KEYS, localOss, makeClient, utf8 } from '../tools/unit-tools.ts';

const KEY = 'demo/tab/a.txt';
const SIZE = 9;

/** Stores an object, notes it, and returns what the page has after a reload. */
async function stored() {
  const client = makeClient({ fetch: localOss().fetch, credentials: KEYS });
  const { position, hashCrc64ecma: crc } = await append(client, KEY, utf8('all of it'));
  const kept = new Map<string, string>();
  const store = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  };
  const open = () => new StoredBook(store, 'demo/');
  return { client, tail: { position, crc }, open, store };
}

describe('after a reload', () => {
  test('a file that was noted is proven by the length and the CRC-64 of its object', async () => {
    const { client, tail, open } = await stored();
    open().add(KEY, tail);
    expect([open().has(KEY), await open().proves(KEY, SIZE, client)]).toEqual([true, true]);
  });

  test('a file is not proven if nobody noted it, although its object is complete', async () => {
    const { client, open } = await stored();
    expect(await open().proves(KEY, SIZE, client)).toBe(false);
  });

  test('a file of another size is not proven', async () => {
    const { client, tail, open } = await stored();
    open().add(KEY, tail);
    expect([await open().proves(KEY, SIZE + 1, client), await open().proves(KEY, null, client)]).toEqual([
      false,
      false,
    ]);
  });

  test('a file is not proven if its object has other bytes, is longer, or is gone', async () => {
    const { client, tail, open } = await stored();
    open().add(KEY, { ...tail, crc: '1' });
    expect(await open().proves(KEY, SIZE, client)).toBe(false);
    open().add(KEY, tail);
    await append(client, KEY, utf8('another writer'));
    expect(await open().proves(KEY, SIZE, client)).toBe(false);
    open().add('demo/tab/gone.txt', tail);
    expect(await open().proves('demo/tab/gone.txt', SIZE, client)).toBe(false);
  });

  test('a file is not proven if OSS does not answer', async () => {
    const { tail, open } = await stored();
    open().add(KEY, tail);
    const silent = makeClient({ fetch: () => Promise.reject(new TypeError('no network')), retry: { maxAttempts: 1 } });
    expect(await open().proves(KEY, SIZE, silent)).toBe(false);
  });

  test('a file that the user has added again is forgotten, and so is a file without a CRC-64', async () => {
    const { tail, open } = await stored();
    const book = open();
    book.add(KEY, tail);
    book.forget(KEY);
    book.add('demo/tab/hidden.txt', { position: SIZE, crc: undefined });
    expect([open().has(KEY), open().has('demo/tab/hidden.txt')]).toEqual([false, false]);
  });

  test('the newest 500 files are remembered, and damaged notes are ignored', async () => {
    const { tail, open, store } = await stored();
    const book = open();
    for (let number = 0; number <= 500; number++) book.add(`demo/tab/${number}`, tail);
    expect([open().has('demo/tab/0'), open().has('demo/tab/1'), open().has('demo/tab/500')]).toEqual([
      false,
      true,
      true,
    ]);
    store.setItem('oss-append stored demo/', '{');
    expect(open().has('demo/tab/500')).toBe(false);
  });
});
