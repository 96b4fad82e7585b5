/**
 * The servers for every runtime, in the Node process of the runner. There are three origins: LocalOss over real HTTP, a
 * control endpoint that sets faults and reads objects directly, and a page with a strict content security policy. A
 * fault that drops a connection destroys its socket.
 */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { extname, join } from 'node:path';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import {
  type CorsRule,
  type Fault,
  type FaultRequest,
  LocalOss,
  type LocalOssOptions,
} from '../../src/testing/index.ts';
import { createListener, type FetchHandler, listen } from '../../src/testing/node/http.ts';
import type { FaultRule, Report, RunConfig, WireRequest } from './context.ts';

/** A running server. */
export interface RuntimeServer extends RunConfig {
  readonly controlUrl: string;
  /** The URL of the page. Another host name of this machine works too. */
  readonly pageUrl: string;
  /** The time in ms in which a run must send its report, if it is not the usual time. */
  readonly timeLimit?: number | undefined;
  /** Resolves to the report that a run sends at its end. */
  report(run: string): Promise<Report>;
  close(): Promise<void>;
}

const REGION = 'cn-hangzhou';
const CORS: CorsRule = {
  allowedOrigins: ['*'],
  allowedMethods: ['GET', 'HEAD', 'POST'],
  allowedHeaders: ['*'],
  exposeHeaders: [...EXPOSED_HEADERS, 'x-oss-meta-origin'],
};
/**
 * The buckets differ in their CORS rules. A page can read all necessary headers of the first bucket, only the default
 * headers of the second, and no answer of the third.
 */
const BUCKETS: LocalOssOptions['buckets'] = {
  'open-bucket': { region: REGION, cors: [CORS] },
  'hidden-bucket': { region: REGION, cors: [{ ...CORS, exposeHeaders: [] }] },
  'closed-bucket': { region: REGION },
};
const PERMANENT = { accessKeyId: 'LTAIPermanentKeyOfTests', accessKeySecret: 'PermanentSecretOfTests' };
const MIME: Record<string, string> = { '.html': 'text/html', '.mjs': 'text/javascript' };

/** Starts the three origins. The files of the page are in `folder`. */
export async function startServer(folder: string): Promise<RuntimeServer> {
  const faults = new Faults();
  const wire = new Wire();
  const reports = new Reports();
  const { accessKeyId, accessKeySecret } = PERMANENT;
  const oss = new LocalOss({
    buckets: BUCKETS,
    accessKeys: { [accessKeyId]: accessKeySecret },
    faults: (request) => faults.due(request),
  });
  const [ossServer, controlServer, pageServer, deadServer] = await Promise.all([
    listen(),
    listen(),
    listen(),
    listen(),
  ]);
  await deadServer.close();
  const config = { ossUrl: ossServer.url, deadUrl: deadServer.url, region: REGION, permanent: PERMANENT };
  const ossListener = createListener((request) => oss.fetch(request));
  ossServer.answerWith((incoming, outgoing) => {
    wire.record(incoming);
    ossListener(incoming, outgoing);
  });
  controlServer.answerWith(createListener(control({ oss, faults, wire, reports, config })));
  const policy = `default-src 'self'; connect-src ${ossServer.url} ${controlServer.url} ${deadServer.url}`;
  const pageListener = createListener(pageFiles(folder, policy));
  pageServer.answerWith((incoming, outgoing) => {
    // A browser that uses this server as its proxy sends the whole URL instead of the path.
    incoming.url = incoming.url?.replace(/^http:\/\/[^/]+/, '');
    pageListener(incoming, outgoing);
  });
  return {
    ...config,
    controlUrl: controlServer.url,
    pageUrl: pageServer.url,
    report: (run) => reports.of(run),
    close: async () => void (await Promise.all([ossServer.close(), controlServer.close(), pageServer.close()])),
  };
}

/** The faults for each object. Cases do not share objects, so they do not share faults. */
export class Faults {
  readonly #rules = new Map<string, FaultRule[]>();
  readonly #spent = new Map<FaultRule, number>();

  add(key: string, rules: readonly FaultRule[]): void {
    this.#rules.set(key, [...(this.#rules.get(key) ?? []), ...rules]);
  }

  clear(key: string): void {
    this.#rules.delete(key);
  }

  due({ key, operation, nth }: FaultRequest): Fault[] {
    const due = (this.#rules.get(key) ?? []).filter(
      (rule) =>
        (rule.operation ?? 'AppendObject') === operation &&
        nth >= (rule.nth ?? 1) &&
        (this.#spent.get(rule) ?? 0) < (rule.times ?? 1),
    );
    for (const rule of due) this.#spent.set(rule, (this.#spent.get(rule) ?? 0) + 1);
    return due;
  }
}

/** Records all received requests, including preflights and retries by the platform. */
export class Wire {
  readonly #requests = new Map<string, WireRequest[]>();
  readonly #used = new WeakSet<Socket>();

  record({ method = '', url = '', socket }: IncomingMessage): void {
    const { pathname, searchParams } = new URL(url, 'http://oss');
    const request = { method, position: searchParams.get('position'), reused: this.#used.has(socket) };
    this.#used.add(socket);
    const key = decodeURIComponent(pathname.split('/').slice(2).join('/'));
    this.#requests.set(key, [...this.of(key), request]);
  }

  of(key: string): readonly WireRequest[] {
    return this.#requests.get(key) ?? [];
  }
}

/** The reports of the runs. The runner can ask for a report before or after it arrives. */
export class Reports {
  readonly #settled = new Map<string, { promise: Promise<Report>; resolve(report: Report): void }>();

  of(run: string): Promise<Report> {
    return this.#slot(run).promise;
  }

  put(run: string, report: Report): void {
    this.#slot(run).resolve(report);
  }

  #slot(run: string): { promise: Promise<Report>; resolve(report: Report): void } {
    let resolve: (report: Report) => void = () => {};
    const promise = new Promise<Report>((settle) => {
      resolve = settle;
    });
    const slot = this.#settled.get(run) ?? { promise, resolve };
    this.#settled.set(run, slot);
    return slot;
  }
}

interface Parts {
  readonly oss: LocalOss;
  readonly faults: Faults;
  readonly wire: Wire;
  readonly reports: Reports;
  readonly config: RunConfig;
}

/** The methods of the requests that were redirected to the control endpoint, listed by the key of their object. */
export class Elsewhere {
  readonly #methods = new Map<string, string[]>();

  record(key: string, method: string): void {
    this.#methods.set(key, [...this.of(key), method]);
  }

  of(key: string): readonly string[] {
    return this.#methods.get(key) ?? [];
  }
}

/** A server that stores the bytes of each append as they arrive, and judges neither signatures nor positions. */
export class Plain {
  readonly #arrived = new Map<string, { readonly bytes: Uint8Array; readonly type: string | null }[]>();

  async take(query: URLSearchParams, request: Request): Promise<Response> {
    const [key, position] = [need(query, 'key'), Number(need(query, 'position'))];
    const bytes = new Uint8Array(await request.arrayBuffer());
    this.#arrived.set(key, [...this.#of(key), { bytes, type: request.headers.get('content-type') }]);
    const next = String(position + bytes.byteLength);
    return new Response(null, {
      headers: { ...OPEN, 'x-oss-request-id': 'PLAIN', 'x-oss-next-append-position': next },
    });
  }

  /** Returns all bytes as the body, and the Content-Type of each request in a header. */
  seen(key: string): Response {
    const types = this.#of(key).map(({ type }) => type);
    const headers = { ...OPEN, 'x-view': JSON.stringify(types) };
    return new Response(new Blob(this.#of(key).map(({ bytes }) => bytes as Uint8Array<ArrayBuffer>)), { headers });
  }

  #of(key: string) {
    return this.#arrived.get(key) ?? [];
  }
}

/** Returns the handler of the control endpoint. The runtimes send bodies as text/plain, which needs no preflight. */
function control({ oss, faults, wire, reports, config }: Parts): FetchHandler {
  const elsewhere = new Elsewhere();
  const plain = new Plain();
  const lead = (query: URLSearchParams, { method }: Request) => elsewhere.record(need(query, 'key'), method);
  const routes: Record<string, (query: URLSearchParams, request: Request) => unknown> = {
    'GET /config': () => config,
    'POST /token': () => oss.issueToken(),
    'GET /token': () => ({ Credentials: assumed(oss) }),
    'POST /faults': async (query, request) => faults.add(need(query, 'key'), await request.json()),
    'DELETE /faults': (query) => faults.clear(need(query, 'key')),
    'POST /elsewhere': lead,
    'HEAD /elsewhere': lead,
    'GET /elsewhere': lead,
    'GET /elsewhere/methods': (query) => elsewhere.of(need(query, 'key')),
    'POST /plain': (query, request) => plain.take(query, request),
    'GET /plain/seen': (query) => plain.seen(need(query, 'key')),
    'GET /wire': (query) => wire.of(need(query, 'key')),
    'GET /object': (query) => view(oss, need(query, 'bucket'), need(query, 'key')),
    'POST /normal': async (query, request) => {
      oss.putObject(need(query, 'bucket'), need(query, 'key'), new Uint8Array(await request.arrayBuffer()));
    },
    'POST /report': async (query, request) => reports.put(need(query, 'run'), await request.json()),
  };
  return async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const route = routes[`${request.method} ${pathname}`];
    // happy-dom sends a preflight also before a simple request.
    if (request.method === 'OPTIONS') return new Response(null, { headers: OPEN });
    if (!route) return new Response('There is nothing here\n', { status: 404, headers: OPEN });
    const answer = await route(searchParams, request);
    return answer instanceof Response ? answer : Response.json(answer ?? null, { headers: OPEN });
  };
}

export const OPEN = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, DELETE',
  // The wildcard "*" does not include the header Authorization.
  'access-control-allow-headers': 'authorization, *',
  'access-control-expose-headers': ['x-view', ...EXPOSED_HEADERS].join(', '),
  'cache-control': 'no-store',
};

/** Returns a new token with the field names of an AssumeRole answer. */
function assumed(oss: LocalOss): Record<string, string> {
  const { accessKeyId, accessKeySecret, securityToken, expiration } = oss.issueToken();
  return {
    AccessKeyId: accessKeyId,
    AccessKeySecret: accessKeySecret,
    SecurityToken: securityToken,
    Expiration: String(expiration),
  };
}

export function need(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null) throw new TypeError(`the query has no ${name}`);
  return value;
}

/** Returns the bytes of an object as the body, and its other properties in a header. */
function view(oss: LocalOss, bucket: string, key: string): Response | undefined {
  const object = oss.object(bucket, key);
  if (!object) return undefined;
  const { length, crc64, appends, headers } = object;
  return new Response(object.bytes(), {
    headers: { ...OPEN, 'x-view': JSON.stringify({ length, crc64, appends, headers }) },
  });
}

/** Returns a handler that serves the files of a folder with a strict content security policy. */
export function pageFiles(folder: string, policy: string): FetchHandler {
  return async (request) => {
    const { pathname } = new URL(request.url);
    const name = pathname === '/' ? 'index.html' : pathname.slice(1);
    const type = MIME[extname(name)];
    if (!type || !/^[a-z-]+\.[a-z]+$/.test(name)) return new Response(null, { status: 404 });
    const headers = { 'content-type': type, 'content-security-policy': policy, 'cache-control': 'no-store' };
    return new Response(await readFile(join(folder, name)), { headers });
  };
}
