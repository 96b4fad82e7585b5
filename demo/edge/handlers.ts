/**
 * What a page needs of an edge: a token, a grant, or a pipe to an object. Requests to answers in Web-standard code, the same
 * in Cloudflare Workers, Deno, Bun and Node. Make one for each request in a Worker: nothing here is shared between them.
 *
 * The platform's limits (Cloudflare, 2026): 128 MB of memory for all requests that an isolate serves at once; 50 subrequests
 * for one request on the Free plan, 10,000 on Paid; 10 ms of CPU on Free, 30 s (up to 5 minutes) on Paid; bodies of 100 MB on
 * a zone's Free and Pro plans. Hence segments of 256 KiB, of which an upload holds about three: 40 MB for 50 uploads, and what
 * V8 has yet to collect (`npm run load:worker` measures both). Each is a subrequest and a round trip, and two more open the
 * object and settle a lost answer: Paid takes 2.4 GiB in one request. Free takes some 2 MiB, for a MiB costs 4 to 5 ms of CPU,
 * and never more than 12 MiB. Where few upload at once, larger segments are faster: see `segmentSize`.
 */
import { OssClient, OssError } from '../../src/index.ts';
import { readJson } from './body.ts';
import { Cors } from './cors.ts';
import { checkAllowed, checkToken, prefixFor, userOf } from './decisions.ts';
import { type GrantContext, grantMany, grantOne } from './grants.ts';
import { checkOptions, type EdgeOptions, type Settings } from './options.ts';
import { json, Refusal } from './refusal.ts';
import { tailOf, UPLOAD, type UploadContext, upload } from './upload.ts';

export type { EdgeOptions } from './options.ts';

/** A Worker's way to let work outlive the answer. Other runtimes need none. */
export interface EdgeContext {
  waitUntil(work: Promise<unknown>): void;
}

/** Answers one request. */
export type EdgeHandler = (request: Request, context?: EdgeContext) => Promise<Response>;

/** One authenticated request. */
interface Call extends GrantContext, UploadContext, Asked {
  readonly settings: Settings;
}

/** Bytes of a question. */
const MAX_JSON = 8192;

/**
 * Makes the handler of `POST /token`, `POST /grant`, `POST /grants`, `POST /upload/{key}` and `GET /upload/{key}`.
 *
 * @throws TypeError or RangeError for options that cannot work.
 */
export function createEdge(options: EdgeOptions): EdgeHandler {
  const settings = checkOptions(options);
  const cors = new Cors(options.origins);
  return async (request, context) => {
    const name = routeOf(request);
    try {
      cors.check(request);
      if (request.method === 'OPTIONS') return cors.apply(request, cors.preflight());
      return cors.apply(request, await route(settings, { request, context, name }));
    } catch (error) {
      return cors.apply(request, failed(settings, name, error));
    }
  };
}

/** A request, and its way: `POST /token`. */
interface Asked {
  readonly request: Request;
  readonly context: EdgeContext | undefined;
  readonly name: string;
}

async function route(settings: Settings, { request, context, name }: Asked): Promise<Response> {
  const own = Object.hasOwn(settings.routes, name) ? settings.routes[name] : undefined;
  if (own) return own(request);
  const answer = ROUTES.get(name);
  if (!answer) throw new Refusal(404, 'NotFound', 'There is nothing here');
  const { oss, credentials, idleTimeout: idle, clock } = settings;
  const user = await userOf(request, settings.authenticate);
  const prefix = prefixFor(user, settings.prefixOf);
  const client = new OssClient({ ...oss, credentials });
  return answer({ ...settings, settings, request, context, name, user, prefix, client, patience: { idle, clock } });
}

/** `GET /upload` for all keys: a key in a log says more than it should. Never throws: Bun and Deno pass any Host into the URL. */
function routeOf({ method, url }: Request): string {
  if (!URL.canParse(url)) return method;
  const { pathname } = new URL(url);
  return `${method} ${pathname.startsWith(UPLOAD) ? '/upload' : pathname}`;
}

const ROUTES: ReadonlyMap<string, (call: Call) => Promise<Response>> = new Map([
  ['POST /token', answerToken],
  ['POST /grant', async (call: Call) => json(await grantOne(call, await asked(call)))],
  ['POST /grants', async (call: Call) => json({ grants: await grantMany(call, await asked(call)) })],
  ['POST /upload', answerUpload],
  ['GET /upload', async (call: Call) => json(await tailOf(call))],
]);

function asked({ request, patience }: Call): Promise<Record<string, unknown>> {
  return readJson(request, { most: MAX_JSON, ...patience });
}

async function answerToken({ user, prefix, allows, settings: { tokenFor } }: Call): Promise<Response> {
  if (!tokenFor) throw new Refusal(403, 'NoTokens', 'There are no tokens here: ask for grants, or upload');
  // A policy takes these for patterns, which would match the keys of others.
  if (/[*?$]/.test(prefix)) throw new Refusal(500, 'UnusablePrefix', 'Something went wrong here');
  await checkAllowed({ user, operation: 'token', key: prefix }, allows);
  return json(checkToken(await tokenFor(user, prefix)));
}

async function answerUpload(call: Call): Promise<Response> {
  const { user, settings, context, name } = call;
  const work = upload(call);
  // A client that leaves takes its request with it. What is under way is settled all the same, within the 30 s that a Worker
  // then has. Nobody waits for more: the next request asks OSS where the object ends.
  context?.waitUntil(work.catch(() => {}));
  const { key, tail } = await work;
  // Its failure is the application's, and the bytes are stored whatever it does.
  const told = (async () => settings.onuploaded?.({ user, key, tail }))();
  const settled = told.catch((error: unknown) => report(settings, name, toRefusal(error)));
  context?.waitUntil(settled);
  return json(tail);
}

/** The answer to a failure: a code, and how much is stored. Causes and messages of what lies behind stay here. */
function failed(settings: Settings, name: string, error: unknown): Response {
  const refusal = toRefusal(error);
  if (refusal.status !== 404) report(settings, name, refusal);
  return refusal.toResponse();
}

/** Tells the application. An unknown path could say anything, so only the names of known routes are told. */
function report({ onfailure }: Settings, name: string, { status, code }: Refusal): void {
  const [method = '', path = ''] = name.split(' ');
  try {
    onfailure?.({ method, route: ROUTES.has(name) ? path : '-', status, code });
  } catch {
    // A log that fails must not change the answer.
  }
}

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (!(error instanceof OssError)) return new Refusal(500, 'InternalError', 'Something went wrong here');
  const { code, tail, outcome, loaded } = error;
  const facts = { tail, outcome, loaded };
  if (error.name === 'SourceError') return new Refusal(400, code, 'The body ended early: go on from the tail', facts);
  if (error.name === 'AppendConflictError') return new Refusal(409, code, MOVED, facts);
  return new Refusal(502, code, 'OSS, or STS, did not do this', facts);
}

const MOVED =
  'Other bytes were appended meanwhile: by another writer, or by an earlier upload of yours that was still finishing. Ask for the tail and go on from it';
