/**
 * Tests grants from the page to OSS: a page without a key appends with requests that the edge signs, and can do nothing
 * else.
 */

import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type EdgeQuestion, PageGrants } from '../../src/edge/index.ts';
import { AppendableObject, OssClient } from '../../src/index.ts';
import { PresignedClient } from '../../src/request/presigned.ts';
import type { FaultSchedule } from '../../src/testing/index.ts';
import { platformClock } from '../../src/waiting/clock.ts';
import { pageFetch } from '../tools/page-fetch.ts';
import { failureOf, printed, utf8 } from '../tools/unit-tools.ts';
import { NOON } from '../tools/virtual-clock.ts';
import { appendOf, grantingEdge, stopClock } from './granting-edge.ts';
import { noise } from './senders.ts';
import { BUCKET, placeOf, RAM } from './world.ts';

const MIB = 1024 * 1024;
const KEY = 'inbox/u1/file.bin';
const FIVE_MINUTES = 300_000;
const append = (position: number, size: number, more: object = {}) => appendOf(KEY, position, size, more);

beforeEach(stopClock);
afterEach(() => {
  vi.useRealTimers();
});

/** Makes a client like that of a page: it asks the edge for each request. */
function pageClient(
  fetch: (url: string, init: RequestInit) => Promise<Response>,
  { presign }: PageGrants,
): PresignedClient {
  return new PresignedClient({ presign, fetch, retry: { baseDelay: 1 } });
}

describe('a page without any key', () => {
  const bytes = noise(50 * MIB);
  const file = new Blob([bytes], { type: 'video/webm' });

  test.each<[string, number | undefined, number]>([
    ['one grant for each append', undefined, 7],
    ['grants ahead, four at a time', 4, 2],
  ])('appends 50 MB: %s', async (_, ahead, asks) => {
    const { oss, browser, asked } = await grantingEdge();
    const segmentSize = 8 * MIB;
    const grants = new PageGrants('https://edge.example', { ahead, segmentSize, fetch: browser.fetch });
    const object = new AppendableObject(pageClient(oss.fetch, grants), KEY, { segmentSize });
    grants.end = (await object.open()).position + file.size;
    const tail = await object.append(file);
    expect(tail.position).toBe(bytes.length);
    const stored = oss.object(BUCKET, KEY);
    expect(stored?.headers['content-type']).toBe('video/webm');
    expect(stored?.crc64).toBe(tail.hashCrc64ecma);
    expect(Buffer.compare(stored?.bytes() ?? new Uint8Array(), bytes)).toBe(0);
    const paths = browser.sent.filter((one) => one.startsWith('POST /grant'));
    // The first request is for the grant of the opening HEAD.
    expect(paths.slice(1)).toEqual(Array(asks).fill(ahead ? 'POST /grants' : 'POST /grant'));
    expect(
      asked.filter(({ operation }) => operation === 'appendObject').map(({ position, size }) => [position, size]),
    ).toEqual([...[0, 8, 16, 24, 32, 40].map((at) => [at * MIB, 8 * MIB]), [48 * MIB, 2 * MIB]]);
  });

  test('settles lost answers with a granted HEAD, or with a granted read of the same range if the CRC is hidden', async () => {
    const faults: FaultSchedule = ({ operation, nth }) =>
      operation === 'AppendObject' && nth === 2
        ? { kind: 'drop-after' }
        : { kind: 'hide-headers', names: ['x-oss-hash-crc64ecma'] };
    const { oss, browser, asked } = await grantingEdge({ faults });
    const grants = new PageGrants('https://edge.example', { ahead: 3, segmentSize: MIB, fetch: browser.fetch });
    const object = new AppendableObject(pageClient(oss.fetch, grants), KEY, { segmentSize: MIB });
    await object.append(new Blob([bytes.subarray(0, 3 * MIB)]));
    expect(Buffer.compare(oss.object(BUCKET, KEY)?.bytes() ?? new Uint8Array(), bytes.subarray(0, 3 * MIB))).toBe(0);
    expect(asked.filter(({ operation }) => operation === 'getObject')).toMatchObject([{ key: KEY, size: MIB }]);
    const reads = oss.requests.filter(({ operation }) => operation === 'GetObject');
    expect(reads.map(({ status }) => status)).toEqual([206]);
  });

  test('asks for the next grants while it uses the last one, so that the grants cost no round trip', async () => {
    const { oss, browser } = await grantingEdge();
    /** The number of requests for grants when each append is sent. */
    const asked: number[] = [];
    const fetch: typeof oss.fetch = async (...sent) => {
      if (new Request(...sent).method === 'POST')
        asked.push(browser.sent.filter((one) => one === 'POST /grants').length);
      return oss.fetch(...sent);
    };
    const grants = new PageGrants('https://edge.example', { ahead: 3, segmentSize: 4, fetch: browser.fetch });
    grants.end = 28;
    await new AppendableObject(pageClient(fetch, grants), KEY, { segmentSize: 4 }).append(new Blob([noise(28)]));
    // The third and the sixth grant are the last of their batches. The seventh append is the last one.
    expect(asked).toEqual([1, 1, 2, 2, 2, 3, 3]);
    expect(browser.sent.filter((one) => one === 'POST /grant')).toHaveLength(1);
  });

  test('asks for grants in advance for the shorter segments that maxRate makes', async () => {
    const { oss, browser } = await grantingEdge();
    const grants = new PageGrants('https://edge.example', { ahead: 3, segmentSize: 1000, fetch: browser.fetch });
    // Here, the waits for the rate take no time, but the time-outs of attempts keep their length.
    const hasty = (callback: () => void, delay: number) => setTimeout(callback, delay < 5000 ? 0 : delay);
    const clock = { ...platformClock(), setTimeout: hasty };
    const client = new PresignedClient({ presign: grants.presign, fetch: oss.fetch, clock });
    const object = new AppendableObject(client, KEY, { segmentSize: 1000, maxRate: 1000 });
    grants.end = 1600;
    await object.append(new Blob([noise(1600)]));
    // Seven segments. The edge is asked for the first one alone, because its size is not known before.
    expect(oss.requests.filter(({ operation }) => operation === 'AppendObject')).toHaveLength(7);
    expect(browser.sent.filter((one) => one.startsWith('POST /grant'))).toEqual([
      ...Array(2).fill('POST /grant'),
      ...Array(2).fill('POST /grants'),
    ]);
    expect(oss.object(BUCKET, KEY)?.length).toBe(1600);
  });

  test('replaces a grant that is too old with a fresh one', async () => {
    const { oss, browser } = await grantingEdge();
    const grants = new PageGrants('https://edge.example', { ahead: 8, segmentSize: 4, fetch: browser.fetch });
    const object = new AppendableObject(pageClient(oss.fetch, grants), KEY, { segmentSize: 4 });
    await object.append('1234');
    vi.setSystemTime(NOON + FIVE_MINUTES - 10_000);
    await object.append('5678');
    expect(browser.sent.slice(-2)).toEqual(['POST /grants', 'POST /grant']);
    expect(oss.object(BUCKET, KEY)?.length).toBe(8);
  });
});

describe('PageGrants', () => {
  test('rejects the append with the code of the edge as its cause when the edge refuses', async () => {
    const { oss, browser } = await grantingEdge({ allows: ({ operation }) => operation !== 'appendObject' });
    for (const ahead of [1, 4]) {
      const grants = new PageGrants('https://edge.example', { ahead, segmentSize: 4, fetch: browser.fetch });
      const error = await failureOf(new AppendableObject(pageClient(oss.fetch, grants), KEY).append('1234'));
      expect(error).toMatchObject({ name: 'CredentialsError', code: 'PresignFailed', cause: { code: 'NotAllowed' } });
      expect(String((error as Error).cause)).toContain('NotAllowed (HTTP 403) You may not do this now: appendObject');
    }
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
  });

  test('does not repeat a secret from the answer of a proxy, or a code that does not look like a name', async () => {
    const secret = 'sEcr3tsEcr3tsEcr3t';
    const fetch = async () => Response.json({ error: secret, message: `security-token: ${secret}` }, { status: 502 });
    const grants = new PageGrants('https://edge.example', { fetch });
    const error = await failureOf(pageClient(fetch, grants).headObject(KEY));
    expect((error as Error).cause).toMatchObject({ code: 'Http502' });
    expect(printed(error)).not.toContain(secret);
  });

  test.each<[string, unknown]>([
    ['ahead', 0],
    ['ahead', 1.5],
    ['segmentSize', 0],
    ['segmentSize', Number.NaN],
    ['fetch', 'fetch'],
  ])('throws when %s is %s', (name, value) => {
    expect(() => new PageGrants('', { [name]: value })).toThrow(name);
  });
});

describe('a granted append', () => {
  test('accepts exactly its length', async () => {
    const { grant, send, oss } = await grantingEdge();
    const given = await grant(append(0, 4));
    expect(await send(given, { body: utf8('12345') })).toBe('403 SignatureDoesNotMatch');
    expect(await send(given, { body: utf8('123') })).toBe('403 SignatureDoesNotMatch');
    expect(await send(given)).toBe('403 SignatureDoesNotMatch');
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
    expect(await send(given, { body: utf8('1234') })).toBe('200');
  });

  test('works only for its position and key, and only as an append', async () => {
    const { grant, send, oss } = await grantingEdge();
    await send(await grant(append(0, 4)), { body: utf8('1234') });
    const given = await grant(append(4, 4));
    const body = utf8('5678');
    const changed: [string, RequestInit?][] = [
      [given.url.replace('position=4', 'position=0')],
      [given.url.replace('file.bin', 'other.bin')],
      [given.url.replace('inbox/u1', 'inbox/u2')],
      [given.url.replace('x-oss-expires=300', 'x-oss-expires=43200')],
      [given.url.replace(/x-oss-date=\d+T/, 'x-oss-date=20260103T')],
      [given.url.replace('append&', '')],
      [`${given.url}&acl`],
      [given.url.replace('content-length', 'host')],
      [given.url, { method: 'PUT' }],
      [given.url, { method: 'DELETE', body: null }],
      [given.url, { headers: { 'content-type': 'text/html' } }],
      [given.url, { headers: { 'x-oss-object-acl': 'public-read' } }],
    ];
    for (const [url, init] of changed) {
      if (url === given.url && !init) throw new Error('This case changes nothing');
      const answer = await send({ ...given, url }, { body, ...init });
      expect(answer, `${init?.method ?? ''} ${url}`).toMatch(/^40\d /);
    }
    expect(oss.object(BUCKET, KEY)?.length).toBe(4);
    expect(oss.object(BUCKET, 'inbox/u2/file.bin')).toBeUndefined();
    expect(await send(given, { body })).toBe('200');
  });

  test('cannot overwrite: a second request is refused, whatever was appended since', async () => {
    const { grant, send, oss } = await grantingEdge();
    const given = await grant(append(0, 4));
    await send(given, { body: utf8('1234') });
    expect(await send(given, { body: utf8('abcd') })).toBe('409 PositionNotEqualToLength');
    await send(await grant(append(4, 4)), { body: utf8('5678') });
    expect(await send(given, { body: utf8('abcd') })).toBe('409 PositionNotEqualToLength');
    expect(new TextDecoder().decode(oss.object(BUCKET, KEY)?.bytes())).toBe('12345678');
  });

  test('can create a deleted object again with any bytes of its length, until it expires', async () => {
    const { grant, send, oss } = await grantingEdge();
    const first = await grant(append(0, 4));
    await send(first, { body: utf8('1234') });
    const second = await grant(append(4, 4));
    oss.deleteObject(BUCKET, KEY);
    expect(await send(second, { body: utf8('5678') })).toBe('409 PositionNotEqualToLength');
    expect(await send(first, { body: utf8('12345') })).toBe('403 SignatureDoesNotMatch');
    // A grant fixes the length and not the bytes. After a deletion, wait until all grants have expired, or use another
    // key.
    expect(await send(first, { body: utf8('abcd') })).toBe('200');
    oss.deleteObject(BUCKET, KEY);
    vi.setSystemTime(NOON + FIVE_MINUTES + 1000);
    expect(await send(first, { body: utf8('1234') })).toBe('403 AccessDenied');
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
  });

  test('expires after five minutes', async () => {
    const { grant, send } = await grantingEdge();
    const given = await grant(append(0, 4));
    expect(given.expiration).toBe(new Date(NOON + FIVE_MINUTES).toISOString());
    vi.setSystemTime(NOON + FIVE_MINUTES + 1000);
    expect(await send(given, { body: utf8('1234') })).toBe('403 AccessDenied');
    vi.setSystemTime(NOON + FIVE_MINUTES - 1000);
    expect(await send(given, { body: utf8('1234') })).toBe('200');
  });

  test('signs content headers, and only for the first append', async () => {
    const { browser, grant, send, oss } = await grantingEdge();
    const headers = {
      'content-type': 'text/plain',
      'cache-control': 'no-store',
      'content-disposition': 'attachment',
      'x-oss-meta-origin': 'camera',
    };
    const given = await grant(append(0, 1, { headers }));
    expect(await send(given, { body: utf8('1'), headers: { ...headers, 'content-type': 'text/html' } })).toMatch(
      /^403/,
    );
    expect(await send(given, { body: utf8('1'), headers: { ...headers, 'x-oss-meta-origin': 'x' } })).toMatch(/^403/);
    expect(await send(given, { body: utf8('1') })).toBe('200');
    expect(oss.object(BUCKET, KEY)?.headers).toMatchObject(headers);
    for (const refused of [append(1, 1, { headers }), append(0, 1, { headers: { 'x-oss-object-acl': 'public-read' } })])
      expect((await browser.post('/grant', refused)).status).toBe(400);
  });
});

describe('the headers of a presigned append', () => {
  /** The headers that describe an object and that a holder could want to choose. */
  const NAMED: readonly [name: string, value: string, other: string][] = [
    ['cache-control', 'private', 'public'],
    ['content-disposition', 'attachment', 'inline'],
    ['content-encoding', 'identity', 'gzip'],
    ['content-language', 'en', 'de'],
    ['content-type', 'text/plain', 'text/html'],
    ['expires', 'Fri, 02 Jan 2026 13:00:00 GMT', 'Sat, 02 Jan 2027 13:00:00 GMT'],
    ['x-oss-meta-origin', 'camera', 'scanner'],
    ['x-oss-object-acl', 'private', 'public-read'],
    ['x-oss-forbid-overwrite', 'true', 'false'],
  ];
  const body = utf8('1');

  /** Presigns an append of one byte at position 0 with these headers, like the server of an application. */
  async function presigned(named: Record<string, string>) {
    const { oss, send } = await grantingEdge();
    const client = new OssClient({ ...placeOf(oss), credentials: RAM });
    const { 'content-type': contentType, ...headers } = named;
    const given = await client.presignAppendObject(KEY, { position: 0, size: 1, contentType, headers });
    return { oss, send: (sent: Record<string, string>) => send({ ...given, ...GRANT }, { body, headers: sent }) };
  }
  const GRANT = { expiration: '', position: 0, size: 1 };

  test.each(NAMED)('%s: a header that the grant names must be sent with its value', async (name, value, other) => {
    const { oss, send } = await presigned({ [name]: value });
    expect(await send({ [name]: other })).toBe('403 SignatureDoesNotMatch');
    expect(await send({})).toBe('403 SignatureDoesNotMatch');
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
    expect(await send({ [name]: value })).toBe('200');
  });

  test('are all signed together, and an additional header is refused if V4 can refuse it', async () => {
    const all = Object.fromEntries(NAMED.map(([name, value]) => [name, value]));
    const { send } = await presigned(all);
    expect(await send({ ...all, 'x-oss-meta-more': '1' })).toBe('403 SignatureDoesNotMatch');
    expect(await send({ ...all, 'content-md5': 'xMpCOKC5I4INzFCab3WEmw==' })).toBe('403 SignatureDoesNotMatch');
    expect(await send(all)).toBe('200');
  });

  // V4 cannot sign that a header is absent, because OSS refuses a list that names an absent header.
  test.each(NAMED)(
    '%s: V4 decides if a holder can add the header to a grant that does not name it',
    async (name, _, other) => {
      const { oss, send } = await presigned({});
      const always = /^(x-oss-|content-type)/.test(name);
      expect(await send({ [name]: other })).toBe(always ? '403 SignatureDoesNotMatch' : '200');
      // OSS does not document that an append keeps Content-Language.
      expect(oss.object(BUCKET, KEY)?.headers[name]).toBe(always || name === 'content-language' ? undefined : other);
    },
  );

  test('are in the question to the application, which can insist on them', async () => {
    const allows = ({ headers }: EdgeQuestion) => headers?.['content-disposition'] === 'attachment';
    const { browser, grant, send } = await grantingEdge({ allows });
    expect((await browser.post('/grant', append(0, 1))).status).toBe(403);
    const inline = append(0, 1, { headers: { 'content-disposition': 'inline' } });
    expect((await browser.post('/grant', inline)).status).toBe(403);
    const given = await grant(append(0, 1, { headers: { 'content-disposition': 'attachment' } }));
    expect(await send(given, { body, headers: { 'content-disposition': 'inline' } })).toBe('403 SignatureDoesNotMatch');
    expect(await send(given, { body })).toBe('200');
  });
});

describe('granted reads', () => {
  test('allow a HEAD without bytes, or a GET of exactly one range, of one key', async () => {
    const { grant, send, oss } = await grantingEdge();
    oss.appendObject(BUCKET, KEY, utf8('0123456789'));
    oss.appendObject(BUCKET, 'inbox/u1/other.bin', utf8('0123456789'));
    const head = await grant({ operation: 'headObject', key: KEY });
    expect(await send(head)).toBe('200');
    expect(await send(head, { method: 'GET' })).toBe('403 SignatureDoesNotMatch');
    const get = await grant({ operation: 'getObject', key: KEY, range: { start: 2, end: 4 } });
    expect(await send(get)).toBe('206 234');
    for (const range of ['bytes=0-9', 'bytes=2-5', 'bytes=2-', 'bytes=0-0,2-4'])
      expect(await send(get, { headers: { range } }), range).toBe('403 SignatureDoesNotMatch');
    expect(await send(get, { headers: {} })).toBe('403 SignatureDoesNotMatch');
    expect(await send({ ...get, url: get.url.replace('file.bin', 'other.bin') })).toBe('403 SignatureDoesNotMatch');
    expect(await send({ ...get, method: 'HEAD' })).toMatch(/^403/);
  });
});

describe('a page to which CORS exposes no header', () => {
  test('gets the length of a text from a granted read up to the end of its own object', async () => {
    const { oss, browser, asked } = await grantingEdge();
    const options = { contentType: 'text/plain', segmentSize: MIB };
    const object = () => {
      const grants = new PageGrants('https://edge.example', { segmentSize: MIB, fetch: browser.fetch });
      return new AppendableObject(pageClient(pageFetch(oss.fetch), grants), KEY, options);
    };
    await object().append('line\n'.repeat(400));
    await expect(object().append('more\n')).resolves.toMatchObject({ position: 2005 });
    expect(asked.filter(({ operation }) => operation === 'getObject')).toEqual([
      { user: 'u1', operation: 'getObject', key: KEY, size: undefined },
    ]);
  });
});

describe('an object with a Content-Encoding', () => {
  test('is read without decoding by a granted read', async () => {
    const faults = [{ kind: 'drop-after', operation: 'AppendObject', nth: 2 }] as const;
    const { oss, browser, asked } = await grantingEdge({ faults });
    const grants = new PageGrants('https://edge.example', { segmentSize: MIB, fetch: browser.fetch });
    const object = new AppendableObject(pageClient(pageFetch(oss.fetch), grants), KEY, { segmentSize: MIB });
    const member = new Uint8Array(gzipSync('a record\n'.repeat(9)));
    const owner = new OssClient({ ...placeOf(oss), credentials: RAM });
    await owner.appendObject(KEY, member, { position: 0, headers: { 'content-encoding': 'gzip' } });
    await object.append(member);
    expect(oss.object(BUCKET, KEY)?.length).toBe(2 * member.byteLength);
    expect(asked.filter(({ operation }) => operation === 'getObject')).toMatchObject([
      { size: member.byteLength },
      // This read of one byte shows that nothing was decoded.
      { size: 1 },
    ]);
  });
});
