/**
 * The life of one request: when the client waits, what it repeats and what it never repeats, and that nothing is left
 * behind.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { serve } from '../demo/node-http.ts';
import { CredentialsError, OssError, ServiceError, TransportError } from '../src/errors.ts';
import type { OssClient, OssClientOptions } from '../src/request/client.ts';
import { PresignedClient } from '../src/request/presigned.ts';
import type { Presign } from '../src/request/presigner.ts';
import { platformClock } from '../src/waiting/clock.ts';
import { kindOf } from '../src/waiting/retry.ts';
import {
  appended,
  countedAbort,
  drive,
  failureOf,
  hanging,
  KEYS,
  localOss,
  makeClient,
  NOON,
  refused,
  type Sent,
  STS,
  scripted,
  settle,
  textOf,
  utf8,
  VirtualClock,
} from './unit-tools.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

const HEAD = () =>
  new Response(null, {
    headers: { 'x-oss-request-id': 'R', 'content-length': '5', 'x-oss-object-type': 'Appendable' },
  });
const GET = (body: BodyInit = 'hello') => new Response(body, { headers: { 'x-oss-request-id': 'R' } });
const DROPPED = new TypeError('fetch failed', { cause: new Error('socket hang up') });
const HTML = (status: number) =>
  new Response('<html>Log in</html>', { status, headers: { 'content-type': 'text/html' } });

type Call = (
  client: Pick<OssClient, 'appendObject' | 'headObject' | 'getObject'>,
  signal?: AbortSignal,
) => Promise<unknown>;
const append: Call = (client, signal) => client.appendObject('a', 'bytes', { position: 0, signal });
const head: Call = (client, signal) => client.headObject('a', { signal });
const get: Call = (client, signal) => client.getObject('a', { signal });
const CALLS: [string, Call][] = [
  ['appendObject', append],
  ['headObject', head],
  ['getObject', get],
];

function setUp(answers: Parameters<typeof scripted>, options: Partial<OssClientOptions> = {}) {
  const clock = new VirtualClock();
  const script = scripted(...answers);
  return { ...script, clock, client: makeClient({ clock, fetch: script.fetch, ...options }) };
}

/** The same for a client that has no key. */
function setUpPresigned(answers: Parameters<typeof scripted>, presign: Presign) {
  const clock = new VirtualClock();
  const script = scripted(...answers);
  return { ...script, clock, client: new PresignedClient({ presign, clock, fetch: script.fetch }) };
}

describe('the time limit of one attempt', () => {
  test.each([
    ['30 s without a body', head, {}, 30_000],
    ['one more second for each started 32 KiB', append, {}, 31_000],
    ['the value of the option', append, { timeout: 5 }, 5],
  ])('is %s', async (_, call, options, timeout) => {
    const { client, clock } = setUp([hanging], { ...options, retry: { maxAttempts: 1 } });
    const failed = failureOf(call(client));
    await settle();
    expect(clock.delays).toEqual([timeout]);
    clock.advance(timeout - 1);
    await settle();
    expect(clock.waiting).toBe(1);
    clock.advance(1);
    const error = await failed;
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({
      code: 'TimeoutError',
      message: expect.stringMatching(new RegExp(`^Cannot .*"a".*: no answer within ${timeout} ms`)),
    });
    expect(clock.waiting).toBe(0);
  });

  test('grows with the body', async () => {
    const { client, clock } = setUp([hanging]);
    const controller = new AbortController();
    const body = new Uint8Array(8 * 1024 * 1024);
    const failed = failureOf(client.appendObject('a', body, { position: 0, signal: controller.signal }));
    await settle();
    expect(clock.delays).toEqual([30_000 + 256_000]);
    controller.abort();
    await failed;
  });

  test('stops the request', async () => {
    const { client, clock, sent } = setUp([hanging], { timeout: 5 });
    const failed = failureOf(append(client));
    await settle();
    expect(sent[0]?.init.signal?.aborted).toBe(false);
    clock.advance(5);
    await failed;
    expect(sent[0]?.init.signal?.aborted).toBe(true);
  });

  test('ends the attempt even if the transport ignores its signal', async () => {
    const { client, clock } = setUp([() => new Promise<Response>(() => {})], { timeout: 5 });
    expect(await drive(failureOf(append(client)), clock)).toMatchObject({ code: 'TimeoutError' });
  });

  test('includes the body of an error, and of an answer that should have no body', async () => {
    const never = () => new ReadableStream({ pull: () => new Promise<void>(() => {}) });
    for (const status of [200, 503]) {
      const { client, clock } = setUp([() => new Response(never(), { status })], { timeout: 5 });
      expect(await drive(failureOf(append(client)), clock)).toMatchObject({ code: 'TimeoutError' });
    }
  });

  test('sets no timer if it is Infinity', async () => {
    const { client, clock } = setUp([appended(5)], { timeout: Number.POSITIVE_INFINITY });
    await append(client);
    expect(clock.delays).toEqual([]);
  });

  test('includes loading the credentials', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const credentials: OssClientOptions['credentials'] = ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const { client, clock, sent } = setUp([appended(5)], { credentials });
    const error = await drive(failureOf(append(client)), clock);
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({ message: 'Cannot load credentials: no answer within 30000 ms' });
    expect([signals[0]?.aborted, sent.length, clock.waiting]).toEqual([true, 0, 0]);
  });

  test('includes the presign function', async () => {
    const presign = () => new Promise<string>(() => {});
    const { client, clock, sent } = setUpPresigned([appended(5)], presign);
    const error = await drive(failureOf(append(client)), clock);
    expect(error).toMatchObject({ code: 'TimeoutError' });
    expect([sent.length, clock.waiting]).toEqual([0, 0]);
  });

  test("does not end at once on the platform's clock if it is longer than 24 days", () => {
    const setTimeout = vi.fn();
    vi.stubGlobal('setTimeout', setTimeout);
    platformClock().setTimeout(() => {}, 2 ** 40);
    expect(setTimeout.mock.calls[0]?.[1]).toBe(2 ** 31 - 1);
  });
});

describe('the signal of a call', () => {
  const REASONS: unknown[] = [new Error('stop'), 'a text', { any: 'object' }, null, 0];

  test.each(CALLS)('%s rejects with the reason of the signal, the identical value', async (_, call) => {
    for (const reason of REASONS) {
      const { client } = setUp([hanging]);
      const controller = new AbortController();
      const failed = failureOf(call(client, controller.signal));
      await settle();
      controller.abort(reason);
      expect(await failed).toBe(reason);
    }
  });

  test.each(CALLS)('%s sends nothing if the signal is already aborted', async (_, call) => {
    const { client, sent } = setUp([appended(5)]);
    const reason = new Error('too late');
    expect(await failureOf(call(client, AbortSignal.abort(reason)))).toBe(reason);
    expect(sent).toHaveLength(0);
  });

  test('ends the wait before another attempt', async () => {
    const { client, sent, clock } = setUp([refused(503, 'ServiceUnavailable')]);
    const controller = new AbortController();
    const failed = failureOf(head(client, controller.signal));
    await settle();
    expect([sent.length, clock.waiting]).toEqual([1, 1]);
    controller.abort('enough');
    expect(await failed).toBe('enough');
    expect(clock.waiting).toBe(0);
  });

  test('ends presigning', async () => {
    const { client } = setUp([appended(5)], { credentials: () => new Promise(() => {}) });
    const controller = new AbortController();
    const failed = failureOf(client.presignHeadObject('a', { signal: controller.signal }));
    await settle();
    controller.abort('enough');
    expect(await failed).toBe('enough');
  });

  test.each(CALLS)('%s leaves neither listener nor timer, however it ends', async (_, call) => {
    const endings: [string, Parameters<typeof scripted>][] = [
      ['well', [() => (call === append ? appended(5) : call === head ? HEAD() : GET())]],
      ['refused', [refused(403, 'AccessDenied')]],
      ['lost', [DROPPED]],
      ['throttled, then well', [refused(503, 'TotalQpsLimitExceeded'), () => (call === append ? appended(5) : GET())]],
      ['hanging', [hanging]],
    ];
    for (const [ending, answers] of endings) {
      const { controller, listeners } = countedAbort();
      const { client, clock } = setUp(answers, { credentials: async () => STS, retry: { maxAttempts: 2 } });
      const work = call(client, controller.signal).then((result) =>
        result !== null && typeof result === 'object' && 'body' in result
          ? textOf(result.body as ReadableStream<Uint8Array>)
          : result,
      );
      work.catch(() => {});
      await settle();
      if (ending === 'hanging') {
        expect(listeners()).toBeGreaterThan(0);
        controller.abort();
      }
      await drive(
        work.catch(() => {}),
        clock,
      );
      expect([ending, listeners(), clock.waiting]).toEqual([ending, 0, 0]);
    }
  });
});

describe('repeats', () => {
  const AMBIGUOUS: [string, Parameters<typeof scripted>[0]][] = [
    ['a lost connection', DROPPED],
    ['500', refused(500, 'InternalError')],
    ['503', refused(503, 'ServiceUnavailable')],
    ['a gateway’s 502', HTML(502)],
    ['an empty 504', new Response(null, { status: 504 })],
    ['RequestTimeout', refused(400, 'RequestTimeout')],
    ['408', new Response(null, { status: 408 })],
    ['a redirect', new Response(null, { status: 307, headers: { location: 'https://portal.example/' } })],
    ["a captive portal's 200", HTML(200)],
  ];

  test.each(AMBIGUOUS)('an append is never repeated after %s', async (_, answer) => {
    const { client, sent, clock } = setUp([answer, appended(5)]);
    const error = await drive(failureOf(append(client)), clock);
    expect(kindOf(error)).toBe('ambiguous');
    expect(sent).toHaveLength(1);
  });

  test('an append is never repeated after a time-out', async () => {
    const { client, sent, clock } = setUp([hanging, appended(5)]);
    expect(kindOf(await drive(failureOf(append(client)), clock))).toBe('ambiguous');
    expect(sent).toHaveLength(1);
  });

  test.each(AMBIGUOUS)('a read is repeated after %s', async (_, answer) => {
    for (const [call, good] of [
      [head, HEAD],
      [get, GET],
    ] as const) {
      const { client, sent, clock } = setUp([answer, () => good()]);
      await drive(call(client), clock);
      expect(sent).toHaveLength(2);
    }
  });

  const THROTTLES = [
    ['TotalQpsLimitExceeded', refused(503, 'TotalQpsLimitExceeded')],
    ['UploadTrafficRateLimitExceeded', refused(503, 'UploadTrafficRateLimitExceeded')],
    ['429', new Response(null, { status: 429 })],
  ] as const;

  test.each(THROTTLES)('an append is repeated if it was throttled: %s', async (_, answer) => {
    const { client, sent, clock } = setUp([answer, appended(5)]);
    await drive(append(client), clock);
    expect(sent).toHaveLength(2);
  });

  test.each([
    [400, 'InvalidArgument'],
    [400, 'NotImplemented'],
    [400, 'OperationNotSupported'],
    [400, 'AppendSealedObjectNotAllowed'],
    [400, 'PublicEndpointForbidden'],
    [403, 'AccessDenied'],
    [403, 'CnameDenied'],
    [403, 'SecondLevelDomainForbidden'],
    [403, 'SignatureDoesNotMatch'],
    [403, 'TransferAccelerationDisabled'],
    [407, 'Http407'],
    [411, 'MissingContentLength'],
    [414, 'Http414'],
    [421, 'Http421'],
    [431, 'Http431'],
    [451, 'Http451'],
    [501, 'NotImplemented'],
    [505, 'Http505'],
    [404, 'NoSuchBucket'],
    [409, 'PositionNotEqualToLength'],
    [416, 'InvalidRange'],
  ])('nothing is repeated after %i %s', async (status, code) => {
    for (const [, call] of CALLS) {
      const { client, sent, clock } = setUp([refused(status, code)]);
      const error = await drive(failureOf(call(client)), clock);
      expect(error).toMatchObject({ code, status });
      expect(['ambiguous', 'throttled']).not.toContain(kindOf(error));
      expect(sent).toHaveLength(1);
    }
  });

  test.each([
    ['8 attempts by default', undefined, 8],
    ['as many attempts as the option says', { maxAttempts: 3 }, 3],
    ['one attempt', { maxAttempts: 1 }, 1],
  ])('%s, if the client has received an answer before', async (_, retry, attempts) => {
    const { client, sent, clock } = setUp([HEAD, DROPPED], { retry });
    await head(client);
    expect(await drive(failureOf(head(client)), clock)).toMatchObject({ code: 'NetworkError' });
    expect(sent).toHaveLength(1 + attempts);
  });

  test.each([
    ['5 attempts by default', undefined, 5],
    ['as many attempts as the option says', { maxAttempts: 20 }, 20],
  ])(
    '%s, if the client has never received an answer, because a wrong name looks like a network failure',
    async (_, retry, attempts) => {
      const { client, sent, clock } = setUp([DROPPED], { retry });
      const began = clock.now();
      const error = await drive(failureOf(head(client)), clock);
      expect(sent).toHaveLength(attempts);
      expect((error as Error).message).toMatch(
        /no answer from logs\.oss-cn-hangzhou\.aliyuncs\.com .*region, bucket, endpoint, cname/,
      );
      if (!retry) expect(clock.now() - began).toBeLessThanOrEqual(3000);
    },
  );

  test.each([
    ['a wrong bucket or region', { bucket: 'lgos' }, 'lgos.oss-cn-hangzhou.aliyuncs.com'],
    ['a forgotten cname', { endpoint: 'https://files.example.com' }, 'logs.files.example.com'],
    ['https for a server that has only http', { endpoint: 'https://127.0.0.1:9' }, '127.0.0.1:9'],
  ])('the error after %s contains the host, without the query', async (_, options, host) => {
    const { client, clock } = setUp([DROPPED], { ...options, signing: 'query' });
    const error = (await drive(failureOf(head(client)), clock)) as Error;
    expect(error.message).toContain(`no answer from ${host} (fetch failed)`);
    expect(error.message).not.toContain('x-oss-');
  });

  test('the error of a presigned URL contains only the host', async () => {
    const presign = () => 'https://files.example.com?x-oss-signature=1';
    const { client, clock } = setUpPresigned([DROPPED], presign);
    const error = (await drive(failureOf(head(client)), clock)) as Error;
    expect(error.message).toContain('no answer from files.example.com (fetch failed)');
  });

  test('each attempt is signed or presigned again', async () => {
    for (const signing of ['header', 'query'] as const) {
      const { client, sent, clock } = setUp([DROPPED, HEAD], { signing });
      clock.chance = 0.9999;
      await drive(client.headObject('a'), clock);
      clock.advance(2000);
      await drive(client.headObject('a'), clock);
      const dates = sent.map(({ url, headers }) => headers.get('x-oss-date') ?? url.searchParams.get('x-oss-date'));
      expect(dates).toEqual(['20260102T120000Z', '20260102T120000Z', '20260102T120002Z']);
    }
    const presign = vi.fn(() => 'https://e.com/a?n=1');
    const { client, clock } = setUpPresigned([DROPPED, HEAD], presign);
    await drive(client.headObject('a'), clock);
    expect(presign).toHaveBeenCalledTimes(2);
  });
});

describe('the wait before another attempt', () => {
  const firstAttempts = { timeout: Number.POSITIVE_INFINITY };

  test.each([
    [0, [0, 0, 0, 0, 0, 0, 0]],
    [0.5, [100, 200, 400, 800, 1600, 3200, 6400]],
    [0.999, [199.8, 399.6, 799.2, 1598.4, 3196.8, 6393.6, 12_787.2]],
  ])('is random within a time that doubles (random number %f)', async (chance, delays) => {
    const { client, clock } = setUp([HEAD, DROPPED], firstAttempts);
    await head(client);
    clock.chance = chance;
    await drive(failureOf(head(client)), clock);
    expect(clock.delays.map((delay) => Math.round(delay * 10) / 10)).toEqual(delays);
  });

  test('has a limit, which is 20 s by default', async () => {
    for (const [retry, longest] of [
      [{ maxAttempts: 12 }, 20_000],
      [{ maxAttempts: 12, baseDelay: 10, maxDelay: 50 }, 50],
    ] as const) {
      const { client, clock } = setUp([DROPPED], { ...firstAttempts, retry });
      clock.chance = 0.5;
      await drive(failureOf(head(client)), clock);
      expect(Math.max(...clock.delays)).toBe(longest / 2);
    }
  });

  test.each<[string, Record<string, string>, number]>([
    ['Retry-After', { 'retry-after': '7' }, 7000],
    ['x-oss-qos-delay-time', { 'x-oss-qos-delay-time': '450' }, 450],
    ['Retry-After, at most a minute', { 'retry-after': '3600' }, 60_000],
    ['x-oss-qos-delay-time, at most a minute', { 'x-oss-qos-delay-time': '900000' }, 60_000],
    ['the longer of the two', { 'x-oss-qos-delay-time': '1' }, 100],
  ])('waits for %s', async (_, headers, delay) => {
    for (const call of [append, head]) {
      const { client, clock, sent } = setUp(
        [refused(503, 'TotalQpsLimitExceeded', {}, headers), call === append ? appended(5) : HEAD],
        firstAttempts,
      );
      await drive(call(client), clock);
      expect([clock.delays, sent.length]).toEqual([[delay], 2]);
    }
  });

  test('retry.again returns whether an attempt is left', async () => {
    const { client, clock } = setUp([HEAD], { retry: { maxAttempts: 2 } });
    expect(await drive(client.retry.again(1), clock)).toBe(true);
    expect(await client.retry.again(2)).toBe(false);
    expect(clock.delays).toEqual([100]);
  });
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
      message: expect.stringMatching(/^Cannot .*"a".*not OSS’s/),
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
      'Cannot append to "a" at position 0 (5 bytes): no answer from logs.oss-cn-hangzhou.aliyuncs.com (fetch failed). Check the network, region, bucket, endpoint, cname and, in a page, the CORS rule',
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

describe('the body of getObject', () => {
  /** A body that emits a chunk whenever `give` is called. */
  function dripping() {
    let controller: ReadableStreamDefaultController<Uint8Array>;
    const cancel = vi.fn();
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (given) => {
        controller = given;
      },
      cancel,
    });
    const give = (text: string) => controller.enqueue(utf8(text));
    const fail = (error: unknown) => controller.error(error);
    return { body, give, fail, cancel, close: () => controller.close() };
  }

  async function opened(signal?: AbortSignal) {
    const source = dripping();
    const set = setUp([() => GET(source.body)], { timeout: 1000 });
    const { body } = await set.client.getObject('a', { signal });
    return { ...set, ...source, reader: body.getReader() };
  }

  test('has the whole time limit for each chunk', async () => {
    const { clock, give, reader, close } = await opened();
    for (let i = 0; i < 5; i++) {
      const reading = reader.read();
      await settle();
      clock.advance(999);
      give('x');
      expect((await reading).value).toEqual(utf8('x'));
    }
    close();
    expect((await reader.read()).done).toBe(true);
    expect(clock.waiting).toBe(0);
  });

  test('times out if it stops in the middle, and is cancelled', async () => {
    const { clock, give, reader, cancel, sent } = await opened();
    give('x');
    await reader.read();
    const failed = failureOf(reader.read());
    await settle();
    clock.advance(1000);
    expect(await failed).toMatchObject({ code: 'TimeoutError', message: 'Cannot read "a": no answer within 1000 ms' });
    expect([cancel.mock.calls.length, sent[0]?.init.signal?.aborted, clock.waiting]).toEqual([1, true, 0]);
  });

  test('does not time out while nobody reads', async () => {
    const { clock, give, reader } = await opened();
    expect(clock.waiting).toBe(0);
    clock.advance(1_000_000);
    give('x');
    expect((await reader.read()).value).toEqual(utf8('x'));
    clock.advance(1_000_000);
    give('y');
    expect((await reader.read()).value).toEqual(utf8('y'));
  });

  test('fails like a request if the connection breaks', async () => {
    const { fail, reader, clock } = await opened();
    fail(new TypeError('terminated'));
    const error = await failureOf(reader.read());
    expect(error).toMatchObject({
      name: 'TransportError',
      code: 'NetworkError',
      message: expect.stringMatching('terminated'),
    });
    expect(clock.waiting).toBe(0);
  });

  test('fails with the reason of the signal', async () => {
    const { controller, listeners } = countedAbort();
    const { reader, clock, cancel } = await opened(controller.signal);
    const failed = failureOf(reader.read());
    await settle();
    const reason = { enough: true };
    controller.abort(reason);
    expect(await failed).toBe(reason);
    expect([listeners(), clock.waiting, cancel.mock.calls.length]).toEqual([0, 0, 1]);
  });

  test('is cancelled with the reason, and nothing is left behind', async () => {
    const { controller, listeners } = countedAbort();
    const { reader, clock, cancel } = await opened(controller.signal);
    await reader.cancel('seen enough');
    expect(cancel.mock.calls).toEqual([['seen enough']]);
    expect([listeners(), clock.waiting]).toEqual([0, 0]);
  });
});

describe('while the browser reports that it is offline', () => {
  function goOffline() {
    const listeners = new Map<() => void, string>();
    const navigator = { onLine: false };
    vi.stubGlobal('navigator', navigator);
    vi.stubGlobal('addEventListener', (type: string, listener: () => void) => void listeners.set(listener, type));
    vi.stubGlobal('removeEventListener', (_: string, listener: () => void) => void listeners.delete(listener));
    const goOnline = () => {
      navigator.onLine = true;
      for (const [listener, type] of listeners) if (type === 'online') listener();
    };
    return { goOnline, listeners };
  }

  test('an attempt waits for the event online', async () => {
    const { goOnline, listeners } = goOffline();
    const load = vi.fn(async () => STS);
    const { client, sent, clock } = setUp([appended(5)], { credentials: load });
    const work = append(client);
    await settle();
    clock.advance(29_999);
    await settle();
    expect([sent.length, load.mock.calls.length]).toEqual([0, 0]);
    goOnline();
    await work;
    expect([sent.length, listeners.size, clock.waiting]).toEqual([1, 0, 0]);
  });

  test('an attempt waits 30 s at most, and is then made', async () => {
    const { listeners } = goOffline();
    const { client, sent, clock } = setUp([appended(5)]);
    const work = append(client);
    await settle();
    expect(clock.next).toBe(30_000);
    clock.advance(30_000);
    await work;
    expect([sent.length, listeners.size]).toEqual([1, 0]);
  });

  test('a wrong hint delays only once, because an answer proves that it is wrong', async () => {
    goOffline();
    const { client, clock, sent } = setUp([HEAD, DROPPED, HEAD]);
    const began = clock.now();
    const work = head(client);
    await settle();
    expect([sent.length, clock.next]).toEqual([0, 30_000]);
    await drive(work, clock);
    await drive(head(client), clock);
    await drive(append(client), clock);
    expect(sent).toHaveLength(4);
    expect(clock.now() - began).toBeLessThan(31_000);
  });

  test('a hint that was proven wrong makes no call endless', async () => {
    goOffline();
    const { client, clock, sent } = setUp([HEAD, DROPPED], { retry: { maxAttempts: 3 } });
    await drive(head(client), clock);
    expect(await drive(failureOf(head(client)), clock)).toMatchObject({ code: 'NetworkError' });
    expect(sent).toHaveLength(4);
  });

  test('a refusal and the page of a portal count as answers', async () => {
    for (const answer of [refused(403, 'AccessDenied'), HTML(200)]) {
      goOffline();
      const { client, clock } = setUp([answer]);
      await drive(failureOf(append(client)), clock);
      const began = clock.now();
      await drive(failureOf(append(client)), clock);
      expect(clock.now()).toBe(began);
    }
  });

  test('the hint counts again after an answer came while it said online', async () => {
    const { goOnline } = goOffline();
    const { client, clock, sent } = setUp([HEAD]);
    await drive(head(client), clock);
    goOnline();
    await head(client);
    goOffline();
    const work = head(client);
    await settle();
    expect([sent.length, clock.next]).toEqual([2, 30_000]);
    await drive(work, clock);
  });

  test('the number of attempts is not limited', async () => {
    const { goOnline } = goOffline();
    const answers = [...Array(20).fill(DROPPED), HEAD];
    const { client, sent, clock } = setUp(answers, { retry: { maxAttempts: 2 } });
    const work = head(client);
    while (sent.length < 20) {
      await settle();
      clock.advance(clock.next ?? 0);
    }
    goOnline();
    await drive(work, clock);
    expect(sent).toHaveLength(21);
  });

  test('a signal ends the wait', async () => {
    const { listeners } = goOffline();
    const { client, clock } = setUp([appended(5)]);
    const controller = new AbortController();
    const failed = failureOf(append(client, controller.signal));
    await settle();
    controller.abort('never mind');
    expect(await failed).toBe('never mind');
    expect([listeners.size, clock.waiting]).toEqual([0, 0]);
  });

  test('a page without this information counts as online', async () => {
    vi.stubGlobal('navigator', {});
    const { client, sent } = setUp([appended(5)]);
    await append(client);
    expect(sent).toHaveLength(1);
  });
});

describe('a presign function in place of credentials', () => {
  const oss = localOss();
  const holder = makeClient({ credentials: KEYS, fetch: oss.fetch, clock: undefined });

  test('can sign append, head and get end to end, with length and range', async () => {
    const presign = vi.fn<NonNullable<Presign>>(({ operation, key, position, size, range, decode, headers }) => {
      if (operation === 'headObject') return holder.presignHeadObject(key);
      if (operation === 'getObject') return holder.presignGetObject(key, { range, decode });
      const { 'content-type': contentType = null } = headers;
      return holder.presignAppendObject(key, { position: position ?? -1, size, contentType });
    });
    const client = new PresignedClient({ presign, fetch: oss.fetch });
    const options = { position: 0, contentType: 'text/plain' };
    expect(await client.appendObject('p', 'hello', options)).toMatchObject({ nextAppendPosition: 5 });
    expect(await client.headObject('p')).toMatchObject({ contentLength: 5 });
    expect(await textOf((await client.getObject('p', { range: { start: 1, end: 3 } })).body)).toBe('ell');
    expect(await textOf((await client.getObject('p', { range: { start: 1 }, decode: false })).body)).toBe('ello');
    expect(presign.mock.calls.map(([{ signal, ...request }]) => [signal instanceof AbortSignal, request])).toEqual([
      [true, { operation: 'appendObject', key: 'p', position: 0, size: 5, headers: { 'content-type': 'text/plain' } }],
      [true, { operation: 'headObject', key: 'p', headers: {} }],
      [true, { operation: 'getObject', key: 'p', range: { start: 1, end: 3 }, headers: { range: 'bytes=1-3' } }],
      [true, { operation: 'getObject', key: 'p', range: { start: 1 }, decode: false, headers: { range: 'bytes=1-' } }],
    ]);
  });

  test('makes the client add no signature of its own', async () => {
    const { client, sent } = setUpPresigned([appended(1)], async () => ({ url: 'https://e.com/a?signed' }));
    await client.appendObject('a', 'x', { position: 0 });
    expect(sent[0]?.url.href).toBe('https://e.com/a?signed');
    expect([...(sent[0]?.headers ?? [])]).toEqual([]);
  });

  test.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['no URL', () => ({ href: 'https://e.com' })],
    ['a path', () => '/a?signed'],
    ['another scheme', () => 'javascript:alert(1)'],
    ['a password', () => 'https://user:pass@files.example.com/a?signed'],
    ['a refusal', () => Promise.reject(new Error('not yours'))],
  ])('that gives %s is a CredentialsError, and nothing is sent', async (_, presign) => {
    const { client, sent } = setUpPresigned([appended(1)], presign as () => string);
    const error = await failureOf(append(client));
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({ code: 'PresignFailed', message: expect.stringMatching('appendObject of "a"') });
    expect(sent).toHaveLength(0);
  });

  test("is called once more if the holder's token or the URL has expired", async () => {
    for (const answer of [
      refused(403, 'SecurityTokenExpired'),
      refused(403, 'AccessDenied', { Expires: '2026-01-02T11:00:00.000Z', ServerTime: '2026-01-02T12:00:00.000Z' }),
    ]) {
      const presign = vi.fn(() => 'https://e.com/a?signed');
      const { client } = setUpPresigned([answer], presign);
      await failureOf(append(client));
      expect(presign).toHaveBeenCalledTimes(2);
    }
  });
});

describe('the arguments of fetch', () => {
  test('it is called unbound, with a body that adds no Content-Type', async () => {
    const seen: unknown[] = [];
    function fetch(this: unknown, _: string, { body }: RequestInit) {
      seen.push(this, body);
      return Promise.resolve(appended(1));
    }
    const client = makeClient({ fetch });
    await client.appendObject('a', 'x', { position: 0 });
    await client.appendObject('a', new Blob(['x'], { type: 'text/plain' }), { position: 0 });
    expect(seen[0]).toBeUndefined();
    expect(seen[1]).toBeInstanceOf(Uint8Array);
    expect(seen[3]).toMatchObject({ type: '', size: 1 });
  });

  test('the global fetch is looked up at each call', async () => {
    const { fetch, sent } = scripted(appended(1));
    const client = makeClient();
    vi.stubGlobal('fetch', fetch);
    await client.appendObject('a', 'x', { position: 0 });
    expect(sent).toHaveLength(1);
  });

  test('reads are never served from a cache if Requests know caches, redirects are not followed, and keepalive is not set', async () => {
    const { client, sent } = setUp([HEAD]);
    await head(client);
    expect(Object.keys(sent[0]?.init ?? {}).sort()).toEqual(['cache', 'headers', 'method', 'redirect', 'signal']);
    expect(sent[0]?.init).toMatchObject({ cache: 'no-store', redirect: 'manual' });
    class Bare {}
    vi.stubGlobal('Request', Bare);
    await head(client);
    expect('cache' in (sent[1]?.init ?? {})).toBe(false);
  });
});
