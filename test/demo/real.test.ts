/** Tests the demo on a real bucket. A LocalOss and a LocalSts behind HTTP stand for Alibaba Cloud. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { realSettingsFrom } from '../../demo/host/real-settings.ts';
import { type RealDemo, startRealDemo } from '../../demo/real-server.ts';
import { PageGrants } from '../../src/edge/index.ts';
import { credentialsFromUrl, OssClient, PresignedClient } from '../../src/index.ts';
import { LocalOss, LocalSts } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';
import { utf8 } from '../tools/unit-tools.ts';

const RAM_KEY = { id: 'LTAIrealdemo', secret: 'RealSecretRealSecretRealSecret' };
const ROLE = 'acs:ram::1000000000000000:role/append-demo';
const SET = {
  OSS_REGION: 'cn-shanghai',
  OSS_BUCKET: 'my-bucket',
  OSS_ROLE_ARN: ROLE,
  OSS_ACCESS_KEY_ID: RAM_KEY.id,
  OSS_ACCESS_KEY_SECRET: RAM_KEY.secret,
};

describe('the environment', () => {
  test('without settings, with empty settings, or with only an endpoint, means LocalOss', () => {
    expect(realSettingsFrom({})).toBeUndefined();
    expect(realSettingsFrom({ OSS_REGION: '', OSS_ENDPOINT: 'oss.example' })).toBeUndefined();
  });

  test.each(Object.keys(SET))('without %s is refused with the name of that setting, and without a secret', (name) => {
    const read = () => realSettingsFrom({ ...SET, [name]: undefined });
    expect(read).toThrow(new RegExp(`but not ${name}\\. Set all of them`));
    expect(read).not.toThrow(RAM_KEY.secret);
    expect(read).not.toThrow(RAM_KEY.id);
  });

  test('with only one setting is refused with the names of all others', () => {
    expect(() => realSettingsFrom({ OSS_BUCKET: 'my-bucket' })).toThrow(
      'the environment sets OSS_BUCKET, but not OSS_REGION, OSS_ROLE_ARN, OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET.',
    );
  });

  test('gives the endpoint of the region, and a new random prefix each time', () => {
    const [one, other] = [realSettingsFrom(SET), realSettingsFrom(SET)];
    expect(one).toMatchObject({ region: 'cn-shanghai', endpoint: 'https://oss-cn-shanghai.aliyuncs.com' });
    expect(one?.prefix).toMatch(/^oss-append-demo\/[0-9a-f]{16}\/$/);
    expect(one?.prefix).not.toBe(other?.prefix);
  });

  test('can name another endpoint and the beginning of the prefix', () => {
    const read = (more: object) => realSettingsFrom({ ...SET, ...more });
    expect(read({ OSS_ENDPOINT: 'cn-shanghai.oss.aliyuncs.com' })?.endpoint).toBe(
      'https://cn-shanghai.oss.aliyuncs.com',
    );
    expect(read({ OSS_ENDPOINT: 'http://127.0.0.1:80/' })?.endpoint).toBe('http://127.0.0.1:80');
    expect(read({ OSS_PREFIX: 'tests' })?.prefix).toMatch(/^tests\/[0-9a-f]{16}\/$/);
    for (const prefix of ['/tests', 'a*/', 'a?', 'a$b'])
      expect(() => read({ OSS_PREFIX: prefix }), prefix).toThrow(/OSS_PREFIX must not begin/);
  });
});

describe('the server', () => {
  let publicFolder: string;
  let oss: LocalOss;
  let served: Served[];
  let demo: RealDemo;

  beforeAll(async () => {
    publicFolder = await mkdtemp(join(tmpdir(), 'oss-append-page-'));
    await writeFile(join(publicFolder, 'index.html'), '<!doctype html><title>The page</title>');
  });
  afterAll(() => rm(publicFolder, { recursive: true }));

  beforeEach(async () => {
    // The OSS does not know the RAM key, so only tokens of the role can sign.
    oss = new LocalOss({ buckets: { 'my-bucket': { region: 'cn-shanghai' } } });
    const sts = new LocalSts({ oss, accessKeys: { [RAM_KEY.id]: RAM_KEY.secret }, roles: { [ROLE]: {} } });
    served = [await serve(oss.fetch), await serve(sts.fetch)];
    demo = await startRealDemo(settings(), { publicFolder });
  });
  afterEach(async () => {
    await Promise.all([...served, demo].map((server) => server.close()));
  });

  function settings(more: Record<string, string> = {}) {
    const [ossUrl, stsUrl] = served.map(({ url }) => url);
    const read = realSettingsFrom({ ...SET, OSS_ENDPOINT: ossUrl, OSS_STS_ENDPOINT: stsUrl, ...more });
    if (!read) throw new Error('The settings are complete, so there must be a result');
    return read;
  }

  async function login(): Promise<{ cookie: string }> {
    const response = await fetch(`${demo.url}/session`, { method: 'POST' });
    return { cookie: response.headers.get('set-cookie')?.split(';')[0] ?? '' };
  }

  test('the page appends with a token of the role, only below the prefix', async () => {
    const { edge, mode, prefix, ...place } = await (await fetch(`${demo.url}/config`)).json();
    expect([mode, edge, place.canBreak]).toEqual(['real', demo.url, false]);
    const credentials = credentialsFromUrl(`${edge}/token`, { method: 'POST', headers: await login() });
    const client = new OssClient({ ...place, credentials });
    await client.appendObject(`${prefix}a`, 'mine', { position: 0 });
    expect(oss.object('my-bucket', `${prefix}a`)?.bytes()).toEqual(utf8('mine'));
    const denied = client.appendObject('oss-append-demo/a', 'not mine', { position: 0 });
    await expect(denied).rejects.toMatchObject({ status: 403, code: 'AccessDenied' });
  });

  test('a token lives for 15 minutes', async () => {
    const answer = await (await fetch(`${demo.url}/token`, { method: 'POST', headers: await login() })).json();
    const life = Date.parse(answer.expiration) - Date.now();
    expect(life).toBeGreaterThan(800_000);
    expect(life).toBeLessThanOrEqual(900_000);
    expect(JSON.stringify(answer)).not.toContain(RAM_KEY.secret);
  });

  test('grants and uploads are signed with tokens of the role too, so the RAM key needs no right to the bucket', async () => {
    const { prefix } = await (await fetch(`${demo.url}/config`)).json();
    const headers = await login();
    const withCookie = (url: string, init: RequestInit) =>
      fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), ...headers } });
    const { presign } = new PageGrants(demo.url, { fetch: withCookie });
    await new PresignedClient({ presign }).appendObject(`${prefix}a`, 'granted', { position: 0 });
    const url = `${demo.url}/upload/${encodeURIComponent(`${prefix}b`)}`;
    expect((await fetch(url, { method: 'POST', body: 'piped', headers })).status).toBe(200);
    expect(['a', 'b'].map((name) => oss.object('my-bucket', prefix + name)?.length)).toEqual([7, 5]);
  });

  test('nothing can be broken on a real bucket: those routes do not exist', async () => {
    for (const [method, path] of [
      ['GET', 'faults?scope=a/'],
      ['PUT', 'faults'],
      ['POST', 'rival'],
      ['GET', 'stats?scope=a/'],
    ])
      expect((await fetch(`${demo.url}/${path}`, { method: method ?? '' })).status, path).toBe(404);
  });

  test('another origin gets nothing', async () => {
    for (const path of ['config', 'session', 'token'])
      expect(
        (await fetch(`${demo.url}/${path}`, { method: 'POST', headers: { origin: 'http://a.example' } })).status,
      ).toBe(403);
  });

  test('the terminal shows the bucket, the prefix and the CORS rule, and no secret', async () => {
    const { greeting } = demo;
    const { prefix } = await (await fetch(`${demo.url}/config`)).json();
    for (const text of [demo.url, 'my-bucket', 'cn-shanghai', ROLE, prefix]) expect(greeting).toContain(text);
    expect(greeting).toContain(`<AllowedOrigin>${demo.url}</AllowedOrigin>`);
    expect(greeting).toContain('<ExposeHeader>x-oss-hash-crc64ecma</ExposeHeader>');
    for (const secret of [RAM_KEY.id, RAM_KEY.secret, 'STS.']) expect(greeting).not.toContain(secret);
  });

  test('the policy of the page allows requests to the bucket only', async () => {
    const policy = (await fetch(demo.url)).headers.get('content-security-policy');
    expect(policy).toContain(`connect-src 'self' ${settings().endpoint}; `);
  });

  test.each<[what: string, more: Record<string, string>, says: RegExp]>([
    ['an unknown role', { OSS_ROLE_ARN: `${ROLE}-2` }, /EntityNotExist\.Role/],
    ['a wrong secret', { OSS_ACCESS_KEY_SECRET: 'WrongSecretWrongSecret' }, /SignatureDoesNotMatch/],
    ['a role that is not an ARN', { OSS_ROLE_ARN: 'append-demo' }, /roleArn must be/],
    ['an impossible bucket', { OSS_BUCKET: 'My_Bucket' }, /bucket/],
  ])('%s ends the start with an error, and no server stays behind', async (_, more, says) => {
    const wrong = settings(more);
    // The demo that works leaves its port, so that this one can be looked for there.
    await demo.close();
    const port = Number(new URL(demo.url).port);
    const error = await startRealDemo(wrong, { publicFolder, port }).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toMatch(says);
    expect(String(error)).not.toContain(wrong.accessKeySecret);
    await expect(fetch(demo.url)).rejects.toThrow('fetch failed');
  });
});
