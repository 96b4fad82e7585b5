import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { crc64, crc64Combine, crc64OfZeros } from '../src/testing/crc64.ts';
import { LocalOss } from '../src/testing/index.ts';
import { Md5 } from '../src/testing/md5.ts';
import { appendCall, type CallOptions, call, element, ManualClock, refusal } from './local-oss-tools.ts';

const GIB = 1024 ** 3;

function anOss(contents: 'bytes' | 'checksum' = 'bytes', clock = new ManualClock()): LocalOss {
  return new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', contents } }, accessKeys: { ak: 'sk' }, clock });
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

function utf8(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(value);
}

/** Makes a stream of these pieces, as bytes. */
function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(utf8(piece));
      controller.close();
    },
  });
}

describe('the checksums', () => {
  test.each([
    ['', 0n],
    ['test', 18020588380933092773n],
    ['123456789', 11051210869376104954n],
    ['hi oss,append object', 2313496259928504459n],
    ['hello from the typescript sdk 世界', 2861621986004973752n],
  ])('CRC-64 of "%s"', (data, expected) => {
    expect(crc64(utf8(data))).toBe(expected);
  });

  test('a CRC-64 that is continued or combined at any position is correct', () => {
    const data = randomBytes(100);
    for (let at = 0; at <= data.length; at++) {
      const [a, b] = [data.subarray(0, at), data.subarray(at)];
      expect(crc64(b, crc64(a))).toBe(crc64(data));
      expect(crc64Combine(crc64(a), crc64(b), b.length)).toBe(crc64(data));
    }
  });

  test('a CRC-64 combined over a length that needs many squarings is correct', () => {
    const parts = [utf8('hello '), utf8('append world'.repeat(1000))] as const;
    expect(crc64Combine(crc64(parts[0]), crc64(parts[1]), 12_000)).toBe(15259750600578523500n);
    // Zero bytes that are added in one step or in two steps must give the same CRC, even beyond lengths of 32 bits.
    expect(crc64Combine(crc64OfZeros(3 * GIB), crc64OfZeros(GIB + 1), GIB + 1)).toBe(crc64OfZeros(4 * GIB + 1));
    expect(crc64OfZeros(1000)).toBe(crc64(new Uint8Array(1000)));
  });

  test('an MD5 of every length around a block is correct, in pieces', () => {
    for (let length = 0; length < 200; length++) {
      const data = randomBytes(length);
      const pieces = new Md5().update(data.subarray(0, length >> 1)).update(data.subarray(length >> 1));
      expect(Buffer.from(pieces.digest()).toString('hex')).toBe(createHash('md5').update(data).digest('hex'));
    }
  });
});

describe('AppendObject', () => {
  test('it answers with the next position, the CRC of the whole object and a new ETag', async () => {
    const oss = anOss();
    const first = await call(oss, appendCall('a', 0), { body: 'te' });
    const second = await call(oss, appendCall('a', 2), { body: 'st' });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(await second.text()).toBe('');
    expect(second.headers.get('x-oss-next-append-position')).toBe('4');
    expect(second.headers.get('x-oss-hash-crc64ecma')).toBe('18020588380933092773');
    expect(second.headers.get('etag')).toMatch(/^"[0-9A-F]{24}00000000"$/);
    expect(second.headers.get('etag')).not.toBe(first.headers.get('etag'));
    expect(second.headers.get('x-oss-request-id')).toMatch(/^[0-9A-F]{24}$/);
    expect(second.headers.get('date')).toBe('Fri, 02 Jan 2026 12:00:00 GMT');
    expect(text(oss.object('logs', 'a')?.bytes())).toBe('test');
    expect(oss.object('logs', 'a')).toMatchObject({ type: 'Appendable', length: 4, appends: 2 });
  });

  test.each([
    ['a missing object', 0, 1, '0'],
    ['an object of 4 bytes', 4, 0, '4'],
    ['an object of 4 bytes', 4, 3, '4'],
    ['an object of 4 bytes', 4, 5, '4'],
  ])(
    '%s (%i bytes) refuses position %i, and the answer contains the correct position',
    async (_, length, position, next) => {
      const oss = anOss();
      if (length > 0) oss.appendObject('logs', 'a', new Uint8Array(length));
      const response = await call(oss, appendCall('a', position), { body: 'x' });
      expect(response.headers.get('x-oss-next-append-position')).toBe(next);
      expect(await refusal(response)).toMatchObject({
        status: 409,
        code: 'PositionNotEqualToLength',
        ec: '0026-00000016',
      });
      expect(oss.object('logs', 'a')?.length ?? 0).toBe(length);
    },
  );

  test('an empty append creates an empty object, and another one at its end changes nothing', async () => {
    const oss = anOss();
    const created = await call(oss, appendCall('a', 0), { body: '' });
    expect(created.headers.get('x-oss-hash-crc64ecma')).toBe('0');
    expect(oss.object('logs', 'a')).toMatchObject({ type: 'Appendable', length: 0 });
    expect((await call(oss, appendCall('a', 0), { body: 'test' })).status).toBe(200);
    const last = await call(oss, appendCall('a', 4));
    expect(last.headers.get('x-oss-next-append-position')).toBe('4');
    expect(last.headers.get('x-oss-hash-crc64ecma')).toBe('18020588380933092773');
  });

  test.each([0, 1])('a normal object is refused, at position %i', async (position) => {
    const oss = anOss();
    oss.putObject('logs', 'a', utf8('x'));
    const response = await call(oss, appendCall('a', position), { body: 'x' });
    expect(response.headers.has('x-oss-next-append-position')).toBe(false);
    expect(await refusal(response)).toMatchObject({ status: 409, code: 'ObjectNotAppendable', ec: '0026-00000017' });
  });

  test.each<[string, Record<string, string>, string, string]>([
    ['no position', { append: '' }, 'MissingArgument', '0016-00000501'],
    ['an empty position', { append: '', position: '' }, 'InvalidArgument', '0016-00000502'],
    ['a negative position', { append: '', position: '-1' }, 'InvalidArgument', '0016-00000502'],
    ['a fraction', { append: '', position: '1.5' }, 'InvalidArgument', '0016-00000502'],
    ['a version', { append: '', position: '0', versionId: 'v' }, 'InvalidArgument', '0016-00000504'],
  ])('%s is refused', async (_, query, code, ec) => {
    const answer = await refusal(await call(anOss(), ['POST', 'a', query], { body: 'x' }));
    expect(answer).toMatchObject({ status: 400, code, ec });
    expect(element(answer.xml, 'ArgumentName')).toBe(query['versionId'] ? 'versionId' : 'position');
  });

  test('it keeps the headers of the first append and the ACL of the last one', async () => {
    const oss = anOss();
    const first = {
      'content-type': 'text/plain',
      'cache-control': 'no-cache',
      'content-disposition': 'attachment',
      'content-encoding': 'identity',
      expires: 'Fri, 02 Jan 2026 03:04:05 GMT',
      'x-oss-meta-Device': 'sensor-7',
      'x-oss-storage-class': 'IA',
      'x-oss-tagging': 'env=prod&team=a%20b',
      'x-oss-server-side-encryption': 'AES256',
      'x-oss-object-acl': 'private',
    };
    const later = { 'content-type': 'text/html', 'x-oss-meta-other': 'x', 'x-oss-object-acl': 'public-read' };
    await call(oss, appendCall('a', 0, first), { body: 'x' });
    const second = await call(oss, appendCall('a', 1, later), { body: 'y' });
    expect(second.headers.get('x-oss-server-side-encryption')).toBe('AES256');
    const { headers } = await call(oss, ['HEAD', 'a']);
    const { 'x-oss-object-acl': _, 'x-oss-tagging': __, 'x-oss-meta-Device': device, ...kept } = first;
    for (const [name, value] of Object.entries(kept)) expect(headers.get(name), name).toBe(value);
    expect(headers.get('x-oss-meta-device')).toBe(device);
    expect(headers.has('x-oss-meta-other')).toBe(false);
    expect(headers.get('x-oss-tagging-count')).toBe('2');
    expect(oss.object('logs', 'a')?.acl).toBe('public-read');
  });

  test('it checks Content-MD5 against the received body', async () => {
    const send = async (md5: string) =>
      refusal(await call(anOss(), appendCall('a', 0, { 'content-md5': md5 }), { body: 'test' }));
    expect((await send(createHash('md5').update('test').digest('base64'))).status).toBe(200);
    const other = createHash('md5').update('tess').digest('base64');
    expect(await send(other)).toMatchObject({ status: 400, code: 'InvalidDigest', ec: '0017-00000503' });
    expect(await send('dGVzdA==')).toMatchObject({ status: 400, code: 'InvalidDigest', ec: '0017-00000502' });
  });

  test('it copies the body during the call', async () => {
    const oss = anOss();
    const body = utf8('test');
    const pending = call(oss, appendCall('a', 0), { body });
    body.fill(0);
    await pending;
    expect(text(oss.object('logs', 'a')?.bytes())).toBe('test');
  });

  test('it accepts every kind of body', async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0), { body: new Blob(['te']) });
    await call(oss, appendCall('a', 2), { body: streamOf('s', '', 't') });
    await call(oss, appendCall('a', 4), { body: new Blob(['x'.repeat(3 << 20)]) });
    expect(oss.object('logs', 'a')?.length).toBe(4 + 3 * 2 ** 20);
    expect(text(oss.object('logs', 'a')?.bytes().subarray(0, 5))).toBe('testx');
  });

  test('a content type that fetch adds is part of the signed headers', async () => {
    const typed = await call(anOss(), appendCall('a', 0), { body: new Blob(['x'], { type: 'text/plain' }) });
    expect((await refusal(typed)).code).toBe('SignatureDoesNotMatch');
  });
});

describe('limits', () => {
  test('5 GiB are accepted, and one more byte is refused', async () => {
    const oss = anOss('checksum');
    oss.appendObject('logs', 'a', 5 * GIB - 4);
    expect((await call(oss, appendCall('a', 5 * GIB - 4), { body: 'test' })).status).toBe(200);
    const answer = await refusal(await call(oss, appendCall('a', 5 * GIB), { body: 'x' }));
    expect(answer).toMatchObject({ status: 400, code: 'EntityTooLarge' });
    expect(oss.object('logs', 'a')?.length).toBe(5 * GIB);
    expect(oss.object('logs', 'a')?.crc64).toBe(String(crc64(utf8('test'), crc64OfZeros(5 * GIB - 4))));
    expect(() => oss.appendObject('logs', 'a', 1)).toThrow(RangeError);
  });

  test.each([
    ['a'.repeat(1023), 200],
    ['a'.repeat(1024), 400],
    ['é'.repeat(511), 200],
    ['é'.repeat(512), 400],
    ['/a', 400],
    ['\\a', 400],
  ])('key %#', async (key, status) => {
    const response = await call(anOss(), appendCall(key, 0), { body: 'x' });
    expect(response.status).toBe(status);
    if (status === 200) return;
    const { code, xml } = await refusal(response);
    expect([code, element(xml, 'ObjectName')]).toEqual(['InvalidObjectName', key]);
  });

  const metadata = (bytes: number) => ({ 'x-oss-meta-a': 'x'.repeat(bytes - 'x-oss-meta-a'.length) });
  const tags = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=v`).join('&');

  test.each<[string, Record<string, string>, number, string]>([
    ['8 KiB of metadata', metadata(8192), 200, ''],
    ['one byte more of metadata', metadata(8193), 400, 'InvalidArgument'],
    ['an underscore in a metadata name', { 'x-oss-meta-a_b': 'x' }, 400, 'InvalidArgument'],
    ['10 tags', { 'x-oss-tagging': tags(10) }, 200, ''],
    ['11 tags', { 'x-oss-tagging': tags(11) }, 400, 'InvalidTag'],
    ['the same tag twice', { 'x-oss-tagging': 'a=1&a=2' }, 400, 'InvalidTag'],
    ['a tag key of 128 characters', { 'x-oss-tagging': `${'k'.repeat(128)}=${'v'.repeat(256)}` }, 200, ''],
    ['a tag key of 129 characters', { 'x-oss-tagging': `${'k'.repeat(129)}=v` }, 400, 'InvalidTag'],
    ['a tag value of 257 characters', { 'x-oss-tagging': `k=${'v'.repeat(257)}` }, 400, 'InvalidTag'],
    ['an empty tag key', { 'x-oss-tagging': '=v' }, 400, 'InvalidTag'],
    ['a tag with a forbidden character', { 'x-oss-tagging': 'k=%26' }, 400, 'InvalidTag'],
    ['a tag with every allowed character', { 'x-oss-tagging': 'aZ0%20%2B-%3D._%3A%2F=b' }, 200, ''],
    ['ColdArchive', { 'x-oss-storage-class': 'ColdArchive' }, 400, 'InvalidArgument'],
    ['an unknown storage class', { 'x-oss-storage-class': 'Glacier' }, 400, 'InvalidArgument'],
    ['an unknown ACL', { 'x-oss-object-acl': 'secret' }, 400, 'InvalidArgument'],
    ['an unknown encryption', { 'x-oss-server-side-encryption': 'ROT13' }, 400, 'InvalidEncryptionAlgorithmError'],
    ['If-Match on a write', { 'if-match': '"x"' }, 400, 'NotImplemented'],
    ['If-None-Match on a write', { 'if-none-match': '*' }, 400, 'NotImplemented'],
  ])('%s: %#', async (_, headers, status, code) => {
    expect(await refusal(await call(anOss(), appendCall('a', 0, headers), { body: 'x' }))).toMatchObject({
      status,
      code,
    });
    expect(await refusal(await call(anOss(), ['PUT', 'a', {}, headers], { body: 'x' }))).toMatchObject({
      status,
      code,
    });
  });

  test('ColdArchive has its own EC, and NotImplemented names the header', async () => {
    const cold = appendCall('a', 0, { 'x-oss-storage-class': 'ColdArchive' });
    expect((await refusal(await call(anOss(), cold, { body: 'x' }))).ec).toBe('0016-00000503');
    const { xml } = await refusal(await call(anOss(), appendCall('a', 0, { 'if-match': '"x"' }), { body: 'x' }));
    expect(element(xml, 'Header')).toBe('If-Match');
  });

  test('a configuration that OSS would refuse is refused at once', () => {
    const withBucket = (name: string, region: string) => () => new LocalOss({ buckets: { [name]: { region } } });
    expect(withBucket('Logs', 'cn-hangzhou')).toThrow(RangeError);
    expect(withBucket('ab', 'cn-hangzhou')).toThrow(RangeError);
    expect(withBucket('logs', 'oss-cn-hangzhou')).toThrow(/without "oss-"/);
  });
});

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

  test('objectMeta omits type and position', async () => {
    const oss = anOss();
    oss.appendObject('logs', 'a', utf8('test'));
    const { headers } = await call(oss, ['HEAD', 'a', { objectMeta: '' }]);
    expect(headers.get('content-length')).toBe('4');
    expect(headers.has('x-oss-object-type')).toBe(false);
    expect(headers.has('x-oss-next-append-position')).toBe(false);
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
    expect((await call(oss, ['GET', 'a', {}, headers])).status).toBe(status);
  });
});

describe('GetObject', () => {
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
    expect((await refusal(response)).code).toBe('SignatureDoesNotMatch');
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
    ['GET', '', {}],
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

describe('fetch', () => {
  const url = 'https://logs.oss-cn-hangzhou.aliyuncs.com/a?append&position=0';
  const open = () =>
    new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', acl: 'public-read-write', hosts: ['h:1'] } } });

  test('works unbound, with a string, a URL and a Request', async () => {
    const oss = open();
    const { fetch } = oss;
    expect((await fetch(url, { method: 'post', body: 'te' })).status).toBe(200);
    expect((await fetch(new URL(url.replace('=0', '=2')), { method: 'POST', body: utf8('s') })).status).toBe(200);
    const request = new Request(url.replace('=0', '=3'), { method: 'POST', body: 't' });
    expect((await fetch(request)).status).toBe(200);
    expect(text(oss.object('logs', 'a')?.bytes())).toBe('test');
    expect(oss.object('logs', 'a')?.headers['content-type']).toBe('text/plain;charset=UTF-8');
    const form = await fetch(new Request(url.replace('/a', '/b')), {
      method: 'POST',
      body: new URLSearchParams('a=b'),
    });
    expect(form.status).toBe(200);
  });

  test.each<[string, string, RequestInit]>([
    ['a body on GET', url, { method: 'GET', body: 'x' }],
    ['a stream without duplex', url, { method: 'POST', body: streamOf('x') }],
    ['no URL', 'logs', {}],
    ['a header that cannot be sent', url, { headers: { a: 'b\r\nc' } }],
  ])('%s is refused as fetch refuses it', async (_, input, init) => {
    const oss = open();
    await expect(oss.fetch(input, init)).rejects.toThrow(TypeError);
    expect(oss.requests).toHaveLength(0);
  });

  test('a stream that ends before its Content-Length is a broken connection', async () => {
    const oss = open();
    for (const length of ['3', '5']) {
      const init = { method: 'POST', headers: { 'content-length': length }, body: streamOf('test'), duplex: 'half' };
      await expect(oss.fetch(url, init)).rejects.toThrow('fetch failed');
    }
    expect(oss.object('logs', 'a')).toBeUndefined();
  });

  test('a stream that fails makes fetch fail, with the cause', async () => {
    const oss = open();
    const cause = new Error('disk');
    const body = new ReadableStream({ pull: () => Promise.reject(cause) });
    const error = await oss
      .fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).cause).toBe(cause);
    expect(oss.busy).toBe(0);
  });

  test('an abort before the body or in the middle of it rejects with its reason and stores nothing', async () => {
    const oss = open();
    const reason = new Error('enough');
    const before = oss.fetch(url, { method: 'POST', body: 'x', signal: AbortSignal.abort(reason) });
    await expect(before).rejects.toBe(reason);
    expect(oss.requests).toHaveLength(0);

    const controller = new AbortController();
    let cancelled: unknown;
    const body = new ReadableStream({
      start: (c) => c.enqueue(utf8('x')),
      pull: () => controller.abort(reason),
      cancel: (r) => {
        cancelled = r;
      },
    });
    const init = { method: 'POST', body, duplex: 'half', signal: controller.signal };
    await expect(oss.fetch(url, init)).rejects.toBe(reason);
    await Promise.resolve();
    expect(cancelled).toBe(reason);
    expect(oss.object('logs', 'a')).toBeUndefined();
  });

  test('an abort during the check of the signature stores nothing', async () => {
    const oss = anOss();
    const controller = new AbortController();
    const pending = call(oss, appendCall('a', 0), { body: 'x', signal: controller.signal });
    controller.abort();
    await expect(pending).rejects.toThrow('aborted');
    while (oss.busy > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(oss.object('logs', 'a')).toBeUndefined();
  });

  test('of two appends at the same position, one is stored', async () => {
    const oss = anOss();
    const both = await Promise.all(['x', 'y'].map((body) => call(oss, appendCall('a', 0), { body })));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(oss.object('logs', 'a')?.length).toBe(1);
  });
});

describe('the log and the state of LocalOss', () => {
  test('the log contains each request and its result, and no secret', async () => {
    const oss = anOss();
    const token = oss.issueToken();
    await call(oss, appendCall('a', 0), { ...token, body: 'x', expires: 60 });
    await call(oss, appendCall('a', 5), { body: 'x' });
    await call(oss, ['HEAD', 'b']);
    const common = { bucket: 'logs', key: 'a', method: 'POST', operation: 'AppendObject' };
    expect(oss.requests).toEqual([
      { ...common, position: 0, status: 200 },
      { ...common, position: 5, status: 409 },
      { bucket: 'logs', key: 'b', method: 'HEAD', operation: 'HeadObject', status: 404 },
    ]);
    expect(JSON.stringify(oss.requests)).not.toContain(token.securityToken);
    oss.clearRequests();
    expect(oss.requests).toEqual([]);
  });

  test('the log has a limit', { timeout: 60_000 }, async () => {
    const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', acl: 'public-read' } } });
    for (let i = 0; i < 10_001; i++) await oss.fetch(`http://localhost/logs/${i}`);
    expect(oss.requests.length).toBe(5001);
    expect(oss.requests.at(-1)?.key).toBe('10000');
  });

  test('a view is a snapshot, and its bytes are a copy', () => {
    const oss = anOss();
    const bytes = utf8('test');
    oss.appendObject('logs', 'a', bytes);
    bytes.fill(0);
    const view = oss.object('logs', 'a');
    view?.bytes().fill(0);
    oss.appendObject('logs', 'a', utf8('more'));
    expect([view?.length, text(view?.bytes())]).toEqual([4, 'test']);
    expect(text(oss.object('logs', 'a')?.bytes())).toBe('testmore');
  });

  test('the methods that change a bucket directly refuse what is impossible', () => {
    const oss = anOss();
    oss.putObject('logs', 'a', utf8('x'));
    expect(() => oss.appendObject('logs', 'a', utf8('x'))).toThrow(RangeError);
    expect(() => oss.object('nobody', 'a')).toThrow(RangeError);
    oss.deleteObject('logs', 'a');
    expect(oss.object('logs', 'a')).toBeUndefined();
  });

  test('ranges of a thousand small appends contain the right bytes', async () => {
    const oss = anOss();
    const all = randomBytes(5000);
    for (let i = 0; i < 1000; i++) oss.appendObject('logs', 'a', all.subarray(i * 5, i * 5 + 5));
    for (const [start, end] of [
      [0, 4999],
      [4, 5],
      [1234, 4321],
      [4999, 4999],
    ] as const) {
      const options: CallOptions = {};
      const response = await call(oss, ['GET', 'a', {}, { range: `bytes=${start}-${end}` }], options);
      expect(Buffer.from(await response.arrayBuffer()).equals(all.subarray(start, end + 1))).toBe(true);
    }
  });
});
