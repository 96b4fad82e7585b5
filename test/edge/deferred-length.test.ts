/** Tests uploads whose clients give the length later: `creation-defer-length` of tus, and the draft of the IETF. */
import { describe, expect, test } from 'vitest';
import type { DeferredUpload } from '../../src/edge/index.ts';
import { noise, streamOf } from './senders.ts';
import { type Headers, keyOf, pathOf, sized, UploadWorld, type WorldOptions } from './upload-client.ts';
import { BUCKET, PAGE } from './world.ts';

const bytes = noise(5000);
const PIECE = { 'content-type': 'application/offset+octet-stream' };
const INCONSISTENT = 'https://iana.org/assignments/http-problem-types#inconsistent-upload-length';

/** An edge with a store of lengths. The store does the same as a table of a database. */
class DeferringWorld extends UploadWorld {
  readonly kept: Map<string, number>;
  readonly uploaded: { readonly key: string; readonly upload?: string | undefined }[];

  constructor(options: WorldOptions = {}) {
    const kept = new Map<string, number>();
    const uploaded: { key: string; upload?: string | undefined }[] = [];
    const keepLength = async ({ upload, length }: DeferredUpload) => {
      if (length !== undefined && !kept.has(upload)) kept.set(upload, length);
      return kept.get(upload);
    };
    super({ keepLength, onuploaded: (upload) => void uploaded.push(upload), ...options });
    this.kept = kept;
    this.uploaded = uploaded;
  }

  /** Creates an upload of unknown length with tus, and returns its path. */
  async defer(headers: Headers = {}): Promise<string> {
    const response = await this.tus('POST', '/upload', { headers: { 'upload-defer-length': '1', ...headers } });
    expect(response.status).toBe(201);
    return pathOf(response);
  }

  /** Creates an upload of unknown length with the draft, and returns its path. */
  async begin(): Promise<string> {
    const response = await this.send('POST', '/upload', { headers: { 'upload-complete': '?0' } });
    expect(response.status).toBe(201);
    return pathOf(response);
  }

  async stateOf(path: string) {
    const { headers } = await this.tus('HEAD', path);
    const names = ['upload-offset', 'upload-length', 'upload-defer-length'];
    return names.map((name) => headers.get(name));
  }

  async draftStateOf(path: string) {
    const { headers } = await this.send('HEAD', path);
    const names = ['upload-offset', 'upload-length', 'upload-complete'];
    return names.map((name) => headers.get(name));
  }
}

describe('tus', () => {
  test('announces creation-defer-length only if the application keeps lengths', async () => {
    const extensions = async (world: UploadWorld) =>
      (await world.send('OPTIONS', '/upload')).headers.get('tus-extension')?.split(',');
    expect(await extensions(new DeferringWorld())).toContain('creation-defer-length');
    expect(await extensions(new UploadWorld())).not.toContain('creation-defer-length');
  });

  test('HEAD has Upload-Defer-Length and no Upload-Length until the client has given the length', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    expect(await world.stateOf(path)).toEqual(['0', null, '1']);
    await world.patch(path, 0, bytes.slice(0, 2000));
    expect(await world.stateOf(path)).toEqual(['2000', null, '1']);
    await world.patch(path, 2000, bytes.slice(2000, 3000), { 'upload-length': '5000' });
    expect(await world.stateOf(path)).toEqual(['3000', '5000', null]);
  });

  test('the length can come with the last bytes, and the application is then informed', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    await world.patch(path, 0, bytes.slice(0, 2000));
    const last = await world.patch(path, 2000, bytes.slice(2000), { 'upload-length': '5000' });
    expect([last.status, last.headers.get('upload-offset'), last.headers.get('upload-expires')]).toEqual([
      ...[204, '5000', null],
    ]);
    expect(world.has(path, bytes)).toBe(true);
    expect(world.uploaded).toMatchObject([{ key: keyOf(path), tail: { position: 5000 } }]);
  });

  test('the length can come after the last bytes without a body, and the application is informed once', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    await world.patch(path, 0, bytes);
    expect(world.uploaded).toEqual([]);
    for (let i = 0; i < 2; i++) {
      const response = await world.patch(path, 5000, '', { 'upload-length': '5000', ...sized(0) });
      expect([response.status, response.headers.get('upload-offset')]).toEqual([204, '5000']);
    }
    expect(world.uploaded).toHaveLength(1);
    expect(await world.stateOf(path)).toEqual(['5000', '5000', null]);
  });

  test('a length that was given never changes', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    await world.patch(path, 0, bytes.slice(0, 1000), { 'upload-length': '5000' });
    for (const length of ['4999', '5001', '1000']) {
      const response = await world.patch(path, 1000, bytes.slice(1000, 2000), { 'upload-length': length });
      expect([response.status, response.headers.get('upload-offset')]).toEqual([400, '1000']);
    }
    expect((await world.patch(path, 1000, bytes.slice(1000), { 'upload-length': '5000' })).status).toBe(204);
    expect(world.has(path, bytes)).toBe(true);
  });

  test('a PATCH with another length than that of the creation is refused with 400', async () => {
    const world = new UploadWorld();
    const path = await world.create(5000);
    expect((await world.patch(path, 0, 'hello', { 'upload-length': '6000' })).status).toBe(400);
    expect((await world.patch(path, 0, bytes, { 'upload-length': '5000' })).status).toBe(204);
  });

  test('two requests at the same time cannot give two lengths', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    const sent = [3000, 4000].map((length) =>
      world.patch(path, 0, bytes.slice(0, 100), { 'upload-length': String(length) }),
    );
    const statuses = (await Promise.all(sent)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([204, 400]);
    expect(world.kept.size).toBe(1);
  });

  test.each<[what: string, length: string, status: number]>([
    ['is less than what is stored', '99', 400],
    ['is above Tus-Max-Size', '10001', 413],
    ['is not a number', 'ten', 400],
    ['is negative', '-1', 400],
  ])('a length that %s is refused, and nothing is kept or stored', async (_, length, status) => {
    const world = new DeferringWorld({ maxUpload: 10_000 });
    const path = await world.defer();
    await world.patch(path, 0, bytes.slice(0, 100));
    expect((await world.patch(path, 100, 'hello', { 'upload-length': length })).status).toBe(status);
    expect([await world.stateOf(path), world.kept.size]).toEqual([['100', null, '1'], 0]);
  });

  test('a request with another offset is refused with 409, and its length is not kept', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    expect((await world.patch(path, 5, 'hello', { 'upload-length': '10' })).status).toBe(409);
    expect((await world.append(path, 5, { complete: '?1', body: 'hello', headers: sized(5) })).status).toBe(409);
    expect(world.kept.size).toBe(0);
  });

  test.each(['0', '2', 'true', ''])('Upload-Defer-Length: %s is refused with 400', async (value) => {
    const world = new DeferringWorld();
    expect((await world.tus('POST', '/upload', { headers: { 'upload-defer-length': value } })).status).toBe(400);
  });

  test('Upload-Defer-Length together with Upload-Length is refused with 400', async () => {
    const headers = { 'upload-defer-length': '1', 'upload-length': '5' };
    expect((await new DeferringWorld().tus('POST', '/upload', { headers })).status).toBe(400);
  });

  test('an upload never exceeds the limit of the edge, or the bytes that the application allowed at the creation', async () => {
    for (const limit of [
      { maxUpload: 3000 },
      { allows: ({ operation }: { operation: string }) => operation !== 'createUpload' || 3000 },
    ]) {
      const world = new DeferringWorld(limit);
      const path = await world.defer();
      expect((await world.patch(path, 0, bytes, sized(5000))).status).toBe(413);
      expect((await world.patch(path, 0, streamOf(bytes, 900))).status).toBe(413);
      expect(await world.offset(path)).toBeLessThanOrEqual(3000);
      const more = { 'upload-defer-length': '1', ...PIECE, ...sized(5000) };
      expect((await world.tus('POST', '/upload', { headers: more, body: bytes })).status).toBe(413);
    }
  });

  test('an upload of exactly the greatest length is not complete before the client has given the length', async () => {
    const world = new DeferringWorld({ maxUpload: 5000 });
    const path = await world.defer();
    const response = await world.patch(path, 0, bytes);
    expect([response.status, response.headers.has('upload-expires'), world.uploaded]).toEqual([204, true, []]);
    expect(await world.draftStateOf(path)).toEqual(['5000', null, '?0']);
    await world.patch(path, 5000, '', { 'upload-length': '5000', ...sized(0) });
    expect(world.uploaded).toHaveLength(1);
  });

  test('a page can read Upload-Defer-Length', async () => {
    const world = new DeferringWorld({ origins: [PAGE] });
    const { headers } = await world.tus('HEAD', await world.defer(), { headers: { origin: PAGE } });
    expect(headers.get('access-control-expose-headers')).toContain('upload-defer-length');
  });

  test('a body can come with the creation', async () => {
    const world = new DeferringWorld();
    const headers = { 'upload-defer-length': '1', ...PIECE };
    const created = await world.tus('POST', '/upload', { headers, body: bytes.slice(0, 1500) });
    expect([created.status, created.headers.get('upload-offset')]).toEqual([201, '1500']);
    await world.patch(pathOf(created), 1500, bytes.slice(1500), { 'upload-length': '5000' });
    expect(world.has(pathOf(created), bytes)).toBe(true);
  });

  test('a body that breaks off after it gave the length can be continued', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    const headers = { 'upload-length': '5000', ...sized(5000) };
    expect((await world.patch(path, 0, bytes.slice(0, 1700), headers)).status).toBe(503);
    expect(await world.stateOf(path)).toEqual(['1700', '5000', null]);
    await world.patch(path, 1700, bytes.slice(1700));
    expect([world.has(path, bytes), world.uploaded.length]).toEqual([true, 1]);
  });

  test('a length of 0 completes an empty upload', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    expect((await world.patch(path, 0, '', { 'upload-length': '0', ...sized(0) })).status).toBe(204);
    expect([world.uploaded.length, await world.stateOf(path)]).toEqual([1, ['0', '0', null]]);
  });

  test('the application is asked for an upload without a size, and chooses its key without a length', async () => {
    const seen: object[] = [];
    const world = new DeferringWorld({
      allows: (question) => seen.push(question) > 0,
      keyFor: (upload) => (seen.push(upload) > 0 ? `${upload.prefix}a` : ''),
    });
    await world.defer();
    expect(seen).toMatchObject([{ length: undefined }, { operation: 'createUpload', size: undefined }]);
  });

  test('an edge that keeps no lengths any more answers 404, because it has lost a part of the upload', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    const without = world.edgeWith({});
    for (const method of ['HEAD', 'PATCH']) {
      const headers = { ...PIECE, 'upload-offset': '0' };
      expect((await world.tus(method, path, { headers }, without)).status).toBe(404);
    }
  });

  test.each<[what: string, kept: unknown]>([
    ['a negative length', -1],
    ['a text', '5000'],
    ['NaN', Number.NaN],
    ['more than the edge allows', 10_001],
    ['undefined although it got a length', undefined],
    ['null although it got a length', null],
  ])('a store that returns %s is answered with 500, and nothing is stored', async (_, kept) => {
    const failures: object[] = [];
    const world = new DeferringWorld({ maxUpload: 10_000 });
    const path = await world.defer();
    const broken = world.edgeWith({
      maxUpload: 10_000,
      keepLength: ({ length }) => (length === undefined ? undefined : (kept as number)),
      onfailure: (failure) => failures.push(failure),
    });
    const headers = { ...PIECE, 'upload-offset': '0', 'upload-length': '5000' };
    expect((await world.tus('PATCH', path, { headers, body: 'hello' }, broken)).status).toBe(500);
    expect(failures).toMatchObject([{ code: 'UnusableLength' }]);
    expect(world.object(path)?.length).toBe(0);
  });

  test('a store that fails is answered with 500 without its message, and nothing is stored', async () => {
    const world = new DeferringWorld();
    const path = await world.defer();
    const broken = world.edgeWith({ keepLength: () => Promise.reject(new Error('the password of the database')) });
    const headers = { ...PIECE, 'upload-offset': '0', 'upload-length': '5' };
    const response = await world.tus('PATCH', path, { headers, body: 'hello' }, broken);
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('password')]);
    expect(world.object(path)?.length).toBe(0);
  });

  test('an object that became longer than its upload no longer belongs to the upload', async () => {
    const world = new DeferringWorld();
    for (const path of [await world.create(5), await world.defer()]) {
      await world.patch(path, 0, 'hello', { 'upload-length': '5' });
      expect((await world.tus('HEAD', path)).status).toBe(200);
      world.oss.appendObject(BUCKET, keyOf(path), noise(1));
      expect((await world.tus('HEAD', path)).status).toBe(404);
    }
  });
});

describe('the draft of the IETF', () => {
  test('an upload needs no length at its creation, and gets one when a request completes it', async () => {
    const world = new DeferringWorld();
    const path = await world.begin();
    expect(await world.draftStateOf(path)).toEqual(['0', null, '?0']);
    const part = await world.append(path, 0, { body: bytes.slice(0, 2000), headers: sized(2000) });
    expect([part.status, part.headers.get('upload-complete')]).toEqual([204, '?0']);
    expect(await world.draftStateOf(path)).toEqual(['2000', null, '?0']);
    const end = await world.append(path, 2000, { complete: '?1', body: streamOf(bytes.slice(2000), 700) });
    expect([end.status, end.headers.get('upload-complete'), await end.json()]).toMatchObject([
      ...[200, '?1', { position: 5000 }],
    ]);
    expect([world.has(path, bytes), world.uploaded.length]).toEqual([true, 1]);
    expect(await world.draftStateOf(path)).toEqual(['5000', '5000', '?1']);
  });

  test('Upload-Limit has the number of bytes that the application allows, because the edge refuses more', async () => {
    const world = new DeferringWorld({ allows: ({ operation }) => operation !== 'createUpload' || 3000 });
    const created = await world.send('POST', '/upload', { headers: { 'upload-complete': '?0' } });
    const head = await world.send('HEAD', pathOf(created));
    const refused = await world.append(pathOf(created), 0, { body: bytes, headers: sized(5000) });
    const tooLong = await world.append(pathOf(created), 0, { headers: { 'upload-length': '3001' } });
    for (const { headers } of [created, head, refused, tooLong])
      expect(headers.get('upload-limit')).toMatch(/^max-size=3000, /);
    expect([refused.status, tooLong.status]).toEqual([413, 413]);
  });

  test('a request without content completes an upload, and nothing can be appended afterwards', async () => {
    const world = new DeferringWorld();
    const path = await world.begin();
    await world.append(path, 0, { body: bytes });
    for (let i = 0; i < 2; i++)
      expect((await world.append(path, 5000, { complete: '?1', headers: sized(0) })).status).toBe(200);
    expect(world.uploaded).toHaveLength(1);
    expect((await world.append(path, 5000, { body: 'more', headers: sized(4) })).status).toBe(400);
    expect((await world.append(path, 5000, { body: streamOf(noise(4), 4) })).status).toBe(413);
    expect(world.has(path, bytes)).toBe(true);
  });

  test('the length of the last request is kept before its body, so a broken body leaves it known', async () => {
    const world = new DeferringWorld();
    const path = await world.begin();
    const broken = await world.append(path, 0, { complete: '?1', body: bytes.slice(0, 800), headers: sized(5000) });
    expect(broken.status).toBe(503);
    expect(await world.draftStateOf(path)).toEqual(['800', '5000', '?0']);
    await world.append(path, 800, { complete: '?1', body: bytes.slice(800) });
    expect(world.has(path, bytes)).toBe(true);
  });

  test('a body of unknown length that breaks off is not complete, and its length stays unknown', async () => {
    const world = new DeferringWorld();
    const path = await world.begin();
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(bytes.slice(0, 3300)),
      pull: (controller) => controller.error(new TypeError('terminated')),
    });
    expect((await world.append(path, 0, { complete: '?1', body })).status).toBe(503);
    expect(await world.draftStateOf(path)).toEqual(['3300', null, '?0']);
  });

  test('a creation with a whole body of unknown length can be resumed', async () => {
    const world = new DeferringWorld();
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(bytes.slice(0, 3300)),
      pull: (controller) => controller.error(new TypeError('terminated')),
    });
    const broken = await world.send('POST', '/upload', { headers: { 'upload-complete': '?1' }, body });
    expect([broken.status, broken.headers.get('upload-offset')]).toEqual([503, '3300']);
    await world.append(pathOf(broken), 3300, { complete: '?1', body: bytes.slice(3300) });
    expect(world.has(pathOf(broken), bytes)).toBe(true);
    const whole = { headers: { 'upload-complete': '?1' }, body: streamOf(bytes, 700) };
    const response = await world.send('POST', '/upload', whole);
    expect([response.status, response.headers.get('upload-complete')]).toEqual([200, '?1']);
    expect(world.has(pathOf(response), bytes)).toBe(true);
  });

  test('a later length that contradicts the first one is refused as inconsistent-upload-length', async () => {
    const world = new DeferringWorld();
    const path = await world.begin();
    await world.append(path, 0, { body: bytes.slice(0, 1000), headers: { 'upload-length': '5000' } });
    for (const sent of [
      { headers: { 'upload-length': '6000' } },
      { complete: '?1', headers: { ...sized(500) } },
      { headers: { 'upload-length': '500' } },
    ]) {
      const response = await world.append(path, 1000, { body: noise(500), ...sent });
      expect([response.status, (await response.json()).type]).toEqual([400, INCONSISTENT]);
    }
    expect(await world.draftStateOf(path)).toEqual(['1000', '5000', '?0']);
  });
});
