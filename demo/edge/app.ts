/**
 * The application of the demo: it reads its settings from the environment, gives a session to everybody, and can set a
 * quota.
 */
import { createEdge, type EdgeHandler, type EdgeOptions } from '../../src/edge/index.ts';
import { type AssumeRoleOptions, appendPolicy, assumeRole } from '../../src/sts.ts';
import { Sessions } from './session.ts';

/** The bindings of a Worker, or the environment of a process. */
export interface EdgeEnvironment {
  readonly OSS_REGION: string;
  readonly OSS_BUCKET: string;
  /** Default: the endpoint of Alibaba Cloud. */
  readonly OSS_ENDPOINT?: string;
  /** Default: the endpoint of Alibaba Cloud. */
  readonly OSS_STS_ENDPOINT?: string;
  /** The key of a RAM user who may write to the bucket and assume the role. */
  readonly OSS_ACCESS_KEY_ID: string;
  readonly OSS_ACCESS_KEY_SECRET: string;
  readonly OSS_ROLE_ARN: string;
  /** A secret of at least 32 characters. */
  readonly SESSION_SECRET: string;
  /** The secret of the URLs of resumable uploads, at least 32 characters. Default: `SESSION_SECRET`. */
  readonly UPLOAD_SECRET?: string;
  /** `true` if users may delete the objects of their uploads. Without a value, nothing is ever deleted. */
  readonly DELETES_UPLOADS?: string;
  /** The origins whose pages may call, separated by spaces. */
  readonly ORIGINS: string;
  /** The beginning of all keys: empty, or a text that ends with `/`. The name of the user follows. */
  readonly PREFIX: string;
  /**
   * The greatest length of an object in bytes. Default 5 GiB. With this setting nobody gets a token, because the holder
   * of a token can store any number of bytes. Pages use grants or uploads then.
   */
  readonly MAX_OBJECT_SIZE?: string;
  /**
   * The bytes of one segment of an upload. Default: that of `createEdge`, which is for many uploads at the same time.
   */
  readonly SEGMENT_SIZE?: string;
}

/** The settings that do not come from the environment. */
export interface EdgeExtras {
  /** Returns the beginning of a user's keys. Default: the setting PREFIX and the name of the user. */
  readonly prefixOf?: EdgeOptions['prefixOf'] | undefined;
  /** The user of every request. Without it, a session with a cookie tells the users apart. */
  readonly user?: string | undefined;
  /** Replaces the global `fetch` for requests to OSS. */
  readonly ossFetch?: EdgeOptions['oss']['fetch'] | undefined;
  /** Replaces the global `fetch` for requests to STS. */
  readonly stsFetch?: AssumeRoleOptions['fetch'] | undefined;
  /** Puts the bucket into the path, for a LocalOss at an origin that is neither localhost nor an IP address. */
  readonly pathStyle?: boolean | undefined;
  /** Keeps the lengths of uploads. Default: a client must send the length when it creates an upload. */
  readonly keepLength?: EdgeOptions['keepLength'];
  /** The path of the edge for clients. Default: the root of its origin. */
  readonly basePath?: string | undefined;
  /** Signs grants and uploads. Default: the key of the RAM user. */
  readonly credentials?: EdgeOptions['credentials'] | undefined;
}

/**
 * Makes the handler of the demo. It has the routes of `createEdge`, and `POST /session`, which stands for a login.
 *
 * @throws TypeError or RangeError for settings that are missing or cannot work.
 */
export function edgeFrom(env: EdgeEnvironment, extras: EdgeExtras = {}): EdgeHandler {
  for (const name of REQUIRED) if (!env[name]) throw new TypeError(`The setting ${name} is missing`);
  const most = bytesFrom(env, 'MAX_OBJECT_SIZE');
  const base = checkPrefix(env.PREFIX);
  const { ossFetch: fetch, pathStyle, prefixOf = (user) => `${base}${user}/` } = extras;
  const place = { region: env.OSS_REGION, bucket: env.OSS_BUCKET, endpoint: env.OSS_ENDPOINT || undefined };
  const ram = { accessKeyId: env.OSS_ACCESS_KEY_ID, accessKeySecret: env.OSS_ACCESS_KEY_SECRET };
  return createEdge({
    oss: { ...place, pathStyle, fetch },
    credentials: extras.credentials ?? ram,
    tokenFor: most === undefined ? (user, prefix) => tokenFor(env, { user, prefix }, extras) : undefined,
    prefixOf,
    keepLength: extras.keepLength,
    basePath: extras.basePath,
    uploadSecret: env.UPLOAD_SECRET || env.SESSION_SECRET,
    deletesUploads: env.DELETES_UPLOADS === 'true',
    allows: ({ position = 0, size = 0 }) => most === undefined || position + size <= most,
    maxUpload: most,
    segmentSize: bytesFrom(env, 'SEGMENT_SIZE'),
    onfailure: ({ method, route, status, code }) => console.warn(`${method} ${route}: ${status} ${code}`),
    ...usersOf(env, extras.user, prefixOf),
  });
}

/** Returns the options that tell users apart: by sessions with cookies, or not at all. */
function usersOf(
  env: EdgeEnvironment,
  only: string | undefined,
  prefixOf: EdgeOptions['prefixOf'],
): Pick<EdgeOptions, 'authenticate' | 'origins' | 'routes'> {
  const origins = env.ORIGINS.split(' ').filter(Boolean);
  const sessions = new Sessions({ secret: env.SESSION_SECRET, name: cookieName(origins) });
  if (only !== undefined) {
    const welcome = () => json({ user: only, prefix: prefixOf(only) });
    return { origins, authenticate: () => only, routes: { 'POST /session': welcome } };
  }
  // Behind a proxy, a request may name another scheme than the page has. So the origins of the pages decide.
  const secure = !origins.every(isPlainHttp);
  const routes = { 'POST /session': (request: Request) => login(request, { sessions, prefixOf, secure }) };
  return { origins, authenticate: (request) => sessions.userOf(request), routes };
}

/**
 * Returns the name of the cookie. Browsers send a cookie to every port of a host, so two demos on one machine, whose pages
 * have different ports, need different names.
 */
function cookieName([origin = '']: readonly string[]): string {
  const port = /:(\d+)$/.exec(origin)?.[1];
  return port === undefined ? 'session' : `session-${port}`;
}

const REQUIRED = [
  'OSS_REGION',
  'OSS_BUCKET',
  'OSS_ACCESS_KEY_ID',
  'OSS_ACCESS_KEY_SECRET',
  'OSS_ROLE_ARN',
  'SESSION_SECRET',
  'ORIGINS',
] as const;

/** A user, and the beginning of the user's keys. */
interface Holder {
  readonly user: string;
  readonly prefix: string;
}

/** Gets an STS token that can append below the prefix of a user, for 15 minutes. */
export function tokenFor(
  env: EdgeEnvironment,
  { user, prefix }: Holder,
  { stsFetch }: Pick<EdgeExtras, 'stsFetch'> = {},
): ReturnType<typeof assumeRole> {
  return assumeRole({
    accessKeyId: env.OSS_ACCESS_KEY_ID,
    accessKeySecret: env.OSS_ACCESS_KEY_SECRET,
    roleArn: env.OSS_ROLE_ARN,
    roleSessionName: `user-${user}`,
    durationSeconds: 900,
    policy: appendPolicy({ bucket: env.OSS_BUCKET, prefix }),
    endpoint: env.OSS_STS_ENDPOINT || undefined,
    fetch: stsFetch,
  });
}

/** The values that the login route needs. */
interface Login {
  readonly sessions: Sessions;
  readonly prefixOf: (user: string) => string;
  /** Whether browsers send the cookie only over HTTPS. */
  readonly secure: boolean;
}

/** Lets everybody in. A visitor with a good cookie stays the same user, and everybody else becomes a new user. */
async function login(request: Request, { sessions, prefixOf, secure }: Login): Promise<Response> {
  const user = (await sessions.userOf(request)) ?? newUser();
  const response = json({ user, prefix: prefixOf(user) });
  response.headers.append('set-cookie', await sessions.issue(user, { secure }));
  return response;
}

function json(data: object): Response {
  return Response.json(data, { headers: { 'cache-control': 'no-store' } });
}

/** Returns a name of 128 random bits. With 32 bits, two of some ten thousand visitors would get the same prefix. */
function newUser(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Reads a number of bytes. Returns undefined if the setting is absent or empty. */
function bytesFrom(env: EdgeEnvironment, name: 'MAX_OBJECT_SIZE' | 'SEGMENT_SIZE'): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw new TypeError(`The setting ${name} must be a number of bytes`);
  return Number(text);
}

function checkPrefix(prefix: unknown): string {
  if (typeof prefix === 'string' && /^$|[^/]\/$/.test(prefix)) return prefix;
  throw new TypeError('The setting PREFIX must be empty or end with one /');
}

function isPlainHttp(origin: string): boolean {
  return origin.startsWith('http:');
}
