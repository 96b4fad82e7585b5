/**
 * Tests the edge of the demo in Node, workerd, Deno and Bun over real HTTP: every runtime refuses the same requests.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sessions } from '../../demo/edge/session.ts';
import { RemoteCloud, RemoteEdge } from './remote-edge.ts';
import { installedRuntimes } from './runtimes.ts';
import { BUCKET, PAGE, SESSION_SECRET, uploadPath } from './world.ts';

let cloud: RemoteCloud;
beforeAll(async () => {
  cloud = await RemoteCloud.start();
});
afterAll(() => cloud.close());

describe.each(installedRuntimes())('in %s', (name, start) => {
  let edge: RemoteEdge;
  beforeAll(async () => {
    edge = await RemoteEdge.start(start, cloud, {});
  }, 60_000);
  afterAll(() => edge?.stop());

  test.each(['a b', '[', '%', 'a/b', 'x\\y', 'user@h', ''])(
    'the answer to the Host %j contains no path and no source code',
    async (host) => {
      const answer = await edge.converse([
        `POST /token HTTP/1.1\r\nhost: ${host}\r\norigin: ${PAGE}\r\nconnection: close\r\n\r\n`,
      ]);
      expect(answer).toMatch(/^HTTP\/1\.1 [45]\d\d /);
      expect(answer).not.toMatch(/<html|file:|\.m?[jt]s\b|\bat \w+ \(|securityToken/i);
    },
  );

  // The table of all names is in keys.test.ts. This test checks how each runtime handles paths.
  test.each([
    ['inbox/other/a', 403],
    ['', 403],
    ['../a', 403],
    ['PREFIX../other/a', 400],
    ['PREFIXa/../../other/b', 400],
    ['PREFIX..\\other', 400],
    ['PREFIX%2e%2e/other', 400],
    ['PREFIX．．/other', 400],
    ['PREFIXa\u0000b', 400],
  ])('every route refuses the key %j with %i', async (pattern, expected) => {
    const { browser } = edge;
    const key = pattern.replace('PREFIX', edge.prefix);
    const statuses = [
      await edge.ask({ method: 'POST', path: uploadPath(key) }),
      await edge.ask({ path: uploadPath(key) }),
      (await browser.post('/grant', { operation: 'appendObject', key, position: 0, size: 1 })).status,
      (await browser.post('/grant', { operation: 'headObject', key })).status,
      (await browser.post('/grants', { key, position: 0, segmentSize: 1, count: 1 })).status,
    ];
    expect(statuses).toEqual([expected, expected, expected, expected, expected]);
    // In an encoded path, URLs resolve `.` and `\`. The result may be another key of the same user, and never a key
    // outside.
    await edge.ask({ method: 'POST', path: `/upload/${encodeURI(key)}` });
    const isOutside = (stored = '') => stored === key || !/^inbox\/[^/]+\/[^/]/.test(stored);
    expect(cloud.oss.requests.filter((request) => isOutside(request.key))).toEqual([]);
  });

  test.each(['50% off.pdf', '进度100％.docx', 'a b+c#d?e&f=g', 'naïve/𝒳 👩‍🚀.txt', 'report%20(1).pdf'])(
    'a file can have the name %j',
    async (file) => {
      const key = edge.prefix + file;
      expect((await edge.upload(key, 'bytes')).status).toBe(200);
      expect(await edge.positionOf(key)).toBe(5);
      expect((await edge.browser.post('/grant', { operation: 'headObject', key })).status).toBe(200);
      expect(cloud.oss.object(BUCKET, key)?.length).toBe(5);
    },
  );

  test('white space around a number of tus does not belong to the number', async () => {
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': '5' };
    const created = await edge.browser.fetch('/upload', { method: 'POST', headers });
    const piece = ['tus-resumable: 1.0.0', 'content-type: application/offset+octet-stream', 'upload-offset:  7\t '];
    const framing = [...piece, 'content-length: 0'].join('\r\n');
    const head = edge.headOf(`/${created.headers.get('location')}`, framing).replace('POST', 'PATCH');
    expect(await edge.converse([head])).toMatch(/^HTTP\/1\.1 409 .*"error":"OffsetMismatch"/s);
  });

  test('a path that cannot be decoded is refused', async () => {
    expect(await edge.ask({ path: `/upload/${edge.prefix}%ff` })).toBe(400);
    expect(await edge.ask({ path: `/upload/${edge.prefix}%` })).toBe(400);
  });

  test('pages of other origins are refused, and cannot read the answer', async () => {
    for (const origin of ['https://evil.example', 'null', `${PAGE}.evil.example`, PAGE.replace('https', 'http')]) {
      for (const path of ['/session', '/token', '/grant']) {
        const headers = { origin, cookie: edge.browser.cookie };
        const response = await fetch(edge.url + path, { method: 'POST', headers, body: '{}' });
        expect(response.status, origin).toBe(403);
        expect(response.headers.get('access-control-allow-origin')).toBeNull();
        expect(response.headers.get('set-cookie')).toBeNull();
        await response.text();
      }
      const headers = { origin, 'access-control-request-method': 'POST' };
      const preflight = await fetch(`${edge.url}/grant`, { method: 'OPTIONS', headers });
      expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('the preflight of a listed origin is answered', async () => {
    const headers = {
      origin: PAGE,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    const response = await fetch(`${edge.url}/grant`, { method: 'OPTIONS', headers });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization, content-type',
      vary: 'Origin',
    });
  });

  test('a request without a session, or with a forged or expired one, gets 401 from every route', async () => {
    const { cookie } = edge.browser;
    const expired = new Sessions({ secret: SESSION_SECRET, now: () => Date.now() - 3_601_000 });
    const forged = [
      '',
      'session=u1',
      cookie.replace(/=[\w-]+\./, '=admin.'),
      cookie.replace(/\.\d+\./, '.99999999999.'),
      `${cookie.slice(0, -1)}${cookie.endsWith('0') ? '1' : '0'}`,
      await expired.issue('u1', { secure: false }),
      await new Sessions({ secret: SESSION_SECRET.replace('a', 'b') }).issue('u1', { secure: false }),
    ];
    for (const cookie of forged) {
      for (const path of ['/token', '/grant', '/grants', uploadPath(`${edge.prefix}a`)]) {
        const headers = { cookie: cookie.split(';')[0] ?? '' };
        const response = await fetch(edge.url + path, { method: 'POST', headers, body: '{}' });
        expect(response.status, `${path} ${cookie}`).toBe(401);
        await response.text();
      }
    }
  });

  test('a body that is no JSON object is refused, and an unknown path is not found', async () => {
    for (const body of ['', '{', 'null', '[]', '"text"', '\xff', '{"key":{}}', '{"__proto__":{"key":"a"}}']) {
      for (const path of ['/grant', '/grants'])
        expect([400, 403]).toContain((await edge.browser.fetch(path, { method: 'POST', body })).status);
    }
    expect(await edge.ask({ path: '/token' })).toBe(404);
    expect(await edge.ask({ path: '/nothing' })).toBe(404);
  });

  test('the log names each refused route and its code, and neither an answer nor the log contains a secret', () => {
    edge.expectNoSecrets();
    if (name !== 'node') expect(edge.log).toMatch(/POST \/grant: 403 ForbiddenKey/);
  });
});
