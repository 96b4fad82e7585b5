import { describe, expect, test } from 'vitest';
import { type BucketOptions, type CorsRule, LocalOss, type TokenOptions } from '../../src/testing/index.ts';
import { appendCall, type Call, call, element, ManualClock, NOON, refusal } from './tools.ts';

function anOss(options: Partial<BucketOptions> = {}, clock = new ManualClock()): LocalOss {
  return new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', ...options } }, accessKeys: { ak: 'sk' }, clock });
}

const url = (key: string, query = '') => `https://logs.oss-cn-hangzhou.aliyuncs.com/${key}${query}`;

describe('security tokens', () => {
  test('have the fields of AssumeRole, and are different each time', () => {
    const oss = anOss();
    const [one, other] = [oss.issueToken({ durationSeconds: 900 }), oss.issueToken()];
    expect(one.accessKeyId).toMatch(/^STS\.\w{20,}$/);
    expect(one.expiration).toBe('2026-01-02T12:15:00Z');
    expect(other.expiration).toBe('2026-01-02T13:00:00Z');
    expect(one.securityToken).toMatch(/\+.*\/.*=$/);
    for (const name of ['accessKeyId', 'accessKeySecret', 'securityToken'] as const) {
      expect(one[name]).not.toBe(other[name]);
    }
  });

  test('have an expiration in whole seconds, which is rounded down', () => {
    const token = anOss({}, new ManualClock(NOON + 999)).issueToken({ durationSeconds: 900 });
    expect(token.expiration).toBe('2026-01-02T12:15:00Z');
  });

  test('grow with their policy, as the tokens of STS do', () => {
    const oss = anOss();
    const lengthFor = (count: number) => {
      const statements = Array.from({ length: count }, () => ({}));
      return oss.issueToken({ policy: policy(statements) }).securityToken.length;
    };
    expect(lengthFor(20) - lengthFor(1)).toBeGreaterThan(1000);
    expect(lengthFor(21)).toBeGreaterThan(2048);
  });

  test.each([undefined, 60])('sign requests in both forms (expires %s)', async (expires) => {
    const oss = anOss();
    const options = { ...oss.issueToken(), body: 'x', ...(expires ? { expires } : {}) };
    expect((await call(oss, appendCall('a', 0), options)).status).toBe(200);
  });

  test.each([undefined, 60])('expire, and the refusal repeats the token (expires %s)', async (expires) => {
    const clock = new ManualClock();
    const oss = anOss({}, clock);
    const token = oss.issueToken({ durationSeconds: 60 });
    const send = () => {
      const options = { ...token, time: clock.now(), body: '', ...(expires ? { expires } : {}) };
      return call(oss, appendCall('a', 0), options);
    };
    clock.advance(59_999);
    expect((await send()).status).toBe(200);
    clock.advance(1);
    const answer = await refusal(await send());
    expect(answer).toMatchObject({ status: 403, code: 'SecurityTokenExpired', ec: '0002-00000007' });
    expect(element(answer.xml, 'SecurityToken')).toBe(token.securityToken);
  });

  test('end the validity of a presigned URL when they expire', async () => {
    const clock = new ManualClock();
    const oss = anOss({}, clock);
    const token = oss.issueToken({ durationSeconds: 60 });
    clock.advance(60_000);
    const answer = await refusal(
      await call(oss, appendCall('a', 0), { ...token, time: NOON, expires: 3600, body: 'x' }),
    );
    expect(answer.code).toBe('SecurityTokenExpired');
  });

  test('are refused if they are missing, wrong, or sent with a permanent key', async () => {
    const oss = anOss();
    const { securityToken, ...bare } = oss.issueToken();
    const send = async (signing: object) => refusal(await call(oss, appendCall('a', 0), { body: 'x', ...signing }));
    expect(await send(bare)).toMatchObject({ status: 403, code: 'InvalidAccessKeyId', ec: '0002-00000902' });
    const changed = `${securityToken.slice(0, -2)}A=`;
    const wrong = await send({ ...bare, securityToken: changed });
    expect(wrong).toMatchObject({ status: 403, code: 'InvalidSecurityToken', ec: '0002-00000008' });
    expect((await send({ securityToken })).code).toBe('InvalidSecurityToken');
  });

  test.each<[string, TokenOptions, typeof TypeError | typeof RangeError]>([
    ['a duration of 0', { durationSeconds: 0 }, RangeError],
    ['more than twelve hours', { durationSeconds: 43_201 }, RangeError],
    ['a policy that is too long', { policy: { Version: '1', Statement: [], x: 'x'.repeat(2048) } }, RangeError],
    ['a policy that is not JSON', { policy: 'allow' }, SyntaxError],
    ['a policy of another version', { policy: { Version: '2', Statement: [] } }, TypeError],
    ['a condition', { policy: policy([{ Condition: {} }]) }, TypeError],
    ['NotAction', { policy: policy([{ NotAction: 'oss:*' }]) }, TypeError],
    ['an unknown effect', { policy: policy([{ Effect: 'Maybe' }]) }, TypeError],
    ['a resource of another service', { policy: policy([{ Resource: 'acs:ram::1:role/a' }]) }, TypeError],
    ['no action', { policy: policy([{ Action: [] }]) }, TypeError],
  ])('issueToken refuses %s', (_, options, error) => {
    expect(() => anOss().issueToken(options)).toThrow(error);
  });
});

function policy(statements: readonly object[]): object {
  const usual = { Effect: 'Allow', Action: 'oss:PutObject', Resource: 'acs:oss:*:*:logs/u1/*' };
  return { Version: '1', Statement: statements.map((statement) => ({ ...usual, ...statement })) };
}

describe('session policy', () => {
  const may = async (statements: readonly object[], request: Call): Promise<string | number> => {
    const oss = anOss();
    oss.appendObject('logs', 'u1/old', new Uint8Array(1));
    const body = request[0] === 'POST' || request[0] === 'PUT' ? { body: '' } : {};
    const response = await call(oss, request, { ...oss.issueToken({ policy: policy(statements) }), ...body });
    if (response.status !== 403) return response.status;
    const { xml, ec } = await refusal(response);
    expect(ec).toBe('0003-00000201');
    expect(element(xml, 'PolicyType')).toBe('SessionPolicy');
    return `${element(xml, 'NoPermissionType')} ${element(xml, 'AuthAction')}`;
  };

  test.each<[string, readonly object[], Call, string | number]>([
    ['an append', [{}], appendCall('u1/new', 0), 200],
    ['an overwrite, which a policy cannot distinguish from an append', [{}], ['PUT', 'u1/old'], 200],
    ['another prefix', [{}], appendCall('u2/new', 0), 'ImplicitDeny oss:PutObject'],
    ['the prefix without its slash', [{}], appendCall('u1', 0), 'ImplicitDeny oss:PutObject'],
    ['reading', [{}], ['HEAD', 'u1/old'], 'ImplicitDeny oss:GetObject'],
    ['reading a missing object', [{}], ['GET', 'u1/none'], 'ImplicitDeny oss:GetObject'],
    ['deleting', [{}], ['DELETE', 'u1/old'], 'ImplicitDeny oss:DeleteObject'],
    ['sealing', [{}], ['POST', 'u1/old', { seal: '', position: '1' }], 'ImplicitDeny oss:SealAppendObject'],
    ['sealing allowed', [{ Action: 'oss:SealAppendObject' }], ['POST', 'u1/old', { seal: '', position: '1' }], 200],
    ['tagging', [{}], appendCall('u1/new', 0, { 'x-oss-tagging': 'a=b' }), 'ImplicitDeny oss:PutObjectTagging'],
    [
      'tagging allowed',
      [{ Action: ['oss:PutObject', 'oss:PutObjectTagging'] }],
      appendCall('u1/new', 0, { 'x-oss-tagging': 'a=b' }),
      200,
    ],
    ['reading allowed', [{ Action: 'oss:GetObject' }], ['HEAD', 'u1/old'], 200],
    [
      'reading metadata, with permission to read',
      [{ Action: 'oss:GetObject' }],
      ['HEAD', 'u1/old', { objectMeta: '' }],
      200,
    ],
    ['reading a missing object, with permission to read', [{ Action: 'oss:GetObject' }], ['GET', 'u1/none'], 404],
    ['a wildcard in the action', [{ Action: 'oss:Get*' }], ['HEAD', 'u1/old'], 200],
    ['an action in another case', [{ Action: 'OSS:getobject' }], ['HEAD', 'u1/old'], 200],
    ['everything', [{ Action: '*', Resource: '*' }], ['DELETE', 'u1/old'], 204],
    ['a question mark for one character', [{ Resource: 'acs:oss:*:*:logs/u?/*' }], appendCall('u2/new', 0), 200],
    [
      'a question mark for two characters',
      [{ Resource: 'acs:oss:*:*:logs/u?/*' }],
      appendCall('u22/new', 0),
      'ImplicitDeny oss:PutObject',
    ],
    [
      'a dot for another character',
      [{ Resource: 'acs:oss:*:*:logs/a.b' }],
      appendCall('aXb', 0),
      'ImplicitDeny oss:PutObject',
    ],
    ['another bucket', [{ Resource: 'acs:oss:*:*:other/*' }], appendCall('u1/new', 0), 'ImplicitDeny oss:PutObject'],
    [
      'region and account written out',
      [{ Resource: 'acs:oss:oss-cn-hangzhou:1234:logs/u1/*' }],
      appendCall('u1/new', 0),
      200,
    ],
    [
      'a list of resources',
      [{ Resource: ['acs:oss:*:*:logs/x', 'acs:oss:*:*:logs/u1/new'] }],
      appendCall('u1/new', 0),
      200,
    ],
    [
      'an explicit denial of the same object',
      [{}, { Effect: 'Deny', Resource: 'acs:oss:*:*:logs/u1/n*' }],
      appendCall('u1/new', 0),
      'ExplicitDeny oss:PutObject',
    ],
    [
      'an explicit denial of another object',
      [{}, { Effect: 'Deny', Resource: 'acs:oss:*:*:logs/u1/x' }],
      appendCall('u1/new', 0),
      200,
    ],
    ['nothing stated', [], appendCall('u1/new', 0), 'ImplicitDeny oss:PutObject'],
  ])('%s', async (_, statements, request, expected) => {
    expect(await may(statements, request)).toBe(expected);
  });

  test('may be text, and its refusal has nested XML elements', async () => {
    const oss = anOss();
    const token = oss.issueToken({ policy: JSON.stringify(policy([{}])) });
    const { xml } = await refusal(await call(oss, ['HEAD', 'u1/old'], token));
    expect(xml).toMatch(/<AccessDeniedDetail>\s*<AuthAction>oss:GetObject<\/AuthAction>/);
  });
});

describe('anonymous requests', () => {
  const status = async (oss: LocalOss, method: string, key = 'a') => {
    const response = await oss.fetch(url(key, method === 'POST' ? '?append&position=0' : ''), { method });
    return response.status === 403 ? (await refusal(response)).ec : response.status;
  };

  test.each([
    ['private', '0003-00000001', '0003-00000001', '0003-00000001'],
    ['public-read', 404, '0003-00000001', '0003-00000001'],
    ['public-read-write', 404, 200, 204],
  ] as const)('bucket ACL %s: read %s, append %s, delete %s', async (acl, read, append, remove) => {
    const oss = anOss({ acl });
    expect(await status(oss, 'GET')).toBe(read);
    expect(await status(oss, 'POST')).toBe(append);
    expect(await status(oss, 'DELETE')).toBe(remove);
  });

  test("the object's own ACL takes precedence over the bucket's", async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0, { 'x-oss-object-acl': 'public-read' }), { body: '' });
    expect([await status(oss, 'GET'), await status(oss, 'POST')]).toEqual([200, '0003-00000005']);
    const open = anOss({ acl: 'public-read' });
    await call(open, appendCall('a', 0, { 'x-oss-object-acl': 'private' }), { body: '' });
    expect(await status(open, 'GET')).toBe('0003-00000005');
  });
});

describe('CORS', () => {
  const rule: CorsRule = {
    allowedOrigins: ['https://app.example.com', 'https://*.dev.example.com', 'https://a*a.example.org'],
    allowedMethods: ['POST', 'HEAD'],
    allowedHeaders: ['authorization', 'X-Oss-*'],
    exposeHeaders: ['x-oss-next-append-position', 'ETag'],
    maxAgeSeconds: 600,
  };
  const other: CorsRule = { allowedOrigins: ['*'], allowedMethods: ['GET'], allowedHeaders: ['*'] };
  const cors = [rule, other];

  const preflight = async (origin: string | null, method: string | null, names?: string) => {
    const headers = new Headers();
    if (origin !== null) headers.set('origin', origin);
    if (method !== null) headers.set('access-control-request-method', method);
    if (names !== undefined) headers.set('access-control-request-headers', names);
    return anOss({ cors }).fetch(url('a'), { method: 'OPTIONS', headers });
  };

  test('a preflight gets the rule, without a signature', async () => {
    const response = await preflight('https://app.example.com', 'POST', 'Authorization, x-oss-date');
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-methods': 'POST, HEAD',
      'access-control-allow-headers': 'authorization, x-oss-date',
      'access-control-expose-headers': 'x-oss-next-append-position, ETag',
      'access-control-max-age': '600',
    });
    expect(response.headers.has('vary')).toBe(false);
  });

  test.each<[string, string | null, string | null, string | undefined, number, string, string?]>([
    ['a wildcard in the origin', 'https://a.dev.example.com', 'POST', undefined, 200, ''],
    [
      'a wildcard in the origin that stands for an empty text',
      'https://dev.example.com',
      'POST',
      undefined,
      403,
      'AccessForbidden',
      '0003-00000602',
    ],
    [
      'a wildcard whose two sides would overlap',
      'https://a.example.org',
      'POST',
      undefined,
      403,
      'AccessForbidden',
      '0003-00000602',
    ],
    ['another origin', 'https://evil.example.com', 'POST', undefined, 403, 'AccessForbidden', '0003-00000602'],
    ['another method', 'https://app.example.com', 'PUT', undefined, 403, 'AccessForbidden', '0003-00000602'],
    [
      'another header',
      'https://app.example.com',
      'POST',
      'authorization, content-type',
      403,
      'AccessForbidden',
      '0003-00000602',
    ],
    ['the second rule, if the first one does not match', 'https://app.example.com', 'GET', 'range', 200, ''],
    ['no origin', null, 'POST', undefined, 400, 'BadRequest', '0034-00000101'],
    ['no method', 'https://app.example.com', null, undefined, 400, 'BadRequest', '0034-00000102'],
  ])('%s: preflight %#', async (_, origin, method, names, status, code, ec) => {
    const response = await preflight(origin, method, names);
    expect(response.headers.has('access-control-allow-origin')).toBe(status === 200);
    expect(await refusal(response)).toMatchObject({ status, code, ec: ec ?? null });
  });

  test('the first rule that matches counts, even if a later one allows more', async () => {
    const wide: CorsRule = { ...other, allowedMethods: ['POST', 'GET'], exposeHeaders: ['x-oss-request-id'] };
    const from = (oss: LocalOss) => call(oss, appendCall('a', 0, { origin: 'https://app.example.com' }), { body: '' });
    const exposed = async (rules: readonly CorsRule[]) =>
      (await from(anOss({ cors: rules }))).headers.get('access-control-expose-headers');
    expect(await exposed([rule, wide])).toBe('x-oss-next-append-position, ETag');
    expect(await exposed([wide, rule])).toBe('x-oss-request-id');
    const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'POST' };
    const asked = await anOss({ cors: [wide, rule] }).fetch(url('a'), { method: 'OPTIONS', headers });
    expect(asked.headers.get('access-control-allow-methods')).toBe('POST, GET');
  });

  test('ten rules are accepted, and the tenth counts', async () => {
    const ten = Array.from({ length: 10 }, (_, i) => ({ ...other, allowedOrigins: [`https://${i}.example.com`] }));
    const headers = { origin: 'https://9.example.com', 'access-control-request-method': 'GET' };
    expect((await anOss({ cors: ten }).fetch(url('a'), { method: 'OPTIONS', headers })).status).toBe(200);
  });

  test('a rule for all origins is answered with a star', async () => {
    const response = await preflight('https://evil.example.com', 'GET');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  test('a request that no rule allows is carried out, and its answer is hidden from the page', async () => {
    const oss = anOss({ cors });
    const from = (origin: string) => appendCall('a', 0, { origin });
    const refused = await call(oss, from('https://evil.example.com'), { body: 'x' });
    expect([refused.status, oss.object('logs', 'a')?.length]).toEqual([200, 1]);
    expect([...refused.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('errors contain the CORS headers as well', async () => {
    const oss = anOss({ cors });
    const response = await call(oss, appendCall('a', 1, { origin: 'https://app.example.com' }), { body: 'x' });
    expect(response.status).toBe(409);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(response.headers.get('access-control-expose-headers')).toContain('x-oss-next-append-position');
    const denied = await oss.fetch(url('a'), { headers: { origin: 'https://x.example.com' } });
    expect([denied.status, denied.headers.get('access-control-allow-origin')]).toEqual([403, '*']);
  });

  test('Vary is sent only if the bucket is configured so, and then always', async () => {
    const oss = anOss({ cors, responseVary: true });
    expect((await oss.fetch(url('a'))).headers.get('vary')).toBe('Origin');
    expect((await anOss({ cors }).fetch(url('a'))).headers.has('vary')).toBe(false);
  });

  test('a bucket without rules and a missing bucket both refuse a preflight', async () => {
    const headers = { origin: 'https://a.example.com', 'access-control-request-method': 'POST' };
    const closed = await anOss().fetch(url('a'), { method: 'OPTIONS', headers });
    expect(await refusal(closed)).toMatchObject({ status: 403, code: 'AccessForbidden', ec: '0003-00000601' });
    const missing = await anOss().fetch('http://localhost/nobody/a', { method: 'OPTIONS', headers });
    expect(await refusal(missing)).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });

  test.each<[string, readonly CorsRule[]]>([
    ['two stars in an origin', [{ ...rule, allowedOrigins: ['https://*.*'] }]],
    ['two stars in a header', [{ ...rule, allowedHeaders: ['x-*-*'] }]],
    ['a star in ExposeHeader', [{ ...rule, exposeHeaders: ['x-oss-*'] }]],
    ['a quote in ExposeHeader', [{ ...rule, exposeHeaders: ['"ETag"'] }]],
    ['an ampersand in AllowedHeader', [{ ...rule, allowedHeaders: ['a&b'] }]],
    ['eleven rules', Array.from({ length: 11 }, () => rule)],
  ])('%s is refused at construction', (_, rules) => {
    expect(() => anOss({ cors: rules })).toThrow(RangeError);
  });
});
