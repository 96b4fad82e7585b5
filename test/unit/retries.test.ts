/** Which requests are repeated, when, and how long the waits are, also while the browser is offline. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { kindOf } from '../../src/failure-kind.ts';
import { appended, failureOf, hanging, refused, STS, type scripted } from '../tools/unit-tools.ts';
import { drive, settle } from '../tools/virtual-clock.ts';
import { append, CALLS, DROPPED, GET, get, HEAD, HTML, head, setUp, setUpPresigned } from './transport-tools.ts';

afterEach(() => {
  vi.unstubAllGlobals();
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
    ['DownloadTrafficRateLimitExceeded', refused(503, 'DownloadTrafficRateLimitExceeded')],
    ['MetaOperationQpsLimitExceeded', refused(503, 'MetaOperationQpsLimitExceeded')],
    ['ActiveRequestLimitExceeded', refused(503, 'ActiveRequestLimitExceeded')],
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
    [400, 'InvalidCRC64'],
    [400, 'InvalidDigest'],
    [403, 'AccessDenied'],
    [403, 'UserDisable'],
    [403, 'BucketDisable'],
    [403, 'InDebt'],
    [403, 'InDebtOverdue'],
    [403, 'AbnormalBucketOwnerStatus'],
    [403, 'KmsServiceNotEnabled'],
    [403, 'InvalidObjectState'],
    [403, 'CnameDenied'],
    [403, 'SecondLevelDomainForbidden'],
    [403, 'SignatureDoesNotMatch'],
    [403, 'TransferAccelerationDisabled'],
    [407, 'Http407'],
    [411, 'MissingContentLength'],
    [411, 'ObjectNotAppendable'],
    [414, 'Http414'],
    [421, 'Http421'],
    [431, 'Http431'],
    [451, 'Http451'],
    [501, 'NotImplemented'],
    [505, 'Http505'],
    [404, 'NoSuchBucket'],
    [409, 'PositionNotEqualToLength'],
    [409, 'FileImmutable'],
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
        /no answer from https:\/\/logs\.oss-cn-hangzhou\.aliyuncs\.com .*region, bucket, endpoint, cname/,
      );
      if (!retry) expect(clock.now() - began).toBeLessThanOrEqual(3000);
    },
  );

  test.each([
    ['a wrong bucket or region', { bucket: 'lgos' }, 'https://lgos.oss-cn-hangzhou.aliyuncs.com'],
    ['a forgotten cname', { endpoint: 'https://files.example.com' }, 'https://logs.files.example.com'],
    ['https for a server that has only http', { endpoint: 'https://127.0.0.1:9' }, 'https://127.0.0.1:9'],
  ])('the error after %s contains the origin, without the query', async (_, options, host) => {
    const { client, clock } = setUp([DROPPED], { ...options, signing: 'query' });
    const error = (await drive(failureOf(head(client)), clock)) as Error;
    expect(error.message).toContain(`no answer from ${host} (fetch failed)`);
    expect(error.message).not.toContain('x-oss-');
  });

  test('the error of a presigned URL contains only the origin', async () => {
    const presign = () => 'https://files.example.com?x-oss-signature=1';
    const { client, clock } = setUpPresigned([DROPPED], presign);
    const error = (await drive(failureOf(head(client)), clock)) as Error;
    expect(error.message).toContain('no answer from https://files.example.com (fetch failed)');
  });

  test.each<[string, unknown, string]>([
    ['the code of the cause', { cause: { message: 'm', code: 'ENOTFOUND' } }, '(fetch failed, ENOTFOUND)'],
    [
      'the innermost code',
      { cause: { message: 'm', code: 'UND_ERR', cause: { message: 'm', code: 'ECONNRESET' } } },
      '(fetch failed, ECONNRESET)',
    ],
    ['no code that could be a secret', { cause: { message: 'm', code: 'STS.abcdEFGH1234abcdEFGH' } }, '(fetch failed)'],
    ['no code that is a text', { cause: { message: 'm', code: 'https://a/b?c' } }, '(fetch failed)'],
  ])('the error of a lost connection shows %s', async (_, init, shown) => {
    const { client, clock } = setUp([new TypeError('fetch failed', init as ErrorOptions)]);
    const error = (await drive(failureOf(head(client)), clock)) as Error;
    expect(error.message).toContain(`aliyuncs.com ${shown}. Check`);
    expect(error.message).toContain('or run oss-append/doctor');
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

  test('an attempt waits at most 30 s, and then it is sent', async () => {
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
