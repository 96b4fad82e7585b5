/**
 * The demo's two origins on this machine: a page with its token endpoint, and an OSS for it. It stands for what a user
 * has to build (an endpoint that hands out STS tokens for one prefix) and for what Alibaba Cloud runs.
 *
 * It gives nothing away: it listens on 127.0.0.1, answers no other Host (a rebound DNS name) and no other page's Origin,
 * makes its keys and its prefix at each start, and takes no credentials from anywhere.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sirv from 'sirv';
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
import { createListener, type FetchHandler, listen } from './node-http.ts';

/** What `startDemo` may be told. */
export interface DemoOptions {
  /** Port of the page. Default: any free one. */
  readonly port?: number | undefined;
  /** Port of the OSS. Default: any free one. */
  readonly ossPort?: number | undefined;
  /** What goes wrong in the OSS. Default: what the page's network setting asks for. */
  readonly faults?: FaultSchedule | undefined;
  /** Told of every request to the OSS, preflights too. */
  readonly onrequest?: ((request: Request) => void) | undefined;
  /** Starts an edge elsewhere, such as in workerd, and gives its origin. Default: the page's own server is the edge. */
  readonly startEdge?: ((env: EdgeEnvironment) => Promise<string>) | undefined;
  /** Folder of the built page. Default: `public` beside this file. */
  readonly publicFolder?: string | undefined;
}

/** A running demo. */
export interface Demo {
  /** Of the page. */
  readonly url: string;
  readonly ossUrl: string;
  /** The OSS itself, to look into. */
  readonly oss: LocalOss;
  readonly bucket: string;
  /** What every key of the page begins with. */
  readonly prefix: string;
  close(): Promise<void>;
}

const REGION = 'cn-hangzhou';
const BUCKET = 'demo-bucket';
const TOKEN_LIFE = 900;
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
  const { port, ossPort, publicFolder = fileURLToPath(new URL('public', import.meta.url)) } = options;
  const page = await listen({ port });
  const ossServer = await listen({ port: ossPort }).catch(async (error) => {
    await page.close();
    throw error;
  });
  const stsServer = await listen();
  const prefix = `demo/${randomBytes(4).toString('hex')}/`;
  const network = new Network();
  const ram = { id: `LTAI${randomBytes(10).toString('hex')}`, secret: randomBytes(20).toString('hex') };
  const accessKeys = { [ram.id]: ram.secret };
  const oss = new LocalOss({
    buckets: { [BUCKET]: { region: REGION, cors: [corsRule(page.url)] } },
    accessKeys,
    faults: options.faults ?? network.faults,
  });
  const sts = new LocalSts({ oss, accessKeys, roles: { [ROLE_ARN]: {} } });
  const answer = (request: Request) => {
    options.onrequest?.(request);
    return oss.fetch(request);
  };
  ossServer.answerWith(onlyOwn(['host'], createListener(answer)));
  stsServer.answerWith(
    onlyOwn(
      ['host'],
      createListener((request) => sts.fetch(request)),
    ),
  );
  const env: EdgeEnvironment = {
    OSS_REGION: REGION,
    OSS_BUCKET: BUCKET,
    OSS_ENDPOINT: ossServer.url,
    STS_ENDPOINT: stsServer.url,
    RAM_KEY_ID: ram.id,
    RAM_KEY_SECRET: ram.secret,
    ROLE_ARN,
    SESSION_SECRET: randomBytes(32).toString('hex'),
    // The page's own origin is listed, because the edge believes no Host header.
    ORIGINS: pageOrigins(page.url).join(' '),
    PREFIX: prefix,
  };
  const edgeUrl = (await options.startEdge?.(env)) ?? '';
  // Whoever opens this page is the one user of this server.
  const edge = edgeFrom(env, { prefixOf: () => prefix });
  const config = { region: REGION, bucket: BUCKET, endpoint: ossServer.url, prefix, edge: edgeUrl };
  const api = createListener(
    router(
      {
        'GET /config': () => Response.json(config, NO_STORE),
        'POST /sts': () => Response.json(assumeRole(oss, prefix), NO_STORE),
        'POST /network': (request) => network.set(request),
      },
      edge,
    ),
  );
  const reachable = [ossServer.url, edgeUrl].join(' ').trim();
  page.answerWith(onlyOwn(['host', 'origin'], site(api, publicFolder, reachable)));
  const servers = [page, ossServer, stsServer];
  const close = async () => void (await Promise.all(servers.map((server) => server.close())));
  return { url: page.url, ossUrl: ossServer.url, oss, bucket: BUCKET, prefix, close };
}

/** Both names that browsers know this machine by. */
function pageOrigins(pageUrl: string): string[] {
  return [pageUrl, pageUrl.replace('127.0.0.1', 'localhost')];
}

/** The same CORS rule as the README gives for a bucket of one's own. */
function corsRule(pageUrl: string): CorsRule {
  return {
    allowedOrigins: pageOrigins(pageUrl),
    allowedMethods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['*'],
    exposeHeaders: EXPOSED_HEADERS,
    maxAgeSeconds: 600,
  };
}

/** What STS answers to AssumeRole with a session policy. */
function assumeRole(oss: LocalOss, prefix: string): object {
  const policy = {
    Version: '1',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['oss:PutObject', 'oss:GetObject'],
        Resource: [`acs:oss:*:*:${BUCKET}/${prefix}*`],
      },
    ],
  };
  const token = oss.issueToken({ policy, durationSeconds: TOKEN_LIFE });
  return {
    RequestId: randomUUID().toUpperCase(),
    AssumedRoleUser: {
      AssumedRoleId: '300000000000000000:page',
      Arn: 'acs:ram::1000000000000000:role/demo-append/page',
    },
    Credentials: {
      AccessKeyId: token.accessKeyId,
      AccessKeySecret: token.accessKeySecret,
      SecurityToken: token.securityToken,
      Expiration: token.expiration,
    },
  };
}

/** What goes wrong, as the page's setting says. */
class Network {
  #kind = 'plain';

  readonly faults = ({ operation, nth }: FaultRequest): Fault | undefined => {
    if (operation !== 'AppendObject') return undefined;
    if (this.#kind === 'slow') return { kind: 'slow', bytesPerSecond: 2_000_000 };
    return this.#kind === 'lossy' && nth % 3 === 2 ? { kind: 'drop-after' } : undefined;
  };

  /** Answers `POST /network`, whose body is one word. */
  async set(request: Request): Promise<Response> {
    const kind = await request.text();
    if (!['plain', 'slow', 'lossy'].includes(kind)) return new Response(null, { status: 400 });
    this.#kind = kind;
    return new Response(null, { status: 204 });
  }
}

const NO_STORE = { headers: { 'cache-control': 'no-store' } };

/** The page's own routes, and those of the edge. */
function router(routes: Readonly<Record<string, FetchHandler>>, edge: FetchHandler): FetchHandler {
  return (request) => {
    const route = routes[`${request.method} ${new URL(request.url).pathname}`];
    return route ? route(request) : edge(request);
  };
}

/** The page's files, and the API for everything else. */
function site(api: RequestListener, folder: string, reachable: string): RequestListener {
  // Not `dev`: what is served is listed once, so that no path leads out of the folder.
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

/** Refuses requests that name another host, or come from another origin's page: a DNS name can be made to point here. */
function onlyOwn(checked: readonly ('host' | 'origin')[], listener: RequestListener): RequestListener {
  return (incoming, outgoing) => {
    const { headers, socket } = incoming;
    const hosts = [`127.0.0.1:${socket.localPort}`, `localhost:${socket.localPort}`];
    const own: Record<'host' | 'origin', (string | undefined)[]> = {
      host: hosts,
      origin: [undefined, ...hosts.map((host) => `http://${host}`)],
    };
    if (checked.every((name) => own[name].includes(headers[name]))) return listener(incoming, outgoing);
    outgoing.writeHead(403, { 'content-type': 'text/plain' }).end('Refused: this server is for this machine only\n');
  };
}

/** The usual port, or another one where that is taken. */
async function main(): Promise<void> {
  const demo = await startDemo({ port: Number(process.env['PORT'] ?? 8080) }).catch((error) => {
    if (error.code === 'EADDRINUSE') return startDemo();
    throw error;
  });
  console.log(`oss-append demo: ${demo.url}   (its OSS: ${demo.ossUrl})\nCtrl-C ends it.`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) await main();
