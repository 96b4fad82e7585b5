// Tests the operations of buckets, and the ACL and tags of objects, with ali-oss over real HTTP.

import OSS, { type Options } from 'ali-oss';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BUCKET, type Network, PERMANENT, startNetwork } from './network.ts';

let network: Network;
let client: OSS;

beforeEach(async () => {
  network = await startNetwork();
  client = clientFor();
});

afterEach(() => network.close());

function clientFor(changes: Partial<Options> = {}): OSS {
  const common = { bucket: BUCKET, region: 'oss-cn-hangzhou', authorizationV4: true };
  return new OSS({ ...common, ...PERMANENT, agent: network.agent, ...changes });
}

function fill(...keys: string[]): void {
  for (const key of keys) network.oss.appendObject(BUCKET, key, new Uint8Array(key.length));
}

test('listV2 gives all objects in pages', async () => {
  const keys = ['a.log', 'b & c.log', 'dir/d.log', '日志.log'];
  fill(...keys);
  const found: string[] = [];
  let token: string | null = null;
  do {
    const page: Awaited<ReturnType<OSS['listV2']>> = await client.listV2({
      'max-keys': 3,
      ...(token ? { 'continuation-token': token } : {}),
    });
    found.push(...page.objects.map(({ name, size, type }) => `${name} ${size} ${type}`));
    token = page.nextContinuationToken;
  } while (token);
  expect(found).toEqual(keys.map((key) => `${key} ${key.length} Appendable`));
});

test('listV2 with a delimiter gives one folder and its folders', async () => {
  fill('x/1', 'x/y/2', 'x/z/3', 'w');
  const { objects, prefixes, isTruncated } = await client.listV2({ prefix: 'x/', delimiter: '/' });
  expect([objects.map(({ name }) => name), prefixes, isTruncated]).toEqual([['x/1'], ['x/y/', 'x/z/'], false]);
});

test('list, the first version, goes on after its marker', async () => {
  fill('a', 'b', 'c');
  const first = await client.list({ 'max-keys': 2 }, {});
  expect([first.objects.map(({ name }) => name), first.nextMarker, first.isTruncated]).toEqual([['a', 'b'], 'b', true]);
  const second = await client.list({ marker: 'b' }, {});
  expect([second.objects.map(({ name }) => name), second.isTruncated]).toEqual([['c'], false]);
});

test('getACL and getObjectTagging return the values of the append that created the object', async () => {
  const headers = { 'x-oss-object-acl': 'public-read', 'x-oss-tagging': 'team=a' };
  await client.append('a.log', Buffer.from('test'), { headers });
  expect((await client.getACL('a.log')).acl).toBe('public-read');
  expect((await client.getObjectTagging('a.log')).tag).toEqual({ team: 'a' });
});

test('putBucket makes a bucket, and getBucketInfo returns its region', async () => {
  await client.putBucket('a-new-bucket');
  const { bucket } = await client.getBucketInfo('a-new-bucket');
  expect([bucket.Name, bucket.Location]).toEqual(['a-new-bucket', 'oss-cn-hangzhou']);
  const other = clientFor({ bucket: 'a-new-bucket' });
  expect((await other.append('a.log', Buffer.from('x'))).nextAppendPosition).toBe('1');
});

test('putBucketCORS, getBucketCORS and deleteBucketCORS change the rules that preflights follow', async () => {
  const rule = { allowedOrigin: 'https://a.example', allowedMethod: 'POST', allowedHeader: '*', exposeHeader: 'ETag' };
  await client.putBucketCORS(BUCKET, [{ ...rule, maxAgeSeconds: '60' }]);
  expect((await client.getBucketCORS(BUCKET)).rules).toMatchObject([rule]);
  const preflight = (url: string) =>
    network.oss.fetch(url, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
    });
  const url = `https://${BUCKET}.oss-cn-hangzhou.aliyuncs.com/a.log`;
  expect((await preflight(url)).status).toBe(200);
  await client.deleteBucketCORS(BUCKET);
  expect((await preflight(url)).status).toBe(403);
});

test('copy refuses an appendable object', async () => {
  fill('a.log');
  await expect(client.copy('b.log', 'a.log')).rejects.toMatchObject({ code: 'OperationNotSupported', status: 400 });
});

test('an operation that LocalOss lacks fails with an error that names it', async () => {
  fill('a.log');
  await expect(client.putObjectTagging('a.log', { team: 'a' })).rejects.toMatchObject({
    code: 'NotImplemented',
    message: expect.stringContaining('PutObjectTagging'),
  });
});
