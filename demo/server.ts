/**
 * The servers of the demo on this machine: the page with its edge, an OSS, and an STS. The page and the edge stand for
 * what a user has to build. LocalOss and LocalSts stand for what Alibaba Cloud runs.
 *
 * Other machines and other pages get nothing. The servers listen on 127.0.0.1, and refuse every other Host (which
 * protects against DNS rebinding) and every other Origin. They make new keys and a new prefix at each start, and need
 * no credentials.
 */
import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sirv from 'sirv';
import type { Credentials } from '../src/index.ts';
import { EXPOSED_HEADERS } from '../src/request/exposed-headers.ts';
import {
  type CorsRule,
  type Fault,
  type FaultRequest,
  type FaultSchedule,
  LocalOss,
  LocalSts,
} from '../src/testing/index.ts';
import { type EdgeEnvironment, edgeFrom } from './edge/app.ts';
import { createListener, type FetchHandler, type Listening, listen } from './node-http.ts';

/** Options of `startDemo`. */
export interface DemoOptions {
  /** The port of the page. By default, the system chooses a free port. */
  readonly port?: number | undefined;
  /** The port of the OSS. By default, the system chooses a free port. */
  readonly ossPort?: number | undefined;
  /** The faults of the OSS. By default, the setting "Network" of the page decides. */
  readonly faults?: FaultSchedule | undefined;
  /** Gets every request to the OSS, including preflights. */
  readonly onrequest?: ((request: Request) => void) | undefined;
  /**
   * Starts an edge in another process, such as workerd, and returns its origin. By default, the server of the page is
   * the edge.
   */
  readonly startEdge?: ((env: EdgeEnvironment) => Promise<string>) | undefined;
  /** The folder of the built page. Default: the folder `public` next to this file. */
  readonly publicFolder?: string | undefined;
}

/** A running demo. */
export interface Demo {
  /** The origin of the page. */
  readonly url: string;
  readonly ossUrl: string;
  /** The OSS itself, so that tests can read its objects. */
  readonly oss: LocalOss;
  readonly bucket: string;
  /** The beginning of all keys that the page may write. */
  readonly prefix: string;
  close(): Promise<void>;
}

const REGION = 'cn-hangzhou';
const BUCKET = 'demo-bucket';
const ROLE_ARN = 'acs:ram::1000000000000000:role/demo-append';

/**
 * Starts the demo.
 *
 * @example
 * ```ts
 * const demo = await startDemo();
 * console.log(demo.url);
 * await demo.close();
 * ```
 */
export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const { publicFolder = fileURLToPath(new URL('public', import.meta.url)) } = options;
  const servers = await listenAll(options);
  const { page, ossServer, stsServer } = servers;
  const prefix = `demo/${randomBytes(4).toString('hex')}/`;
  const network = new Network();
  const cloud = makeCloud(page.url, options.faults ?? network.faults);
  answerCloud(servers, cloud, options);
  const env = environmentOf(servers, cloud, prefix);
  const edgeUrl = (await options.startEdge?.(env)) ?? '';
  // This server has one user: everybody who opens the page.
  const edge = edgeFrom(env, { prefixOf: () => prefix });
  const config = { region: REGION, bucket: BUCKET, endpoint: ossServer.url, prefix, edge: edgeUrl };
  const routes: Readonly<Record<string, FetchHandler>> = {
    'GET /config': () => Response.json(config, { headers: { 'cache-control': 'no-store' } }),
    'POST /network': (request) => network.set(request),
  };
  const reachable = [ossServer.url, edgeUrl].join(' ').trim();
  const api = createListener(router(routes, edge));
  page.answerWith(onlyOwn(['host', 'origin'], site(api, publicFolder, reachable)));
  const close = async () => void (await Promise.all([page.close(), ossServer.close(), stsServer.close()]));
  return { url: page.url, ossUrl: ossServer.url, oss: cloud.oss, bucket: BUCKET, prefix, close };
}

/** The servers of the page, of the OSS and of the STS. */
interface Servers {
  readonly page: Listening;
  readonly ossServer: Listening;
  readonly stsServer: Listening;
}

/** Starts all servers, or none of them if a port is in use. */
async function listenAll({ port, ossPort }: DemoOptions): Promise<Servers> {
  const page = await listen({ port });
  const ossServer = await listen({ port: ossPort }).catch(async (error) => {
    await page.close();
    throw error;
  });
  return { page, ossServer, stsServer: await listen() };
}

/** An OSS and an STS that know one RAM key. */
interface Cloud {
  readonly oss: LocalOss;
  readonly sts: LocalSts;
  readonly ram: Pick<Credentials, 'accessKeyId' | 'accessKeySecret'>;
}

function makeCloud(pageUrl: string, faults: FaultSchedule): Cloud {
  const ram = {
    accessKeyId: `LTAI${randomBytes(10).toString('hex')}`,
    accessKeySecret: randomBytes(20).toString('hex'),
  };
  const accessKeys = { [ram.accessKeyId]: ram.accessKeySecret };
  const buckets = { [BUCKET]: { region: REGION, cors: [corsRule(pageUrl)] } };
  const oss = new LocalOss({ buckets, accessKeys, faults });
  return { oss, sts: new LocalSts({ oss, accessKeys, roles: { [ROLE_ARN]: {} } }), ram };
}

/** Lets the servers of the OSS and the STS answer. */
function answerCloud({ ossServer, stsServer }: Servers, { oss, sts }: Cloud, { onrequest }: DemoOptions): void {
  const answerOss = createListener((request) => {
    onrequest?.(request);
    return oss.fetch(request);
  });
  const answerSts = createListener((request) => sts.fetch(request));
  ossServer.answerWith(onlyOwn(['host'], answerOss));
  stsServer.answerWith(onlyOwn(['host'], answerSts));
}

/** The settings of the edge. */
function environmentOf({ page, ossServer, stsServer }: Servers, { ram }: Cloud, prefix: string): EdgeEnvironment {
  return {
    OSS_REGION: REGION,
    OSS_BUCKET: BUCKET,
    OSS_ENDPOINT: ossServer.url,
    STS_ENDPOINT: stsServer.url,
    RAM_KEY_ID: ram.accessKeyId,
    RAM_KEY_SECRET: ram.accessKeySecret,
    ROLE_ARN,
    SESSION_SECRET: randomBytes(32).toString('hex'),
    // The edge believes no Host header, so its own pages need an entry too.
    ORIGINS: pageOrigins(page.url).join(' '),
    PREFIX: prefix,
  };
}

/** The origins of the page with both names that browsers have for this machine. */
function pageOrigins(pageUrl: string): string[] {
  return [pageUrl, pageUrl.replace('127.0.0.1', 'localhost')];
}

/** The CORS rule that the README recommends for a bucket. */
function corsRule(pageUrl: string): CorsRule {
  return {
    allowedOrigins: pageOrigins(pageUrl),
    allowedMethods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['*'],
    exposeHeaders: EXPOSED_HEADERS,
    maxAgeSeconds: 600,
  };
}

/** The faults of the OSS, as the setting "Network" of the page chooses them. */
class Network {
  #kind = 'plain';

  readonly faults = ({ operation, nth }: FaultRequest): Fault | undefined => {
    if (operation !== 'AppendObject') return undefined;
    if (this.#kind === 'slow') return { kind: 'slow', bytesPerSecond: 2_000_000 };
    return this.#kind === 'lossy' && nth % 3 === 2 ? { kind: 'drop-after' } : undefined;
  };

  /** Answers `POST /network`. The body is one word. */
  async set(request: Request): Promise<Response> {
    const kind = await request.text();
    if (!['plain', 'slow', 'lossy'].includes(kind)) return new Response(null, { status: 400 });
    this.#kind = kind;
    return new Response(null, { status: 204 });
  }
}

/** Answers the routes of the page, and gives all other requests to the edge. */
function router(routes: Readonly<Record<string, FetchHandler>>, edge: FetchHandler): FetchHandler {
  return (request) => {
    const route = routes[`${request.method} ${new URL(request.url).pathname}`];
    return route ? route(request) : edge(request);
  };
}

/** Serves the files of the page, and gives all other requests to the API. */
function site(api: RequestListener, folder: string, reachable: string): RequestListener {
  // Without the option `dev`, sirv lists the files once at the start, so no path can lead out of the folder.
  const files = sirv(folder, { etag: true, setHeaders: (response) => response.setHeader('cache-control', 'no-cache') });
  const policy = `default-src 'self'; connect-src 'self' ${reachable}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
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
function onlyOwn(checked: readonly ('host' | 'origin')[], listener: RequestListener): RequestListener {
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

/** Starts the demo on the usual port, or on a free port if another program uses that port. */
async function main(): Promise<void> {
  const demo = await startDemo({ port: Number(process.env['PORT'] ?? 8080) }).catch((error) => {
    if (error.code === 'EADDRINUSE') return startDemo();
    throw error;
  });
  console.log(`oss-append demo: ${demo.url}   (LocalOss: ${demo.ossUrl})\nPress Ctrl-C to end the demo.`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) await main();
