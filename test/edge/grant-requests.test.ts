/**
 * Tests how the edge reads requests for grants: only whole numbers, ranges and headers of the right form are accepted.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EdgeQuestion } from '../../src/edge/index.ts';
import { OssClient, refreshingCredentials } from '../../src/index.ts';
import { NOON } from '../tools/virtual-clock.ts';
import { appendOf, type Grant, grantingEdge, stopClock } from './granting-edge.ts';
import { BUCKET, makeCloud } from './world.ts';

const MIB = 1024 * 1024;
const KEY = 'inbox/u1/file.bin';
const append = (position: number, size: number, more: object = {}) => appendOf(KEY, position, size, more);

beforeEach(stopClock);
afterEach(() => {
  vi.useRealTimers();
});

describe('a request for grants', () => {
  test('asks the application for each grant of a batch too, and gets the grants that it allows', async () => {
    const allows = ({ position = 0, size = 0 }: EdgeQuestion) => position + size <= 10;
    const { browser } = await grantingEdge({ allows });
    expect((await browser.post('/grant', append(0, 11))).status).toBe(403);
    expect((await browser.post('/grant', append(4, 6))).status).toBe(200);
    const batch = async (position: number) =>
      (await browser.post('/grants', { key: KEY, position, segmentSize: 4, count: 5 })).json();
    expect((await batch(0)).grants.map(({ position }: Grant) => position)).toEqual([0, 4]);
    expect(await batch(8)).toMatchObject({ error: 'NotAllowed' });
  });

  test.each<[string, object]>([
    ['no operation', { key: KEY }],
    ['another operation', { operation: 'deleteObject', key: KEY }],
    ['a read without range', { operation: 'getObject', key: KEY }],
    ['a range that is too long', { operation: 'getObject', key: KEY, range: { start: 0, end: 32 * MIB } }],
    ['a range that ends before it begins', { operation: 'getObject', key: KEY, range: { start: 2, end: 1 } }],
    ['a HEAD with headers', { operation: 'headObject', key: KEY, headers: { 'x-oss-meta-a': 'b' } }],
    ['no size', { operation: 'appendObject', key: KEY, position: 0 }],
    ['a size that is too large', append(0, 32 * MIB + 1)],
    ['a size that is not a number', append(0, '4' as unknown as number)],
    ['a negative position', append(-1, 4)],
    ['a position beyond 5 GiB', append(5 * 1024 * MIB, 1)],
    [
      'a header with a line break',
      append(0, 4, { headers: { 'content-type': 'text/plain\r\nx-oss-object-acl: public-read' } }),
    ],
    ['a string in place of headers', append(0, 4, { headers: 'content-type' })],
  ])('is refused if it has %s', async (_, body) => {
    const { browser, asked } = await grantingEdge();
    expect((await browser.post('/grant', body)).status).toBe(400);
    expect(asked).toEqual([]);
  });

  /** Values that JavaScript converts to a number, or that a client may send in place of a number. */
  const NOT_NUMBERS = [null, '', '0', '4', ' 4', '1e3', true, false, [], [4], [[4]], {}, -1, 0.5, 4.000001, 2 ** 53];
  const FIELDS: readonly [path: string, field: string][] = [
    ['/grant', 'position'],
    ['/grant', 'size'],
    ['/grant', 'range.start'],
    ['/grant', 'range.end'],
    ['/grants', 'position'],
    ['/grants', 'segmentSize'],
    ['/grants', 'count'],
    ['/grants', 'end'],
  ];

  /** Returns a good request in which one field is replaced. */
  function requestWith(path: string, field: string, value: unknown): object {
    const range = { start: 0, end: 4 };
    if (field.startsWith('range.'))
      return { operation: 'getObject', key: KEY, range: { ...range, [field.slice(6)]: value } };
    const good = path === '/grant' ? append(4, 4) : { key: KEY, position: 4, segmentSize: 4, count: 1, end: 100 };
    return { ...good, [field]: value };
  }

  test.each(FIELDS)(
    'to %s needs a whole number for %s, and no value that JavaScript would convert to one',
    async (path, field) => {
      const { browser, asked } = await grantingEdge();
      for (const value of NOT_NUMBERS) {
        const response = await browser.post(path, requestWith(path, field, value));
        expect(response.status, JSON.stringify(value)).toBe(400);
        expect((await response.json()).message, JSON.stringify(value)).toContain(field.replace('range.', ''));
      }
      expect(asked).toEqual([]);
      // JSON has one kind of number, so these are whole numbers too.
      const sent = JSON.stringify(requestWith(path, field, 'HERE'));
      const accepted = {
        position: '-0',
        size: '1e1',
        segmentSize: '4.0',
        count: '1E0',
        end: '1e2',
        'range.end': '4.0',
      };
      const number = accepted[field as keyof typeof accepted] ?? '0';
      const init = { method: 'POST', body: sent.replace('"HERE"', number) };
      expect((await browser.fetch(path, init)).status, number).toBe(200);
    },
  );

  const append0 = { ...append(0, 4), headers: {} };
  const batch0 = { key: KEY, position: 0, segmentSize: 4, count: 1 };
  test.each<[what: string, headers: unknown]>([
    ['null', null],
    ['a string', 'content-type'],
    ['a list', []],
    ['a list of pairs', [['content-type', 'text/plain']]],
    ['a value that is a number', { 'content-type': 5 }],
    ['a value that is a list', { 'content-type': ['text/plain'] }],
    ['a value that is null', { 'content-type': null }],
    ['an empty value', { 'content-type': '' }],
    ['a value of spaces', { 'content-type': '  ' }],
    ['a name in upper case', { 'Content-Type': 'text/plain' }],
    ['an ACL', { 'x-oss-object-acl': 'public-read' }],
    ['a length', { 'content-length': '4' }],
    ['a name from the prototype', JSON.parse('{"__proto__":"a"}')],
    ['21 headers', Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-oss-meta-${i}`, 'a']))],
  ])('is refused by /grant and /grants if its headers are %s', async (_, headers) => {
    const { browser, asked } = await grantingEdge();
    expect((await browser.post('/grant', { ...append0, headers })).status).toBe(400);
    expect((await browser.post('/grants', { ...batch0, headers })).status).toBe(400);
    expect(asked).toEqual([]);
  });

  test.each([null, [], 'x', 7, { start: 0, end: null }, { end: 4 }, [0, 4]])(
    'is refused if its range is %j',
    async (range) => {
      const { browser } = await grantingEdge();
      const response = await browser.post('/grant', { operation: 'getObject', key: KEY, range });
      expect(response.status).toBe(400);
    },
  );

  test.each([
    { position: 0, segmentSize: 4, count: 33 },
    { position: 0, segmentSize: 4, count: 0 },
    { position: 0, segmentSize: 0, count: 1 },
    { position: 0, segmentSize: 32 * MIB + 1, count: 1 },
    { position: 8, segmentSize: 4, count: 1, end: 4 },
    { position: 4, segmentSize: 4, count: 1, headers: { 'content-type': 'text/plain' } },
    { position: 5 * 1024 * MIB + 1, segmentSize: 4, count: 1 },
    { position: 0, segmentSize: 4, count: 1, end: 5 * 1024 * MIB + 1 },
    { segmentSize: 4, count: 1 },
    { position: 0, count: 1 },
    { position: 0, segmentSize: 4 },
  ])('is refused if its batch is %o', async (batch) => {
    const { browser } = await grantingEdge();
    expect((await browser.post('/grants', { key: KEY, ...batch })).status).toBe(400);
  });

  test('gets grants for at most 12 hours, and never beyond the expiration of the token that signs', async () => {
    const { oss } = makeCloud();
    const fetch = oss.fetch;
    const client = new OssClient({ region: 'cn-hangzhou', bucket: BUCKET, credentials: oss.issueToken(), fetch });
    await expect(client.presignAppendObject(KEY, { position: 0, expiresIn: 43_201 })).rejects.toThrow(RangeError);
    const { expiration } = await client.presignAppendObject(KEY, { position: 0, expiresIn: 43_200 });
    expect(expiration.getTime()).toBe(NOON + 3_600_000);
    await expect(grantingEdge({ grantLife: 43_201 })).rejects.toThrow(/grantLife/);
    const credentials = refreshingCredentials(() => oss.issueToken({ durationSeconds: 120 }), { refreshBefore: 0 });
    const { grant } = await grantingEdge({ credentials });
    expect((await grant(append(0, 1))).expiration).toBe(new Date(NOON + 120_000).toISOString());
  });
});
