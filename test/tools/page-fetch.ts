/**
 * A `fetch` as a page sees it: CORS hides headers of each answer, and the platform decodes bodies that have a
 * Content-Encoding.
 */
import { constants, gunzipSync } from 'node:zlib';
import type { Fetch, FetchInit } from '../../src/request/request.ts';

/**
 * The headers that a page sees in an answer of another origin without a CORS rule (Fetch standard, CORS-safelisted).
 */
export const SAFELISTED: readonly string[] = [
  'cache-control',
  'content-language',
  'content-length',
  'content-type',
  'expires',
  'last-modified',
  'pragma',
];

export interface PageOptions {
  /** The ExposeHeader of the bucket's CORS rule. By default it is empty. */
  readonly exposed?: readonly string[];
  /** Headers that never reach the page, because a proxy on the way may remove Content-Length. */
  readonly dropped?: readonly string[];
  /** True if the given `fetch` decodes bodies itself, as the platform's does. */
  readonly decodes?: boolean;
  /** Called with each request before it is sent. */
  readonly onrequest?: (url: string, init: FetchInit) => void;
}

/** Makes a `fetch` as a page has it. */
export function pageFetch(fetch: Fetch, { exposed = [], dropped = [], decodes, onrequest }: PageOptions = {}): Fetch {
  const visible = new Set([...SAFELISTED, ...exposed].filter((name) => !dropped.includes(name)));
  return async (url: string, init: FetchInit) => {
    onrequest?.(url, init);
    const response = await fetch(url, init);
    const seen = [...response.headers].filter(([name]) => visible.has(name.toLowerCase()));
    return new Response(decodes ? response.body : await decoded(response), { status: response.status, headers: seen });
  };
}

/**
 * Decodes as Node does: it returns the valid beginning of a stream. A body that does not begin like a stream fails.
 */
async function decoded({ body, headers }: Response): Promise<BodyInit | null> {
  if (!body || headers.get('content-encoding') !== 'gzip') return body;
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  try {
    return new Uint8Array(gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }));
  } catch (cause) {
    return new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated', { cause })) });
  }
}
