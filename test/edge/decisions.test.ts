/**
 * Tests how the edge reads the decisions of the application: only an explicit yes allows a request, and mistakes allow
 * nothing.
 */
import { describe, expect, test } from 'vitest';
import type { EdgeAnswer, EdgeHandler, EdgeOptions, EdgeQuestion } from '../../src/edge/index.ts';
import { UploadWorld } from './upload-client.ts';
import {
  Browser,
  BUCKET,
  demoEdge,
  edgeOf,
  jsonRequest,
  KEY,
  makeCloud,
  placeOf,
  RAM,
  tailRequest,
  uploadRequest,
} from './world.ts';

const TOKEN = {
  accessKeyId: 'STS.id',
  accessKeySecret: 'secret',
  securityToken: 'token',
  expiration: '2026-01-02T13:00:00Z',
};

/** Makes one request of every kind for a key. */
const REQUESTS: readonly [route: string, make: (key: string) => Request][] = [
  ['POST /token', () => jsonRequest('/token', {})],
  ['POST /grant append', (key) => jsonRequest('/grant', { operation: 'appendObject', key, position: 0, size: 4 })],
  ['POST /grant head', (key) => jsonRequest('/grant', { operation: 'headObject', key })],
  ['POST /grant read', (key) => jsonRequest('/grant', { operation: 'getObject', key, range: { start: 0, end: 3 } })],
  ['POST /grant open read', (key) => jsonRequest('/grant', { operation: 'getObject', key, range: { start: 0 } })],
  ['POST /grants', (key) => jsonRequest('/grants', { key, position: 0, segmentSize: 4, count: 1 })],
  ['POST /upload', (key) => uploadRequest('four', { key })],
  ['GET /upload', (key) => tailRequest(key)],
];

/** Sends one request of every kind, and returns the status of each answer. */
async function statuses(edge: EdgeHandler, key: string = KEY): Promise<Record<string, number>> {
  const entries: [string, number][] = [];
  for (const [route, make] of REQUESTS) entries.push([route, (await edge(make(key))).status]);
  return Object.fromEntries(entries);
}

function all(status: number): Record<string, number> {
  return Object.fromEntries(REQUESTS.map(([route]) => [route, status]));
}

/** Returns a value of another type, as an application in JavaScript may return it. */
function given<T>(value: unknown): T {
  return value as T;
}

const edgeWith = (more: Partial<EdgeOptions>) => edgeOf(makeCloud().oss, { tokenFor: async () => TOKEN, ...more });

describe('authenticate', () => {
  test.each<[what: string, user: unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['an empty string', ''],
    ['false', false],
    ['true', true],
    ['0', 0],
    ['a number', 42],
    ['NaN', Number.NaN],
    ['an object', { user: 'u1' }],
    ['a list of one name', ['u1']],
    ['a String object', Object('u1')],
  ])('lets nobody in when it returns %s', async (_, user) => {
    expect(await statuses(edgeWith({ authenticate: async () => given(user) }))).toEqual(all(401));
  });

  test.each([
    ...['..', '.', 'u1/x', '../u2', 'u1\\..\\u2', 'a\u0000b', 'u1\n', '\u202eu1', '%2e%2e', '\ud800'],
    ...['u1%2fx', 'u1%2Fx', 'u1%252fx', 'u1\uff0fx', 'u1%ef%bc%8fx'],
  ])('returns the name %j, which could lead to the keys of another user, and every route answers 500', async (user) => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss, { authenticate: async () => user, tokenFor: async () => TOKEN });
    expect(await statuses(edge, `inbox/${user.replace(/[\ud800-\udfff]/u, 'x')}/a`)).toEqual(all(500));
    expect(oss.requests).toEqual([]);
  });

  test.each(['u1', 'auth0|65f', 'a@b.example', '张三', 'urn:user:7', '...'])('may return the name %j', async (user) => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss, { authenticate: async () => user, tokenFor: async () => TOKEN });
    expect(await statuses(edge, `inbox/${user}/a`)).toEqual(all(200));
    expect(oss.object(BUCKET, `inbox/${user}/a`)?.length).toBe(4);
  });

  test('lets nobody in when it fails', async () => {
    const failing = [
      async () => Promise.reject(new Error('The session store is down')),
      () => {
        throw new Error('It throws at once');
      },
    ];
    for (const authenticate of failing) expect(await statuses(edgeWith({ authenticate }))).toEqual(all(500));
  });
});

describe('prefixOf', () => {
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
  ])('returns %s, and no request reaches OSS', async (_, prefix) => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss, { prefixOf: () => given(prefix), tokenFor: async () => TOKEN });
    expect(await statuses(edge)).toEqual(all(500));
    expect(await statuses(edge, 'inbox/u10/a')).toEqual(all(500));
    expect(oss.requests).toEqual([]);
  });

  test('returns a prefix that is a pattern in a policy, and the user gets no token', async () => {
    for (const user of ['*', '?', '$x']) {
      const found = await statuses(edgeWith({ authenticate: async () => user }), `inbox/${user}/a`);
      expect(found).toEqual({ ...all(200), 'POST /token': 500 });
    }
  });
});

describe('allows', () => {
  const NO = all(403);
  /** A number is a number of bytes, so it does not allow a request without a size. */
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
    ['an empty string', '', NO],
    ['a string', 'yes', NO],
    ['a number as a string', '100', NO],
    ['a bigint', 100n, NO],
    ['an object', { allowed: true }, NO],
    ['a list', [100], NO],
    ['a Boolean object', Object(true), NO],
    ['a promise of undefined', Promise.resolve(undefined), NO],
    ['a number that is enough', 4, SIZED],
    ['infinity', Number.POSITIVE_INFINITY, SIZED],
    ['a number that is not enough', 3, { ...NO, 'POST /upload': 413 }],
    ['a fraction below the size', 3.9, { ...NO, 'POST /upload': 413 }],
  ])('returns %s', async (_, answer, expected) => {
    expect(await statuses(edgeWith({ allows: () => given<EdgeAnswer>(answer) }))).toEqual(expected);
  });

  test('allows nothing when it fails', async () => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss, { allows: () => Promise.reject(new Error('The quota store is down')) });
    expect(await statuses(edge)).toEqual(all(500));
    expect(oss.requests).toEqual([]);
  });

  test('is asked by every route, with the operation, the key and the size', async () => {
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

  test('can refuse GET /upload, and OSS is not asked then', async () => {
    const { oss } = makeCloud();
    const response = await edgeOf(oss, { allows: ({ operation }) => operation !== 'headObject' })(tailRequest());
    expect([response.status, oss.requests.length]).toEqual([403, 0]);
  });
});

describe('tokenFor', () => {
  test.each<[what: string, token: unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a string', 'token'],
    ['an empty object', {}],
    ['a permanent key', { accessKeyId: RAM.accessKeyId, accessKeySecret: RAM.accessKeySecret }],
    ['an empty securityToken', { ...TOKEN, securityToken: '' }],
    ['a secret that is a number', { ...TOKEN, accessKeySecret: 7 }],
    ['an expiration that is not a date', { ...TOKEN, expiration: 'soon' }],
  ])('returns %s, and the answer of the edge contains nothing of it', async (_, token) => {
    const response = await edgeWith({ tokenFor: async () => given(token) })(jsonRequest('/token', {}));
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: 'UnusableToken', message: 'Something went wrong here' });
  });

  test('returns a token, and the edge answers only its four fields', async () => {
    const response = await edgeWith({ tokenFor: async () => given({ ...TOKEN, roleArn: 'acs:ram::1:role/x' }) })(
      jsonRequest('/token', {}),
    );
    expect(await response.json()).toEqual(TOKEN);
  });

  test('is absent in a demo with a quota, because nothing limits the holder of a token', async () => {
    const quota = new Browser(demoEdge({ MAX_OBJECT_SIZE: '1000' }));
    await quota.login();
    const refused = await quota.post('/token', {});
    expect([refused.status, (await refused.json()).error]).toEqual([403, 'NoTokens']);
  });
});

describe('onfailure and onuploaded', () => {
  test.each(['tus', 'the draft of the IETF'])(
    'onuploaded gets an upload whose edge was killed after the last append, when a client of %s asks for the offset',
    async (standard) => {
      const world = new UploadWorld();
      const path = await world.create(5);
      // The last append is stored, and then nothing of the first edge runs any more.
      let stored = () => {};
      const isStored = new Promise<void>((resolve) => {
        stored = resolve;
      });
      const fetch = async (url: string, init: RequestInit) => {
        const response = await world.oss.fetch(url, init);
        if (init.method !== 'POST') return response;
        stored();
        return new Promise<Response>(() => {});
      };
      const killed = world.edgeWith({ oss: { ...placeOf(world.oss), fetch } });
      const piece = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' };
      world.tus('PATCH', path, { headers: piece, body: 'hello' }, killed).catch(() => {});
      await isStored;
      const uploaded: object[] = [];
      const edge = world.edgeWith({ onuploaded: (upload) => void uploaded.push(upload) });
      const response = await (standard === 'tus'
        ? world.tus('HEAD', path, {}, edge)
        : world.send('HEAD', path, {}, edge));
      expect(response.headers.get('upload-offset')).toBe('5');
      expect(uploaded).toMatchObject([{ user: 'u1', tail: { position: 5 }, upload: expect.any(String) }]);
    },
  );

  test('an onfailure that throws changes no answer', async () => {
    const onfailure = () => {
      throw new Error('The log is full');
    };
    const edge = edgeWith({ authenticate: async () => undefined, onfailure });
    expect(await statuses(edge)).toEqual(all(401));
  });

  test.each<[string, () => Promise<void>]>([
    ['rejects', () => Promise.reject(new Error('The database is down'))],
    [
      'throws',
      () => {
        throw new Error('It throws at once');
      },
    ],
  ])(
    'an onuploaded that %s is reported, and the answer stays a success because the bytes are stored',
    async (_, onuploaded) => {
      const { oss } = makeCloud();
      const failures: object[] = [];
      const works: Promise<unknown>[] = [];
      const edge = edgeOf(oss, { onuploaded, onfailure: (failure) => failures.push(failure) });
      const response = await edge(uploadRequest('four'), { waitUntil: (work) => works.push(work) });
      expect([response.status, (await response.json()).position]).toEqual([200, 4]);
      await Promise.all(works);
      expect(failures).toEqual([{ method: 'POST', route: '/upload', status: 500, code: 'InternalError' }]);
      // Without a context nobody waits for the work. A rejection that nobody handles would end a Node process.
      expect((await edge(uploadRequest('more'))).status).toBe(200);
    },
  );
});
