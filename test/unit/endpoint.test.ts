/** From region, host and key to a URL. Every key reaches the server unchanged, or is refused before any request. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkKey, type EndpointOptions, resolveEndpoint } from '../../src/request/endpoint.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';
import { KEYS, localOss, makeClient, scripted, utf8 } from '../tools/unit-tools.ts';

function urlOf(options: Partial<EndpointOptions>, key = 'a.log'): string {
  return resolveEndpoint({ region: 'cn-hangzhou', bucket: 'logs', ...options }).url(key);
}

describe('the hosts', () => {
  test.each<[string, Partial<EndpointOptions>, string]>([
    ['public', {}, 'https://logs.oss-cn-hangzhou.aliyuncs.com/a.log'],
    ['internal', { internal: true }, 'https://logs.oss-cn-hangzhou-internal.aliyuncs.com/a.log'],
    ['dual stack', { endpoint: 'cn-hangzhou.oss.aliyuncs.com' }, 'https://logs.cn-hangzhou.oss.aliyuncs.com/a.log'],
    ['accelerate', { accelerate: true }, 'https://logs.oss-accelerate.aliyuncs.com/a.log'],
    ['overseas', { accelerate: 'overseas' }, 'https://logs.oss-accelerate-overseas.aliyuncs.com/a.log'],
    ['no acceleration', { accelerate: false, internal: false }, 'https://logs.oss-cn-hangzhou.aliyuncs.com/a.log'],
    ['custom domain', { endpoint: 'logs.example.com', cname: true }, 'https://logs.example.com/a.log'],
    ['custom domain, http', { endpoint: 'http://l.example.com', cname: true }, 'http://l.example.com/a.log'],
    ['custom domain with a port', { endpoint: 'l.example.com:8443', cname: true }, 'https://l.example.com:8443/a.log'],
    [
      'endpoint without a scheme',
      { endpoint: 'oss-cn-hzfinance.aliyuncs.com' },
      'https://logs.oss-cn-hzfinance.aliyuncs.com/a.log',
    ],
    ['endpoint with a scheme', { endpoint: 'HTTP://OSS.example.com/' }, 'http://logs.oss.example.com/a.log'],
    ['path style', { endpoint: 'oss.example.com', pathStyle: true }, 'https://oss.example.com/logs/a.log'],
    ["path style on the region's host", { pathStyle: true }, 'https://oss-cn-hangzhou.aliyuncs.com/logs/a.log'],
    ['IPv4', { endpoint: 'http://127.0.0.1:9000' }, 'http://127.0.0.1:9000/logs/a.log'],
    ['IPv6', { endpoint: 'http://[::1]:9000' }, 'http://[::1]:9000/logs/a.log'],
    ['localhost', { endpoint: 'http://localhost' }, 'http://localhost/logs/a.log'],
    ['localhost as a custom domain', { endpoint: 'http://localhost:1', cname: true }, 'http://localhost:1/a.log'],
    ['IPv4 as a custom domain', { endpoint: '10.0.0.1', cname: true, pathStyle: true }, 'https://10.0.0.1/a.log'],
  ])('%s', (_, options, expected) => expect(urlOf(options)).toBe(expected));

  test.each<[Partial<EndpointOptions>, RegExp]>([
    [{ cname: true }, /cname: true needs endpoint/],
    [{ internal: true, accelerate: true }, /exclude each other/],
    [{ endpoint: 'oss.example.com', internal: true }, /exclude each other/],
    [
      { endpoint: 'logs.oss-cn-hangzhou.aliyuncs.com' },
      /already holds the bucket: give "oss-cn-hangzhou.aliyuncs.com"/,
    ],
    [
      { endpoint: 'logs.cn-hangzhou.oss.aliyuncs.com' },
      /already holds the bucket: give "cn-hangzhou.oss.aliyuncs.com"/,
    ],
    [{ endpoint: 'ftp://oss.example.com' }, /not a host or an http\(s\) URL/],
    [{ endpoint: 'not a host' }, /not a host or an http\(s\) URL/],
    [{ endpoint: 'https://oss.example.com/path' }, /more than scheme, host and port: give "https:\/\/oss.example.com"/],
    [{ endpoint: 'https://oss.example.com?a=b' }, /more than scheme, host and port/],
    [{ endpoint: 'https://me@oss.example.com' }, /more than scheme, host and port/],
    [{ endpoint: 'https://:secret@oss.example.com' }, /more than scheme, host and port/],
    [
      { endpoint: 'https://me:secret@oss.example.com' },
      /more than scheme, host and port: give "https:\/\/oss.example.com"/,
    ],
  ])('%o is refused, and the error says why', (options, reason) => {
    const call = () => urlOf(options);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(reason);
  });

  test.each(['ftp://me:hunter2@oss.example.com', 'https://me:hunter2@a b', 'https://me:hunter2@oss.example.com/path'])(
    'the password in %s is not shown',
    (endpoint) => {
      const withoutPassword = expect.objectContaining({ message: expect.not.stringContaining('hunter2') });
      expect(() => urlOf({ endpoint })).toThrow(withoutPassword);
    },
  );
});

describe('the regions', () => {
  test.each(['cn-hangzhou', 'ap-southeast-1', 'cn-wuhan-lr', 'rg-china-mainland', 'cn-north-2-gov-1', 'us-east-1'])(
    '%s is used unchanged',
    (region) => expect(resolveEndpoint({ region, bucket: 'logs' }).region).toBe(region),
  );

  test('every region of the documents has a host, and so have the irregular hosts of the finance and government clouds', async () => {
    const regions =
      'cn-hangzhou cn-shanghai cn-nanjing cn-fuzhou cn-wuhan-lr cn-qingdao cn-beijing cn-zhangjiakou cn-huhehaote ' +
      'cn-wulanchabu cn-shenzhen cn-heyuan cn-guangzhou cn-chengdu cn-zhongwei cn-hongkong rg-china-mainland ' +
      'ap-northeast-1 ap-northeast-2 ap-southeast-1 ap-southeast-3 ap-southeast-5 ap-southeast-6 ap-southeast-7 ' +
      'ap-southeast-8 eu-central-1 eu-west-1 eu-west-2 us-west-1 us-east-1 na-south-1 me-east-1 me-central-1 ' +
      'cn-shanghai-finance-1 cn-beijing-finance-1 cn-north-2-gov-1 cn-hzfinance cn-szfinance';
    const hosts = regions.split(' ').map((region) => [region, `oss-${region}`] as const);
    for (const [region, host] of [...hosts, ['cn-hzjbp', 'oss-cn-hzjbp-a-internal'] as const]) {
      const endpoint = host === `oss-${region}` ? undefined : `${host}.aliyuncs.com`;
      expect(urlOf({ region, endpoint })).toBe(`https://logs.${host}.aliyuncs.com/a.log`);
      const served = host.replace(/^oss-|-internal$/g, '');
      const oss = localOss({ buckets: { logs: { region: served, acl: 'public-read' } } });
      expect([region, (await oss.fetch(urlOf({ region, endpoint }))).status]).toEqual([region, 404]);
    }
  });

  test('the prefix oss- is removed from the region, for the host and for the signature', async () => {
    const oss = localOss();
    const client = makeClient({ region: 'oss-cn-hangzhou', credentials: KEYS, fetch: oss.fetch, clock: undefined });
    await client.appendObject('a', 'x', { position: 0 });
    expect(oss.object('logs', 'a')?.length).toBe(1);
    expect(urlOf({ region: 'oss-cn-hangzhou' })).toBe(urlOf({}));
  });

  test.each([
    ['cn-hangzhou-internal', /give region "cn-hangzhou" with internal: true/],
    ['oss-cn-hangzhou-internal', /give region "cn-hangzhou" with internal: true/],
    ['oss-cn-hangzhou.aliyuncs.com', /a host goes in endpoint/],
    ['https://oss-cn-hangzhou.aliyuncs.com', /a host goes in endpoint/],
    ['CN-Hangzhou', /not a region id such as "cn-hangzhou"/],
    ['hangzhou', /not a region id/],
    ['cn-hangzhou/../x', /not a region id/],
  ])('%s is refused, and the error contains a hint', (region, hint) => {
    expect(() => urlOf({ region })).toThrow(TypeError);
    expect(() => urlOf({ region })).toThrow(hint);
  });

  test.each(['ab', 'A-bucket', '-logs', 'logs-', 'my.logs', 'a'.repeat(64), 'lo/gs', 'logs\n'])(
    'the bucket name %j is refused',
    (bucket) => expect(() => urlOf({ bucket })).toThrow(/^bucket .* must be 3 to 63/s),
  );
});

/** Keys that URL parsers, form encoders or careless signers have damaged. */
const KEYS_THAT_ARRIVE = [
  '日志/2026 年/应用.log',
  '🐉/😀 emoji 👩‍💻',
  'per%cent',
  'already%20encoded%2F',
  '%2e%2e/%2E',
  'a+b plus',
  'hash#fragment',
  'query?append&position=1',
  'sp ace ',
  ' leading space',
  "!'()*~-._",
  'a//b',
  'a///',
  'dir/',
  './a',
  'a/./b',
  'a/../b',
  '../../etc',
  'a/..',
  'a/.',
  'logs/../logs/x',
  '...',
  '.hidden/..twice',
  'back\\slash\\..\\x',
  'semi;colon,comma=equals&and@at:colon$dollar',
  '<xml>&amp;"quote"\'</xml>',
  'tab\tand\nline',
  '[brackets]{braces}|^`',
  'composed \u00e9, decomposed e\u0301',
  '\ufeffmark, \u0000 and \ufffd',
  'constructor',
  '__proto__',
  'k'.repeat(1023),
  `${'日'.repeat(341)}`,
];

describe('keys reach the server unchanged', () => {
  const oss = localOss({ buckets: { logs: { region: 'cn-hangzhou', hosts: ['logs.example.com'] } } });
  let server: Served;
  beforeAll(async () => {
    server = await serve((request) => oss.fetch(request));
  });
  afterAll(() => server.close());

  const ways = {
    "in the path of the bucket's host": () => ({ fetch: oss.fetch }),
    'on a custom domain': () => ({ fetch: oss.fetch, endpoint: 'logs.example.com', cname: true }),
    'over HTTP': () => ({ endpoint: server.url }),
  };
  describe.each(Object.entries(ways))('%s', (_, way) => {
    test.each(['header', 'query'] as const)('signed in the %s', async (signing) => {
      const client = makeClient({ credentials: KEYS, signing, clock: undefined, ...way() });
      for (const key of KEYS_THAT_ARRIVE) {
        oss.deleteObject('logs', key);
        const content = `${key}!`;
        const { nextAppendPosition: position } = await client.appendObject(key, key, { position: 0 });
        await client.appendObject(key, '!', { position });
        expect(oss.object('logs', key)?.bytes()).toEqual(utf8(content));
        expect([key, (await client.headObject(key)).contentLength]).toEqual([key, utf8(content).length]);
        const { body } = await client.getObject(key);
        expect(new Uint8Array(await new Response(body).arrayBuffer())).toEqual(utf8(content));
      }
    });
  });

  test('a plain fetch can send them with a presigned request', async () => {
    const client = makeClient({ credentials: KEYS, clock: undefined, endpoint: server.url });
    for (const key of KEYS_THAT_ARRIVE) {
      oss.deleteObject('logs', key);
      const { method, url, headers } = await client.presignAppendObject(key, { position: 0, size: 2 });
      const response = await fetch(new URL(url), { method, headers, body: utf8('ok') });
      expect([key, response.status]).toEqual([key, 200]);
      expect(oss.object('logs', key)?.bytes()).toEqual(utf8('ok'));
    }
  });

  test('a URL parser does not change them', () => {
    for (const key of KEYS_THAT_ARRIVE) {
      const url = urlOf({}, key);
      const { href, pathname } = new URL(url);
      expect(href).toBe(url);
      expect(decodeURIComponent(pathname.slice(1))).toBe(key);
    }
  });

  test('slashes are encoded only if a segment consists of dots', () => {
    expect(urlOf({}, 'a/b//c.d/')).toBe('https://logs.oss-cn-hangzhou.aliyuncs.com/a/b//c.d/');
    expect(urlOf({}, 'a/../b')).toBe('https://logs.oss-cn-hangzhou.aliyuncs.com/a%2F..%2Fb');
  });
});

describe('keys that would be damaged are refused before any request', () => {
  test.each([
    ['', /is empty/],
    ['/leading', /begins with \/ or \\/],
    ['\\leading', /begins with \/ or \\/],
    ['.', /cannot be sent: URLs drop a path of dots/],
    ['..', /cannot be sent: URLs drop a path of dots/],
    ['k'.repeat(1024), /has 1024 bytes of UTF-8; OSS takes 1023 at most/],
    ['日'.repeat(342), /has 1026 bytes of UTF-8/],
    ['half \ud83d', /has half of a surrogate pair/],
    ['\udc00 half', /has half of a surrogate pair/],
    ['\udc00\ud83d', /has half of a surrogate pair/],
  ])('%j', async (key, reason) => {
    const { fetch, sent } = scripted(new Response());
    const client = makeClient({ fetch });
    expect(() => checkKey(key)).toThrow(RangeError);
    for (const call of [
      client.appendObject(key, 'x', { position: 0 }),
      client.headObject(key),
      client.getObject(key),
      client.presignAppendObject(key, { position: 0 }),
      client.presignHeadObject(key),
      client.presignGetObject(key),
    ])
      await expect(call).rejects.toThrow(reason);
    expect(sent).toHaveLength(0);
  });
});
