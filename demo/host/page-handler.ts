/** Answers the page: the routes of the contract, and all other requests by the edge. */
import type { HostConfig } from './contract.ts';
import { HostError, json } from './json.ts';

/** Answers one request. The promise rejects if there is no answer. */
export type RequestHandler = (request: Request) => Promise<Response>;

/** What a page has behind it. */
export interface PageHandlerOptions {
  readonly config: Omit<HostConfig, 'edge'>;
  /** The path of the page's folder without a slash at its end. Default: empty, the root of the origin. */
  readonly base?: string | undefined;
  /** Routes by method and path, such as `GET /faults`. The path begins at the page's folder. */
  readonly routes: Readonly<Record<string, (request: Request) => Response | Promise<Response>>>;
  readonly edge: RequestHandler;
  /** The address of an edge at another origin. By default, the edge is here. */
  readonly edgeUrl?: (() => string | undefined) | undefined;
}

/** Makes the handler. */
export function pageHandler({ config, base = '', routes, edge, edgeUrl }: PageHandlerOptions): RequestHandler {
  const configOf = ({ url }: Request) => json({ ...config, edge: edgeUrl?.() ?? new URL(url).origin + base });
  const all = new Map(Object.entries({ 'GET /config': configOf, ...routes }));
  return async (request) => {
    const path = new URL(request.url).pathname.slice(base.length);
    const route = all.get(`${request.method} ${path}`);
    try {
      return await (route?.(request) ?? edge(isReadable && !base ? request : await moved(request, path)));
    } catch (error) {
      if (error instanceof HostError) return error.toResponse();
      throw error;
    }
  };
}

/** Firefox has no `Request.body`, which the edge reads. */
const isReadable = 'body' in Request.prototype;

/** Returns the same request with another path, because the edge knows its routes only at the root. */
async function moved(request: Request, path: string): Promise<Request> {
  const { url, method, headers, signal } = request;
  const { origin, search } = new URL(url);
  const copy = new Request(origin + path + search, { method, headers, signal });
  if (method === 'GET' || method === 'HEAD') return copy;
  // A browser that has no `Request.body` does not take a stream as a body either.
  const body = isReadable ? request.body : (await request.blob()).stream();
  return Object.defineProperty(copy, 'body', { value: body });
}
