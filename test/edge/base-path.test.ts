/** Tests an edge that is not at the root of its origin: behind a route with a prefix, a router, or a proxy. */
import { describe, expect, test } from 'vitest';
import type { EdgeHandler } from '../../src/edge/index.ts';
import { noise } from './senders.ts';
import { UploadWorld } from './upload-client.ts';
import { EDGE, uploadPath } from './world.ts';

const bytes = noise(3000);
const TUS = { 'tus-resumable': '1.0.0' };

/** A client of one origin. `forward` is the proxy or router between the client and the edge. */
class Client {
  readonly #forward: (request: Request) => Promise<Response>;

  constructor(forward: (request: Request) => Promise<Response>) {
    this.#forward = forward;
  }

  send(method: string, url: string, headers: Record<string, string>, body?: BodyInit): Promise<Response> {
    return this.#forward(new Request(url, { method, headers: { ...TUS, ...headers }, ...(body ? { body } : {}) }));
  }

  /** Creates an upload, resolves its Location as a client does, and sends the bytes. Returns the URL of the upload. */
  async upload(endpoint: string): Promise<string> {
    const created = await this.send('POST', endpoint, { 'upload-length': String(bytes.length) });
    expect(created.status).toBe(201);
    const url = new URL(created.headers.get('location') ?? 'missing:', endpoint).href;
    const headers = { 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
    expect((await this.send('PATCH', url, headers, bytes)).status).toBe(204);
    expect((await this.send('HEAD', url, {})).headers.get('upload-offset')).toBe(String(bytes.length));
    return url;
  }
}

/** A proxy that gives the edge another path than the client has. */
function rewriting(edge: EdgeHandler, from: string, to: string) {
  return (request: Request) => edge(new Request(request.url.replace(EDGE + from, EDGE + to), request));
}

describe('with basePath', () => {
  test.each<[what: string, from: string, to: string]>([
    ['nothing on the way, like a route of a Worker', '/files', '/files'],
    ['a proxy that removes the path', '/files', ''],
  ])('an upload works with %s', async (_, from, to) => {
    const world = new UploadWorld({ basePath: '/files' });
    const client = new Client(rewriting(world.edge, from, to));
    for (const end of ['', '/']) expect(await client.upload(`${EDGE}/files/upload${end}`)).toContain('/files/upload/');
    expect(await client.upload(`${EDGE}/files${uploadPath('inbox/u1/named')}`)).toContain('/files/upload/inbox%2Fu1');
  });

  test('a proxy may have other paths than the edge', async () => {
    const world = new UploadWorld({ basePath: '/a/b' });
    const client = new Client((request) =>
      rewriting(world.edge, '/videos', '/upload')(new Request(request.url.replace('/a/b', ''), request)),
    );
    expect(await client.upload(`${EDGE}/videos`)).toContain('/a/b/upload/');
  });

  test('all routes are below the path, and other paths are not found', async () => {
    const route = () => new Response('hello');
    const { edge } = new UploadWorld({ basePath: '/files', routes: { 'GET /hello': route } });
    const get = async (path: string) => (await edge(new Request(EDGE + path))).status;
    expect(await get('/files/hello')).toBe(200);
    for (const path of ['/filesx/hello', '/files', '/files/files/hello', '/other/hello'])
      expect(await get(path), path).toBe(404);
  });

  test('an empty basePath gives absolute paths at the root', async () => {
    const world = new UploadWorld({ basePath: '' });
    const created = await world.tus('POST', '/upload', { headers: { 'upload-length': '1' } });
    expect(created.headers.get('location')).toMatch(/^\/upload\/inbox%2Fu1%2F/);
  });

  test('the draft of the IETF gets the same Location', async () => {
    const world = new UploadWorld({ basePath: '/files' });
    const headers = { 'upload-complete': '?0', 'upload-length': '5' };
    const created = await world.send('POST', '/files/upload', { headers });
    expect(created.headers.get('location')).toMatch(/^\/files\/upload\/inbox%2Fu1%2F.*\?upload=/);
    expect((await world.send('HEAD', created.headers.get('location') ?? '')).status).toBe(204);
  });

  test('the URL of an upload is still bound to its key and user', async () => {
    const world = new UploadWorld({ basePath: '/files' });
    const created = await world.tus('POST', '/files/upload', { headers: { 'upload-length': '5' } });
    const url = created.headers.get('location') ?? '';
    const other = world.edgeWith({ basePath: '/files', authenticate: () => 'u2', prefixOf: () => 'inbox/u1/' });
    expect((await world.tus('HEAD', url, {}, other)).status).toBe(404);
    expect((await world.tus('HEAD', url.replace('inbox%2Fu1%2F', 'inbox%2Fu1%2Fx'))).status).toBe(404);
    expect((await world.tus('HEAD', url)).status).toBe(200);
  });

  test.each([
    'files',
    '/files/',
    '/',
    '//evil.example',
    '/a?b',
    '/a#b',
    '/a/../b',
    '/进度',
    'https://a/b',
    '/a\\b',
    5,
    null,
  ])('%s is not a valid basePath', (basePath) => {
    expect(() => new UploadWorld({ basePath: basePath as string })).toThrow(TypeError);
  });
});

describe('without basePath', () => {
  test('the Location is relative, so it is right below a router that removes the path', async () => {
    const world = new UploadWorld();
    const client = new Client(rewriting(world.edge, '/any/path', ''));
    for (const end of ['', '/'])
      expect(await client.upload(`${EDGE}/any/path/upload${end}`)).toContain('/any/path/upload/');
  });
});
