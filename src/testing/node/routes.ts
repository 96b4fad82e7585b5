// Decides who answers a request: the OSS, the STS, or the server itself.

import type { BucketOptions } from '../buckets.ts';
import { Refusal } from '../errors.ts';
import type { LocalOss } from '../local-oss.ts';
import type { LocalSts } from '../local-sts.ts';
import { commonHeaders } from '../reply.ts';
import { SilentSender } from './body.ts';
import type { FaultRule } from './fault-rule.ts';
import type { FetchHandler } from './http.ts';
import type { ServedRequest } from './options.ts';
import { pageHeaders, pageOf } from './page.ts';

/** What answers the requests, and what the server's own page shows. */
export interface Parts {
  readonly oss: LocalOss;
  readonly sts: LocalSts;
  readonly buckets: Readonly<Record<string, BucketOptions>>;
  /** The names by which clients may call the server, beside `localhost` and IP addresses. */
  readonly endpoints: readonly string[];
  readonly rules: readonly FaultRule[];
  readonly onrequest: (request: ServedRequest) => void;
  /** Returns whether the data folder cannot be written, so that no request is answered any more. */
  readonly hasFailed: () => boolean;
}

/** The beginning of the server's own paths. No bucket can have this name, because it contains an underscore. */
export const OWN_PATHS = '/_local/';

/** Returns the handler of all requests. */
export function router(parts: Parts): FetchHandler {
  const route = routeTo(parts);
  return async (request) => {
    try {
      return await route(request);
    } catch (error) {
      if (error instanceof TypeError && error.cause instanceof SilentSender) return requestTimeout(request);
      throw error;
    }
  };
}

function routeTo(parts: Parts): FetchHandler {
  return (request) => {
    const url = new URL(request.url);
    // LocalOss cannot see the headers that fetch adds, so it treats a missing Accept-Encoding as gzip. This server sees
    // all headers, so a missing header really means that the client does not accept gzip.
    if (!request.headers.has('accept-encoding')) request.headers.set('accept-encoding', 'identity');
    if (!isOwnHost(url, parts)) return foreignHost(url);
    if (hasNoLength(request, url, parts)) return missingLength(request);
    if (!isEndpoint(url.hostname, parts)) return parts.oss.fetch(request);
    if (url.pathname.startsWith(OWN_PATHS)) return own(request, url, parts);
    if (url.pathname !== '/') return parts.oss.fetch(request);
    // Every call of STS has this header, and no request to OSS has it.
    if (request.headers.has('x-acs-action')) return askSts(request, parts);
    return isBrowsing(request) ? Response.redirect(`${url.origin}${OWN_PATHS}`, 302) : parts.oss.fetch(request);
  };
}

/** OSS refuses AppendObject and PutObject without a length, even if they are empty. LocalOss itself cannot see this. */
function hasNoLength({ method, headers }: Request, { hostname, pathname, searchParams }: URL, parts: Parts): boolean {
  if (headers.has('content-length') || headers.has('transfer-encoding')) return false;
  if (method === 'POST') return searchParams.has('append');
  const hasKey = (isEndpoint(hostname, parts) ? /^\/[^/]*\/./ : /^\/./).test(pathname);
  // A copy has no body, and neither has a request to a sub-resource, such as PutSymlink.
  const isOther = headers.has('x-oss-copy-source') || [...searchParams.values()].includes('');
  return method === 'PUT' && hasKey && !isOther;
}

function missingLength(request: Request): Response {
  const message = 'You must provide the Content-Length HTTP header.';
  return refused(request, new Refusal(411, 'MissingContentLength', message, { ec: '0017-00000101' }));
}

function requestTimeout(request: Request): Response {
  const message = 'Your socket connection to the server was not read from or written to within the timeout period.';
  return refused(request, new Refusal(400, 'RequestTimeout', message));
}

/** Returns an answer of OSS to a request that LocalOss cannot answer itself. */
function refused({ method, url }: Request, refusal: Refusal): Response {
  const requestId = crypto.randomUUID().replaceAll('-', '').slice(0, 24).toUpperCase();
  const { body, status, headers } = refusal.reply({ method, host: new URL(url).host, requestId });
  return new Response(body, { status, headers: { ...commonHeaders(requestId, Date.now()), ...headers } });
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
  const domains = Object.values(parts.buckets).flatMap(({ hosts = [] }) => hosts);
  if (isEndpoint(hostname, parts) || domains.includes(host) || domains.includes(hostname)) return true;
  return ['localhost', 'aliyuncs.com', ...parts.endpoints].some((name) => hostname.endsWith(`.${name}`));
}

function isAddress(hostname: string): boolean {
  return hostname.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}

function foreignHost({ hostname }: URL): Response {
  const text = `This server does not answer to the name ${hostname}. If it is yours, add it: --endpoint ${hostname}\n`;
  return new Response(text, { status: 403, headers: { 'content-type': 'text/plain' } });
}

async function askSts(request: Request, { sts, onrequest }: Parts): Promise<Response> {
  const line = { method: request.method, operation: 'AssumeRole', bucket: '', key: '' };
  const response = await sts.fetch(request);
  onrequest({ ...line, status: response.status });
  return response;
}

/** Returns whether somebody opened the address of the server in a browser. An SDK asks for no HTML there. */
function isBrowsing({ method, headers }: Request): boolean {
  const accepted = headers.get('accept') ?? '';
  return method === 'GET' && accepted.includes('text/html') && !headers.has('authorization');
}

function own({ method }: Request, { pathname }: URL, parts: Parts): Response {
  if (method !== 'GET' && method !== 'HEAD')
    return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
  const headers = { 'cache-control': 'no-store' };
  if (pathname === `${OWN_PATHS}health`) return health(parts, headers);
  if (pathname === OWN_PATHS) return new Response(pageOf(parts), { headers: pageHeaders() });
  return new Response('There is no such page.\n', { status: 404, headers });
}

function health({ oss, hasFailed }: Parts, headers: Record<string, string>): Response {
  const failed = hasFailed();
  const facts = { status: failed ? 'failed' : 'ok', buckets: oss.buckets.map(({ name }) => name) };
  return Response.json(facts, { status: failed ? 503 : 200, headers });
}
