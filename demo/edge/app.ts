/** The demo's application: settings from the environment, a session for whoever asks, and a quota. */
import { appendPolicy, assumeRole } from '../../src/sts.ts';
import { createEdge, type EdgeHandler, type EdgeOptions } from './handlers.ts';
import { json } from './http.ts';
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
  /** What all keys begin with; a user's name follows. */
  readonly PREFIX: string;
  /** Bytes that an object may have. Default 5 GiB. */
  readonly MAX_OBJECT_SIZE?: string;
  /** Of a pipe, bytes. Default: that of `createEdge`, for many uploads at once. */
  readonly SEGMENT_SIZE?: string;
}

/** The handler of the demo: that of `createEdge`, and `POST /session`, which stands for a login. */
export function edgeFrom(
  env: EdgeEnvironment,
  more: Pick<EdgeOptions, 'prefixOf'> | undefined = undefined,
): EdgeHandler {
  const sessions = new Sessions({ secret: env.SESSION_SECRET });
  const { RAM_KEY_ID: accessKeyId, RAM_KEY_SECRET: accessKeySecret, ROLE_ARN: roleArn } = env;
  const most = Number(env.MAX_OBJECT_SIZE ?? 5 * 1024 ** 3);
  const prefixOf = more?.prefixOf ?? ((user: string) => `${env.PREFIX}${user}/`);
  return createEdge({
    oss: { region: env.OSS_REGION, bucket: env.OSS_BUCKET, endpoint: env.OSS_ENDPOINT || undefined },
    credentials: { accessKeyId, accessKeySecret },
    tokenFor: (user, prefix) =>
      assumeRole({
        accessKeyId,
        accessKeySecret,
        roleArn,
        roleSessionName: `user-${user}`,
        durationSeconds: 900,
        policy: appendPolicy({ bucket: env.OSS_BUCKET, prefix }),
        endpoint: env.STS_ENDPOINT || undefined,
      }),
    authenticate: (request) => sessions.userOf(request),
    prefixOf,
    origins: env.ORIGINS.split(' ').filter(Boolean),
    allows: ({ position = 0, size = 0 }) => position + size <= most,
    maxUpload: most,
    segmentSize: env.SEGMENT_SIZE ? Number(env.SEGMENT_SIZE) : undefined,
    onfailure: ({ method, route, status, code }) => console.warn(`${method} ${route}: ${status} ${code}`),
    routes: { 'POST /session': (request) => login(sessions, request, prefixOf) },
  });
}

/** Lets everybody in, as somebody new; who comes again stays the same. */
async function login(sessions: Sessions, request: Request, prefixOf: (user: string) => string): Promise<Response> {
  const user = (await sessions.userOf(request)) ?? crypto.randomUUID().slice(0, 8);
  const response = json({ user, prefix: prefixOf(user) });
  response.headers.append('set-cookie', await sessions.issue(user, { secure: request.url.startsWith('https:') }));
  return response;
}
