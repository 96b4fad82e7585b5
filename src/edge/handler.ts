/**
 * The handler of an edge: finds the route of a request, runs it for the user who sent it, and turns failures into
 * answers.
 */

import { OssClient } from '../request/client.ts';
import { readJson } from './body.ts';
import { Cors } from './cors.ts';
import { checkAllowed, checkToken, prefixFor, userOf } from './decisions.ts';
import { type GrantContext, grantMany, grantOne } from './grants.ts';
import { type EdgeOptions, type Settings, settingsFrom } from './options.ts';
import { hidden, json, Refusal, toRefusal } from './refusal.ts';
import type { ResumableRequest } from './resumable-http.ts';
import { answerUpload, isUploadPath, refuseUpload, uploadMethod, uploadOptions, withVersion } from './uploads.ts';

/** The context of a Worker, with which work can continue after the answer. Other runtimes do not need it. */
export interface EdgeContext {
  /** Keeps the Worker alive until `work` has ended. */
  waitUntil(work: Promise<unknown>): void;
  /**
   * Sends an interim response, if the server can do that. The edge sends 104 with the URL of a resumable upload, so that
   * the client can resume it even if the connection breaks before the answer.
   */
  sendInterim?(status: number, headers: Readonly<Record<string, string>>): void;
}

/** Answers one request. The promise never rejects. */
export type EdgeHandler = (request: Request, context?: Partial<EdgeContext>) => Promise<Response>;

/** A request with the name of its route, such as `POST /token`. */
interface RoutedRequest {
  readonly request: Request;
  readonly context: Partial<EdgeContext> | undefined;
  readonly route: string;
  /** The path below `basePath`. It is empty if the URL cannot be read. */
  readonly path: string;
}

/** A request of a known user. */
interface UserRequest extends GrantContext, Omit<ResumableRequest, 'settings'>, RoutedRequest {
  readonly settings: Settings;
}

/** The greatest length of a JSON body, in bytes. */
const MAX_JSON = 8192;

/**
 * Makes the handler of an edge. It answers `POST /token` (an STS token), `POST /grant` and `POST /grants` (presigned
 * requests), and uploads at `/upload`: with tus 1.0, with the IETF's resumable uploads, or as one plain `POST`. The
 * handler is Web-standard code for Cloudflare Workers, Deno, Bun and Node. In a Worker, make a new handler for each request: a
 * Worker must not await a promise of another request, and the handler keeps the credentials provider. The file
 * docs/edge.md of this package describes the routes.
 *
 * @throws TypeError or RangeError for options that cannot work, and for unknown options. The handler itself never
 *   rejects.
 * @example
 * ```ts
 * import { createEdge, type EdgeContext } from 'oss-append/edge';
 *
 * interface Env { OSS_ACCESS_KEY_ID: string; OSS_ACCESS_KEY_SECRET: string }
 *
 * declare function userOfCookie(request: Request): Promise<string | undefined>;
 *
 * export default {
 *   fetch(request: Request, env: Env, context: EdgeContext): Promise<Response> {
 *     const handle = createEdge({
 *       oss: { region: 'cn-hangzhou', bucket: 'my-uploads' },
 *       credentials: { accessKeyId: env.OSS_ACCESS_KEY_ID, accessKeySecret: env.OSS_ACCESS_KEY_SECRET },
 *       authenticate: userOfCookie,
 *       prefixOf: (user) => `inbox/${user}/`,
 *       origins: ['https://app.example.com'],
 *     });
 *     return handle(request, context);
 *   },
 * };
 * ```
 */
export function createEdge(options: EdgeOptions): EdgeHandler {
  const settings = settingsFrom(options);
  const cors = new Cors(options.origins);
  return async (request, context) => {
    const path = pathOf(request, settings.basePath);
    const route = routeOf(request, path);
    const isUpload = route.endsWith(' /upload');
    const dress = (response: Response) => {
      const copy = cors.apply(request, response);
      return isUpload ? withVersion(request, copy) : copy;
    };
    try {
      cors.check(request);
      if (route.startsWith('OPTIONS'))
        return cors.apply(request, cors.preflight(isUpload ? { isUpload, headers: uploadOptions(settings) } : {}));
      return dress(await answer(settings, { request, context, route, path }));
    } catch (error) {
      const refusal = toRefusal(error);
      if (refusal.status !== 404) report(settings, route, refusal);
      return dress(isUpload ? refuseUpload(request, refusal) : refusal.toResponse());
    }
  };
}

async function answer(settings: Settings, routed: RoutedRequest): Promise<Response> {
  const { request, route, context } = routed;
  const own = Object.hasOwn(settings.routes, route) ? settings.routes[route] : undefined;
  if (own) return own(request);
  const run = ROUTES.get(route);
  if (!run) throw new Refusal(404, 'NotFound', 'There is nothing here');
  const { oss, credentials, idleTimeout: idle, totalTimeout: total, clock } = settings;
  const user = await userOf(request, settings.authenticate);
  const prefix = prefixFor(user, settings.prefixOf);
  const client = new OssClient({ ...oss, credentials });
  return run({
    ...{ ...settings, ...routed, settings, user, prefix, client },
    patience: { idle, total, clock },
    method: route.split(' ')[0] ?? '',
    interim: context?.sendInterim?.bind(context),
    uploaded: (upload) => {
      // A failure of this function is reported, but the answer stays a success, because the bytes are stored.
      const reported = (async () => settings.onuploaded?.(upload))().catch((error: unknown) =>
        report(settings, route, toRefusal(error)),
      );
      context?.waitUntil?.(reported);
    },
  });
}

/**
 * Returns the path of a request below `base`. A proxy on the way may have removed `base` already. This function never
 * throws, because Bun and Deno put every Host header into the URL.
 */
function pathOf({ url }: Request, base = ''): string {
  if (!URL.canParse(url)) return '';
  const { pathname } = new URL(url);
  return pathname.startsWith(`${base}/`) ? pathname.slice(base.length) : pathname;
}

/** Returns the name of a request's route. It is `GET /upload` for all keys, because a key in a log says too much. */
function routeOf(request: Request, path: string): string {
  const { method } = request;
  if (path === '') return method;
  return isUploadPath(path) ? `${uploadMethod(request)} /upload` : `${method} ${path}`;
}

const ROUTES: ReadonlyMap<string, (sent: UserRequest) => Promise<Response>> = new Map([
  ['POST /token', answerToken],
  ['POST /grant', async (sent: UserRequest) => json(await grantOne(sent, await fieldsOf(sent)))],
  ['POST /grants', async (sent: UserRequest) => json({ grants: await grantMany(sent, await fieldsOf(sent)) })],
  ...['GET', 'POST', 'PUT', 'HEAD', 'PATCH', 'DELETE'].map((method) => [`${method} /upload`, keepUploading] as const),
]);

function fieldsOf({ request, patience }: UserRequest): Promise<Record<string, unknown>> {
  // A short body must be complete within the idle time-out. Otherwise a slow sender could keep the request for hours.
  return readJson(request, { most: MAX_JSON, ...patience, total: Math.min(patience.idle, patience.total) });
}

async function answerToken({ user, prefix, allows, settings: { tokenFor } }: UserRequest): Promise<Response> {
  if (!tokenFor) throw new Refusal(403, 'NoTokens', 'This service gives no tokens: ask for grants, or upload');
  // In a policy, these characters are patterns, which would match the keys of other users.
  if (/[*?$]/.test(prefix)) throw hidden('UnusablePrefix');
  await checkAllowed({ user, operation: 'token', key: prefix }, allows);
  return json(checkToken(await tokenFor(user, prefix)));
}

/**
 * Answers a request for an upload. When the client leaves, the platform ends its request. The append in flight continues,
 * for the 30 s that a Worker then has. The edge does not need more time, because the next request asks OSS
 * where the object ends.
 */
function keepUploading(sent: UserRequest): Promise<Response> {
  const work = answerUpload(sent);
  sent.context?.waitUntil?.(work.catch(() => {}));
  return work;
}

/** Tells the application of a failure. An unknown path could contain anything, so only known paths are named. */
function report({ onfailure }: Settings, route: string, { status, code }: Refusal): void {
  const [method = '', path = ''] = route.split(' ');
  const isKnown = [...ROUTES.keys()].some((name) => name.endsWith(` ${path}`));
  try {
    onfailure?.({ method, route: isKnown ? path : '-', status, code });
  } catch {
    // A log that fails must not change the answer.
  }
}
