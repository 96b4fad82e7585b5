/** What the demo asks of Bun's server, which no other runtime has: shown on a server that only notes what it is asked. */
import { afterEach, expect, test, vi } from 'vitest';
import { ENVIRONMENT } from './edge-tools.ts';

interface Settings {
  readonly development: boolean;
  readonly idleTimeout: number;
  readonly maxRequestBodySize: number;
  fetch(request: Request, server: object): Promise<Response>;
  error(error: unknown): Response;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test('an upload may last as long as its bytes flow, an idle connection may not, and no failure shows source', async () => {
  let settings: Settings | undefined;
  const serve = (given: Settings) => {
    settings = given;
    return { url: new URL('http://127.0.0.1:1') };
  };
  vi.stubGlobal('Bun', { env: ENVIRONMENT, serve });
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await import('../demo/edge/bun.ts');
  const asked: unknown[] = [];
  const request = new Request('http://127.0.0.1:1/nothing', { method: 'POST', body: 'x' });
  const server = { timeout: (of: Request, seconds: number) => asked.push([of === request, seconds, of.bodyUsed]) };
  expect((await settings?.fetch(request, server))?.status).toBe(404);
  // Bun counts an upload as idle while its bytes flow; what is switched off stays off, so it is switched on again.
  expect(asked).toEqual([
    [true, 0, false],
    [true, 120, false],
  ]);
  expect(settings).toMatchObject({ development: false, idleTimeout: 120, maxRequestBodySize: 5 * 1024 ** 3 });
  const failure = settings?.error(new Error('/home/me/edge.ts: secret')) as Response;
  expect([failure.status, await failure.text()]).toEqual([500, expect.not.stringContaining('secret')]);
});
