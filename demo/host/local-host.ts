/**
 * The host of the demo on a LocalOss: everything behind the page as functions with `Request` and `Response`. The server
 * of `npm start` and the Service Worker of the static build both use it. The edge stands for what a user has to build.
 * LocalOss and LocalSts stand for what Alibaba Cloud runs.
 */
import { type Clock, type FaultSchedule, LocalOss, LocalSts, type ObjectStore } from '../../src/testing/index.ts';
import { type EdgeEnvironment, edgeFrom } from '../edge/app.ts';
import { breakRoutes } from './break-routes.ts';
import { corsRule } from './cors-rule.ts';
import { type DeskState, FaultDesk } from './fault-desk.ts';
import { type OssFetch, ossFetchOf } from './oss-fetch.ts';
import { pageHandler, type RequestHandler } from './page-handler.ts';
import { randomHex } from './random.ts';

/** What differs between the server and the Service Worker. */
export interface LocalHostOptions {
  readonly mode: 'local' | 'static';
  readonly bucket: string;
  /** The origin under which the page reaches the OSS, always in path style. */
  readonly endpoint: string;
  /** The origins of the page. */
  readonly origins: readonly string[];
  /** The path of the page's folder without a slash at its end. Default: empty, the root of the origin. */
  readonly base?: string | undefined;
  /** The keys and the prefix. If a restart keeps the objects, these must also stay the same. */
  readonly identity: HostIdentity;
  /** The user of every request, if cookies cannot tell users apart. By default, sessions with cookies do. */
  readonly user?: string | undefined;
  /**
   * Returns the address of an edge that takes the place of this host's own. It is called when the page asks for the
   * address.
   */
  readonly edgeUrl?: (() => string | undefined) | undefined;
  /** The faults of a test. Without them, the page chooses the faults. */
  readonly faults?: FaultSchedule | undefined;
  /** Keeps the objects elsewhere. */
  readonly store?: HostStore | undefined;
  /** The clock of the OSS. Default: that of the system. */
  readonly clock?: Partial<Clock> | undefined;
}

/** Keeps objects, and the faults and counters. */
export interface HostStore extends ObjectStore {
  /** Makes an object again, before the first look at it. */
  load(oss: LocalOss, key: string): Promise<void>;
  saveDesk(state: DeskState): Promise<void>;
}

/** The random values that a host chooses at its first start. */
export interface HostIdentity {
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** The secret of the sessions. */
  readonly sessionSecret: string;
}

/** The parts of a host, to be put behind servers. */
export interface LocalHost {
  /** Answers the page: its routes, and those of the edge. */
  readonly page: RequestHandler;
  /** Answers the requests to the OSS. It rejects if a fault ends the connection. */
  readonly ossFetch: OssFetch;
  readonly stsFetch: LocalSts['fetch'];
  /** The OSS itself, to look at its objects. */
  readonly oss: LocalOss;
  readonly desk: FaultDesk;
  /** The settings of an edge that runs in another process. */
  readonly environment: EdgeEnvironment;
}

const REGION = 'cn-hangzhou';
const ROLE_ARN = 'acs:ram::1000000000000000:role/demo-append';

/** Makes new random keys and a new random prefix. */
export function newIdentity(): HostIdentity {
  return {
    prefix: `demo/${randomHex(4)}/`,
    accessKeyId: `LTAI${randomHex(10)}`,
    accessKeySecret: randomHex(20),
    sessionSecret: randomHex(32),
  };
}

/**
 * Makes a host.
 *
 * @example
 * ```ts
 * const origin = 'http://127.0.0.1:8080';
 * const place = { bucket: 'demo-bucket', endpoint: 'http://127.0.0.1:8081', origins: [origin] };
 * const host = makeLocalHost({ mode: 'local', identity: newIdentity(), ...place });
 * const config = await host.page(new Request(`${origin}/config`));
 * ```
 */
export function makeLocalHost(options: LocalHostOptions): LocalHost {
  const { mode, bucket, endpoint, base, identity, user, store } = options;
  const { prefix } = identity;
  const desk = new FaultDesk();
  const { oss, sts } = cloudOf(options, desk);
  const prepare = store && ((key: string) => store.load(oss, key));
  const onchange = store && (() => store.saveDesk(desk.state));
  const ossFetch = ossFetchOf({ oss, desk, prepare });
  const environment = environmentOf(options);
  // The host has one user: everybody who opens the page.
  const edge = edgeFrom(environment, { prefixOf: () => prefix, user, pathStyle: true, ossFetch, stsFetch: sts.fetch });
  const config = { mode, region: REGION, bucket, endpoint, pathStyle: true, prefix, canBreak: true };
  const routes = breakRoutes({ oss, bucket, prefix, desk, prepare, onchange });
  const page = pageHandler({ config, base, routes, edge, edgeUrl: options.edgeUrl });
  return { page, ossFetch, stsFetch: sts.fetch, oss, desk, environment };
}

/** Makes an OSS and an STS that know one RAM key. */
function cloudOf(
  { bucket, identity, origins, faults, clock = {}, store }: LocalHostOptions,
  desk: FaultDesk,
): { readonly oss: LocalOss; readonly sts: LocalSts } {
  const accessKeys = { [identity.accessKeyId]: identity.accessKeySecret };
  const buckets = { [bucket]: { region: REGION, cors: [corsRule(origins)] } };
  const oss = new LocalOss({ buckets, accessKeys, faults: faults ?? desk.faults, clock, ...(store && { store }) });
  return { oss, sts: new LocalSts({ oss, accessKeys, roles: { [ROLE_ARN]: {} } }) };
}

/** The settings of the edge. */
function environmentOf({ bucket, endpoint, origins, identity }: LocalHostOptions): EdgeEnvironment {
  return {
    OSS_REGION: REGION,
    OSS_BUCKET: bucket,
    OSS_ENDPOINT: endpoint,
    OSS_ACCESS_KEY_ID: identity.accessKeyId,
    OSS_ACCESS_KEY_SECRET: identity.accessKeySecret,
    OSS_ROLE_ARN: ROLE_ARN,
    SESSION_SECRET: identity.sessionSecret,
    // The edge believes no Host header, so its own pages need an entry too.
    ORIGINS: origins.join(' '),
    PREFIX: identity.prefix,
  };
}
