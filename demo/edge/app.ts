/** The demo's application: settings from the environment, a session for whoever asks, and a quota. */
import { appendPolicy, assumeRole } from '../../src/sts.ts';
import { createEdge, type EdgeHandler, type EdgeOptions } from './handlers.ts';
import { json } from './refusal.ts';
import { Sessions } from './session.ts';

/** A Worker's bindings, or a process's environment. */
export interface EdgeEnvironment {
  readonly OSS_REGION: string;
  readonly OSS_BUCKET: string;
  /** Empty or absent for Alibaba Cloud's own. */
  readonly OSS_ENDPOINT?: string;
  readonly STS_ENDPOINT?: string;
  /** Of a RAM user who may write to the bucket and assume the role. */
  readonly RAM_KEY_ID: string;
  readonly RAM_KEY_SECRET: string;
  readonly ROLE_ARN: string;
  /** 32 characters at least. */
  readonly SESSION_SECRET: string;
  /** Pages that may call, separated by spaces. */
  readonly ORIGINS: string;
  /** What all keys begin with: empty, or ending in `/`. A user's name follows. */
  readonly PREFIX: string;
  /**
   * Bytes that an object may have. Default 5 GiB. Where it is set nobody gets a token, because the holder of a token can store
   * as much as it likes: pages use grants or the pipe.
   */
  readonly MAX_OBJECT_SIZE?: string;
  /** Bytes of a segment of a pipe. Default: that of `createEdge`, for many uploads at once. */
  readonly SEGMENT_SIZE?: string;
}

/**
 * The handler of the demo: that of `createEdge`, and `POST /session`, which stands for a login.
 *
 * @throws TypeError or RangeError for settings that are missing or cannot work.
 */
export function edgeFrom(
  env: EdgeEnvironment,
  more: Pick<EdgeOptions, 'prefixOf'> | undefined = undefined,
): EdgeHandler {
  for (const name of NEEDED) if (!env[name]) throw new TypeError(`the setting ${name} is missing`);
  const sessions = new Sessions({ secret: env.SESSION_SECRET });
  const most = bytesFrom(env, 'MAX_OBJECT_SIZE');
  const base = checkPrefix(env.PREFIX);
  const prefixOf = more?.prefixOf ?? ((user: string) => `${base}${user}/`);
  const origins = env.ORIGINS.split(' ').filter(Boolean);
  return createEdge({
    oss: { region: env.OSS_REGION, bucket: env.OSS_BUCKET, endpoint: env.OSS_ENDPOINT || undefined },
    credentials: { accessKeyId: env.RAM_KEY_ID, accessKeySecret: env.RAM_KEY_SECRET },
    tokenFor: most === undefined ? (user, prefix) => tokenFor(env, user, prefix) : undefined,
    authenticate: (request) => sessions.userOf(request),
    prefixOf,
    origins,
    allows: ({ position = 0, size = 0 }) => most === undefined || position + size <= most,
    maxUpload: most,
    segmentSize: bytesFrom(env, 'SEGMENT_SIZE'),
    onfailure: ({ method, route, status, code }) => console.warn(`${method} ${route}: ${status} ${code}`),
    // What the request says of its own scheme is the proxy's word, so the pages decide.
    routes: {
      'POST /session': (request) => login(request, { sessions, prefixOf, secure: !origins.every(isPlainHttp) }),
    },
  });
}

const NEEDED = [
  'OSS_REGION',
  'OSS_BUCKET',
  'RAM_KEY_ID',
  'RAM_KEY_SECRET',
  'ROLE_ARN',
  'SESSION_SECRET',
  'ORIGINS',
] as const;

function tokenFor(env: EdgeEnvironment, user: string, prefix: string): ReturnType<typeof assumeRole> {
  return assumeRole({
    accessKeyId: env.RAM_KEY_ID,
    accessKeySecret: env.RAM_KEY_SECRET,
    roleArn: env.ROLE_ARN,
    roleSessionName: `user-${user}`,
    durationSeconds: 900,
    policy: appendPolicy({ bucket: env.OSS_BUCKET, prefix }),
    endpoint: env.STS_ENDPOINT || undefined,
  });
}

/** How a visitor is let in. */
interface Login {
  readonly sessions: Sessions;
  readonly prefixOf: (user: string) => string;
  /** Whether the cookie is for HTTPS alone. */
  readonly secure: boolean;
}

/** Lets everybody in, as somebody new; who comes again stays the same. */
async function login(request: Request, { sessions, prefixOf, secure }: Login): Promise<Response> {
  const user = (await sessions.userOf(request)) ?? newUser();
  const response = json({ user, prefix: prefixOf(user) });
  response.headers.append('set-cookie', await sessions.issue(user, { secure }));
  return response;
}

/** 128 bits of chance: with 32, visitors met each other's prefix after some ten thousand visits. */
function newUser(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A number of bytes; undefined where the setting is absent or empty. */
function bytesFrom(env: EdgeEnvironment, name: 'MAX_OBJECT_SIZE' | 'SEGMENT_SIZE'): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw new TypeError(`the setting ${name} must be a number of bytes`);
  return Number(text);
}

function checkPrefix(prefix: unknown): string {
  if (typeof prefix === 'string' && /^$|[^/]\/$/.test(prefix)) return prefix;
  throw new TypeError('the setting PREFIX must be empty or end in one /');
}

function isPlainHttp(origin: string): boolean {
  return origin.startsWith('http:');
}
