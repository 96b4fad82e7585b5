/** What the client makes of an answer: the time of OSS, answers that are not from OSS, and mistakes in code. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { OssError, ServiceError, TransportError } from '../../src/errors.ts';
import { kindOf } from '../../src/failure-kind.ts';
import type { OssClientOptions } from '../../src/request/client.ts';
import { serve } from '../../src/testing/node/http.ts';
import {
  appended,
  failureOf,
  KEYS,
  localOss,
  makeClient,
  refused,
  type Sent,
  STS,
  scripted,
  textOf,
} from '../tools/unit-tools.ts';
import { drive, NOON, VirtualClock } from '../tools/virtual-clock.ts';
import {
  append,
  CALLS,
  type Call,
  DROPPED,
  GET,
  get,
  HEAD,
  HTML,
  head,
  setUp,
  setUpPresigned,
} from './transport-tools.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the time of OSS', () => {
  const AHEAD = 3_600_000;
  const skewed = () =>
    refused(403, 'RequestTimeTooSkewed', { ServerTime: new Date(NOON + AHEAD).toISOString(), EC: '0002-00000504' });
  const dates = (sent: Sent[]) =>
    sent.map(({ headers, url }) => headers.get('x-oss-date') ?? url.searchParams.get('x-oss-date'));

  test('is taken from ServerTime, and kept for later calls', async () => {
    const { client, sent, clock } = setUp([skewed(), appended(5), HEAD]);
    await append(client);
    clock.advance(1000);
    await head(client);
    expect(dates(sent)).toEqual(['20260102T120000Z', '20260102T130000Z', '20260102T130001Z']);
    expect(clock.delays).toHaveLength(3);
  });

  test('is corrected only once in a call', async () => {
    const { client, sent } = setUp([skewed()]);
    expect(await failureOf(append(client))).toMatchObject({ code: 'RequestTimeTooSkewed' });
    expect(sent).toHaveLength(2);
  });

  test('is corrected once for each of many calls that began with the wrong time', async () => {
    const answer = ({ headers }: Sent) => (headers.get('x-oss-date') === '20260102T130000Z' ? HEAD() : skewed());
    const { client, sent } = setUp([answer]);
    await Promise.all([head(client), head(client), head(client)]);
    expect(sent).toHaveLength(6);
  });

  test('is in a header of the error answer to a HEAD', async () => {
    const xml = await skewed().text();
    const answer = new Response(null, { status: 403, headers: { 'x-oss-err': btoa(xml) } });
    const { client, sent } = setUp([answer, HEAD]);
    await head(client);
    expect(dates(sent).at(-1)).toBe('20260102T130000Z');
  });

  test('is never taken from the Date header', async () => {
    const headers = { date: 'Fri, 02 Jan 2026 15:00:00 GMT' };
    const { client, sent } = setUp([refused(403, 'RequestTimeTooSkewed', {}, headers)]);
    expect(await failureOf(append(client))).toMatchObject({ code: 'RequestTimeTooSkewed' });
    expect(await failureOf(append(client))).toMatchObject({ code: 'RequestTimeTooSkewed' });
    expect(dates(sent)).toEqual(['20260102T120000Z', '20260102T120000Z']);
  });

  test.each(['header', 'query'] as const)(
    'corrects a device that is wrong by days, so that it appends to LocalOss, signed in the %s',
    async (signing) => {
      for (const off of [-3 * 86_400_000, 3 * 86_400_000]) {
        const oss = localOss({ clock: { now: () => NOON } });
        const clock = new VirtualClock(NOON + off);
        const { accessKeyId, accessKeySecret, securityToken } = oss.issueToken();
        const credentials = { accessKeyId, accessKeySecret, securityToken };
        const client = makeClient({ clock, credentials, signing, fetch: oss.fetch });
        for (const position of [0, 1, 2]) await client.appendObject('a', 'x', { position });
        expect(oss.requests.map(({ status }) => status)).toEqual([403, 200, 200, 200]);
      }
    },
  );

  test('and the credentials may both need a correction, each of them once', async () => {
    const load = vi.fn(async () => STS);
    const { client, sent } = setUp([skewed(), refused(403, 'SecurityTokenExpired'), appended(5)], {
      credentials: load,
    });
    await append(client);
    expect([sent.length, load.mock.calls.length]).toEqual([3, 3]);
  });
});

describe('answers that are not from OSS', () => {
  function redirected(): Response {
    return Object.defineProperty(appended(5), 'redirected', { value: true });
  }

  test.each<[string, Call, () => Response]>([
    ['a redirect of an append', append, redirected],
    ['a HEAD redirected', head, () => Object.defineProperty(HEAD(), 'redirected', { value: true })],
    ['a GET redirected', get, () => Object.defineProperty(GET(), 'redirected', { value: true })],
    ["a portal's 200 to an append", append, () => HTML(200)],
    ["a portal's 200 to a HEAD", head, () => new Response(null, { headers: { 'content-length': '1234' } })],
    ["a portal's 200 to a GET", get, () => HTML(200)],
    ['a 202 to an append', append, () => new Response(null, { status: 202 })],
    ['a 204 to an append', append, () => new Response(null, { status: 204 })],
  ])('%s is not a success', async (_, call, answer) => {
    const { client, clock } = setUp([answer], { retry: { maxAttempts: 1 } });
    const error = await drive(failureOf(call(client)), clock);
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({
      code: 'UnexpectedResponse',
      message: expect.stringMatching(/^Cannot .*"a".*not an answer of OSS/),
    });
    expect(clock.waiting).toBe(0);
  });

  test.each([301, 302, 303, 307, 308])('a redirect (%i) over HTTP is not followed', async (status) => {
    const there: string[] = [];
    const server = await serve(({ url, method }) => {
      if (new URL(url).pathname !== '/there') return new Response(null, { status, headers: { location: '/there' } });
      there.push(method);
      return method === 'HEAD' ? HEAD() : appended(5);
    });
    try {
      const client = makeClient({ endpoint: server.url, clock: undefined, retry: { maxAttempts: 1 } });
      // Node 20 could not send bytes to a second place, but it could send a Blob.
      const appendBlob = () => client.appendObject('a', new Blob(['bytes']), { position: 0 });
      for (const call of [appendBlob, () => append(client), () => head(client), () => get(client)])
        expect(await failureOf(call())).toMatchObject({ name: 'TransportError', code: 'UnexpectedResponse' });
      expect(there).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test("an answer whose headers CORS hides is accepted as OSS's", async () => {
    const oss = localOss({ faults: () => ({ kind: 'hide-headers' }) });
    const client = makeClient({ credentials: KEYS, fetch: oss.fetch, clock: undefined });
    expect(await client.appendObject('a', 'hello', { position: 0 })).toEqual({
      nextAppendPosition: 5,
      hashCrc64ecma: undefined,
      etag: undefined,
      requestId: undefined,
    });
    expect(await client.headObject('a')).toMatchObject({ contentLength: 5, objectType: undefined });
    expect(await textOf((await client.getObject('a', { range: { start: 1, end: 2 } })).body)).toBe('el');
  });

  test.each([500, 502, 503])("a gateway's page with status %i is an ambiguous ServiceError", async (status) => {
    const oss = localOss({ faults: () => ({ kind: 'gateway', status }) });
    const client = makeClient({ credentials: KEYS, fetch: oss.fetch, clock: undefined });
    const error = await failureOf(append(client));
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({ status, code: `Http${status}`, requestId: undefined });
    expect(kindOf(error)).toBe('ambiguous');
  });

  test('the error of a lost connection says what to check, and keeps the cause', async () => {
    const { client } = setUp([DROPPED]);
    const error = await failureOf(append(client));
    expect(error).toMatchObject({ code: 'NetworkError', cause: DROPPED });
    expect((error as Error).message).toBe(
      'Cannot append to "a" at position 0 (5 bytes): no answer from https://logs.oss-cn-hangzhou.aliyuncs.com (fetch failed). Check the network, region, bucket, endpoint, cname and, in a page, CORS, or run oss-append/doctor',
    );
  });
});

describe('a mistake in code is reported as it is, never as a failure of the network', () => {
  const boom = new TypeError('x is not a function');
  const fail = () => {
    throw boom;
  };
  const clock = { now: () => NOON, random: () => 0.5, setTimeout: () => 0, clearTimeout: () => {} };

  test.each<[string, Partial<OssClientOptions>]>([
    ['clock.now', { clock: { ...clock, now: fail } }],
    ['clock.setTimeout', { clock: { ...clock, setTimeout: fail } }],
    ['clock.clearTimeout', { clock: { ...clock, clearTimeout: fail } }],
    ['the Headers of the result of fetch', { fetch: async () => ({ headers: { has: fail }, ok: true }) as never }],
    ['the body of the result of fetch', { fetch: async () => Object.defineProperty(GET(), 'body', { get: fail }) }],
  ])('%s throws', async (_, options) => {
    const { client } = setUp([HEAD], options);
    const call = options.fetch ? get : append;
    expect(await failureOf(call(client))).toBe(boom);
  });

  test.each([
    ['nothing', undefined],
    ['a plain object', { status: 200, ok: true }],
    ['a text', 'hello'],
  ])('fetch gives %s', async (_, given) => {
    for (const [, call] of CALLS) {
      const { client } = setUp([HEAD], { fetch: (async () => given) as never });
      expect(await failureOf(call(client))).toBeInstanceOf(TypeError);
    }
  });

  test.each(['AbortController', 'ReadableStream', 'fetch'])('a runtime without %s', async (name) => {
    const answer = GET();
    vi.stubGlobal(name, undefined);
    const client = makeClient(name === 'fetch' ? {} : { fetch: async () => answer });
    expect(await failureOf(get(client))).not.toBeInstanceOf(OssError);
  });

  test('credentials that become invalid after the client was made', async () => {
    const credentials = { ...STS };
    const { client, sent } = setUp([HEAD], { credentials });
    Object.assign(credentials, { accessKeySecret: 7 });
    expect(await failureOf(head(client))).toMatchObject({ name: 'TypeError', message: /accessKeySecret/ });
    expect(sent).toHaveLength(0);
  });

  test.each(CALLS)("without a global Request or Headers, %s works with the caller's own fetch", async (_, call) => {
    const { fetch } = scripted(() => (call === append ? appended(5) : call === head ? HEAD() : GET()));
    const { Headers } = globalThis;
    const own: typeof fetch = async (url, init) => {
      vi.stubGlobal('Headers', Headers);
      return fetch(url, init);
    };
    const client = makeClient({ fetch: own });
    vi.stubGlobal('Request', undefined);
    vi.stubGlobal('Headers', undefined);
    await call(client);
  });

  describe('a wrapper around fetch that has read the body already', () => {
    const reading =
      (answer: () => Response): typeof fetch =>
      async () => {
        const response = answer();
        await response.text();
        return response;
      };

    test('a refusal stays a refusal', async () => {
      for (const [, call] of CALLS) {
        const { client } = setUp([], { fetch: reading(() => refused(403, 'AccessDenied')) as never });
        expect(await failureOf(call(client))).toMatchObject({ name: 'ServiceError', status: 403 });
      }
    });

    test('an append succeeds if the answer has the mark of OSS', async () => {
      const { headers } = appended(5);
      const { client } = setUp([], { fetch: reading(() => new Response('', { headers })) as never });
      expect(await append(client)).toMatchObject({ nextAppendPosition: 5 });
    });

    test('an append does not succeed without the mark, because the body may have been a page', async () => {
      const { client } = setUp([], { fetch: reading(() => new Response('page')) as never });
      expect(await failureOf(append(client))).toMatchObject({ code: 'UnexpectedResponse' });
    });
  });

  test('an exception or a rejection of fetch is a failure of the network', async () => {
    for (const fetch of [fail, async () => fail()]) {
      const { client } = setUp([], { fetch });
      expect(await failureOf(append(client))).toMatchObject({
        name: 'TransportError',
        cause: { message: boom.message },
      });
    }
  });

  test('an exception of a presign function becomes a CredentialsError with its cause', async () => {
    const { client } = setUpPresigned([], fail);
    expect(await failureOf(append(client))).toMatchObject({
      name: 'CredentialsError',
      cause: { message: boom.message },
    });
  });
});
