// @vitest-environment happy-dom
/** What of xhrFetch needs no real browser: whom it asks, what it refuses. The rest is in xhr-browser.test.ts. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { xhrFetch } from '../src/xhr.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('refusals, before any request', () => {
  beforeEach(() => {
    vi.spyOn(XMLHttpRequest.prototype, 'open');
    vi.spyOn(globalThis, 'fetch');
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    expect(XMLHttpRequest.prototype.open).not.toHaveBeenCalled();
    expect(fetch).not.toHaveBeenCalled();
  });

  test('where there is no XMLHttpRequest: a TypeError that names it, for a request without a body too', async () => {
    vi.stubGlobal('XMLHttpRequest', undefined);
    await expect(xhrFetch('http://127.0.0.1:9/', { method: 'POST', body: 'x' })).rejects.toThrow(TypeError);
    await expect(xhrFetch('http://127.0.0.1:9/')).rejects.toThrow(/xhrFetch needs XMLHttpRequest/);
  });

  test('a signal that has aborted: its reason, the very object', async () => {
    const reason = { why: 'the user left' };
    const sent = xhrFetch('http://127.0.0.1:9/', { method: 'POST', body: 'x', signal: AbortSignal.abort(reason) });
    expect(await sent.catch((error: unknown) => error)).toBe(reason);
  });

  test('a stream as body: XMLHttpRequest would send the text "[object ReadableStream]"', async () => {
    const sent = xhrFetch('http://127.0.0.1:9/', { method: 'POST', body: new ReadableStream() });
    await expect(sent).rejects.toThrow(/cannot send a stream/);
  });
});

test('a request without a body goes to the platform’s fetch as it is', async () => {
  const answer = new Response('whole');
  const fetched = vi.spyOn(globalThis, 'fetch').mockResolvedValue(answer);
  const init = { method: 'GET', cache: 'no-store' } as const;
  expect(await xhrFetch('http://127.0.0.1:9/a', init)).toBe(answer);
  expect(fetched.mock.calls).toEqual([['http://127.0.0.1:9/a', init]]);
});

test('an impossible method is a TypeError as of fetch, and no part of the URL is in its message', async () => {
  const sent = xhrFetch('http://127.0.0.1:9/?signature=s', { method: 'TRACE', body: 'x' });
  const error = await sent.catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as TypeError).message).not.toMatch(/signature/);
});
