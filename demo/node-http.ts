/**
 * Serves a fetch-shaped handler over node:http. Hides the two stream models from each other, and what a broken
 * connection is on either side: a handler that rejects drops the connection, a client that leaves aborts the request.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as NodeStream } from 'node:stream/web';
import { type BodyLimits, type IncomingBody, toBody } from './node-body.ts';

/** Answers one request. Rejecting means: no answer, the connection drops. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

/** Where a server listens, and how long it bears with senders. */
export interface ServeOptions extends BodyLimits {
  /** 0 takes any free port, which is the default. */
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
}

/** A server that listens. */
export interface Served {
  /** Scheme, host and port: `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Stops listening and drops what connections there are. */
  close(): Promise<void>;
}

/** A server that listens, and is yet to be told what to answer. */
export interface Listening extends Served {
  answerWith(listener: RequestListener): void;
}

/**
 * Makes a node:http listener of a handler.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 *
 * createServer(createListener((request) => new Response(request.url))).listen(8080);
 * ```
 */
export function createListener(handler: FetchHandler, limits: BodyLimits = {}): RequestListener {
  return async (incoming, outgoing) => {
    const url = urlOf(incoming);
    if (!url) return void outgoing.writeHead(400).end();
    const body = toBody(incoming, limits);
    try {
      await send(await handler(toRequest(incoming, outgoing, { url, body })), outgoing);
      body.dismiss();
    } catch {
      incoming.socket.destroy();
    }
  };
}

/** Serves a handler, by default on any free port of 127.0.0.1. Rejects where the port is taken. */
export async function serve(handler: FetchHandler, options: ServeOptions = {}): Promise<Served> {
  const { answerWith, ...served } = await listen(options);
  answerWith(createListener(handler, options));
  return served;
}

/** In ms. */
export const TIMEOUTS = {
  // A browser that uses a connection just as it is closed sends its request again: leave idle ones open for long.
  keepAliveTimeout: 60_000,
  headersTimeout: 60_000,
  // Node's 300 s hold for a whole request, and cut slow uploads whose bytes still flow. Silent senders are ended by toBody.
  requestTimeout: 0,
} as const;

/** Listens first, so that two servers can know each other's address before either answers. */
export async function listen({ port = 0, hostname = '127.0.0.1' }: ServeOptions = {}): Promise<Listening> {
  const server = createServer(TIMEOUTS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, hostname, resolve);
  });
  return {
    url: `http://${hostname}:${(server.address() as AddressInfo).port}`,
    answerWith: (listener) => void server.on('request', listener),
    close: () => closeServer(server),
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Undefined for what is no URL: a Host header that is none, or that would become a part of the path. */
function urlOf({ headers: { host = '' }, url = '' }: IncomingMessage): string | undefined {
  const origin = `http://${host}`;
  const path = url.startsWith('/') ? url : url.replace(/^http:\/\/[^/?#]+/i, '');
  return path.startsWith('/') && URL.canParse(origin) && HOST.test(host) ? origin + path : undefined;
}

/** A name or an address, and a port. */
const HOST = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;

function toRequest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { url, body }: { readonly url: string; readonly body: IncomingBody },
): Request {
  const { method = 'GET' } = incoming;
  const init: RequestInit = { method, headers: toHeaders(incoming), signal: untilClosed(outgoing) };
  if (method !== 'GET' && method !== 'HEAD') Object.assign(init, { body: body.stream, duplex: 'half' });
  return new Request(url, init);
}

function toHeaders({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  return headers;
}

/** Aborts when the client leaves before it has the whole answer. */
function untilClosed(outgoing: ServerResponse): AbortSignal {
  const controller = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) controller.abort(new DOMException('The client has gone', 'AbortError'));
  });
  return controller.signal;
}

async function send({ status, headers, body }: Response, outgoing: ServerResponse): Promise<void> {
  for (const [name, value] of headers) outgoing.appendHeader(name, value);
  outgoing.writeHead(status);
  if (body) await pipeline(Readable.fromWeb(body as NodeStream), outgoing);
  else outgoing.end();
}
