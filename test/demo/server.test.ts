/** Tests the servers of the demo with real HTTP: who gets an answer, and what the answers contain. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Demo, startDemo } from '../../demo/server.ts';
import { credentialsFromUrl, OssClient } from '../../src/index.ts';

let demo: Demo;
let publicFolder: string;
/** The methods of the requests that reached the OSS. */
let arrived: string[];

beforeAll(async () => {
  publicFolder = await mkdtemp(join(tmpdir(), 'oss-append-page-'));
  await writeFile(join(publicFolder, 'index.html'), '<!doctype html><title>The page</title>');
});
afterAll(() => rm(publicFolder, { recursive: true }));

beforeEach(async () => {
  arrived = [];
  demo = await startDemo({ publicFolder, onrequest: ({ method }) => arrived.push(method) });
});
afterEach(() => demo.close());

/** Sends a request with any Host. `fetch` sets the Host itself and cannot do this. */
function ask(url: string, headers: Record<string, string>, method = 'GET'): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers }, (response) => resolve(response.resume()))
      .once('error', reject)
      .end();
  });
}

/** Starts a session, and returns its cookie. */
async function login({ url }: Demo): Promise<string> {
  const response = await fetch(`${url}/session`, { method: 'POST' });
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

test("a request with a foreign Host is refused by the page's server and by the OSS", async () => {
  for (const url of [demo.url, `${demo.url}/config`, demo.ossUrl]) {
    const { statusCode } = await ask(url, { host: `rebound.example:${new URL(url).port}` });
    expect(statusCode, url).toBe(403);
  }
  expect(arrived).toEqual([]);
  const { statusCode } = await ask(`${demo.url}/config`, { host: `localhost:${new URL(demo.url).port}` });
  expect(statusCode).toBe(200);
});

test('a request with a foreign Origin gets neither a session nor a token', async () => {
  for (const origin of ['http://rebound.example', 'null', demo.ossUrl, demo.url.replace('http:', 'https:')]) {
    expect((await ask(`${demo.url}/session`, { origin }, 'POST')).statusCode, origin).toBe(403);
    expect((await ask(`${demo.url}/token`, { origin, cookie: await login(demo) }, 'POST')).statusCode).toBe(403);
  }
  const own = { origin: demo.url, cookie: await login(demo) };
  expect((await ask(`${demo.url}/token`, own, 'POST')).statusCode).toBe(200);
});

test('no other address of this machine answers', async () => {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const foreign = all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address);
  for (const url of [demo.url, demo.ossUrl]) {
    expect(new URL(url).hostname).toBe('127.0.0.1');
    for (const host of foreign) await expect(reach(host, Number(new URL(url).port)), host).rejects.toThrow();
  }
});

function reach(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.end(resolve)).once('error', reject);
  });
}

test('a token of STS is never cached, and is valid for the prefix only', async () => {
  const { region, bucket, endpoint, prefix } = await (await fetch(`${demo.url}/config`)).json();
  const init = { method: 'POST', headers: { cookie: await login(demo) } };
  const response = await fetch(`${demo.url}/token`, init);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await response.json()).toMatchObject({ accessKeyId: expect.stringMatching(/^STS\./) });
  const credentials = credentialsFromUrl(`${demo.url}/token`, init);
  const client = new OssClient({ region, bucket, endpoint, credentials });
  await client.appendObject(`${prefix}a`, 'mine', { position: 0 });
  expect((await client.headObject(`${prefix}a`)).contentLength).toBe(4);
  const denied = { name: 'ServiceError', status: 403, code: 'AccessDenied' };
  await expect(client.appendObject('demo/a', 'not mine', { position: 0 })).rejects.toMatchObject(denied);
  await expect(client.headObject('demo/a')).rejects.toMatchObject(denied);
  expect(demo.oss.object(bucket, 'demo/a')).toBeUndefined();
});

test('each start has its own prefix and keys', async () => {
  const other = await startDemo({ publicFolder });
  const key = async (started: Demo) => {
    const init = { method: 'POST', headers: { cookie: await login(started) } };
    return (await (await fetch(`${started.url}/token`, init)).json()).accessKeyId;
  };
  try {
    expect(other.prefix).not.toBe(demo.prefix);
    expect(await key(other)).not.toBe(await key(demo));
  } finally {
    await other.close();
  }
});

test('a page stays logged in when the page of a second demo on this machine logs in', async () => {
  const other = await startDemo({ publicFolder });
  try {
    // A browser keeps one value for each name and host, whatever the port is, and sends all of them.
    const jar = new Map<string, string>();
    for (const started of [demo, other]) {
      const [name = '', value = ''] = (await login(started)).split('=');
      jar.set(name, value);
    }
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ');
    for (const { url } of [demo, other])
      expect((await fetch(`${url}/token`, { method: 'POST', headers: { cookie } })).status, url).toBe(200);
  } finally {
    await other.close();
  }
});

test('nothing outside the folder of the page is served, and there is no other route', async () => {
  for (const path of ['/..%2f..%2f..%2fpackage.json', '/../../../package.json', '/token', '/nothing'])
    expect((await ask(demo.url + path, {})).statusCode, path).toBe(404);
});

test('only the page of the demo can switch faults on, and a lost answer ends the connection', async () => {
  const { prefix, ...place } = await (await fetch(`${demo.url}/config`)).json();
  const change = (headers: Record<string, string>) => ask(`${demo.url}/faults`, headers, 'PUT');
  expect((await change({ origin: 'http://rebound.example' })).statusCode).toBe(403);
  expect((await change({ origin: demo.url })).statusCode).toBe(400);
  const body = JSON.stringify({ scope: prefix, active: ['lose-answers'] });
  expect((await fetch(`${demo.url}/faults`, { method: 'PUT', body })).status).toBe(200);
  const init = { method: 'POST', headers: { cookie: await login(demo) } };
  const credentials = credentialsFromUrl(`${place.edge}/token`, init);
  const client = new OssClient({ ...place, credentials });
  await expect(client.appendObject(`${prefix}a`, 'mine', { position: 0 })).rejects.toMatchObject({
    name: 'TransportError',
  });
  expect(demo.oss.object(demo.bucket, `${prefix}a`)?.length).toBe(4);
  expect(arrived).toEqual(['POST']);
});

test('the policy of the page allows no script and no request of another origin, except to the OSS', async () => {
  const policy = (await fetch(demo.url)).headers.get('content-security-policy');
  expect(policy).toContain("default-src 'self'; ");
  expect(policy).toContain(`connect-src 'self' ${demo.ossUrl}; `);
  expect(policy).not.toContain('unsafe');
});
