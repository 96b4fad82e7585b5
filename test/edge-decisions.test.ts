/** What the edge makes of the application's decisions and options: only an explicit yes is a yes, and mistakes are told early. */
import { describe, expect, test } from 'vitest';
import { edgeFrom } from '../demo/edge/app.ts';
import { Sessions } from '../demo/edge/session.ts';
import type { EdgeAnswer, EdgeQuestion } from '../src/edge/index.ts';
import { createEdge, type EdgeHandler, type EdgeOptions } from '../src/edge/index.ts';
import { Browser, BUCKET, demoEdge, EDGE, ENVIRONMENT, edgeOf, makeCloud, PAGE, RAM } from './edge-tools.ts';

const KEY = 'inbox/u1/a';
const TOKEN = {
  accessKeyId: 'STS.id',
  accessKeySecret: 'secret',
  securityToken: 'token',
  expiration: '2026-01-02T13:00:00Z',
};

/** One request of every kind, for a key. */
const REQUESTS: readonly [route: string, make: (key: string) => Request][] = [
  ['POST /token', () => post('/token', {})],
  ['POST /grant append', (key) => post('/grant', { operation: 'appendObject', key, position: 0, size: 4 })],
  ['POST /grant head', (key) => post('/grant', { operation: 'headObject', key })],
  ['POST /grant read', (key) => post('/grant', { operation: 'getObject', key, range: { start: 0, end: 3 } })],
  ['POST /grant open read', (key) => post('/grant', { operation: 'getObject', key, range: { start: 0 } })],
  ['POST /grants', (key) => post('/grants', { key, position: 0, segmentSize: 4, count: 1 })],
  ['POST /upload', (key) => new Request(`${EDGE}/upload/${encodeURIComponent(key)}`, { method: 'POST', body: 'four' })],
  ['GET /upload', (key) => new Request(`${EDGE}/upload/${encodeURIComponent(key)}`)],
];

function post(path: string, body: object): Request {
  return new Request(EDGE + path, { method: 'POST', body: JSON.stringify(body) });
}

/** Sends one request of every kind, and tells their statuses. */
async function statuses(edge: EdgeHandler, key: string = KEY): Promise<Record<string, number>> {
  const entries: [string, number][] = [];
  for (const [route, make] of REQUESTS) entries.push([route, (await edge(make(key))).status]);
  return Object.fromEntries(entries);
}

function all(status: number): Record<string, number> {
  return Object.fromEntries(REQUESTS.map(([route]) => [route, status]));
}

/** What an application of JavaScript may give in place of what the types ask for. */
function given<T>(value: unknown): T {
  return value as T;
}

const edgeWith = (more: Partial<EdgeOptions>) => edgeOf(makeCloud().oss, { tokenFor: async () => TOKEN, ...more });

describe('who asks', () => {
  test.each<[what: string, user: unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['an empty text', ''],
    ['false', false],
    ['true', true],
    ['0', 0],
    ['a number', 42],
    ['NaN', Number.NaN],
    ['an object', { user: 'u1' }],
    ['a list of one name', ['u1']],
    ['a String object', Object('u1')],
  ])('authenticate gives %s: nobody is let in', async (_, user) => {
    expect(await statuses(edgeWith({ authenticate: async () => given(user) }))).toEqual(all(401));
  });

  test.each(['..', '.', 'u1/x', '../u2', 'u1\\..\\u2', 'a\u0000b', 'u1\n', '\u202eu1', '%2e%2e', '\ud800'])(
    'the name %j of a user could lead to the keys of another, and is refused',
    async (user) => {
      const { oss } = makeCloud();
      const edge = edgeOf(oss, { authenticate: async () => user, tokenFor: async () => TOKEN });
      expect(await statuses(edge, `inbox/${user.replace(/[\ud800-\udfff]/u, 'x')}/a`)).toEqual(all(500));
      expect(oss.requests).toEqual([]);
    },
  );

  test.each(['u1', 'auth0|65f', 'a@b.example', '张三', 'urn:user:7', '...'])('%j is a good name', async (user) => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss, { authenticate: async () => user, tokenFor: async () => TOKEN });
    expect(await statuses(edge, `inbox/${user}/a`)).toEqual(all(200));
    expect(oss.object(BUCKET, `inbox/${user}/a`)?.length).toBe(4);
  });

  test('a failing authenticate lets nobody in', async () => {
    const failing = [
      async () => Promise.reject(new Error('the session store is down')),
      () => {
        throw new Error('at once');
      },
    ];
    for (const authenticate of failing) expect(await statuses(edgeWith({ authenticate }))).toEqual(all(500));
  });
});

describe('where a user’s keys are', () => {
  test.each<[what: string, prefix: unknown]>([
    ['a prefix without a slash at its end', 'inbox/u1'],
    ['an empty prefix', ''],
    ['a slash alone', '/'],
    ['a slash at the beginning', '/inbox/u1/'],
    ['two slashes', 'inbox//u1/'],
    ['a folder of dots', 'inbox/../u1/'],
    ['a folder of encoded dots', 'inbox/%2e%2e/u1/'],
    ['a backslash', 'inbox\\u1/'],
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['a list of one prefix', ['inbox/u1/']],
    ['a promise', Promise.resolve('inbox/u1/')],
  ])('prefixOf gives %s: nothing is done', async (_, prefix) => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss, { prefixOf: () => given(prefix), tokenFor: async () => TOKEN });
    expect(await statuses(edge)).toEqual(all(500));
    expect(await statuses(edge, 'inbox/u10/a')).toEqual(all(500));
    expect(oss.requests).toEqual([]);
  });

  test('a prefix that a policy would take for a pattern gets no token', async () => {
    for (const user of ['*', '?', '$x']) {
      const found = await statuses(edgeWith({ authenticate: async () => user }), `inbox/${user}/a`);
      expect(found).toEqual({ ...all(200), 'POST /token': 500 });
    }
  });
});

describe('whether, and how much', () => {
  const NO = all(403);
  /** A number says how many bytes, so it is no yes where there is no size. */
  const SIZED = {
    ...all(200),
    'POST /token': 403,
    'POST /grant head': 403,
    'POST /grant open read': 403,
    'GET /upload': 403,
  };

  test.each<[what: string, answer: unknown, expected: Record<string, number>]>([
    ['true', true, all(200)],
    ['a promise of true', Promise.resolve(true), all(200)],
    ['false', false, NO],
    ['undefined', undefined, NO],
    ['null', null, NO],
    ['NaN', Number.NaN, NO],
    ['0', 0, NO],
    ['a number below 0', -1, NO],
    ['minus infinity', Number.NEGATIVE_INFINITY, NO],
    ['an empty text', '', NO],
    ['a text', 'yes', NO],
    ['a number as text', '100', NO],
    ['a bigint', 100n, NO],
    ['an object', { allowed: true }, NO],
    ['a list', [100], NO],
    ['a Boolean object', Object(true), NO],
    ['a promise of undefined', Promise.resolve(undefined), NO],
    ['a number that is enough', 4, SIZED],
    ['infinity', Number.POSITIVE_INFINITY, SIZED],
    ['a number that is not enough', 3, { ...NO, 'POST /upload': 413 }],
    ['a fraction below the size', 3.9, { ...NO, 'POST /upload': 413 }],
  ])('allows gives %s', async (_, answer, expected) => {
    expect(await statuses(edgeWith({ allows: () => given<EdgeAnswer>(answer) }))).toEqual(expected);
  });

  test('a failing allows allows nothing', async () => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss, { allows: () => Promise.reject(new Error('the quota store is down')) });
    expect(await statuses(edge)).toEqual(all(500));
    expect(oss.requests).toEqual([]);
  });

  test('every route asks, with what the application needs to decide', async () => {
    const asked: EdgeQuestion[] = [];
    const edge = edgeWith({ allows: (question) => asked.push(question) > 0 });
    await statuses(edge);
    expect(asked.map(({ operation, key, size }) => [operation, key, size])).toEqual([
      ['token', 'inbox/u1/', undefined],
      ['appendObject', KEY, 4],
      ['headObject', KEY, undefined],
      ['getObject', KEY, 4],
      ['getObject', KEY, undefined],
      ['appendObject', KEY, 4],
      ['upload', KEY, undefined],
      ['headObject', KEY, undefined],
    ]);
  });

  test('GET /upload is refused where the application says no, and OSS is not asked', async () => {
    const { oss } = makeCloud();
    const response = await edgeOf(oss, { allows: ({ operation }) => operation !== 'headObject' })(
      new Request(`${EDGE}/upload/${encodeURIComponent(KEY)}`),
    );
    expect([response.status, oss.requests.length]).toEqual([403, 0]);
  });
});

describe('a token', () => {
  test.each<[what: string, token: unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a text', 'token'],
    ['nothing', {}],
    ['a permanent key', { accessKeyId: RAM.accessKeyId, accessKeySecret: RAM.accessKeySecret }],
    ['an empty securityToken', { ...TOKEN, securityToken: '' }],
    ['a secret that is a number', { ...TOKEN, accessKeySecret: 7 }],
    ['an end that is no date', { ...TOKEN, expiration: 'soon' }],
  ])('tokenFor gives %s: nothing of it leaves the edge', async (_, token) => {
    const response = await edgeWith({ tokenFor: async () => given(token) })(post('/token', {}));
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: 'UnusableToken', message: 'Something went wrong here' });
  });

  test('is given with its four fields, and no more', async () => {
    const response = await edgeWith({ tokenFor: async () => given({ ...TOKEN, roleArn: 'acs:ram::1:role/x' }) })(
      post('/token', {}),
    );
    expect(await response.json()).toEqual(TOKEN);
  });

  test('is refused by the demo where a quota holds, because nothing limits its holder', async () => {
    const quota = new Browser(demoEdge({ MAX_OBJECT_SIZE: '1000' }));
    await quota.login();
    const refused = await quota.post('/token', {});
    expect([refused.status, (await refused.json()).error]).toEqual([403, 'NoTokens']);
  });
});

describe('what the application is told', () => {
  test('a log that fails changes no answer', async () => {
    const onfailure = () => {
      throw new Error('the log is full');
    };
    const edge = edgeWith({ authenticate: async () => undefined, onfailure });
    expect(await statuses(edge)).toEqual(all(401));
  });

  test.each<[string, () => Promise<void>]>([
    ['rejects', () => Promise.reject(new Error('the database is down'))],
    [
      'throws',
      () => {
        throw new Error('at once');
      },
    ],
  ])(
    'an onuploaded that %s is a failure of its own: the bytes are stored and the answer says so',
    async (_, onuploaded) => {
      const { oss } = makeCloud();
      const failures: object[] = [];
      const works: Promise<unknown>[] = [];
      const edge = edgeOf(oss, { onuploaded, onfailure: (failure) => failures.push(failure) });
      const request = new Request(`${EDGE}/upload/${encodeURIComponent(KEY)}`, { method: 'POST', body: 'four' });
      const response = await edge(request, { waitUntil: (work) => works.push(work) });
      expect([response.status, (await response.json()).position]).toEqual([200, 4]);
      await Promise.all(works);
      expect(failures).toEqual([{ method: 'POST', route: '/upload', status: 500, code: 'InternalError' }]);
      // Without a context nobody waits, and a rejection that nobody handles would end a Node process.
      expect((await edge(new Request(request.url, { method: 'POST', body: 'more' }))).status).toBe(200);
    },
  );
});

describe('options', () => {
  const good: EdgeOptions = {
    oss: { region: 'cn-hangzhou', bucket: BUCKET },
    credentials: RAM,
    authenticate: async () => 'u1',
    prefixOf: () => 'inbox/u1/',
    origins: [PAGE],
  };
  const NUMBERS = ['grantLife', 'maxUpload', 'maxSegment', 'maxBatch', 'segmentSize', 'idleTimeout'];
  const NO_COUNTS = [Number.NaN, 0, -1, 1.5, Number.POSITIVE_INFINITY, '100', null, [100], 10n, true];
  const numbers = NUMBERS.flatMap((name) => NO_COUNTS.map((value): [string, unknown] => [name, value]));
  const FUNCTIONS = ['authenticate', 'prefixOf', 'tokenFor', 'allows', 'onfailure', 'onuploaded'];
  const functions = FUNCTIONS.flatMap((name) => ['u1', null, true].map((value): [string, unknown] => [name, value]));

  test.each<[string, unknown]>([
    ...numbers,
    ...functions,
    ['grantLife', 43_201],
    ['maxUpload', 5 * 1024 ** 3 + 1],
    ['idleTimeout', 2 ** 31],
    ['authenticate', undefined],
    ['prefixOf', undefined],
    ['origins', undefined],
    ['origins', null],
    ['origins', PAGE],
    ['origins', [`${PAGE}/`]],
    ['origins', ['*']],
    ['origins', ['null']],
    ['origins', [undefined]],
    ['origins', [new URL(PAGE)]],
    ['origins', ['ftp://page.example']],
    ['oss', undefined],
    ['oss', { region: 'nowhere', bucket: BUCKET }],
    ['oss', { region: 'cn-hangzhou' }],
    ['credentials', undefined],
    ['credentials', { accessKeyId: 'id' }],
    ['routes', { 'POST /session': 'login' }],
    // Who misspells it would otherwise allow everything.
    ['allow', () => false],
    ['maxUplaod', 100],
  ])('%s: %s is refused when the handler is made', (name, value) => {
    expect(() => createEdge({ ...good, [name]: value })).toThrow(/must be|needs|give|list|option|function|not a/);
  });

  test('good ones are taken, and a change of them afterwards changes nothing', async () => {
    const origins = [PAGE];
    const edge = createEdge({ ...good, origins, maxUpload: 5 * 1024 ** 3, grantLife: 43_200, segmentSize: 1 });
    origins.push('https://evil.example');
    const request = new Request(`${EDGE}/token`, { method: 'POST', headers: { origin: 'https://evil.example' } });
    expect((await edge(request)).status).toBe(403);
  });

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
    ['RAM_KEY_ID', ''],
    ['OSS_BUCKET', undefined],
  ])('the demo’s setting %s=%s is refused when the handler is made', (name, value) => {
    expect(() => edgeFrom({ ...ENVIRONMENT, [name]: value })).toThrow(Error);
  });

  test('the life of a session is a number of seconds', () => {
    for (const life of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY])
      expect(() => new Sessions({ secret: 'x'.repeat(32), life })).toThrow(RangeError);
  });
});

describe('pages', () => {
  test('a page whose DNS name was pointed at the edge gets neither a session nor a token', async () => {
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

  test('the edge’s own pages call it where its origin is listed', async () => {
    const own = edgeOf(makeCloud().oss, { origins: [EDGE] });
    expect(
      (await own(new Request(`${EDGE}/upload/${encodeURIComponent(KEY)}`, { headers: { origin: EDGE } }))).status,
    ).toBe(200);
  });

  test('visitors have names of 128 bits, so that none meets the prefix of another', async () => {
    const prefixes = new Set<string>();
    for (let i = 0; i < 100; i++) prefixes.add(await new Browser(demoEdge()).login());
    expect(prefixes.size).toBe(100);
    for (const prefix of prefixes) expect(prefix).toMatch(/^inbox\/[0-9a-f]{32}\/$/);
  });

  test('the session cookie is for HTTPS alone wherever the pages are, whatever scheme the request names', async () => {
    const cookieOf = async (origins: string, url: string) => {
      const response = await demoEdge({ ORIGINS: origins })(new Request(`${url}/session`, { method: 'POST' }));
      return response.headers.get('set-cookie');
    };
    // Behind a proxy that ends TLS the request arrives as http.
    expect(await cookieOf(PAGE, 'http://edge.example')).toContain('; Secure');
    expect(await cookieOf('http://127.0.0.1:8080', 'http://127.0.0.1:8787')).not.toContain('Secure');
  });

  test('a response of the application’s own route that cannot be changed gets its CORS headers all the same', async () => {
    const edge = edgeOf(makeCloud().oss, {
      origins: [PAGE],
      routes: { 'GET /moved': async () => Response.redirect('https://page.example/', 303) },
    });
    const response = await edge(new Request(`${EDGE}/moved`, { headers: { origin: PAGE } }));
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([303, PAGE]);
  });
});
