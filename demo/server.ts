/**
 * The demo on this machine: the page with its edge, and an OSS, each with its own origin. Without settings in the
 * environment, the OSS is a LocalOss. With the settings of a real bucket, it is that bucket (see real-server.ts).
 *
 * Other machines and other pages get nothing. The servers listen on 127.0.0.1, and refuse every other Host (which
 * protects against DNS rebinding) and every other Origin. They make new keys and a new prefix at each start, and need
 * no credentials.
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FaultSchedule, LocalOss } from '../src/testing/index.ts';
import { createListener, type Listening, listen } from '../src/testing/node/http.ts';
import type { EdgeEnvironment } from './edge/app.ts';
import { type LocalHost, makeLocalHost, newIdentity } from './host/local-host.ts';
import { realSettingsFrom } from './host/real-settings.ts';
import { startRealDemo } from './real-server.ts';
import { bothOrigins, onlyOwn, site } from './site.ts';

/** Options of `startDemo`. */
export interface DemoOptions {
  /** The port of the page. By default, the system chooses a free port. */
  readonly port?: number | undefined;
  /** The port of the OSS. By default, the system chooses a free port. */
  readonly ossPort?: number | undefined;
  /** The faults of the OSS. By default, the page decides. */
  readonly faults?: FaultSchedule | undefined;
  /** Gets every request to the server of the OSS, including preflights. */
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

const BUCKET = 'demo-bucket';

/** The folder of the built page, next to the built server. */
const PUBLIC = fileURLToPath(new URL('public', import.meta.url));

/**
 * Starts the demo on a LocalOss.
 *
 * @example
 * ```ts
 * const demo = await startDemo();
 * console.log(demo.url);
 * await demo.close();
 * ```
 */
export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const { publicFolder = PUBLIC, faults } = options;
  const servers = await listenAll(options);
  const { page, ossServer } = servers;
  const identity = newIdentity();
  let edgeUrl: string | undefined;
  const place = { bucket: BUCKET, endpoint: ossServer.url, origins: bothOrigins(page.url), edgeUrl: () => edgeUrl };
  const host = makeLocalHost({ mode: 'local', identity, faults, ...place });
  answerCloud(servers, host, options);
  edgeUrl = await options.startEdge?.({ ...host.environment, OSS_STS_ENDPOINT: servers.stsServer.url });
  const reachable = [ossServer.url, edgeUrl ?? []].flat();
  page.answerWith(onlyOwn(['host', 'origin'], site({ api: createListener(host.page), publicFolder, reachable })));
  const close = async () => void (await Promise.all(Object.values(servers).map((server) => server.close())));
  const { oss } = host;
  return { url: page.url, ossUrl: ossServer.url, oss, bucket: BUCKET, prefix: identity.prefix, close };
}

/** The servers of the page, of the OSS and of the STS. Only an edge in another process needs the STS. */
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

/** Lets the servers of the OSS and the STS answer. */
function answerCloud({ ossServer, stsServer }: Servers, host: LocalHost, { onrequest }: DemoOptions): void {
  const answerOss = createListener((request) => {
    onrequest?.(request);
    return host.ossFetch(request);
  });
  ossServer.answerWith(onlyOwn(['host'], answerOss));
  stsServer.answerWith(onlyOwn(['host'], createListener(host.stsFetch)));
}

/** Starts the demo on the usual port, or on a free port if another program uses that port. Returns its greeting. */
async function start(): Promise<string> {
  const settings = realSettingsFrom(process.env);
  const onPort = async (port: number | undefined): Promise<string> => {
    if (settings) return (await startRealDemo(settings, { port, publicFolder: PUBLIC })).greeting;
    const { url, ossUrl } = await startDemo({ port });
    return `oss-append demo: ${url}   (LocalOss: ${ossUrl})`;
  };
  return onPort(Number(process.env['PORT'] ?? 8080)).catch((error) => {
    if (error.code === 'EADDRINUSE') return onPort(undefined);
    throw error;
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href)
  console.log(`${await start()}\nPress Ctrl-C to end the demo.`);
