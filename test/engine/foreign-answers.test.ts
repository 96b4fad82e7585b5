/**
 * Answers that do not come from OSS itself but from a cache, a portal, or the target of a redirect. The engine believes
 * none of them.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { AppendableObject, type AppendableObjectOptions } from '../../src/append/object.ts';
import type { OssClient, OssClientOptions } from '../../src/request/client.ts';
import type { FaultSchedule } from '../../src/testing/index.ts';
import { pageFetch } from '../tools/page-fetch.ts';
import { appended, failureOf, KEYS, localOss, makeClient, scripted, utf8 } from '../tools/unit-tools.ts';
import { drive, VirtualClock } from '../tools/virtual-clock.ts';
import { synchronousPlatform } from './exactly-once/platform.ts';
import { memoryBlob } from './exactly-once/sources.ts';

// With this platform, a memory Blob is a platform Blob, so its slices are sent unchanged.
beforeAll(synchronousPlatform);

const KEY = 'a.log';

/** Makes a LocalOss with an object, and a client with the same virtual clock. */
function setUp(
  faults: FaultSchedule,
  { exposed, ...options }: Partial<OssClientOptions> & { readonly exposed?: readonly string[] } = {},
) {
  const clock = new VirtualClock();
  const oss = localOss({ faults, clock });
  const fetch = exposed ? pageFetch(oss.fetch, { exposed }) : oss.fetch;
  const client = makeClient({ credentials: KEYS, fetch, clock, ...options });
  return {
    oss,
    client,
    object: (settings: AppendableObjectOptions = {}) => new AppendableObject(client, KEY, settings),
    run: <T>(work: Promise<T>) => drive(work, clock, oss),
    stored: () => new TextDecoder().decode(oss.object('logs', KEY)?.bytes()),
  };
}

describe('a cache that repeats an old answer to HEAD', () => {
  const CACHED = [{ kind: 'cached-head', operation: 'HeadObject', times: Number.POSITIVE_INFINITY }] as const;
  const NAMES_THE_CACHE = { outcome: 'unknown', message: expect.stringContaining('A cache (CDN) must not answer') };

  test.each([
    ['an object that has grown', 'hello', 5],
    ['no object, although one exists now', undefined, 0],
  ])('is named in the error if it reports %s', async (_, text, cachedLength) => {
    const { oss, object, run, stored } = setUp(CACHED);
    if (text) oss.appendObject('logs', KEY, utf8(text));
    const log = object();
    await run(log.open());
    oss.appendObject('logs', KEY, utf8(' of another writer'));
    const error = await run(failureOf(log.append('x')));
    expect(error).toMatchObject(NAMES_THE_CACHE);
    expect((error as Error).message).toContain(
      `found length ${cachedLength}, but OSS said ${cachedLength + 18} before`,
    );
    expect(stored()).toBe(`${text ?? ''} of another writer`);
    // The refused append is not repeated, because its place is known to be taken.
    expect(oss.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('is named in the error of a resume', async () => {
    const { oss, object, run } = setUp(CACHED);
    oss.appendObject('logs', KEY, utf8('hel'));
    await run(object().open());
    oss.appendObject('logs', KEY, utf8('lo'));
    expect(await run(failureOf(object().resume(memoryBlob(utf8('hello!')))))).toMatchObject(NAMES_THE_CACHE);
  });

  test('is asked again, and the append succeeds when OSS itself answers', async () => {
    const { oss, object, run, stored } = setUp([{ ...CACHED[0], times: 3 }]);
    oss.appendObject('logs', KEY, utf8('hello'));
    const log = object({ shared: true });
    await run(log.open());
    oss.appendObject('logs', KEY, utf8(' there'));
    await run(log.append('!'));
    expect(stored()).toBe('hello there!');
  });

  test('is named as a possible reason if the object is shorter than the confirmed length', async () => {
    const { oss, object, run } = setUp([...CACHED, { kind: 'deny', operation: 'AppendObject', nth: 2 }]);
    oss.appendObject('logs', KEY, utf8('hello'));
    const log = object();
    await run(log.open());
    await run(log.append(' there'));
    await run(failureOf(log.append('x')));
    expect(await run(failureOf(log.open()))).toMatchObject({ message: expect.stringContaining('a cache (CDN)') });
  });
});

describe('a portal that answers 200 in HTML with a Last-Modified', () => {
  const PORTAL = { kind: 'portal', times: Number.POSITIVE_INFINITY } as const;
  const NOT_OSS = {
    name: 'TransportError',
    code: 'UnexpectedResponse',
    message: expect.stringContaining('not an answer of OSS'),
  };
  /**
   * These bytes are more than the page of the portal. Otherwise the page would look like a longer object, and the
   * engine would read it.
   */
  const LONG = 'x'.repeat(700);
  const VISIBILITY = [
    ['the whole answer is visible', undefined],
    ['CORS exposes the mark', ['x-oss-request-id']],
    ['CORS exposes nothing', []],
  ] as const;

  describe.each(VISIBILITY)('if %s', (_, exposed) => {
    const page = (faults: FaultSchedule) => setUp(faults, exposed ? { exposed } : {});

    test('it is not mistaken for an object: open, append and resume fail', async () => {
      const { object, run } = page([PORTAL]);
      expect(await run(failureOf(object().open()))).toMatchObject(NOT_OSS);
      expect(await run(failureOf(object().append('x')))).toMatchObject(NOT_OSS);
      expect(await run(failureOf(object().resume(memoryBlob(utf8('x')))))).toMatchObject(NOT_OSS);
    });

    test('it is not mistaken for an answer to a range', async () => {
      const { client, run } = page([PORTAL]);
      const range = { start: 0, end: 4 };
      expect(await run(failureOf(client.getObject(KEY, { range })))).toMatchObject(NOT_OSS);
    });

    test.each([
      ['was stored', 'drop-after'],
      ['was not stored', 'drop-before'],
    ] as const)('an append without an answer, which %s, is still resolved', async (_outcome, kind) => {
      const { object, run, stored } = page([
        { kind, operation: 'AppendObject', nth: 2 },
        { kind: 'portal', operation: 'HeadObject', nth: 2, times: 2 },
        { kind: 'portal', operation: 'GetObject', times: 2 },
      ]);
      const log = object();
      await run(log.append(LONG));
      await expect(run(log.append(' there'))).resolves.toMatchObject({ position: 706 });
      expect(stored()).toBe(`${LONG} there`);
    });

    test('if it stays, the outcome is unknown, and the error names a portal and not a deletion', async () => {
      const { object, run } = page([
        { kind: 'drop-after', operation: 'AppendObject', nth: 2 },
        { ...PORTAL, operation: 'HeadObject', nth: 2 },
      ]);
      const log = object();
      await run(log.append('hello'));
      const error = await run(failureOf(log.append(' there')));
      expect(error).toMatchObject({ name: 'TransportError', outcome: 'unknown', message: NOT_OSS.message });
    });
  });

  test.each(['HeadObject', 'GetObject'] as const)(
    'a page with status 404 is not mistaken for a missing object (%s)',
    async (operation) => {
      const { client, oss, run } = setUp([{ kind: 'gateway', status: 404, operation, nth: 2, times: 9 }]);
      oss.appendObject('logs', KEY, utf8('hello'));
      const call = () => (operation === 'HeadObject' ? client.headObject(KEY) : client.getObject(KEY));
      await run(call());
      expect(await run(failureOf(call()))).toMatchObject(NOT_OSS);
    },
  );

  test.each([
    ['a HEAD', (client: OssClient) => client.headObject(KEY)],
    ['a GET', (client: OssClient) => client.getObject(KEY)],
    ['an append', (client: OssClient) => client.appendObject(KEY, 'x', { position: 1 })],
  ])("a page of any type is not accepted as an answer to %s after an answer with OSS's mark", async (_, call) => {
    const page = new Response(null, { headers: { 'content-type': 'text/plain', 'last-modified': 'x' } });
    const client = makeClient({ ...scripted(appended(1), page), retry: { maxAttempts: 1 } });
    await client.appendObject(KEY, 'x', { position: 0 });
    expect(await failureOf(call(client))).toMatchObject(NOT_OSS);
  });

  test('if no header is hidden, a page is recognised from the first answer on, in HTML or not', async () => {
    const page = new Response('{}', { headers: { 'content-type': 'text/json', 'last-modified': 'x' } });
    const file = () => Object.defineProperty(page.clone(), 'type', { value: 'basic' });
    const empty = () => Object.defineProperty(new Response(null), 'type', { value: 'basic' });
    const options = { retry: { maxAttempts: 1 } };
    const reader = makeClient({ ...scripted(file), ...options });
    expect(await failureOf(reader.headObject(KEY))).toMatchObject(NOT_OSS);
    const writer = makeClient({ ...scripted(empty), ...options });
    expect(await failureOf(writer.appendObject(KEY, 'x', { position: 0 }))).toMatchObject(NOT_OSS);
  });

  test("with headersExposed: true, the first answer must already have OSS's mark", async () => {
    const { client, oss, run } = setUp([], { exposed: [], headersExposed: true, retry: { maxAttempts: 1 } });
    oss.appendObject('logs', KEY, utf8('hello'));
    expect(await run(failureOf(client.headObject(KEY)))).toMatchObject(NOT_OSS);
    const seen = setUp([], { headersExposed: true });
    await expect(seen.run(seen.object().append('hello'))).resolves.toMatchObject({ position: 5 });
  });

  test('with headersExposed: false, no answer needs the mark, so that objects in HTML can be read', async () => {
    const options = { contentType: 'text/html' };
    const strict = setUp([], { exposed: [] });
    await strict.run(strict.object(options).append('<p>'));
    expect(await strict.run(failureOf(strict.object().open()))).toMatchObject(NOT_OSS);
    const configured = setUp([], { exposed: [], headersExposed: false });
    await configured.run(configured.object(options).append('<p>'));
    await expect(configured.run(configured.object().open())).resolves.toMatchObject({ position: 3 });
    const { fetch } = scripted(appended(1), () => appended(2, {}));
    const mixed = makeClient({ fetch: pageFetch(fetch, { exposed: [] }), headersExposed: false });
    await mixed.appendObject(KEY, 'x', { position: 0 });
    await mixed.appendObject(KEY, 'x', { position: 1 });
  });
});

describe('a permanent refusal', () => {
  test.each([
    ['by the header of the first append', {}, { headers: { 'x-oss-forbid-overwrite': 'true' } }],
    ['by a rule of the bucket', { forbidOverwrite: true }, {}],
  ])(
    'FileAlreadyExists %s: the engine finds out whether its own lost request is the reason',
    async (_, bucket, settings) => {
      const clock = new VirtualClock();
      const buckets = { logs: { region: 'cn-hangzhou', ...bucket } };
      const oss = localOss({ buckets, clock, faults: [{ kind: 'repeat', operation: 'AppendObject' }] });
      const client = makeClient({ credentials: KEYS, fetch: oss.fetch, clock });
      const log = new AppendableObject(client, KEY, settings);
      await expect(drive(log.append('hello'), clock, oss)).resolves.toMatchObject({ position: 5 });
    },
  );

  test('FileAlreadyExists by a rule of the bucket ends an append to an existing object at once', async () => {
    const clock = new VirtualClock();
    const oss = localOss({ buckets: { logs: { region: 'cn-hangzhou', forbidOverwrite: true } }, clock });
    oss.appendObject('logs', KEY, utf8('hello'));
    const client = makeClient({ credentials: KEYS, fetch: oss.fetch, clock });
    const began = clock.now();
    const error = await drive(failureOf(new AppendableObject(client, KEY).append('x')), clock, oss);
    expect(error).toMatchObject({ name: 'ServiceError', code: 'FileAlreadyExists', status: 409 });
    expect([clock.now() - began, oss.requests.filter(({ method }) => method === 'POST').length]).toEqual([0, 1]);
  });

  test.each([
    [409, 'FileImmutable'],
    [409, 'AppendSealedObjectNotAllowed'],
    [409, 'OperationNotSupported'],
    [409, 'NoneThatWeKnow'],
    [501, 'NotImplemented'],
    [505, 'HttpVersionNotSupported'],
    [403, 'CnameDenied'],
  ])('%i %s ends an append at once', async (status, code) => {
    const { oss, object, run } = setUp([{ kind: 'refuse', status, code, times: 9, operation: 'AppendObject' }]);
    oss.appendObject('logs', KEY, utf8('hello'));
    expect(await run(failureOf(object().append('x')))).toMatchObject({ name: 'ServiceError', code, status });
    expect(oss.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });
});

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308] as const)('%i is not an answer of OSS', async (status) => {
    const location = 'https://elsewhere.example/';
    const { client, run } = setUp([{ kind: 'redirect', location, status, times: 9 }]);
    for (const call of [() => client.headObject(KEY), () => client.appendObject(KEY, 'x', { position: 0 })])
      expect(await run(failureOf(call()))).toMatchObject({ name: 'TransportError', code: 'UnexpectedResponse' });
  });
});
