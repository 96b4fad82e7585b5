// Tests LocalOss with ali-oss, the client that most pages use today. ali-oss makes the V4 signatures, sends the
// requests over real HTTP, and reads the answers and errors. These tests find a mistake that our client and LocalOss
// share.

import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import OSS, { type Answer, type Options } from 'ali-oss';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TokenOptions } from '../../src/testing/index.ts';
import { BUCKET, DOMAIN, type Network, PERMANENT, send, startNetwork } from './network.ts';

/** The CRC-64 of `test`. The value comes from a sample HEAD answer in the OSS documentation of EC 0026-00000016. */
const CRC_OF_TEST = '18020588380933092773';

let network: Network;

beforeEach(async () => {
  network = await startNetwork();
});

afterEach(() => network.close());

function clientFor(changes: Partial<Options> = {}, token: TokenOptions = {}): OSS {
  const { accessKeyId, accessKeySecret, securityToken } = network.oss.issueToken(token);
  const credentials = { accessKeyId, accessKeySecret, stsToken: securityToken };
  // ali-oss prints advice to set this interval when it is missing.
  const common = { bucket: BUCKET, region: 'oss-cn-hangzhou', authorizationV4: true, refreshSTSTokenInterval: 300_000 };
  return new OSS({ ...common, ...credentials, agent: network.agent, ...changes });
}

/** Returns the list of answers that a client receives. It is needed because the errors of ali-oss have no headers. */
function answersTo(client: OSS): Answer[] {
  const answers: Answer[] = [];
  const { urllib } = client;
  client.urllib = {
    request: async (url, parameters) => {
      const answer = await urllib.request(url, parameters);
      answers.push(answer);
      return answer;
    },
  };
  return answers;
}

function stored(key: string): string | undefined {
  const object = network.oss.object(BUCKET, key);
  return object && Buffer.from(object.bytes()).toString();
}

/** Returns the text of one element of an XML error. */
function element(body: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1];
}

describe('every form of endpoint address', () => {
  const addresses: Record<string, () => Partial<Options>> = {
    'virtual-hosted': () => ({}),
    internal: () => ({ internal: true }),
    accelerate: () => ({ endpoint: 'http://oss-accelerate.aliyuncs.com' }),
    'custom domain': () => ({ endpoint: `http://${DOMAIN}`, cname: true }),
    // With an IP address, ali-oss connects to it and sends the virtual-hosted name as Host. Its presigned URLs do not
    // contain that name.
    'IP address': () => ({ endpoint: network.url }),
    'path style': () => ({ endpoint: 'http://localhost', sldEnable: true }),
  };

  test.each(Object.entries(addresses))('append, head, get and a presigned GET work with: %s', async (_, options) => {
    const client = clientFor(options());
    const { nextAppendPosition } = await client.append('logs/a.log', Buffer.from('hello'), { position: 0 });
    expect(nextAppendPosition).toBe('5');
    expect((await client.head('logs/a.log')).res.headers['content-length']).toBe('5');
    expect((await client.get('logs/a.log')).content.toString()).toBe('hello');
    const url = await client.signatureUrlV4('GET', 60, undefined, 'logs/a.log');
    expect(await send(network, 'GET', url)).toMatchObject({ status: 200, body: 'hello' });
  });
});

describe('append', () => {
  test('a second append continues at the position of the first answer and gets position and CRC', async () => {
    const client = clientFor();
    const first = await client.append('a.log', Buffer.from('te'));
    expect(first.nextAppendPosition).toBe('2');
    const second = await client.append('a.log', Buffer.from('st'), { position: Number(first.nextAppendPosition) });
    expect(second.nextAppendPosition).toBe('4');
    expect(second.res.headers['x-oss-hash-crc64ecma']).toBe(CRC_OF_TEST);
    expect(second.res.headers['x-oss-request-id']).toMatch(/^[0-9A-F]{24}$/);
    expect(stored('a.log')).toBe('test');
  });

  test('a HEAD answer has the next append position and the CRC', async () => {
    const client = clientFor();
    await client.append('a.log', Buffer.from('test'));
    const { status, res } = await client.head('a.log');
    expect(status).toBe(200);
    expect(res.headers).toMatchObject({
      'content-length': '4',
      'x-oss-object-type': 'Appendable',
      'x-oss-next-append-position': '4',
      'x-oss-hash-crc64ecma': CRC_OF_TEST,
    });
  });

  test('GetObjectMeta returns the length, but no position', async () => {
    const client = clientFor();
    await client.append('a.log', Buffer.from('test'));
    const { headers } = (await client.getObjectMeta('a.log')).res;
    expect(headers['content-length']).toBe('4');
    expect(headers).not.toHaveProperty('x-oss-next-append-position');
  });

  test('a stream with chunked encoding and a file with a Content-Length are stored completely', async () => {
    const client = clientFor();
    await client.append('a.log', Readable.from([Buffer.from('from '), Buffer.from('a stream, ')]));
    const file = fileURLToPath(import.meta.url);
    const { nextAppendPosition } = await client.append('a.log', file, { position: 15 });
    const text = readFileSync(file, 'utf8');
    expect(nextAppendPosition).toBe(String(15 + Buffer.byteLength(text)));
    expect(stored('a.log')).toBe(`from a stream, ${text}`);
  });

  test.each([
    ['after the end', 9],
    ['before the end', 2],
    ['0 of an object that is not empty', 0],
  ])('an append at a wrong position (%s) gets 409 with the correct position', async (_, position) => {
    const client = clientFor();
    const answers = answersTo(client);
    await client.append('a.log', Buffer.from('test'));
    await expect(client.append('a.log', Buffer.from('more'), { position })).rejects.toMatchObject({
      status: 409,
      code: 'PositionNotEqualToLength',
      ecCode: '0026-00000016',
      requestId: expect.stringMatching(/^[0-9A-F]{24}$/),
    });
    expect(answers.at(-1)?.headers).toMatchObject({ 'x-oss-next-append-position': '4', 'x-oss-ec': '0026-00000016' });
    expect(stored('a.log')).toBe('test');
  });

  test('an append to a missing object at a position above 0 gets 409 and not 404', async () => {
    const appended = clientFor().append('a.log', Buffer.from('more'), { position: 4 });
    await expect(appended).rejects.toMatchObject({ status: 409, code: 'PositionNotEqualToLength' });
    expect(stored('a.log')).toBeUndefined();
  });

  test.each([0, 4])('an append to a normal object at %d gets 409 ObjectNotAppendable', async (position) => {
    const client = clientFor();
    await client.put('a.log', Buffer.from('test'));
    await expect(client.append('a.log', Buffer.from('more'), { position })).rejects.toMatchObject({
      status: 409,
      code: 'ObjectNotAppendable',
      ecCode: '0026-00000017',
    });
    expect(stored('a.log')).toBe('test');
  });

  test('the object keeps the type and the metadata of the first append', async () => {
    const client = clientFor();
    await client.append('a.bin', Buffer.from('te'), { mime: 'text/csv', meta: { writer: 'first' } });
    const later = { position: 2, mime: 'text/html', meta: { writer: 'second' } };
    await client.append('a.bin', Buffer.from('st'), later);
    const { meta, res } = await client.head('a.bin');
    expect(meta).toEqual({ writer: 'first' });
    expect(res.headers['content-type']).toBe('text/csv');
  });

  test('an append whose Content-MD5 belongs to other bytes is refused', async () => {
    const headers = { 'Content-MD5': 'CY9rzUYh03PK3k6DJie09g==' };
    await clientFor().append('a.log', Buffer.from('test'), { headers: { ...headers } });
    const other = clientFor().append('a.log', Buffer.from('Test'), { position: 4, headers: { ...headers } });
    await expect(other).rejects.toMatchObject({ status: 400, code: 'InvalidDigest', ecCode: '0017-00000503' });
  });

  test('ali-oss reports an error when the answer is lost, although the bytes are stored', async () => {
    const client = clientFor();
    network.fault = { kind: 'drop-after' };
    await expect(client.append('a.log', Buffer.from('test'))).rejects.toMatchObject({ status: -1 });
    expect(stored('a.log')).toBe('test');
    network.fault = undefined;
    const again = client.append('a.log', Buffer.from('test'));
    await expect(again).rejects.toMatchObject({ code: 'PositionNotEqualToLength' });
  });
});

describe('put, get, head, delete', () => {
  test('get and head return the bytes and the metadata that were put', async () => {
    const client = clientFor();
    const { res } = await client.put('a.txt', Buffer.from('test'), { meta: { uid: '42' } });
    expect(res.headers).toMatchObject({
      'x-oss-hash-crc64ecma': CRC_OF_TEST,
      etag: '"098F6BCD4621D373CADE4E832627B4F6"',
    });
    expect((await client.get('a.txt')).content.toString()).toBe('test');
    const { meta, res: head } = await client.head('a.txt');
    expect(meta).toEqual({ uid: '42' });
    expect(head.headers).toMatchObject({ 'x-oss-object-type': 'Normal', 'content-type': 'text/plain' });
    expect(head.headers).not.toHaveProperty('x-oss-next-append-position');
  });

  test('a put over an appendable object turns it into a normal object', async () => {
    const client = clientFor();
    await client.append('a.txt', Buffer.from('test'));
    await client.put('a.txt', Buffer.from('new'));
    await expect(client.append('a.txt', Buffer.from('!'), { position: 3 })).rejects.toMatchObject({
      code: 'ObjectNotAppendable',
    });
  });

  test('a get with a range returns only that range, with and without a signed range header', async () => {
    const client = clientFor();
    await client.append('a.log', Buffer.from('test'));
    const part = await client.get('a.log', { headers: { Range: 'bytes=1-2' } });
    expect(part.res.headers).toMatchObject({ 'content-range': 'bytes 1-2/4', 'x-oss-hash-crc64ecma': CRC_OF_TEST });
    expect(part.content.toString()).toBe('es');
    const signed = await client.get('a.log', { headers: { range: 'bytes=2-3' }, additionalHeaders: ['range'] });
    expect(signed.content.toString()).toBe('st');
  });

  test('a deleted object is gone, and deleting a missing object is not an error', async () => {
    const client = clientFor();
    await client.append('a.log', Buffer.from('test'));
    expect((await client.delete('a.log')).res.status).toBe(204);
    expect((await client.delete('a.log')).res.status).toBe(204);
    const missing = { status: 404, code: 'NoSuchKey' };
    await expect(client.head('a.log')).rejects.toMatchObject(missing);
    await expect(client.get('a.log')).rejects.toMatchObject({ ...missing, ecCode: '0026-00000001' });
  });

  test('a request for a missing bucket gets NoSuchBucket', async () => {
    await expect(clientFor({ bucket: 'no-such-bucket' }).get('a.log')).rejects.toMatchObject({
      status: 404,
      code: 'NoSuchBucket',
      ecCode: '0015-00000101',
    });
  });

  test.each(['日志/2026 年.log', '😀.log', 'a+b&c=d?e#f%20%.log', "!'()*~-_.log", 'a//b', 'x'.repeat(1023)])(
    'the key %s can be appended, read and presigned',
    async (key) => {
      const client = clientFor();
      await client.append(key, Buffer.from('te'));
      await client.append(key, Buffer.from('st'), { position: 2 });
      expect(stored(key)).toBe('test');
      expect((await client.get(key)).content.toString()).toBe('test');
      const url = await client.signatureUrlV4('GET', 60, undefined, key);
      expect((await send(network, 'GET', url)).body).toBe('test');
    },
  );
});

describe('authorization', () => {
  const policy = {
    Version: '1',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['oss:PutObject', 'oss:GetObject'],
        Resource: [`acs:oss:*:*:${BUCKET}/logs/u42/*`],
      },
    ],
  };
  const denied = { status: 403, code: 'AccessDenied' };

  test('a session policy allows appends and reads under its prefix', async () => {
    const client = clientFor({}, { policy });
    await client.append('logs/u42/a.log', Buffer.from('test'));
    expect((await client.head('logs/u42/a.log')).res.headers['x-oss-next-append-position']).toBe('4');
    expect((await client.get('logs/u42/a.log')).content.toString()).toBe('test');
  });

  test('a session policy denies keys outside its prefix and actions that it does not name', async () => {
    network.oss.appendObject(BUCKET, 'logs/u43/a.log', Buffer.from('theirs'));
    network.oss.appendObject(BUCKET, 'logs/u42/a.log', Buffer.from('ours'));
    const client = clientFor({}, { policy });
    const ec = { ...denied, ecCode: '0003-00000201' };
    await expect(client.append('logs/u43/a.log', Buffer.from('!'), { position: 6 })).rejects.toMatchObject(ec);
    await expect(client.put('logs/u43/a.log', Buffer.from('!'))).rejects.toMatchObject(ec);
    await expect(client.get('logs/u43/a.log')).rejects.toMatchObject(ec);
    // An answer to HEAD has no body, so ali-oss reads this error from the x-oss-err header.
    await expect(client.head('logs/u43/a.log')).rejects.toMatchObject(ec);
    await expect(client.delete('logs/u42/a.log')).rejects.toMatchObject(ec);
    expect([stored('logs/u43/a.log'), stored('logs/u42/a.log')]).toEqual(['theirs', 'ours']);
  });

  test('a session policy also applies to presigned URLs', async () => {
    network.oss.appendObject(BUCKET, 'logs/u43/a.log', Buffer.from('theirs'));
    const url = await clientFor({}, { policy }).signatureUrlV4('GET', 60, undefined, 'logs/u43/a.log');
    const { status, body } = await send(network, 'GET', url);
    expect([status, element(body, 'Code')]).toEqual([403, 'AccessDenied']);
  });

  const refusals: [string, Partial<Options>, object][] = [
    ['a wrong secret', { accessKeySecret: 'wrong' }, { code: 'SignatureDoesNotMatch', ecCode: '0002-00000201' }],
    ['an unknown key', { accessKeyId: 'STS.unknown' }, { code: 'InvalidAccessKeyId', ecCode: '0002-00000902' }],
    ['a wrong token', { stsToken: 'wrong' }, { code: 'InvalidSecurityToken', ecCode: '0002-00000008' }],
    ['a missing token', { stsToken: undefined }, { code: 'InvalidAccessKeyId', ecCode: '0002-00000902' }],
  ];

  test.each(refusals)('%s is refused', async (_, changes, error) => {
    const client = clientFor(changes);
    await expect(client.append('a.log', Buffer.from('test'))).rejects.toMatchObject({ status: 403, ...error });
    await expect(client.head('a.log')).rejects.toMatchObject({ status: 403, ...error });
    expect(stored('a.log')).toBeUndefined();
  });

  test('a permanent access key works without a token', async () => {
    await clientFor({ ...PERMANENT, stsToken: undefined }).append('a.log', Buffer.from('test'));
    expect(stored('a.log')).toBe('test');
  });

  test('a signature for another region is refused', async () => {
    const elsewhere = { region: 'oss-cn-beijing', endpoint: `http://${DOMAIN}`, cname: true };
    await expect(clientFor(elsewhere).get('a.log')).rejects.toMatchObject({ ecCode: '0002-00000228' });
  });

  test('an expired token is refused', async () => {
    const client = clientFor({}, { durationSeconds: 60 });
    await client.append('a.log', Buffer.from('test'));
    network.ahead = 61_000;
    await expect(client.get('a.log')).rejects.toMatchObject({ status: 403, code: 'SecurityTokenExpired' });
  });

  test('a request from a clock that is wrong by more than 15 minutes is refused', async () => {
    const client = clientFor();
    network.ahead = 890_000;
    await client.append('a.log', Buffer.from('test'));
    network.ahead = 910_000;
    await expect(client.get('a.log')).rejects.toMatchObject({ status: 403, code: 'RequestTimeTooSkewed' });
  });
});

describe('presigned URLs', () => {
  const append = (client: OSS, position: number) =>
    client.signatureUrlV4('POST', 60, { queries: { append: null, position } }, 'a.log');

  test('presigned URLs for append, head and get work', async () => {
    const client = clientFor();
    const posted = await send(network, 'POST', await append(client, 0), 'test');
    expect(posted).toMatchObject({ status: 200, headers: { 'x-oss-next-append-position': '4' } });
    const head = await send(network, 'HEAD', await client.signatureUrlV4('HEAD', 60, undefined, 'a.log'));
    expect(head.headers['x-oss-next-append-position']).toBe('4');
    const got = await send(network, 'GET', await client.signatureUrlV4('GET', 60, undefined, 'a.log'));
    expect(got).toMatchObject({ status: 200, body: 'test' });
  });

  test('a presigned URL is refused for another position, key or method', async () => {
    const client = clientFor();
    network.oss.appendObject(BUCKET, 'a.log', Buffer.from('test'));
    const posted = await send(network, 'POST', (await append(client, 0)).replace('position=0', 'position=4'), 'more');
    expect([posted.status, element(posted.body, 'Code')]).toEqual([403, 'SignatureDoesNotMatch']);
    const url = await client.signatureUrlV4('GET', 60, undefined, 'a.log');
    const other = await send(network, 'GET', url.replace('/a.log', '/b.log'));
    expect([other.status, element(other.body, 'Code')]).toEqual([403, 'SignatureDoesNotMatch']);
    const deleted = await send(network, 'DELETE', url);
    expect([deleted.status, element(deleted.body, 'Code')]).toEqual([403, 'SignatureDoesNotMatch']);
    expect(stored('a.log')).toBe('test');
  });

  test('a presigned URL is refused when the Content-Length differs from the signed one', async () => {
    const client = clientFor();
    const request = { headers: { 'content-length': '4' }, queries: { append: null, position: 0 } };
    const url = await client.signatureUrlV4('POST', 60, request, 'a.log', ['content-length']);
    const { status, body } = await send(network, 'POST', url, 'too long');
    expect([status, element(body, 'Code')]).toEqual([403, 'SignatureDoesNotMatch']);
    expect(await send(network, 'POST', url, 'test')).toMatchObject({ status: 200 });
  });

  test('an expired presigned URL is refused', async () => {
    const url = await clientFor().signatureUrlV4('GET', 60, undefined, 'a.log');
    network.ahead = 62_000;
    const { status, body } = await send(network, 'GET', url);
    expect([status, element(body, 'Code'), element(body, 'EC')]).toEqual([403, 'AccessDenied', '0002-00000069']);
    expect(element(body, 'Message')).toBe('Request has expired.');
  });

  test('a presigned URL with a token is refused when its lifetime is longer than 12 hours', async () => {
    const url = await clientFor().signatureUrlV4('GET', 43_201, undefined, 'a.log');
    const { status, body } = await send(network, 'GET', url);
    expect([status, element(body, 'EC')]).toEqual([400, '0002-00000232']);
  });
});
