/** What a page sees of a `fetch`: CORS hides headers of each answer. */
import type { Fetch, FetchInit } from '../src/http.ts';

/** Of an answer from another origin a page sees these without the bucket's leave (Fetch standard, CORS-safelisted). */
const SAFELISTED = [
  'cache-control',
  'content-language',
  'content-length',
  'content-type',
  'expires',
  'last-modified',
  'pragma',
];

export interface PageOptions {
  /** The ExposeHeader of the bucket's rule. Default: none. */
  readonly exposed?: readonly string[];
  /** Headers that never reach the page: a proxy on the way may leave out Content-Length. */
  readonly dropped?: readonly string[];
  /** Told of each request before it is sent. */
  readonly onrequest?: (method: string, headers: Headers) => void;
}

/** A `fetch` as a page has it. */
export function pageFetch(fetch: Fetch, { exposed = [], dropped = [], onrequest }: PageOptions = {}): Fetch {
  const visible = new Set([...SAFELISTED, ...exposed].filter((name) => !dropped.includes(name)));
  return async (url: string, init: FetchInit) => {
    onrequest?.(init.method ?? 'GET', new Headers(init.headers));
    const { status, headers, body } = await fetch(url, init);
    const seen = [...headers].filter(([name]) => visible.has(name.toLowerCase()));
    return new Response(body, { status, headers: seen });
  };
}
