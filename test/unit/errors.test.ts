/** Failures that OSS and gateways report become data, and no text of them contains a secret. */
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  AppendConflictError,
  ChecksumError,
  CredentialsError,
  OssError,
  ServiceError,
  SourceError,
  TransportError,
  withFacts,
  withoutSecrets,
} from '../../src/errors.ts';
import { redact } from '../../src/redact.ts';
import { toServiceError } from '../../src/request/refusal.ts';
import {
  errorXml,
  failureOf,
  KEYS,
  localOss,
  makeClient,
  printed,
  refused,
  STS,
  scripted,
} from '../tools/unit-tools.ts';

function read(response: Response, secrets: string[] = []): Promise<ServiceError> {
  return toServiceError(response, 'append to "a.log" at position 10', secrets);
}

/** Makes an error answer to HEAD: it has no body, and its document is in a header. */
function headError(xml: string, status = 404): Response {
  const encoded = Buffer.from(xml, 'utf8').toString('base64');
  return new Response(null, { status, headers: { 'x-oss-err': encoded, 'x-oss-request-id': 'REQ' } });
}

describe('the family of errors', () => {
  const position = { position: 0, size: 0, expected: '', actual: '' };
  test.each([
    ['ServiceError', new ServiceError('m', { code: 'c', status: 400 })],
    ['TransportError', new TransportError('m', { code: 'c' })],
    ['AppendConflictError', new AppendConflictError('m', { code: 'c', ...position })],
    ['ChecksumError', new ChecksumError('m', { code: 'c', ...position })],
    ['SourceError', new SourceError('m', { code: 'c' })],
    ['CredentialsError', new CredentialsError('m', { code: 'c' })],
  ])('%s has its name and its code, and is an OssError', (name, error) => {
    expect(error).toBeInstanceOf(OssError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name, code: 'c', message: 'm' });
    expect(error.stack).toContain('errors.test');
  });

  test('an error has a cause only if one was given, and undefined counts as given', () => {
    expect('cause' in new OssError('m', { code: 'c' })).toBe(false);
    expect('cause' in new OssError('m', { code: 'c', cause: undefined })).toBe(true);
  });

  test('the facts of an append are added to an OssError and to no other value', () => {
    const tail = { position: 5 };
    const ours = new OssError('m', { code: 'c' });
    expect('tail' in ours || 'outcome' in ours || 'loaded' in ours).toBe(false);
    const told = withFacts(ours, { tail, outcome: 'unknown', loaded: 3 });
    expect(told).toMatchObject({ name: 'OssError', code: 'c', message: 'm', tail, outcome: 'unknown', loaded: 3 });
    expect('tail' in ours || 'outcome' in ours || 'loaded' in ours).toBe(false);
  });
});

describe('an error answer of OSS', () => {
  test('contains the code, the status, the request ID, the EC and the attempted operation', async () => {
    const error = await read(refused(403, 'AccessDenied', { EC: '0003-00000001' }));
    expect(error).toMatchObject({ status: 403, code: 'AccessDenied', requestId: 'REQ', ec: '0003-00000001' });
    expect(error.message).toMatch(
      /^Cannot append to "a.log" at position 10: AccessDenied \(HTTP 403\): AccessDenied it is\. Hint: .*oss:PutObject/,
    );
  });

  test('headers take precedence over the document', async () => {
    const headers = { 'x-oss-request-id': 'FROM-HEADER', 'x-oss-ec': '0026-00000016' };
    const error = await read(refused(409, 'PositionNotEqualToLength', { EC: 'other' }, headers));
    expect(error).toMatchObject({ requestId: 'FROM-HEADER', ec: '0026-00000016' });
  });

  test('the document is used if CORS hides the headers', async () => {
    const error = await read(new Response(errorXml('NoSuchKey', { EC: '0026-00000001' }), { status: 404 }));
    expect(error).toMatchObject({ requestId: 'REQ', ec: '0026-00000001', position: undefined });
  });

  test('contains the position from a 409', async () => {
    const headers = { 'x-oss-next-append-position': '5368709120' };
    expect((await read(refused(409, 'PositionNotEqualToLength', {}, headers))).position).toBe(5_368_709_120);
  });

  test.each(['', '-1', '1.5', '0x10', 'null', '99999999999999999999'])('a position of %j is ignored', async (text) => {
    const headers = { 'x-oss-next-append-position': text };
    expect((await read(refused(409, 'PositionNotEqualToLength', {}, headers))).position).toBeUndefined();
  });

  test('contains the time of OSS', async () => {
    const error = await read(refused(403, 'RequestTimeTooSkewed', { ServerTime: '2026-01-02T12:00:00.000Z' }));
    expect(error.serverTime).toBe(Date.UTC(2026, 0, 2, 12));
    expect((await read(refused(403, 'RequestTimeTooSkewed', { ServerTime: 'soon' }))).serverTime).toBeUndefined();
  });

  test.each<[Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0' }, 0],
    [{ 'x-oss-qos-delay-time': '150' }, 150],
    [{ 'x-oss-qos-delay-time': '150', 'retry-after': '7' }, 150],
    [{ 'retry-after': 'Fri, 02 Jan 2026 12:00:30 GMT', date: 'Fri, 02 Jan 2026 12:00:00 GMT' }, 30_000],
    [{ 'retry-after': 'Fri, 02 Jan 2026 12:00:30 GMT' }, undefined],
    [{ 'retry-after': 'Fri, 02 Jan 2026 11:00:00 GMT', date: 'Fri, 02 Jan 2026 12:00:00 GMT' }, undefined],
    [{ 'retry-after': 'a while' }, undefined],
  ])('contains the requested wait: %o', async (headers, expected) => {
    expect((await read(refused(503, 'ServiceUnavailable', {}, headers))).retryAfter).toBe(expected);
  });

  test('entities are decoded, and unknown and nested elements do no harm', async () => {
    const xml = `<Error xmlns="http://doc.oss"><Code>AccessDenied</Code><Message>a &lt;b&gt; &amp;amp; &quot;c&quot; &apos;d&apos;</Message>
      <AccessDeniedDetail><AuthAction>oss:PutObject</AuthAction></AccessDeniedDetail><New/></Error>`;
    expect((await read(new Response(xml, { status: 403 }))).message).toContain(`a <b> &amp; "c" 'd'`);
  });
});

describe('an error answer to HEAD, which has no body', () => {
  test('is decoded from x-oss-err', async () => {
    const error = await read(headError(errorXml('NoSuchKey', { EC: '0026-00000001' })));
    expect(error).toMatchObject({ status: 404, code: 'NoSuchKey', ec: '0026-00000001', requestId: 'REQ' });
  });

  test('is not NoSuchKey only because its status is 404', async () => {
    expect((await read(headError(errorXml('NoSuchBucket')))).code).toBe('NoSuchBucket');
    expect((await read(new Response(null, { status: 404 }))).code).toBe('Http404');
  });

  test('has a message in UTF-8', async () => {
    const xml = '<Error><Code>NoSuchKey</Code><Message>对象 “日志” não existe 🐉</Message></Error>';
    expect((await read(headError(xml))).message).toContain('对象 “日志” não existe 🐉');
  });

  test('has only a status if the header is not base64', async () => {
    const response = new Response(null, { status: 403, headers: { 'x-oss-err': '*not base64*' } });
    expect(await read(response)).toMatchObject({ status: 403, code: 'Http403' });
  });

  test('of LocalOss contains everything', async () => {
    const error = await failureOf(
      makeClient({ credentials: KEYS, fetch: localOss().fetch, clock: undefined }).headObject('缺失'),
    );
    expect(error).toMatchObject({ name: 'ServiceError', code: 'NoSuchKey', status: 404, ec: '0026-00000001' });
    expect((error as ServiceError).requestId).toMatch(/^[0-9A-F]{20,}$/);
    expect((error as Error).message).toMatch(/^Cannot read the state of "缺失": NoSuchKey \(HTTP 404\)/);
  });
});

describe('an error answer of a gateway', () => {
  test.each([
    ['HTML', '<html><body><h1>502 Bad Gateway</h1><Code>Fake</Code></body></html>'],
    ['nothing', ''],
    ['JSON', '{"error":"bad"}'],
    ['broken XML', '<Error><Code>Unfinished'],
    ['text', 'upstream connect error'],
  ])('%s: only the status is known', async (_, body) => {
    const error = await read(new Response(body, { status: 502, headers: { 'content-type': 'text/html' } }));
    expect(error).toMatchObject({ status: 502, code: 'Http502', requestId: undefined, ec: undefined });
    expect(error.message).toBe('Cannot append to "a.log" at position 10: Http502 (HTTP 502)');
  });
});

describe('secrets', () => {
  const SECRET = /StsSecret|CAIS|Token\+With|Token%2BWith/;
  const URL_SIGNED = `https://logs.oss-cn-hangzhou.aliyuncs.com/a.log?append&x-oss-security-token=${encodeURIComponent(STS.securityToken)}&x-oss-signature=5e1f`;

  test.each([
    [`fetch ${URL_SIGNED} failed`, 'fetch https://logs.oss-cn-hangzhou.aliyuncs.com/a.log?[redacted] failed'],
    [`url (${URL_SIGNED}): refused`, /^url \(https:\/\/logs[^?]*\?\[redacted\]/],
    [`"${URL_SIGNED}", 'x'`, /^"https[^?]*\?\[redacted\]", 'x'$/],
    [`/a.log?x-oss-security-token=${encodeURIComponent(STS.securityToken)}&x=1`, '/a.log?[redacted]'],
    [`x-oss-security-token: ${STS.securityToken}`, 'x-oss-security-token: [redacted]'],
    [`<SecurityToken>${STS.securityToken}</SecurityToken>`, '<SecurityToken>[redacted]</SecurityToken>'],
    [JSON.stringify(STS), `{"accessKeyId":"STS.unit","accessKeySecret":"[redacted]","securityToken":"[redacted]"}`],
    [JSON.stringify(JSON.stringify({ AccessKeySecret: STS.accessKeySecret })), /AccessKeySecret\\":\\"\[redacted\]/],
    [`{ accessKeySecret: '${STS.accessKeySecret}' }`, "{ accessKeySecret: '[redacted]' }"],
    [`access_key_secret is fine, AccessKeySecret => "${STS.accessKeySecret}"`, /=> "\[redacted\]"$/],
    ['Authorization: OSS4-HMAC-SHA256 Credential=ak/20260102,Signature=ab12', /Credential=\[redacted\].*$/],
    ['nothing to hide: the signature does not match https://example.com/page', /page$/],
  ])('redact %j', (text, expected) => {
    if (typeof expected === 'string') expect(redact(text)).toBe(expected);
    else expect(redact(text)).toMatch(expected);
    expect(redact(text)).not.toMatch(SECRET);
  });

  test('known secrets are removed everywhere', () => {
    expect(redact('a sk b sk', ['sk', ''])).toBe('a [redacted] b [redacted]');
  });

  test('a cause becomes a plain copy with name, code, message, stack and its own cause, and with nothing else', () => {
    const inner = Object.assign(new Error('ECONNRESET'), { code: 'ECONNRESET', request: {} });
    const cause = Object.assign(new TypeError('fetch failed', { cause: inner }), { init: {} });
    const { cause: copy } = new OssError('m', { code: 'c', cause }) as { cause: Error };
    expect({ ...copy, stack: copy.stack }).toEqual({ name: 'TypeError', stack: cause.stack });
    expect(copy).toMatchObject({ message: 'fetch failed', cause: { message: 'ECONNRESET', code: 'ECONNRESET' } });
    expect(copy.cause).not.toHaveProperty('request');
    const odd = { no: 'error' };
    expect(new OssError('m', { code: 'c', cause: odd }).cause).toBe('[object Object]');
  });

  const cyclic = new Error('first') as Error & { cause?: unknown };
  cyclic.cause = new Error('second', { cause: cyclic });
  test.each<[string, unknown]>([
    ['a Response', new Response(STS.securityToken, { headers: { authorization: STS.securityToken } })],
    ['a Request', new Request('https://example.com/', { headers: { 'x-oss-security-token': STS.securityToken } })],
    ['an object with url and init', { url: URL_SIGNED, init: { headers: { authorization: STS.securityToken } } }],
    ['an error with a request', Object.assign(new Error('failed'), { request: { url: URL_SIGNED }, config: STS })],
    ['a name that is a secret', Object.assign(new Error('m'), { name: STS.securityToken })],
    ['a code that is a secret', Object.assign(new Error('m'), { code: STS.securityToken })],
    ['a Map', new Map([['token', STS.securityToken]])],
    ['a function', () => STS.securityToken],
    ['a symbol of an error', Object.assign(new Error('m'), { [Symbol('token')]: STS.securityToken })],
    ['several errors', new AggregateError([new Error(URL_SIGNED)], URL_SIGNED)],
    [
      'a getter that throws',
      {
        get message() {
          throw new Error(STS.securityToken);
        },
      },
    ],
    ['a chain of causes that is a circle', cyclic],
    ['a user and a password in a URL', new Error('https://user:StsSecretStsSecretStsSecretSts@example.com/x failed')],
    ['a fragment', new Error(`https://example.com/#${STS.securityToken}`)],
    ['a token, percent-encoded', encodeURIComponent(STS.securityToken)],
    ['a token in base64', btoa(JSON.stringify(STS))],
    ['lines that look like frames', new Error(`failed\n    at security-token: ${STS.securityToken}`)],
    ['a line with an address', new Error(`failed\nuser@host security-token: ${STS.securityToken}`)],
    ['one line with an address', new Error(`user@host security-token: ${STS.securityToken}`)],
  ])('a cause that is %s shows no secret', (_, cause) => {
    const secrets = [STS.accessKeySecret, STS.securityToken];
    for (const shown of [cause, withoutSecrets(cause), withoutSecrets(cause, secrets)]) {
      const error = new TransportError('m', { code: 'NetworkError', cause: shown });
      expect(printed(error) + JSON.stringify(error) + String(error)).not.toMatch(SECRET);
      expect(printed(error)).not.toContain(btoa(JSON.stringify(STS)));
    }
  });

  const TOKENS = [
    STS.securityToken,
    STS.accessKeySecret,
    encodeURIComponent(STS.securityToken),
    `GET /a.log HTTP/1.1 Authorization: ${STS.securityToken}`,
  ];
  test.each(['Code', 'RequestId', 'EC', 'Message', 'Endpoint'])(
    'a secret that a server puts into <%s> is not printed',
    async (element) => {
      for (const token of TOKENS) {
        const error = await read(new Response(errorXml('AccessDenied', { [element]: token }), { status: 403 }), [
          STS.accessKeySecret,
          STS.securityToken,
        ]);
        expect(printed(error) + JSON.stringify(error)).not.toMatch(SECRET);
      }
    },
  );

  test.each(['x-oss-request-id', 'x-oss-ec'])(
    'a secret that a server puts into the header %s is not printed',
    async (name) => {
      const token = 'Ab3'.repeat(10);
      const error = await read(new Response(null, { status: 403, headers: { [name]: token } }));
      expect(printed(error) + JSON.stringify(error)).not.toContain(token);
    },
  );

  const foreign = runInNewContext('(message) => new TypeError(message)');
  test.each<[string, unknown]>([
    ['the message (Deno)', new TypeError(`error sending request for url (${URL_SIGNED})`)],
    [
      'a property (Bun)',
      Object.assign(new Error('Unable to connect'), { path: URL_SIGNED, code: 'ConnectionRefused' }),
    ],
    ['the stack', Object.assign(new Error('m'), { stack: `Error: m\n at ${URL_SIGNED}` })],
    ['the cause of the cause', new Error('outer', { cause: new Error(URL_SIGNED) })],
    ['a text', URL_SIGNED],
    ['an error of another realm', foreign(URL_SIGNED)],
    ['a DOMException', new DOMException(URL_SIGNED, 'NetworkError')],
  ])('a cause with the URL in %s is copied without the URL', (_, cause) => {
    const error = new TransportError('m', { code: 'NetworkError', cause });
    expect(printed(error)).not.toMatch(SECRET);
    if (typeof cause === 'object') expect(error.cause).toMatchObject({ name: (cause as Error).name });
  });

  test.each(['SignatureDoesNotMatch', 'SecurityTokenExpired'])(
    '%s does not show the token that OSS repeats',
    async (code) => {
      const expired = code === 'SecurityTokenExpired';
      const oss = localOss(expired ? { faults: [{ kind: 'expire-token', times: 9 }] } : {});
      const token = oss.issueToken();
      const credentials = expired ? token : { ...token, accessKeySecret: STS.accessKeySecret };
      const bodies: string[] = [];
      const fetch = async (url: string, init: RequestInit) => {
        const response = await oss.fetch(url, init);
        bodies.push(await response.clone().text());
        return response;
      };
      for (const signing of ['header', 'query'] as const) {
        const client = makeClient({ credentials, signing, fetch, clock: undefined });
        const error = await failureOf(client.appendObject('a', 'x', { position: 0 }));
        expect(error).toMatchObject({ name: 'ServiceError', code });
        const text = printed(error);
        for (const secret of [
          token.securityToken,
          encodeURIComponent(token.securityToken),
          credentials.accessKeySecret,
        ])
          expect(text).not.toContain(secret);
      }
      expect(bodies.join()).toContain(token.securityToken);
    },
  );

  test('a message of OSS does not show the token', async () => {
    const fetch = scripted(
      refused(403, 'InvalidSecurityToken', { Message: `No such token: ${STS.securityToken}!` }),
    ).fetch;
    const error = await failureOf(makeClient({ fetch }).getObject('a'));
    expect((error as Error).message).toContain('No such token: [redacted]!');
    expect(printed(error)).not.toMatch(SECRET);
  });

  test.each(['header', 'query'] as const)(
    'a fetch that fails with all its arguments shows no secret, signed in the %s',
    async (signing) => {
      const fetch = async (url: string, init: RequestInit): Promise<Response> => {
        const { stack } = new Error(`${url} ${JSON.stringify(init.headers)}`);
        const cause = Object.assign(new Error(`${STS.securityToken} ${STS.accessKeySecret}`), { url, stack });
        throw Object.assign(new TypeError(`request to ${url} with ${JSON.stringify(init.headers)} failed`, { cause }), {
          path: url,
        });
      };
      const error = await failureOf(makeClient({ fetch, signing }).appendObject('a', 'x', { position: 0 }));
      expect(error).toMatchObject({ name: 'TransportError', code: 'NetworkError' });
      expect(printed(error)).not.toMatch(SECRET);
      expect(printed(error)).not.toMatch(/x-oss-signature=[0-9a-f]|Signature=[0-9a-f]/);
    },
  );

  test('the text of a client shows no secret', () => {
    expect(printed(makeClient())).not.toMatch(SECRET);
    expect(JSON.stringify(makeClient())).toBe('{}');
  });
});

describe('an answer that is too long or expensive to parse', () => {
  /** A body that counts how much of it is read, and records whether it was cancelled. */
  function endless(chunk: string): {
    readonly response: Response;
    readonly read: () => number;
    readonly ended: () => boolean;
  } {
    let [count, cancelled] = [0, false];
    const bytes = new TextEncoder().encode(chunk);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        count += bytes.length;
        controller.enqueue(bytes);
      },
      cancel() {
        cancelled = true;
      },
    });
    return { response: new Response(body, { status: 403 }), read: () => count, ended: () => cancelled };
  }

  test('only the beginning of a refusal is read', async () => {
    const { response, read: count, ended } = endless(`${errorXml('AccessDenied')}${' '.repeat(10_000)}`);
    expect(await read(response)).toMatchObject({ code: 'AccessDenied' });
    expect(count()).toBeLessThan(200_000);
    expect(ended()).toBe(true);
  });

  test.each([
    ['spaces in an element that does not end', (n: number) => `<Error><Code>${' '.repeat(n)}`],
    ['elements that open and do not end', (n: number) => `<Error>${'<Code>'.repeat(n)}`],
    ['URLs without a query', (n: number) => `<Error><Message>${'http://a'.repeat(n)}</Message></Error>`],
    [
      'names of secrets without a value',
      (n: number) => `<Error><Message>${'token: signature='.repeat(n)}</Message></Error>`,
    ],
    ['entities', (n: number) => `<Error><Code>${'&amp'.repeat(n)}</Code></Error>`],
  ])('%s cost time in proportion to their length only', async (_, make) => {
    // The text has 60,000 characters. A quadratic algorithm needs minutes for it, and the test runner would stop the
    // test.
    const text = make(60_000).slice(0, 60_000);
    expect(await read(new Response(text, { status: 403 }))).toMatchObject({ status: 403 });
  });

  test.each([
    ['a position beyond whole numbers', { 'x-oss-next-append-position': '9007199254740993' }, 'position'],
    ['a negative position', { 'x-oss-next-append-position': '-5' }, 'position'],
    ['a negative wait', { 'x-oss-qos-delay-time': '-5' }, 'retryAfter'],
  ])('%s is ignored', async (_, headers, field) => {
    const error = await read(refused(409, 'PositionNotEqualToLength', {}, headers));
    expect(error).toMatchObject({ [field]: undefined });
  });

  test.each(['9999-12-31T23:59:59Z', '1970-01-01T00:00:00Z', 'soon'])(
    'a server time of %s is ignored',
    async (time) => {
      expect(await read(refused(403, 'RequestTimeTooSkewed', { ServerTime: time }))).toMatchObject({
        serverTime: undefined,
      });
    },
  );
});

describe('the hint names the next step', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['AccessDenied', { Message: 'The bucket you access does not belong to you' }, /check bucket and the RAM policy/],
    ['AccessDenied', {}, /oss:SealAppendObject to seal/],
    [
      'InvalidAccessKeyId',
      { Message: 'The OSS Access Key Id you provided does not exist' },
      /Hint: check accessKeyId$/,
    ],
    ['SecurityTokenExpired', {}, /function that loads a new securityToken$/],
    ['InvalidSecurityToken', {}, /Hint: check securityToken/],
    [
      'InvalidArgument',
      { Message: 'The region of the credential must be that of the bucket, cn-hangzhou' },
      /Hint: set region$/,
    ],
    ['InvalidArgument', { Message: 'Invalid signing region in Authorization header.' }, /Hint: set region/],
    ['InvalidArgument', { Message: 'The position is not a number' }, /^((?!Hint).)*$/],
    ['ObjectNotAppendable', {}, /Hint: choose another key$/],
    ['AppendSealedObjectNotAllowed', {}, /Hint: choose another key$/],
    ['NoSuchBucket', {}, /only a custom domain needs cname: true$/],
    [
      'AccessDenied',
      {
        Message: 'The bucket you are attempting to access must be addressed using the specified endpoint.',
        Endpoint: 'oss-cn-beijing.aliyuncs.com',
      },
      /another region: set region and endpoint.*oss-cn-beijing\.aliyuncs\.com/,
    ],
    ['AccessDenied', { Message: 'Put public object acl is not allowed' }, /Block Public Access/],
    ['AccessDenied', { Message: 'Access denied for requester pay bucket.' }, /Hint: set requestPayer$/],
    ['AccessDenied', { Message: 'You are denied by bucket referer policy.' }, /Referer whitelist/],
    ['PublicEndpointForbidden', { Message: 'no' }, /custom domain.*cname: true/],
    ['SecondLevelDomainForbidden', { Message: 'no' }, /pathStyle/],
    ['NoSuchBucket', { Message: 'no' }, /bucket, region and endpoint/],
    ['InvalidBucketName', { Message: 'no' }, /bucket, region and endpoint/],
    ['UserDisable', { Message: 'no' }, /suspended/],
  ])('%s %j', async (code, elements, hint) => {
    const error = await read(new Response(errorXml(code, elements), { status: 403 }));
    expect(error.message).toMatch(hint);
  });
});
