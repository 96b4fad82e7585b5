/** Tests which pages may read the answers of the edge, and which headers they may send. */
import { expect, test } from 'vitest';
import { EDGE, edgeOf, makeCloud, PAGE, tailRequest } from './world.ts';

test('pages of the edge’s own origin may call when this origin is listed', async () => {
  const own = edgeOf(makeCloud().oss, { origins: [EDGE] });
  expect((await own(tailRequest(undefined, { origin: EDGE }))).status).toBe(200);
});

test.each(['/token', '/grant', '/grants', '/upload', '/upload/inbox%2Fu1%2Fa'])(
  'a page of a listed origin may send Authorization and Content-Type to %s',
  async (path) => {
    const edge = edgeOf(makeCloud().oss, { origins: [PAGE] });
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
    const preflight = await edge(new Request(EDGE + path, { method: 'OPTIONS', headers: { origin: PAGE, ...asked } }));
    const allowed = preflight.headers.get('access-control-allow-headers')?.split(', ');
    expect(allowed).toEqual(expect.arrayContaining(['authorization', 'content-type']));
  },
);

test.each<[client: string, names: string]>([
  ['tus-js-client', 'tus-resumable, upload-length, upload-defer-length, upload-metadata, upload-offset, upload-concat'],
  ['tus-js-client with its options', 'x-http-method-override, x-request-id, upload-checksum, authorization'],
  ['Uppy', 'x-requested-with, content-type'],
  [
    'the draft of the IETF',
    'upload-draft-interop-version, upload-complete, upload-offset, upload-length, content-disposition, content-digest',
  ],
])('a page may send the headers of %s with an upload', async (_, names) => {
  const edge = edgeOf(makeCloud().oss, { origins: [PAGE] });
  const asked = { 'access-control-request-method': 'PATCH', 'access-control-request-headers': names };
  const init = { method: 'OPTIONS', headers: { origin: PAGE, ...asked } };
  const preflight = await edge(new Request(`${EDGE}/upload`, init));
  const allowed = preflight.headers.get('access-control-allow-headers')?.split(', ');
  expect(allowed).toEqual(expect.arrayContaining(names.split(', ')));
});

test('a response of an own route gets CORS headers, even if its headers cannot be changed', async () => {
  const edge = edgeOf(makeCloud().oss, {
    origins: [PAGE],
    routes: { 'GET /moved': async () => Response.redirect('https://page.example/', 303) },
  });
  const response = await edge(new Request(`${EDGE}/moved`, { headers: { origin: PAGE } }));
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([303, PAGE]);
});
