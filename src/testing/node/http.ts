/**
 * Serves a handler with `Request` and `Response` over node:http. It converts streams in both directions, and broken
 * connections too: if the handler rejects, the connection ends; if the client leaves, the signal of the request aborts.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as NodeStream } from 'node:stream/web';
import { type BodyLimits, type IncomingBody, toBody } from './body.ts';

/** Answers one request. If the promise rejects, the connection ends without an answer. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

/** What a handler can do besides its answer. See {@link contextOf}. */
export interface NodeContext {
  /** Sends the interim response 104 (Upload Resumption Supported). node:http itself knows only 100, 102 and 103. */
  sendInterim(status: number, headers: Readonly<Record<string, string>>): void;
}

/** The address of a server, and its limits for senders. */
export interface ServeOptions extends BodyLimits {
  /** The default 0 means any free port. */
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
  /**
   * Takes requests as OSS does: dot segments and backslashes of a path stay as they were sent, Content-Length may come
   * together with chunks, and bytes after the declared length are dropped. If both come, the chunks say where the body
   * ends. By default, a path is normalised, and a request with both or with more bytes is refused.
   */
  readonly lenient?: boolean | undefined;
}

/** A listening server. */
export interface Served {
  /** The origin, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Stops the server and ends all connections. */
  close(): Promise<void>;
}

/** A listening server that has no handler yet. */
export interface Listening extends Served {
  answerWith(listener: RequestListener): void;
}

/** Converts a handler to a listener for node:http. */
export function createListener(handler: FetchHandler, limits: Omit<ServeOptions, 'port'> = {}): RequestListener {
  return async (incoming, outgoing) => {
    const url = urlOf(incoming, limits.lenient);
    if (!url || !isSound(incoming)) return void outgoing.writeHead(400, { connection: 'close' }).end();
    const body = toBody(incoming, limits);
    try {
      const request = toRequest(incoming, outgoing, { url, body });
      CONTEXTS.set(request, { sendInterim: interimOf(incoming, outgoing) });
      const response = await handler(request);
      if (body.wasSilent()) outgoing.shouldKeepAlive = false;
      await send(response, outgoing);
      body.dismiss();
    } catch {
      incoming.socket.destroy();
    }
  };
}

/** Serves a handler, by default on a free port of 127.0.0.1. The promise rejects if another program uses the port. */
export async function serve(handler: FetchHandler, options: ServeOptions = {}): Promise<Served> {
  const { answerWith, ...served } = await listen(options);
  answerWith(createListener(handler, options));
  return served;
}

/** The time-outs of the server, in ms. */
export const TIMEOUTS = {
  // A browser repeats a request if the connection closes at that moment. So idle connections stay open for a long time.
  keepAliveTimeout: 60_000,
  headersTimeout: 60_000,
  // Node's default of 300 s is for a whole request, and would end slow uploads. The function toBody ends silent
  // senders.
  requestTimeout: 0,
} as const;

/** Starts a server without a handler, so that two servers can know each other's address before one of them answers. */
export async function listen({
  port = 0,
  hostname = '127.0.0.1',
  lenient = false,
}: ServeOptions = {}): Promise<Listening> {
  const server = createServer({ ...TIMEOUTS, insecureHTTPParser: lenient });
  if (lenient) dropSurplus(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, hostname, resolve);
  });
  return {
    url: `http://${reachable(hostname)}:${(server.address() as AddressInfo).port}`,
    answerWith: (listener) => void server.on('request', listener),
    close: () => closeServer(server),
  };
}

/**
 * Drops the bytes that follow a body beyond its Content-Length, and still answers the request. Node itself reads these
 * bytes as a wrong second request and ends the connection at once, so the client would lose the answer.
 */
function dropSurplus(server: Server): void {
  const exchanges = new WeakMap<Duplex, { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse }>();
  server.on('request', (incoming, outgoing) => void exchanges.set(incoming.socket, { incoming, outgoing }));
  server.on('clientError', (error, socket) => {
    const { incoming, outgoing } = exchanges.get(socket) ?? {};
    const waiting = outgoing?.writableFinished === false ? outgoing : undefined;
    if (incoming?.complete && waiting) {
      waiting.shouldKeepAlive = false;
      return;
    }
    if (socket.writable && !waiting?.headersSent) socket.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    socket.destroy(error);
  });
}

/** Returns the host of a URL for this machine. A server that listens on every address has no address of its own. */
function reachable(hostname: string): string {
  const own = { '0.0.0.0': '127.0.0.1', '::': '::1' }[hostname] ?? hostname;
  return own.includes(':') ? `[${own}]` : own;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/**
 * Returns undefined if the request gives no URL, for example because the Host header would become a part of the path.
 */
function urlOf({ headers: { host = '' }, url = '' }: IncomingMessage, asSent = false): string | undefined {
  const origin = `http://${host}`;
  const sent = url.startsWith('/') ? url : url.replace(/^http:\/\/[^/?#]+/i, '');
  const path = asSent ? keepDots(sent) : sent;
  return path.startsWith('/') && URL.canParse(origin) && HOST.test(host) ? origin + path : undefined;
}

/** Encodes what `new URL` would change in a path: backslashes, and the slash before a segment of dots. */
function keepDots(url: string): string {
  const [path = ''] = url.split('?', 1);
  const kept = path.replaceAll('\\', '%5C').replace(/(?<=.)\/(?=(\.|%2e){1,2}(\/|$))/gi, '%2F');
  return kept.replace(/(?<=%2F(\.|%2e){1,2})\//gi, '%2F') + url.slice(path.length);
}

/**
 * Returns false for two kinds of requests that the lenient parser of Node accepts: those with control characters in a
 * header, which an answer could not repeat, and those with a transfer coding that this server does not decode.
 */
function isSound({ rawHeaders, headers: { 'transfer-encoding': coding = 'chunked' } }: IncomingMessage): boolean {
  return coding.toLowerCase() === 'chunked' && !rawHeaders.some((text) => [...text].some(isControl));
}

function isControl(character: string): boolean {
  return (character < ' ' && character !== '\t') || character === '\x7f';
}

/** A host name or an address, with or without a port. */
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

/** Returns a signal that aborts when the client leaves before it has received the whole answer. */
function untilClosed(outgoing: ServerResponse): AbortSignal {
  const controller = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) controller.abort(new DOMException('The client has gone', 'AbortError'));
  });
  return controller.signal;
}

const CONTEXTS = new WeakMap<Request, NodeContext>();

/** Returns the context of a request that a server of this file received. */
export function contextOf(request: Request): NodeContext | undefined {
  return CONTEXTS.get(request);
}

/** Only HTTP/1.1 has interim responses, and they come before the final response. */
function interimOf({ httpVersion }: IncomingMessage, outgoing: ServerResponse): NodeContext['sendInterim'] {
  return (status, headers) => {
    if (httpVersion !== '1.1' || outgoing.headersSent || !outgoing.socket?.writable) return;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    outgoing.socket.write(`HTTP/1.1 ${status} Upload Resumption Supported\r\n${lines.join('')}\r\n`);
  };
}

async function send({ status, headers, body }: Response, outgoing: ServerResponse): Promise<void> {
  for (const [name, value] of headers) outgoing.appendHeader(name, value);
  outgoing.writeHead(status);
  if (body) await pipeline(Readable.fromWeb(body as NodeStream), outgoing);
  else outgoing.end();
}
