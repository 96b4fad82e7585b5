/**
 * Tests what the IETF's draft of resumable uploads demands of a server: one test for each MUST and SHOULD, in the order
 * of the draft's text.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/12/
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { contextOf, serve } from '../../src/testing/node/http.ts';
import { noise } from './senders.ts';
import { type Headers, keyOf, pathOf, START, sized, UploadWorld } from './upload-client.ts';
import { BUCKET, PAGE } from './world.ts';

const bytes = noise(5000);
const COMPLETE = { 'upload-complete': '?1' };
const INCOMPLETE = { 'upload-complete': '?0' };
/** The iteration of the draft that the edge speaks. */
const INTEROP = { 'upload-draft-interop-version': '8' };
const PROBLEMS = 'https://iana.org/assignments/http-problem-types#';

/** Creates an upload that gets its bytes later. */
async function begin(world: UploadWorld, length = 5000, headers: Headers = {}): Promise<string> {
  const all = { ...INCOMPLETE, 'upload-length': String(length), ...headers };
  const response = await world.send('POST', '/upload', { headers: all });
  expect(response.status).toBe(201);
  return pathOf(response);
}

/** Returns the UTF-8 of a text, with a character for each byte. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** Returns the state of the upload from the answer to HEAD. */
async function stateOf(world: UploadWorld, path: string) {
  const { status, headers } = await world.send('HEAD', path);
  const [offset, complete, length] = ['offset', 'complete', 'length'].map((name) => headers.get(`upload-${name}`));
  return { status, offset, complete, length };
}

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return response.json();
}

describe('Upload-Limit', () => {
  test('is in the answer to OPTIONS, and no less strict than that of an upload', async () => {
    const world = new UploadWorld({ maxUpload: 10_000, uploadLife: 600 });
    const options = await world.send('OPTIONS', '/upload');
    expect([options.status, options.headers.get('upload-limit')]).toEqual([204, 'max-size=10000, max-age=600']);
    const path = await begin(world);
    world.clock.advance(1000);
    expect((await world.send('HEAD', path)).headers.get('upload-limit')).toBe('max-size=10000, max-age=599');
  });

  test('is in the refusal of a file that is too long (413), which creates nothing', async () => {
    const world = new UploadWorld({ maxUpload: 99 });
    const response = await world.send('POST', '/upload', { headers: { ...INCOMPLETE, 'upload-length': '100' } });
    expect([response.status, response.headers.get('upload-limit')]).toEqual([413, 'max-size=99, max-age=86400']);
    expect(world.oss.requests).toEqual([]);
  });

  test('has the limit of the application if this limit is lower', async () => {
    const world = new UploadWorld({ allows: ({ operation }) => operation !== 'createUpload' || 50 });
    const response = await world.send('POST', '/upload', { headers: { ...INCOMPLETE, 'upload-length': '51' } });
    expect([response.status, response.headers.get('upload-limit')]).toEqual([413, 'max-size=50, max-age=86400']);
  });
});

describe('a creation', () => {
  test('with ?1 and the whole body is answered like a plain upload, with Upload-Complete', async () => {
    const world = new UploadWorld();
    const headers = { ...COMPLETE, ...sized(5000), 'content-type': 'video/webm' };
    const response = await world.send('POST', '/upload/inbox%2Fu1%2Fa', { headers, body: bytes });
    expect([response.status, response.headers.get('upload-complete')]).toEqual([200, '?1']);
    expect(await response.json()).toMatchObject({ position: 5000 });
    expect(world.oss.object(BUCKET, 'inbox/u1/a')?.headers['content-type']).toBe('video/webm');
  });

  test('with ?0 is answered with 201, Location, Upload-Limit and Upload-Complete: ?0', async () => {
    const world = new UploadWorld();
    const headers = { ...INCOMPLETE, 'upload-length': '5000', ...sized(2000) };
    const response = await world.send('POST', '/upload', { headers, body: bytes.slice(0, 2000) });
    expect([response.status, response.headers.get('upload-complete'), response.headers.get('upload-offset')]).toEqual([
      201,
      '?0',
      '2000',
    ]);
    expect(response.headers.get('upload-limit')).toContain('max-size=');
    expect(await stateOf(world, pathOf(response))).toMatchObject({ offset: '2000', length: '5000' });
  });

  test('needs no body: with ?0 the bytes come later, and with ?1 the file has 0 bytes', async () => {
    const world = new UploadWorld();
    expect(await stateOf(world, await begin(world))).toEqual({
      status: 204,
      offset: '0',
      complete: '?0',
      length: '5000',
    });
    const empty = await world.send('POST', '/upload', { headers: { ...COMPLETE, ...sized(0) } });
    expect([empty.status, empty.headers.get('upload-complete')]).toEqual([200, '?1']);
  });

  test('announces the upload with 104 and its Location before it reads the body, if the platform can do that', async () => {
    const world = new UploadWorld();
    const interim: [number, Headers][] = [];
    const headers = { ...COMPLETE, ...INTEROP, ...sized(5000) };
    const request = new Request('https://edge.example/upload', { method: 'POST', headers, body: bytes });
    const sendInterim = (status: number, sent: Headers) => interim.push([status, sent]);
    const response = await world.edge(request, { sendInterim });
    expect(interim).toEqual([
      [104, { location: expect.stringMatching(/^upload\//), 'upload-limit': expect.any(String), ...INTEROP }],
    ]);
    expect(response.headers.get('location')).toBe(interim[0]?.[1]['location']);
  });

  test.each<[what: string, headers: Headers]>([
    ['no interop version', {}],
    ['an older interop version', { 'upload-draft-interop-version': '7' }],
    ['an interop version that is no number', { 'upload-draft-interop-version': '8, 8' }],
  ])('with %s is not announced with 104, but works', async (_, version) => {
    const world = new UploadWorld();
    const headers = { ...COMPLETE, ...version, ...sized(5000) };
    const request = new Request('https://edge.example/upload', { method: 'POST', headers, body: bytes });
    const interim: number[] = [];
    const response = await world.edge(request, { sendInterim: (status) => interim.push(status) });
    expect([interim, response.status]).toEqual([[], 200]);
  });

  test('is announced with 104 by a server of Node, so a client whose connection breaks knows the upload', async () => {
    const world = new UploadWorld();
    const server = await serve((received) => world.edge(received, contextOf(received)));
    try {
      const headers = { ...COMPLETE, ...INTEROP, ...sized(5000) };
      const sending = request(`${server.url}/upload`, { method: 'POST', headers });
      sending.on('error', () => {}).write(bytes.slice(0, 1000));
      const [information] = await once(sending, 'information');
      expect([information.statusCode, information.headers['upload-limit']]).toEqual([
        104,
        expect.stringContaining('max-age='),
      ]);
      const path = `/${information.headers.location}`;
      sending.destroy();
      await expect.poll(() => world.object(path)?.length).toBe(1000);
      await world.append(path, 1000, { complete: '?1', body: bytes.slice(1000) });
      expect(world.has(path, bytes)).toBe(true);
    } finally {
      await server.close();
    }
  });

  test('whose body breaks off keeps what arrived, is not complete, and the answer names the upload', async () => {
    const world = new UploadWorld();
    const headers = { ...COMPLETE, ...sized(5000) };
    const response = await world.send('POST', '/upload', { headers, body: bytes.slice(0, 3200) });
    expect([response.status, response.headers.get('upload-complete'), response.headers.get('upload-offset')]).toEqual([
      503,
      '?0',
      '3200',
    ]);
    const path = pathOf(response);
    expect(await stateOf(world, path)).toMatchObject({ offset: '3200', complete: '?0' });
    await world.append(path, 3200, { complete: '?1', body: bytes.slice(3200) });
    expect(world.has(path, bytes)).toBe(true);
  });

  test('of unknown length is refused with 411 if it has to be resumed, and is a plain upload if it is whole', async () => {
    const world = new UploadWorld();
    expect((await world.send('POST', '/upload', { headers: INCOMPLETE, body: bytes })).status).toBe(411);
    const whole = await world.send('POST', '/upload/inbox%2Fu1%2Fa', { headers: COMPLETE, body: bytes });
    expect([whole.status, whole.headers.get('upload-complete')]).toEqual([200, '?1']);
  });

  test('may give the same length twice, and with ?1 and an Upload-Length it needs no Content-Length', async () => {
    const world = new UploadWorld();
    const headers = { ...COMPLETE, 'upload-length': '5000' };
    for (const more of [sized(5000), {}] as Headers[]) {
      const response = await world.send('POST', '/upload', { headers: { ...headers, ...more }, body: bytes });
      expect([response.status, response.headers.get('upload-complete')]).toEqual([200, '?1']);
      expect(world.has(pathOf(response), bytes)).toBe(true);
    }
  });

  test.each<[what: string, headers: Headers]>([
    ['?1 and two lengths', { ...COMPLETE, 'upload-length': '10', ...sized(5) }],
    ['?0 and a body that is longer than the file', { ...INCOMPLETE, 'upload-length': '4', ...sized(5) }],
  ])('with %s is refused as inconsistent-upload-length', async (_, headers) => {
    const world = new UploadWorld();
    const response = await world.send('POST', '/upload', { headers, body: 'hello' });
    expect([response.status, response.headers.get('upload-complete')]).toEqual([400, '?0']);
    expect((await problemOf(response)).type).toBe(`${PROBLEMS}inconsistent-upload-length`);
    expect(world.oss.requests).toEqual([]);
  });

  test.each(['?2', '1', 'true', '?1, ?0', '"?1"', '', '?1;', '?1 ;a', '?1;A', '?1;a=', '?1;a="', '?1 ?0'])(
    'ignores an Upload-Complete of %s, which is not a Boolean',
    async (value) => {
      const world = new UploadWorld();
      const headers = { 'upload-complete': value };
      const response = await world.send('POST', '/upload/inbox%2Fu1%2Fa', { headers, body: 'hello' });
      // Without Upload-Complete, the request is a plain upload, and so is the answer.
      expect([response.status, response.headers.get('upload-complete')]).toEqual([200, null]);
      expect(await response.json()).toMatchObject({ position: 5 });
    },
  );

  test.each(['-1', '1.5', 'ten', '+5', '1, 2', '9;', '9 ;a', '9;;a', '9;a=b c'])(
    'ignores an Upload-Length of %s, which is not a number of 0 or more',
    async (value) => {
      const headers = { ...COMPLETE, 'upload-length': value, ...sized(5) };
      expect((await new UploadWorld().send('POST', '/upload', { headers, body: 'hello' })).status).toBe(200);
    },
  );

  test('takes parameters of a header, as Structured Fields allow them', async () => {
    for (const parameters of [';a=1', '; b', ';a;b=?1', ';*x.y-z_=:YQ==:', ';a="x; \\" y"', ';a=-1.5; b=tok/en']) {
      const headers = { 'upload-complete': `?0${parameters}`, 'upload-length': `5${parameters}` };
      expect((await new UploadWorld().send('POST', '/upload', { headers })).status, parameters).toBe(201);
    }
  });

  test.each<[name: string, disposition: string]>([
    ['a b.webm', 'inline; filename="a b.webm"'],
    ['a.webm', 'attachment;filename=a.webm'],
    ['進度.webm', `inline; filename="x.webm"; filename*=UTF-8''${encodeURIComponent('進度.webm')}`],
    ['a"b', 'inline; filename="a\\"b"'],
    // Most platforms read the bytes of a header as Latin-1.
    ['進度 ü.webm', `inline; filename="${latin1('進度 ü.webm')}"`],
    ['ü.webm', 'inline; filename="ü.webm"'],
    ['Ã¼.webm', `inline; filename*=UTF-8''${encodeURIComponent('Ã¼.webm')}`],
  ])('takes the name %s from Content-Disposition', async (name, disposition) => {
    expect(
      keyOf(await begin(new UploadWorld(), 5, { 'content-disposition': disposition }))
        .split('/')
        .at(-1),
    ).toBe(name);
  });

  test('with an empty name in Content-Disposition gets a random name, like a creation without a name', async () => {
    for (const name of ['filename=""', "filename*=UTF-8''"]) {
      const path = await begin(new UploadWorld(), 5, { 'content-disposition': `attachment; ${name}` });
      expect(keyOf(path)).toMatch(/^inbox\/u1\/[\w-]{22}$/);
    }
  });

  test.each(['text/plain; name=ü', 'a\tb', 'text', 'text/plain;\xff'])(
    'of the type %j, which no object can have, leaves the type out, like a plain upload',
    async (type) => {
      const world = new UploadWorld();
      const path = await begin(world, 5, { 'content-type': type });
      const plain = { headers: { 'content-type': type, ...sized(5) }, body: 'hello' };
      expect((await world.send('POST', '/upload/inbox%2Fu1%2Fplain', plain)).status).toBe(200);
      for (const key of [keyOf(path), 'inbox/u1/plain'])
        expect(world.oss.object(BUCKET, key)?.headers['content-type']).toBe('application/octet-stream');
    },
  );

  test('refuses a name that is not UTF-8, or that leads out of the prefix', async () => {
    for (const name of ["filename*=UTF-8''%ff", 'filename="../../other/a"']) {
      const headers = { ...INCOMPLETE, 'upload-length': '5', 'content-disposition': `inline; ${name}` };
      expect((await new UploadWorld().send('POST', '/upload', { headers })).status).toBe(400);
    }
  });
});

describe('an offset retrieval', () => {
  test.each(['HEAD', 'GET'])(
    'with %s returns offset, completeness, length and limits, and no cache keeps it',
    async (method) => {
      const world = new UploadWorld();
      const path = await begin(world);
      await world.append(path, 0, { body: bytes.slice(0, 3000) });
      const { status, headers } = await world.send(method, path);
      expect([status, Object.fromEntries(headers)]).toMatchObject([
        204,
        { 'upload-offset': '3000', 'upload-complete': '?0', 'upload-length': '5000', 'cache-control': 'no-store' },
      ]);
      expect(headers.get('upload-limit')).toContain('max-age=');
    },
  );

  test('says that a complete upload is complete', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    await world.append(path, 0, { complete: '?1', body: bytes });
    expect(await stateOf(world, path)).toMatchObject({ offset: '5000', complete: '?1' });
  });

  test('never redirects', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    for (const url of [path, path.replace('upload=', 'upload=x'), '/upload/', '/upload'])
      for (const method of ['HEAD', 'DELETE'])
        expect([204, 403, 404]).toContain((await world.send(method, url)).status);
  });
});

describe('an append', () => {
  test('continues at the offset: 204 and ?0 for a part, 200 and ?1 for the end', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    const part = await world.append(path, 0, { body: bytes.slice(0, 3000) });
    expect([part.status, part.headers.get('upload-complete')]).toEqual([204, '?0']);
    const end = await world.append(path, 3000, { complete: '?1', body: bytes.slice(3000), headers: sized(2000) });
    expect([end.status, end.headers.get('upload-complete'), await end.json()]).toMatchObject([
      200,
      '?1',
      { position: 5000 },
    ]);
    expect(world.has(path, bytes)).toBe(true);
  });

  test('with no content completes an upload that has all its bytes, and replays the answer', async () => {
    const uploaded: object[] = [];
    const world = new UploadWorld({ onuploaded: (upload) => void uploaded.push(upload) });
    const path = await begin(world);
    await world.append(path, 0, { complete: '?1', body: bytes });
    for (let i = 0; i < 2; i++) {
      const again = await world.append(path, 5000, { complete: '?1', headers: sized(0) });
      expect([again.status, again.headers.get('upload-complete'), await again.json()]).toMatchObject([
        200,
        '?1',
        { position: 5000 },
      ]);
    }
    expect(uploaded).toHaveLength(1);
  });

  test('at another offset is refused with 409, and the answer has the true offset and the problem mismatching-upload-offset', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    await world.append(path, 0, { body: bytes.slice(0, 1250) });
    for (const offset of [0, 2500]) {
      const response = await world.append(path, offset, { body: bytes.slice(offset) });
      expect([response.status, response.headers.get('upload-offset'), response.headers.get('upload-complete')]).toEqual(
        [409, '1250', '?0'],
      );
      expect(await problemOf(response)).toMatchObject({
        type: `${PROBLEMS}mismatching-upload-offset`,
        'expected-offset': 1250,
        'provided-offset': offset,
      });
    }
  });

  test.each<[what: string, headers: Headers, status: number]>([
    ['another media type', { 'content-type': 'application/octet-stream' }, 415],
    ['no Upload-Offset', { 'upload-offset': '' }, 400],
    ['a negative Upload-Offset', { 'upload-offset': '-5' }, 400],
    ['no Upload-Complete', { 'upload-complete': '' }, 400],
  ])('with %s is refused', async (_, headers, status) => {
    const world = new UploadWorld();
    const path = await begin(world);
    expect((await world.append(path, 0, { body: 'hello', headers })).status).toBe(status);
    expect(await stateOf(world, path)).toMatchObject({ offset: '0' });
  });

  test.each<[what: string, complete: string, size: number, headers: Headers]>([
    ['more bytes than the file has', '?0', 5001, sized(5001)],
    ['?1 and too few bytes', '?1', 100, sized(100)],
    ['another Upload-Length than before', '?0', 100, { 'upload-length': '6000' }],
  ])('with %s is refused as inconsistent-upload-length, and nothing is stored', async (_, complete, size, headers) => {
    const world = new UploadWorld();
    const path = await begin(world);
    const response = await world.append(path, 0, { complete, body: noise(size), headers });
    expect([response.status, (await problemOf(response)).type]).toEqual([400, `${PROBLEMS}inconsistent-upload-length`]);
    expect(await stateOf(world, path)).toMatchObject({ offset: '0', complete: '?0' });
  });

  test('of unknown length that ends too early is not complete, although it says ?1', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    const response = await world.append(path, 0, { complete: '?1', body: bytes.slice(0, 4000) });
    expect([response.status, response.headers.get('upload-offset'), response.headers.get('upload-complete')]).toEqual([
      400,
      '4000',
      '?0',
    ]);
    expect(await stateOf(world, path)).toMatchObject({ offset: '4000', complete: '?0' });
  });

  test('of unknown length with too many bytes never exceeds the length of the file', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    const response = await world.append(path, 0, { body: noise(5001) });
    expect([response.status, response.headers.get('upload-complete')]).toEqual([413, '?0']);
    expect(await stateOf(world, path)).toMatchObject({ complete: '?0' });
  });

  test('whose body breaks off keeps what arrived, and the upload is not complete', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(bytes.slice(0, 3300)),
      pull: (controller) => controller.error(new TypeError('terminated')),
    });
    const response = await world.append(path, 0, { complete: '?1', body });
    expect([response.status, response.headers.get('upload-offset')]).toEqual([503, '3300']);
    expect(await stateOf(world, path)).toMatchObject({ offset: '3300', complete: '?0' });
  });

  test('at the same time as another one: one wins, the other gets 409 with the true offset, and no byte is lost', async () => {
    const world = new UploadWorld();
    const path = await begin(world, 900);
    const [mine, other] = [noise(900, 1), noise(900, 2)];
    const answers = await Promise.all([mine, other].map((body) => world.append(path, 0, { complete: '?1', body })));
    const statuses = answers.map(({ status }) => status);
    expect([...statuses].sort()).toEqual([200, 409]);
    expect(answers[statuses.indexOf(409)]?.headers.get('upload-offset')).toBe('900');
    expect(world.has(path, statuses[0] === 200 ? mine : other)).toBe(true);
  });

  test('of the last bytes completes the upload even with Upload-Complete: ?0, and the answer says so', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    const end = await world.append(path, 0, { body: bytes });
    expect([end.status, end.headers.get('upload-complete')]).toEqual([200, '?1']);
    expect(await stateOf(world, path)).toMatchObject({ offset: '5000', complete: '?1' });
  });

  test('to a complete upload is refused, and the upload stays as it is', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    await world.append(path, 0, { complete: '?1', body: bytes });
    for (const [offset, status] of [
      [5000, 400],
      [0, 409],
    ] as const)
      expect((await world.append(path, offset, { body: 'more', headers: sized(4) })).status).toBe(status);
    expect([await stateOf(world, path), world.has(path, bytes)]).toMatchObject([{ complete: '?1' }, true]);
  });

  test('takes parameters of its headers, as Structured Fields allow them', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    const headers = { 'upload-offset': '0;a', 'upload-complete': '?1; b=2', 'upload-length': '5000;c' };
    expect((await world.append(path, 0, { body: bytes, headers })).status).toBe(200);
  });

  test('asks the application again, because its decision may have changed since the creation', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    const headers = { 'content-type': 'application/partial-upload', 'upload-offset': '0', ...INCOMPLETE };
    const later = world.edgeWith({ allows: () => false });
    expect((await world.send('PATCH', path, { headers, body: 'hello' }, later)).status).toBe(403);
  });
});

describe('a cancellation', () => {
  test('deletes the object, and the URL is gone afterwards', async () => {
    const world = new UploadWorld({ deletesUploads: true });
    const path = await begin(world);
    expect((await world.send('DELETE', path)).status).toBe(204);
    expect(world.object(path)).toBeUndefined();
    expect((await world.send('HEAD', path)).status).toBe(404);
  });

  test('is refused if the deployer does not allow it', async () => {
    const world = new UploadWorld();
    const response = await world.send('DELETE', await begin(world));
    expect([response.status, (await problemOf(response)).error]).toEqual([403, 'NoDeletion']);
  });
});

describe('Content-Digest', () => {
  const digest = (body: Uint8Array, name = 'sha-256') => ({
    'content-digest': `${name}=:${createHash(name.replace('-', '')).update(body).digest('base64')}:`,
  });

  test('a body with the right digest is stored', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    expect(
      (await world.append(path, 0, { body: bytes.slice(0, 1000), headers: digest(bytes.slice(0, 1000)) })).status,
    ).toBe(204);
    const rest = { complete: '?1', body: bytes.slice(1000), headers: digest(bytes.slice(1000), 'sha-512') };
    expect((await world.append(path, 1000, rest)).status).toBe(200);
    expect(world.has(path, bytes)).toBe(true);
  });

  test('a body with another digest is not appended, and an unknown algorithm is ignored', async () => {
    const world = new UploadWorld();
    const path = await begin(world);
    const response = await world.append(path, 0, { body: bytes.slice(0, 1000), headers: digest(bytes) });
    expect([response.status, (await problemOf(response)).error]).toEqual([400, 'ChecksumMismatch']);
    expect(await stateOf(world, path)).toMatchObject({ offset: '0' });
    expect((await world.append(path, 0, { body: 'hello', headers: digest(bytes, 'md5') })).status).toBe(204);
  });
});

describe('the URL of an upload', () => {
  test('stays valid after the completion, so that a client whose answer was lost can ask', async () => {
    const world = new UploadWorld();
    const path = await begin(world, 5);
    await world.append(path, 0, { complete: '?1', body: 'hello' });
    world.clock.advance(3_600_000);
    expect(await stateOf(world, path)).toEqual({ status: 204, offset: '5', complete: '?1', length: '5' });
  });

  test('cannot be guessed, belongs to one user, and ends', async () => {
    const world = new UploadWorld({ uploadLife: 60 });
    const path = await begin(world);
    expect(await begin(world)).not.toBe(path);
    const other = world.edgeWith({ authenticate: async () => 'u2', prefixOf: () => 'inbox/u1/' });
    expect((await world.send('HEAD', path, {}, other)).status).toBe(404);
    expect(JSON.stringify(atob(path.split('upload=')[1]?.split('.')[0] ?? ''))).not.toContain('u1');
    world.clock.advance(60_000);
    expect((await world.send('HEAD', path)).status).toBe(410);
  });

  test('takes no POST', async () => {
    const world = new UploadWorld();
    const response = await world.send('POST', await begin(world), { headers: COMPLETE, body: 'hello' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, PATCH, DELETE']);
  });

  test('is readable for pages of a listed origin, with all headers of the draft', async () => {
    const world = new UploadWorld({ origins: [PAGE] });
    const response = await world.send('POST', '/upload', {
      headers: { ...INCOMPLETE, 'upload-length': '5', origin: PAGE },
    });
    for (const name of ['location', 'upload-offset', 'upload-complete', 'upload-length', 'upload-limit'])
      expect(response.headers.get('access-control-expose-headers')).toContain(name);
  });

  test('expires at the time that max-age gives', async () => {
    const world = new UploadWorld({ uploadLife: 100 });
    const path = await begin(world);
    expect(world.clock.now()).toBe(START);
    world.clock.advance(99_000);
    expect((await world.send('HEAD', path)).headers.get('upload-limit')).toContain('max-age=1');
  });
});

test('without a secret, a whole body is a plain upload, and a part is refused with 403', async () => {
  const world = new UploadWorld({ uploadSecret: [] });
  const whole = { headers: { ...COMPLETE, ...sized(5) }, body: 'hello' };
  expect((await world.send('POST', '/upload/inbox%2Fu1%2Fa', whole)).status).toBe(200);
  const part = { headers: { ...INCOMPLETE, 'upload-length': '9' }, body: 'hello' };
  expect((await world.send('POST', '/upload', part)).status).toBe(403);
});
