/** Tests "./sts" with the official vector and with LocalSts, which computes every signature again independently. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AppendableObject, OssClient, OssError, refreshingCredentials } from '../../src/index.ts';
import { type AssumeRoleOptions, appendPolicy, assumeRole } from '../../src/sts.ts';
import { LocalOss, LocalSts, type LocalStsOptions } from '../../src/testing/index.ts';
import { serve } from '../../src/testing/node/http.ts';
import { failureOf, hanging, KEYS, printed, STS, scripted } from '../tools/unit-tools.ts';
import { clockAt, drive, NOON, VirtualClock } from '../tools/virtual-clock.ts';

const ROLE = 'acs:ram::1000000000000000:role/append';
/** A RAM user that may assume the role and nothing else. The OSS does not know its key. */
const RAM = { accessKeyId: 'LTAIram', accessKeySecret: 'RamSecretRamSecretRamSecretRam' };

function world(options: Partial<LocalStsOptions> = {}) {
  const clock = new VirtualClock();
  const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } }, clock });
  const accessKeys = { [RAM.accessKeyId]: RAM.accessKeySecret };
  const sts = new LocalSts({ oss, accessKeys, roles: { [ROLE]: {} }, clock, ...options });
  const both = {
    get busy() {
      return oss.busy + sts.busy;
    },
  };
  const run = <T>(work: Promise<T>) => drive(work, clock, both);
  const call = (more: Partial<AssumeRoleOptions> = {}) =>
    run(assumeRole({ ...RAM, roleArn: ROLE, roleSessionName: 'u42', fetch: sts.fetch, clock, ...more }));
  return { clock, oss, sts, call, run };
}

describe('the signature of LocalSts', () => {
  const headers = {
    host: 'ecs.cn-shanghai.aliyuncs.com',
    'x-acs-action': 'RunInstances',
    'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-acs-date': '2023-10-26T10:22:32Z',
    'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d',
    'x-acs-version': '2014-05-26',
  };
  const query = { RegionId: 'cn-shanghai', ImageId: 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd' };

  const signed =
    'ACS3-HMAC-SHA256 Credential=YourAccessKeyId,' +
    'SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,' +
    'Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0';

  // The vector is a call of another service. LocalSts checks its signature and then refuses the unknown action.
  test.each([
    ['accepts the official vector, and then refuses its action', signed, 'InvalidAction.NotFound'],
    ['refuses the official vector with another signature', signed.replace('06563a', '06563b'), 'SignatureDoesNotMatch'],
  ])('%s', async (_, authorization, code) => {
    const clock = new VirtualClock(Date.parse(headers['x-acs-date']));
    const { sts } = world({ accessKeys: { YourAccessKeyId: 'YourAccessKeySecret' }, clock });
    const { host, ...others } = headers;
    const url = `https://${host}/?${new URLSearchParams(query)}`;
    const response = await sts.fetch(url, { method: 'POST', headers: { ...others, authorization } });
    expect(await response.json()).toMatchObject({ Code: code });
  });
});

describe('assumeRole', () => {
  test("returns credentials with OSS's field names, valid for the requested time", async () => {
    const { call } = world();
    expect(await call({ durationSeconds: 900 })).toEqual({
      accessKeyId: expect.stringMatching(/^STS\./),
      accessKeySecret: expect.any(String),
      securityToken: expect.stringMatching(/^CAIS/),
      expiration: new Date(NOON + 900_000).toISOString().replace('.000Z', 'Z'),
    });
  });

  test('calls the central endpoint, a regional one or the given origin, and signs the token of temporary credentials', async () => {
    const { sts, call } = world();
    const seen: Request[] = [];
    const fetch = (url: string, init: RequestInit) => {
      seen.push(new Request(url, init));
      return sts.fetch(url, init);
    };
    await call({ fetch });
    await call({ fetch, region: 'cn-hangzhou' });
    await call({ fetch, endpoint: 'http://127.0.0.1:8443', securityToken: 'a/token+of=the==caller' });
    expect(seen.map(({ url }) => url)).toEqual([
      'https://sts.aliyuncs.com/',
      'https://sts.cn-hangzhou.aliyuncs.com/',
      'http://127.0.0.1:8443/',
    ]);
    expect(seen[2]?.headers.get('x-acs-security-token')).toBe('a/token+of=the==caller');
    expect(seen[2]?.headers.get('authorization')).toContain('x-acs-security-token');
  });

  test.each<[string, Partial<AssumeRoleOptions>, { code: string; status: number }]>([
    ['a role that does not exist', { roleArn: `${ROLE}-2` }, { code: 'EntityNotExist.Role', status: 404 }],
    [
      'a duration that the role does not allow',
      { durationSeconds: 3601 },
      { code: 'InvalidParameter.DurationSeconds', status: 400 },
    ],
    ['an invalid policy', { policy: '{}' }, { code: 'InvalidParameter.PolicyGrammar', status: 400 }],
    ['a wrong external ID', { externalId: 'other' }, { code: 'NoPermission', status: 403 }],
    ['an unknown key', { accessKeyId: 'LTAIother' }, { code: 'InvalidAccessKeyId.NotFound', status: 404 }],
    ['a wrong secret', { accessKeySecret: 'x' }, { code: 'SignatureDoesNotMatch', status: 400 }],
  ])("%s causes a ServiceError with STS's code, without a repeat", async (_, options, expected) => {
    const { sts, call } = world();
    const error = await failureOf(call(options));
    expect(error).toMatchObject({
      name: 'ServiceError',
      requestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      ...expected,
    });
    expect(sts.calls).toBe(1);
  });

  test('refuses a clock that is wrong by more than 15 minutes', async () => {
    const { call } = world({ clock: new VirtualClock(NOON + 900_001) });
    expect(await failureOf(call())).toMatchObject({ code: 'InvalidTimeStamp.Expired' });
  });

  test("repeats the call after throttling, a 5xx, a gateway's page and a lost connection, with waits", async () => {
    const faults = ['throttle', 'error', 'gateway', 'drop'] as const;
    const { clock, sts, call } = world({ faults: (nth) => faults[nth - 1] });
    expect(await call({ retry: { baseDelay: 100 } })).toHaveProperty('securityToken');
    expect(sts.calls).toBe(5);
    // The random number is always one half. The other delays are the time-outs of the attempts.
    expect(clock.delays.filter((delay) => delay !== 10_000)).toEqual([50, 100, 200, 400]);
    expect(clock.waiting).toBe(0);
  });

  test.each(['Throttling', 'Throttling.User', 'Throttling.Api'])('repeats the call after the code %s', async (Code) => {
    const { sts, call } = world();
    const { fetch, sent } = scripted(Response.json({ Code }, { status: 400 }), ({ url, init }) => sts.fetch(url, init));
    expect(await call({ fetch })).toHaveProperty('securityToken');
    expect(sent).toHaveLength(2);
  });

  test('limits the attempts, and reports the last failure', async () => {
    const { sts, call } = world({ faults: () => 'throttle' });
    const error = await failureOf(call({ retry: { maxAttempts: 3 } }));
    expect(error).toMatchObject({ name: 'ServiceError', code: 'Throttling.User', status: 400 });
    expect(sts.calls).toBe(3);
  });

  test('times out an attempt without an answer, and an abort rejects with its reason', async () => {
    const clock = new VirtualClock();
    const { fetch, sent } = scripted(hanging);
    const options = { ...RAM, roleArn: ROLE, roleSessionName: 'u42', fetch, clock, retry: { maxAttempts: 2 } };
    expect(await failureOf(drive(assumeRole(options), clock))).toMatchObject({
      name: 'TransportError',
      code: 'TimeoutError',
    });
    expect(sent).toHaveLength(2);
    const controller = new AbortController();
    const work = assumeRole({ ...options, signal: controller.signal });
    controller.abort(new Error('enough'));
    expect(await failureOf(work)).toBe(controller.signal.reason);
    expect(clock.waiting).toBe(0);
  });

  test('shows no secret in any error, whatever STS or the platform repeats', async () => {
    const options = { ...STS, roleArn: ROLE, roleSessionName: 'u42', retry: { maxAttempts: 1 } };
    const echo = `${STS.accessKeySecret} and ${STS.securityToken}`;
    const answers = [
      Response.json({ Code: 'SignatureDoesNotMatch', Message: echo, RequestId: 'R' }, { status: 400 }),
      new Error(`failed: ${echo}`, { cause: new Error(echo) }),
      Response.json({ Credentials: { AccessKeySecret: echo } }),
      new Response(echo),
      () => Promise.reject(`a text: ${echo}`),
    ];
    for (const answer of answers) {
      const clock = new VirtualClock();
      const text = printed(
        await failureOf(drive(assumeRole({ ...options, clock, fetch: scripted(answer).fetch }), clock)),
      );
      expect(text).not.toContain(STS.accessKeySecret);
      expect(text).not.toContain(STS.securityToken);
      expect(text).toMatch(/ServiceError|TransportError|CredentialsError/);
    }
  });

  test('throws in a page before any request, unless allowInPage is set', async () => {
    const { sts, call } = world();
    vi.stubGlobal('document', {});
    try {
      await expect(call()).rejects.toThrow(/would expose its key/);
      expect(sts.calls).toBe(0);
      expect(await call({ allowInPage: true })).toHaveProperty('accessKeyId');
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test.each<[Partial<AssumeRoleOptions>, RegExp]>([
    [{ accessKeyId: '' }, /accessKeyId/],
    [{ accessKeySecret: 'a b' }, /accessKeySecret/],
    [{ roleArn: 'append' }, /roleArn/],
    [{ roleArn: 'acs:ram::1:user/append' }, /roleArn/],
    [{ roleSessionName: 'u' }, /roleSessionName/],
    [{ roleSessionName: 'u42 & more' }, /roleSessionName/],
    [{ roleSessionName: 'u'.repeat(65) }, /roleSessionName/],
    [{ durationSeconds: 899 }, /durationSeconds/],
    [{ durationSeconds: 43_201 }, /durationSeconds/],
    [{ durationSeconds: 1000.5 }, /durationSeconds/],
    [{ policy: '' }, /policy has 0/],
    [{ policy: 'x'.repeat(2049) }, /policy has 2049/],
    [{ region: 'hangzhou.example.com' }, /region/],
    [{ endpoint: 'https://sts.example.com/path' }, /endpoint/],
  ])('refuses %o before any request', async (options, message) => {
    const { sts, call } = world();
    await expect(call(options)).rejects.toThrow(message);
    expect(sts.calls).toBe(0);
  });
});

describe('a redirect of the call', () => {
  test.each([302, 307, 308])('(%i) is not an answer, and nothing is sent to another place', async (status) => {
    const there: string[] = [];
    const server = await serve(({ url, method }) => {
      if (new URL(url).pathname === '/') return new Response(null, { status, headers: { location: '/there' } });
      there.push(method);
      return new Response('{}');
    });
    try {
      const options = { ...RAM, roleArn: ROLE, roleSessionName: 'u42', endpoint: server.url };
      expect(await failureOf(assumeRole(options))).toMatchObject({ name: 'ServiceError', status });
      expect(there).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

describe('a mistake in code is reported as it is, never as a failure of the network', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test.each(['crypto', 'AbortController', 'fetch'])('if the runtime has no %s', async (name) => {
    vi.stubGlobal(name, undefined);
    const clock = new VirtualClock();
    const given = name === 'fetch' ? {} : { fetch: hanging as never };
    const work = assumeRole({ ...RAM, roleArn: ROLE, roleSessionName: 'u42', clock, ...given });
    expect(await drive(failureOf(work), clock)).not.toBeInstanceOf(OssError);
  });

  test('if the clock throws', async () => {
    const boom = new TypeError('x is not a function');
    const clock = Object.assign(new VirtualClock(), {
      now: () => {
        throw boom;
      },
    });
    const { fetch } = scripted(new Response('{}'));
    expect(await failureOf(assumeRole({ ...RAM, roleArn: ROLE, roleSessionName: 'u42', clock, fetch }))).toBe(boom);
  });
});

describe('LocalSts', () => {
  /** Sends a correct call that is changed in transit. */
  async function tampered(change: (request: { url: string; headers: Headers; body: string }) => void) {
    const { clock, call, sts } = world();
    const fetch = (url: string, init: RequestInit) => {
      const request = { url, headers: new Headers(init.headers), body: String(init.body) };
      change(request);
      return sts.fetch(request.url, { method: 'POST', headers: request.headers, body: request.body });
    };
    return failureOf(call({ fetch, clock, retry: { maxAttempts: 1 } }));
  }

  test.each<[string, (request: { url: string; headers: Headers; body: string }) => void, string]>([
    ['another body', (request) => (request.body += '&DurationSeconds=43200'), 'SignatureDoesNotMatch'],
    ['a query', (request) => (request.url += '?RoleArn=other'), 'SignatureDoesNotMatch'],
    ['another host', (request) => (request.url = 'https://sts.example.com/'), 'SignatureDoesNotMatch'],
    ['another action', ({ headers }) => headers.set('x-acs-action', 'GetCallerIdentity'), 'SignatureDoesNotMatch'],
    ['another date', ({ headers }) => headers.set('x-acs-date', '2026-01-02T12:00:01Z'), 'SignatureDoesNotMatch'],
    ['no signature', ({ headers }) => headers.delete('authorization'), 'IncompleteSignature'],
    [
      'an unsigned header',
      ({ headers }) =>
        headers.set('authorization', (headers.get('authorization') ?? '').replace('x-acs-signature-nonce;', '')),
      'Missingx-acs-signature-nonce',
    ],
    ['another type', ({ headers }) => headers.set('content-type', 'text/plain'), 'InvalidParameter.ContentType'],
  ])('refuses %s', async (_, change, code) => {
    expect(await tampered(change)).toMatchObject({ name: 'ServiceError', code });
  });

  test('accepts no nonce twice', async () => {
    const { sts, call } = world();
    const fetch = async (url: string, init: RequestInit) => {
      await sts.fetch(url, init);
      return sts.fetch(url, init);
    };
    expect(await failureOf(call({ fetch }))).toMatchObject({ code: 'SignatureNonceUsed' });
  });
});

describe('appendPolicy', () => {
  test('allows appending and reading under the prefix, and tagging on request', () => {
    const policy = { bucket: 'my-bucket', prefix: 'logs/u42/' };
    const document = (Action: string[]) => ({
      Version: '1',
      Statement: [{ Effect: 'Allow', Action, Resource: ['acs:oss:*:*:my-bucket/logs/u42/*'] }],
    });
    expect(JSON.parse(appendPolicy(policy))).toEqual(document(['oss:PutObject', 'oss:GetObject']));
    expect(JSON.parse(appendPolicy({ ...policy, read: false, seal: true }))).toEqual(
      document(['oss:PutObject', 'oss:SealAppendObject']),
    );
    expect(JSON.parse(appendPolicy({ ...policy, read: false }))).toEqual(document(['oss:PutObject']));
    expect(JSON.parse(appendPolicy({ ...policy, read: false, tagging: true }))).toEqual(
      document(['oss:PutObject', 'oss:PutObjectTagging']),
    );
  });

  test.each(['*', 'u*/', 'u?/', '\x24{oss:Prefix}/', 'a/$x', '/abs/', '\\abs', '..', '.', 'x'.repeat(1024), '\ud800/'])(
    'refuses the prefix %j',
    (prefix) => {
      expect(() => appendPolicy({ bucket: 'my-bucket', prefix })).toThrow(RangeError);
    },
  );

  test.each(['*', 'my-bucket/*', 'My-Bucket', 'my_bucket', 'a', '-ab', 'ab-', 'b'.repeat(64), '', undefined])(
    'refuses the bucket %j',
    (bucket) => {
      expect(() => appendPolicy({ bucket: bucket as string, prefix: 'a/' })).toThrow(TypeError);
    },
  );

  test('refuses a prefix that is not text', () => {
    for (const prefix of [undefined, null, 42, ['a/']])
      expect(() => appendPolicy({ bucket: 'my-bucket', prefix: prefix as unknown as string })).toThrow(TypeError);
  });

  test("obeys STS's limit of 2,048 characters, including escapes", () => {
    const most = appendPolicy({ bucket: 'my-bucket', prefix: '"'.repeat(900) });
    expect(most.length).toBeGreaterThan(1900);
    expect(() => appendPolicy({ bucket: 'my-bucket', prefix: '"'.repeat(1000) })).toThrow(/policy has \d+ characters/);
  });

  test('keeps quotes and backslashes inside the prefix', () => {
    const prefix = 'a"],"Action":["oss:All"]/\\"/';
    const [statement] = JSON.parse(appendPolicy({ bucket: 'my-bucket', prefix })).Statement;
    expect(statement.Resource).toEqual([`acs:oss:*:*:my-bucket/${prefix}*`]);
    expect(statement.Action).toEqual(['oss:PutObject', 'oss:GetObject']);
  });
});

describe('from the RAM key to the append', () => {
  const policy = appendPolicy({ bucket: 'logs', prefix: 'inbox/u42/' });

  test('a RAM key gets a token, and the token permits appends under the prefix only', async () => {
    const { clock, oss, call, run } = world();
    const credentials = await call({ policy });
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch: oss.fetch, clock });
    const object = new AppendableObject(client, 'inbox/u42/a.log');
    await run(object.append('one line\n'));
    expect(oss.object('logs', 'inbox/u42/a.log')?.length).toBe(9);
    for (const key of ['inbox/u43/a.log', 'inbox/u42', 'a.log']) {
      const error = await failureOf(run(client.appendObject(key, 'x', { position: 0 })));
      expect(error, key).toMatchObject({ name: 'ServiceError', status: 403, code: 'AccessDenied' });
      expect(oss.object('logs', key)).toBeUndefined();
    }
  });

  test('the RAM key itself permits nothing in OSS', async () => {
    const { clock, oss, run } = world();
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials: RAM, fetch: oss.fetch, clock });
    const error = await failureOf(run(client.appendObject('inbox/u42/a', 'x', { position: 0 })));
    expect(error).toMatchObject({ code: 'InvalidAccessKeyId' });
    expect(KEYS.accessKeyId).not.toBe(RAM.accessKeyId);
  });

  test('refreshingCredentials loads a token when it is needed, and again before it ends', async () => {
    const { clock, oss, sts, run } = world();
    const load = () =>
      assumeRole({
        ...RAM,
        roleArn: ROLE,
        roleSessionName: 'u42',
        durationSeconds: 900,
        policy,
        fetch: sts.fetch,
        clock,
      });
    const credentials = refreshingCredentials(load, { clock: clockAt(() => clock.now()) });
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch: oss.fetch, clock });
    const object = new AppendableObject(client, 'inbox/u42/a.log');
    expect(sts.calls).toBe(0);
    for (const [minutes, calls] of [
      [0, 1],
      [9, 1],
      [2, 2],
      [20, 3],
    ] as const) {
      clock.advance(minutes * 60_000);
      await run(object.append('.'));
      expect(sts.calls, `after ${minutes} minutes more`).toBe(calls);
    }
    expect(oss.object('logs', 'inbox/u42/a.log')?.length).toBe(4);
  });
});
