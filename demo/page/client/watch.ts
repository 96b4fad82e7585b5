/** A `fetch` that reports each request when it is sent and when it has ended. */
import type { OssClientOptions } from '../../../src/index.ts';
import type { AnswerFacts, Ended, Operation, Sent } from './exchange.ts';

export type Fetch = NonNullable<OssClientOptions['fetch']>;
type FetchInit = Parameters<Fetch>[1];

/** Gets the reports. */
export interface Watcher {
  sent(request: Sent): void;
  ended(request: Ended): void;
  /** Bytes of the body in flight were handed to the network. Only `xhrFetch` reports them. */
  handed?(bytes: number): void;
}

let count = 0;

/** Returns a `fetch` that does what `send` does, and reports to `watcher`. */
export function watchedFetch(send: Fetch, watcher: Watcher): Fetch {
  return async (url, init) => {
    const request = describe(url, init);
    watcher.sent(request);
    const end = (outcome: Ended['outcome']) =>
      watcher.ended({ ...request, duration: Date.now() - request.at, outcome });
    try {
      const response = await send(url, withProgress(init, watcher));
      end({ kind: 'answered', status: response.status, answer: await factsOf(response, request) });
      return response;
    } catch (error) {
      end({ kind: init.signal?.aborted ? 'aborted' : 'no-answer' });
      throw error;
    }
  };
}

function withProgress(init: FetchInit, watcher: Watcher): FetchInit {
  const { onprogress } = init;
  if (!onprogress) return init;
  return {
    ...init,
    onprogress: (progress) => {
      watcher.handed?.(progress.loaded);
      onprogress(progress);
    },
  };
}

function describe(url: string, { method = 'GET', body }: RequestInit): Sent {
  const { pathname, searchParams } = new URL(url, location.href);
  const position = searchParams.get('position');
  const size = body instanceof Blob ? body.size : body instanceof Uint8Array ? body.byteLength : 0;
  return {
    id: ++count,
    operation: operationOf(method, pathname, position),
    at: Date.now(),
    ...(position !== null && { position: Number(position) }),
    size,
  };
}

function operationOf(method: string, path: string, position: string | null): Operation {
  if (position !== null) return 'append';
  if (method === 'POST' && /\/token$/.test(path)) return 'token';
  if (method === 'POST' && /\/grants?$/.test(path)) return 'grant';
  if (method === 'HEAD' || path.includes('/upload/')) return 'head';
  return method === 'GET' ? 'get' : 'other';
}

/** Reads the facts of an answer. The body of the answer stays readable. */
async function factsOf(response: Response, { operation }: Sent): Promise<AnswerFacts> {
  const { headers, ok } = response;
  if (isFromEdge(response)) return edgeFacts(response);
  const length =
    headers.get('x-oss-next-append-position') ?? (operation === 'head' ? headers.get('content-length') : null);
  return {
    code: ok ? undefined : await codeOf(response),
    length: length === null ? undefined : Number(length),
    crc: headers.get('x-oss-hash-crc64ecma') ?? undefined,
    isGenuine: headers.has('x-oss-request-id'),
  };
}

function isFromEdge({ url, headers }: Response): boolean {
  return new URL(url || location.href).pathname.includes('/upload/') && /json/.test(headers.get('content-type') ?? '');
}

/** The edge answers with JSON: the tail, or an error with a tail. */
async function edgeFacts(response: Response): Promise<AnswerFacts> {
  const { error, position, hashCrc64ecma, tail = { position, hashCrc64ecma } } = await response.clone().json();
  return { code: error, length: tail.position, crc: tail.hashCrc64ecma, isGenuine: true };
}

/** The code of a refusal is in the XML, or for HEAD in a header that holds the XML in Base64. */
async function codeOf(response: Response): Promise<string | undefined> {
  const hidden = response.headers.get('x-oss-err');
  const text = hidden === null ? await response.clone().text() : atob(hidden);
  return /<Code>([\w.]{1,100})<\/Code>/.exec(text)?.[1];
}
