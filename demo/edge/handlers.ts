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
import {
  AppendableObject,
  type Credentials,
  type CredentialsProvider,
  type ObjectTail,
  OssClient,
  type OssClientOptions,
  OssError,
} from '../../src/index.ts';
import { type Answer, type GrantContext, grantMany, grantOne, ownKey, type Question } from './grants.ts';
import { type BodyLimits, Cors, checkLength, json, limited, Refusal, readJson, type Timers } from './http.ts';
import { keyOfPath } from './keys.ts';

/** What an edge does for whom. */
export interface EdgeOptions {
  /** Where the bucket is. */
  readonly oss: Pick<OssClientOptions, 'region' | 'bucket' | 'endpoint' | 'pathStyle' | 'fetch' | 'clock' | 'retry'>;
  /** Signs grants and pipes: a RAM user's key, or tokens. It never leaves the edge. */
  readonly credentials: CredentialsProvider;
  /** Makes a token for the keys under a prefix, as `assumeRole` with `appendPolicy` does. */
  readonly tokenFor: (user: string, prefix: string) => Promise<Credentials>;
  /** The application's credential: who sends this request? */
  readonly authenticate: (request: Request) => Promise<string | undefined>;
  /** What a user's keys begin with; ends in `/`. */
  readonly prefixOf: (user: string) => string;
  /**
   * The application's say, for quotas and the like: may this user do this now? For an upload, whose length may be unknown,
   * the answer may also be how many bytes: more are not taken. Default: yes.
   */
  readonly allows?: ((question: Question) => Answer | Promise<Answer>) | undefined;
  /** The pages that may call, such as `https://app.example.com`. */
  readonly origins: readonly string[];
  /** More routes, such as a login, by method and path. They are asked before anybody is authenticated. */
  readonly routes?: Readonly<Record<string, (request: Request) => Promise<Response>>> | undefined;
  /** Life of a grant, s. Default 300. OSS takes 43,200 at most where a token signs. */
  readonly grantLife?: number | undefined;
  /** Bytes that an object may have by uploads. Default 5 GiB. */
  readonly maxUpload?: number | undefined;
  /** Bytes of a granted append. Default 32 MiB. */
  readonly maxSegment?: number | undefined;
  /** Bytes of a segment of a pipe. Default 256 KiB: see above. An upload holds about three of them. */
  readonly segmentSize?: number | undefined;
  /** How long a sender may give nothing, ms. Default 30,000. What came before is stored, and the answer is 408. */
  readonly idleTimeout?: number | undefined;
  /** Told of failures, without secrets: a method, a route, a status, a code. */
  readonly onfailure?: ((failure: { method: string; route: string; status: number; code: string }) => void) | undefined;
  /** Told after an upload; it may still run when the answer has gone. */
  readonly onuploaded?: ((upload: { user: string; key: string; tail: ObjectTail }) => void | Promise<void>) | undefined;
}

/** A Worker's way to let work outlive the answer. Other runtimes need none. */
export interface EdgeContext {
  waitUntil(work: Promise<unknown>): void;
}

/** Answers one request. */
export type EdgeHandler = (request: Request, context?: EdgeContext) => Promise<Response>;

const MAX_JSON = 8192;
const MIB = 1024 * 1024;
const SEGMENT_SIZE = 256 * 1024;
const MAX_OBJECT_SIZE = 5 * 1024 * MIB;
const IDLE_TIMEOUT = 30_000;

/** One authenticated request. */
interface Call extends GrantContext {
  readonly request: Request;
  readonly url: URL;
  readonly context: EdgeContext | undefined;
  readonly patience: Omit<BodyLimits, 'most'>;
}

/**
 * Makes the handler of `POST /token`, `POST /grant`, `POST /grants`, `POST /upload/{key}` and `GET /upload/{key}`.
 *
 * @throws TypeError or RangeError for impossible options.
 */
export function createEdge(options: EdgeOptions): EdgeHandler {
  const cors = new Cors(options.origins);
  const { grantLife = 300 } = options;
  if (!(grantLife >= 1 && grantLife <= 43_200))
    throw new RangeError(`grantLife must be 1 to 43200 s, not ${grantLife}`);
  return async (request, context) => {
    try {
      cors.check(request);
      if (request.method === 'OPTIONS') return cors.apply(request, cors.preflight());
      return cors.apply(request, await route(options, request, context));
    } catch (error) {
      return cors.apply(request, failed(options, request, error));
    }
  };
}

async function route(options: EdgeOptions, request: Request, context: EdgeContext | undefined): Promise<Response> {
  const url = new URL(request.url);
  const own = options.routes?.[routeOf(request)];
  if (own) return own(request);
  const answer = ROUTES[routeOf(request)];
  if (!answer) throw new Refusal(404, 'NotFound', 'There is nothing here');
  const user = await options.authenticate(request);
  if (user === undefined) throw new Refusal(401, 'NotAuthenticated', 'This needs a session');
  const { allows = () => true, grantLife: life = 300, maxSegment = 32 * MIB } = options;
  const call: Call = {
    request,
    url,
    context,
    user,
    life,
    maxSegment,
    maxBatch: 32,
    prefix: options.prefixOf(user),
    client: new OssClient({ ...options.oss, credentials: options.credentials }),
    allows: async (question) => allows(question),
    patience: { idle: options.idleTimeout ?? IDLE_TIMEOUT, clock: options.oss.clock ?? PLATFORM },
  };
  return answer(call, options);
}

/** `GET /upload` for all keys: a key in a log says more than it should. */
function routeOf({ method, url }: Request): string {
  const { pathname } = new URL(url);
  return `${method} ${pathname.startsWith(UPLOAD) ? '/upload' : pathname}`;
}

const UPLOAD = '/upload/';

const ROUTES: Readonly<Record<string, (call: Call, options: EdgeOptions) => Promise<Response>>> = {
  'POST /token': token,
  'POST /grant': async (call) => json(await grantOne(call, await asked(call))),
  'POST /grants': async (call) => json({ grants: await grantMany(call, await asked(call)) }),
  'POST /upload': upload,
  'GET /upload': async (call, options) => json(await objectOf(call, options).open()),
};

/** Looked up at each call, as a test may replace them. */
const PLATFORM: Timers = {
  now: () => Date.now(),
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

function asked({ request, patience }: Call): Promise<Record<string, unknown>> {
  return readJson(request, { most: MAX_JSON, ...patience });
}

async function token({ user, prefix, allows }: Call, { tokenFor }: EdgeOptions): Promise<Response> {
  if (!(await allows({ user, operation: 'token', key: prefix }))) {
    throw new Refusal(403, 'NotAllowed', 'You may not have a token now');
  }
  const { accessKeyId, accessKeySecret, securityToken, expiration } = await tokenFor(user, prefix);
  return json({ accessKeyId, accessKeySecret, securityToken, expiration });
}

/**
 * Pipes a body of any length to the end of an object. A client that was cut off asks `GET` for the tail and sends the rest
 * with `?position=`, which then must be that tail.
 */
async function upload(call: Call, options: EdgeOptions): Promise<Response> {
  const { user, context } = call;
  const object = objectOf(call, options);
  const work = pipe(call, object, options.maxUpload ?? MAX_OBJECT_SIZE);
  // A client that leaves takes its request with it; what is under way is to be settled all the same, within the 30 s
  // that a Worker then has. Nobody waits for more: the next request asks OSS where the object ends.
  context?.waitUntil(work.catch(() => {}));
  const tail = await work;
  const told = Promise.resolve(options.onuploaded?.({ user, key: object.key, tail }));
  context?.waitUntil(told.catch(() => {}));
  return json(tail);
}

async function pipe(call: Call, object: AppendableObject, maxUpload: number): Promise<ObjectTail> {
  const { request, patience } = call;
  checkLength(request, maxUpload);
  const allowed = await askUpload(call, object.key);
  const tail = await object.open();
  const expected = readPosition(call.url);
  if (expected !== undefined && tail.position !== expected) {
    throw new Refusal(409, 'PositionNotEqualToLength', 'The object does not end there', { tail });
  }
  const most = Math.min(allowed, maxUpload - tail.position);
  checkLength(request, most);
  return appendAllowed(object, limited(request, { most, ...patience }));
}

/** How many bytes the application allows. */
async function askUpload({ user, request, url, allows }: Call, key: string): Promise<number> {
  const size = checkLength(request, MAX_OBJECT_SIZE);
  const contentType = request.headers.get('content-type') ?? undefined;
  const answer = await allows({ user, operation: 'upload', key, position: readPosition(url), size, contentType });
  if (answer === false) throw new Refusal(403, 'NotAllowed', 'You may not upload this now');
  return answer === true ? MAX_OBJECT_SIZE : answer;
}

/** Where the body is refused while it is read, what came before is stored first, and the refusal tells the tail. */
async function appendAllowed(object: AppendableObject, chunks: AsyncIterable<Uint8Array>): Promise<ObjectTail> {
  let refusal: Refusal | undefined;
  async function* untilRefused(): AsyncGenerator<Uint8Array, void, void> {
    let some = false;
    try {
      for await (const chunk of chunks) {
        yield chunk;
        some = true;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal = error;
      // Nothing came: nothing is made.
      if (!some) throw error;
    }
  }
  const work = object.append(untilRefused());
  await work.catch((error: unknown) => {
    if (!refusal || codeOf(error) !== 'SourceError') throw error;
  });
  if (refusal) throw refusal.with({ tail: object.tail });
  return work;
}

function objectOf(call: Call, { segmentSize = SEGMENT_SIZE }: EdgeOptions): AppendableObject {
  const key = ownKey(call, keyOfPath(call.url.pathname, UPLOAD));
  const contentType = call.request.headers.get('content-type');
  // Full segments only: flushing a slow sender's bytes would spend a subrequest on each second.
  return new AppendableObject(call.client, key, { segmentSize, flushAfter: Number.POSITIVE_INFINITY, contentType });
}

function readPosition({ searchParams }: URL): number | undefined {
  const text = searchParams.get('position');
  if (text === null) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Refusal(400, 'BadRequest', 'position must be a whole number');
}

/** The answer to a failure: a code, and how much is stored. Causes and messages of what lies behind stay here. */
function failed({ onfailure }: EdgeOptions, request: Request, error: unknown): Response {
  const refusal = toRefusal(error);
  const { status, code } = refusal;
  // An unknown path could say anything.
  const route = ROUTES[routeOf(request)] ? (routeOf(request).split(' ')[1] ?? '') : '-';
  if (status !== 404) onfailure?.({ method: request.method, route, status, code });
  return refusal.toResponse();
}

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (!(error instanceof OssError)) return new Refusal(500, 'InternalError', 'Something went wrong here');
  const { code, tail, outcome, loaded } = error;
  const facts = { tail, outcome, loaded };
  if (error.name === 'SourceError') return new Refusal(400, code, 'The body ended early', facts);
  if (error.name === 'AppendConflictError') return new Refusal(409, code, 'Someone else wrote to the object', facts);
  return new Refusal(502, code, 'OSS, or STS, did not do this', facts);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof OssError ? error.code : undefined;
}
