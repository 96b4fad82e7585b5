/** `serveLocalOss` over real HTTP: its addresses, its keys, its own paths, and how it ends. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { AppendableObject, OssClient } from '../../../src/index.ts';
import { EXPOSED_HEADERS } from '../../../src/request/exposed-headers.ts';
import { assumeRole } from '../../../src/sts.ts';
import { LocalOss, LocalSts } from '../../../src/testing/index.ts';
import { LOCAL_PAGES } from '../../../src/testing/node/cors.ts';
import { serve } from '../../../src/testing/node/http.ts';
import { type LocalOssServer, type ServeLocalOssOptions, serveLocalOss } from '../../../src/testing/node/index.ts';
import { router } from '../../../src/testing/node/routes.ts';
import { text } from '../text.ts';
import { appendCall, element, KEYS, sign } from '../tools.ts';

const REGION = 'cn-hangzhou';
let servers: LocalOssServer[] = [];

afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

async function start(options: Partial<ServeLocalOssOptions> = {}): Promise<LocalOssServer> {
  const accessKeys = { [KEYS.accessKeyId]: KEYS.accessKeySecret };
  const server = await serveLocalOss({ buckets: ['logs', 'other-logs'], accessKeys, ...options });
  servers.push(server);
  return server;
}

function clientOf({ url: endpoint, keys: credentials }: LocalOssServer, bucket = 'logs'): OssClient {
  return new OssClient({ region: REGION, bucket, endpoint, credentials });
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Sends a request with any Host. `fetch` sets the Host itself and cannot do this. */
function ask(url: string, { method = 'GET', headers = {}, body = '' } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          const { statusCode: status, headers } = response;
          resolve({ status, headers, body: Buffer.concat(chunks).toString() });
        });
    })
      .once('error', reject)
      .end(body);
  });
}

describe('the OSS', () => {
  test('two buckets are addressed by path style and by the Host header', async () => {
    const server = await start();
    const { port } = new URL(server.url);
    for (const bucket of ['logs', 'other-logs']) {
      const object = new AppendableObject(clientOf(server, bucket), 'a b/ü.log');
      await object.append(`one of ${bucket}`);
      const [method, key, query] = appendCall('a b/ü.log', 'one of '.length + bucket.length);
      const signed = sign({ method, bucket, key, query: query!, headers: {} }, { ...KEYS, time: Date.now() });
      const { pathname, search } = new URL(signed.url);
      const headers = { ...signed.headers, host: `${bucket}.localhost:${port}` };
      const { status } = await ask(`${server.url}${pathname}${search}`, { method: 'POST', headers, body: ', two' });
      expect(status).toBe(200);
      expect(text(server.oss.object(bucket, 'a b/ü.log')?.bytes())).toBe(`one of ${bucket}, two`);
    }
    const { status, body } = await ask(server.url, { headers: { host: 'nobody.localhost' } });
    expect([status, element(body, 'Code')]).toEqual([404, 'NoSuchBucket']);
  });

  test('an answer is compressed only for a client that accepts it', async () => {
    const server = await start({ buckets: { logs: { region: REGION, acl: 'public-read' } } });
    const body = new Uint8Array(2000);
    await clientOf(server).appendObject('a.json', body, { position: 0, contentType: 'application/json' });
    const head = (headers: Record<string, string>) => ask(`${server.url}/logs/a.json`, { method: 'HEAD', headers });
    expect((await head({})).headers).toMatchObject({ 'content-length': '2000', etag: expect.any(String) });
    expect((await head({ 'accept-encoding': 'gzip' })).headers).not.toHaveProperty('etag');
  });

  /** Sends the bytes of a request to a bucket that everybody may write, and returns the first bytes of the answer. */
  async function sendRaw(line: string, rest: string): Promise<string> {
    const server = await start({ buckets: { logs: { region: REGION, acl: 'public-read-write' } } });
    const { hostname, port, host } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write(`${line} HTTP/1.1\r\nHost: ${host}\r\n${rest}`);
    const [answer] = await once(socket, 'data');
    socket.destroy();
    return String(answer);
  }

  test('chunks together with a Content-Length are stored, as ali-oss sends a stream of known length', async () => {
    const answer = await sendRaw(
      'PUT /logs/a',
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    );
    expect(answer).toContain('HTTP/1.1 200');
    expect(text(servers[0]?.oss.object('logs', 'a')?.bytes())).toBe('hello');
  });

  test.each([
    ['/logs/a/../b', 'a/../b'],
    ['/logs/../photos', '../photos'],
    ['/logs/./.', './.'],
    ['/logs/a/%2e%2E/b?', 'a/../b'],
    ['/logs/a\\b', 'a\\b'],
    ['/logs/..a/b..', '..a/b..'],
  ])('the path %s names the key %s, because OSS normalises no path', async (path, key) => {
    expect(await sendRaw(`PUT ${path}`, 'Content-Length: 1\r\n\r\nx')).toContain('HTTP/1.1 200');
    expect(servers[0]?.oss.keys('logs')).toEqual([key]);
    expect(servers[0]?.oss.buckets).toHaveLength(1);
  });

  test.each([
    ['a control character in a header', 'x-oss-meta-a: a\x01b\r\nContent-Length: 0\r\n\r\n', 400],
    ['a coding of the body that nobody decodes', 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 400],
    ['a chunk without a size', 'Transfer-Encoding: chunked\r\n\r\nhello', 400],
    ['a source of a copy that is not URL-encoded', 'x-oss-copy-source: /logs/%zz\r\nContent-Length: 0\r\n\r\n', 400],
  ])('%s is refused', async (_, rest, status) => {
    expect(await sendRaw('PUT /logs/a', rest)).toContain(`HTTP/1.1 ${status}`);
    expect(servers[0]?.oss.keys('logs')).toEqual([]);
  });

  test.each([
    ['PUT /logs/a', 411],
    ['PUT /logs/dir/?x-oss-meta-a=b', 411],
    ['PUT /logs/a?symlink', 501],
    ['PUT /logs', 200],
    ['PUT /logs/', 200],
  ])('%s without a length gets %i', async (line, status) => {
    expect(await sendRaw(line, '\r\n')).toContain(`HTTP/1.1 ${status}`);
    expect(servers[0]?.oss.keys('logs')).toEqual([]);
  });

  test('an append without a length is refused, even if it has no body', async () => {
    const answer = await sendRaw('POST /logs/a?append&position=0', '\r\n');
    expect([answer.slice(0, 12), element(answer, 'Code')]).toEqual(['HTTP/1.1 411', 'MissingContentLength']);
    expect(answer).toMatch(/^x-oss-ec: 0017-00000101\r$/m);
    for (const name of ['server: AliyunOSS', 'date: ', 'x-oss-server-time: ', 'content-type: application/xml'])
      expect(answer).toMatch(new RegExp(`^${name}`, 'm'));
    expect(/^x-oss-request-id: ([\dA-F]{24})\r$/m.exec(answer)?.[1]).toBe(element(answer, 'RequestId'));
    expect(servers[0]?.oss.keys('logs')).toEqual([]);
  });

  test.each([
    ['bytes after the declared length are dropped', 'Content-Length: 2\r\n\r\nhello', 'he'],
    ['a megabyte after the declared length is dropped', `Content-Length: 2\r\n\r\nhe${'\0'.repeat(1 << 20)}`, 'he'],
    ['chunks need no length', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['an empty append has the length 0', 'Content-Length: 0\r\n\r\n', ''],
  ])('of an append, %s', async (_, rest, stored) => {
    expect(await sendRaw('POST /logs/a?append&position=0', rest)).toContain('HTTP/1.1 200');
    expect(text(servers[0]?.oss.object('logs', 'a')?.bytes())).toBe(stored);
  });

  test('a body that stops in the middle is answered with RequestTimeout and stores nothing, and the connection ends', async () => {
    const buckets = { logs: { region: REGION, acl: 'public-read-write' as const } };
    const oss = new LocalOss({ buckets });
    const parts = { oss, sts: new LocalSts({ oss, accessKeys: {}, roles: {} }), buckets, endpoints: [], rules: [] };
    const handler = router({ ...parts, onrequest: () => {}, hasFailed: () => false });
    const served = await serve(handler, { lenient: true, silence: 20 });
    const { hostname, port, host } = new URL(served.url);
    const socket = connect(Number(port), hostname);
    socket.write(`POST /logs/a?append&position=0 HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 10\r\n\r\nfive.`);
    let answer = '';
    for await (const bytes of socket) answer += bytes;
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*^x-oss-request-id: /ms);
    expect([element(answer, 'Code'), oss.keys('logs')]).toEqual(['RequestTimeout', []]);
    await served.close();
  });

  test('a signature that is wrong and a position that is wrong are refused', async () => {
    const server = await start();
    const wrong = { ...server, keys: { ...KEYS, accessKeySecret: 'other' } };
    const code = (client: OssClient, position: number) =>
      client.appendObject('a', 'x', { position }).catch((error: { code: string }) => error.code);
    expect(await code(clientOf(wrong), 0)).toBe('SignatureDoesNotMatch');
    expect(await code(clientOf(server), 7)).toBe('PositionNotEqualToLength');
  });

  test('the key is a random one if none is given, and each server has its own', async () => {
    const [one, other] = [await start({ accessKeys: {} }), await start({ accessKeys: {} })];
    expect(one.keys.accessKeyId).toMatch(/^LTAI\w{20}$/);
    expect(one.keys).not.toEqual(other.keys);
    await clientOf(one).appendObject('a', 'x', { position: 0 });
    await expect(clientOf({ ...other, keys: one.keys }).headObject('a')).rejects.toThrow('InvalidAccessKeyId');
  });

  test('a custom domain and the name of an endpoint serve the buckets', async () => {
    const server = await start({
      buckets: { logs: { region: REGION, hosts: ['logs.example.com'], acl: 'public-read' } },
      endpoints: ['oss'],
    });
    server.oss.appendObject('logs', 'a', new TextEncoder().encode('hello'));
    for (const [path, host] of [
      ['/a', 'logs.example.com'],
      ['/a', 'logs.oss:9000'],
      ['/logs/a', 'oss:9000'],
      ['/a', 'logs.oss-cn-hangzhou.aliyuncs.com'],
    ] as const)
      expect(await ask(`${server.url}${path}`, { headers: { host } }), host).toMatchObject({
        status: 200,
        body: 'hello',
      });
  });

  test('a bucket without the option `cors` is open to the pages of this machine, and to no other page', async () => {
    const server = await start({ buckets: { logs: { region: REGION }, closed: { region: REGION, cors: [] } } });
    const preflight = async (bucket: string, origin: string) => {
      const headers = {
        origin,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'x-oss-date',
      };
      const { status, headers: answered } = await ask(`${server.url}/${bucket}/a`, { method: 'OPTIONS', headers });
      return [status, answered['access-control-allow-origin']];
    };
    for (const origin of ['http://localhost:5173', 'https://localhost', 'http://127.0.0.1:1', 'http://[::1]:3000'])
      expect(await preflight('logs', origin)).toEqual([200, origin]);
    expect(await preflight('logs', 'http://localhost.example.com')).toEqual([403, undefined]);
    expect(await preflight('closed', 'http://localhost:5173')).toEqual([403, undefined]);
    const exposed = LOCAL_PAGES.exposeHeaders?.map((name) => name.toLowerCase());
    expect(exposed).toEqual(expect.arrayContaining(EXPOSED_HEADERS.map((name) => name.toLowerCase())));
  });

  test('a dropped answer breaks the connection after the bytes are stored', async () => {
    const server = await start({ faults: [{ kind: 'drop-after' }] });
    await expect(clientOf(server).appendObject('a', 'x', { position: 0 })).rejects.toThrow();
    expect(server.oss.object('logs', 'a')?.length).toBe(1);
  });
});

describe('the STS', () => {
  test('gives a token for the role, and the OSS takes the token', async () => {
    const server = await start();
    const { stsUrl: endpoint, roleArn, keys } = server;
    const policy = JSON.stringify({
      Version: '1',
      Statement: [{ Effect: 'Allow', Action: 'oss:PutObject', Resource: 'acs:oss:*:*:logs/inbox/*' }],
    });
    const credentials = await assumeRole({ ...keys, roleArn, roleSessionName: 'u42', endpoint, policy });
    const client = new OssClient({ region: REGION, bucket: 'logs', endpoint: server.url, credentials });
    await client.appendObject('inbox/a', 'x', { position: 0 });
    await expect(client.appendObject('a', 'x', { position: 0 })).rejects.toThrow('AccessDenied');
  });

  test('knows the roles that are given, and no other', async () => {
    const own = 'acs:ram::1:role/own';
    const { stsUrl: endpoint, roleArn, keys } = await start({ roles: { [own]: { trusted: ['nobody'] } } });
    expect(roleArn).toBe(own);
    await expect(assumeRole({ ...keys, roleArn, roleSessionName: 'u42', endpoint })).rejects.toThrow('NoPermission');
  });
});

describe('the server', () => {
  test('refuses host names that a foreign page could have made point to this machine', async () => {
    const server = await start();
    for (const path of ['/', '/logs/a', '/_local/health']) {
      const { status, body } = await ask(`${server.url}${path}`, { headers: { host: 'rebound.example:80' } });
      expect([status, body]).toEqual([403, expect.stringContaining('--endpoint rebound.example')]);
    }
    expect(server.oss.requests).toEqual([]);
  });

  test('listens on this machine only, unless a host is given', async () => {
    const { url } = await start();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    for (const { address, internal, family } of addresses)
      if (!internal && family === 'IPv4') await expect(reach(address, Number(new URL(url).port))).rejects.toThrow();
    const open = await start({ host: '0.0.0.0' });
    expect((await fetch(`${open.url}/_local/health`)).status).toBe(200);
    const six = await start({ host: '::1' });
    expect(six.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${six.url}/_local/health`)).status).toBe(200);
  });

  test('has a health path that takes only GET and HEAD', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/_local/health`);
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(await response.json()).toEqual({ status: 'ok', buckets: ['logs', 'other-logs'] });
    expect((await fetch(`${url}/_local/health`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${url}/_local/nothing`)).status).toBe(404);
  });

  test('rejects wrong options and a port that is in use, and says why', async () => {
    await expect(start({ buckets: [] })).rejects.toThrow('at least one bucket');
    await expect(start({ buckets: ['Logs'] })).rejects.toThrow(RangeError);
    const { port } = new URL((await start()).url);
    await expect(start({ port: Number(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('ends its connections when it is closed, and may be closed twice', async () => {
    const server = await start({ faults: [{ kind: 'answer-late', delay: 3_600_000 }] });
    const pending = clientOf(server)
      .headObject('a')
      .catch((error: Error) => error.name);
    while (server.oss.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await server.close();
    expect(await pending).toBe('TransportError');
    await server[Symbol.asyncDispose]();
    await expect(fetch(server.url)).rejects.toThrow();
  });
});

function reach(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.end(resolve)).once('error', reject);
  });
}
