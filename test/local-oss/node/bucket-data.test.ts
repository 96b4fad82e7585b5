/** The buckets of a data folder: those that requests make or delete, and the rules that requests set. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalOssServer, type ServeLocalOssOptions, serveLocalOss } from '../../../src/testing/node/index.ts';
import { text, utf8 } from '../text.ts';
import { type Call, element, KEYS, refusal, sign } from '../tools.ts';

let folder: string;
let server: LocalOssServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oss-append-buckets-'));
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

/** Starts the server, or ends it and starts it again on the same folder. */
async function start(options: Partial<ServeLocalOssOptions> = {}): Promise<LocalOssServer> {
  await server?.close();
  const accessKeys = { [KEYS.accessKeyId]: KEYS.accessKeySecret };
  server = await serveLocalOss({ buckets: ['logs'], accessKeys, data: folder, ...options });
  return server;
}

/** Sends a signed request to a bucket. */
async function ask(bucket: string, [method, key, query = {}, headers = {}]: Call, body = ''): Promise<Response> {
  const request = { method, bucket, key, query, headers, origin: `${server!.url}/${bucket}` };
  const signed = sign(request, { ...KEYS, time: Date.now() });
  return fetch(signed.url, { method, headers: signed.headers, ...(body === '' ? {} : { body }) });
}

/** Sends a signed request to a bucket, expects success, and returns the body of the answer. */
async function send(bucket: string, call: Call, body = ''): Promise<string> {
  const response = await ask(bucket, call, body);
  const answer = await response.text();
  expect(response.ok, answer).toBe(true);
  return answer;
}

const names = () => server!.oss.buckets.map(({ name }) => name);
const TEXT = { 'content-type': 'text/plain;charset=UTF-8' };
const XML = (origin: string) =>
  `<CORSConfiguration><CORSRule><AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>`;
const IA = '<CreateBucketConfiguration><StorageClass>IA</StorageClass></CreateBucketConfiguration>';

async function makePhotos(): Promise<void> {
  await send('photos', ['PUT', '', {}, { 'x-oss-acl': 'public-read', ...TEXT }], IA);
  await send('photos', ['PUT', '', { cors: '' }, TEXT], XML('https://a.example'));
}

test('a bucket that a request made is there after a restart, with its objects, ACL, class and CORS rules', async () => {
  await start();
  await makePhotos();
  server!.oss.appendObject('photos', 'a', utf8('one'));
  const before = await send('photos', ['GET', '', { bucketInfo: '' }]);
  await start();
  const after = await send('photos', ['GET', '', { bucketInfo: '' }]);
  for (const name of ['CreationDate', 'StorageClass', 'Grant'])
    expect(element(after, name)).toBe(element(before, name));
  expect(element(after, 'StorageClass')).toBe('IA');
  expect(element(await send('photos', ['GET', '', { cors: '' }]), 'AllowedOrigin')).toBe('https://a.example');
  expect([names(), text(server!.oss.object('photos', 'a')?.bytes())]).toEqual([['logs', 'photos'], 'one']);
});

test('the CORS rules that a request set or deleted count more than the rules of the options', async () => {
  await start();
  await send('logs', ['PUT', '', { cors: '' }, TEXT], XML('https://b.example'));
  await start();
  expect(element(await send('logs', ['GET', '', { cors: '' }]), 'AllowedOrigin')).toBe('https://b.example');
  await send('logs', ['DELETE', '', { cors: '' }]);
  await start();
  expect(await refusal(await ask('logs', ['GET', '', { cors: '' }]))).toMatchObject({
    code: 'NoSuchCORSConfiguration',
  });
});

test('a bucket that a request deleted stays deleted, but a bucket of the options is there again, empty', async () => {
  await start();
  await makePhotos();
  server!.oss.appendObject('logs', 'a', utf8('one'));
  for (const bucket of ['photos', 'logs']) {
    if (bucket === 'logs') await send('logs', ['DELETE', 'a']);
    await send(bucket, ['DELETE', '']);
  }
  expect(names()).toEqual([]);
  expect((await fetch(server!.pageUrl)).status).toBe(200);
  expect(await (await fetch(`${server!.url}/_local/health`)).json()).toEqual({ status: 'ok', buckets: [] });
  await start();
  expect([names(), server!.oss.keys('logs')]).toEqual([['logs'], []]);
  await makePhotos();
  await start();
  expect(names()).toEqual(['logs', 'photos']);
});

test('a file that is written again at the start keeps the buckets', async () => {
  await start();
  await makePhotos();
  const bytes = new Uint8Array(600_000);
  for (let i = 0; i < 4; i++) server!.oss.putObject('photos', 'a', bytes.fill(i));
  await start();
  expect((await stat(join(folder, 'objects.log'))).size).toBeLessThan(700_000);
  await start();
  expect(element(await send('photos', ['GET', '', { cors: '' }]), 'AllowedOrigin')).toBe('https://a.example');
});

test('a bucket that becomes one of the options has their region, and keeps its objects and rules', async () => {
  await start();
  await makePhotos();
  server!.oss.appendObject('photos', 'a', utf8('one'));
  await start({ buckets: { photos: { region: 'cn-beijing' } } });
  expect(server!.oss.buckets).toEqual([{ name: 'photos', region: 'cn-beijing', acl: 'public-read' }]);
  expect(server!.oss.keys('photos')).toEqual(['a']);
});
