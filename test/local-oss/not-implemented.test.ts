/** LocalOss lacks these operations. It refuses each one with its name, and never mistakes one for another operation. */
import { describe, expect, test } from 'vitest';
import { anOss, utf8 } from './text.ts';
import { type Call, type CallOptions, call, element, KEYS, NOON, refusal, sign } from './tools.ts';

/** Sends a request to an OSS with one object, and expects a refusal that names the operation and changes nothing. */
async function expectMissing(name: string, what: Call, options: CallOptions = {}): Promise<void> {
  const oss = anOss();
  oss.putObject('logs', 'a', new Uint8Array(3));
  const { status, code, xml } = await refusal(await call(oss, what, options));
  const message = `LocalOss does not implement ${name}.`;
  expect([status, code, element(xml, 'Message')]).toEqual([501, 'NotImplemented', message]);
  expect([oss.keys('logs'), oss.object('logs', 'a')?.length]).toEqual([['a'], 3]);
}

test.each<[string, string, string, string]>([
  ['PutObjectTagging', 'PUT', 'a', 'tagging'],
  ['PutObjectAcl', 'PUT', 'a', 'acl'],
  ['InitiateMultipartUpload', 'POST', 'a', 'uploads'],
  ['UploadPart', 'PUT', 'a', 'partNumber'],
  ['GetSymlink', 'GET', 'a', 'symlink'],
  ['RestoreObject', 'POST', 'a', 'restore'],
  ['ProcessImage', 'GET', 'a', 'x-oss-process'],
  ['PutLiveChannel', 'PUT', 'a', 'live'],
  ['DeleteLiveChannel', 'DELETE', 'a', 'live'],
  ['GetBucketLifecycle', 'GET', '', 'lifecycle'],
  ['GetBucketVersioning', 'GET', '', 'versioning'],
  ['PutBucketAcl', 'PUT', '', 'acl'],
])('%s is answered with NotImplemented, and the answer names it', (name, method, key, resource) =>
  expectMissing(name, [method, key, { [resource]: '' }]),
);

test.each<[string, string, string]>([
  ['GetBucketEncryption', 'GET', 'encryption'],
  ['PutBucketEncryption', 'PUT', 'encryption'],
  ['DeleteBucketEncryption', 'DELETE', 'encryption'],
  ['PutBucketRequestPayment', 'PUT', 'requestPayment'],
  ['DeleteBucketInventory', 'DELETE', 'inventory'],
  // This is not GetBucketInfo: the name of that resource is bucketInfo.
  ['GetBucketInfo', 'GET', 'info'],
  ['POST ?something', 'POST', 'something'],
])('%s, which no table has, is not mistaken for an operation on the bucket', (name, method, resource) =>
  expectMissing(name, [method, '', { [resource]: '', inventoryId: 'x' }]),
);

test.each(['PUT', 'POST', 'DELETE'])('%s with an unknown part of an object does not change the object', (method) =>
  expectMissing(`${method} ?something`, [method, 'a', { something: '' }]),
);

test('a read of an object ignores an unknown name, as OSS does', async () => {
  const oss = anOss();
  oss.putObject('logs', 'a', utf8('x'));
  expect((await call(oss, ['GET', 'a', { something: '' }])).status).toBe(200);
});

test('a callback of PutObject is refused, because it would not be made', () =>
  expectMissing('Callback', ['PUT', 'a', {}, { 'x-oss-callback': 'e30=' }], { body: 'x' }));

test.each(['a', ''])('PostObject is answered with NotImplemented, too (key "%s")', (key) =>
  expectMissing('PostObject', ['POST', key], { body: 'x' }),
);

test.each<[string, Record<string, string>]>([
  ['GET ?regions', { regions: '' }],
  ['GET ?tag-key', { 'tag-key': 'a', 'tag-value': 'b' }],
])('%s is not mistaken for the list of all buckets', async (name, query) => {
  const request = { method: 'GET', bucket: '', key: '', query, origin: 'http://localhost' };
  const { url, headers } = sign(request, { ...KEYS, time: NOON });
  const { status, xml } = await refusal(await anOss().fetch(url, { headers }));
  expect([status, element(xml, 'Message')]).toEqual([501, `LocalOss does not implement ${name}.`]);
});

const ADVICE = 'Tell the client to sign with V4 of OSS.';

describe('a signature that is not V4 is refused, and the answer says what to do', () => {
  test.each<[string, string]>([
    ['signature V1', 'OSS ak:x'],
    ['signature V2', 'OSS2 AccessKeyId:ak,AdditionalHeaders:host,Signature:x'],
    ['the API of Amazon S3', 'AWS4-HMAC-SHA256 Credential=ak/20260102/cn/s3/aws4_request,Signature=x'],
    ['the API of Amazon S3', 'AWS ak:x'],
  ])('%s in the header: %s', async (name, authorization) => {
    const tamper = ({ headers }: { headers: Record<string, string> }) => {
      headers['authorization'] = authorization;
    };
    const { status, xml } = await refusal(await call(anOss(), ['GET', 'a'], { tamper }));
    expect([status, element(xml, 'Message')]).toEqual([501, `LocalOss does not implement ${name}. ${ADVICE}`]);
  });

  test.each<[string, string]>([
    ['signature V1', 'OSSAccessKeyId=ak&Expires=1&Signature=x'],
    ['signature V2', 'x-oss-signature-version=OSS2&x-oss-access-key-id=ak&x-oss-expires=1&x-oss-signature=x'],
    ['the API of Amazon S3', 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=x'],
    ['the API of Amazon S3', 'AWSAccessKeyId=ak&Expires=1&Signature=x'],
  ])('%s in the query: %s', async (name, query) => {
    const response = await anOss().fetch(`https://logs.oss-cn-hangzhou.aliyuncs.com/a?${query}`);
    const { status, xml } = await refusal(response);
    expect([status, element(xml, 'Message')]).toEqual([501, `LocalOss does not implement ${name}. ${ADVICE}`]);
  });
});

test.each<[string, Call, CallOptions]>([
  ['DeleteObject', ['DELETE', 'a', { versionId: 'v1' }], {}],
  ['GetObjectAcl', ['GET', 'a', { acl: '', versionId: 'v1' }], {}],
  [
    'DeleteMultipleObjects',
    ['POST', '', { delete: '' }],
    { body: '<Delete><Object><Key>a</Key><VersionId>v1</VersionId></Object></Delete>' },
  ],
])('%s of a version that does not exist leaves the object alone', async (_, what, options) => {
  const oss = anOss();
  oss.putObject('logs', 'a', utf8('x'));
  expect(await refusal(await call(oss, what, options))).toMatchObject({ status: 404, code: 'NoSuchVersion' });
  expect(oss.keys('logs')).toEqual(['a']);
});
