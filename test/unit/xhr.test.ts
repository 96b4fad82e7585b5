// @vitest-environment happy-dom
/** Tests the parts of xhrFetch that need no real browser. The other tests are in xhr-browser.test.ts. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { xhrFetch } from '../../src/xhr.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('xhrFetch rejects before it sends a request', () => {
  beforeEach(() => {
    vi.spyOn(XMLHttpRequest.prototype, 'open');
    vi.spyOn(globalThis, 'fetch');
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    expect(XMLHttpRequest.prototype.open).not.toHaveBeenCalled();
    expect(fetch).not.toHaveBeenCalled();
  });

  test('with an aborted signal, it rejects with the same object as the reason of the signal', async () => {
    const reason = { why: 'the user left' };
    const sent = xhrFetch('http://127.0.0.1:9/', { method: 'POST', body: 'x', signal: AbortSignal.abort(reason) });
    expect(await sent.catch((error: unknown) => error)).toBe(reason);
  });

  test('it rejects a stream as body, which XMLHttpRequest would send as "[object ReadableStream]"', async () => {
    const sent = xhrFetch('http://127.0.0.1:9/', { method: 'POST', body: new ReadableStream() });
    await expect(sent).rejects.toThrow(/cannot send a stream/);
  });
});

test('where there is no XMLHttpRequest, a request with a body is passed to the fetch of the platform unchanged', async () => {
  vi.stubGlobal('XMLHttpRequest', undefined);
  const answer = new Response('whole');
  const fetched = vi.spyOn(globalThis, 'fetch').mockResolvedValue(answer);
  const init = { method: 'POST', body: 'x' };
  expect(await xhrFetch('http://127.0.0.1:9/a', init)).toBe(answer);
  expect(fetched.mock.calls).toEqual([['http://127.0.0.1:9/a', init]]);
});

test('a request without a body is passed to the fetch of the platform unchanged', async () => {
  const answer = new Response('whole');
  const fetched = vi.spyOn(globalThis, 'fetch').mockResolvedValue(answer);
  const init = { method: 'GET', cache: 'no-store' } as const;
  expect(await xhrFetch('http://127.0.0.1:9/a', init)).toBe(answer);
  expect(fetched.mock.calls).toEqual([['http://127.0.0.1:9/a', init]]);
});

test('a forbidden method rejects with a TypeError as in fetch, and its message does not contain the URL', async () => {
  const sent = xhrFetch('http://127.0.0.1:9/?signature=s', { method: 'TRACE', body: 'x' });
  const error = await sent.catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as TypeError).message).not.toMatch(/signature/);
});
