/** What the client gives to fetch, and who signs it. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CredentialsError } from '../../src/errors.ts';
import { PresignedClient } from '../../src/request/presigned.ts';
import type { Presign } from '../../src/request/presigner.ts';
import { appended, failureOf, KEYS, localOss, makeClient, refused, scripted, textOf } from '../tools/unit-tools.ts';
import { append, HEAD, head, setUp, setUpPresigned } from './transport-tools.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a presign function in place of credentials', () => {
  const oss = localOss();
  const holder = makeClient({ credentials: KEYS, fetch: oss.fetch, clock: undefined });

  test('can sign append, head and get end to end, with length and range', async () => {
    const presign = vi.fn<NonNullable<Presign>>(({ operation, key, position, size, range, decode, headers }) => {
      if (operation === 'headObject') return holder.presignHeadObject(key);
      if (operation === 'getObject') return holder.presignGetObject(key, { range, decode });
      const { 'content-type': contentType = null } = headers;
      return holder.presignAppendObject(key, { position: position ?? -1, size, contentType });
    });
    const client = new PresignedClient({ presign, fetch: oss.fetch });
    const options = { position: 0, contentType: 'text/plain' };
    expect(await client.appendObject('p', 'hello', options)).toMatchObject({ nextAppendPosition: 5 });
    expect(await client.headObject('p')).toMatchObject({ contentLength: 5 });
    expect(await textOf((await client.getObject('p', { range: { start: 1, end: 3 } })).body)).toBe('ell');
    expect(await textOf((await client.getObject('p', { range: { start: 1 }, decode: false })).body)).toBe('ello');
    expect(presign.mock.calls.map(([{ signal, ...request }]) => [signal instanceof AbortSignal, request])).toEqual([
      [true, { operation: 'appendObject', key: 'p', position: 0, size: 5, headers: { 'content-type': 'text/plain' } }],
      [true, { operation: 'headObject', key: 'p', headers: {} }],
      [true, { operation: 'getObject', key: 'p', range: { start: 1, end: 3 }, headers: { range: 'bytes=1-3' } }],
      [true, { operation: 'getObject', key: 'p', range: { start: 1 }, decode: false, headers: { range: 'bytes=1-' } }],
    ]);
  });

  test('makes the client add no signature of its own', async () => {
    const { client, sent } = setUpPresigned([appended(1)], async () => ({ url: 'https://e.com/a?signed' }));
    await client.appendObject('a', 'x', { position: 0 });
    expect(sent[0]?.url.href).toBe('https://e.com/a?signed');
    expect([...(sent[0]?.headers ?? [])]).toEqual([]);
  });

  test.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['no URL', () => ({ href: 'https://e.com' })],
    ['a path', () => '/a?signed'],
    ['another scheme', () => 'javascript:alert(1)'],
    ['a password', () => 'https://user:pass@files.example.com/a?signed'],
    ['a refusal', () => Promise.reject(new Error('not yours'))],
  ])('that gives %s is a CredentialsError, and nothing is sent', async (_, presign) => {
    const { client, sent } = setUpPresigned([appended(1)], presign as () => string);
    const error = await failureOf(append(client));
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({
      code: 'PresignFailed',
      message: expect.stringMatching(
        /^Cannot append to "a" at position 0 \(\d+ bytes\): the presign function gave no http\(s\) URL/,
      ),
    });
    expect(sent).toHaveLength(0);
  });

  test("is called once more if the holder's token or the URL has expired", async () => {
    for (const answer of [
      refused(403, 'SecurityTokenExpired'),
      refused(403, 'AccessDenied', { Expires: '2026-01-02T11:00:00.000Z', ServerTime: '2026-01-02T12:00:00.000Z' }),
    ]) {
      const presign = vi.fn(() => 'https://e.com/a?signed');
      const { client } = setUpPresigned([answer], presign);
      await failureOf(append(client));
      expect(presign).toHaveBeenCalledTimes(2);
    }
  });
});

describe('the arguments of fetch', () => {
  test('it is called unbound, with a body that adds no Content-Type', async () => {
    const seen: unknown[] = [];
    function fetch(this: unknown, _: string, { body }: RequestInit) {
      seen.push(this, body);
      return Promise.resolve(appended(1));
    }
    const client = makeClient({ fetch });
    await client.appendObject('a', 'x', { position: 0 });
    await client.appendObject('a', new Blob(['x'], { type: 'text/plain' }), { position: 0 });
    expect(seen[0]).toBeUndefined();
    expect(seen[1]).toBeInstanceOf(Uint8Array);
    expect(seen[3]).toMatchObject({ type: '', size: 1 });
  });

  test('the global fetch is looked up at each call', async () => {
    const { fetch, sent } = scripted(appended(1));
    const client = makeClient();
    vi.stubGlobal('fetch', fetch);
    await client.appendObject('a', 'x', { position: 0 });
    expect(sent).toHaveLength(1);
  });

  test('reads are never served from a cache if Requests know caches, redirects are not followed, and keepalive is not set', async () => {
    const { client, sent } = setUp([HEAD]);
    await head(client);
    expect(Object.keys(sent[0]?.init ?? {}).sort()).toEqual(['cache', 'headers', 'method', 'redirect', 'signal']);
    expect(sent[0]?.init).toMatchObject({ cache: 'no-store', redirect: 'manual' });
    class Bare {}
    vi.stubGlobal('Request', Bare);
    await head(client);
    expect('cache' in (sent[1]?.init ?? {})).toBe(false);
  });
});
