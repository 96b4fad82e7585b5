/** The errors of OSS, as its documents list them: status, code, EC and elements of each one that LocalOss answers. */
import { expect, test } from 'vitest';
import { type BucketOptions, type Fault, LocalOss } from '../../src/testing/index.ts';
import { utf8 } from './text.ts';
import { appendCall, type Call, type CallOptions, call, ManualClock, NOON, refusal } from './tools.ts';

const GIB = 1024 ** 3;

function anOss(options: Partial<BucketOptions> = {}, faults: readonly Fault[] = []): LocalOss {
  const buckets = { logs: { region: 'cn-hangzhou', ...options } };
  return new LocalOss({ buckets, accessKeys: { ak: 'sk' }, clock: new ManualClock(), faults });
}

type Provoke = () => Promise<Response>;

/** Sends one request to an OSS with an appendable object "a" of one byte and a normal object "n". */
function send(what: Call, options: CallOptions = {}, oss: LocalOss = anOss()): Promise<Response> {
  oss.appendObject('logs', 'a', utf8('x'));
  oss.putObject('logs', 'n', utf8('x'));
  return call(oss, what, options);
}

const append = (headers: Record<string, string> = {}): Provoke => {
  return () => send(appendCall('b', 0, headers), { body: 'x' });
};
const faulty = (fault: Fault): Provoke => {
  return () => call(anOss({}, [fault]), appendCall('a', 0), { body: 'x' });
};
const anonymous = (path: string, init: RequestInit = {}, oss = anOss()): Provoke => {
  return () => oss.fetch(`https://logs.oss-cn-hangzhou.aliyuncs.com/${path}`, init);
};

async function sealed(): Promise<Response> {
  const oss = anOss();
  await send(['POST', 'a', { seal: '', position: '1' }], {}, oss);
  return call(oss, appendCall('a', 1), { body: 'x' });
}

async function tooLarge(): Promise<Response> {
  const oss = anOss({ contents: 'checksum' });
  oss.appendObject('logs', 'b', 5 * GIB);
  return call(oss, appendCall('b', 5 * GIB), { body: 'x' });
}

async function archived(): Promise<Response> {
  const oss = anOss();
  await call(oss, appendCall('b', 0, { 'x-oss-storage-class': 'Archive' }), { body: 'x' });
  return call(oss, ['GET', 'b']);
}

function withToken(change: (token: { accessKeyId: string; securityToken: string }) => CallOptions): Provoke {
  return () => {
    const oss = anOss();
    return call(oss, ['GET', 'a'], { ...change(oss.issueToken({ policy: '{"Version":"1","Statement":[]}' })) });
  };
}

const otherHost = (host: string) => {
  return (signed: { url: string }) => {
    signed.url = signed.url.replace(/\/\/[^/]+/, `//${host}`);
  };
};

const ARGUMENT = 'ArgumentName ArgumentValue';
const SIGNATURE =
  'OSSAccessKeyId SignatureProvided StringToSign StringToSignBytes CanonicalRequest CanonicalRequestBytes';
const SKEW = 'MaxAllowedSkewMilliseconds RequestTime ServerTime';
const DENIED = 'AuthAction AuthPrincipalType AuthPrincipalOwnerId AuthPrincipalDisplayName NoPermissionType PolicyType';

test.each<[string, Provoke, `${number} ${string}`, string, string]>([
  // what is wrong, the request, status and code, EC, and the elements besides those of each error
  [
    'a wrong position',
    () => send(appendCall('a', 7), { body: 'x' }),
    '409 PositionNotEqualToLength',
    '0026-00000016',
    '',
  ],
  [
    'an append to a normal object',
    () => send(appendCall('n', 1), { body: 'x' }),
    '409 ObjectNotAppendable',
    '0026-00000017',
    '',
  ],
  [
    'a PutObject that must not overwrite',
    () => send(['PUT', 'n', {}, { 'x-oss-forbid-overwrite': 'true' }], { body: 'x' }),
    '409 FileAlreadyExists',
    '0026-00000002',
    '',
  ],
  ['an append to a sealed object', sealed, '400 AppendSealedObjectNotAllowed', '', ''],
  [
    'a seal in a bucket without sealing',
    () => send(['POST', 'a', { seal: '', position: '1' }], {}, anOss({ sealing: false })),
    '400 OperationNotSupported',
    '0016-00000513',
    '',
  ],
  ['a missing object', () => send(['GET', 'b']), '404 NoSuchKey', '0026-00000001', 'Key'],
  [
    'a missing bucket',
    () => send(['GET', 'a'], { tamper: otherHost('nobody.oss-cn-hangzhou.aliyuncs.com') }),
    '404 NoSuchBucket',
    '0015-00000101',
    'BucketName',
  ],
  [
    'no position',
    () => send(['POST', 'a', { append: '' }], { body: 'x' }),
    '400 MissingArgument',
    '0016-00000501',
    ARGUMENT,
  ],
  [
    'a position that is not a number',
    () => send(appendCall('a', '-1'), { body: 'x' }),
    '400 InvalidArgument',
    '0016-00000502',
    ARGUMENT,
  ],
  [
    'an append with a version',
    () => send(['POST', 'a', { append: '', position: '1', versionId: 'null' }], { body: 'x' }),
    '400 InvalidArgument',
    '0016-00000504',
    ARGUMENT,
  ],
  [
    'an append with a storage class for PutObject only',
    append({ 'x-oss-storage-class': 'ColdArchive' }),
    '400 InvalidArgument',
    '0016-00000503',
    ARGUMENT,
  ],
  [
    'an unknown storage class',
    append({ 'x-oss-storage-class': 'Glacier' }),
    '400 InvalidArgument',
    '0017-00000132',
    ARGUMENT,
  ],
  [
    'an unknown value of x-oss-forbid-overwrite',
    append({ 'x-oss-forbid-overwrite': 'yes' }),
    '400 InvalidArgument',
    '0017-00000279',
    ARGUMENT,
  ],
  [
    'an underscore in the name of metadata',
    append({ 'x-oss-meta-a_b': 'x' }),
    '400 InvalidArgument',
    '0011-00000004',
    ARGUMENT,
  ],
  ['too much metadata', append({ 'x-oss-meta-a': 'x'.repeat(8192) }), '400 InvalidArgument', '0011-00000002', ARGUMENT],
  ['an unknown ACL', append({ 'x-oss-object-acl': 'secret' }), '400 InvalidArgument', '', ARGUMENT],
  ['a key that begins with a slash', () => send(['GET', '/a']), '400 InvalidObjectName', '', 'ObjectName'],
  [
    'a key that is not UTF-8',
    anonymous('%ff', {}, anOss({ acl: 'public-read' })),
    '400 InvalidObjectName',
    '',
    'ObjectName',
  ],
  [
    'a name that no bucket can have',
    () => send(['GET', 'a'], { tamper: otherHost('b.oss-cn-hangzhou.aliyuncs.com') }),
    '400 InvalidBucketName',
    '',
    'BucketName',
  ],
  ['a malformed MD5', append({ 'content-md5': 'dGVzdA==' }), '400 InvalidDigest', '0017-00000502', ''],
  [
    'an MD5 of other bytes',
    append({ 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' }),
    '400 InvalidDigest',
    '0017-00000503',
    '',
  ],
  ['more than 5 GiB', tooLarge, '400 EntityTooLarge', '', 'MaxSizeAllowed ProposedSize'],
  ['a condition on a write', append({ 'if-match': '"x"' }), '400 NotImplemented', '0017-00000245', 'Header'],
  [
    'an unknown encryption',
    append({ 'x-oss-server-side-encryption': 'ROT13' }),
    '400 InvalidEncryptionAlgorithmError',
    '',
    '',
  ],
  ['a preflight without an origin', anonymous('a', { method: 'OPTIONS' }), '400 BadRequest', '0034-00000101', ''],
  [
    'a preflight that no rule allows',
    anonymous('a', {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'PUT' },
    }),
    '403 AccessForbidden',
    '0003-00000601',
    '',
  ],
  ['the ACL of the bucket', anonymous('a'), '403 AccessDenied', '0003-00000001', ''],
  [
    'the ACL of the object',
    async () => {
      const oss = anOss({ acl: 'public-read' });
      await send(appendCall('b', 0, { 'x-oss-object-acl': 'private' }), { body: 'x' }, oss);
      return anonymous('b', {}, oss)();
    },
    '403 AccessDenied',
    '0003-00000005',
    '',
  ],
  ['a policy', withToken((token) => token), '403 AccessDenied', '0003-00000201', `AccessDeniedDetail ${DENIED}`],
  [
    'a URL that has expired',
    () => send(['GET', 'a'], { expires: 60, time: NOON - 61_000 }),
    '403 AccessDenied',
    '0002-00000069',
    'Expires ServerTime',
  ],
  [
    'the host of another region',
    () => send(['GET', 'a'], { tamper: otherHost('logs.oss-cn-beijing.aliyuncs.com') }),
    '403 AccessDenied',
    '',
    'Bucket Endpoint',
  ],
  [
    'an unknown key ID',
    () => send(['GET', 'a'], { accessKeyId: 'nobody' }),
    '403 InvalidAccessKeyId',
    '0002-00000902',
    'OSSAccessKeyId',
  ],
  [
    'a temporary key without its token',
    withToken(({ securityToken: _, ...key }) => key),
    '403 InvalidAccessKeyId',
    '0002-00000902',
    'OSSAccessKeyId',
  ],
  ['an expired token', faulty({ kind: 'expire-token' }), '403 SecurityTokenExpired', '0002-00000007', 'SecurityToken'],
  [
    'an unknown token',
    withToken((token) => ({ ...token, securityToken: 'x' })),
    '403 InvalidSecurityToken',
    '0002-00000008',
    '',
  ],
  [
    'a wrong secret',
    () => send(['GET', 'a'], { accessKeySecret: 'other' }),
    '403 SignatureDoesNotMatch',
    '0002-00000201',
    SIGNATURE,
  ],
  [
    'a request of 16 minutes ago',
    () => send(['GET', 'a'], { time: NOON - 960_000 }),
    '403 RequestTimeTooSkewed',
    '0002-00000504',
    SKEW,
  ],
  [
    'a host without a bucket',
    () => send(['GET', 'a'], { tamper: otherHost('oss-cn-hangzhou.aliyuncs.com') }),
    '403 SecondLevelDomainForbidden',
    '',
    '',
  ],
  ['a read of an archived object', archived, '403 InvalidObjectState', '', ''],
  [
    'a condition that does not hold',
    () => send(['GET', 'a', {}, { 'if-match': '"x"' }]),
    '412 PreconditionFailed',
    '0017-00001001',
    'Condition',
  ],
  [
    'a range behind the end, if the client wants the standard',
    () => send(['GET', 'a', {}, { range: 'bytes=1-', 'x-oss-range-behavior': 'standard' }]),
    '416 InvalidRange',
    '',
    '',
  ],
  ['a failure of the server', faulty({ kind: 'error-before' }), '500 InternalError', '', ''],
  ['a server that is too busy', faulty({ kind: 'error-before', status: 503 }), '503 ServiceUnavailable', '', ''],
  ['too many requests', faulty({ kind: 'throttle' }), '503 TotalQpsLimitExceeded', '', ''],
])('%s is answered with status, code, EC and elements of the documents', async (_, provoke, answer, ec, elements) => {
  const response = await provoke();
  const { status, code, xml } = await refusal(response);
  expect(`${status} ${code}`).toBe(answer);
  const help = ec === '' ? [] : ['EC', 'RecommendDoc'];
  const names = ['Error', 'Code', 'Message', 'RequestId', 'HostId', ...elements.split(' ').filter(Boolean), ...help];
  expect([...xml.matchAll(/<(\w+)>/g)].map(([, name]) => name)).toEqual(names);
  if (ec !== '') expect(xml).toContain(`<EC>${ec}</EC>`);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'application/xml',
    'content-length': String(utf8(xml).length),
    server: 'AliyunOSS',
    date: 'Fri, 02 Jan 2026 12:00:00 GMT',
    'x-oss-request-id': /<RequestId>(.*)<\/RequestId>/.exec(xml)?.[1],
    'x-oss-server-time': expect.stringMatching(/^\d+$/),
  });
  expect(response.headers.get('x-oss-ec')).toBe(ec === '' ? null : ec);
});
