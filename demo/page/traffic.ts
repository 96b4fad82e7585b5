/**
 * Makes the library's requests visible: a `fetch` that reports each request. A report never contains the query string,
 * because the query can contain a signature.
 */
import type { OssClientOptions } from '../../src/index.ts';

/** One request. It is reported when it is sent, and again when it has ended. */
export interface Exchange {
  readonly id: number;
  readonly method: string;
  /** The position of an append in bytes; undefined for other requests. */
  readonly position: number | undefined;
  /** The size of the body in bytes. */
  readonly size: number;
  /** The HTTP status, or the reason why there is none. It is absent while the request is in flight. */
  readonly status?: number | 'no answer' | 'aborted';
  /** The duration in ms. */
  readonly duration?: number;
}

type Fetch = NonNullable<OssClientOptions['fetch']>;

let count = 0;

/** Returns a `fetch` for `OssClient` that reports its requests. */
export function watchedFetch(report: (exchange: Exchange) => void): Fetch {
  return async (url, init) => {
    const exchange = describe(url, init);
    const begin = performance.now();
    const end = (status: Exchange['status'] & {}) =>
      report({ ...exchange, status, duration: performance.now() - begin });
    report(exchange);
    try {
      const response = await fetch(url, init);
      end(response.status);
      return response;
    } catch (error) {
      end(init.signal?.aborted ? 'aborted' : 'no answer');
      throw error;
    }
  };
}

function describe(url: string, { method = 'GET', body }: RequestInit): Exchange {
  const position = new URL(url).searchParams.get('position');
  const size = body instanceof Blob ? body.size : body instanceof Uint8Array ? body.byteLength : 0;
  return { id: ++count, method, position: position === null ? undefined : Number(position), size };
}
