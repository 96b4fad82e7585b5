/** LocalOss lacks these operations. It refuses each one with its name, and never mistakes one for another operation. */
import { expect, test } from 'vitest';
import type { LocalOss } from '../../src/testing/index.ts';
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

const V1_URL = (oss: LocalOss) =>
  oss.fetch('https://logs.oss-cn-hangzhou.aliyuncs.com/a?OSSAccessKeyId=ak&Expires=1&Signature=x');

test.each<[string, (oss: LocalOss) => Promise<Response>]>([
  [
    'in the header',
    (oss) => call(oss, ['GET', 'a'], { tamper: ({ headers }) => (headers['authorization'] = 'OSS ak:x') }),
  ],
  ['in the query', V1_URL],
])('signature V1 %s is refused, and the answer names it', async (_, send) => {
  const { status, xml } = await refusal(await send(anOss()));
  expect([status, element(xml, 'Message')]).toEqual([
    501,
    'LocalOss does not implement signature V1. Tell the client to sign with V4.',
  ]);
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
