/** OSS's operations on one object, against LocalOss: signed in the header, signed in the query, and presigned. */
import { describe, expect, test } from 'vitest';
import { AppendableObject } from '../../src/append/object.ts';
import { CredentialsError, type ServiceError } from '../../src/errors.ts';
import type { OssClient, OssClientOptions } from '../../src/request/client.ts';
import { objectHeaders } from '../../src/request/headers.ts';
import { PresignedClient } from '../../src/request/presigned.ts';
import type { Presign } from '../../src/request/presigner.ts';
import type { PresignedRequest } from '../../src/request/request.ts';
import type { LocalOss } from '../../src/testing/index.ts';
import { appended, failureOf, KEYS, localOss, makeClient, STS, scripted, textOf, utf8 } from '../tools/unit-tools.ts';
import { NOON, VirtualClock } from '../tools/virtual-clock.ts';

const DAY = 86_400;

/** Makes LocalOss and a client with the same clock. The client has an STS token. */
function setUp(options: Partial<OssClientOptions> = {}) {
  const clock = new VirtualClock();
  const oss = localOss({ clock });
  const sent: Request[] = [];
  const fetch = (url: string, init: RequestInit) => {
    sent.push(new Request(url, { ...init, body: null }));
    return oss.fetch(url, init);
  };
  return { clock, oss, sent, client: makeClient({ clock, fetch, credentials: oss.issueToken(), ...options }) };
}

/** Sends a presigned request like a client that has only this request. */
async function use(oss: LocalOss, { method, url, headers }: PresignedRequest, more: RequestInit = {}) {
  const response = await oss.fetch(url, { method, headers, ...more });
  const text = await response.text();
  return { status: response.status, text, code: /<Code>(.*)<\/Code>/.exec(text)?.[1], headers: response.headers };
}

describe.each(['header', 'query'] as const)('signed in the %s', (signing) => {
  test('an append returns the new end of the object', async () => {
    const { client, oss } = setUp({ signing });
    const first = await client.appendObject('a.log', 'hello ', { position: 0 });
    expect(first.nextAppendPosition).toBe(6);
    const second = await client.appendObject('a.log', utf8('wörld'), { position: 6 });
    const object = oss.object('logs', 'a.log');
    expect(second).toMatchObject({ nextAppendPosition: 12, hashCrc64ecma: object?.crc64, etag: object?.etag });
    expect(second.requestId).toMatch(/^[0-9A-F]+$/);
    expect(object?.bytes()).toEqual(utf8('hello wörld'));
  });

  test('a HEAD returns the state of the object', async () => {
    const { client, oss } = setUp({ signing });
    await client.appendObject('a.log', 'hello', { position: 0, contentType: 'text/plain' });
    const head = await client.headObject('a.log');
    expect(head).toMatchObject({
      contentLength: 5,
      objectType: 'Appendable',
      nextAppendPosition: 5,
      hashCrc64ecma: oss.object('logs', 'a.log')?.crc64,
    });
    expect(head.headers.get('content-type')).toBe('text/plain');
    expect(head.headers.get('x-oss-storage-class')).toBe('Standard');
  });

  test('a normal object has no next position', async () => {
    const { client, oss } = setUp({ signing });
    oss.putObject('logs', 'n', utf8('abc'));
    expect(await client.headObject('n')).toMatchObject({
      objectType: 'Normal',
      contentLength: 3,
      nextAppendPosition: undefined,
    });
  });

  test('a GET returns the whole object or a range', async () => {
    const { client } = setUp({ signing });
    await client.appendObject('a', '0123456789', { position: 0 });
    const all = await client.getObject('a');
    expect(all).toMatchObject({ contentLength: 10, partial: false, range: undefined, objectType: 'Appendable' });
    expect(await textOf(all.body)).toBe('0123456789');
    const part = await client.getObject('a', { range: { start: 2, end: 4 } });
    expect(part).toMatchObject({ contentLength: 10, partial: true, range: { start: 2, end: 4 } });
    expect(await textOf(part.body)).toBe('234');
    // If a range is not completely inside the object, OSS answers with the whole object.
    for (const range of [
      { start: 8, end: 10 },
      { start: 10, end: 20 },
    ]) {
      const { body, ...beyond } = await client.getObject('a', { range });
      expect(beyond).toMatchObject({ partial: false, range: undefined, contentLength: 10 });
      expect(await textOf(body)).toBe('0123456789');
    }
  });

  test('a wrong position is refused, and the error contains the correct position', async () => {
    const { client } = setUp({ signing });
    await client.appendObject('a', 'hello', { position: 0 });
    const error = (await failureOf(client.appendObject('a', 'x', { position: 3 }))) as ServiceError;
    expect(error).toMatchObject({ name: 'ServiceError', status: 409, code: 'PositionNotEqualToLength', position: 5 });
    expect(error.message).toMatch(
      /^Cannot append to "a" at position 3 \(1 bytes\): PositionNotEqualToLength \(HTTP 409\)/,
    );
  });

  test('a normal object, a missing object and a missing bucket have different errors', async () => {
    const { client, oss } = setUp({ signing });
    oss.putObject('logs', 'n', utf8('abc'));
    expect(await failureOf(client.appendObject('n', 'x', { position: 3 }))).toMatchObject({
      code: 'ObjectNotAppendable',
    });
    expect(await failureOf(client.headObject('none'))).toMatchObject({ status: 404, code: 'NoSuchKey' });
    expect(await failureOf(client.getObject('none'))).toMatchObject({ status: 404, code: 'NoSuchKey' });
    const other = setUp({ signing, bucket: 'none' }).client;
    expect(await failureOf(other.headObject('a'))).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });

  test('every form of body is stored', async () => {
    const { client, oss } = setUp({ signing });
    const words = new Uint16Array([0x3231, 0x3433, 0x3635]);
    const bodies = [
      'ab',
      utf8('cd'),
      utf8('ef').buffer,
      words.subarray(1),
      new DataView(words.buffer, 0, 2),
      new Blob(['gh']),
    ];
    let position = 0;
    for (const body of bodies) ({ nextAppendPosition: position } = await client.appendObject('a', body, { position }));
    expect(new TextDecoder().decode(oss.object('logs', 'a')?.bytes())).toBe('abcdef345612gh');
  });

  test('an empty body creates an empty object', async () => {
    const { client, oss } = setUp({ signing });
    expect(await client.appendObject('a', '', { position: 0 })).toMatchObject({
      nextAppendPosition: 0,
      hashCrc64ecma: '0',
    });
    expect(oss.object('logs', 'a')?.length).toBe(0);
  });

  test('all options of an append reach the object', async () => {
    const { client, oss } = setUp({ signing });
    const properties = objectHeaders({
      expires: new Date(NOON),
      acl: 'public-read',
      metadata: { Author: 'me', 'run-no': '7' },
      tagging: { env: 'prod', 'a+b': 'c d' },
    });
    await client.appendObject('a', 'x', {
      position: 0,
      contentType: 'application/json',
      headers: {
        ...properties,
        'Cache-Control': 'no-store',
        'X-Oss-Storage-Class': 'IA',
        'Content-Disposition': 'inline',
      },
    });
    expect(oss.object('logs', 'a')).toMatchObject({
      acl: 'public-read',
      headers: {
        'content-type': 'application/json',
        expires: 'Fri, 02 Jan 2026 12:00:00 GMT',
        'x-oss-meta-author': 'me',
        'x-oss-meta-run-no': '7',
        'x-oss-tagging': 'env=prod&a%2Bb=c%20d',
        'cache-control': 'no-store',
        'x-oss-storage-class': 'IA',
        'content-disposition': 'inline',
      },
    });
  });

  test("the type of a Blob or File becomes the object's type, unless the caller gives another type or null", async () => {
    const { client, oss, sent } = setUp({ signing });
    const file = new File(['x'], 'a.csv', { type: 'text/csv' });
    await client.appendObject('file', file, { position: 0 });
    await client.appendObject('other', file, { position: 0, contentType: 'text/plain' });
    await client.appendObject('none', file, { position: 0, contentType: null });
    const types = ['file', 'other', 'none'].map((key) => oss.object('logs', key)?.headers['content-type']);
    expect(types).toEqual(['text/csv', 'text/plain', 'application/octet-stream']);
    expect(sent[2]?.headers.has('content-type')).toBe(false);
  });

  test('a request that the token does not permit is refused', async () => {
    const { oss, clock } = setUp();
    const policy = {
      Version: '1',
      Statement: [{ Effect: 'Allow', Action: 'oss:PutObject', Resource: 'acs:oss:*:*:logs/u42/*' }],
    };
    const client = makeClient({ clock, fetch: oss.fetch, signing, credentials: oss.issueToken({ policy }) });
    await client.appendObject('u42/a', 'x', { position: 0 });
    const calls = [
      client.appendObject('u43/a', 'x', { position: 0 }),
      client.headObject('u42/a'),
      client.getObject('u42/a'),
    ];
    for (const error of await Promise.all(calls.map(failureOf)))
      expect(error).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});

test('if CORS hides the next position, the client computes it', async () => {
  const { fetch } = scripted(new Response(null));
  const result = await makeClient({ fetch }).appendObject('a', 'hello', { position: 7 });
  expect(result).toEqual({ nextAppendPosition: 12, hashCrc64ecma: undefined, etag: undefined, requestId: undefined });
});

describe('the place of the signature', () => {
  test('it is in the header by default, and the URL contains no part of it', async () => {
    const { client, sent } = setUp();
    await client.appendObject('a', 'x', { position: 0 });
    expect(sent[0]?.url).toBe('https://logs.oss-cn-hangzhou.aliyuncs.com/a?append&position=0');
    expect([...(sent[0]?.headers.keys() ?? [])]).toEqual([
      'authorization',
      'x-oss-content-sha256',
      'x-oss-date',
      'x-oss-security-token',
    ]);
  });

  test('if it is in the query, an append of bytes has no header, so a browser sends no preflight', async () => {
    const { client, sent } = setUp({ signing: 'query' });
    for (const [i, body] of [utf8('x'), 'y', new Blob(['z'])].entries())
      await client.appendObject('a', body, { position: i });
    expect(sent.map(({ headers }) => [...headers.keys()])).toEqual([[], [], []]);
    expect(sent.map(({ method }) => method)).toEqual(['POST', 'POST', 'POST']);
    await client.headObject('a');
    await client.getObject('a');
    expect(sent.slice(3).map(({ headers }) => [...headers.keys()])).toEqual([[], []]);
  });

  test('in the query it is valid for 300 s at most, and never longer than the token', async () => {
    const { oss, clock, sent } = setUp();
    const fetch = (url: string, init: RequestInit) => {
      sent.push(new Request(url));
      return oss.fetch(url, init);
    };
    for (const durationSeconds of [900, 120]) {
      const client = makeClient({ clock, fetch, signing: 'query', credentials: oss.issueToken({ durationSeconds }) });
      await client.appendObject('a', 'x', { position: sent.length });
    }
    const lives = sent.map(({ url }) => new URL(url).searchParams.get('x-oss-expires'));
    expect(lives).toEqual(['300', '120']);
  });
});

describe('options of single requests: the payer and the traffic limit', () => {
  const PAYER = { 'x-oss-request-payer': 'requester' };
  const LIMIT = { 'x-oss-traffic-limit': '819200' };
  const ASKED = { ...PAYER, ...LIMIT };

  /** Makes a bucket of another account, and a client that agrees to pay. */
  function setUpPaid(options: Partial<OssClientOptions> = {}) {
    const clock = new VirtualClock();
    const oss = localOss({ clock, buckets: { logs: { region: 'cn-hangzhou', requesterPays: true } } });
    const sent: Request[] = [];
    const fetch = (url: string, init: RequestInit) => {
      sent.push(new Request(url, { ...init, body: null }));
      return oss.fetch(url, init);
    };
    const credentials = oss.issueToken();
    return { oss, sent, client: makeClient({ clock, fetch, credentials, requestPayer: true, ...options }) };
  }

  async function useAll(client: Pick<OssClient, 'appendObject' | 'headObject' | 'getObject'>): Promise<void> {
    await client.appendObject('a', 'hello', { position: 0, headers: LIMIT });
    await client.headObject('a');
    await client.getObject('a');
  }

  test('requestPayer is sent with every request; without it, a requester-pays bucket refuses the request', async () => {
    for (const [signing, ec] of [
      ['header', '0003-00000703'],
      ['query', '0003-00000702'],
    ] as const) {
      await useAll(setUpPaid({ signing }).client);
      const { client } = setUpPaid({ signing, requestPayer: false });
      for (const call of [
        () => client.appendObject('a', 'x', { position: 0 }),
        () => client.headObject('a'),
        () => client.getObject('a'),
      ])
        expect(await failureOf(call())).toMatchObject({ code: 'AccessDenied', ec });
    }
  });

  test('the engine agrees to pay for its reads as well', async () => {
    const { client, oss } = setUpPaid();
    await new AppendableObject(client, 'a').append('hello');
    expect(oss.object('logs', 'a')?.length).toBe(5);
  });

  test('both options go into the query if the signature is there, so that no preflight is needed', async () => {
    const { client, sent } = setUpPaid({ signing: 'query' });
    await useAll(client);
    const names = (all: Iterable<[string, string]>) => Object.fromEntries([...all].filter(([name]) => name in ASKED));
    expect(sent.map(({ headers }) => [...headers.keys()])).toEqual([[], [], []]);
    expect(sent.map(({ url }) => names(new URL(url).searchParams))).toEqual([ASKED, PAYER, PAYER]);
  });

  test('both options go into the query of a presigned URL, and the result lists no header for them', async () => {
    const { client, oss } = setUpPaid();
    const request = await client.presignAppendObject('a', { position: 0, headers: { ...LIMIT, 'x-oss-meta-a': 'b' } });
    expect(request.headers).toEqual({ 'x-oss-meta-a': 'b' });
    expect(
      await use(oss, { ...request, headers: { ...request.headers, ...LIMIT } }, { body: utf8('x') }),
    ).toMatchObject({ status: 403 });
    expect(await use(oss, request, { body: utf8('x') })).toMatchObject({ status: 200 });
    expect(await use(oss, await client.presignHeadObject('a'))).toMatchObject({ status: 200 });
    expect(await use(oss, await client.presignGetObject('a'))).toMatchObject({ status: 200 });
  });

  test('a client with a presign function sends no header that its URL already contains', async () => {
    const holder = setUpPaid();
    const seen: unknown[] = [];
    const presign: Presign = ({ operation, key, position = 0, headers }) => {
      seen.push(headers);
      if (operation === 'headObject') return holder.client.presignHeadObject(key);
      if (operation === 'getObject') return holder.client.presignGetObject(key);
      return holder.client.presignAppendObject(key, { position, headers });
    };
    const fetch = holder.oss.fetch;
    await useAll(new PresignedClient({ presign, fetch, requestPayer: true }));
    expect(seen).toEqual([ASKED, PAYER, PAYER]);
  });

  test('if a URL was signed with these options as headers, the client sends them as headers', async () => {
    const { fetch, sent } = scripted(appended(1));
    const client = new PresignedClient({
      presign: () => 'https://e.com/a?x-oss-signature=1',
      fetch,
      requestPayer: true,
    });
    await client.appendObject('a', 'x', { position: 0, headers: LIMIT });
    expect(Object.fromEntries(sent[0]?.headers ?? [])).toEqual(ASKED);
  });

  test.each([
    ['in both places', { ...PAYER }, '?x-oss-request-payer=requester'],
    ['with another payer', { 'x-oss-request-payer': 'me' }, ''],
    ['too slow', { 'x-oss-traffic-limit': '819199' }, ''],
    ['too fast', {}, '?x-oss-traffic-limit=838860801'],
    ['no number', { 'x-oss-traffic-limit': 'fast' }, ''],
  ])('LocalOss refuses them %s', async (_, headers, search) => {
    const oss = localOss({ buckets: { logs: { region: 'cn-hangzhou', acl: 'public-read-write' } } });
    const response = await oss.fetch(`http://localhost/logs/a${search}`, { headers: { ...headers } as never });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('InvalidArgument')]);
  });
});

test('in a bucket with versioning, the results of an append and of a HEAD contain the version', async () => {
  const versionId = 'CAEQNhiBgMDJgZCA0BYiIDc4MGZjZGI2OTBjOTRmNTE5NmU5NmFhZjhjYmY0';
  const client = makeClient(scripted(appended(1, { 'x-oss-version-id': versionId })));
  expect(await client.appendObject('a', 'x', { position: 0 })).toMatchObject({ versionId });
  expect(await client.headObject('a')).toMatchObject({ versionId });
});

describe('presigned', () => {
  const three: [string, (client: OssClient, expiresIn?: number) => Promise<PresignedRequest>][] = [
    ['appendObject', (client, expiresIn) => client.presignAppendObject('p', { position: 5, size: 3, expiresIn })],
    ['headObject', (client, expiresIn) => client.presignHeadObject('p', { expiresIn })],
    ['getObject', (client, expiresIn) => client.presignGetObject('p', { range: { start: 1, end: 3 }, expiresIn })],
  ];

  async function withObject() {
    const set = setUp();
    await set.client.appendObject('p', 'hello', { position: 0 });
    return set;
  }

  test('an append of the signed length at the signed position succeeds once', async () => {
    const { client, oss } = await withObject();
    const request = await client.presignAppendObject('p', { position: 5, size: 3 });
    expect(request).toMatchObject({ method: 'POST', headers: {}, expiration: new Date(NOON + 900_000) });
    expect(await use(oss, request, { body: utf8('abcd') })).toMatchObject({
      status: 403,
      code: 'SignatureDoesNotMatch',
    });
    expect(await use(oss, request, { body: utf8('ab') })).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    expect(await use(oss, request)).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    const elsewhere = { ...request, url: request.url.replace('position=5', 'position=0') };
    expect(await use(oss, elsewhere, { body: utf8('abc') })).toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(await use(oss, { ...request, method: 'PUT' }, { body: utf8('abc') })).toMatchObject({
      code: 'SignatureDoesNotMatch',
    });
    expect(await use(oss, request, { body: utf8('abc') })).toMatchObject({ status: 200 });
    expect(await use(oss, request, { body: utf8('abc') })).toMatchObject({ status: 409 });
    expect(oss.object('logs', 'p')?.bytes()).toEqual(utf8('helloabc'));
  });

  test('an append without a signed size may have any size', async () => {
    const { client, oss } = await withObject();
    const request = await client.presignAppendObject('p', { position: 5 });
    expect(request.url).not.toContain('additional-headers');
    expect(await use(oss, request, { body: utf8('any length') })).toMatchObject({ status: 200 });
  });

  test('an empty append can be presigned', async () => {
    const { client, oss } = await withObject();
    const request = await client.presignAppendObject('p', { position: 5, size: 0 });
    expect(await use(oss, request, { body: utf8('x') })).toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(await use(oss, request)).toMatchObject({ status: 200 });
  });

  test('the headers of an append are signed if OSS signs them, and returned so that they can be sent', async () => {
    const { client, oss } = setUp();
    const options = { position: 0, size: 1, contentType: 'text/plain', headers: { 'x-oss-meta-a': 'b' } };
    const request = await client.presignAppendObject('p', options);
    expect(request.headers).toEqual({ 'content-type': 'text/plain', 'x-oss-meta-a': 'b' });
    const others = { ...request, headers: { ...request.headers, 'x-oss-meta-a': 'c' } };
    expect(await use(oss, others, { body: utf8('x') })).toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(await use(oss, { ...request, headers: {} }, { body: utf8('x') })).toMatchObject({
      code: 'SignatureDoesNotMatch',
    });
    expect(await use(oss, request, { body: utf8('x') })).toMatchObject({ status: 200 });
    expect(oss.object('logs', 'p')?.headers).toMatchObject({ 'content-type': 'text/plain', 'x-oss-meta-a': 'b' });
  });

  test('a HEAD can be presigned', async () => {
    const { client, oss } = await withObject();
    const request = await client.presignHeadObject('p');
    expect(request).toMatchObject({ method: 'HEAD', headers: {} });
    const answer = await use(oss, request);
    expect([answer.status, answer.headers.get('x-oss-next-append-position')]).toEqual([200, '5']);
    expect(await use(oss, { ...request, method: 'GET' })).toMatchObject({ code: 'SignatureDoesNotMatch' });
  });

  test('a read of the signed range succeeds, and of any other range fails', async () => {
    const { client, oss } = await withObject();
    const request = await client.presignGetObject('p', { range: { start: 1, end: 3 } });
    expect(request).toMatchObject({ method: 'GET', headers: { range: 'bytes=1-3' } });
    expect(await use(oss, request)).toMatchObject({ status: 206, text: 'ell' });
    for (const headers of [{}, { range: 'bytes=0-3' }, { range: 'bytes=1-4' }])
      expect(await use(oss, { ...request, headers })).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
  });

  test('a read can ask for the bytes as they are stored', async () => {
    const oss = localOss();
    const client = makeClient({ credentials: KEYS, fetch: oss.fetch, clock: undefined });
    await client.appendObject('p', 'hello', { position: 0, headers: { 'content-encoding': 'gzip' } });
    for (const [decode, coding] of [
      [undefined, 'gzip'] as const,
      [true, 'gzip'] as const,
      [false, 'identity'] as const,
    ]) {
      const { url, headers } = await client.presignGetObject('p', { range: { start: 1 }, decode });
      const response = await oss.fetch(url, { headers });
      expect([response.headers.get('content-encoding'), await response.text()]).toEqual([coding, 'ello']);
      const content = await client.getObject('p', { range: { start: 1 }, decode });
      expect([content.headers.get('content-encoding'), await textOf(content.body)]).toEqual([coding, 'ello']);
    }
  });

  test('a read of the whole object can be presigned', async () => {
    const { client, oss } = await withObject();
    const request = await client.presignGetObject('p');
    expect(request.headers).toEqual({});
    expect(await use(oss, request)).toMatchObject({ status: 200, text: 'hello' });
  });

  test.each(three)('%s is valid until its expiration, and not longer', async (name, presign) => {
    const { client, oss, clock } = await withObject();
    clock.advance(999);
    const request = await presign(client, 60);
    expect(request.expiration).toEqual(new Date(NOON + 60_000));
    const body = name === 'appendObject' ? { body: utf8('abc') } : {};
    clock.advance(60_000 - 999);
    expect((await use(oss, request, body)).status).toBeLessThan(300);
    clock.advance(1000);
    expect((await use(oss, request, body)).status).toBe(403);
  });

  test.each(three)('%s is valid for 1 s to 12 hours with an STS token', async (_, presign) => {
    const credentials = { ...STS, expiration: new Date(NOON + 30 * DAY * 1000) };
    const client = makeClient({ credentials });
    expect((await presign(client, 43_200)).expiration).toEqual(new Date(NOON + 43_200_000));
    expect((await presign(client, 1)).expiration).toEqual(new Date(NOON + 1000));
    const error = await failureOf(presign(client, 43_201));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: 'expiresIn must be 1 to 43200 s with an STS token, not 43201' });
  });

  test.each(three)('%s is valid for 1 s to 7 days with a permanent key', async (_, presign) => {
    let loads = 0;
    const client = makeClient({
      credentials: async () => {
        loads++;
        return KEYS;
      },
    });
    expect((await presign(client, 604_800)).expiration).toEqual(new Date(NOON + 604_800_000));
    for (const bad of [604_801, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const error = await failureOf(presign(client, bad));
      expect(error).toBeInstanceOf(RangeError);
      expect(error).toMatchObject({ message: `expiresIn must be 1 to 604800 s, not ${bad}` });
    }
    expect(loads).toBe(1);
  });

  test.each(three)(
    '%s is never valid longer than the token, and an expired token signs nothing',
    async (_, presign) => {
      const credentials = { ...STS, expiration: new Date(NOON + 100_500) };
      const clock = new VirtualClock();
      const client = makeClient({ credentials, clock });
      const { url, expiration } = await presign(client, 3600);
      expect([expiration, new URL(url).searchParams.get('x-oss-expires')]).toEqual([new Date(NOON + 100_000), '100']);
      clock.advance(100_501);
      const error = await failureOf(presign(client, 3600));
      expect(error).toBeInstanceOf(CredentialsError);
      expect(error).toMatchObject({
        code: 'CredentialsExpired',
        message: expect.stringMatching(/ended at 2026-01-02T12:01:40\.500Z$/),
      });
    },
  );

  test('presigning sends no request', async () => {
    const { fetch, sent } = scripted(appended(1));
    for (const [, presign] of three) await presign(makeClient({ fetch }));
    expect(sent).toHaveLength(0);
  });
});

test('later changes of its options do not change a client', async () => {
  const { fetch, sent } = scripted(new Response(null, { status: 429 }));
  const retry = { maxAttempts: 1 };
  const options = { region: 'cn-hangzhou', bucket: 'logs', credentials: KEYS, fetch, retry };
  const client = makeClient(options);
  Object.assign(retry, { maxAttempts: 9 });
  Object.assign(options, { bucket: 'other', signing: 'query' });
  await failureOf(client.headObject('a'));
  expect(sent.map(({ url }) => url.href)).toEqual(['https://logs.oss-cn-hangzhou.aliyuncs.com/a']);
});
