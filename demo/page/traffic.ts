/** The requests that the library makes, for people to see: a fetch that tells of each one. Never a query string: it can be a signature. */
import type { OssClientOptions } from '../../src/index.ts';

/** One request, told of when it is sent and again when it has ended. */
export interface Exchange {
  readonly id: number;
  readonly method: string;
  /** Of an append, bytes. */
  readonly position: number | undefined;
  /** Of the body, bytes. */
  readonly size: number;
  /** HTTP status, or what became of it otherwise. `undefined` while it is under way. */
  readonly status?: number | 'no answer' | 'given up';
  /** ms */
  readonly duration?: number;
}

type Fetch = NonNullable<OssClientOptions['fetch']>;

let count = 0;

/** A fetch for `OssClient` that reports its requests. */
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
      end(init.signal?.aborted ? 'given up' : 'no answer');
      throw error;
    }
  };
}

function describe(url: string, { method = 'GET', body }: RequestInit): Exchange {
  const position = new URL(url).searchParams.get('position');
  const size = body instanceof Blob ? body.size : body instanceof Uint8Array ? body.byteLength : 0;
  return { id: ++count, method, position: position === null ? undefined : Number(position), size };
}
