/**
 * A `fetch` with the CORS protocol of a browser, for tests without a browser: preflights, hidden answers, hidden headers and
 * opaque answers. `npm run test:doctor` runs the same cases in real browsers.
 */
import type { Fetch, FetchInit } from '../../src/request/request.ts';
import { SAFELISTED } from '../tools/page-fetch.ts';

const SIMPLE_TYPE = /^(text\/plain|application\/x-www-form-urlencoded|multipart\/form-data)(;|$)/;

/** The names for which a browser asks with a preflight. */
function unsafeNames(headers: Headers): string[] {
  return [...headers]
    .filter(([name, value]) => {
      if (name === 'content-type') return !SIMPLE_TYPE.test(value);
      if (name === 'range') return !/^bytes=\d+-\d*$/.test(value);
      return !/^(accept|accept-language|content-language)$/.test(name);
    })
    .map(([name]) => name)
    .sort();
}

const refused = () => new TypeError('Failed to fetch');

function withType(response: Response, type: ResponseType): Response {
  return Object.defineProperty(response, 'type', { value: type });
}

function isAllowed(answer: Response, origin: string): boolean {
  const allowed = answer.headers.get('access-control-allow-origin');
  return allowed === '*' || allowed === origin;
}

/** The headers that the page sees. */
function visible({ headers }: Response): Headers {
  const exposed = (headers.get('access-control-expose-headers') ?? '').toLowerCase().split(/, */);
  return new Headers([...headers].filter(([name]) => SAFELISTED.includes(name) || exposed.includes(name)));
}

/** Makes the `fetch` of a page with this origin. `network` carries the requests. */
export function browserFetch(network: Fetch, origin: string): Fetch {
  const send = (url: string, init: FetchInit, headers: Headers) =>
    network(url, { ...init, headers: [...headers, ['origin', origin]] });
  return async (url, init) => {
    const headers = new Headers(init.headers);
    if (init.mode === 'no-cors') {
      await send(url, init, headers);
      return withType(Response.error(), 'opaque');
    }
    const names = unsafeNames(headers);
    if (names.length > 0) {
      const asked = new Headers({
        'access-control-request-method': init.method ?? 'GET',
        'access-control-request-headers': names.join(','),
      });
      const preflight = await send(url, { method: 'OPTIONS' }, asked);
      if (!preflight.ok || !isAllowed(preflight, origin)) throw refused();
    }
    const answer = await send(url, init, headers);
    // With `redirect: 'manual'`, a page learns only that there is a redirect.
    if (answer.status >= 300 && answer.status < 400) return withType(Response.error(), 'opaqueredirect');
    if (!isAllowed(answer, origin)) throw refused();
    const { status } = answer;
    return withType(new Response(answer.body, { status, headers: visible(answer) }), 'cors');
  };
}
