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
      return await (route?.(request) ?? edge(base ? moved(request, path) : request));
    } catch (error) {
      if (error instanceof HostError) return error.toResponse();
      throw error;
    }
  };
}

/** Returns the same request with another path, because the edge knows its routes only at the root. */
function moved(request: Request, path: string): Request {
  const { origin, search } = new URL(request.url);
  const { method, headers, body, signal } = request;
  const init: RequestInit = { method, headers, signal };
  return new Request(origin + path + search, body ? ({ ...init, body, duplex: 'half' } as RequestInit) : init);
}
