/** HeadObject, GetObject, PutObject and DeleteObject in LocalOss. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { crc64, crc64OfZeros } from '../../src/testing/crc64.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { anOss, streamOf, utf8 } from './text.ts';
import { appendCall, call, element, refusal } from './tools.ts';

describe('HeadObject', () => {
  test('it reports type, length, position and CRC', async () => {
    const oss = anOss();
    oss.appendObject('logs', 'a', utf8('test'));
    const { status, headers } = await call(oss, ['HEAD', 'a']);
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-length': '4',
      'content-type': 'application/octet-stream',
      etag: oss.object('logs', 'a')?.etag,
      'last-modified': 'Fri, 02 Jan 2026 12:00:00 GMT',
      'x-oss-object-type': 'Appendable',
      'x-oss-next-append-position': '4',
      'x-oss-hash-crc64ecma': '18020588380933092773',
      'x-oss-storage-class': 'Standard',
    });
  });

  test('a normal object has no position', async () => {
    const oss = anOss();
    await call(oss, ['PUT', 'a'], { body: 'test' });
    const { headers } = await call(oss, ['HEAD', 'a']);
    expect(headers.get('x-oss-object-type')).toBe('Normal');
    expect(headers.has('x-oss-next-append-position')).toBe(false);
    expect(headers.get('x-oss-hash-crc64ecma')).toBe('18020588380933092773');
    expect(headers.get('etag')).toBe(`"${createHash('md5').update('test').digest('hex').toUpperCase()}"`);
  });

  test('objectMeta has length, ETag, time and CRC, but neither type nor position nor metadata', async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0, { 'x-oss-meta-a': 'b', 'cache-control': 'no-cache' }), { body: 'test' });
    const { headers } = await call(oss, ['HEAD', 'a', { objectMeta: '' }]);
    const common = ['date', 'server', 'x-oss-request-id', 'x-oss-server-time'];
    const own = ['content-length', 'etag', 'last-modified', 'x-oss-hash-crc64ecma'];
    expect([...headers.keys()]).toEqual([...common, ...own].sort());
    expect(headers.get('content-length')).toBe('4');
    expect(oss.requests.at(-1)?.operation).toBe('GetObjectMeta');
  });

  test('an error is in x-oss-err, with text of any language intact', async () => {
    const response = await call(anOss(), ['HEAD', '日志<&\'">']);
    expect(await response.text()).toBe('');
    const answer = await refusal(response);
    expect(answer).toMatchObject({ status: 404, code: 'NoSuchKey', ec: '0026-00000001' });
    expect(answer.xml).toContain('<Key>日志&lt;&amp;&apos;&quot;&gt;</Key>');
  });

  test.each<[string, Record<string, string>, number]>([
    ['If-Match with another ETag', { 'if-match': '"x"' }, 412],
    ['If-Match with *', { 'if-match': '*' }, 200],
    ['If-None-Match with *', { 'if-none-match': '*' }, 304],
    ['If-Modified-Since that is not a date', { 'if-modified-since': '2030' }, 200],
    ['If-Unmodified-Since that is not a date', { 'if-unmodified-since': '2000' }, 200],
    ['If-Match with two ETags, one of which matches', { 'if-match': '"x", ETAG' }, 200],
    ['If-None-Match with this ETag', { 'if-none-match': 'ETAG' }, 304],
    ['If-None-Match with another ETag', { 'if-none-match': '"x"' }, 200],
    ['If-Modified-Since with an earlier time', { 'if-modified-since': 'Fri, 02 Jan 2026 11:59:59 GMT' }, 200],
    ['If-Modified-Since with the same time', { 'if-modified-since': 'Fri, 02 Jan 2026 12:00:00 GMT' }, 304],
    ['If-Unmodified-Since with an earlier time', { 'if-unmodified-since': 'Fri, 02 Jan 2026 11:59:59 GMT' }, 412],
    ['If-Unmodified-Since with the same time', { 'if-unmodified-since': 'Fri, 02 Jan 2026 12:00:00 GMT' }, 200],
  ])('%s: %i', async (_, conditions, status) => {
    const oss = anOss();
    oss.appendObject('logs', 'a', utf8('test'));
    const etag = oss.object('logs', 'a')?.etag ?? '';
    const headers = Object.fromEntries(Object.entries(conditions).map(([n, v]) => [n, v.replace('ETAG', etag)]));
    expect((await call(oss, ['HEAD', 'a', {}, headers])).status).toBe(status);
    const read = await call(oss, ['GET', 'a', {}, headers]);
    expect(read.status).toBe(status);
    const [condition] = Object.keys(conditions);
    if (status === 412) expect(element((await refusal(read)).xml, 'Condition').toLowerCase()).toBe(condition);
  });
});

describe('GetObject', () => {
  test('it has the headers of HeadObject, with the next position and the time of the seal', async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0, { 'x-oss-meta-a': 'b' }), { body: 'test' });
    await call(oss, ['POST', 'a', { seal: '', position: '4' }]);
    const [head, get] = await Promise.all(['HEAD', 'GET'].map((method) => call(oss, [method, 'a'])));
    const headers = Object.fromEntries(get?.headers ?? []);
    expect(headers).toMatchObject({
      'x-oss-next-append-position': '4',
      'x-oss-object-type': 'Appendable',
      'x-oss-sealed-time': 'Fri, 02 Jan 2026 12:00:00 GMT',
      'x-oss-meta-a': 'b',
    });
    expect({ ...headers, 'x-oss-request-id': '' }).toEqual({
      ...Object.fromEntries(head?.headers ?? []),
      'x-oss-request-id': '',
    });
  });

  const get = async (range: string | undefined, standard: boolean, object = 'test1234') => {
    const oss = anOss();
    // The object has three appends, so that a range can cover several pieces.
    for (const piece of [object.slice(0, 3), object.slice(3, 4), object.slice(4)]) {
      if (piece !== '') oss.appendObject('logs', 'a', utf8(piece));
    }
    if (object === '') oss.appendObject('logs', 'a', utf8(''));
    const headers = { ...(range ? { range } : {}), ...(standard ? { 'x-oss-range-behavior': 'standard' } : {}) };
    const response = await call(oss, ['GET', 'a', {}, headers]);
    expect(response.headers.get('x-oss-hash-crc64ecma')).toBe(
      response.status === 416 ? null : (oss.object('logs', 'a')?.crc64 ?? null),
    );
    return [response.status, response.headers.get('content-range'), response.status < 400 ? await response.text() : ''];
  };

  test.each<[string | undefined, string, string, string]>([
    // range, bytes, Content-Range, and what `standard` changes: bytes and Content-Range
    [undefined, 'test1234', '', ''],
    ['bytes=0-3', 'test', '0-3', ''],
    ['bytes=2-5', 'st12', '2-5', ''],
    ['bytes=7-7', '4', '7-7', ''],
    ['bytes=4-', '1234', '4-7', ''],
    ['bytes=-3', '234', '5-7', ''],
    ['bytes=-8', 'test1234', '0-7', ''],
    ['bytes=0-1,4-5', 'te', '0-1', ''],
    ['bytes=5-3', 'test1234', '', ''],
    ['bytes=-', 'test1234', '', ''],
    ['byte=0-3', 'test1234', '', ''],
    ['bytes=4-8', 'test1234', '', '1234 4-7'],
    ['bytes=-9', 'test1234', '', 'test1234 0-7'],
    ['bytes=8-9', 'test1234', '', '416'],
    ['bytes=8-', 'test1234', '', '416'],
    ['bytes=-0', 'test1234', '', '416'],
  ])('%s', async (range, bytes, shown, standard) => {
    const plain = [shown ? 206 : 200, shown ? `bytes ${shown}/8` : null, bytes];
    expect(await get(range, false)).toEqual(plain);
    const [text2 = '', shown2 = ''] = standard.split(' ');
    if (standard === '416') expect(await get(range, true)).toEqual([416, 'bytes */8', '']);
    else expect(await get(range, true)).toEqual(standard ? [206, `bytes ${shown2}/8`, text2] : plain);
  });

  test('an empty object has an empty body', async () => {
    expect(await get(undefined, false, '')).toEqual([200, null, '']);
    expect(await get('bytes=0-0', false, '')).toEqual([200, null, '']);
    expect(await get('bytes=0-0', true, '')).toEqual([416, 'bytes */0', '']);
  });

  test('a large object is a stream of the bytes at the time of the request', async () => {
    const oss = anOss();
    const bytes = new Uint8Array(randomBytes(3_000_001));
    oss.appendObject('logs', 'a', bytes.subarray(0, 1_999_999));
    oss.appendObject('logs', 'a', bytes.subarray(1_999_999));
    const response = await call(oss, ['GET', 'a', {}, { range: 'bytes=1-3000000' }]);
    oss.appendObject('logs', 'a', utf8('later'));
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(1))).toBe(true);
  });

  const LONG_TEXT = 'x'.repeat(1024);

  /**
   * The headers Content-Length, ETag and Accept-Ranges of an answer if they are present, its Content-Encoding, and its
   * bytes.
   */
  const shownOf = async (
    request: Parameters<typeof call>[1],
    { type = 'text/plain', body = LONG_TEXT, encoding = '' } = {},
  ): Promise<[names: string, coding: string | null, bytes: number]> => {
    const oss = anOss();
    const headers = { 'content-type': type, ...(encoding ? { 'content-encoding': encoding } : {}) };
    await call(oss, appendCall('a', 0, headers), { body });
    const response = await call(oss, request);
    const names = ['content-length', 'etag', 'accept-ranges'].filter((name) => response.headers.has(name));
    return [names.join(' '), response.headers.get('content-encoding'), (await response.arrayBuffer()).byteLength];
  };
  const ALL = 'content-length etag accept-ranges';

  test.each([
    ...['text/cache-manifest', 'text/xml', 'text/css', 'text/html', 'text/plain', 'text/json', 'application/json'],
    ...['application/javascript', 'application/x-javascript', 'application/rss+xml', 'Text/Plain; charset=utf-8'],
  ])('a text of 1,024 bytes as %s is compressed during the transfer, without length, ETag and ranges', async (type) => {
    expect(await shownOf(['HEAD', 'a'], { type })).toEqual(['', 'gzip', 0]);
    expect(await shownOf(['HEAD', 'a', { objectMeta: '' }], { type })).toEqual(['', 'gzip', 0]);
    // A caller of `fetch` gets the decoded bytes.
    expect(await shownOf(['GET', 'a'], { type })).toEqual(['', null, 1024]);
    expect(await shownOf(['GET', 'a', {}, { range: 'bytes=24-' }], { type })).toEqual([ALL, null, 1000]);
    expect(await shownOf(['HEAD', 'a', {}, { 'accept-encoding': 'br, gzip' }], { type })).toEqual(['', 'gzip', 0]);
  });

  test.each<[string, Parameters<typeof call>[1], Parameters<typeof shownOf>[1], string | null]>([
    ['of 1,023 bytes', ['HEAD', 'a'], { body: 'x'.repeat(1023) }, null],
    ['of another type', ['HEAD', 'a'], { type: 'text/csv' }, null],
    ['for a client that does not accept gzip', ['HEAD', 'a', {}, { 'accept-encoding': 'identity' }], {}, null],
    ['stored with a Content-Encoding', ['HEAD', 'a'], { encoding: 'br' }, 'br'],
  ])('an object %s is not compressed', async (_, request, object, coding) => {
    expect(await shownOf(request, object)).toEqual([ALL, coding, 0]);
  });

  test('the parameters response-* of the query override headers', async () => {
    const oss = anOss();
    oss.appendObject('logs', 'a', utf8('test'));
    const query = { 'response-content-type': 'text/css', 'response-content-disposition': 'attachment' };
    const { headers } = await call(oss, ['GET', 'a', query]);
    expect([headers.get('content-type'), headers.get('content-disposition')]).toEqual(['text/css', 'attachment']);
  });

  test('response-* is refused without a signature', async () => {
    const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', acl: 'public-read' } } });
    oss.appendObject('logs', 'a', utf8('test'));
    const url = 'https://logs.oss-cn-hangzhou.aliyuncs.com/a';
    expect((await oss.fetch(url)).status).toBe(200);
    const response = await oss.fetch(`${url}?response-content-encoding=identity`);
    expect(await refusal(response)).toMatchObject({ status: 400, code: 'InvalidRequest' });
  });

  test('a missing key and a missing bucket have different errors', async () => {
    expect(await refusal(await call(anOss(), ['GET', 'b']))).toMatchObject({ status: 404, code: 'NoSuchKey' });
    const response = await call(anOss(), ['GET', 'b'], {
      tamper: (signed) => {
        signed.url = signed.url.replace('logs.', 'nobody.');
      },
    });
    expect(await refusal(response)).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    const anonymous = await anOss().fetch('https://nobody.oss-cn-hangzhou.aliyuncs.com/a');
    expect(await refusal(anonymous)).toMatchObject({ status: 404, code: 'NoSuchBucket', ec: '0015-00000101' });
  });
});

describe('PutObject and DeleteObject', () => {
  test('PutObject replaces an object, and forbid-overwrite keeps it', async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0), { body: 'test' });
    const put = await call(oss, ['PUT', 'a', {}, { 'content-type': 'text/plain' }], { body: 'put' });
    expect(put.headers.get('x-oss-hash-crc64ecma')).toBe(String(crc64(utf8('put'))));
    expect(oss.object('logs', 'a')).toMatchObject({
      type: 'Normal',
      length: 3,
      headers: { 'content-type': 'text/plain' },
    });
    const again = await call(oss, ['PUT', 'a', {}, { 'x-oss-forbid-overwrite': 'true' }], { body: 'x' });
    expect(await refusal(again)).toMatchObject({ status: 409, code: 'FileAlreadyExists', ec: '0026-00000002' });
    expect(oss.object('logs', 'a')?.length).toBe(3);
  });

  test('DeleteObject answers 204 for a missing object as well, and the next append begins at 0', async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0), { body: 'test' });
    expect([(await call(oss, ['DELETE', 'a'])).status, (await call(oss, ['DELETE', 'a'])).status]).toEqual([204, 204]);
    expect(oss.object('logs', 'a')).toBeUndefined();
    expect((await call(oss, appendCall('a', 0), { body: 'x' })).status).toBe(200);
  });

  test.each<[string, string, Record<string, string>]>([
    ['PUT', 'a', { acl: '' }],
    ['PUT', 'a', { tagging: '' }],
    ['POST', 'a', { uploads: '' }],
    ['POST', 'a', {}],
    ['GET', '', { lifecycle: '' }],
    ['PUT', '', { acl: '' }],
  ])('%s "%s" %o is answered with 501, and changes nothing', async (method, key, query) => {
    const oss = anOss();
    const body = method === 'GET' ? {} : { body: 'x' };
    expect(await refusal(await call(oss, [method, key, query], body))).toMatchObject({
      status: 501,
      code: 'NotImplemented',
    });
    expect(oss.object('logs', 'a')).toBeUndefined();
  });
});

describe("contents: 'checksum'", () => {
  test('keeps length and CRC, and refuses to return bytes', async () => {
    const oss = anOss('checksum');
    await call(oss, appendCall('a', 0), { body: streamOf('te', 's') });
    await call(oss, appendCall('a', 3), { body: 't' });
    const object = oss.object('logs', 'a');
    expect(object).toMatchObject({ length: 4, crc64: '18020588380933092773' });
    expect(() => object?.bytes()).toThrow(/checksum/);
    expect((await call(oss, ['HEAD', 'a'])).headers.get('x-oss-hash-crc64ecma')).toBe('18020588380933092773');
    expect((await call(oss, ['GET', 'a'])).status).toBe(501);
    await call(oss, appendCall('empty', 0));
    expect((await call(oss, ['GET', 'empty'])).status).toBe(200);
    await call(oss, ['PUT', 'b'], { body: 'test' });
    expect(oss.object('logs', 'b')?.etag).toBe(`"${createHash('md5').update('test').digest('hex').toUpperCase()}"`);
  });

  test('uses no more memory while 256 MiB pass through', async () => {
    const oss = anOss('checksum');
    let left = 256;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (left-- > 0) controller.enqueue(new Uint8Array(1 << 20));
        else controller.close();
      },
    });
    const before = process.memoryUsage().arrayBuffers;
    const { status } = await call(oss, appendCall('a', 0), { body });
    expect(status).toBe(200);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(128 << 20);
    expect(oss.object('logs', 'a')?.crc64).toBe(String(crc64OfZeros(256 << 20)));
  });
});
