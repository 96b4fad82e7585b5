/** AppendObject in LocalOss, its checksums, and its limits. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { crc64, crc64Combine, crc64OfZeros } from '../../src/testing/crc64.ts';
import { type BucketOptions, LocalOss } from '../../src/testing/index.ts';
import { Md5 } from '../../src/testing/md5.ts';
import { anOss, streamOf, text, utf8 } from './text.ts';
import { appendCall, call, element, ManualClock, refusal } from './tools.ts';

const GIB = 1024 ** 3;

/** Makes an object of one byte and seals it. */
async function seal(oss: LocalOss): Promise<void> {
  oss.appendObject('logs', 'a', 1);
  expect((await call(oss, ['POST', 'a', { seal: '', position: '1' }])).status).toBe(200);
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
    expect(second.headers.get('x-oss-server-time')).toMatch(/^\d+$/);
    const { date, server, 'content-length': length } = Object.fromEntries(second.headers);
    expect([date, server, length]).toEqual(['Fri, 02 Jan 2026 12:00:00 GMT', 'AliyunOSS', '0']);
    expect(text(oss.object('logs', 'a')?.bytes())).toBe('test');
    expect(oss.object('logs', 'a')).toMatchObject({ type: 'Appendable', length: 4, appends: 2 });
  });

  test('`append` may be written with an equals sign, because the signature is the same', async () => {
    const tamper = (signed: { url: string }) => {
      signed.url = signed.url.replace('append&', 'append=&');
    };
    expect((await call(anOss(), appendCall('a', 0), { body: 'x', tamper })).status).toBe(200);
  });

  test('each append renews Last-Modified and ETag, but an empty one to an existing object changes nothing', async () => {
    const clock = new ManualClock();
    const oss = anOss('bytes', clock);
    const stateAfter = async (position: number, body: string) => {
      clock.advance(1000);
      const sent = await call(oss, appendCall('a', position), { body, time: clock.now() });
      const { headers } = await call(oss, ['HEAD', 'a'], { time: clock.now() });
      expect(sent.headers.get('etag')).toBe(headers.get('etag'));
      return [headers.get('last-modified'), headers.get('etag'), oss.object('logs', 'a')?.appends];
    };
    const [created, first] = await stateAfter(0, '');
    const second = await stateAfter(0, 'x');
    expect([created, second[0]]).toEqual(['Fri, 02 Jan 2026 12:00:01 GMT', 'Fri, 02 Jan 2026 12:00:02 GMT']);
    expect(second[1]).not.toBe(first);
    expect(await stateAfter(1, '')).toEqual(second);
    oss.appendObject('logs', 'a', 0);
    expect(await stateAfter(1, '')).toEqual(second);
  });

  test.each<[string, string, boolean, number]>([
    ['true', 'a missing object', false, 200],
    ['true', 'an existing object', true, 409],
    ['false', 'an existing object', true, 200],
  ])('x-oss-forbid-overwrite: %s for %s', async (value, _, exists, status) => {
    const oss = anOss();
    if (exists) oss.appendObject('logs', 'a', 1);
    const what = appendCall('a', exists ? 1 : 0, { 'x-oss-forbid-overwrite': value });
    const answer = await refusal(await call(oss, what, { body: 'x' }));
    expect(answer).toMatchObject(
      status === 409 ? { status, code: 'FileAlreadyExists', ec: '0026-00000002' } : { status },
    );
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

  test('putObject() of LocalOss is refused as a request is, if the bucket forbids overwriting an object', async () => {
    const buckets = { logs: { region: 'cn-hangzhou', forbidOverwrite: true } };
    const oss = new LocalOss({ buckets, accessKeys: { ak: 'sk' }, clock: new ManualClock() });
    oss.putObject('logs', 'a', utf8('first'));
    const { status, code } = await refusal(await call(oss, ['PUT', 'a'], { body: 'x' }));
    expect(`${status} ${code}`).toBe('409 FileAlreadyExists');
    expect(() => oss.putObject('logs', 'a', utf8('x'))).toThrow(/^Cannot put "a": OSS answers 409 FileAlreadyExists\./);
    expect(() => oss.putObject('logs', '/a', utf8('x'))).toThrow(/OSS answers 400 InvalidObjectName/);
    expect(text(oss.object('logs', 'a')?.bytes())).toBe('first');
  });

  test.each<[string, Partial<BucketOptions>, (oss: LocalOss) => unknown, string]>([
    ['a normal object', {}, (oss) => oss.putObject('logs', 'a', utf8('x')), '409 ObjectNotAppendable'],
    ['a sealed object', {}, seal, '400 AppendSealedObjectNotAllowed'],
    ['an overwrite rule', { forbidOverwrite: true }, (oss) => call(oss, appendCall('a', 0)), '409 FileAlreadyExists'],
    ['5 GiB', { contents: 'checksum' }, (oss) => oss.appendObject('logs', 'a', 5 * GIB), '400 EntityTooLarge'],
  ])(
    'appendObject() of LocalOss is refused in the same cases as a request: %s',
    async (_, options, prepare, answer) => {
      const buckets = { logs: { ...options, region: 'cn-hangzhou' } };
      const oss = new LocalOss({ buckets, accessKeys: { ak: 'sk' }, clock: new ManualClock() });
      await prepare(oss);
      const before = oss.object('logs', 'a')?.length ?? 0;
      const { status, code } = await refusal(await call(oss, appendCall('a', before), { body: 'x' }));
      expect(`${status} ${code}`).toBe(answer);
      expect(() => oss.appendObject('logs', 'a', 1)).toThrow(`Cannot append to "a": OSS answers ${answer}`);
      expect(oss.object('logs', 'a')?.length).toBe(before);
    },
  );

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
    const later = {
      'content-type': 'text/html',
      'cache-control': 'no-store',
      'content-disposition': 'inline',
      'content-encoding': 'gzip',
      expires: '0',
      'x-oss-meta-device': 'x',
      'x-oss-meta-other': 'x',
      'x-oss-storage-class': 'Archive',
      'x-oss-tagging': 'env=test',
      'x-oss-server-side-encryption': 'KMS',
      'x-oss-object-acl': 'public-read',
    };
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

  // A test of the first Python SDK against the real OSS says so.
  test('the tags of a later append are not even checked', async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0), { body: 'x' });
    const wrong = { 'x-oss-tagging': Array.from({ length: 15 }, (_, i) => `k${i}=v`).join('&') };
    expect((await call(oss, appendCall('a', 1, wrong), { body: 'y' })).status).toBe(200);
    expect((await call(oss, ['HEAD', 'a'])).headers.has('x-oss-tagging-count')).toBe(false);
    expect(await refusal(await call(oss, appendCall('b', 0, wrong), { body: 'y' }))).toMatchObject({
      code: 'InvalidTag',
    });
  });

  test('a later append with an encryption is accepted, and an object that is not encrypted stays so', async () => {
    const oss = anOss();
    await call(oss, appendCall('a', 0), { body: 'x' });
    const later = await call(oss, appendCall('a', 1, { 'x-oss-server-side-encryption': 'AES256' }), { body: 'y' });
    const names = [...later.headers.keys(), ...(await call(oss, ['HEAD', 'a'])).headers.keys()];
    expect([later.status, names.filter((name) => name.includes('encryption'))]).toEqual([200, []]);
  });

  test('a later append with the MD5 of other bytes is refused too, and changes nothing', async () => {
    const oss = anOss();
    oss.appendObject('logs', 'a', utf8('test'));
    const what = appendCall('a', 4, { 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' });
    expect((await refusal(await call(oss, what, { body: 'x' }))).ec).toBe('0017-00000503');
    expect(oss.object('logs', 'a')?.length).toBe(4);
  });

  test('it checks Content-MD5 against the received body', async () => {
    const send = async (md5: string) =>
      refusal(await call(anOss(), appendCall('a', 0, { 'content-md5': md5 }), { body: 'test' }));
    expect((await send(createHash('md5').update('test').digest('base64'))).status).toBe(200);
    const other = createHash('md5').update('tess').digest('base64');
    expect(await send(other)).toMatchObject({ status: 400, code: 'InvalidDigest', ec: '0017-00000503' });
    expect(await send('dGVzdA==')).toMatchObject({ status: 400, code: 'InvalidDigest', ec: '0017-00000502' });
  });

  test('a second seal at the same position succeeds, and its answer has the time of the first seal', async () => {
    const clock = new ManualClock();
    const oss = anOss('bytes', clock);
    await call(oss, appendCall('a', 0), { body: 'x' });
    const sealAt = async () => {
      const { status, headers } = await call(oss, ['POST', 'a', { seal: '', position: '1' }], { time: clock.now() });
      return [status, headers.get('x-oss-sealed-time')];
    };
    const first = await sealAt();
    clock.advance(5000);
    expect([first, await sealAt()]).toEqual(Array(2).fill([200, 'Fri, 02 Jan 2026 12:00:00 GMT']));
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

  const SSE = 'x-oss-server-side-encryption';
  const SSE_DATA = 'x-oss-server-side-data-encryption';
  const metadata = (bytes: number) => ({ 'x-oss-meta-a': 'x'.repeat(bytes - 'x-oss-meta-a'.length) });
  const tags = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=v`).join('&');

  test.each<[string, Record<string, string>, number, string]>([
    ['8 KiB of metadata', metadata(8192), 200, ''],
    ['upper case in a metadata name', { 'x-oss-meta-Key-1': 'x' }, 200, ''],
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
    ...['default', 'private', 'public-read', 'public-read-write'].map(
      (acl): [string, Record<string, string>, number, string] => [
        `the ACL ${acl}`,
        { 'x-oss-object-acl': acl },
        200,
        '',
      ],
    ),
    ...['Standard', 'IA', 'Archive'].map((name): [string, Record<string, string>, number, string] => [
      `the class ${name}`,
      { 'x-oss-storage-class': name },
      200,
      '',
    ]),
    ['an unknown storage class', { 'x-oss-storage-class': 'Glacier' }, 400, 'InvalidArgument'],
    ['an unknown ACL', { 'x-oss-object-acl': 'secret' }, 400, 'InvalidArgument'],
    ['the lowest limit of the traffic', { 'x-oss-traffic-limit': '819200' }, 200, ''],
    ['the highest limit of the traffic', { 'x-oss-traffic-limit': '838860800' }, 200, ''],
    ['an unknown value of x-oss-forbid-overwrite', { 'x-oss-forbid-overwrite': '1' }, 400, 'InvalidArgument'],
    ['an unknown encryption', { [SSE]: 'ROT13' }, 400, 'InvalidEncryptionAlgorithmError'],
    ['encryption with SM4', { [SSE]: 'SM4' }, 200, ''],
    ['encryption with KMS and SM4', { [SSE]: 'KMS', [SSE_DATA]: 'SM4' }, 200, ''],
    ['an algorithm for the data that is not SM4', { [SSE]: 'KMS', [SSE_DATA]: 'AES256' }, 400, 'InvalidArgument'],
    ['an unknown algorithm for the data', { [SSE_DATA]: 'ROT13' }, 400, 'InvalidArgument'],
    ['an algorithm for the data without an encryption', { [SSE_DATA]: 'SM4' }, 400, 'InvalidArgument'],
    ['an algorithm for the data without KMS', { [SSE]: 'SM4', [SSE_DATA]: 'SM4' }, 400, 'InvalidArgument'],
    ['a key of KMS without an encryption', { [`${SSE}-key-id`]: 'k' }, 400, 'InvalidArgument'],
    ['a key of KMS with another encryption', { [SSE]: 'AES256', [`${SSE}-key-id`]: 'k' }, 400, 'InvalidArgument'],
    ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'].map(
      (name): [string, Record<string, string>, number, string] => [
        `${name} on a write`,
        { [name]: 'x' },
        400,
        'NotImplemented',
      ],
    ),
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

  test.each(['ColdArchive', 'DeepColdArchive'])('the class %s is for PutObject only', async (storageClass) => {
    const oss = anOss();
    const headers = { 'x-oss-storage-class': storageClass };
    const refused = await refusal(await call(oss, appendCall('a', 0, headers), { body: 'x' }));
    expect(refused).toMatchObject({ status: 400, code: 'InvalidArgument', ec: '0016-00000503' });
    expect((await call(oss, ['PUT', 'a', {}, headers], { body: 'x' })).status).toBe(200);
    expect((await call(oss, ['HEAD', 'a'])).headers.get('x-oss-storage-class')).toBe(storageClass);
  });

  test('NotImplemented has the EC of a condition on a write, and names the header', async () => {
    const what = appendCall('a', 0, { 'if-match': '"x"' });
    const { ec, xml } = await refusal(await call(anOss(), what, { body: 'x' }));
    expect([ec, element(xml, 'Header')]).toEqual(['0017-00000245', 'If-Match']);
  });

  test('a configuration that OSS would refuse is refused at once', () => {
    const withBucket = (name: string, region: string) => () => new LocalOss({ buckets: { [name]: { region } } });
    expect(withBucket('Logs', 'cn-hangzhou')).toThrow(RangeError);
    expect(withBucket('ab', 'cn-hangzhou')).toThrow(RangeError);
    expect(withBucket('logs', 'oss-cn-hangzhou')).toThrow(/without "oss-"/);
  });
});

// docs/local.md lists these cases, because the documents of OSS do not say what happens.
describe('cases that the documents leave open', () => {
  const LIMITS = { 'x-oss-traffic-limit': '819200', 'x-oss-request-payer': 'requester' };

  test.each([
    ['header', 'header'],
    ['header', 'query'],
    ['query', 'header'],
    ['query', 'query'],
  ])('limit and payer count if the signature is in the %s and they are in the %s', async (signature, place) => {
    const buckets = { logs: { region: 'cn-hangzhou', requesterPays: true } };
    const oss = new LocalOss({ buckets, accessKeys: { ak: 'sk' }, clock: new ManualClock() });
    const [query, headers] = place === 'query' ? [LIMITS, {}] : [{}, LIMITS];
    const signing = signature === 'query' ? { expires: 60 } : {};
    const send = (also: Record<string, string>) =>
      call(oss, ['POST', 'a', { append: '', position: '0', ...query }, { ...headers, ...also }], {
        ...signing,
        body: 'x',
      });
    expect((await send({})).status).toBe(200);
    if (place === 'query')
      expect(await refusal(await send(LIMITS))).toMatchObject({ status: 400, code: 'InvalidArgument' });
  });

  test('a bucket that forbids overwriting refuses an append at each position, without the correct one', async () => {
    const buckets = { logs: { region: 'cn-hangzhou', forbidOverwrite: true } };
    const oss = new LocalOss({ buckets, accessKeys: { ak: 'sk' }, clock: new ManualClock() });
    oss.appendObject('logs', 'a', 3);
    for (const position of [0, 3, 4]) {
      const response = await call(oss, appendCall('a', position), { body: 'x' });
      expect(response.headers.has('x-oss-next-append-position')).toBe(false);
      expect(await refusal(response)).toMatchObject({ status: 409, code: 'FileAlreadyExists' });
    }
  });

  test('an append without a storage class creates an object of the class of the bucket', async () => {
    const oss = anOss();
    const body = '<CreateBucketConfiguration><StorageClass>ColdArchive</StorageClass></CreateBucketConfiguration>';
    const bucket = 'cold-logs';
    expect((await call(oss, ['PUT', ''], { bucket, body })).status).toBe(200);
    expect((await call(oss, appendCall('a', 0), { bucket, body: 'x' })).status).toBe(200);
    const { headers } = await call(oss, ['HEAD', 'a'], { bucket });
    expect(headers.get('x-oss-storage-class')).toBe('ColdArchive');
  });
});
