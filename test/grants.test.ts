/** Grants end to end: a page without any key appends through an edge that signs one request at a time, and can do nothing else. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Sessions } from '../demo/edge/session.ts';
import type { EdgeQuestion } from '../src/edge/index.ts';
import { createEdge, type EdgeOptions, PageGrants } from '../src/edge/index.ts';
import { AppendableObject, OssClient, refreshingCredentials } from '../src/index.ts';
import type { FaultSchedule } from '../src/testing/index.ts';
import { Browser, BUCKET, makeCloud, noise, RAM, SESSION_SECRET } from './edge-tools.ts';
import { pageFetch } from './page-fetch.ts';
import { NOON } from './unit-tools.ts';

const MIB = 1024 * 1024;
const KEY = 'inbox/u1/file.bin';
const FIVE_MINUTES = 300_000;

interface Grant {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly expiration: string;
  readonly position: number;
  readonly size: number;
}

/** OSS, edge, and the browser of user u1. Time stands still at noon unless moved. */
async function world({ faults, ...options }: Partial<EdgeOptions> & { faults?: FaultSchedule } = {}) {
  const { oss } = makeCloud(faults ? { faults } : {});
  const sessions = new Sessions({ secret: SESSION_SECRET });
  const asked: EdgeQuestion[] = [];
  const edge = createEdge({
    oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch: oss.fetch, retry: { baseDelay: 1 } },
    credentials: RAM,
    tokenFor: () => Promise.reject(new Error('there are no tokens here')),
    authenticate: (request) => sessions.userOf(request),
    prefixOf: (user) => `inbox/${user}/`,
    origins: ['https://page.example'],
    allows: (question) => asked.push(question) > 0,
    routes: {
      'POST /session': async () =>
        new Response('{}', { headers: { 'set-cookie': await sessions.issue('u1', { secure: true }) } }),
    },
    ...options,
  });
  const browser = new Browser(edge);
  await browser.login();
  const grant = async (body: object): Promise<Grant> => {
    const response = await browser.post('/grant', body);
    expect(response.status).toBe(200);
    return response.json();
  };
  /** What OSS says to a request: its status, and the code of a refusal. */
  const send = async ({ url, method, headers }: Grant, init: RequestInit = {}): Promise<string> => {
    const response = await oss.fetch(url, { method, headers, ...init });
    const text = await response.text();
    return `${response.status} ${/<Code>(.*?)<\/Code>/.exec(text)?.[1] ?? text}`.trim();
  };
  return { oss, browser, asked, grant, send };
}

/** A client as in a page: it knows where the bucket is, and whom to ask. */
function pageClient(fetch: (url: string, init: RequestInit) => Promise<Response>, grants: PageGrants): OssClient {
  const retry = { baseDelay: 1 };
  return new OssClient({ region: 'cn-hangzhou', bucket: BUCKET, presign: grants.presign, fetch, retry });
}

const append = (position: number, size: number, more: object = {}) => ({
  operation: 'appendObject',
  key: KEY,
  position,
  size,
  ...more,
});

beforeEach(() => {
  vi.useFakeTimers({ now: NOON, toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a page without any key', () => {
  const bytes = noise(50 * MIB);
  const file = new Blob([bytes], { type: 'video/webm' });

  test.each<[string, number | undefined, number]>([
    ['one grant for each append', undefined, 7],
    ['grants ahead, four at a time', 4, 2],
  ])('appends 50 MB: %s', async (_, ahead, asks) => {
    const { oss, browser, asked } = await world();
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
    // The opening HEAD is one more.
    expect(paths.slice(1)).toEqual(Array(asks).fill(ahead ? 'POST /grants' : 'POST /grant'));
    expect(
      asked.filter(({ operation }) => operation === 'appendObject').map(({ position, size }) => [position, size]),
    ).toEqual([...[0, 8, 16, 24, 32, 40].map((at) => [at * MIB, 8 * MIB]), [48 * MIB, 2 * MIB]]);
  });

  test('settles lost answers with a granted HEAD, and where the CRC is hidden with a granted read of that very range', async () => {
    const faults: FaultSchedule = ({ operation, nth }) =>
      operation === 'AppendObject' && nth === 2
        ? { kind: 'drop-after' }
        : { kind: 'hide-headers', names: ['x-oss-hash-crc64ecma'] };
    const { oss, browser, asked } = await world({ faults });
    const grants = new PageGrants('https://edge.example', { ahead: 3, segmentSize: MIB, fetch: browser.fetch });
    const object = new AppendableObject(pageClient(oss.fetch, grants), KEY, { segmentSize: MIB });
    await object.append(new Blob([bytes.subarray(0, 3 * MIB)]));
    expect(Buffer.compare(oss.object(BUCKET, KEY)?.bytes() ?? new Uint8Array(), bytes.subarray(0, 3 * MIB))).toBe(0);
    expect(asked.filter(({ operation }) => operation === 'getObject')).toMatchObject([{ key: KEY, size: MIB }]);
    const reads = oss.requests.filter(({ operation }) => operation === 'GetObject');
    expect(reads.map(({ status }) => status)).toEqual([206]);
  });

  test('the next grants are asked for while the last one is used, so that they cost no round trip', async () => {
    const { oss, browser } = await world();
    /** Questions asked by the time that each append is sent. */
    const asked: number[] = [];
    const fetch: typeof oss.fetch = async (...sent) => {
      if (new Request(...sent).method === 'POST')
        asked.push(browser.sent.filter((one) => one === 'POST /grants').length);
      return oss.fetch(...sent);
    };
    const grants = new PageGrants('https://edge.example', { ahead: 3, segmentSize: 4, fetch: browser.fetch });
    grants.end = 28;
    await new AppendableObject(pageClient(fetch, grants), KEY, { segmentSize: 4 }).append(new Blob([noise(28)]));
    // The third and the sixth are the last of their batches; behind the seventh nothing comes.
    expect(asked).toEqual([1, 1, 2, 2, 2, 3, 3]);
    expect(browser.sent.filter((one) => one === 'POST /grant')).toHaveLength(1);
  });

  test('a grant held too long is replaced by a fresh one', async () => {
    const { oss, browser } = await world();
    const grants = new PageGrants('https://edge.example', { ahead: 8, segmentSize: 4, fetch: browser.fetch });
    const object = new AppendableObject(pageClient(oss.fetch, grants), KEY, { segmentSize: 4 });
    await object.append('1234');
    vi.setSystemTime(NOON + FIVE_MINUTES - 10_000);
    await object.append('5678');
    expect(browser.sent.slice(-2)).toEqual(['POST /grants', 'POST /grant']);
    expect(oss.object(BUCKET, KEY)?.length).toBe(8);
  });
});

describe('a granted append', () => {
  test('takes exactly its length', async () => {
    const { grant, send, oss } = await world();
    const given = await grant(append(0, 4));
    expect(await send(given, { body: utf8('12345') })).toBe('403 SignatureDoesNotMatch');
    expect(await send(given, { body: utf8('123') })).toBe('403 SignatureDoesNotMatch');
    expect(await send(given)).toBe('403 SignatureDoesNotMatch');
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
    expect(await send(given, { body: utf8('1234') })).toBe('200');
  });

  test('goes to its position and key only, and is an append only', async () => {
    const { grant, send, oss } = await world();
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
      if (url === given.url && !init) throw new Error('nothing was changed');
      const answer = await send({ ...given, url }, { body, ...init });
      expect(answer, `${init?.method ?? ''} ${url}`).toMatch(/^40\d /);
    }
    expect(oss.object(BUCKET, KEY)?.length).toBe(4);
    expect(oss.object(BUCKET, 'inbox/u2/file.bin')).toBeUndefined();
    expect(await send(given, { body })).toBe('200');
  });

  test('is no overwrite: sent again it is refused, whatever was appended since', async () => {
    const { grant, send, oss } = await world();
    const given = await grant(append(0, 4));
    await send(given, { body: utf8('1234') });
    expect(await send(given, { body: utf8('abcd') })).toBe('409 PositionNotEqualToLength');
    await send(await grant(append(4, 4)), { body: utf8('5678') });
    expect(await send(given, { body: utf8('abcd') })).toBe('409 PositionNotEqualToLength');
    expect(new TextDecoder().decode(oss.object(BUCKET, KEY)?.bytes())).toBe('12345678');
  });

  test('replayed after the object was deleted: any bytes of that length, for its minutes, and no more', async () => {
    const { grant, send, oss } = await world();
    const first = await grant(append(0, 4));
    await send(first, { body: utf8('1234') });
    const second = await grant(append(4, 4));
    oss.deleteObject(BUCKET, KEY);
    expect(await send(second, { body: utf8('5678') })).toBe('409 PositionNotEqualToLength');
    expect(await send(first, { body: utf8('12345') })).toBe('403 SignatureDoesNotMatch');
    // What a grant fixes is the length, not the bytes: who deletes must wait for the grants' end, or take another key.
    expect(await send(first, { body: utf8('abcd') })).toBe('200');
    oss.deleteObject(BUCKET, KEY);
    vi.setSystemTime(NOON + FIVE_MINUTES + 1000);
    expect(await send(first, { body: utf8('1234') })).toBe('403 AccessDenied');
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
  });

  test('ends with its minutes', async () => {
    const { grant, send } = await world();
    const given = await grant(append(0, 4));
    expect(given.expiration).toBe(new Date(NOON + FIVE_MINUTES).toISOString());
    vi.setSystemTime(NOON + FIVE_MINUTES + 1000);
    expect(await send(given, { body: utf8('1234') })).toBe('403 AccessDenied');
    vi.setSystemTime(NOON + FIVE_MINUTES - 1000);
    expect(await send(given, { body: utf8('1234') })).toBe('200');
  });

  test('signs content headers, with the first append only', async () => {
    const { browser, grant, send, oss } = await world();
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
  /** Every header that describes an object and that a holder could wish to choose. */
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

  /** A presigned append of one byte at position 0 that names these headers, as an application's own server makes it. */
  async function presigned(named: Record<string, string>) {
    const { oss, send } = await world();
    const client = new OssClient({ region: 'cn-hangzhou', bucket: BUCKET, credentials: RAM, fetch: oss.fetch });
    const { 'content-type': contentType, ...headers } = named;
    const given = await client.presignAppendObject(KEY, { position: 0, size: 1, contentType, headers });
    return { oss, send: (sent: Record<string, string>) => send({ ...given, ...GRANT }, { body, headers: sent }) };
  }
  const GRANT = { expiration: '', position: 0, size: 1 };

  test.each(NAMED)('%s: a header that the grant names must come, with its value', async (name, value, other) => {
    const { oss, send } = await presigned({ [name]: value });
    expect(await send({ [name]: other })).toBe('403 SignatureDoesNotMatch');
    expect(await send({})).toBe('403 SignatureDoesNotMatch');
    expect(oss.object(BUCKET, KEY)).toBeUndefined();
    expect(await send({ [name]: value })).toBe('200');
  });

  test('all of them are signed together, and one more is refused where V4 can refuse it', async () => {
    const all = Object.fromEntries(NAMED.map(([name, value]) => [name, value]));
    const { send } = await presigned(all);
    expect(await send({ ...all, 'x-oss-meta-more': '1' })).toBe('403 SignatureDoesNotMatch');
    expect(await send({ ...all, 'content-md5': 'xMpCOKC5I4INzFCab3WEmw==' })).toBe('403 SignatureDoesNotMatch');
    expect(await send(all)).toBe('200');
  });

  // V4 has no way to sign that a header is absent: OSS refuses a list that names one. The docs say so, and LocalOss agrees.
  test.each(NAMED)('%s: what a holder may add where the grant does not name it', async (name, _, other) => {
    const { oss, send } = await presigned({});
    const always = /^(x-oss-|content-type)/.test(name);
    expect(await send({ [name]: other })).toBe(always ? '403 SignatureDoesNotMatch' : '200');
    // OSS does not document that an append keeps Content-Language.
    expect(oss.object(BUCKET, KEY)?.headers[name]).toBe(always || name === 'content-language' ? undefined : other);
  });

  test('the application is asked about the headers of a grant, and may insist on them', async () => {
    const allows = ({ headers }: EdgeQuestion) => headers?.['content-disposition'] === 'attachment';
    const { browser, grant, send } = await world({ allows });
    expect((await browser.post('/grant', append(0, 1))).status).toBe(403);
    const inline = append(0, 1, { headers: { 'content-disposition': 'inline' } });
    expect((await browser.post('/grant', inline)).status).toBe(403);
    const given = await grant(append(0, 1, { headers: { 'content-disposition': 'attachment' } }));
    expect(await send(given, { body, headers: { 'content-disposition': 'inline' } })).toBe('403 SignatureDoesNotMatch');
    expect(await send(given, { body })).toBe('200');
  });
});

describe('granted reads', () => {
  test('a HEAD reads no bytes, a GET its range and no other, of one key', async () => {
    const { grant, send, oss } = await world();
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

describe('a page to which CORS shows nothing', () => {
  test('learns the length of a text from a granted read to the end of its own object', async () => {
    const { oss, browser, asked } = await world();
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
  test('is read back as it is stored, by a granted read', async () => {
    const faults = [{ kind: 'drop-after', operation: 'AppendObject', nth: 2 }] as const;
    const { oss, browser, asked } = await world({ faults });
    const grants = new PageGrants('https://edge.example', { segmentSize: MIB, fetch: browser.fetch });
    const object = new AppendableObject(pageClient(pageFetch(oss.fetch), grants), KEY, { segmentSize: MIB });
    const member = new Uint8Array(gzipSync('a record\n'.repeat(9)));
    const owner = new OssClient({ region: 'cn-hangzhou', bucket: BUCKET, credentials: RAM, fetch: oss.fetch });
    await owner.appendObject(KEY, member, { position: 0, headers: { 'content-encoding': 'gzip' } });
    await object.append(member);
    expect(oss.object(BUCKET, KEY)?.length).toBe(2 * member.byteLength);
    expect(asked.filter(({ operation }) => operation === 'getObject')).toMatchObject([
      { size: member.byteLength },
      // One byte shows that nothing was decoded.
      { size: 1 },
    ]);
  });
});

describe('the edge', () => {
  test('asks the application for each grant, in the batch too, and grants what it allows', async () => {
    const allows = ({ position = 0, size = 0 }: EdgeQuestion) => position + size <= 10;
    const { browser } = await world({ allows });
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
    ['a size that is no number', append(0, '4' as unknown as number)],
    ['a negative position', append(-1, 4)],
    ['a position beyond 5 GiB', append(5 * 1024 * MIB, 1)],
    [
      'a header with a line break',
      append(0, 4, { headers: { 'content-type': 'text/plain\r\nx-oss-object-acl: public-read' } }),
    ],
    ['headers that are none', append(0, 4, { headers: 'content-type' })],
  ])('refuses %s', async (_, body) => {
    const { browser, asked } = await world();
    expect((await browser.post('/grant', body)).status).toBe(400);
    expect(asked).toEqual([]);
  });

  /** What JavaScript takes for a number, or a client may send in place of one. */
  const NO_NUMBERS = [null, '', '0', '4', ' 4', '1e3', true, false, [], [4], [[4]], {}, -1, 0.5, 4.000001, 2 ** 53];
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

  /** A good question with one field replaced. */
  function questionWith(path: string, field: string, value: unknown): object {
    const range = { start: 0, end: 4 };
    if (field.startsWith('range.'))
      return { operation: 'getObject', key: KEY, range: { ...range, [field.slice(6)]: value } };
    const good = path === '/grant' ? append(4, 4) : { key: KEY, position: 4, segmentSize: 4, count: 1, end: 100 };
    return { ...good, [field]: value };
  }

  test.each(FIELDS)('%s takes for %s a whole number, and nothing that could be read as one', async (path, field) => {
    const { browser, asked } = await world();
    for (const value of NO_NUMBERS) {
      const response = await browser.post(path, questionWith(path, field, value));
      expect(response.status, JSON.stringify(value)).toBe(400);
      expect((await response.json()).message, JSON.stringify(value)).toContain(field.replace('range.', ''));
    }
    expect(asked).toEqual([]);
    // JSON has one kind of number: these are whole ones.
    const sent = JSON.stringify(questionWith(path, field, 'HERE'));
    const accepted = { position: '-0', size: '1e1', segmentSize: '4.0', count: '1E0', end: '1e2', 'range.end': '4.0' };
    const number = accepted[field as keyof typeof accepted] ?? '0';
    const init = { method: 'POST', body: sent.replace('"HERE"', number) };
    expect((await browser.fetch(path, init)).status, number).toBe(200);
  });

  const append0 = { ...append(0, 4), headers: {} };
  const batch0 = { key: KEY, position: 0, segmentSize: 4, count: 1 };
  test.each<[what: string, headers: unknown]>([
    ['null', null],
    ['a text', 'content-type'],
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
  ])('headers that are %s are refused by /grant and /grants', async (_, headers) => {
    const { browser, asked } = await world();
    expect((await browser.post('/grant', { ...append0, headers })).status).toBe(400);
    expect((await browser.post('/grants', { ...batch0, headers })).status).toBe(400);
    expect(asked).toEqual([]);
  });

  test.each([null, [], 'x', 7, { start: 0, end: null }, { end: 4 }, [0, 4]])('refuses the range %j', async (range) => {
    const { browser } = await world();
    const response = await browser.post('/grant', { operation: 'getObject', key: KEY, range });
    expect(response.status).toBe(400);
  });

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
  ])('refuses the batch %o', async (batch) => {
    const { browser } = await world();
    expect((await browser.post('/grants', { key: KEY, ...batch })).status).toBe(400);
  });

  test('grants for 12 hours at most where a token signs, and never past the token’s end', async () => {
    const { oss } = makeCloud();
    const fetch = oss.fetch;
    const client = new OssClient({ region: 'cn-hangzhou', bucket: BUCKET, credentials: oss.issueToken(), fetch });
    await expect(client.presignAppendObject(KEY, { position: 0, expiresIn: 43_201 })).rejects.toThrow(RangeError);
    const { expiration } = await client.presignAppendObject(KEY, { position: 0, expiresIn: 43_200 });
    expect(expiration.getTime()).toBe(NOON + 3_600_000);
    await expect(world({ grantLife: 43_201 })).rejects.toThrow(/grantLife/);
    const credentials = refreshingCredentials(() => oss.issueToken({ durationSeconds: 120 }), { refreshBefore: 0 });
    const { grant } = await world({ credentials });
    expect((await grant(append(0, 1))).expiration).toBe(new Date(NOON + 120_000).toISOString());
  });
});

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
