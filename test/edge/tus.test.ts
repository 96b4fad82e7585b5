/**
 * Tests what tus 1.0 demands of a server: one test for each MUST and SHOULD, in the order of the protocol's text.
 * @see https://tus.io/protocols/resumable-upload
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { EdgeOptions } from '../../src/edge/index.ts';
import { noise, streamOf } from './senders.ts';
import { base64, keyOf, pathOf, SECRET, START, sized, UploadWorld } from './upload-client.ts';
import { BUCKET, makeCloud, PAGE, placeOf } from './world.ts';

const bytes = noise(5000);
const PIECE = { 'content-type': 'application/offset+octet-stream' };
const sha1 = (body: Uint8Array) => ({ 'upload-checksum': `sha1 ${createHash('sha1').update(body).digest('base64')}` });

describe('Tus-Resumable', () => {
  test.each(['POST', 'HEAD', 'PATCH', 'DELETE', 'PUT'])(
    'every response to %s contains it, also a refusal',
    async (method) => {
      const world = new UploadWorld();
      const path = await world.create(10);
      for (const url of [path, '/upload', '/upload/inbox%2Fother%2Fa', '/upload/%ff'])
        expect((await world.tus(method, url)).headers.get('tus-resumable'), url).toBe('1.0.0');
    },
  );

  test('the answer to an unknown user contains it', async () => {
    const world = new UploadWorld({ authenticate: async () => undefined });
    const response = await world.tus('POST', '/upload', { headers: { 'upload-length': '1' } });
    expect([response.status, response.headers.get('tus-resumable')]).toEqual([401, '1.0.0']);
  });

  test.each(['POST', 'HEAD', 'PATCH', 'DELETE'])(
    '%s of another version is refused with 412 and Tus-Version, and does nothing',
    async (method) => {
      const world = new UploadWorld({ deletesUploads: true });
      const path = await world.create(10);
      const url = method === 'POST' ? '/upload/inbox%2Fu1%2Fnew' : path;
      for (const version of ['0.2.2', '1.0.1', '']) {
        const headers = { 'tus-resumable': version, 'upload-length': '5', 'upload-offset': '0', ...PIECE };
        const response = await world.send(method, url, method === 'HEAD' ? { headers } : { headers, body: 'hello' });
        expect([response.status, response.headers.get('tus-version')]).toEqual([412, '1.0.0']);
      }
      expect([world.object(path)?.length, world.oss.object(BUCKET, 'inbox/u1/new')]).toEqual([0, undefined]);
    },
  );
});

describe('OPTIONS', () => {
  test('names the version, the extensions, the greatest length and the checksums, and needs no version', async () => {
    const world = new UploadWorld({ maxUpload: 1234 });
    for (const path of ['/upload', '/upload/', '/upload/inbox%2Fu1%2Fa']) {
      const response = await world.send('OPTIONS', path, { headers: { 'tus-resumable': '0.0.1' } });
      expect([response.status, Object.fromEntries(response.headers)]).toMatchObject([
        204,
        {
          'tus-version': '1.0.0',
          'tus-extension': 'creation,creation-with-upload,expiration,checksum',
          'tus-max-size': '1234',
          'tus-checksum-algorithm': 'sha1,sha256',
        },
      ]);
    }
  });

  test('announces termination only if the deployer allows it, and nothing without a secret', async () => {
    const deleting = await new UploadWorld({ deletesUploads: true }).send('OPTIONS', '/upload');
    expect(deleting.headers.get('tus-extension')).toContain('termination');
    const without = await new UploadWorld({ uploadSecret: [] }).send('OPTIONS', '/upload');
    expect(without.headers.get('tus-version')).toBeNull();
  });

  test('lets a page send and read all headers of the protocol', async () => {
    const world = new UploadWorld({ origins: [PAGE] });
    const preflight = await world.send('OPTIONS', '/upload', { headers: { origin: PAGE } });
    for (const name of [
      'tus-resumable',
      'upload-length',
      'upload-metadata',
      'upload-offset',
      'upload-checksum',
      'content-type',
    ])
      expect(preflight.headers.get('access-control-allow-headers')).toContain(name);
    for (const method of ['POST', 'HEAD', 'PATCH', 'DELETE'])
      expect(preflight.headers.get('access-control-allow-methods')).toContain(method);
    const created = await world.tus('POST', '/upload', { headers: { origin: PAGE, 'upload-length': '1' } });
    for (const name of [
      'location',
      'upload-offset',
      'upload-length',
      'upload-expires',
      'tus-resumable',
      'upload-metadata',
    ])
      expect(created.headers.get('access-control-expose-headers')).toContain(name);
  });
});

describe('creation', () => {
  test('is answered with 201 and a Location, which has the offset 0', async () => {
    const world = new UploadWorld();
    const response = await world.tus('POST', '/upload', { headers: { 'upload-length': '100' } });
    expect(response.status).toBe(201);
    expect(await world.offset(pathOf(response))).toBe(0);
  });

  test.each([undefined, '', '-1', '1.5', '0x10', '1e3', '1, 2'])(
    'is refused with 400 if Upload-Length is %s',
    async (length) => {
      const headers = length === undefined ? {} : { 'upload-length': length };
      expect((await new UploadWorld().tus('POST', '/upload', { headers })).status).toBe(400);
    },
  );

  test.each(['1', '0', 'true'])(
    'a deferred length is not announced, and Upload-Defer-Length: %s is refused with 400',
    async (value) => {
      const world = new UploadWorld();
      expect((await world.tus('POST', '/upload', { headers: { 'upload-defer-length': value } })).status).toBe(400);
      expect((await world.send('OPTIONS', '/upload')).headers.get('tus-extension')).not.toContain('defer');
    },
  );

  test('concatenation is not announced, and Upload-Concat is refused with 400', async () => {
    const world = new UploadWorld();
    for (const value of ['partial', 'final;/a /b'])
      expect(
        (await world.tus('POST', '/upload', { headers: { 'upload-concat': value, 'upload-length': '1' } })).status,
      ).toBe(400);
    expect((await world.send('OPTIONS', '/upload')).headers.get('tus-extension')).not.toContain('concat');
  });

  test('a file of 0 bytes is complete after its creation, and the application is informed', async () => {
    const uploaded: object[] = [];
    const world = new UploadWorld({ onuploaded: (upload) => void uploaded.push(upload) });
    const path = await world.create(0);
    expect(uploaded).toMatchObject([{ user: 'u1', key: keyOf(path), tail: { position: 0 } }]);
    const head = await world.tus('HEAD', path);
    expect([head.headers.get('upload-offset'), head.headers.get('upload-length')]).toEqual(['0', '0']);
    expect(world.object(path)?.length).toBe(0);
  });

  test('a file above Tus-Max-Size, or above what the application allows, is refused with 413 and creates nothing', async () => {
    const world = new UploadWorld({ maxUpload: 99 });
    for (const length of ['100', '9007199254740993', '9'.repeat(400)])
      expect((await world.tus('POST', '/upload', { headers: { 'upload-length': length } })).status).toBe(413);
    const quota = world.edgeWith({ allows: ({ operation }) => operation === 'createUpload' && 50 });
    expect((await world.tus('POST', '/upload', { headers: { 'upload-length': '51' } }, quota)).status).toBe(413);
    expect(world.oss.requests).toEqual([]);
  });

  test('HEAD returns Upload-Metadata exactly as the client sent it', async () => {
    const world = new UploadWorld();
    const metadata = `filename ${base64('słońce 进度.mp4')},is_confidential,empty ,bin ${base64(new Uint8Array([255, 0]))}`;
    const path = await world.create(10, { 'upload-metadata': metadata });
    expect((await world.tus('HEAD', path)).headers.get('upload-metadata')).toBe(metadata);
    expect((await world.tus('HEAD', await world.create(10))).headers.has('upload-metadata')).toBe(false);
    expect(keyOf(path)).toMatch(/^inbox\/u1\/[\w-]{22}\/słońce 进度\.mp4$/);
  });

  test.each<[what: string, metadata: string, reason: RegExp]>([
    ['a value that is not Base64', 'filename a!b', /Base64/],
    ['a value of a wrong length', 'filename YQ', /Base64/],
    ['the same key twice', 'a YQ==,a Yg==', /once/],
    ['an empty key', ' YQ==,', /not empty/],
    ['two values', 'a YQ== YQ==', /pairs/],
    ['a name that is not UTF-8', `filename ${base64(new Uint8Array([0xff, 0xfe]))}`, /not UTF-8/],
    ['a name with a line break', `filename ${base64('a\r\nb')}`, /control character/],
    ['a name that leads out of the prefix', `filename ${base64('../../other/a')}`, /another folder/],
    ['a name that reverses text', `filename ${base64('a\u202egpj.exe')}`, /reverses/],
    ['more than 2,048 characters', `a ${base64('x'.repeat(2000))}`, /2048/],
  ])('%s in Upload-Metadata is refused with 400 and the reason', async (_, metadata, reason) => {
    const world = new UploadWorld();
    const headers = { 'upload-length': '1', 'upload-metadata': metadata };
    const response = await world.tus('POST', '/upload', { headers });
    expect([response.status, (await response.json()).message]).toEqual([400, expect.stringMatching(reason)]);
    expect(world.oss.requests).toEqual([]);
  });

  test('the type of the file becomes the type of the object, and a text that is no type is left out', async () => {
    const world = new UploadWorld();
    const typed = await world.create(1, { 'upload-metadata': `filetype ${base64('video/webm; codecs=vp8')}` });
    expect(world.object(typed)?.headers['content-type']).toBe('video/webm; codecs=vp8');
    const wrong = await world.create(1, { 'upload-metadata': `filetype ${base64('text/html\r\nx-evil: 1')}` });
    expect(world.object(wrong)?.headers['content-type']).not.toContain('html');
  });

  test('a key in the path is used, and a key that has an object is refused with 409, also if that is empty', async () => {
    const world = new UploadWorld();
    const path = await world.create(10, {}, '/upload/inbox%2Fu1%2Fa%20b');
    expect(keyOf(path)).toBe('inbox/u1/a b');
    world.oss.appendObject(BUCKET, 'inbox/u1/old', noise(3));
    for (const key of ['a%20b', 'old'])
      expect(
        (await world.tus('POST', `/upload/inbox%2Fu1%2F${key}`, { headers: { 'upload-length': '5' } })).status,
      ).toBe(409);
    expect((await world.tus('POST', '/upload/inbox%2Fother%2Fa', { headers: { 'upload-length': '5' } })).status).toBe(
      403,
    );
    expect(await world.offset(path)).toBe(0);
  });

  test('the application can choose the key, and only below the prefix', async () => {
    const world = new UploadWorld({
      keyFor: async ({ prefix, name, metadata }) => `${prefix}${metadata['album']}/${name}`,
    });
    const path = await world.create(1, { 'upload-metadata': `name ${base64('a.jpg')},album ${base64('x')}` });
    expect(keyOf(path)).toBe('inbox/u1/x/a.jpg');
    const outside = world.edgeWith({ keyFor: () => 'inbox/other/a' });
    expect((await world.tus('POST', '/upload', { headers: { 'upload-length': '1' } }, outside)).status).toBe(403);
  });

  test.each([
    ['stored', 'drop-after'],
    ['not stored', 'drop-before'],
  ] as const)('a lost answer of OSS creates one upload: the object was %s', async (_, kind) => {
    const world = new UploadWorld({ faults: [{ kind, operation: 'AppendObject', nth: 1 }] });
    // Web Crypto works outside of the virtual clock, so this edge has the clock of the platform.
    const edge = world.edgeWith({ oss: { ...placeOf(world.oss), retry: { baseDelay: 1 } } });
    const created = await world.tus('POST', '/upload', { headers: { 'upload-length': '10' } }, edge);
    expect(await world.offset(pathOf(created))).toBe(0);
  });
});

describe('creation with upload', () => {
  test('stores the body, and Upload-Offset says how much', async () => {
    const world = new UploadWorld();
    const headers = { 'upload-length': '5000', ...PIECE };
    const response = await world.tus('POST', '/upload', { headers, body: bytes.slice(0, 2500) });
    expect([response.status, response.headers.get('upload-offset')]).toEqual([201, '2500']);
    expect((await world.patch(pathOf(response), 2500, bytes.slice(2500))).status).toBe(204);
    expect(world.has(pathOf(response), bytes)).toBe(true);
  });

  test('a body of another type is refused with 415, and a body that is longer than the file with 413', async () => {
    const world = new UploadWorld();
    const headers = { 'upload-length': '5', ...sized(6) };
    expect((await world.tus('POST', '/upload', { headers, body: 'hello!' })).status).toBe(415);
    expect((await world.tus('POST', '/upload', { headers: { ...headers, ...PIECE }, body: 'hello!' })).status).toBe(
      413,
    );
    expect(world.oss.requests).toEqual([]);
  });

  test('a body that breaks off is kept, and the refusal contains the upload and its offset', async () => {
    const world = new UploadWorld();
    const headers = { 'upload-length': '5000', ...PIECE, ...sized(4000) };
    const response = await world.tus('POST', '/upload', { headers, body: bytes.slice(0, 1700) });
    expect([response.status, response.headers.get('upload-offset')]).toEqual([503, '1700']);
    await world.patch(pathOf(response), 1700, bytes.slice(1700));
    expect(world.has(pathOf(response), bytes)).toBe(true);
  });
});

describe('HEAD', () => {
  test('always returns the offset and the length, and no cache keeps the answer', async () => {
    const world = new UploadWorld();
    const path = await world.create(5000);
    for (const offset of [0, 2000, 5000]) {
      const head = await world.tus('HEAD', path);
      const { status, headers } = head;
      expect([status, headers.get('upload-offset'), headers.get('upload-length')]).toEqual([
        200,
        String(offset),
        '5000',
      ]);
      expect(headers.get('cache-control')).toBe('no-store');
      await world.patch(path, offset, bytes.slice(offset, offset + (offset ? 3000 : 2000)));
    }
  });

  test.each<[what: string, path: (good: string) => string]>([
    ['without a signature', (good) => good.split('?')[0] ?? ''],
    ['with a wrong signature', (good) => `${good.slice(0, -4)}AAAA`],
    ['with an empty signature', (good) => good.replace(/\.[^.]*$/, '.')],
    ['of another key', (good) => good.replace('inbox%2Fu1%2F', 'inbox%2Fu1%2Fx')],
    ['with a changed claim', (good) => good.replace('upload=W', 'upload=X')],
    ['with bytes after the signature', (good) => `${good}A`],
    ['with a third part', (good) => `${good}.A`],
  ])('a URL %s is answered with 404 and without an offset', async (_, change) => {
    const world = new UploadWorld();
    const path = change(await world.create(5, {}, '/upload/inbox%2Fu1%2Fa'));
    for (const [method, body] of [['HEAD'], ['PATCH', 'hello'], ['DELETE']] as const) {
      const headers = { 'upload-offset': '0', ...PIECE };
      const response = await world.tus(method, path, body ? { headers, body } : { headers });
      expect([response.status, response.headers.get('upload-offset')], method).toEqual([404, null]);
    }
  });

  test.each<[cause: string, status: number, options: Partial<EdgeOptions>]>([
    [
      'OSS refuses the edge',
      502,
      { oss: placeOf(makeCloud({ faults: () => ({ kind: 'refuse', status: 403, code: 'UserDisable' }) }).oss) },
    ],
    ['a function of the application fails', 500, { allows: () => Promise.reject(new Error('no database')) }],
  ])(
    'is answered with 423 if %s, because tus-js-client starts again from byte 0 after a status from 500',
    async (_, status, options) => {
      const world = new UploadWorld();
      const path = await world.create(5);
      const failures: number[] = [];
      const edge = world.edgeWith({ ...options, onfailure: (failure) => failures.push(failure.status) });
      const head = await world.tus('HEAD', path, {}, edge);
      expect([head.status, head.headers.get('upload-offset'), failures]).toEqual([423, null, [status]]);
      const post = await world.tus('POST', path, { headers: { 'x-http-method-override': 'HEAD' } }, edge);
      expect(post.status).toBe(423);
      expect((await world.send('HEAD', path, {}, edge)).status, 'a client of the draft').toBe(status);
    },
  );

  test('a URL of another user is answered with 404, and an old secret still works if it is listed', async () => {
    const world = new UploadWorld();
    const path = await world.create(5);
    const other = world.edgeWith({ authenticate: async () => 'u2', prefixOf: () => 'inbox/u1/' });
    expect((await world.tus('HEAD', path, {}, other)).status).toBe(404);
    const rotated = world.edgeWith({ uploadSecret: ['another secret, which is also long enough', SECRET] });
    expect((await world.tus('HEAD', path, {}, rotated)).status).toBe(200);
    const removed = world.edgeWith({ uploadSecret: 'another secret, which is also long enough' });
    expect((await world.tus('HEAD', path, {}, removed)).status).toBe(404);
  });
});

describe('PATCH', () => {
  test('stores the bytes at the offset, and answers 204 with the new offset', async () => {
    const world = new UploadWorld();
    const path = await world.create(5000);
    for (let at = 0; at < 5000; at += 1250) {
      const response = await world.patch(path, at, bytes.slice(at, at + 1250));
      expect([response.status, response.headers.get('upload-offset')]).toEqual([204, String(at + 1250)]);
    }
    expect(world.has(path, bytes)).toBe(true);
  });

  test.each(['application/octet-stream', 'application/partial-upload', ''])(
    'of the type "%s" is refused with 415',
    async (type) => {
      const world = new UploadWorld();
      const path = await world.create(5);
      expect((await world.patch(path, 0, 'hello', { 'content-type': type })).status).toBe(415);
      expect(world.object(path)?.length).toBe(0);
    },
  );

  test.each([
    ['another offset', '1', 409],
    ['an offset after the end', '99', 409],
    ['an offset of 2^53 + 1', '9007199254740993', 409],
    ['a negative offset', '-1', 400],
    ['no number', 'x', 400],
    ['an empty Upload-Offset', '', 400],
  ])('with %s changes nothing', async (_, offset, status) => {
    const world = new UploadWorld();
    const path = await world.create(5);
    const response = await world.patch(path, 0, 'hello', { 'upload-offset': offset });
    expect(response.status).toBe(status);
    if (status === 409) expect(response.headers.get('upload-offset')).toBe('0');
    expect(world.object(path)?.length).toBe(0);
  });

  test('without Upload-Offset is refused with 400, and without Tus-Resumable with 415, because it is then not a request of tus', async () => {
    const world = new UploadWorld();
    const path = await world.create(5);
    expect((await world.tus('PATCH', path, { headers: PIECE, body: 'hello' })).status).toBe(400);
    const headers = { ...PIECE, 'upload-offset': '0' };
    expect((await world.send('PATCH', path, { headers, body: 'hello' })).status).toBe(415);
    expect(await world.offset(path)).toBe(0);
  });

  test('that repeats the last bytes is refused with 409, and they are stored once', async () => {
    const world = new UploadWorld();
    const path = await world.create(5000);
    await world.patch(path, 0, bytes.slice(0, 3000));
    for (let i = 0; i < 2; i++) {
      const response = await world.patch(path, 3000, bytes.slice(3000));
      expect([response.status, response.headers.get('upload-offset')]).toEqual([i ? 409 : 204, '5000']);
    }
    expect(world.has(path, bytes)).toBe(true);
  });

  test('with more bytes than the upload has is refused with 413, and never completes the upload', async () => {
    const uploaded: object[] = [];
    const world = new UploadWorld({ onuploaded: (upload) => void uploaded.push(upload) });
    const path = await world.create(2000);
    expect((await world.patch(path, 0, bytes, sized(5000))).status).toBe(413);
    const chunks = new ReadableStream({
      start(controller) {
        for (const size of [1000, 1000, 1]) controller.enqueue(bytes.slice(0, size));
        controller.close();
      },
    });
    expect((await world.patch(path, 0, chunks)).status).toBe(413);
    expect([await world.offset(path), uploaded]).toEqual([1000, []]);
  });

  test('of a complete upload with no bytes succeeds, and the application is not informed again', async () => {
    const uploaded: object[] = [];
    const world = new UploadWorld({ onuploaded: (upload) => void uploaded.push(upload) });
    const path = await world.create(5);
    for (const body of ['hello', '']) {
      const response = await world.patch(path, body ? 0 : 5, body, sized(body.length));
      expect([response.status, response.headers.get('upload-offset')]).toEqual([204, '5']);
    }
    expect(uploaded).toHaveLength(1);
  });

  test('whose body breaks off keeps what arrived, and the offset never falls', async () => {
    const world = new UploadWorld();
    const path = await world.create(5000);
    const broken = new ReadableStream({
      start: (controller) => controller.enqueue(bytes.slice(0, 3300)),
      pull: (controller) => controller.error(new TypeError('terminated')),
    });
    const response = await world.patch(path, 0, broken);
    expect([response.status, response.headers.get('upload-offset')]).toEqual([503, '3300']);
    expect(await world.offset(path)).toBe(3300);
    await world.patch(path, 3300, bytes.slice(3300));
    expect(world.has(path, bytes)).toBe(true);
  });

  test('twice at the same time with different bytes: one wins, the other gets 409 with the true offset', async () => {
    const world = new UploadWorld();
    const path = await world.create(900);
    const [mine, other] = [noise(900, 1), noise(900, 2)];
    const answers = await Promise.all([world.patch(path, 0, mine), world.patch(path, 0, other)]);
    const statuses = answers.map(({ status }) => status);
    expect([...statuses].sort()).toEqual([204, 409]);
    expect(answers[statuses.indexOf(409)]?.headers.get('upload-offset')).toBe('900');
    expect(world.has(path, statuses[0] === 204 ? mine : other)).toBe(true);
  });

  test('twice at the same time with the same bytes stores them once', async () => {
    const world = new UploadWorld();
    const path = await world.create(5000);
    await Promise.all([world.patch(path, 0, bytes), world.patch(path, 0, bytes)]);
    const offset = await world.offset(path);
    await world.patch(path, offset, bytes.slice(offset));
    expect(world.has(path, bytes)).toBe(true);
  });

  test('to an upload whose object was deleted, or created again by somebody else, is answered with 404', async () => {
    const world = new UploadWorld();
    const path = await world.create(5);
    world.oss.deleteObject(BUCKET, keyOf(path));
    expect((await world.patch(path, 0, 'hello')).status).toBe(404);
    world.oss.appendObject(BUCKET, keyOf(path), new Uint8Array(0));
    expect((await world.patch(path, 0, 'hello')).status).toBe(404);
    expect((await world.tus('HEAD', path)).status).toBe(404);
  });

  test('asks the application each time, with the name of the upload', async () => {
    const asked: object[] = [];
    const world = new UploadWorld({ allows: (question) => asked.push(question) > 0 });
    const path = await world.create(5, { 'upload-metadata': `filetype ${base64('text/plain')}` });
    await world.patch(path, 0, 'hello', sized(5));
    const upload = expect.stringMatching(/^[\w-]{22}$/);
    expect(asked).toMatchObject([
      { operation: 'createUpload', size: 5, contentType: 'text/plain', upload },
      { operation: 'headObject', upload },
      { operation: 'upload', position: 0, size: 5, upload },
    ]);
    const forbidding = world.edgeWith({ allows: ({ operation }) => operation !== 'upload' });
    const other = await world.create(5);
    const headers = { ...PIECE, 'upload-offset': '0' };
    expect((await world.tus('PATCH', other, { headers, body: 'hello' }, forbidding)).status).toBe(403);
  });
});

test.each(['PUT', 'GET'])(
  '%s is not a method of tus, and is refused with 405 and the methods that are',
  async (method) => {
    const world = new UploadWorld();
    const path = await world.create(5);
    const response = await world.tus(method, path);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, HEAD, PATCH, DELETE']);
  },
);

describe('X-HTTP-Method-Override', () => {
  test('is taken in place of the method', async () => {
    const world = new UploadWorld({ deletesUploads: true });
    const path = await world.create(5);
    const headers = { 'x-http-method-override': 'PATCH', 'upload-offset': '0', ...PIECE };
    expect((await world.tus('POST', path, { headers, body: 'hello' })).status).toBe(204);
    expect(
      (await world.tus('POST', path, { headers: { 'x-http-method-override': 'HEAD' } })).headers.get('upload-offset'),
    ).toBe('5');
    expect(
      (await world.tus('GET', '/upload', { headers: { 'x-http-method-override': 'OPTIONS' } })).headers.get(
        'tus-version',
      ),
    ).toBe('1.0.0');
    expect((await world.tus('POST', path, { headers: { 'x-http-method-override': 'DELETE' } })).status).toBe(204);
  });
});

describe('expiration', () => {
  test('the creation and every PATCH of an unfinished upload say when it expires, as an HTTP date', async () => {
    const world = new UploadWorld({ uploadLife: 3600 });
    const created = await world.tus('POST', '/upload', { headers: { 'upload-length': '10' } });
    const date = new Date(START + 3_600_000).toUTCString();
    expect(created.headers.get('upload-expires')).toBe(date);
    expect((await world.patch(pathOf(created), 0, 'hello')).headers.get('upload-expires')).toBe(date);
    expect((await world.patch(pathOf(created), 5, 'hello')).headers.get('upload-expires')).toBeNull();
  });

  test('an expired upload is answered with 410', async () => {
    const world = new UploadWorld({ uploadLife: 3600 });
    const path = await world.create(10);
    world.clock.advance(3_599_999);
    expect((await world.tus('HEAD', path)).status).toBe(200);
    world.clock.advance(1);
    expect((await world.tus('HEAD', path)).status).toBe(410);
    expect((await world.patch(path, 0, 'hello')).status).toBe(410);
  });
});

describe('checksum', () => {
  test('a body with the right checksum is stored', async () => {
    const world = new UploadWorld();
    const path = await world.create(5000);
    expect((await world.patch(path, 0, bytes.slice(0, 2000), sha1(bytes.slice(0, 2000)))).status).toBe(204);
    const rest = bytes.slice(2000);
    const sha256 = { 'upload-checksum': `sha256 ${createHash('sha256').update(rest).digest('base64')}` };
    expect((await world.patch(path, 2000, rest, sha256)).status).toBe(204);
    expect(world.has(path, bytes)).toBe(true);
  });

  test.each<[what: string, headers: Record<string, string>, status: number]>([
    ['another checksum', sha1(noise(7)), 460],
    ['an unknown algorithm', { 'upload-checksum': `md5 ${base64('x')}` }, 400],
    ['an algorithm that is a name of JavaScript', { 'upload-checksum': `constructor ${base64('x')}` }, 400],
    ['a checksum that is not Base64', { 'upload-checksum': 'sha1 ???' }, 400],
  ])('a body with %s is discarded, and the offset stays', async (_, headers, status) => {
    const world = new UploadWorld();
    const path = await world.create(5000);
    expect((await world.patch(path, 0, bytes, headers)).status).toBe(status);
    expect(await world.offset(path)).toBe(0);
  });

  test('the body of a creation is checked too, and the refusal has the Location of the upload', async () => {
    const world = new UploadWorld();
    const headers = { 'upload-length': '5000', ...PIECE, ...sha1(noise(7)) };
    const wrong = await world.tus('POST', '/upload', { headers, body: bytes });
    expect([wrong.status, await world.offset(pathOf(wrong))]).toEqual([460, 0]);
    const right = await world.tus('POST', '/upload', { headers: { ...headers, ...sha1(bytes) }, body: bytes });
    expect([right.status, world.has(pathOf(right), bytes)]).toEqual([201, true]);
  });

  test('the checksum of a body of 0 bytes is checked too', async () => {
    const world = new UploadWorld();
    const path = await world.create(0);
    for (const [headers, status] of [
      [sha1(noise(7)), 460],
      [sha1(noise(0)), 204],
    ] as const)
      for (const length of [sized(0), {}])
        expect((await world.patch(path, 0, '', { ...headers, ...length })).status).toBe(status);
    expect(await world.offset(path)).toBe(0);
  });

  test('a body with a checksum that breaks off is discarded', async () => {
    const world = new UploadWorld();
    const path = await world.create(5000);
    const response = await world.patch(path, 0, bytes.slice(0, 3000), { ...sha1(bytes), ...sized(5000) });
    expect([response.status, await world.offset(path)]).toEqual([503, 0]);
  });

  test('a body with a checksum is held in memory, so 8 MiB is the most', async () => {
    const world = new UploadWorld({ segmentSize: 1024 * 1024 });
    const large = noise(8 * 1024 * 1024 + 1);
    const path = await world.create(large.length);
    expect((await world.patch(path, 0, streamOf(large, 65_536), sha1(large))).status).toBe(413);
    expect(await world.offset(path)).toBe(0);
  });
});

describe('termination', () => {
  test('deletes the object, and the URL is gone afterwards', async () => {
    const world = new UploadWorld({ deletesUploads: true });
    for (const body of ['hel', 'hello']) {
      const path = await world.create(5);
      await world.patch(path, 0, body);
      expect((await world.tus('DELETE', path)).status).toBe(204);
      expect(world.object(path)).toBeUndefined();
      for (const method of ['HEAD', 'DELETE']) expect((await world.tus(method, path)).status).toBe(404);
      expect((await world.patch(path, 0, 'hello')).status).toBe(404);
    }
  });

  test('is refused with 403 if the deployer or the application does not allow it', async () => {
    const world = new UploadWorld();
    const path = await world.create(5);
    expect((await world.tus('DELETE', path)).status).toBe(403);
    const careful = world.edgeWith({ deletesUploads: true, allows: ({ operation }) => operation !== 'deleteUpload' });
    expect((await world.tus('DELETE', path, {}, careful)).status).toBe(403);
    expect(world.object(path)?.length).toBe(0);
  });

  test('is answered with 502 if OSS refuses, and the application gets no secret', async () => {
    const failures: object[] = [];
    const world = new UploadWorld({ faults: [{ kind: 'deny', operation: 'DeleteObject' }] });
    const path = await world.create(5);
    const deleting = world.edgeWith({ deletesUploads: true, onfailure: (failure) => failures.push(failure) });
    expect((await world.tus('DELETE', path, {}, deleting)).status).toBe(502);
    expect(failures).toEqual([{ method: 'DELETE', route: '/upload', status: 502, code: 'AccessDenied' }]);
  });
});

test('without a secret, tus is refused with 403 and the reason', async () => {
  const world = new UploadWorld({ uploadSecret: [] });
  const response = await world.tus('POST', '/upload', { headers: { 'upload-length': '1' } });
  expect([response.status, (await response.json()).error]).toEqual([403, 'NoResumableUploads']);
});
