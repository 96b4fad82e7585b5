// An OSS that is a fetch function: buckets in memory behind the real protocol. This file holds the configuration, the
// log, and the hands that reach into a bucket from behind; what happens to a request is in exchange.ts.

import { type Body, BodyCollector } from './body.ts';
import { type Clock, clockFrom, unlessAborted } from './clock.ts';
import { type CorsRule, checkCorsRules } from './cors.ts';
import { crc64OfZeros } from './crc64.ts';
import { Refusal } from './errors.ts';
import { type Exchange, type LogEntry, type Server, serve } from './exchange.ts';
import { type FaultSchedule, FaultSource, type Operation } from './faults.ts';
import { MAX_OBJECT_SIZE, type ObjectType, StoredObject } from './objects.ts';
import { type Bucket, type BucketAcl, operationOf } from './operations.ts';
import { locate } from './target.ts';
import { type AccessKey, makeToken, type SecurityToken, type TokenOptions } from './tokens.ts';
import { Verifier } from './verify.ts';
import { parseQuery, type WireRequest, wireRequest } from './wire.ts';

/** One bucket. */
export interface BucketOptions {
  /** As in a signature: `cn-hangzhou`, without `oss-`. */
  readonly region: string;
  /** What is allowed without a signature. `private` by default. */
  readonly acl?: BucketAcl;
  /** None by default: no cross-origin page sees an answer. */
  readonly cors?: readonly CorsRule[];
  /** A rule of the bucket refuses every write to an object that exists, appends too: 409 FileAlreadyExists. */
  readonly forbidOverwrite?: boolean;
  /** Requester pays: every request must carry `x-oss-request-payer: requester`, in a header or in the query. */
  readonly requesterPays?: boolean;
  /** Add `Vary: Origin` to every answer. */
  readonly responseVary?: boolean;
  /** Custom domains bound to the bucket, with the port where it is not the usual one. */
  readonly hosts?: readonly string[];
  /** `checksum` keeps only length and CRC, for objects larger than memory; then nothing can be read. */
  readonly contents?: 'bytes' | 'checksum';
}

/** What `new LocalOss` takes. */
export interface LocalOssOptions {
  /** By name. */
  readonly buckets: Readonly<Record<string, BucketOptions>>;
  /** Permanent keys: the secret by key id. They may do everything. */
  readonly accessKeys?: Readonly<Record<string, string>>;
  /** The time it lives by, all delays of faults included; the system's where a part is missing. */
  readonly clock?: Partial<Clock>;
  /** What goes wrong, and when. */
  readonly faults?: FaultSchedule;
}

/** A request that came in; no signature, no token. */
export interface LoggedRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly operation: Operation;
  /** Of an append, in bytes. */
  readonly position?: number;
  /** What the server did, also where the answer was lost or replaced; undefined while it is undecided. */
  readonly status?: number;
  /** The kinds of the faults, separated by spaces. */
  readonly fault?: string;
}

/** An object as it was when looked at. */
export interface ObjectView {
  readonly type: ObjectType;
  /** In bytes. */
  readonly length: number;
  /** CRC-64/XZ as an unsigned decimal number. */
  readonly crc64: string;
  readonly etag: string;
  /** What it keeps from its creation: content headers, metadata, tagging. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly acl: string;
  /** How many writes made it. */
  readonly appends: number;
  /** A copy. @throws {Error} for a bucket with `contents: 'checksum'`. */
  bytes(): Uint8Array<ArrayBuffer>;
}

const MAX_LOG = 10_000;

/**
 * An OSS in memory, for tests and for development without an account. It verifies V4 signatures, checks positions,
 * and refuses what OSS refuses, with the same status, code and XML.
 *
 * ```ts
 * import { OssClient } from 'oss-append';
 * import { LocalOss } from 'oss-append/testing';
 *
 * const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } } });
 * const credentials = oss.issueToken();
 * const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch: oss.fetch });
 * await client.appendObject('a.log', 'hello', { position: 0 });
 * oss.object('logs', 'a.log')?.length; // 5
 * ```
 *
 * @see https://help.aliyun.com/document_detail/31981 AppendObject
 */
export class LocalOss {
  /**
   * Same call as the global `fetch`, usable unbound. Hosts: `{bucket}.oss-{region}.aliyuncs.com` and its variants, the
   * custom domains of `hosts`, and path style (`/{bucket}/{key}`) on localhost and IP addresses.
   * @throws {TypeError} as fetch does for a bad call, an unknown host or a lost connection; after an abort, its reason.
   */
  readonly fetch: (input: Request | URL | string, init?: RequestInit) => Promise<Response>;
  readonly #buckets: ReadonlyMap<string, Bucket>;
  readonly #domains: ReadonlyMap<string, string>;
  readonly #keys: Map<string, AccessKey> = new Map();
  readonly #clock: Clock;
  readonly #faults: FaultSource;
  readonly #counts: Map<string, number> = new Map();
  readonly #log: LogEntry[] = [];
  readonly #server: Server;
  #serial = 0;
  #busy = 0;

  /** @throws {TypeError | RangeError} for a bucket name, region or CORS rule that OSS would refuse. */
  constructor({ buckets, accessKeys = {}, clock, faults }: LocalOssOptions) {
    this.#buckets = new Map(Object.entries(buckets).map(([name, options]) => [name, bucketFrom(name, options)]));
    this.#domains = domainsOf(buckets);
    for (const [id, secret] of Object.entries(accessKeys)) this.#keys.set(id, { secret });
    this.#clock = clockFrom(clock);
    this.#faults = new FaultSource(faults);
    this.#server = this.#makeServer();
    this.fetch = (input, init) => this.#fetch(input, init);
  }

  /** The requests so far, oldest first: the last 5,000 to 10,000 of them. */
  get requests(): readonly LoggedRequest[] {
    return this.#log;
  }

  /** Forgets the requests and begins to count anew, for the log and for faults. */
  clearRequests(): void {
    this.#log.length = 0;
    this.#counts.clear();
    this.#faults.reset();
  }

  /** How many requests are being worked on, those not counted that wait for the clock or for their client. A virtual
   * clock may move on when this is 0. */
  get busy(): number {
    return this.#busy;
  }

  /**
   * Temporary credentials as AssumeRole gives them, valid from now on.
   * @throws {TypeError | RangeError} for a policy or a duration that STS would refuse.
   */
  issueToken(options: TokenOptions = {}): SecurityToken {
    const { credentials, key } = makeToken(options, this.#clock.now());
    this.#keys.set(credentials.accessKeyId, key);
    return credentials;
  }

  /** Looks at an object, past all protocol. @throws {RangeError} for an unknown bucket. */
  object(bucket: string, key: string): ObjectView | undefined {
    const object = this.#bucket(bucket).objects.get(key);
    if (!object) return undefined;
    const { type, length, crc, etag, headers, acl, appends } = object;
    const bytes = () => object.bytes(0, length);
    return { type, length, crc64: String(crc), etag, headers: { ...headers }, acl, appends, bytes };
  }

  /** Appends behind everybody's back, at the end of what is there. A number stands for that many zero bytes.
   * @throws {RangeError} for an unknown bucket, a normal object, or beyond 5 GiB. */
  appendObject(bucket: string, key: string, bytes: Uint8Array | number): void {
    const { objects, keepsBytes } = this.#bucket(bucket);
    const object = objects.get(key) ?? new StoredObject('Appendable', keepsBytes, { ...NO_HEADERS });
    const body = typeof bytes === 'number' && !keepsBytes ? zeros(bytes) : bodyOf(bytes, keepsBytes);
    if (object.type !== 'Appendable') throw new RangeError(`Cannot append to "${key}": it is a normal object`);
    if (object.length + body.length > MAX_OBJECT_SIZE) {
      throw new RangeError(`Cannot append ${body.length} bytes to "${key}" of ${object.length}: the limit is 5 GiB`);
    }
    object.append(body, this.#clock.now(), ++this.#serial);
    objects.set(key, object);
  }

  /** Puts a normal object there behind everybody's back. @throws {RangeError} for an unknown bucket. */
  putObject(bucket: string, key: string, bytes: Uint8Array): void {
    const { objects, keepsBytes } = this.#bucket(bucket);
    const object = new StoredObject('Normal', keepsBytes, { ...NO_HEADERS });
    object.append(bodyOf(bytes, keepsBytes), this.#clock.now(), ++this.#serial);
    objects.set(key, object);
  }

  /** Deletes behind everybody's back. @throws {RangeError} for an unknown bucket. */
  deleteObject(bucket: string, key: string): void {
    this.#bucket(bucket).objects.delete(key);
  }

  #bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (!bucket) throw new RangeError(`LocalOss has no bucket "${name}"`);
    return bucket;
  }

  async #fetch(input: Request | URL | string, init?: RequestInit): Promise<Response> {
    const wire = wireRequest(input, init);
    wire.signal?.throwIfAborted();
    this.#busy++;
    const work = this.#answer(wire).finally(() => this.#busy--);
    return unlessAborted(work, wire.signal);
  }

  async #answer(wire: WireRequest): Promise<Response> {
    const requestId = this.#requestId();
    try {
      return await serve(this.#server, this.#exchange(wire, requestId));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // Only a host or path that leads to no bucket ends here: there are no CORS rules to apply.
      const reply = error.reply({ method: wire.method, host: wire.url.host, requestId });
      return new Response(reply.body ?? null, {
        ...reply,
        headers: { ...reply.headers, 'x-oss-request-id': requestId },
      });
    }
  }

  #exchange(wire: WireRequest, requestId: string): Exchange {
    const query = parseQuery(wire.url.search);
    const target = locate(wire.url, this.#domains);
    const operation = operationOf(wire.method, target.key, query.values);
    const request = requestFacts(wire, target, operation, query.values);
    const plan = this.#faults.plan({ ...request, ...sizeFact(wire), nth: this.#count(request) });
    const entry: LogEntry = plan.names === undefined ? request : { ...request, fault: plan.names };
    this.#record(entry);
    return { wire, query, target, bucket: this.#buckets.get(target.bucket), operation, plan, entry, requestId };
  }

  #count({ operation, bucket, key }: LogEntry): number {
    const name = `${operation} ${bucket}/${key}`;
    const nth = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, nth);
    return nth;
  }

  #record(entry: LogEntry): void {
    if (this.#log.length >= MAX_LOG) this.#log.splice(0, MAX_LOG / 2);
    this.#log.push(entry);
  }

  #requestId(): string {
    const seconds = Math.floor(this.#clock.now() / 1000).toString(16);
    return (seconds + (++this.#serial).toString(16).padStart(16, '0')).toUpperCase();
  }

  #makeServer(): Server {
    return {
      clock: this.#clock,
      verifier: new Verifier((id) => this.#keys.get(id)),
      cachedHeads: new Map(),
      serial: () => ++this.#serial,
      idle: (work) => this.#idle(work),
      logRepeat: (entry) => this.#record({ ...entry }),
      appendObject: (bucket, key, bytes) => this.appendObject(bucket, key, bytes),
      putObject: (bucket, key, bytes) => this.putObject(bucket, key, bytes),
      deleteObject: (bucket, key) => this.deleteObject(bucket, key),
    };
  }

  async #idle<T>(work: Promise<T>): Promise<T> {
    this.#busy--;
    try {
      return await work;
    } finally {
      this.#busy++;
    }
  }
}

const NO_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/octet-stream',
  'x-oss-storage-class': 'Standard',
};

function bucketFrom(name: string, options: BucketOptions): Bucket {
  const {
    region,
    acl = 'private',
    cors = [],
    responseVary = false,
    contents = 'bytes',
    forbidOverwrite = false,
    requesterPays = false,
  } = options;
  if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name)) {
    throw new RangeError(`A bucket name has 3 to 63 of a-z, 0-9 and "-", none of these at its ends: got "${name}"`);
  }
  if (!/^[a-z0-9-]+$/.test(region) || region.startsWith('oss-')) {
    throw new RangeError(`A region reads like cn-hangzhou, without "oss-": got "${region}"`);
  }
  checkCorsRules(cors);
  const rules = { acl, cors, responseVary, forbidsOverwrite: forbidOverwrite, requesterPays };
  return { name, region, ...rules, keepsBytes: contents === 'bytes', objects: new Map() };
}

function domainsOf(buckets: Readonly<Record<string, BucketOptions>>): Map<string, string> {
  const domains = new Map<string, string>();
  for (const [name, { hosts = [] }] of Object.entries(buckets)) {
    for (const host of hosts) domains.set(host.toLowerCase(), name);
  }
  return domains;
}

function requestFacts(
  { method }: WireRequest,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  operation: Operation,
  query: ReadonlyMap<string, string>,
): LogEntry {
  const position = operation === 'AppendObject' ? query.get('position') : undefined;
  const facts = { method, bucket, key, operation };
  return position !== undefined && /^\d+$/.test(position) ? { ...facts, position: Number(position) } : facts;
}

function sizeFact({ contentLength }: WireRequest): { size?: number } {
  return contentLength === undefined ? {} : { size: contentLength };
}

function bodyOf(bytes: Uint8Array | number, keep: boolean): Body {
  const collector = new BodyCollector({ keep, md5: true });
  collector.add(typeof bytes === 'number' ? new Uint8Array(bytes) : bytes);
  return collector.finish();
}

function zeros(length: number): Body {
  return { length, crc: crc64OfZeros(length), pieces: [], first: 0, md5: undefined };
}
