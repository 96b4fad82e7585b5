/**
 * Credentials are loaded once for all waiting callers, kept until shortly before their end, and replaced once if OSS
 * refuses them.
 */
import { describe, expect, test, vi } from 'vitest';
import { CredentialsError } from '../../src/errors.ts';
import {
  type Credentials,
  type CredentialsRequest,
  credentialsFromUrl,
  expiresAt,
  refreshingCredentials,
} from '../../src/request/credentials.ts';
import {
  appended,
  failureOf,
  KEYS,
  localOss,
  makeClient,
  printed,
  refused,
  STS,
  scripted,
} from '../tools/unit-tools.ts';
import { clockAt, drive, NOON, settle, VirtualClock } from '../tools/virtual-clock.ts';

const HOUR = 3_600_000;

function inTime(ms: number): string {
  return new Date(NOON + ms).toISOString();
}

/** A load function that returns a new token each time, valid for an hour from the time `at`. */
function minting(at: { now: number }) {
  let count = 0;
  return vi.fn(async (_: CredentialsRequest) => ({
    ...STS,
    securityToken: `token-${++count}`,
    expiration: new Date(at.now + HOUR).toISOString(),
  }));
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}

describe('refreshingCredentials', () => {
  test('loads nothing until the first call', async () => {
    const load = minting({ now: NOON });
    refreshingCredentials(load);
    expect(load).toHaveBeenCalledTimes(0);
  });

  test('callers that wait at the same time share one load', async () => {
    const given = deferred<Credentials>();
    const load = vi.fn(() => given.promise);
    const provider = refreshingCredentials(load, { clock: clockAt(() => NOON) });
    const waiting = [provider(), provider({ signal: new AbortController().signal }), provider()];
    given.resolve({ ...STS, expiration: inTime(HOUR) });
    const [a, b, c] = await Promise.all(waiting);
    expect(load).toHaveBeenCalledTimes(1);
    expect(a).toBe(b);
    expect(b).toBe(c);
  });

  test.each([
    ['5 minutes before the end by default', {}, 300_000],
    ['as long before the end as refreshBefore says', { refreshBefore: 60_000 }, 60_000],
    ['at the end', { refreshBefore: 0 }, 0],
  ])('loads again %s', async (_, options, before) => {
    const at = { now: NOON };
    const load = minting(at);
    const provider = refreshingCredentials(load, { ...options, clock: clockAt(() => at.now) });
    await provider();
    at.now += HOUR - before - 1;
    await provider();
    expect(load).toHaveBeenCalledTimes(1);
    at.now += 1;
    expect((await provider()).securityToken).toBe('token-2');
    expect(load).toHaveBeenCalledTimes(2);
  });

  test('does not load for each request on a device whose clock is ahead', async () => {
    const at = { now: NOON + 2 * HOUR };
    const load = vi.fn(() => ({ ...STS, expiration: inTime(HOUR) }));
    const provider = refreshingCredentials(load, { clock: clockAt(() => at.now) });
    for (let i = 0; i < 10; i++) await provider();
    expect(load).toHaveBeenCalledTimes(1);
    at.now += 60_000;
    await provider();
    expect(load).toHaveBeenCalledTimes(2);
  });

  test('keeps credentials that have no end', async () => {
    const load = vi.fn(() => STS);
    const at = { now: NOON };
    const provider = refreshingCredentials(load, { clock: clockAt(() => at.now) });
    await provider();
    at.now += 1000 * HOUR;
    await provider();
    expect(load).toHaveBeenCalledTimes(1);
  });

  test('accepts a Date as expiration', async () => {
    const at = { now: NOON };
    const load = vi.fn(() => ({ ...STS, expiration: new Date(at.now + HOUR) }));
    const provider = refreshingCredentials(load, { clock: clockAt(() => at.now) });
    await provider();
    at.now += HOUR;
    await provider();
    expect(load).toHaveBeenCalledTimes(2);
  });

  test('drops credentials that OSS refused, once for all requests that were refused', async () => {
    const load = minting({ now: NOON });
    const provider = refreshingCredentials(load, { clock: clockAt(() => NOON) });
    const rejected = await provider();
    const [b, c] = await Promise.all([provider({ rejected }), provider({ rejected })]);
    expect([b.securityToken, c.securityToken]).toEqual(['token-2', 'token-2']);
    expect((await provider({ rejected })).securityToken).toBe('token-2');
    expect(load).toHaveBeenCalledTimes(2);
  });

  test('passes the refused credentials to the load function, with a signal of its own, because the load serves all callers', async () => {
    const load = minting({ now: NOON });
    const provider = refreshingCredentials(load, { clock: clockAt(() => NOON) });
    const { signal } = new AbortController();
    const rejected = await provider({ signal });
    await provider({ rejected, signal });
    const own = expect.any(AbortSignal);
    expect(load.mock.calls).toEqual([[{ rejected: undefined, signal: own }], [{ rejected, signal: own }]]);
    for (const [request] of load.mock.calls) expect(request?.signal).not.toBe(signal);
  });

  test('does not end the load for the others if one waiting caller aborts', async () => {
    const given = deferred<Credentials>();
    const provider = refreshingCredentials(() => given.promise);
    const controller = new AbortController();
    const one = provider({ signal: controller.signal });
    const other = provider();
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    expect(await failureOf(one)).toBe(reason);
    given.resolve(STS);
    expect(await other).toBe(STS);
    expect(await failureOf(provider({ signal: controller.signal }))).toBe(reason);
  });

  test('leaves no unhandled rejection if the only caller aborts, and loads again for the next one', async () => {
    const given = [deferred<Credentials>(), deferred<Credentials>()];
    let count = 0;
    const provider = refreshingCredentials(() => given[count++]?.promise);
    const controller = new AbortController();
    const one = provider({ signal: controller.signal });
    controller.abort();
    await failureOf(one);
    given[0]?.reject(new Error('down'));
    await new Promise((resolve) => setImmediate(resolve));
    given[1]?.resolve(STS);
    expect(await provider()).toBe(STS);
  });

  test('continues with the old credentials while they are valid, if a load fails', async () => {
    const at = { now: NOON };
    let down = false;
    const load = vi.fn(async () => {
      if (down) throw new Error('down');
      return { ...STS, expiration: new Date(at.now + HOUR) };
    });
    const provider = refreshingCredentials(load, { clock: clockAt(() => at.now) });
    const first = await provider();
    down = true;
    at.now += HOUR - 300_000;
    expect(await provider()).toBe(first);
    at.now += 300_000;
    const error = await failureOf(provider());
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({ code: 'CredentialsLoadFailed', message: 'Cannot load credentials: down' });
    down = false;
    expect(await provider()).not.toBe(first);
  });

  test('does not use refused credentials again if a load fails', async () => {
    let down = false;
    const provider = refreshingCredentials(
      async () => {
        if (down) throw new Error('down');
        return { ...STS, expiration: inTime(HOUR) };
      },
      { clock: clockAt(() => NOON) },
    );
    const rejected = await provider();
    down = true;
    expect(await failureOf(provider({ rejected }))).toBeInstanceOf(CredentialsError);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['gives nothing', () => undefined],
  ])('tries again for the next caller after a load that %s', async (_, fail) => {
    const load = vi.fn<() => unknown>(() => STS).mockImplementationOnce(fail);
    const provider = refreshingCredentials(load);
    expect(await failureOf(provider())).toBeInstanceOf(CredentialsError);
    expect(await provider()).toBe(STS);
  });

  test('shares nothing between two providers', async () => {
    const load = minting({ now: NOON });
    const [a, b] = [
      refreshingCredentials(load, { clock: clockAt(() => NOON) }),
      refreshingCredentials(load, { clock: clockAt(() => NOON) }),
    ];
    const both = await Promise.all([a(), b()]);
    expect(both.map(({ securityToken }) => securityToken)).toEqual(['token-1', 'token-2']);
    await a({ rejected: both[0] });
    expect(await b()).toBe(both[1]);
  });
});

describe('the accepted forms of credentials', () => {
  const canonical = { ...STS, expiration: '2026-01-02T13:00:00Z' };
  const pascal = {
    AccessKeyId: STS.accessKeyId,
    AccessKeySecret: STS.accessKeySecret,
    SecurityToken: STS.securityToken,
    Expiration: canonical.expiration,
  };
  test.each<[string, unknown]>([
    [
      'the unchanged answer of AssumeRole',
      { RequestId: 'R', AssumedRoleUser: { Arn: 'a', AssumedRoleId: 'b' }, Credentials: pascal },
    ],
    ['only the Credentials of that answer', pascal],
    ['camelCase', canonical],
    ['camelCase, nested', { credentials: canonical }],
    ['mixed', { credentials: pascal }],
    ['credentials with other fields', { ...canonical, bucket: 'logs', prefix: 'u/42/' }],
  ])('%s', async (_, given) => {
    expect(await refreshingCredentials(() => given)()).toMatchObject(canonical);
  });

  test('null in JSON means that a field is missing', async () => {
    const given = { ...KEYS, securityToken: null, expiration: null };
    const credentials = await refreshingCredentials(() => given)();
    expect(credentials).toMatchObject(KEYS);
    expect(expiresAt(credentials)).toBe(Number.POSITIVE_INFINITY);
    const oss = localOss();
    await makeClient({ credentials, fetch: oss.fetch, clock: undefined }).appendObject('a', 'x', { position: 0 });
    expect(oss.object('logs', 'a')?.length).toBe(1);
  });

  test.each<[string, unknown, RegExp]>([
    [
      'nothing',
      undefined,
      /they came with no fields, and need accessKeyId, accessKeySecret, securityToken, expiration$/,
    ],
    ['a text', 'AK', /they came with no fields/],
    ['no secret', { accessKeyId: 'AK' }, /they came with the fields accessKeyId, and need/],
    ['a key that would break the header', { ...STS, accessKeyId: 'AK,b' }, /accessKeyId must be/],
    ['a line break in the secret', { ...STS, accessKeySecret: 'top\nsecret' }, /accessKeySecret must be/],
    ['a line break in the token', { ...STS, securityToken: 'tok\nen' }, /securityToken must be/],
    ['no date', { ...STS, expiration: 'tomorrow' }, /expiration must be a date/],
    [
      'an error in the shape of STS',
      { Code: 'NoPermission', Message: 'no' },
      /they came with the fields Code, Message, and need/,
    ],
  ])('%s is refused, and the error does not quote it', async (_, given, problem) => {
    const error = await failureOf(refreshingCredentials(() => given)());
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({ code: 'InvalidCredentials', message: expect.stringMatching(problem) });
    expect(printed(error)).not.toMatch(/top|tok\b|Sts?Secret|Token\+With/);
  });
});

describe('the answers of token endpoints', () => {
  const id = 'STS.NUgKDyCk';
  const secret = 'topsecret';
  const token = 'CAIStoken';
  const end = '2026-01-02T13:00:00Z';
  test.each<[string, unknown]>([
    [
      'AssumeRole',
      {
        RequestId: 'x',
        Credentials: { AccessKeyId: id, AccessKeySecret: secret, SecurityToken: token, Expiration: end },
      },
    ],
    ['camelCase', { accessKeyId: id, accessKeySecret: secret, securityToken: token, expiration: end }],
    ['ali-oss', { accessKeyId: id, accessKeySecret: secret, stsToken: token, expiration: end }],
    ['mixed case', { accessKeyId: id, accessKeySecret: secret, SecurityToken: token, Expiration: end }],
    ['snake_case', { access_key_id: id, access_key_secret: secret, security_token: token, expiration: end }],
    [
      'an envelope called data',
      { code: 200, data: { accessKeyId: id, accessKeySecret: secret, securityToken: token, expiration: end } },
    ],
    [
      'body.credentials',
      { body: { credentials: { accessKeyId: id, accessKeySecret: secret, securityToken: token, expiration: end } } },
    ],
    [
      'seconds since the epoch',
      { accessKeyId: id, accessKeySecret: secret, securityToken: token, expiration: Date.parse(end) / 1000 },
    ],
    [
      'ms since the epoch',
      { accessKeyId: id, accessKeySecret: secret, securityToken: token, expiration: Date.parse(end) },
    ],
    [
      'seconds as text',
      { accessKeyId: id, accessKeySecret: secret, securityToken: token, expiration: String(Date.parse(end) / 1000) },
    ],
    [
      'a key of another form, and its token by another name',
      { accessKeyId: id, accessKeySecret: secret, securityToken: '', SecurityToken: token, Expiration: end },
    ],
    [
      'a time with an offset',
      { accessKeyId: id, accessKeySecret: secret, securityToken: token, expiration: '2026-01-02T21:00:00+08:00' },
    ],
  ])('%s is understood', async (_, given) => {
    const credentials = await refreshingCredentials(() => given, { clock: clockAt(() => NOON) })();
    expect(credentials).toMatchObject({ accessKeyId: id, accessKeySecret: secret, securityToken: token });
    expect(expiresAt(credentials)).toBe(Date.parse(end));
  });

  test.each<[string, unknown, RegExp]>([
    [
      'an error with status 200',
      { code: 'Forbidden', message: 'topsecret' },
      /the fields code, message, and need accessKeyId/,
    ],
    [
      'an STS key without its token',
      { accessKeyId: id, accessKeySecret: secret },
      /an STS key needs its securityToken/,
    ],
    [
      'a time in 1970',
      { accessKeyId: id, accessKeySecret: secret, securityToken: token, expiration: '1970-01-20T00:00:00Z' },
      /expiration must be a date/,
    ],
    ['names that are secrets', { 'CAIS+/topsecret==': 1 }, /came with no fields/],
    ['a name that is an access key secret', { topsecretT0psecretT0psecretT0p: 1 }, /came with no fields/],
  ])('the error describes %s', async (_, given, problem) => {
    const error = await failureOf(refreshingCredentials(() => given)());
    expect(error).toMatchObject({ name: 'CredentialsError', message: expect.stringMatching(problem) });
    expect(printed(error)).not.toMatch(/topsecret|CAIS/);
  });
});

describe('a load that never ends', () => {
  test('fails for all waiting callers when its time is up, and the next call starts a new load', async () => {
    const clock = new VirtualClock();
    const late = deferred<Credentials>();
    const signals: (AbortSignal | undefined)[] = [];
    const load = vi.fn(({ signal }: CredentialsRequest) => {
      signals.push(signal);
      return signals.length === 1 ? late.promise : { ...STS, securityToken: 'second' };
    });
    const provider = refreshingCredentials(load, { clock, timeout: 5000 });
    const waiting = [provider(), provider()].map((one) => failureOf(one));
    await settle();
    clock.advance(5000);
    for (const error of await Promise.all(waiting))
      expect(error).toMatchObject({ code: 'CredentialsLoadFailed', message: /within 5000 ms/ });
    expect(signals[0]?.aborted).toBe(true);
    await expect(provider()).resolves.toMatchObject({ securityToken: 'second' });
    // A late result is older than the credentials in use.
    late.resolve({ ...STS, securityToken: 'first' });
    await settle();
    await expect(provider()).resolves.toMatchObject({ securityToken: 'second' });
    expect(load).toHaveBeenCalledTimes(2);
  });

  test('is not waited for again by the call that follows a time-out of the client', async () => {
    const clock = new VirtualClock();
    const oss = localOss({ clock });
    const load = vi.fn(() => (load.mock.calls.length === 1 ? new Promise<Credentials>(() => {}) : KEYS));
    const client = makeClient({ credentials: refreshingCredentials(load, { clock }), clock, fetch: oss.fetch });
    const append = () => client.appendObject('a', 'x', { position: 0 });
    const work = append().catch((error: unknown) => [error, append()]);
    const [error, second] = (await drive(work, clock, oss)) as [unknown, Promise<unknown>];
    expect(error).toMatchObject({ code: 'CredentialsLoadFailed', message: /within 30000 ms/ });
    await expect(drive(second, clock, oss)).resolves.toMatchObject({ nextAppendPosition: 1 });
    expect(load).toHaveBeenCalledTimes(2);
  });

  test('is shared by the callers who still wait when another caller has given up', async () => {
    const late = deferred<Credentials>();
    const load = vi.fn(() => late.promise);
    const provider = refreshingCredentials(load, { clock: new VirtualClock() });
    const controller = new AbortController();
    const given = failureOf(provider({ signal: controller.signal }));
    const waiting = provider();
    controller.abort(new Error('enough'));
    expect(await given).toMatchObject({ message: 'enough' });
    late.resolve(STS);
    await expect(waiting).resolves.toEqual(STS);
    await expect(provider()).resolves.toEqual(STS);
    expect(load).toHaveBeenCalledTimes(1);
  });
});

describe('credentialsFromUrl', () => {
  test('uses the given settings and the given fetch, which it calls unbound', async () => {
    const fetch = vi.fn(async function (this: unknown, _url: string, _init: RequestInit) {
      if (this !== undefined) throw new TypeError('Illegal invocation');
      return Response.json({ Credentials: STS });
    });
    const provider = credentialsFromUrl(new URL('https://example.com/sts?user=1'), { method: 'POST', fetch });
    expect(await provider()).toEqual(STS);
    const init = { method: 'POST', signal: expect.any(AbortSignal) };
    expect(fetch.mock.calls).toEqual([['https://example.com/sts?user=1', init]]);
  });

  test('loads again before the credentials end', async () => {
    const at = { now: NOON };
    const fetch = vi.fn(async () => Response.json({ ...STS, expiration: new Date(at.now + HOUR) }));
    const provider = credentialsFromUrl('/sts', { fetch, refreshBefore: 0, clock: clockAt(() => at.now) });
    await Promise.all([provider(), provider()]);
    expect(fetch).toHaveBeenCalledTimes(1);
    at.now += HOUR;
    await provider();
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  test.each<[string, () => Promise<Response>, RegExp]>([
    ['an error', async () => new Response('go away', { status: 401 }), /from https:\/\/e\.com\/sts\.\.\.: HTTP 401$/],
    [
      'a login page',
      async () => new Response('<html>secret page</html>'),
      /from https:\/\/e\.com\/sts\.\.\.: HTTP 200, but no JSON; check the token endpoint$/,
    ],
    [
      'broken JSON',
      async () => new Response(`{"accessKeySecret":"${STS.accessKeySecret}"x`),
      /HTTP 200, but no JSON; check the token endpoint$/,
    ],
    [
      'no answer',
      async () => Promise.reject(new TypeError('fetch failed: https://e.com/sts?ticket=T1')),
      /fetch failed: https:\/\/e\.com\/sts\?\[redacted\]$/,
    ],
  ])('%s is a CredentialsError that quotes neither the query nor the body', async (_, fetch, message) => {
    const error = await failureOf(credentialsFromUrl('https://e.com/sts?ticket=T1', { fetch })());
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({ code: 'CredentialsLoadFailed', message: expect.stringMatching(message) });
    expect(printed(error)).not.toMatch(/ticket|T1|secret page|StsSecret/);
  });
});

test('a token by another name is not lost, even if the key does not begin with STS.', async () => {
  for (const name of ['SecurityToken', 'stsToken', 'security_token']) {
    const given = { accessKeyId: 'TMP.id', accessKeySecret: 'secret', [name]: 'CAIStoken' };
    expect(await refreshingCredentials(() => given)()).toMatchObject({ securityToken: 'CAIStoken' });
  }
});

test.each([
  'https://e.com/sts?ticket=hunter2',
  "https://e.com/sts?state='x'&ticket=hunter2",
  'https://e.com/sts?to="a b"&ticket=hunter2',
  'https://e.com/sts?to=<a>hunter2',
  'https://e.com/sts;jsessionid=hunter2',
  'https://e.com/sts#hunter2',
  'https://e.com/sts.#hunter2',
  'https://user:hunter2@e.com/sts',
  'https://user:a/hunter2@e.com/sts',
  'https://user:a b#hunter2@e.com/sts',
  'https:user:hunter2@e.com/sts',
  '//user:hunter2@e.com/sts',
  '/sts?to=me@e.com&ticket=hunter2',
  '?ticket=hunter2',
  '#hunter2',
])('of the token endpoint %s, the error shows no part that can be secret', async (url) => {
  for (const answer of [new Response('no', { status: 500 }), new Response('<html>')]) {
    const error = await failureOf(credentialsFromUrl(url, { fetch: async () => answer })());
    expect(error).toMatchObject({ message: expect.stringMatching(/^Cannot load credentials from .*\.\.\.: HTTP/) });
    expect(printed(error)).not.toContain('hunter2');
  }
});

test.each([
  ['in the path', 'https://e.com/sts/u/9fXk2LmQ8vB7cD1e'],
  ['in a data URL', 'data:application/json,{"AccessKeySecret":"9fXk2LmQ8vB7cD1e"'],
])('a secret %s of the token endpoint is not quoted', async (_, url) => {
  const fetch = async () => new Response('no', { status: 500 });
  const error = await failureOf(credentialsFromUrl(url, { fetch })());
  expect(printed(error)).toMatch(/Cannot load credentials from (https|data):.*HTTP 500/);
  expect(printed(error)).not.toContain('9fXk2LmQ8vB7cD1e');
});

describe('a client', () => {
  test.each<[string, string | undefined, RegExp]>([
    ['an empty key', '', /^accessKeySecret is missing: is the environment variable set\?$/],
    ['no key', undefined, /^accessKeySecret is missing/],
    ['a key that ends with a line break', 'sEcret\n', /^accessKeySecret must be visible ASCII without white space$/],
    ['a key that ends with CR and LF', 'sEcret\r\n', /without white space$/],
    ['a key with a space in it', 's Ecret', /^accessKeySecret must be visible ASCII without white space/],
    [
      'a key with a letter that is not ASCII',
      'sEcr\u00e9t',
      /^accessKeySecret must be visible ASCII without white space/,
    ],
  ])('refuses %s before any request, and the error says why without the key', (_, accessKeySecret, problem) => {
    const credentials = { ...STS, accessKeySecret } as Credentials;
    expect(() => makeClient({ credentials })).toThrow(TypeError);
    expect(() => makeClient({ credentials })).toThrow(problem);
  });

  const later = { ...STS, securityToken: 'later' };

  test.each(['SecurityTokenExpired', 'InvalidAccessKeyId', 'InvalidSecurityToken'])(
    'loads other credentials once if OSS answers %s, and sends the same bytes again',
    async (code) => {
      const load = vi.fn(({ rejected }: CredentialsRequest) => (rejected ? later : STS));
      const { fetch, sent } = scripted(refused(403, code), appended(5));
      await makeClient({ credentials: load, fetch }).appendObject('a', 'bytes', { position: 0 });
      expect(load.mock.calls.map(([{ rejected }]) => rejected)).toEqual([undefined, STS]);
      expect(sent.map(({ headers }) => headers.get('x-oss-security-token'))).toEqual([STS.securityToken, 'later']);
      expect(sent.map(({ init }) => String(init.body))).toEqual(
        Array(2).fill(String(new TextEncoder().encode('bytes'))),
      );
    },
  );

  test('loads them only once for each request', async () => {
    const load = vi.fn(() => STS);
    const { fetch, sent } = scripted(refused(403, 'SecurityTokenExpired'));
    const error = await failureOf(makeClient({ credentials: load, fetch }).headObject('a'));
    expect(error).toMatchObject({ name: 'ServiceError', code: 'SecurityTokenExpired' });
    expect([load.mock.calls.length, sent.length]).toEqual([2, 2]);
  });

  test('loads them again for the next request', async () => {
    const load = vi.fn(() => STS);
    const { fetch } = scripted(
      refused(403, 'SecurityTokenExpired'),
      appended(0),
      refused(403, 'SecurityTokenExpired'),
      appended(0),
    );
    const client = makeClient({ credentials: load, fetch });
    await client.appendObject('a', '', { position: 0 });
    await client.appendObject('a', '', { position: 0 });
    expect(load).toHaveBeenCalledTimes(4);
  });

  test.each(['AccessDenied', 'SignatureDoesNotMatch'])('does not load other credentials after %s', async (code) => {
    const load = vi.fn(() => STS);
    const { fetch } = scripted(refused(403, code));
    await failureOf(makeClient({ credentials: load, fetch }).getObject('a'));
    expect(load).toHaveBeenCalledTimes(1);
  });

  test('with fixed credentials fails at once, and the error says what to do', async () => {
    const { fetch, sent } = scripted(refused(403, 'SecurityTokenExpired'));
    const error = await failureOf(makeClient({ fetch }).getObject('a'));
    expect(error).toMatchObject({ message: expect.stringMatching(/Hint: give credentials as a function/) });
    expect(sent).toHaveLength(1);
  });

  test('continues with a real token that expires during the work', async () => {
    let now = NOON;
    const clock = clockAt(() => now);
    const oss = localOss({ clock });
    const load = vi.fn(() => oss.issueToken({ durationSeconds: 900 }));
    const credentials = refreshingCredentials(load, { clock: clockAt(() => NOON) });
    const client = makeClient({ credentials, fetch: oss.fetch });
    await client.appendObject('a', 'one', { position: 0 });
    now += 900_000;
    await client.appendObject('a', 'two', { position: 3 });
    expect(load).toHaveBeenCalledTimes(2);
    expect(oss.requests.map(({ status }) => status)).toEqual([200, 403, 200]);
    expect(oss.object('logs', 'a')?.length).toBe(6);
  });

  test('shares nothing with another client', async () => {
    const { fetch, sent } = scripted(appended(0));
    const [a, b] = [STS, later].map((credentials) => makeClient({ credentials: async () => credentials, fetch }));
    await Promise.all([a?.appendObject('a', '', { position: 0 }), b?.appendObject('a', '', { position: 0 })]);
    expect(sent.map(({ headers }) => headers.get('x-oss-security-token')).sort()).toEqual([STS.securityToken, 'later']);
  });

  test('stops waiting for credentials at an abort', async () => {
    const { fetch, sent } = scripted(appended(0));
    const controller = new AbortController();
    const client = makeClient({ credentials: () => new Promise(() => {}), fetch });
    const call = failureOf(client.headObject('a', { signal: controller.signal }));
    const reason = { gone: true };
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect(sent).toHaveLength(0);
  });

  test.each<[string, () => never, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no session');
      },
      /^Cannot load credentials: no session$/,
    ],
    [
      'throws a value that is not an error',
      () => {
        throw 'no session';
      },
      /^Cannot load credentials$/,
    ],
    [
      'throws an error with secrets in it',
      () => {
        throw new Error(
          `bad: ${JSON.stringify({ Credentials: { AccessKeySecret: STS.accessKeySecret, SecurityToken: STS.securityToken } })}`,
        );
      },
      /^Cannot load credentials: bad/,
    ],
  ])(
    'a function that %s causes a CredentialsError with the cause and without secrets',
    async (_, credentials, message) => {
      const { fetch, sent } = scripted(appended(0));
      const error = await failureOf(makeClient({ credentials, fetch }).headObject('a'));
      expect(error).toBeInstanceOf(CredentialsError);
      expect(error).toMatchObject({ code: 'CredentialsLoadFailed', message: expect.stringMatching(message) });
      expect((error as Error).cause).toBeDefined();
      expect(printed(error)).not.toMatch(/StsSecret|CAIS/);
      expect(sent).toHaveLength(0);
    },
  );
});
