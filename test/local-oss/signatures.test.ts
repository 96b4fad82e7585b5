/** How LocalOss checks V4 signatures in headers and in the query. */
import { describe, expect, test } from 'vitest';
import { signature, signingKey, stampOf, stringToSign } from '../../src/request/signature.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { canonicalRequest, Verifier } from '../../src/testing/verify.ts';
import { appendCall, type Call, type CallOptions, call, element, NOON, refusal, sign } from './tools.ts';

function anOss(now: number = NOON): LocalOss {
  return new LocalOss({
    buckets: { logs: { region: 'cn-hangzhou', hosts: ['logs.example.com', 'other.example.com:8443'] } },
    accessKeys: { ak: 'sk' },
    clock: { now: () => now },
  });
}

async function appendWith(
  options: CallOptions,
  headers: Record<string, string> = {},
): Promise<ReturnType<typeof refusal>> {
  return refusal(await call(anOss(), appendCall('a', 0, headers), { body: 'test', ...options }));
}

function replaceHeader(name: string, change: (value: string) => string | undefined): CallOptions['tamper'] {
  return (signed) => {
    const value = change(signed.headers[name] ?? '');
    if (value === undefined) delete signed.headers[name];
    else signed.headers[name] = value;
  };
}

function replaceQuery(from: RegExp, to: string): CallOptions['tamper'] {
  return (signed) => {
    expect(signed.url).toMatch(from);
    signed.url = signed.url.replace(from, to);
  };
}

describe('header form', () => {
  test('a correct signature appends', async () => {
    expect((await appendWith({})).status).toBe(200);
  });

  test.each<[string, CallOptions['tamper'], number, string, string | null]>([
    [
      'the secret',
      replaceHeader('authorization', (v) => v.replace(/.$/, (c) => (c === '0' ? '1' : '0'))),
      403,
      'SignatureDoesNotMatch',
      '0002-00000201',
    ],
    [
      'a signature in upper case',
      replaceHeader('authorization', (v) => v.replace(/Signature=.*/, (s) => `Signature=${s.slice(10).toUpperCase()}`)),
      403,
      'SignatureDoesNotMatch',
      '0002-00000201',
    ],
    [
      'a signature that is not hexadecimal',
      replaceHeader('authorization', (v) => v.slice(0, -1)),
      403,
      'SignatureDoesNotMatch',
      '0002-00000201',
    ],
    [
      'another key ID',
      replaceHeader('authorization', (v) => v.replace('=ak/', '=ax/')),
      403,
      'InvalidAccessKeyId',
      '0002-00000902',
    ],
    [
      'an oss- region',
      replaceHeader('authorization', (v) => v.replace('/cn-', '/oss-cn-')),
      400,
      'InvalidArgument',
      '0002-00000226',
    ],
    [
      'another region',
      replaceHeader('authorization', (v) => v.replace('hangzhou', 'beijing')),
      400,
      'InvalidArgument',
      '0002-00000228',
    ],
    [
      'the product',
      replaceHeader('authorization', (v) => v.replace('/oss/', '/s3/')),
      400,
      'InvalidArgument',
      '0002-00000213',
    ],
    [
      'the terminator',
      replaceHeader('authorization', (v) => v.replace('aliyun_v4_request', 'aws4_request')),
      400,
      'InvalidArgument',
      '0002-00000213',
    ],
    [
      'another day in the scope',
      replaceHeader('authorization', (v) => v.replace('20260102', '20260103')),
      400,
      'InvalidArgument',
      '0002-00000213',
    ],
    [
      'an empty list of additional headers',
      replaceHeader('authorization', (v) => v.replace(',Sig', ',AdditionalHeaders=,Sig')),
      400,
      'InvalidArgument',
      '0002-00000209',
    ],
    [
      'an additional header that was not signed',
      replaceHeader('authorization', (v) => v.replace(',Sig', ',AdditionalHeaders=range,Sig')),
      403,
      'SignatureDoesNotMatch',
      '0002-00000201',
    ],
    [
      'additional headers in the wrong order',
      replaceHeader('authorization', (v) => v.replace(',Sig', ',AdditionalHeaders=range;host,Sig')),
      400,
      'InvalidArgument',
      null,
    ],
    [
      'an item that comes twice',
      replaceHeader('authorization', (v) => `${v},Signature=00`),
      400,
      'InvalidArgument',
      null,
    ],
    [
      'another content-sha256',
      replaceHeader('x-oss-content-sha256', () => 'e3b0c442'),
      400,
      'InvalidArgument',
      '0002-00000214',
    ],
    [
      'no content-sha256',
      replaceHeader('x-oss-content-sha256', () => undefined),
      400,
      'InvalidArgument',
      '0002-00000214',
    ],
    ['no date', replaceHeader('x-oss-date', () => undefined), 403, 'AccessDenied', '0002-00000503'],
    ['a date in another form', replaceHeader('x-oss-date', () => 'yesterday'), 403, 'AccessDenied', '0002-00000502'],
    ['an additional header', replaceHeader('x-oss-meta-a', () => 'b'), 403, 'SignatureDoesNotMatch', '0002-00000201'],
    [
      'an additional content type',
      replaceHeader('content-type', () => 'text/plain'),
      403,
      'SignatureDoesNotMatch',
      '0002-00000201',
    ],
    ['the query', replaceQuery(/append/, 'append&b=1'), 403, 'SignatureDoesNotMatch', '0002-00000201'],
    ['a name that comes twice in the query', replaceQuery(/append/, 'append&append'), 400, 'InvalidArgument', null],
    ['an invalid escape in the query', replaceQuery(/append/, 'append&%zz'), 400, 'InvalidArgument', null],
    [
      'a second signature in the query',
      replaceQuery(/append/, 'append&x-oss-signature-version=OSS4-HMAC-SHA256'),
      400,
      'InvalidArgument',
      null,
    ],
  ])('%s changed: refused', async (_, tamper, status, code, ec) => {
    expect(await appendWith({ ...(tamper ? { tamper } : {}) })).toMatchObject({ status, code, ec });
  });

  test.each<[string, CallOptions['tamper']]>([
    ['`append=` in place of `append`', replaceQuery(/append&/, 'append=&')],
    ['another order of the query', replaceQuery(/append&position=0/, 'position=0&append')],
    ['another order of the items', replaceHeader('authorization', (v) => v.replace(/(Cred.*),(Sig.*)/, '$2,$1'))],
    ['a header that V4 does not sign', replaceHeader('cache-control', () => 'no-cache')],
    ['a Date that differs from x-oss-date', replaceHeader('date', () => 'Fri, 02 Jan 2026 00:00:00 GMT')],
  ])('%s is accepted', async (_, tamper) => {
    expect((await appendWith({ ...(tamper ? { tamper } : {}) })).status).toBe(200);
  });

  test('the signature does not cover the body', async () => {
    const oss = anOss();
    const { url, headers } = sign(
      { method: 'POST', bucket: 'logs', key: 'a', query: { append: '', position: '0' } },
      { accessKeyId: 'ak', accessKeySecret: 'sk', time: NOON },
    );
    expect((await oss.fetch(url, { method: 'POST', headers, body: new Uint8Array([1, 2, 3]) })).status).toBe(200);
    expect(oss.object('logs', 'a')?.length).toBe(3);
  });

  test.each(['header', 'query'])('a `+` in the query is a space in the signature (%s form)', async (form) => {
    const oss = anOss();
    oss.appendObject('logs', 'a', new Uint8Array(1));
    const query = { 'response-content-disposition': 'inline; filename=a b' };
    const tamper = replaceQuery(/inline%3B%20filename%3Da%20b/, 'inline%3B+filename%3Da+b')!;
    const response = await call(oss, ['GET', 'a', query], { tamper, ...(form === 'query' ? { expires: 60 } : {}) });
    expect([response.status, response.headers.get('content-disposition')]).toEqual([200, 'inline; filename=a b']);
  });

  /** Returns the answer to a GET of a missing object that is signed with the given headers. */
  const getWith = async (given: Record<string, string>, sent: Record<string, string> = {}, signedTime = '') => {
    const { time, scope } = stampOf({ region: 'cn-hangzhou', date: new Date(NOON) });
    const stamp = { time: signedTime || time, scope };
    const headers = new Headers({ 'x-oss-content-sha256': 'UNSIGNED-PAYLOAD', ...given });
    const host = 'logs.oss-cn-hangzhou.aliyuncs.com';
    const request = {
      ...{ method: 'GET', bucket: 'logs', key: 'a', query: new Map(), headers, host },
      ...{ contentLength: undefined, region: 'cn-hangzhou', product: 'oss' },
    };
    const signed = signature(signingKey('sk', stamp), stringToSign(canonicalRequest(request, []), stamp));
    headers.set('authorization', `OSS4-HMAC-SHA256 Credential=ak/${stamp.scope},Signature=${signed}`);
    for (const [name, value] of Object.entries(sent)) headers.set(name, value);
    return (await refusal(await anOss().fetch(`https://${host}/a`, { headers }))).code;
  };
  const gmt = (after: number) => new Date(NOON + after).toUTCString();

  test('without x-oss-date, the header Date is the time of the signature', async () => {
    expect(await getWith({ date: gmt(0) })).toBe('NoSuchKey');
    expect(await getWith({ date: gmt(0) }, { date: gmt(1000) })).toBe('SignatureDoesNotMatch');
  });

  // The first Go SDK signs the text of the header.
  test('without x-oss-date, the string to sign may contain the header Date as it was sent', async () => {
    expect(await getWith({ date: gmt(0) }, {}, gmt(0))).toBe('NoSuchKey');
    expect(await getWith({ date: gmt(0) }, { date: gmt(1000) }, gmt(0))).toBe('SignatureDoesNotMatch');
    expect(await getWith({ 'x-oss-date': '20260102T120000Z', date: gmt(0) }, {}, gmt(0))).toBe('SignatureDoesNotMatch');
  });

  test.each(['2026-01-02T12:00:00Z', '20260102T120000Z', 'Fri Jan 02 2026 12:00:00', '', 'now'])(
    'the header Date "%s" is no time in the form of GMT, so the request is refused',
    async (date) => expect(await getWith(date === '' ? {} : { date })).toBe('AccessDenied'),
  );

  test('x-oss-date has the form of V4, not that of the header Date', async () => {
    expect(await getWith({ 'x-oss-date': '20260102T120000Z' })).toBe('NoSuchKey');
    expect(await getWith({ 'x-oss-date': gmt(0) })).toBe('AccessDenied');
  });

  // A test of the first Python SDK against the real OSS expects this text.
  test('a region that is none is named in the words of OSS', async () => {
    const tamper = replaceHeader('authorization', (value) => value.replace('/cn-', '/oss-cn-'))!;
    const response = await call(anOss(), ['GET', 'a'], { tamper });
    expect(element((await refusal(response)).xml, 'Message')).toBe('Invalid signing region in Authorization header.');
  });

  test('spaces after the commas are accepted, as in the samples of the documentation', async () => {
    const tamper = replaceHeader('authorization', (value) => value.replaceAll(',', ', '))!;
    expect((await appendWith({ tamper })).status).toBe(200);
  });

  test('the answer to a wrong signature contains what the server computed, including the token', async () => {
    const oss = anOss();
    const token = oss.issueToken();
    const response = await call(oss, appendCall('a', 0), { ...token, accessKeySecret: 'wrong', body: 'test' });
    const { xml } = await refusal(response);
    expect(element(xml, 'CanonicalRequest')).toContain(`x-oss-security-token:${token.securityToken}\n`);
    expect(element(xml, 'StringToSign')).toMatch(
      /^OSS4-HMAC-SHA256\n20260102T120000Z\n20260102\/cn-hangzhou\/oss\/aliyun_v4_request\n/,
    );
    expect(element(xml, 'StringToSignBytes').split(' ')).toHaveLength(element(xml, 'StringToSign').length);
    expect(element(xml, 'OSSAccessKeyId')).toBe(token.accessKeyId);
    expect(element(xml, 'EC')).toBe('0002-00000201');
    expect(element(xml, 'RecommendDoc')).toBe('https://api.aliyun.com/troubleshoot?q=0002-00000201');
    expect(element(xml, 'RequestId')).toBe(response.headers.get('x-oss-request-id'));
    expect(element(xml, 'HostId')).toBe('logs.oss-cn-hangzhou.aliyuncs.com');
  });

  test('a cached valid signature is valid only for the same request', async () => {
    const oss = anOss();
    const again = (tamper?: CallOptions['tamper']) =>
      call(oss, appendCall('a', 0), { body: 'test', ...(tamper ? { tamper } : {}) });
    expect((await again()).status).toBe(200);
    expect((await again(replaceQuery(/position=0/, 'position=4'))).status).toBe(403);
    expect((await again(replaceQuery(/a\?/, 'b?'))).status).toBe(403);
    expect((await again()).status).toBe(409);
  });

  test.each([
    [-900_001, 403],
    [-900_000, 200],
    [900_000, 200],
    [900_001, 403],
  ])('a clock with a difference of %i ms gets the status %i', async (skew, status) => {
    const response = await call(anOss(NOON + skew), appendCall('a', 0), { body: 'test' });
    const { code, xml, ec } = await refusal(response);
    expect(response.status).toBe(status);
    if (status === 200) return;
    expect([code, ec]).toEqual(['RequestTimeTooSkewed', '0002-00000504']);
    expect(element(xml, 'MaxAllowedSkewMilliseconds')).toBe('900000');
    expect(element(xml, 'RequestTime')).toBe('2026-01-02T12:00:00.000Z');
    expect(element(xml, 'ServerTime')).toBe(new Date(Math.floor((NOON + skew) / 1000) * 1000).toISOString());
  });
});

describe('additional headers', () => {
  const host = 'logs.oss-cn-hangzhou.aliyuncs.com';

  test.each([
    ['the true length and host', { 'content-length': '4', host }, 200],
    ['a smaller length', { 'content-length': '3', host }, 403],
    ['a larger length', { 'content-length': '5', host }, 403],
    ['another host', { 'content-length': '4', host: 'evil.oss-cn-hangzhou.aliyuncs.com' }, 403],
  ])('%s', async (_, headers, status) => {
    const additionalHeaders = ['Content-Length', 'host'];
    expect((await appendWith({ additionalHeaders }, headers)).status).toBe(status);
    expect((await appendWith({ additionalHeaders, expires: 60 }, headers)).status).toBe(status);
  });

  test('the signature covers the bytes of a header, as ali-oss sends text in UTF-8', async () => {
    const title = Buffer.from('日志').toString('latin1');
    const tamper = ({ headers }: { headers: Record<string, string> }) => {
      headers['x-oss-meta-title'] = title;
    };
    const oss = anOss();
    const response = await call(oss, appendCall('a', 0, { 'x-oss-meta-title': '日志' }), { body: 'x', tamper });
    expect(response.status).toBe(200);
    expect(oss.object('logs', 'a')?.headers['x-oss-meta-title']).toBe(title);
  });

  test('a signed host is valid only for this host', async () => {
    const send = (origin: string) =>
      appendWith({ additionalHeaders: ['host'], tamper: replaceQuery(/^https:..[^/]*/, origin)! }, { host });
    expect((await send(`https://${host}`)).status).toBe(200);
    expect((await send('https://logs.example.com')).code).toBe('SignatureDoesNotMatch');
  });

  // OSS refuses such a list. So nobody can sign that a header must be absent, and a grant cannot forbid what it does
  // not name.
  test.each([
    ['that the request has is accepted', { 'cache-control': 'private' }, undefined],
    ['that the request does not have is refused', {}, 'SignatureDoesNotMatch'],
  ])('a correct signature that lists a header %s', async (_, headers, code) => {
    const stamp = stampOf({ region: 'cn-hangzhou', date: new Date(NOON) });
    const query = new Map([
      ['x-oss-signature-version', 'OSS4-HMAC-SHA256'],
      ['x-oss-credential', `ak/${stamp.scope}`],
      ['x-oss-date', stamp.time],
      ['x-oss-expires', '60'],
      ['x-oss-additional-headers', 'cache-control'],
    ]);
    const request = {
      ...{ method: 'GET', bucket: 'logs', key: 'a', query, headers: new Headers(headers), host },
      ...{ contentLength: undefined, region: 'cn-hangzhou', product: 'oss' },
    };
    const canonical = canonicalRequest(request, ['cache-control']);
    query.set('x-oss-signature', signature(signingKey('sk', stamp), stringToSign(canonical, stamp)));
    const verifying = new Verifier(() => ({ secret: 'sk' })).verify(request, NOON);
    expect(
      await verifying.then(
        () => undefined,
        (error) => error.code,
      ),
    ).toBe(code);
  });

  test('a chunked body has no length, so a signed length does not match', async () => {
    const body = new Blob(['test']).stream();
    const headers = { 'content-length': '4' };
    expect((await appendWith({ additionalHeaders: ['content-length'], body }, headers)).status).toBe(403);
  });

  test.each([
    ['bytes=0-1', 206],
    ['bytes=0-2', 403],
    [undefined, 403],
  ])('if the range bytes=0-1 is signed and %s is sent, the status is %i', async (range, status) => {
    const oss = anOss();
    oss.appendObject('logs', 'a', new Uint8Array(9));
    const response = await call(oss, ['GET', 'a', {}, { range: 'bytes=0-1' }], {
      additionalHeaders: ['range'],
      expires: 60,
      tamper: replaceHeader('range', () => range)!,
    });
    expect(response.status).toBe(status);
  });
});

describe('query form', () => {
  test('a correct signature appends', async () => {
    expect((await appendWith({ expires: 300 })).status).toBe(200);
  });

  test.each<[string, CallOptions['tamper'], number, string, string | null]>([
    ['the signature', replaceQuery(/(x-oss-signature=)./, '$1_'), 403, 'SignatureDoesNotMatch', '0002-00000201'],
    ['the position', replaceQuery(/position=0/, 'position=1'), 403, 'SignatureDoesNotMatch', '0002-00000201'],
    ['no expiry', replaceQuery(/&x-oss-expires=300/, ''), 400, 'InvalidArgument', '0002-00000215'],
    ['expiry 0', replaceQuery(/x-oss-expires=300/, 'x-oss-expires=0'), 400, 'InvalidArgument', '0002-00000232'],
    [
      'a life time of more than a week',
      replaceQuery(/x-oss-expires=300/, 'x-oss-expires=604801'),
      400,
      'InvalidArgument',
      '0002-00000232',
    ],
    [
      'a life time that is not a whole number',
      replaceQuery(/x-oss-expires=300/, 'x-oss-expires=1e3'),
      400,
      'InvalidArgument',
      '0002-00000232',
    ],
    [
      'an empty list of additional headers',
      replaceQuery(/x-oss-date/, 'x-oss-additional-headers=&x-oss-date'),
      400,
      'InvalidArgument',
      '0002-00000209',
    ],
    ['the credential', replaceQuery(/%2Faliyun_v4_request/, ''), 400, 'InvalidArgument', '0002-00000213'],
    ['the region', replaceQuery(/cn-hangzhou%2F/, 'oss-cn-hangzhou%2F'), 400, 'InvalidArgument', '0002-00000226'],
    ['the version', replaceQuery(/OSS4-HMAC-SHA256/, 'OSS4-HMAC-SM3'), 400, 'InvalidArgument', null],
    ['no version', replaceQuery(/&x-oss-signature-version=[^&]*/, ''), 400, 'InvalidArgument', null],
    ['the date', replaceQuery(/x-oss-date=[^&]*/, 'x-oss-date=now'), 403, 'AccessDenied', '0002-00000502'],
    [
      'an additional header that cannot be a header',
      replaceQuery(/x-oss-date/, 'x-oss-additional-headers=a%20b&x-oss-date'),
      400,
      'InvalidArgument',
      null,
    ],
    [
      'a header that contradicts the query',
      replaceHeader('x-oss-date', () => '20250102T120000Z'),
      400,
      'InvalidArgument',
      null,
    ],
    [
      'an additional header that must be signed',
      replaceHeader('x-oss-meta-a', () => 'b'),
      403,
      'SignatureDoesNotMatch',
      '0002-00000201',
    ],
    // The names of signature V1 mean nothing in V4.
    [
      'x-oss-expires, which becomes Expires,',
      replaceQuery(/x-oss-expires/, 'Expires'),
      400,
      'InvalidArgument',
      '0002-00000215',
    ],
    [
      'x-oss-signature, which becomes Signature,',
      replaceQuery(/x-oss-signature=/, 'Signature='),
      403,
      'SignatureDoesNotMatch',
      '0002-00000201',
    ],
    [
      'x-oss-credential, which becomes OSSAccessKeyId,',
      replaceQuery(/x-oss-credential/, 'OSSAccessKeyId'),
      501,
      'NotImplemented',
      null,
    ],
  ])('%s changed: refused', async (_, tamper, status, code, ec) => {
    expect(await appendWith({ expires: 300, ...(tamper ? { tamper } : {}) })).toMatchObject({ status, code, ec });
  });

  test('a token in the parameter that signature V1 uses is ignored', async () => {
    const oss = anOss();
    const tamper = replaceQuery(/x-oss-security-token/, 'security-token')!;
    const response = await call(oss, appendCall('a', 0), { ...oss.issueToken(), expires: 60, body: 'x', tamper });
    expect(await refusal(response)).toMatchObject({ status: 403, code: 'InvalidAccessKeyId' });
  });

  test.each([
    ['UNSIGNED-PAYLOAD', 200, null],
    ['e3b0c442', 400, '0002-00000214'],
  ])(
    'the header x-oss-content-sha256 may be left out, and the value %s gets the status %i',
    async (value, status, ec) => {
      const headers = { 'x-oss-content-sha256': value };
      expect(await appendWith({ expires: 60 }, headers)).toMatchObject({ status, ec });
    },
  );

  test.each([
    ['the same value', 'bytes=0-0', 206, ''],
    ['another value', 'bytes=0-1', 400, 'InvalidArgument'],
  ])('an additional header whose name is also in the query, with %s', async (_, range, status, code) => {
    const oss = anOss();
    oss.appendObject('logs', 'a', new Uint8Array(9));
    const request: Call = ['GET', 'a', { range: 'bytes=0-0' }, { range }];
    const response = await call(oss, request, { additionalHeaders: ['range'], expires: 60 });
    expect(response.status).toBe(status);
    if (status !== 206) expect((await refusal(response)).code).toBe(code);
  });

  test.each([
    [-900_001, 'RequestTimeTooSkewed', '0002-00000504'],
    [-900_000, '', null],
    [300_000, '', null],
    [300_001, 'AccessDenied', '0002-00000069'],
  ])('%i ms after the date of the URL, the error is: %s', async (after, code, ec) => {
    const answer = await refusal(await call(anOss(NOON + after), appendCall('a', 0), { body: 'test', expires: 300 }));
    expect(answer).toMatchObject({ code, ec });
    if (code !== 'AccessDenied') return;
    expect(element(answer.xml, 'Message')).toBe('Request has expired.');
    expect(element(answer.xml, 'Expires')).toBe('2026-01-02T12:05:00.000Z');
    expect(element(answer.xml, 'ServerTime')).toBe('2026-01-02T12:05:00.000Z');
  });

  test.each([
    [43_200, true, 200],
    [43_201, true, 400],
    [43_201, false, 200],
    [604_800, false, 200],
  ])('a life time of %i s with a temporary key (%s) gets the status %i', async (expires, temporary, status) => {
    const oss = anOss();
    const token = temporary ? oss.issueToken({ durationSeconds: 43_200 }) : {};
    expect((await call(oss, appendCall('a', 0), { ...token, expires, body: 'test' })).status).toBe(status);
  });
});

describe('hosts', () => {
  const append = (origin: string, key = 'a') => {
    const request = { method: 'POST', bucket: 'logs', key, query: { append: '', position: '0' }, origin };
    const { url, headers } = sign(request, { accessKeyId: 'ak', accessKeySecret: 'sk', time: NOON });
    return anOss().fetch(url, { method: 'POST', headers, body: new Uint8Array(1) });
  };

  test.each([
    'https://logs.oss-cn-hangzhou.aliyuncs.com',
    'https://logs.oss-cn-hangzhou-internal.aliyuncs.com',
    'https://logs.cn-hangzhou.oss.aliyuncs.com',
    'https://logs.oss-accelerate.aliyuncs.com',
    'https://logs.oss-accelerate-overseas.aliyuncs.com',
    'https://logs.example.com',
    'https://other.example.com:8443',
    'http://127.0.0.1:8080/logs',
    'http://localhost/logs',
    'http://[::1]:8080/logs',
  ])('%s addresses the bucket', async (origin) => {
    expect((await append(origin)).status).toBe(200);
  });

  test.each([
    'https://logs.oss-cn-beijing.aliyuncs.com',
    'https://logs.oss-cn-beijing-internal.aliyuncs.com',
    'https://logs.cn-beijing.oss.aliyuncs.com',
    'https://logs.cb-1.cn-hangzhou.oss-cloudbox.aliyuncs.com',
  ])('%s is the host of another region, so the refusal names the correct endpoint', async (origin) => {
    const answer = await refusal(await append(origin));
    expect(answer).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(element(answer.xml, 'Endpoint')).toBe('oss-cn-hangzhou.aliyuncs.com');
  });

  test('an endpoint without a bucket is refused', async () => {
    const answer = await refusal(await append('https://oss-cn-hangzhou.aliyuncs.com/logs'));
    expect(answer).toMatchObject({ status: 403, code: 'SecondLevelDomainForbidden' });
  });

  test.each(['https://logs.example.org', 'https://other.example.com', 'https://logs.s3.oss-cn-hangzhou.aliyuncs.com'])(
    'no server answers for %s',
    async (origin) => {
      await expect(append(origin)).rejects.toThrow(TypeError);
    },
  );

  test.each(["日志/2026 年/app+log (1)'!*~.txt", 'a//b', 'a%2Fb', '%', 'a?b#c', '😀', '+', 'a\\b', 'a|b^c`{}"<>'])(
    'the key %s reaches the server as it was signed',
    async (key) => {
      const oss = anOss();
      expect((await call(oss, appendCall(key, 0), { body: 'x' })).status).toBe(200);
      expect(oss.object('logs', key)?.length).toBe(1);
    },
  );

  test('slashes that are written as %2F prevent that dot segments change the path', async () => {
    const oss = anOss();
    const tamper = replaceQuery(/a\/\.\.\/b/, 'a%2F..%2Fb')!;
    expect((await call(oss, appendCall('a/../b', 0), { body: 'x', tamper })).status).toBe(200);
    expect(oss.object('logs', 'a/../b')?.length).toBe(1);
  });
});
