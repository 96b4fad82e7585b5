/**
 * Tests the settings of Bun's server in the demo, with a server that only records them. No other runtime has these
 * settings.
 */
import { afterEach, expect, test, vi } from 'vitest';
import { ENVIRONMENT } from './world.ts';

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

test('an upload may take any time, an idle connection may not, and the page of an error shows no source code', async () => {
  let settings: Settings | undefined;
  const serve = (given: Settings) => {
    settings = given;
    return { url: new URL('http://127.0.0.1:1') };
  };
  vi.stubGlobal('Bun', { env: ENVIRONMENT, serve });
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await import('../../demo/edge/bun.ts');
  const asked: unknown[] = [];
  const request = new Request('http://127.0.0.1:1/nothing', { method: 'POST', body: 'x' });
  const server = { timeout: (of: Request, seconds: number) => asked.push([of === request, seconds, of.bodyUsed]) };
  expect((await settings?.fetch(request, server))?.status).toBe(404);
  // Bun counts an upload as idle while its bytes flow. Bun keeps the setting for the connection, so the edge sets it
  // back.
  expect(asked).toEqual([
    [true, 0, false],
    [true, 120, false],
  ]);
  expect(settings).toMatchObject({ development: false, idleTimeout: 120, maxRequestBodySize: 5 * 1024 ** 3 });
  const failure = settings?.error(new Error('/home/me/edge.ts: secret')) as Response;
  expect([failure.status, await failure.text()]).toEqual([500, expect.not.stringContaining('secret')]);
});
