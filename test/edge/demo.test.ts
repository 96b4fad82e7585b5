/** Tests the application of the demo: its settings, its sessions, and the users whom it lets in. */
import { expect, test } from 'vitest';
import { edgeFrom } from '../../demo/edge/app.ts';
import { Sessions } from '../../demo/edge/session.ts';
import { Browser, demoEdge, EDGE, ENVIRONMENT, PAGE, SESSION_SECRET } from './world.ts';

test.each<[string, unknown]>([
  ['SESSION_SECRET', 'short'],
  ['ORIGINS', '*'],
  ['ORIGINS', `${PAGE}/path`],
  ['ORIGINS', undefined],
  ['PREFIX', undefined],
  ['PREFIX', 'inbox'],
  ['PREFIX', '/'],
  ['MAX_OBJECT_SIZE', 'plenty'],
  ['MAX_OBJECT_SIZE', 'NaN'],
  ['MAX_OBJECT_SIZE', '1e9'],
  ['MAX_OBJECT_SIZE', '-1'],
  ['MAX_OBJECT_SIZE', '0'],
  ['SEGMENT_SIZE', '0.5'],
  ['OSS_ACCESS_KEY_ID', ''],
  ['OSS_BUCKET', undefined],
])('the setting %s=%s throws when the handler is made', (name, value) => {
  expect(() => edgeFrom({ ...ENVIRONMENT, [name]: value })).toThrow(Error);
});

test('the life of a session must be a whole number of seconds above 0', () => {
  for (const life of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY])
    expect(() => new Sessions({ secret: 'x'.repeat(32), life })).toThrow(RangeError);
});

test('a page whose DNS name was changed to point at the edge gets neither a session nor a token', async () => {
  const edge = demoEdge();
  for (const origin of ['https://rebound.example', 'http://127.0.0.1:8787']) {
    const visitor = new Browser(edge);
    await visitor.login();
    for (const path of ['/session', '/token', '/grant']) {
      const headers = { origin, cookie: visitor.cookie };
      const response = await edge(new Request(origin + path, { method: 'POST', headers, body: '{}' }));
      expect([response.status, response.headers.get('set-cookie')], `${origin}${path}`).toEqual([403, null]);
    }
  }
});

test('every visitor gets a name of 128 random bits, so that no two visitors share a prefix', async () => {
  const prefixes = new Set<string>();
  for (let i = 0; i < 100; i++) prefixes.add(await new Browser(demoEdge()).login());
  expect(prefixes.size).toBe(100);
  for (const prefix of prefixes) expect(prefix).toMatch(/^inbox\/[0-9a-f]{32}\/$/);
});

test('the scheme of the pages decides if the cookie is only for HTTPS, and not the scheme of the request', async () => {
  const cookieOf = async (origins: string, url: string) => {
    const response = await demoEdge({ ORIGINS: origins })(new Request(`${url}/session`, { method: 'POST' }));
    return response.headers.get('set-cookie');
  };
  // Behind a proxy that ends TLS, the request arrives with http.
  expect(await cookieOf(PAGE, 'http://edge.example')).toContain('; Secure');
  expect(await cookieOf('http://127.0.0.1:8080', 'http://127.0.0.1:8787')).not.toContain('Secure');
});

test('two users have different prefixes, and a cookie leads to its own user', async () => {
  const edge = demoEdge();
  const [one, other] = [new Browser(edge), new Browser(edge)];
  const [mine, theirs] = [await one.login(), await other.login()];
  expect(mine).not.toBe(theirs);
  expect(await one.login()).toBe(mine);
  const asked = { operation: 'headObject', key: `${theirs}a` };
  expect((await one.post('/grant', asked)).status).toBe(403);
  expect((await other.post('/grant', asked)).status).toBe(200);
});

test('no script can read the cookie, and requests of other sites do not carry it', async () => {
  const sessions = new Sessions({ secret: SESSION_SECRET });
  expect(await sessions.issue('u1', { secure: true })).toMatch(/; HttpOnly; SameSite=Strict; Secure$/);
  expect(await sessions.issue('u1', { secure: false })).not.toContain('Secure');
  const response = await demoEdge()(new Request(`${EDGE}/session`, { method: 'POST' }));
  expect(response.headers.get('set-cookie')).toContain('; Secure');
  expect(response.headers.get('cache-control')).toBe('no-store');
});

test('an error about a setting names the problem', () => {
  expect(() => edgeFrom({ ...ENVIRONMENT, SESSION_SECRET: 'short' })).toThrow(/32 characters/);
  expect(() => edgeFrom({ ...ENVIRONMENT, ORIGINS: '*' })).toThrow(TypeError);
  expect(() => edgeFrom({ ...ENVIRONMENT, ORIGINS: 'https://page.example/path' })).toThrow(/origins/);
});
