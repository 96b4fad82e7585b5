/** The page of the server: what it shows, and that it shows it as text and without a secret. */
import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { OssClient } from '../../../src/index.ts';
import { type LocalOssServer, type ServeLocalOssOptions, serveLocalOss } from '../../../src/testing/node/index.ts';

let server: LocalOssServer;

afterEach(() => server.close());

async function start(options: Partial<ServeLocalOssOptions> = {}): Promise<OssClient> {
  server = await serveLocalOss({ buckets: ['logs', 'photos'], ...options });
  const { url: endpoint, keys: credentials } = server;
  return new OssClient({ region: 'cn-hangzhou', bucket: 'logs', endpoint, credentials });
}

/** Returns the rows of a table as texts. The cells of the page have no other markup than `<bdi>`. */
function rows(html: string, caption: string): string[][] {
  const table = html.split('<table>').find((part) => part.startsWith(`<caption>${caption}</caption>`)) ?? '';
  const body = table.slice(table.indexOf('<tbody>'));
  return [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
    [...row.matchAll(/<td[^>]*>(?:<bdi>)?(.*?)(?:<\/bdi>)?<\/td>/gs)].map(([, text = '']) => text),
  );
}

test('it lists buckets, objects, requests and faults', async () => {
  const client = await start({ faults: ['error-before:every=2', 'deny:key=never'] });
  await client.appendObject('a.log', 'hello', { position: 0 });
  await client.appendObject('a.log', '!', { position: 0 }).catch(() => {});
  const html = await (await fetch(server.pageUrl)).text();
  expect(rows(html, 'Buckets')).toEqual([
    ['logs', 'cn-hangzhou', 'private', '1', '5'],
    ['photos', 'cn-hangzhou', 'private', '0', '0'],
  ]);
  const crc = server.oss.object('logs', 'a.log')?.crc64;
  expect(rows(html, 'Objects')).toEqual([['logs', 'a.log', 'Appendable', '5', '1', crc]]);
  expect(rows(html, 'Requests, the newest first')).toContainEqual([
    'POST',
    'AppendObject',
    'logs',
    'a.log',
    '0',
    '500',
    'error-before',
  ]);
  expect(rows(html, 'Requests, the newest first').at(-1)).toEqual([
    'POST',
    'AppendObject',
    'logs',
    'a.log',
    '0',
    '200',
    '',
  ]);
  expect(rows(html, 'Faults')).toEqual([
    ['error-before:every=2', String(server.oss.requests.filter(({ fault }) => fault).length)],
    ['deny:key=never', '0'],
  ]);
});

test('a key is shown as text, whatever it contains', async () => {
  const client = await start({ faults: ['deny:key=<i>'] });
  const key = `<img src=x onerror="alert('1')">&amp;</td>\u202e`;
  await client.appendObject(key, 'x', { position: 0 });
  const html = await (await fetch(server.pageUrl)).text();
  const shown = `&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;amp;&lt;/td&gt;\u202e`;
  expect(rows(html, 'Objects')[0]?.[1]).toBe(shown);
  expect(html).not.toMatch(/<img|<i>/);
});

test('it contains no script and no secret, may load nothing, and its style is the one that its policy allows', async () => {
  const client = await start();
  await client.appendObject('a', 'x', { position: 0 });
  const token = server.oss.issueToken();
  const { url: endpoint } = server;
  const other = new OssClient({
    region: 'cn-hangzhou',
    bucket: 'logs',
    endpoint,
    credentials: token,
    signing: 'query',
  });
  await other.headObject('a');
  const response = await fetch(server.pageUrl);
  const html = await response.text();
  for (const secret of [server.keys.accessKeySecret, server.keys.accessKeyId, token.securityToken, token.accessKeyId])
    expect(html).not.toContain(secret);
  expect(html).not.toMatch(/<script|signature|authorization/i);
  const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = response.headers.get('content-security-policy');
  expect(policy).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin');
});

test('the address of the server leads a browser to this page, but not an SDK', async () => {
  await start();
  const browser = await fetch(server.url, { headers: { accept: 'text/html,*/*' }, redirect: 'manual' });
  expect([browser.status, browser.headers.get('location')]).toEqual([302, server.pageUrl]);
  const sdk = await fetch(server.url, { redirect: 'manual' });
  expect([sdk.status, sdk.headers.get('content-type')]).toEqual([expect.any(Number), 'application/xml']);
});

test('it shows only a part of many objects and requests, and says so', async () => {
  await start();
  for (let i = 0; i < 1001; i++) server.oss.appendObject('logs', String(i).padStart(4, '0'), 0);
  const html = await (await fetch(server.pageUrl)).text();
  expect(rows(html, 'The first 1000 of 1001 objects')).toHaveLength(1000);
  expect(rows(html, 'Requests, the newest first')).toEqual([['None']]);
});
