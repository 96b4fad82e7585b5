/** What every server of the demo does: it answers only this machine, and serves the files of the page. */
import type { RequestListener } from 'node:http';
import sirv from 'sirv';
import { contentPolicy } from './host/content-policy.ts';

/** The page and what is behind it. */
export interface SiteOptions {
  /** Answers the requests that ask for no file. */
  readonly api: RequestListener;
  /** The folder of the built page. */
  readonly publicFolder: string;
  /** The origins to which the page may send requests, besides its own. */
  readonly reachable: readonly string[];
}

/** Serves the files of the page, and gives all other requests to the API. */
export function site({ api, publicFolder, reachable }: SiteOptions): RequestListener {
  // Without the option `dev`, sirv lists the files once at the start, so no path can lead out of the folder.
  const setHeaders = (response: { setHeader(name: string, value: string): void }) =>
    response.setHeader('cache-control', 'no-cache');
  const files = sirv(publicFolder, { etag: true, setHeaders });
  const policy = `${contentPolicy(reachable)}; frame-ancestors 'none'`;
  return (incoming, outgoing) => {
    outgoing.setHeader('content-security-policy', policy);
    outgoing.setHeader('x-content-type-options', 'nosniff');
    outgoing.setHeader('referrer-policy', 'no-referrer');
    outgoing.setHeader('cross-origin-resource-policy', 'same-origin');
    const next = () => api(incoming, outgoing);
    return incoming.method === 'GET' || incoming.method === 'HEAD' ? files(incoming, outgoing, next) : next();
  };
}

/**
 * Refuses requests with another Host or from a page of another origin, because any DNS name can point to this machine.
 */
export function onlyOwn(checked: readonly ('host' | 'origin')[], listener: RequestListener): RequestListener {
  return (incoming, outgoing) => {
    const { headers, socket } = incoming;
    const hosts = [`127.0.0.1:${socket.localPort}`, `localhost:${socket.localPort}`];
    const own: Record<'host' | 'origin', (string | undefined)[]> = {
      host: hosts,
      origin: [undefined, ...hosts.map((host) => `http://${host}`)],
    };
    if (checked.every((name) => own[name].includes(headers[name]))) return listener(incoming, outgoing);
    outgoing.writeHead(403, { 'content-type': 'text/plain' }).end('Refused: this server answers only this machine\n');
  };
}

/** Returns the origins of a server of this machine, with both names that browsers have for it. */
export function bothOrigins(url: string): string[] {
  return [url, url.replace('127.0.0.1', 'localhost')];
}
