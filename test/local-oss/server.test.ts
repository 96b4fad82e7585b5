/** LocalOss as a fetch function: its requests, its log, and its state. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LocalOss } from '../../src/testing/index.ts';
import { anOss, streamOf, text, utf8 } from './text.ts';
import { appendCall, type CallOptions, call } from './tools.ts';

describe('fetch', () => {
  const url = 'https://logs.oss-cn-hangzhou.aliyuncs.com/a?append&position=0';
  const open = () =>
    new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', acl: 'public-read-write', hosts: ['h:1'] } } });

  test('works unbound, with a string, a URL and a Request', async () => {
    const oss = open();
    const { fetch } = oss;
    expect((await fetch(url, { method: 'post', body: 'te' })).status).toBe(200);
    expect((await fetch(new URL(url.replace('=0', '=2')), { method: 'POST', body: utf8('s') })).status).toBe(200);
    const request = new Request(url.replace('=0', '=3'), { method: 'POST', body: 't' });
    expect((await fetch(request)).status).toBe(200);
    expect(text(oss.object('logs', 'a')?.bytes())).toBe('test');
    expect(oss.object('logs', 'a')?.headers['content-type']).toBe('text/plain;charset=UTF-8');
    const form = await fetch(new Request(url.replace('/a', '/b')), {
      method: 'POST',
      body: new URLSearchParams('a=b'),
    });
    expect(form.status).toBe(200);
  });

  test.each<[string, string, RequestInit]>([
    ['a body on GET', url, { method: 'GET', body: 'x' }],
    ['a stream without duplex', url, { method: 'POST', body: streamOf('x') }],
    ['no URL', 'logs', {}],
    ['a header that cannot be sent', url, { headers: { a: 'b\r\nc' } }],
  ])('%s is refused as fetch refuses it', async (_, input, init) => {
    const oss = open();
    await expect(oss.fetch(input, init)).rejects.toThrow(TypeError);
    expect(oss.requests).toHaveLength(0);
  });

  test('a stream that ends before its Content-Length is a broken connection', async () => {
    const oss = open();
    for (const length of ['3', '5']) {
      const init = { method: 'POST', headers: { 'content-length': length }, body: streamOf('test'), duplex: 'half' };
      await expect(oss.fetch(url, init)).rejects.toThrow('fetch failed');
    }
    expect(oss.object('logs', 'a')).toBeUndefined();
  });

  test('a stream that fails makes fetch fail, with the cause', async () => {
    const oss = open();
    const cause = new Error('disk');
    const body = new ReadableStream({ pull: () => Promise.reject(cause) });
    const error = await oss
      .fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).cause).toBe(cause);
    expect(oss.busy).toBe(0);
  });

  test('an abort before the body or in the middle of it rejects with its reason and stores nothing', async () => {
    const oss = open();
    const reason = new Error('enough');
    const before = oss.fetch(url, { method: 'POST', body: 'x', signal: AbortSignal.abort(reason) });
    await expect(before).rejects.toBe(reason);
    expect(oss.requests).toHaveLength(0);

    const controller = new AbortController();
    let cancelled: unknown;
    const body = new ReadableStream({
      start: (c) => c.enqueue(utf8('x')),
      pull: () => controller.abort(reason),
      cancel: (r) => {
        cancelled = r;
      },
    });
    const init = { method: 'POST', body, duplex: 'half', signal: controller.signal };
    await expect(oss.fetch(url, init)).rejects.toBe(reason);
    await Promise.resolve();
    expect(cancelled).toBe(reason);
    expect(oss.object('logs', 'a')).toBeUndefined();
  });

  test('an abort during the check of the signature stores nothing', async () => {
    const oss = anOss();
    const controller = new AbortController();
    const pending = call(oss, appendCall('a', 0), { body: 'x', signal: controller.signal });
    controller.abort();
    await expect(pending).rejects.toThrow('aborted');
    while (oss.busy > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(oss.object('logs', 'a')).toBeUndefined();
  });

  test('only one of two appends at the same position is stored', async () => {
    const oss = anOss();
    const both = await Promise.all(['x', 'y'].map((body) => call(oss, appendCall('a', 0), { body })));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(oss.object('logs', 'a')?.length).toBe(1);
  });
});

describe('the log and the state of LocalOss', () => {
  test('the log contains each request and its result, and no secret', async () => {
    const oss = anOss();
    const token = oss.issueToken();
    await call(oss, appendCall('a', 0), { ...token, body: 'x', expires: 60 });
    await call(oss, appendCall('a', 5), { body: 'x' });
    await call(oss, ['HEAD', 'b']);
    const common = { bucket: 'logs', key: 'a', method: 'POST', operation: 'AppendObject' };
    expect(oss.requests).toEqual([
      { ...common, position: 0, status: 200 },
      { ...common, position: 5, status: 409 },
      { bucket: 'logs', key: 'b', method: 'HEAD', operation: 'HeadObject', status: 404 },
    ]);
    expect(JSON.stringify(oss.requests)).not.toContain(token.securityToken);
    oss.clearRequests();
    expect(oss.requests).toEqual([]);
  });

  test('the log has a limit', { timeout: 60_000 }, async () => {
    const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', acl: 'public-read' } } });
    for (let i = 0; i < 10_001; i++) await oss.fetch(`http://localhost/logs/${i}`);
    expect(oss.requests.length).toBe(5001);
    expect(oss.requests.at(-1)?.key).toBe('10000');
  });

  test('a view is a snapshot, and its bytes are a copy', () => {
    const oss = anOss();
    const bytes = utf8('test');
    oss.appendObject('logs', 'a', bytes);
    bytes.fill(0);
    const view = oss.object('logs', 'a');
    view?.bytes().fill(0);
    oss.appendObject('logs', 'a', utf8('more'));
    expect([view?.length, text(view?.bytes())]).toEqual([4, 'test']);
    expect(text(oss.object('logs', 'a')?.bytes())).toBe('testmore');
  });

  test('the methods that change a bucket directly refuse what is impossible', () => {
    const oss = anOss();
    oss.putObject('logs', 'a', utf8('x'));
    expect(() => oss.appendObject('logs', 'a', utf8('x'))).toThrow(RangeError);
    expect(() => oss.object('nobody', 'a')).toThrow(RangeError);
    oss.deleteObject('logs', 'a');
    expect(oss.object('logs', 'a')).toBeUndefined();
  });

  test('ranges of a thousand small appends contain the right bytes', async () => {
    const oss = anOss();
    const all = randomBytes(5000);
    for (let i = 0; i < 1000; i++) oss.appendObject('logs', 'a', all.subarray(i * 5, i * 5 + 5));
    for (const [start, end] of [
      [0, 4999],
      [4, 5],
      [1234, 4321],
      [4999, 4999],
    ] as const) {
      const options: CallOptions = {};
      const response = await call(oss, ['GET', 'a', {}, { range: `bytes=${start}-${end}` }], options);
      expect(Buffer.from(await response.arrayBuffer()).equals(all.subarray(start, end + 1))).toBe(true);
    }
  });
});
