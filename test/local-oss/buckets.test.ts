/** The operations of buckets, the ACL and the tags of objects, and the operations that LocalOss does not have. */
import { describe, expect, test } from 'vitest';
import { LocalOss } from '../../src/testing/index.ts';
import { appendCall, type Call, type CallOptions, call, element, KEYS, ManualClock, refusal, sign } from './tools.ts';

const CORS = [{ allowedOrigins: ['https://a.example'], allowedMethods: ['GET' as const], maxAgeSeconds: 60 }];

function anOss(): LocalOss {
  return new LocalOss({
    buckets: { logs: { region: 'cn-hangzhou', cors: CORS } },
    accessKeys: { [KEYS.accessKeyId]: KEYS.accessKeySecret },
    clock: new ManualClock(),
  });
}

/** Returns the texts of all elements of this name, without their escapes. */
function all(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) => text);
}

async function xmlOf(oss: LocalOss, request: Call): Promise<string> {
  const response = await call(oss, request);
  const xml = await response.text();
  expect([response.status, xml]).toEqual([200, expect.any(String)]);
  return xml;
}

describe('ListObjectsV2', () => {
  function filled(keys: readonly string[]): LocalOss {
    const oss = anOss();
    for (const key of keys) oss.appendObject('logs', key, new Uint8Array(key.length));
    return oss;
  }
  const list = (oss: LocalOss, query: Record<string, string> = {}) =>
    xmlOf(oss, ['GET', '', { 'list-type': '2', ...query }]);

  test('it names each object with its length, type, ETag and time', async () => {
    const oss = filled(['a.log', 'dir/b.log']);
    const xml = await list(oss);
    expect([all(xml, 'Key'), all(xml, 'Size'), all(xml, 'Type')]).toEqual([
      ['a.log', 'dir/b.log'],
      ['5', '9'],
      ['Appendable', 'Appendable'],
    ]);
    expect([all(xml, 'LastModified')[0], element(xml, 'KeyCount')]).toEqual(['2026-01-02T12:00:00.000Z', '2']);
    expect(all(xml, 'ETag')[0]).toBe(oss.object('logs', 'a.log')?.etag.replaceAll('"', '&quot;'));
  });

  // The first Python SDK reads no other form.
  test('times are whole seconds with three zeros, in every list and in GetBucketInfo', async () => {
    const oss = new LocalOss({
      buckets: { logs: { region: 'cn-hangzhou' } },
      accessKeys: { [KEYS.accessKeyId]: KEYS.accessKeySecret },
      clock: new ManualClock(Date.UTC(2026, 0, 2, 12) + 678),
    });
    oss.appendObject('logs', 'a.log', new Uint8Array(5));
    const queries = [{}, { 'list-type': '2' }, { versions: '' }, { bucketInfo: '' }];
    const xmls = await Promise.all(queries.map((query) => xmlOf(oss, ['GET', '', query])));
    const times = xmls.map((xml) => element(xml, 'LastModified') || element(xml, 'CreationDate'));
    expect(times).toEqual(queries.map(() => '2026-01-02T12:00:00.000Z'));
  });

  test('a prefix and a delimiter list one folder and the names of its folders', async () => {
    const xml = await list(filled(['a', 'x/1', 'x/2', 'x/y/3', 'x/z/4', 'x/z/5']), { prefix: 'x/', delimiter: '/' });
    expect(all(xml, 'Key')).toEqual(['x/1', 'x/2']);
    expect(xml.match(/<CommonPrefixes>\s*<Prefix>[^<]*/g)?.map((part) => part.split('>').at(-1))).toEqual([
      'x/y/',
      'x/z/',
    ]);
    expect(element(xml, 'KeyCount')).toBe('4');
  });

  test('pages of every size give every name once, in the order of their bytes', async () => {
    const keys = ['a', 'b/1', 'b/2', 'c', '\u{1f600}', '\uff5e', 'd&e', 'é'];
    const oss = filled(keys);
    const inOrder = ['a', 'b/1', 'b/2', 'c', 'd&amp;e', 'é', '\uff5e', '\u{1f600}'];
    for (const size of [1, 2, 3, 7, 8, 1000]) {
      const found: string[] = [];
      let token: string | undefined;
      do {
        const xml = await list(oss, { 'max-keys': String(size), ...(token && { 'continuation-token': token }) });
        found.push(...all(xml, 'Key'));
        expect(element(xml, 'IsTruncated')).toBe(String(found.length < keys.length));
        token = element(xml, 'NextContinuationToken') || undefined;
      } while (token);
      expect(found).toEqual(inOrder);
    }
  });

  test('a page that ends with a folder goes on after the folder', async () => {
    const oss = filled(['a/1', 'a/2', 'b']);
    const first = await list(oss, { delimiter: '/', 'max-keys': '1' });
    const next = await list(oss, { delimiter: '/', 'continuation-token': element(first, 'NextContinuationToken') });
    expect([all(next, 'Key'), next.includes('<CommonPrefixes>')]).toEqual([['b'], false]);
  });

  test('names are encoded if the client asks for that', async () => {
    const xml = await list(filled(['a b&c']), { 'encoding-type': 'url' });
    expect([all(xml, 'Key'), element(xml, 'EncodingType')]).toEqual([['a%20b%26c'], 'url']);
  });

  test.each([
    ['max-keys', '0'],
    ['max-keys', '1001'],
    ['max-keys', 'x'],
    ['encoding-type', 'xml'],
    ['continuation-token', '%%'],
  ])('%s = %s is refused', async (name, value) => {
    const response = await call(anOss(), ['GET', '', { 'list-type': '2', [name]: value }]);
    expect(await refusal(response)).toMatchObject({ status: 400, code: 'InvalidArgument' });
  });

  test('the first version goes on after a marker', async () => {
    const oss = filled(['a', 'b', 'c']);
    const first = await xmlOf(oss, ['GET', '', { 'max-keys': '2' }]);
    expect([all(first, 'Key'), element(first, 'NextMarker')]).toEqual([['a', 'b'], 'b']);
    expect(all(await xmlOf(oss, ['GET', '', { marker: 'b' }]), 'Key')).toEqual(['c']);
  });

  test('a token needs oss:ListObjects for the bucket', async () => {
    const oss = filled(['a']);
    const policy = (Action: string, Resource: string) => ({
      Version: '1',
      Statement: { Effect: 'Allow', Action, Resource },
    });
    const may = oss.issueToken({ policy: policy('oss:ListObjects', 'acs:oss:*:*:logs') });
    const mayNot = oss.issueToken({ policy: policy('oss:GetObject', 'acs:oss:*:*:logs/*') });
    expect((await call(oss, ['GET', '', { 'list-type': '2' }], may)).status).toBe(200);
    expect(await refusal(await call(oss, ['GET', '', { 'list-type': '2' }], mayNot))).toMatchObject({
      code: 'AccessDenied',
      ec: '0003-00000201',
    });
  });
});

describe('buckets', () => {
  test('GetBucketInfo returns region, ACL and time', async () => {
    const xml = await xmlOf(anOss(), ['GET', '', { bucketInfo: '' }]);
    expect([element(xml, 'Name'), element(xml, 'Location'), element(xml, 'Grant')]).toEqual([
      'logs',
      'oss-cn-hangzhou',
      'private',
    ]);
    expect(element(xml, 'CreationDate')).toBe('2026-01-02T12:00:00.000Z');
  });

  test('PutBucket makes a bucket that takes appends at once, and a second time changes nothing', async () => {
    const oss = anOss();
    const put = () => {
      const request = { method: 'PUT', bucket: 'other', key: '', headers: { 'x-oss-acl': 'public-read' } };
      const { url, headers } = sign(request, { ...KEYS, time: Date.UTC(2026, 0, 2, 12) });
      return oss.fetch(url, { method: 'PUT', headers });
    };
    expect((await put()).status).toBe(200);
    oss.appendObject('other', 'a', new Uint8Array(3));
    expect((await put()).status).toBe(200);
    expect((await oss.fetch('https://other.oss-cn-hangzhou.aliyuncs.com/a')).status).toBe(200);
  });

  test.each(['Upper', 'a', 'a_b', '-ab', 'ab-', 'a'.repeat(64)])('PutBucket refuses the name %s', async (bucket) => {
    const { url, headers } = sign(
      { method: 'PUT', bucket, key: '', origin: `http://127.0.0.1/${bucket}` },
      { ...KEYS, time: Date.UTC(2026, 0, 2, 12) },
    );
    expect(await refusal(await anOss().fetch(url, { method: 'PUT', headers }))).toMatchObject({
      status: 400,
      code: 'InvalidBucketName',
    });
  });

  test('PutBucket without a signature makes nothing', async () => {
    const oss = anOss();
    const response = await oss.fetch('https://other.oss-cn-hangzhou.aliyuncs.com/', { method: 'PUT' });
    expect(await refusal(response)).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(() => oss.object('other', 'a')).toThrow(RangeError);
  });
});

describe('the list of buckets', () => {
  const list = (oss: LocalOss, signing = {}) => {
    const { url, headers } = sign(
      { method: 'GET', bucket: '', key: '', query: { prefix: 'lo' }, origin: 'http://127.0.0.1' },
      { ...KEYS, time: Date.UTC(2026, 0, 2, 12), ...signing },
    );
    return oss.fetch(url, { headers });
  };

  test('ListBuckets names the buckets with a prefix', async () => {
    const oss = new LocalOss({
      buckets: { logs: { region: 'cn-hangzhou' }, other: { region: 'cn-beijing' } },
      accessKeys: { [KEYS.accessKeyId]: KEYS.accessKeySecret },
      clock: new ManualClock(),
    });
    const xml = await (await list(oss)).text();
    expect([all(xml, 'Name'), all(xml, 'Location')]).toEqual([['logs'], ['oss-cn-hangzhou']]);
  });

  test('ListBuckets has the host of a region too, and the signature names this region', async () => {
    const oss = new LocalOss({
      buckets: { logs: { region: 'cn-hangzhou' }, other: { region: 'cn-beijing' } },
      accessKeys: { [KEYS.accessKeyId]: KEYS.accessKeySecret },
      clock: new ManualClock(),
    });
    const send = (region: string, key = '', host = 'oss-cn-beijing') => {
      const request = { method: 'GET', bucket: '', key, origin: `https://${host}.aliyuncs.com` };
      const { url, headers } = sign(request, { ...KEYS, region, time: Date.UTC(2026, 0, 2, 12) });
      return oss.fetch(url, { headers });
    };
    expect(all(await (await send('cn-beijing')).text(), 'Name')).toEqual(['logs', 'other']);
    expect(await refusal(await send('cn-hangzhou'))).toMatchObject({ code: 'InvalidArgument', ec: '0002-00000228' });
    for (const response of [await send('cn-beijing', 'logs'), await send('cn-beijing', '', 'oss-accelerate')])
      expect(await refusal(response)).toMatchObject({ status: 403, code: 'SecondLevelDomainForbidden' });
  });

  test('ListBuckets goes on after a marker', async () => {
    const { url, headers } = sign(
      { method: 'GET', bucket: '', key: '', query: { 'max-keys': '1', marker: 'a' }, origin: 'http://127.0.0.1' },
      { ...KEYS, time: Date.UTC(2026, 0, 2, 12) },
    );
    const oss = new LocalOss({
      buckets: { 'b-2': { region: 'cn-hangzhou' }, 'b-1': { region: 'cn-hangzhou' } },
      accessKeys: { [KEYS.accessKeyId]: KEYS.accessKeySecret },
      clock: new ManualClock(),
    });
    const xml = await (await oss.fetch(url, { headers })).text();
    expect([all(xml, 'Name'), element(xml, 'IsTruncated'), element(xml, 'NextMarker')]).toEqual([
      ['b-1'],
      'true',
      'b-1',
    ]);
  });

  test('a missing bucket is reported before the signature is checked', async () => {
    const request = { method: 'GET', bucket: 'nowhere', key: 'a' };
    const { url, headers } = sign(request, { ...KEYS, accessKeyId: 'unknown', time: Date.UTC(2026, 0, 2, 12) });
    expect(await refusal(await anOss().fetch(url, { headers }))).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });

  test('ListBuckets is refused without a signature', async () => {
    const response = await anOss().fetch('http://127.0.0.1/');
    expect(await refusal(response)).toMatchObject({ status: 403, code: 'AccessDenied' });
  });

  test('DeleteBucket removes an empty bucket only', async () => {
    const oss = anOss();
    oss.appendObject('logs', 'a', new Uint8Array(1));
    expect(await refusal(await call(oss, ['DELETE', '']))).toMatchObject({ status: 409, code: 'BucketNotEmpty' });
    oss.deleteObject('logs', 'a');
    expect((await call(oss, ['DELETE', ''])).status).toBe(204);
    expect(await refusal(await call(oss, ['GET', 'a']))).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });
});

describe('the CORS rules of a bucket', () => {
  const rule =
    '<CORSConfiguration><CORSRule><AllowedOrigin>https://b.example</AllowedOrigin><AllowedMethod>POST</AllowedMethod>' +
    '<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>5</MaxAgeSeconds></CORSRule>' +
    '<ResponseVary>true</ResponseVary></CORSConfiguration>';

  async function preflight(oss: LocalOss, origin: string): Promise<number> {
    const headers = { origin, 'access-control-request-method': 'POST' };
    return (await oss.fetch('https://logs.oss-cn-hangzhou.aliyuncs.com/a', { method: 'OPTIONS', headers })).status;
  }

  test('PutBucketCors replaces them, and preflights follow the new ones', async () => {
    const oss = anOss();
    expect(await preflight(oss, 'https://b.example')).toBe(403);
    expect((await call(oss, ['PUT', '', { cors: '' }], { body: rule })).status).toBe(200);
    expect(await preflight(oss, 'https://b.example')).toBe(200);
    const xml = await xmlOf(oss, ['GET', '', { cors: '' }]);
    expect([element(xml, 'AllowedOrigin'), element(xml, 'ExposeHeader'), element(xml, 'ResponseVary')]).toEqual([
      'https://b.example',
      'ETag',
      'true',
    ]);
  });

  test('without ResponseVary in the rules, no answer has Vary', async () => {
    const oss = anOss();
    const body = rule.replace(/<ResponseVary>.*<\/ResponseVary>/, '');
    expect((await call(oss, ['PUT', '', { cors: '' }], { body })).status).toBe(200);
    expect(element(await xmlOf(oss, ['GET', '', { cors: '' }]), 'ResponseVary')).toBe('false');
    expect((await call(oss, ['HEAD', 'none'])).headers.has('vary')).toBe(false);
  });

  test('DeleteBucketCors removes them', async () => {
    const oss = anOss();
    expect((await call(oss, ['DELETE', '', { cors: '' }])).status).toBe(204);
    expect(await refusal(await call(oss, ['GET', '', { cors: '' }]))).toMatchObject({
      status: 404,
      code: 'NoSuchCORSConfiguration',
    });
  });

  /** Makes a document of a number of rules. */
  const rules = (count: number) => {
    const [one = ''] = /<CORSRule>.*<\/CORSRule>/.exec(rule) ?? [];
    return rule.replace(one, one.repeat(count));
  };
  const age = '<MaxAgeSeconds>5</MaxAgeSeconds>';

  test.each([
    ['ten rules', rules(10)],
    ['16 KiB of XML', rule.padEnd(16_384)],
    ['no MaxAgeSeconds', rule.replace(age, '')],
    ['one star in an origin and in a header', rule.replace('b.example', '*.example').replace('>*<', '>x-oss-*<')],
  ])('%s: accepted', async (_, body) => {
    expect((await call(anOss(), ['PUT', '', { cors: '' }], { body })).status).toBe(200);
  });

  test.each([
    ['no rule', '<CORSConfiguration></CORSConfiguration>', 'MalformedXML'],
    ['no XML', 'rules', 'MalformedXML'],
    ['no origin', rule.replace(/<AllowedOrigin>.*?<\/AllowedOrigin>/, ''), 'MalformedXML'],
    ['no method', rule.replace(/<AllowedMethod>.*?<\/AllowedMethod>/, ''), 'MalformedXML'],
    ['two stars in an origin', rule.replace('b.example', '*.*'), 'MalformedXML'],
    ['two stars in an allowed header', rule.replace('>*<', '>x-*-*<'), 'MalformedXML'],
    ['a character that an allowed header cannot have', rule.replace('>*<', '>a&lt;b<'), 'MalformedXML'],
    ['a wildcard among the exposed headers', rule.replace('ETag', '*'), 'MalformedXML'],
    ['a character that an exposed header cannot have', rule.replace('ETag', '&quot;ETag&quot;'), 'MalformedXML'],
    ['two MaxAgeSeconds in a rule', rule.replace(age, age + age), 'MalformedXML'],
    ['MaxAgeSeconds that is not a number', rule.replace(age, age.replace('5', '5s')), 'MalformedXML'],
    ['more than 16 KiB of XML', rule.padEnd(16_385), 'MalformedXML'],
    ['more than 16 KiB of XML in fewer characters', `${rule}${' '.repeat(8000)}${'é'.repeat(5000)}`, 'MalformedXML'],
    ['eleven rules', rules(11), 'CORSRuleBeyondLimit'],
    ['a method of another kind', rule.replace('POST', 'PATCH'), 'InvalidArgument'],
  ])('%s: refused, and the rules stay', async (_, body, code) => {
    const oss = anOss();
    expect(await refusal(await call(oss, ['PUT', '', { cors: '' }], { body }))).toMatchObject({ status: 400, code });
    expect(element(await xmlOf(oss, ['GET', '', { cors: '' }]), 'AllowedOrigin')).toBe('https://a.example');
  });
});

describe('objects', () => {
  test('GetObjectAcl and GetObjectTagging return what the object was created with', async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0, { 'x-oss-object-acl': 'public-read', 'x-oss-tagging': 'k=v%20w&l=' }), {
      body: 'x',
    });
    expect(element(await xmlOf(oss, ['GET', 'a', { acl: '' }]), 'Grant')).toBe('public-read');
    const xml = await xmlOf(oss, ['GET', 'a', { tagging: '' }]);
    expect([all(xml, 'Key'), all(xml, 'Value')]).toEqual([
      ['k', 'l'],
      ['v w', ''],
    ]);
  });

  test.each(['acl', 'tagging'])('GET ?%s of a missing object is NoSuchKey', async (name) => {
    expect(await refusal(await call(anOss(), ['GET', 'a', { [name]: '' }]))).toMatchObject({
      status: 404,
      code: 'NoSuchKey',
    });
  });

  test('DeleteMultipleObjects deletes the objects that it names, and a token must be allowed to delete each', async () => {
    const oss = anOss();
    for (const key of ['a', 'b&c', 'd']) oss.appendObject('logs', key, new Uint8Array(1));
    const body = '<Delete><Object><Key>a</Key></Object><Object><Key>b&amp;c</Key></Object></Delete>';
    const Statement = { Effect: 'Allow', Action: 'oss:DeleteObject', Resource: 'acs:oss:*:*:logs/a' };
    const token = oss.issueToken({ policy: { Version: '1', Statement } });
    expect(await refusal(await call(oss, ['POST', '', { delete: '' }], { body, ...token }))).toMatchObject({
      code: 'AccessDenied',
    });
    expect(oss.keys('logs')).toEqual(['a', 'b&c', 'd']);
    const xml = await (await call(oss, ['POST', '', { delete: '' }], { body })).text();
    expect([all(xml, 'Key'), oss.keys('logs')]).toEqual([['a', 'b&amp;c'], ['d']]);
  });

  test('DeleteMultipleObjects reads every character of a key, and writes keys as the client asks', async () => {
    const oss = anOss();
    const keys = [' a ', '\n', 'b<', '\u{1f600}'];
    for (const key of keys) oss.appendObject('logs', key, new Uint8Array(1));
    const named = [' a ', '&#10;', 'b&lt;', '&#x1F600;'].map((key) => `<Object><Key>${key}</Key></Object>`);
    const options = { body: `<Delete>${named.join('')}</Delete>` };
    const xml = await (await call(oss, ['POST', '', { delete: '', 'encoding-type': 'url' }], options)).text();
    expect(all(xml, 'Key').map(decodeURIComponent)).toEqual(keys);
    expect([element(xml, 'EncodingType'), oss.keys('logs')]).toEqual(['url', []]);
  });

  test('a bucket has the storage class of its creation, and so have its objects', async () => {
    const oss = anOss();
    const body = '<CreateBucketConfiguration><StorageClass>Archive</StorageClass></CreateBucketConfiguration>';
    const send = (what: Call, options: CallOptions = {}) => call(oss, what, { ...options, bucket: 'cold-logs' });
    expect((await send(['PUT', ''], { body })).status).toBe(200);
    expect(element(await (await send(['GET', '', { bucketInfo: '' }])).text(), 'StorageClass')).toBe('Archive');
    expect((await send(['PUT', 'a'], { body: 'x' })).status).toBe(200);
    expect((await send(['HEAD', 'a'])).headers.get('x-oss-storage-class')).toBe('Archive');
    expect(await refusal(await send(['GET', 'a']))).toMatchObject({ status: 403, code: 'InvalidObjectState' });
    const wrong = body.replace('Archive', 'Warm');
    expect(await refusal(await send(['PUT', ''], { body: wrong }))).toMatchObject({
      status: 400,
      code: 'MalformedXML',
    });
  });

  test('ListObjectVersions names one version of each object, in pages', async () => {
    const oss = anOss();
    for (const key of ['a', 'b']) oss.appendObject('logs', key, new Uint8Array(1));
    const first = await xmlOf(oss, ['GET', '', { versions: '', 'max-keys': '1' }]);
    expect([all(first, 'Key'), all(first, 'VersionId'), element(first, 'NextKeyMarker')]).toEqual([
      ['a'],
      ['null'],
      'a',
    ]);
    expect(all(await xmlOf(oss, ['GET', '', { versions: '', 'key-marker': 'a' }]), 'Key')).toEqual(['b']);
  });

  test('ListMultipartUploads is always empty', async () => {
    expect(all(await xmlOf(anOss(), ['GET', '', { uploads: '' }]), 'Upload')).toEqual([]);
  });

  // The first Python SDK reads these elements without asking whether they are there.
  test('ListMultipartUploads repeats the parameters, and has the elements of the next page, which are empty', async () => {
    const query = { uploads: '', prefix: 'a/', delimiter: '/', 'key-marker': 'a/b', 'upload-id-marker': 'u' };
    const xml = await xmlOf(anOss(), ['GET', '', { ...query, 'max-uploads': '7', 'encoding-type': 'url' }]);
    const names = ['EncodingType', 'Prefix', 'Delimiter', 'KeyMarker', 'UploadIdMarker', 'MaxUploads'];
    expect(names.map((name) => element(xml, name))).toEqual(['url', 'a%2F', '%2F', 'a%2Fb', 'u', '7']);
    expect([all(xml, 'NextKeyMarker'), all(xml, 'NextUploadIdMarker')]).toEqual([[''], ['']]);
    const tooMany = await call(anOss(), ['GET', '', { uploads: '', 'max-uploads': '1001' }]);
    expect(await refusal(tooMany)).toMatchObject({ status: 400, code: 'InvalidArgument' });
  });

  test('CopyObject refuses an appendable source, and LocalOss copies nothing else', async () => {
    const oss = anOss();
    oss.appendObject('logs', 'a', new Uint8Array(1));
    oss.putObject('logs', 'n', new Uint8Array(1));
    const copy = (source: string) => call(oss, ['PUT', 'b', {}, { 'x-oss-copy-source': source }]);
    expect(await refusal(await copy('/logs/a'))).toMatchObject({ status: 400, code: 'OperationNotSupported' });
    expect(await refusal(await copy('/logs/n'))).toMatchObject({ status: 501, code: 'NotImplemented' });
    expect(oss.object('logs', 'b')).toBeUndefined();
  });

  test('a normal object has a Content-MD5, and an appendable one has none', async () => {
    const oss = anOss();
    const { headers } = await call(oss, ['PUT', 'n'], { body: 'test' });
    expect(headers.get('content-md5')).toBe('CY9rzUYh03PK3k6DJie09g==');
    await call(oss, appendCall('a', 0), { body: 'test' });
    const md5Of = async (key: string) => (await call(oss, ['HEAD', key])).headers.get('content-md5');
    expect([await md5Of('n'), await md5Of('a')]).toEqual(['CY9rzUYh03PK3k6DJie09g==', null]);
  });

  test('a suffix range of an empty object is the whole object', async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0));
    const response = await call(oss, ['GET', 'a', {}, { range: 'bytes=-1' }]);
    expect([response.status, response.headers.get('content-range')]).toEqual([200, null]);
  });

  test('an append at a position of 16 digits is refused like every other wrong position', async () => {
    const response = await call(anOss(), appendCall('a', '1000000000000000'), { body: 'x' });
    expect(await refusal(response)).toMatchObject({ status: 409, code: 'PositionNotEqualToLength' });
  });

  test('an append cannot name a key of KMS', async () => {
    const id = { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-encryption-key-id': 'k' };
    expect(await refusal(await call(anOss(), appendCall('a', 0, id), { body: 'x' }))).toMatchObject({
      status: 400,
      code: 'InvalidArgument',
    });
    expect((await call(anOss(), ['PUT', 'a', {}, id], { body: 'x' })).status).toBe(200);
  });

  test('an append that is encrypted with KMS is answered with the key that OSS has chosen', async () => {
    const headers = { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-data-encryption': 'SM4' };
    const oss = anOss();
    for (const what of [appendCall('a', 0, headers), appendCall('a', 1)]) {
      const answer = (await call(oss, what, { body: 'x' })).headers;
      expect(answer.get('x-oss-server-side-encryption')).toBe('KMS');
      expect(answer.get('x-oss-server-side-data-encryption')).toBe('SM4');
      expect(answer.get('x-oss-server-side-encryption-key-id')).toMatch(/^[\da-f-]{36}$/);
    }
  });
});

describe('a requester-pays bucket', () => {
  const PAYER = { 'x-oss-request-payer': 'requester' };
  const anOssOf = (acl: 'private' | 'public-read') =>
    new LocalOss({
      buckets: { logs: { region: 'cn-hangzhou', requesterPays: true, acl } },
      accessKeys: { [KEYS.accessKeyId]: KEYS.accessKeySecret },
      clock: new ManualClock(),
    });

  test('an answer says that the requester was charged, and a refusal does not', async () => {
    const oss = anOssOf('private');
    const [append, head] = [
      await call(oss, appendCall('a', 0, PAYER), { body: 'x' }),
      await call(oss, ['HEAD', 'a', {}, PAYER]),
    ];
    const refused = await call(oss, appendCall('a', 0, PAYER), { body: 'x' });
    const charged = [append, head, refused].map(({ headers }) => headers.get('x-oss-request-charged'));
    expect([append.status, refused.status, charged]).toEqual([200, 409, ['requester', 'requester', null]]);
  });

  test.each<[string, string, (oss: LocalOss) => Promise<Response>]>([
    ['a signature in the header', '0003-00000703', (oss) => call(oss, ['GET', 'a'])],
    ['a signature in the query', '0003-00000702', (oss) => call(oss, ['GET', 'a'], { expires: 60 })],
    [
      'no signature, even if the payer is named',
      '0003-00000701',
      (oss) => oss.fetch('https://logs.oss-cn-hangzhou.aliyuncs.com/a', { headers: PAYER }),
    ],
  ])('a request with %s is refused', async (_, ec, send) => {
    const oss = anOssOf('public-read');
    oss.appendObject('logs', 'a', 1);
    expect(await refusal(await send(oss))).toMatchObject({ status: 403, code: 'AccessDenied', ec });
  });
});

test('a refusal of a host that names no bucket has the headers of OSS', async () => {
  const response = await anOss().fetch('https://oss-cn-hangzhou.aliyuncs.com/a');
  expect(response.status).toBe(403);
  for (const name of ['server', 'date', 'x-oss-request-id', 'x-oss-server-time'])
    expect(response.headers.get(name)).toBeTruthy();
});
