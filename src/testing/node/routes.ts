// Decides who answers a request: the OSS, the STS, or the server itself.

import type { LocalOss } from '../local-oss.ts';
import type { LocalSts } from '../local-sts.ts';
import type { FetchHandler } from './http.ts';

/** What answers the requests, and the names by which clients may call the server. */
export interface Parts {
  readonly oss: LocalOss;
  readonly sts: LocalSts;
  readonly buckets: readonly string[];
  readonly endpoints: readonly string[];
  /** The custom domains of the buckets, with or without a port. */
  readonly domains: readonly string[];
}

/** The beginning of the server's own paths. No bucket can have this name, because it contains an underscore. */
export const OWN_PATHS = '/_local/';

/** Returns the handler of all requests. */
export function router(parts: Parts): FetchHandler {
  return (request) => {
    const url = new URL(request.url);
    if (!isOwnHost(url, parts)) return foreignHost(url);
    if (!isEndpoint(url.hostname, parts)) return parts.oss.fetch(request);
    if (url.pathname.startsWith(OWN_PATHS)) return own(request, url, parts);
    // Every call of STS has this header, and no request to OSS has it.
    if (url.pathname === '/' && request.headers.has('x-acs-action')) return parts.sts.fetch(request);
    return parts.oss.fetch(request);
  };
}

/** Returns whether a name addresses the OSS as a whole, and not one of its buckets. */
function isEndpoint(hostname: string, { endpoints }: Parts): boolean {
  return isAddress(hostname) || ['localhost', ...endpoints].includes(hostname);
}

/**
 * Returns whether a request may be meant for this server. The owner of any other name could make it point to this
 * machine, and then read the answers in a page (DNS rebinding). An IP address cannot be made to do this.
 */
function isOwnHost({ host, hostname }: URL, parts: Parts): boolean {
  if (isEndpoint(hostname, parts) || parts.domains.includes(host) || parts.domains.includes(hostname)) return true;
  return ['localhost', 'aliyuncs.com', ...parts.endpoints].some((name) => hostname.endsWith(`.${name}`));
}

function isAddress(hostname: string): boolean {
  return hostname.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}

function foreignHost({ hostname }: URL): Response {
  const text = `This server does not answer to the name ${hostname}. If it is yours, add it: --endpoint ${hostname}\n`;
  return new Response(text, { status: 403, headers: { 'content-type': 'text/plain' } });
}

function own({ method }: Request, { pathname }: URL, { buckets }: Parts): Response {
  const headers = { 'cache-control': 'no-store' };
  if (method !== 'GET' && method !== 'HEAD')
    return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
  if (pathname === `${OWN_PATHS}health`) return Response.json({ status: 'ok', buckets }, { headers });
  return new Response('There is no such page.\n', { status: 404, headers });
}
