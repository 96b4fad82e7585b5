/** What a page sees of a `fetch`: CORS hides headers of each answer, and the platform decodes what has a Content-Encoding. */
import { constants, gunzipSync } from 'node:zlib';
import type { Fetch, FetchInit } from '../src/request/operation.ts';

/** Of an answer from another origin a page sees these without the bucket's leave (Fetch standard, CORS-safelisted). */
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
  /** The ExposeHeader of the bucket's rule. Default: none. */
  readonly exposed?: readonly string[];
  /** Headers that never reach the page: a proxy on the way may leave out Content-Length. */
  readonly dropped?: readonly string[];
  /** The `fetch` decodes by itself, as the platform's does. */
  readonly decodes?: boolean;
  /** Told of each request before it is sent. */
  readonly onrequest?: (url: string, init: FetchInit) => void;
}

/** A `fetch` as a page has it. */
export function pageFetch(fetch: Fetch, { exposed = [], dropped = [], decodes, onrequest }: PageOptions = {}): Fetch {
  const visible = new Set([...SAFELISTED, ...exposed].filter((name) => !dropped.includes(name)));
  return async (url: string, init: FetchInit) => {
    onrequest?.(url, init);
    const response = await fetch(url, init);
    const seen = [...response.headers].filter(([name]) => visible.has(name.toLowerCase()));
    return new Response(decodes ? response.body : await decoded(response), { status: response.status, headers: seen });
  };
}

/** As Node reads it: what can be decoded of the beginning of a stream; what is no beginning breaks off. */
async function decoded({ body, headers }: Response): Promise<BodyInit | null> {
  if (!body || headers.get('content-encoding') !== 'gzip') return body;
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  try {
    return new Uint8Array(gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }));
  } catch (cause) {
    return new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated', { cause })) });
  }
}
