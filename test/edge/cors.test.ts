/** Tests which pages may read the answers of the edge. */
import { expect, test } from 'vitest';
import { EDGE, edgeOf, makeCloud, PAGE, tailRequest } from './world.ts';

test('pages of the edge’s own origin may call when this origin is listed', async () => {
  const own = edgeOf(makeCloud().oss, { origins: [EDGE] });
  expect((await own(tailRequest(undefined, { origin: EDGE }))).status).toBe(200);
});

test('a response of an own route gets CORS headers, even if its headers cannot be changed', async () => {
  const edge = edgeOf(makeCloud().oss, {
    origins: [PAGE],
    routes: { 'GET /moved': async () => Response.redirect('https://page.example/', 303) },
  });
  const response = await edge(new Request(`${EDGE}/moved`, { headers: { origin: PAGE } }));
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([303, PAGE]);
});
