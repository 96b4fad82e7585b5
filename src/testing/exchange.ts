// Handles one request: receives, authenticates, performs and answers it. The faults of its plan act at each step.

import { type Body, type Intake, receive } from './body.ts';
import { keysToDelete, listBuckets } from './bucket-operations.ts';
import { invalidBucketName, isBucketName } from './buckets.ts';
import type { Bucket, Call } from './call.ts';
import { type Clock, wait, waitForAbort } from './clock.ts';
import { corsResponseHeaders, preflight } from './cors.ts';
import { utf8 } from './encoding.ts';
import { invalidArgument, notImplemented, Refusal } from './errors.ts';
import type { Fault, FaultPlan, Operation, When } from './faults.ts';
import { perform } from './operations.ts';
import { commonHeaders, httpDate, type Reply } from './reply.ts';
import { actionName } from './routing.ts';
import type { Target } from './target.ts';
import { type Identity, securityTokenExpired, type Verifier } from './verify.ts';
import { isStream, type Query, type WireRequest } from './wire.ts';

/** What an exchange needs from its server. */
export interface Server {
  readonly clock: Clock;
  readonly verifier: Verifier;
  /** The answers in the cache of the fault `cached-head`, by bucket and key. */
  readonly cachedHeads: Map<string, Reply>;
  /** Makes a bucket, but does not add it to the server yet. @throws {Refusal} if it cannot be made. */
  newBucket(name: string, region: string | undefined): Bucket;
  addBucket(bucket: Bucket): void;
  removeBucket(bucket: Bucket): void;
  buckets(): readonly Bucket[];
  /** Returns a number that was never returned before. */
  serial(): number;
  /** Awaits work that is not the server's own: the clock or the client. */
  idle<T>(work: Promise<T>): Promise<T>;
  /** Tells the store, if there is one, that an object may have changed, or the bucket if the key is empty. */
  changed(bucket: Bucket, key: string): void;
  /** Resolves when the store has kept every change. It is undefined if there is no store. */
  readonly flush: (() => Promise<void>) | undefined;
  /** Adds a second entry for this request to the log. */
  logRepeat(entry: LogEntry): void;
  /** Appends as another client. If OSS would refuse the append, nothing happens. */
  appendObject(bucket: string, key: string, bytes: Uint8Array): void;
  putObject(bucket: string, key: string, bytes: Uint8Array): void;
  deleteObject(bucket: string, key: string): void;
}

/** One entry of the log. */
export interface LogEntry {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly operation: Operation;
  readonly position?: number;
  readonly fault?: string;
  status?: number;
}

/** A request whose bucket and faults are known. */
export interface Exchange {
  readonly wire: WireRequest;
  readonly query: Query;
  readonly target: Target;
  /** The bucket. It is undefined if no bucket has this name. */
  readonly bucket: Bucket | undefined;
  readonly operation: Operation;
  readonly plan: FaultPlan;
  readonly entry: LogEntry;
  readonly requestId: string;
}

/** Handles one request. It rejects as fetch does if the plan or an abort requires it. */
export async function serve(server: Server, exchange: Exchange): Promise<Response> {
  if (exchange.plan.get('drop-before')) {
    doDeeds(server, exchange, 'before', { length: 0, first: 0 });
    throw dropped();
  }
  const body = await receiveBody(server, exchange);
  doDeeds(server, exchange, 'before', body);
  const reply = await answer(server, exchange, body).catch((error: unknown) => refusalReply(error, exchange));
  exchange.entry.status = reply.status;
  doDeeds(server, exchange, 'after', body);
  // The answer shows the state of the object, so nobody may see it before that state is safe.
  if (server.flush) await server.flush();
  return deliver(server, exchange, reply);
}

async function receiveBody(server: Server, exchange: Exchange): Promise<Body> {
  const { wire, plan } = exchange;
  const sized = wire.payload !== undefined && !isStream(wire.payload);
  if (plan.get('drop-during')) await receiveHalf(exchange);
  const work = receive(wire.payload, intakeOf(server, exchange));
  // A stream body waits for its producer, and the producer may wait for the clock.
  const body = await (sized ? work : server.idle(work)).catch((error: unknown) => {
    throw wire.signal?.aborted ? wire.signal.reason : new TypeError('fetch failed', { cause: error });
  });
  if (wire.contentLength !== undefined && wire.contentLength !== body.length) {
    const cause = new Error(`The body has ${body.length} bytes, but Content-Length is ${wire.contentLength}`);
    throw new TypeError('fetch failed', { cause });
  }
  const slow = plan.get('slow');
  if (slow && sized) await pause(server, exchange, (body.length * 1000) / slow.bytesPerSecond);
  return body;
}

async function receiveHalf({ wire }: Exchange): Promise<never> {
  const limit = Math.floor((wire.contentLength ?? 2) / 2);
  if (isStream(wire.payload)) await receive(wire.payload, { keep: false, limit, signal: wire.signal });
  throw dropped();
}

function intakeOf(server: Server, exchange: Exchange): Intake {
  const { wire, plan, bucket, operation } = exchange;
  const flip = plan.get('flip-bit');
  const slow = plan.get('slow');
  return {
    keep: /^(PutBucket(Cors)?|DeleteMultipleObjects)$/.test(operation) || (bucket?.keepsBytes ?? false),
    md5: operation === 'PutObject' || wire.headers.has('content-md5'),
    damageAt: flip && (flip.at ?? 0),
    signal: wire.signal,
    // A sized body is delayed as a whole (see `receiveBody`), even if it is read in pieces.
    onPiece:
      slow && isStream(wire.payload)
        ? (length) => wait(server.clock, (length * 1000) / slow.bytesPerSecond, wire.signal)
        : undefined,
  };
}

async function answer(server: Server, exchange: Exchange, body: Body): Promise<Reply> {
  const { plan, wire, operation } = exchange;
  const planned = tooLong(exchange, body) ?? plannedRefusal(exchange);
  if (planned) return planned;
  if (operation === 'OptionObject') return preflight(bucketOf(exchange).cors, wire.headers);
  if (operation === 'ListBuckets') {
    const { identity, now } = await identify(server, exchange, body);
    return listBuckets(server.buckets(), { identity, now, query: exchange.query.values, host: wire.url.host });
  }
  if (exchange.target.bucket === '') {
    const { method, headers } = wire;
    throw notImplemented(actionName({ method, headers, bucket: '', key: '', query: exchange.query.values }));
  }
  const call = await authenticate(server, exchange, body);
  const late = plan.get('commit-late');
  if (late) return commitLate(server, exchange, call, late.delay);
  // This is the last moment at which an abort can prevent the effect, because the rest is synchronous.
  wire.signal?.throwIfAborted();
  if (plan.get('repeat')) firstOfTwo(server, exchange, call);
  return performNow(server, call);
}

/** Returns the answer to a body that is longer than a fault allows. The request has no effect. */
function tooLong({ plan }: Exchange, { length }: Body): Reply | undefined {
  const limit = plan.get('limit');
  if (!limit || length <= limit.bytes) return undefined;
  if (limit.answer === 'reset') throw dropped();
  if (limit.answer === 'xml')
    throw new Refusal(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size.');
  return gatewayReply({ kind: 'gateway', status: TOO_LONG, body: NGINX_413 });
}

const TOO_LONG = 413;
const NGINX_413 = '<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>\r\n';

/** Returns the answer that a fault gives instead of OSS. The request has no effect. */
function plannedRefusal({ plan, wire, query }: Exchange): Reply | undefined {
  const gateway = plan.get('gateway');
  if (gateway && !gateway.after) return gatewayReply(gateway);
  const redirect = plan.get('redirect');
  if (redirect) {
    const headers = { location: redirect.location, 'access-control-allow-origin': '*' };
    return { status: redirect.status ?? 307, headers };
  }
  if (plan.get('portal')) return portalReply(wire.method);
  const refuse = plan.get('refuse');
  if (refuse) throw new Refusal(refuse.status, refuse.code, 'The request is refused.');
  const error = plan.get('error-before');
  if (error) throw serverError(error);
  const throttle = plan.get('throttle');
  if (throttle) throw throttled(throttle);
  if (plan.get('expire-token')) {
    const token = wire.headers.get('x-oss-security-token') ?? query.values.get('x-oss-security-token');
    throw securityTokenExpired(token ?? '');
  }
  if (plan.get('deny')) throw new Refusal(403, 'AccessDenied', 'Access denied.', { ec: '0003-00000001' });
  return undefined;
}

async function authenticate(server: Server, exchange: Exchange, body: Body): Promise<Call> {
  const { wire, query, target, operation } = exchange;
  // OSS looks for the bucket before it looks at the signature.
  const found = operation === 'PutBucket' ? exchange.bucket : bucketOf(exchange);
  const { identity, now } = await identify(server, exchange, body);
  const bucket = found ?? server.newBucket(target.bucket, target.region);
  const { method, headers, url } = wire;
  const asked = { operation, method, bucket, key: target.key, query, headers, host: url.host };
  return { ...asked, body, identity, now, serial: 0 };
}

/** Finds out who has signed a request. */
async function identify(
  server: Server,
  exchange: Exchange,
  body: Body,
): Promise<{ readonly identity: Identity | undefined; readonly now: number }> {
  const { wire, query, target } = exchange;
  if (query.flaw !== undefined) {
    throw invalidArgument('query', query.flaw, 'A query name comes twice or is not URL-encoded.');
  }
  refuseOtherRegion(exchange);
  const now = serverTime(server, exchange);
  const contentLength = wire.lengthFollowsBody ? body.length : wire.contentLength;
  const region = target.bucket === '' ? target.region : exchange.bucket?.region;
  const signed = { ...target, method: wire.method, query: query.values, headers: wire.headers, host: wire.url.host };
  return { identity: await server.verifier.verify({ ...signed, contentLength, region }, now), now };
}

function refuseOtherRegion({ bucket, target }: Exchange): void {
  if (!bucket || target.region === undefined || target.region === bucket.region) return;
  const message =
    'The bucket you are attempting to access must be addressed using the specified endpoint. ' +
    'Please send all future requests to this endpoint.';
  const elements = { Bucket: bucket.name, Endpoint: `oss-${bucket.region}.aliyuncs.com` };
  throw new Refusal(403, 'AccessDenied', message, { elements });
}

function bucketOf({ bucket, target }: Exchange): Bucket {
  if (bucket) return bucket;
  if (!isBucketName(target.bucket)) throw invalidBucketName(target.bucket);
  const elements = { BucketName: target.bucket };
  throw new Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist.', { ec: '0015-00000101', elements });
}

function performNow(server: Server, call: Call): Reply {
  try {
    const reply = perform({ ...call, now: server.clock.now(), serial: server.serial() });
    if (call.operation === 'PutBucket') server.addBucket(call.bucket);
    if (call.operation === 'DeleteBucket') server.removeBucket(call.bucket);
    return reply;
  } finally {
    const keys = call.operation === 'DeleteMultipleObjects' ? keysToDelete(call) : [call.key];
    for (const key of keys) server.changed(call.bucket, key);
  }
}

/** Performs the first of the two requests that the transport sends. Its answer is lost, even if it is a refusal. */
function firstOfTwo(server: Server, exchange: Exchange, call: Call): void {
  exchange.entry.status = statusOf(() => performNow(server, call));
  server.logRepeat(exchange.entry);
}

/** Performs the request later, even if the client gave up in the meantime. */
function commitLate(server: Server, exchange: Exchange, call: Call, delay: number): Promise<never> {
  server.clock.setTimeout(() => {
    exchange.entry.status = statusOf(() => performNow(server, call));
    doDeeds(server, exchange, 'after', call.body);
  }, delay);
  return server.idle(waitForAbort(exchange.wire.signal));
}

function statusOf(work: () => Reply): number {
  try {
    return work().status;
  } catch (error) {
    if (error instanceof Refusal) return error.status;
    throw error;
  }
}

async function deliver(server: Server, exchange: Exchange, done: Reply): Promise<Response> {
  const { plan, wire } = exchange;
  const late = plan.get('answer-late');
  if (late) await pause(server, exchange, late.delay);
  if (plan.get('drop-after')) throw dropped();
  if (plan.get('opaque')) throw new TypeError('Failed to fetch');
  const reply = plan.get('cached-head') ? cachedHead(server, exchange, done) : replaced(exchange, done);
  wire.signal?.throwIfAborted();
  const { status, body, headers: own } = isDecoded(exchange, reply) ? decodedReply(reply) : reply;
  // OSS itself never answers 413, so such an answer gets no header of OSS.
  const headers = new Headers(isForeign(plan) || status === TOO_LONG ? own : fullHeaders(server, exchange, own));
  hideHeaders(plan, headers);
  hideLength(plan, headers, status);
  return new Response(pacedBody(server, exchange, body), { status, headers });
}

/** Returns the answer, or what a fault sends instead of it after the effect. */
function replaced(exchange: Exchange, reply: Reply): Reply {
  const gateway = exchange.plan.get('gateway');
  if (gateway?.after) return gatewayReply(gateway);
  const error = exchange.plan.get('error-after');
  return error ? refusalReply(serverError(error), exchange) : reply;
}

/**
 * The cache holds answers of OSS. A portal or a gateway that answers in place of OSS is nearer to the client than the
 * cache.
 */
function cachedHead(server: Server, exchange: Exchange, reply: Reply): Reply {
  const { cachedHeads } = server;
  const { operation, target, plan, requestId } = exchange;
  if (operation !== 'HeadObject' || isForeign(plan)) return reply;
  const name = `${target.bucket}/${target.key}`;
  const kept = cachedHeads.get(name);
  if (kept) return { ...kept, headers: { ...kept.headers, age: '60', 'x-cache': 'HIT' } };
  // The answer in the cache keeps the request ID and the date of the request that it answered.
  const own = { 'x-oss-request-id': requestId, date: httpDate(serverTime(server, exchange)) };
  cachedHeads.set(name, { ...reply, headers: { ...reply.headers, ...own } });
  return reply;
}

/** Returns whether another server answers instead of OSS. */
function isForeign(plan: FaultPlan): boolean {
  return (plan.get('gateway') ?? plan.get('redirect') ?? plan.get('portal')) !== undefined;
}

function fullHeaders(server: Server, exchange: Exchange, own: Reply['headers']): Record<string, string> {
  const { wire, bucket, operation, requestId } = exchange;
  const cors = bucket && operation !== 'OptionObject' ? corsResponseHeaders(bucket.cors, wire) : {};
  return {
    ...commonHeaders(requestId, serverTime(server, exchange)),
    ...(bucket?.responseVary ? { vary: 'Origin' } : {}),
    ...cors,
    ...own,
  };
}

// The headers of a cross-origin answer that a page may read without ExposeHeader (Fetch standard, CORS-safelisted).
const ALWAYS_VISIBLE = /^(cache-control|content-language|content-length|content-type|expires|last-modified|pragma)$/;

function hideHeaders(plan: FaultPlan, headers: Headers): void {
  const hide = plan.get('hide-headers');
  if (!hide) return;
  const names = hide.names ?? [...headers.keys()].filter((name) => !ALWAYS_VISIBLE.test(name));
  for (const name of names) headers.delete(name);
}

function hideLength(plan: FaultPlan, headers: Headers, status: number): void {
  const hide = plan.get('no-length');
  if (!hide || status >= 400 || (status === 206 && !hide.parts)) return;
  for (const name of ['content-length', 'etag', 'accept-ranges']) headers.delete(name);
}

function isDecoded({ plan, query }: Exchange, { status }: Reply): boolean {
  const fault = plan.get('decoded');
  const asksForStored = query.values.get('response-content-encoding') === 'identity';
  return fault !== undefined && status < 300 && (!asksForStored || fault.always === true);
}

/** Decodes the answer with a coding that does not exist. This is the worst case, because the number of bytes stays the same. */
function decodedReply({ status, headers, body }: Reply): Reply {
  const coded = { status, headers: { ...headers, 'content-encoding': 'gzip' } };
  if (!(body instanceof Uint8Array)) return body ? { ...coded, body } : coded;
  return { ...coded, body: body.length === 1 ? new Uint8Array(0) : body.map((byte) => ~byte) };
}

/** Returns the body itself, or a stream of it that is slow or stops in the middle. */
function pacedBody(server: Server, exchange: Exchange, body: Reply['body']): BodyInit | null {
  const { plan } = exchange;
  const slow = plan.get('slow');
  const stall = plan.get('stall-body');
  if (body === undefined || !(slow || stall)) return body ?? null;
  const reader = (new Response(body).body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        if (slow) await wait(server.clock, (value.length * 1000) / slow.bytesPerSecond, exchange.wire.signal);
        controller.enqueue(stall ? value.slice(0, value.length >> 1) : value);
        if (stall) await waitForAbort(exchange.wire.signal);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

function doDeeds(server: Server, { plan, bucket, target }: Exchange, when: When, body: RivalModel): void {
  if (!bucket) return;
  for (const deed of plan.deeds(when)) doDeed(server, bucket, target.key, deed, body);
}

type RivalModel = Pick<Body, 'length' | 'first'>;

/** OSS may refuse the append of a rival, for example because the object is sealed. Then it changes nothing. */
function doDeed(server: Server, { name }: Bucket, key: string, deed: Fault, body: RivalModel): void {
  if (deed.kind === 'delete') server.deleteObject(name, key);
  if (deed.kind === 'replace') replaceObject(server, name, key, deed);
  if (deed.kind !== 'rival') return;
  const bytes = 'bytes' in deed ? deed.bytes : new Uint8Array(body.length).fill(body.first ^ 255);
  server.appendObject(name, key, bytes);
}

function replaceObject(server: Server, name: string, key: string, deed: Extract<Fault, { kind: 'replace' }>): void {
  const bytes = deed.bytes ?? utf8('replaced');
  server.deleteObject(name, key);
  if (deed.type === 'Appendable') server.appendObject(name, key, bytes);
  else server.putObject(name, key, bytes);
}

/** Returns the time that the server believes, in milliseconds since the epoch. */
function serverTime(server: Server, { plan }: Exchange): number {
  return server.clock.now() + (plan.get('skew-clock')?.by ?? 0);
}

function pause(server: Server, exchange: Exchange, delay: number): Promise<void> {
  return server.idle(wait(server.clock, delay, exchange.wire.signal));
}

/** Turns a refusal into an answer. @throws every other error, such as a lost connection or the reason of an abort. */
function refusalReply(error: unknown, { wire, requestId }: Exchange): Reply {
  if (error instanceof Refusal) return error.reply({ method: wire.method, host: wire.url.host, requestId });
  throw error;
}

function serverError({ status = 500, code }: { readonly status?: number; readonly code?: string }): Refusal {
  const usual = { 500: 'InternalError', 502: 'BadGateway', 503: 'ServiceUnavailable' }[status] ?? 'InternalError';
  return new Refusal(status, code ?? usual, 'We encountered an internal error. Please try again.');
}

function throttled({ delay = 100, code = 'TotalQpsLimitExceeded' }: { delay?: number; code?: string }): Refusal {
  const headers = { 'x-oss-qos-delay-time': String(delay) };
  return new Refusal(503, code, 'Please reduce your request rate.', { headers });
}

function gatewayReply({ status = 502, body }: Extract<Fault, { kind: 'gateway' }>): Reply {
  const page = `<html><head><title>${status} Bad Gateway</title></head><body><h1>${status}</h1></body></html>\n`;
  const bytes = utf8(body ?? page);
  return { status, headers: { 'content-type': 'text/html', 'content-length': String(bytes.length) }, body: bytes };
}

function portalReply(method: string): Reply {
  const bytes = utf8('<!doctype html><title>Log in</title>\n'.padEnd(612));
  const headers = {
    'content-type': 'text/html',
    'content-length': String(bytes.length),
    'last-modified': 'Fri, 02 Jan 2026 00:00:00 GMT',
  };
  return { status: 200, headers, ...(method === 'HEAD' ? {} : { body: bytes }) };
}

/** Makes the error with which fetch rejects in Node if a connection breaks. */
function dropped(): TypeError {
  return new TypeError('fetch failed', { cause: new Error('The connection was closed') });
}
