// @vitest-environment happy-dom
/** In a page, a document exists, everyone can read keys, and URLs are relative. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AppendableObject, append, CredentialsError, credentialsFromUrl, OssClient } from '../../src/index.ts';
import { failureOf, KEYS, localOss, makeClient, scripted, utf8 } from '../tools/unit-tools.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

test('this test runs in a page', () => {
  expect(document.createElement('p').tagName).toBe('P');
});

describe('permanent keys', () => {
  const where = { region: 'cn-hangzhou', bucket: 'logs' };

  test('are refused at once', () => {
    const make = () => new OssClient({ ...where, credentials: KEYS });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(
      /anyone can read a permanent key in a page: give credentials with securityToken, or allowInPage: true/,
    );
    expect(make).not.toThrow(KEYS.accessKeySecret);
  });

  test('are refused before any request if a function returns them', async () => {
    const { fetch, sent } = scripted(new Response());
    const client = new OssClient({ ...where, credentials: async () => KEYS, fetch });
    for (const call of [
      client.appendObject('a', 'x', { position: 0 }),
      client.headObject('a'),
      client.getObject('a'),
      client.presignAppendObject('a', { position: 0 }),
      client.presignHeadObject('a'),
      client.presignGetObject('a'),
    ]) {
      const error = await failureOf(call);
      expect(error).toBeInstanceOf(CredentialsError);
      expect(error).toMatchObject({ code: 'PermanentKeyInPage' });
    }
    expect(sent).toHaveLength(0);
  });

  test.each([
    ['as they are', KEYS],
    ['from a function', () => KEYS],
  ])('are accepted if the caller allows it: %s', async (_, credentials) => {
    const oss = localOss();
    const client = new OssClient({ ...where, credentials, fetch: oss.fetch, allowInPage: true });
    await client.appendObject('a', 'x', { position: 0 });
    expect(oss.object('logs', 'a')?.length).toBe(1);
  });

  test('are accepted if no document exists', () => {
    vi.stubGlobal('document', undefined);
    Reflect.deleteProperty(globalThis, 'document');
    expect(() => new OssClient({ ...where, credentials: KEYS })).not.toThrow();
  });
});

describe('with STS credentials from an endpoint of the page', () => {
  function setUp() {
    const oss = localOss();
    const asked: [string, RequestInit | undefined][] = [];
    // As in a page, there is one global fetch, and URLs are relative.
    vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
      if (url !== '/sts') return oss.fetch(url, init);
      asked.push([url, init]);
      const { accessKeyId, accessKeySecret, securityToken, expiration } = oss.issueToken();
      const given = {
        AccessKeyId: accessKeyId,
        AccessKeySecret: accessKeySecret,
        SecurityToken: securityToken,
        Expiration: expiration,
      };
      return Response.json({ RequestId: 'R', Credentials: given });
    });
    const credentials = credentialsFromUrl('/sts', { method: 'POST', credentials: 'same-origin' });
    return { oss, asked, credentials };
  }

  test.each(['header', 'query'] as const)('a File is appended, signed in the %s', async (signing) => {
    const { oss, asked, credentials } = setUp();
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, signing });
    const file = new File(['picked ', 'in a page'], 'a.txt', { type: 'text/plain' });
    const loaded: number[] = [];
    const tail = await append(client, 'a.txt', file, {
      segmentSize: 8,
      onprogress: (progress) => loaded.push(progress.loaded),
    });
    const object = oss.object('logs', 'a.txt');
    expect(tail).toEqual({ position: 16, hashCrc64ecma: object?.crc64 });
    expect(object?.bytes()).toEqual(utf8('picked in a page'));
    expect(object?.headers['content-type']).toBe('text/plain');
    expect([loaded.at(-1), asked]).toEqual([
      16,
      [['/sts', { method: 'POST', credentials: 'same-origin', signal: expect.any(AbortSignal) }]],
    ]);
  });

  test('two appends succeed, and a file is resumed after a reload', async () => {
    const { oss, credentials } = setUp();
    const make = () => new AppendableObject(new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials }), 'a');
    const object = make();
    await object.append('one ');
    await object.append(new Blob(['two ']));
    const tail = await make().resume(new File(['one two three'], 'a'));
    expect(tail.position).toBe(13);
    expect(oss.object('logs', 'a')?.bytes()).toEqual(utf8('one two three'));
  });
});

test("the page's report decides whether it is offline", async () => {
  const { fetch, sent } = scripted(new Response(null, { headers: { 'x-oss-request-id': 'R' } }));
  const client = makeClient({ fetch });
  const onLine = vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
  const work = client.appendObject('a', 'x', { position: 0 });
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toHaveLength(0);
  onLine.mockReturnValue(true);
  window.dispatchEvent(new Event('online'));
  await work;
  expect(sent).toHaveLength(1);
});
