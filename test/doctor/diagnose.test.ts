/** The arguments of the doctor, aborts, secrets, and what it asks the signer for. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type DoctorOptions, diagnose } from '../../src/doctor/index.ts';
import { createEdge, PageGrants } from '../../src/edge/index.ts';
import { type Fetch, OssClient, PresignedClient } from '../../src/index.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { platformClock } from '../../src/waiting/clock.ts';
import { drive, VirtualClock } from '../tools/virtual-clock.ts';
import { browserFetch } from './browser-fetch.ts';
import { healthyRule, KEY } from './cases.ts';
import { networkOf } from './instead.ts';
import { presignOn } from './world.ts';

const ORIGIN = 'https://www.example.com';
const retry = { baseDelay: 0, maxDelay: 0 };

afterEach(() => {
  vi.unstubAllGlobals();
});

function world(options: { readonly fetch?: (oss: LocalOss) => Fetch } = {}) {
  const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', cors: [healthyRule(ORIGIN)] } } });
  const fetch = options.fetch?.(oss) ?? oss.fetch;
  const credentials = oss.issueToken();
  const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch, retry });
  return { oss, fetch, credentials, client };
}

describe('a mistake of the caller', () => {
  const { client, oss } = world();
  const presigned = new PresignedClient({ presign: presignOn(client), fetch: oss.fetch });
  const wrong: [string, unknown, unknown, object][] = [
    ['no client', undefined, KEY, {}],
    ['a client of another library', { putObject: () => {} }, KEY, {}],
    ['a PresignedClient without its presign function', presigned, KEY, {}],
    ['an empty key', client, '', {}],
    ['an origin with a path', client, KEY, { origin: 'https://www.example.com/' }],
    ['a presign option that is not a function', client, KEY, { presign: 'sign' }],
    ['a fetch option that is not a function', client, KEY, { fetch: 1 }],
    ['a body size below 0', client, KEY, { bodySize: -1 }],
    ['a time-out that is not a number', client, KEY, { timeout: '10' }],
    ['a header that the client sets itself', client, KEY, { headers: { host: 'a' } }],
    ['a signal that is none', client, KEY, { signal: {} }],
  ];

  test.each(wrong)('throws before any request: %s', async (_, who, key, options) => {
    const work = diagnose(who as OssClient, key as string, { fetch: oss.fetch, ...options } as DoctorOptions);
    const error = await work.catch((reason: unknown) => reason);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    expect(oss.requests).toEqual([]);
  });
});

describe('an abort', () => {
  test('before the call prevents every request', async () => {
    const { client, oss, fetch } = world();
    const reason = new Error('enough');
    await expect(diagnose(client, KEY, { fetch, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(oss.requests).toEqual([]);
  });

  test.each([1, 2, 3, 4, 5, 6])('during request %i rejects with the reason', async (nth) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let count = 0;
    const aborting =
      (oss: LocalOss): Fetch =>
      async (url, init) => {
        if (++count === nth) controller.abort(reason);
        return oss.fetch(url, init);
      };
    const { client, fetch } = world({ fetch: aborting });
    await expect(diagnose(client, KEY, { fetch, signal: controller.signal })).rejects.toBe(reason);
    expect(count).toBe(nth);
  });
});

test('the doctor sends what its document says, in this order', async () => {
  const { client, fetch, oss } = world();
  const headers = { 'x-oss-meta-a': 'b', 'x-oss-tagging': 'team=a' };
  await diagnose(client, KEY, { fetch, contentType: 'text/plain', headers, write: true });
  const sent = oss.requests.map(({ operation, position }) => `${operation} ${position ?? ''}`.trim());
  const refused = 'AppendObject 4999999999';
  expect(sent).toEqual([
    ...['GetObject', 'HeadObject', refused],
    ...['HeadObject', 'HeadObject'],
    // One append for each of the three headers, and one whose signature covers the tags.
    ...[refused, refused, refused, refused],
    // One append with a large body, then the append of the line.
    refused,
    ...['HeadObject', 'AppendObject 0'],
  ]);
  oss.clearRequests();
  await diagnose(client, KEY, { fetch, bodySize: 0 });
  expect(oss.requests.map(({ operation }) => operation)).toEqual([
    ...['GetObject', 'HeadObject', 'AppendObject'],
    ...['HeadObject', 'HeadObject'],
  ]);
});

test('no finding contains a secret, a token or a query string', async () => {
  for (const damage of [{ accessKeySecret: 'NotTheSecret1NotTheSecret' }, { securityToken: 'CAIS+Damaged/Token1==' }]) {
    const { oss, fetch, credentials } = world();
    const secrets = { ...credentials, ...damage };
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials: secrets, fetch, retry });
    const text = JSON.stringify(await diagnose(client, KEY, { fetch }));
    expect(oss.requests.length).toBeGreaterThan(2);
    for (const secret of [secrets.accessKeySecret, secrets.securityToken]) expect(text).not.toContain(secret);
    expect(text).not.toMatch(/x-oss-signature|[?&]x-oss/);
  }
});

test('the signed URL in the error of a presign function appears in no finding', async () => {
  const presign = () => Promise.reject(new Error('refused https://a.example.com/k?x-oss-signature=abc0123456789'));
  const { findings } = await diagnose(new PresignedClient({ presign }), KEY, { presign });
  expect(findings.map(({ code }) => code)).toEqual(['no-credentials']);
  expect(JSON.stringify(findings)).not.toContain('abc0123456789');
});

test('a reason that is a sentence of its own, as in Firefox, does not end the finding with two periods', async () => {
  const presign = () => Promise.reject(new Error('NetworkError when attempting to fetch resource.'));
  const { findings } = await diagnose(new PresignedClient({ presign }), KEY, { presign });
  expect(findings[0]?.says).toMatch(/fetch resource\.\)\.$/);
});

test('the signer may refuse the large body, and this is not a finding', async () => {
  const { client, fetch, oss } = world();
  const sign = presignOn(client);
  const presign: typeof sign = (request) => {
    if ((request.size ?? 0) > 1000) throw new Error('too large');
    return sign(request);
  };
  const options = { presign, fetch, write: true };
  expect(await diagnose(new PresignedClient({ presign, fetch }), KEY, options)).toEqual({ ok: true, findings: [] });
  // The examination ended there, so nothing was written either.
  expect(oss.object('logs', KEY)).toBeUndefined();
});

test('a page with grants of an edge is healthy', async () => {
  const { oss, fetch } = world({ fetch: (one) => browserFetch(one.fetch, ORIGIN) });
  const edge = createEdge({
    oss: { region: 'cn-hangzhou', bucket: 'logs', fetch: oss.fetch },
    credentials: oss.issueToken(),
    authenticate: () => 'u1',
    prefixOf: () => 'inbox/',
    origins: [ORIGIN],
  });
  const asEdge: Fetch = (url, init) =>
    edge(new Request(url, { ...init, headers: { ...init.headers, origin: ORIGIN } }));
  const { presign } = new PageGrants('https://edge.example.com', { fetch: asEdge });
  const client = new PresignedClient({ presign, fetch });
  // The edge allows headers on the first append only, so the second examination must not send them.
  const options = { presign, fetch, origin: ORIGIN, contentType: 'text/plain', write: true };
  for (const lines of [1, 2]) {
    expect(await diagnose(client, 'inbox/a', options)).toEqual({ ok: true, findings: [] });
    expect(oss.object('logs', 'inbox/a')?.length).toBe(lines * 'oss-append doctor\n'.length);
  }
});

describe('a server that is slow or breaks off', () => {
  const never = () => new Promise<Response>(() => {});

  test.each([1, 2, 3])('without an answer to request %i, the host is unreachable', async (nth) => {
    let count = 0;
    const { oss, credentials } = world();
    const fetch: Fetch = (url, init) => (++count >= nth ? never() : oss.fetch(url, init));
    const clock = new VirtualClock(Date.now());
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch, retry, clock });
    const { findings } = await drive(diagnose(client, KEY, { fetch }), clock, oss);
    expect(findings.map(({ code }) => code)).toEqual(['unreachable']);
  });

  test('one lost request is not a finding', async () => {
    for (const nth of [1, 2, 3, 4, 5, 6, 7]) {
      let count = 0;
      const losing =
        (oss: LocalOss): Fetch =>
        (url, init) =>
          ++count === nth ? Promise.reject(new TypeError('fetch failed')) : oss.fetch(url, init);
      const { client, fetch } = world({ fetch: losing });
      expect(await diagnose(client, KEY, { fetch })).toEqual({ ok: true, findings: [] });
    }
  });

  test('in Node, a method that a proxy does not pass on is not called a CORS rule', async () => {
    const { oss, fetch, credentials } = world({
      fetch: (one) => (url, init) =>
        init.method === 'POST' ? Promise.reject(new TypeError('fetch failed')) : one.fetch(url, init),
    });
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch, retry });
    const { findings } = await diagnose(client, KEY, { fetch });
    expect(findings.map(({ code }) => code)).toEqual(['not-oss']);
    expect(findings[0]?.says).toContain('no answer to POST');
    expect(oss.object('logs', KEY)).toBeUndefined();
  });

  test('a gateway that refuses only POST with its page is recognised', async () => {
    const { client, fetch } = world({
      fetch: (one) => (url, init) =>
        init.method === 'POST'
          ? Promise.resolve(new Response('<html>405</html>', { status: 405, headers: { 'content-type': 'text/html' } }))
          : one.fetch(url, init),
    });
    const { findings } = await diagnose(client, KEY, { fetch });
    expect(findings.map(({ code }) => code)).toEqual(['not-oss']);
  });
});

describe('two faults at once, and answers that look like others', () => {
  const CODES = async (client: OssClient, options: DoctorOptions) =>
    (await diagnose(client, KEY, options)).findings.map(({ code }) => code);

  test('a wrong clock does not hide an expired token', async () => {
    const date = () => new Date();
    const answer = (code: string) => {
      const time = `<ServerTime>${date().toISOString()}</ServerTime>`;
      const headers = { 'x-oss-request-id': crypto.randomUUID(), date: date().toUTCString() };
      return new Response(`<Error><Code>${code}</Code>${time}</Error>`, { status: 403, headers });
    };
    const fetch: Fetch = async (url, init) => {
      const text = new URL(url).searchParams.get('x-oss-date') ?? new Headers(init.headers).get('x-oss-date') ?? '';
      const [year, month, day, hour] = [text.slice(0, 4), text.slice(4, 6), text.slice(6, 8), text.slice(9, 11)];
      const signed = Date.parse(`${year}-${month}-${day}T${hour}:${text.slice(11, 13)}:00Z`);
      return answer(Math.abs(signed - Date.now()) > 900_000 ? 'RequestTimeTooSkewed' : 'SecurityTokenExpired');
    };
    const clock = { ...platformClock(), now: () => Date.now() + 3_600_000 };
    const { credentials } = world();
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch, retry, clock });
    expect(await CODES(client, { fetch })).toEqual(['clock-wrong', 'token-expired']);
  });

  test('an HTML object behind a rule that exposes nothing is not mistaken for a portal', async () => {
    const rule = { ...healthyRule(ORIGIN), exposeHeaders: [] };
    const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', cors: [rule] } } });
    const fetch = browserFetch(oss.fetch, ORIGIN);
    const credentials = oss.issueToken();
    const writer = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch: oss.fetch });
    await writer.appendObject(KEY, '<p>', { position: 0, contentType: 'text/html' });
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch, retry });
    expect(await CODES(client, { fetch, origin: ORIGIN })).toEqual(['header-not-exposed']);
  });

  test('a portal that allows every page, and answers everything with 200 and JSON, is recognised', async () => {
    const headers = { 'access-control-allow-origin': '*', 'content-type': 'application/json' };
    const { client, fetch } = world({
      fetch: () => browserFetch(async () => new Response('{}', { status: 200, headers }), ORIGIN),
    });
    expect(await CODES(client, { fetch, origin: ORIGIN })).toEqual(['not-oss']);
  });

  test('a server whose name ends in localhost is not mixed content, but another name with this word is', async () => {
    const hosts = [
      ['logs.localhost:3000', 'unreachable'],
      ['localhost', 'unreachable'],
      ['[::1]:3000', 'unreachable'],
      ['mylocalhost.example.com', 'mixed-content'],
    ];
    const fetch = () => Promise.reject(new TypeError('Failed to fetch'));
    for (const [host, code] of hosts) {
      const presign = () => `http://${host}/k`;
      const presigned = new PresignedClient({ presign, fetch, retry });
      const { findings } = await diagnose(presigned, KEY, { presign, fetch, origin: ORIGIN });
      expect([host, findings[0]?.code]).toEqual([host, code]);
    }
  });
});

describe('a second case of a cause that cannot be provoked with changed answers alone', () => {
  const codesOf = async (client: OssClient | PresignedClient, options: DoctorOptions) =>
    (await diagnose(client, KEY, options)).findings.map(({ code }) => code);

  /** Returns the findings in a page whose network fails at request `nth` and all later ones. Preflights count too. */
  async function codesOfFailingPage(nth: number): Promise<string[]> {
    let count = 0;
    const { oss, credentials } = world();
    const network: Fetch = (url, init) =>
      ++count >= nth ? Promise.reject(new TypeError('Failed to fetch')) : oss.fetch(url, init);
    const fetch = browserFetch(network, ORIGIN);
    const clock = new VirtualClock(Date.now());
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch, retry, clock });
    return drive(codesOf(client, { fetch, origin: ORIGIN }), clock, oss);
  }
  const REQUESTS = Array.from({ length: 8 }, (_, n) => n + 1);

  test.each(REQUESTS)(
    'a network of a page that fails from request %i on is not blamed on the CORS rule',
    async (nth) => {
      expect(await codesOfFailingPage(nth)).toEqual(['unreachable']);
    },
  );

  test.each(REQUESTS)('a device that goes offline at request %i is found', async (nth) => {
    vi.stubGlobal('navigator', { onLine: false });
    expect(await codesOfFailingPage(nth)).toEqual(['offline']);
  });

  test('another storage service that answers with its own XML is not mistaken for OSS', async () => {
    const body = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';
    const answers = [{ status: 403, body, isForeign: true }];
    const { client, fetch } = world({ fetch: (oss) => networkOf(answers, oss.fetch) });
    expect(await codesOf(client, { fetch })).toEqual(['not-oss']);
  });

  test('a proxy that adds a header to be signed is found by the wrong signature', async () => {
    const { client, fetch } = world({
      fetch: (oss) => (url, init) =>
        oss.fetch(url, {
          ...init,
          headers: { ...Object.fromEntries(new Headers(init.headers)), 'x-oss-via': 'proxy' },
        }),
    });
    const { findings } = await diagnose(client, KEY, { fetch });
    expect(findings.map(({ code }) => code)).toEqual(['signature-wrong']);
    expect(findings[0]?.mend).toContain('proxies that change headers');
  });

  test.each([
    ['nothing', () => undefined],
    ['credentials without a key', () => ({ securityToken: 'x' })],
    ['a temporary key without its token', () => ({ accessKeyId: 'STS.a', accessKeySecret: 'b' })],
    ['text in place of credentials', () => '<html>'],
  ])('a function for credentials that returns %s is found', async (_, load) => {
    const { fetch } = world();
    const credentials = load as () => never;
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch, retry });
    expect(await codesOf(client, { fetch })).toEqual(['no-credentials']);
  });

  test.each([
    ['nothing', undefined],
    ['a path in place of a URL', '/inbox/doctor.txt?x-oss-signature=1'],
    ['an object without a URL', { headers: {} }],
  ])('a presign function that returns %s is found', async (_, signed) => {
    const { fetch } = world();
    const presign = () => signed as string;
    expect(await codesOf(new PresignedClient({ presign, fetch }), { presign, fetch })).toEqual(['no-credentials']);
  });

  test('a page with HTTPS cannot use a server without HTTPS in the local network', async () => {
    const { oss, fetch, credentials } = world();
    const endpoint = 'http://192.168.1.20:9000';
    const where = { region: 'cn-hangzhou', bucket: 'logs', endpoint, pathStyle: true };
    const client = new OssClient({ ...where, credentials, fetch, retry });
    expect(await codesOf(client, { fetch, origin: ORIGIN })).toEqual(['mixed-content']);
    expect(oss.object('logs', KEY)).toBeUndefined();
  });

  test('a page in the local network is found to need a rule if the only rule is for localhost', async () => {
    const origin = 'http://192.168.1.20:5173';
    const rule = healthyRule('http://localhost:5173');
    const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', cors: [rule] } } });
    const fetch = browserFetch(oss.fetch, origin);
    const credentials = oss.issueToken();
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch, retry });
    const { findings } = await diagnose(client, KEY, { fetch, origin });
    expect(findings.map(({ code }) => code)).toEqual(['answer-hidden', 'http-page']);
    expect(findings[0]?.rule?.xml).toContain(`<AllowedOrigin>${origin}</AllowedOrigin>`);
  });

  test('cname: true for an endpoint of OSS itself is found', async () => {
    const { oss, fetch, credentials } = world();
    const endpoint = 'https://oss-cn-hangzhou.aliyuncs.com';
    const where = { region: 'cn-hangzhou', bucket: 'logs', endpoint, cname: true };
    const client = new OssClient({ ...where, credentials, fetch, retry });
    expect(await codesOf(client, { fetch })).toEqual(['endpoint-wrong']);
    expect(oss.object('logs', KEY)).toBeUndefined();
  });
});
