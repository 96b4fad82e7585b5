// LocalOss is an OSS in memory. Tests call its `fetch`, which speaks the real protocol. This file holds the
// configuration, the log, and the methods that change a bucket without a request. exchange.ts handles the requests.

import { type Body, BodyCollector } from './body.ts';
import { type BucketOptions, bucketFrom, domainsOf, invalidBucketName, settingsOf } from './buckets.ts';
import type { Bucket, BucketAcl } from './call.ts';
import { type Clock, clockFrom, unlessAborted } from './clock.ts';
import { crc64OfZeros } from './crc64.ts';
import { Refusal } from './errors.ts';
import { type Exchange, type LogEntry, type Server, serve } from './exchange.ts';
import { type FaultSchedule, FaultSource, type Operation } from './faults.ts';
import { checkKey } from './limits.ts';
import { type ObjectType, StoredObject } from './objects.ts';
import { objectToWrite } from './operations.ts';
import { commonHeaders } from './reply.ts';
import { operationOf } from './routing.ts';
import { type BucketChange, type ObjectChange, type ObjectStore, Tracker } from './store.ts';
import { type Hosts, locate } from './target.ts';
import { type AccessKey, makeToken, type SecurityToken, type TokenOptions } from './tokens.ts';
import { Verifier } from './verify.ts';
import { parseQuery, type WireRequest, wireRequest } from './wire.ts';

/** The options of `new LocalOss`. */
export interface LocalOssOptions {
  /** The buckets by name. */
  readonly buckets: Readonly<Record<string, BucketOptions>>;
  /** The permanent keys: the secrets by access key ID. These keys may do everything. */
  readonly accessKeys?: Readonly<Record<string, string>>;
  /** The source of time, for the delays of faults as well. The system clock supplies each part that is missing. */
  readonly clock?: Partial<Clock>;
  /** The faults, and when they happen. */
  readonly faults?: FaultSchedule;
  /**
   * The names by which clients address this OSS beside those of aliyuncs.com: path style on the name itself, and
   * `{bucket}.{name}`. The name `localhost` is always one of them.
   */
  readonly endpoints?: readonly string[];
  /** Keeps objects and buckets elsewhere, for example on a disk, so that they survive the process. */
  readonly store?: ObjectStore;
  /** Called with the log entry of each request, after its answer is ready or its connection has failed. */
  readonly onrequest?: (request: LoggedRequest) => void;
}

/** A request that the server received. The entry contains no signature and no token. */
export interface LoggedRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly operation: Operation;
  /** The position of an append or a seal, in bytes. */
  readonly position?: number;
  /**
   * The status of what the server did, even if a fault changed or lost the answer. It is undefined before the server
   * decides.
   */
  readonly status?: number;
  /** The kinds of the faults, separated by spaces. */
  readonly fault?: string;
}

/** A bucket at one moment. */
export interface BucketView {
  readonly name: string;
  readonly region: string;
  /** What requests without a signature may do. */
  readonly acl: BucketAcl;
}

/** The state of an object at one moment. */
export interface ObjectView {
  readonly type: ObjectType;
  /** The length in bytes. */
  readonly length: number;
  /** The CRC-64/XZ as an unsigned decimal number. */
  readonly crc64: string;
  readonly etag: string;
  /**
   * The headers that the object keeps from its creation, with names in lower case: content headers, metadata, tagging.
   */
  readonly headers: Readonly<Record<string, string>>;
  readonly acl: string;
  /** The number of writes that produced the object. */
  readonly appends: number;
  /** Returns a copy of the bytes. @throws {Error} if the bucket has `contents: 'checksum'`. */
  bytes(): Uint8Array<ArrayBuffer>;
}

const MAX_LOG = 10_000;

/**
 * An OSS in memory, for tests and for development without an account. It verifies V4 signatures, checks positions, and
 * refuses what OSS refuses, with the same status, code and XML.
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
  /** Shows Vue that this is not a plain object. Vue would make a proxy, which cannot reach the private members. */
  get [Symbol.toStringTag](): string {
    return 'LocalOss';
  }

  /**
   * Takes the same arguments as the global `fetch`, and may be called unbound. It serves the hosts
   * `{bucket}.oss-{region}.aliyuncs.com` with their variants, the custom domains of `hosts`, `{bucket}.localhost`, and
   * path style (`/{bucket}/{key}`) on localhost and IP addresses.
   *
   * @throws {TypeError} as fetch does: for an invalid call, an unknown host or a lost connection. After an abort, it
   *   throws the reason of the abort.
   */
  readonly fetch: (input: Request | URL | string, init?: RequestInit) => Promise<Response>;
  readonly #buckets: Map<string, Bucket>;
  readonly #options: LocalOssOptions['buckets'];
  readonly #hosts: Hosts;
  readonly #keys: Map<string, AccessKey> = new Map();
  readonly #clock: Clock;
  readonly #faults: FaultSource;
  readonly #counts: Map<string, number> = new Map();
  readonly #log: LogEntry[] = [];
  readonly #server: Server;
  readonly #tracker: Tracker | undefined;
  readonly #onrequest: LocalOssOptions['onrequest'];
  #serial = 0;
  #busy = 0;

  /**
   * Makes the buckets and keys.
   *
   * @throws {TypeError | RangeError} if OSS would refuse a bucket name, a region or a CORS rule.
   */
  constructor({ buckets, accessKeys = {}, clock, faults, endpoints = [], store, onrequest }: LocalOssOptions) {
    this.#hosts = { domains: domainsOf(buckets), endpoints: ['localhost', ...endpoints] };
    for (const [id, secret] of Object.entries(accessKeys)) this.#keys.set(id, { secret });
    this.#clock = clockFrom(clock);
    this.#buckets = new Map(Object.entries(buckets).map(([name, options]) => [name, bucketFrom(name, options)]));
    this.#faults = new FaultSource(faults);
    this.#options = buckets;
    this.#tracker = store && new Tracker(store, this.#buckets);
    this.#onrequest = onrequest;
    this.#server = this.#makeServer(store);
    this.fetch = (input, init) => this.#fetch(input, init);
  }

  /** The requests so far, the oldest first. Only the last 5,000 to 10,000 requests are kept. */
  get requests(): readonly LoggedRequest[] {
    return this.#log;
  }

  /** Forgets the requests, and counts from 1 again for the log and for faults. */
  clearRequests(): void {
    this.#log.length = 0;
    this.#counts.clear();
    this.#faults.reset();
  }

  /**
   * The number of requests that are in progress, without those that wait for the clock or for their client. A virtual
   * clock may move on when this number is 0.
   */
  get busy(): number {
    return this.#busy;
  }

  /**
   * Issues temporary credentials, as AssumeRole does. They are valid from now on.
   *
   * @throws {TypeError | RangeError} if STS would refuse the policy or the duration.
   */
  issueToken(options: TokenOptions = {}): SecurityToken {
    const { credentials, key } = makeToken(options, this.#clock.now());
    this.#keys.set(credentials.accessKeyId, key);
    return credentials;
  }

  /**
   * Returns the state of an object without a request, or undefined if it does not exist.
   *
   * @throws {RangeError} if the bucket is unknown.
   */
  object(bucket: string, key: string): ObjectView | undefined {
    const object = this.#bucket(bucket).objects.get(key);
    if (!object) return undefined;
    const { type, length, crc, etag, headers, acl, appends } = object;
    const bytes = () => object.bytes(0, length);
    return { type, length, crc64: String(crc), etag, headers: { ...headers }, acl, appends, bytes };
  }

  /**
   * Appends to an object without a request, as another client could. A number stands for that many zero bytes.
   *
   * @throws {RangeError} if the bucket is unknown, or if OSS would refuse the append: the object is a normal one, is
   *   sealed, or would exceed 5 GiB, the bucket forbids it, or the key is not valid.
   */
  appendObject(bucket: string, key: string, bytes: Uint8Array | number): void {
    this.#write({ bucket, key, bytes, type: 'Appendable' });
  }

  /** Calls a public method, because a test may observe it. If OSS would refuse the write, nothing happens. */
  #asRival(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof RangeError && error.cause instanceof Refusal)) throw error;
    }
  }

  /** Makes the same checks as a request, and stores the bytes. @throws {RangeError} if OSS would refuse them. */
  #write({ bucket: name, key, bytes, type }: Write): void {
    const bucket = this.#bucket(name);
    const { keepsBytes } = bucket;
    const body = typeof bytes === 'number' && !keepsBytes ? zeros(bytes) : bodyOf(bytes, keepsBytes);
    const place = { bucket, key, headers: new Headers() };
    try {
      checkKey(key);
      const object = objectToWrite(place, body.length, type);
      object.append(body, this.#clock.now(), ++this.#serial);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const answer = `OSS answers ${error.status} ${error.code}. ${error.message}`;
      const attempt = type === 'Normal' ? 'put' : 'append to';
      throw new RangeError(`Cannot ${attempt} "${key}": ${answer}`, { cause: error });
    }
    this.#changed(bucket, key);
  }

  /**
   * Stores a normal object without a request, as another client could. It replaces an object of any type.
   *
   * @throws {RangeError} if the bucket is unknown, or if OSS would refuse the write: the bucket forbids overwriting the
   *   object, the bytes exceed 5 GiB, or the key is not valid.
   */
  putObject(bucket: string, key: string, bytes: Uint8Array): void {
    this.#write({ bucket, key, bytes, type: 'Normal' });
  }

  /** Deletes an object without a request, as another client could. @throws {RangeError} if the bucket is unknown. */
  deleteObject(bucket: string, key: string): void {
    const found = this.#bucket(bucket);
    found.objects.delete(key);
    this.#changed(found, key);
  }

  /** Returns the keys of all objects of a bucket in the order of OSS. @throws {RangeError} if the bucket is unknown. */
  keys(bucket: string): string[] {
    return [...this.#bucket(bucket).objects.keys()].sort();
  }

  /** The buckets as they are now, in the order in which they were made. */
  get buckets(): readonly BucketView[] {
    return [...this.#buckets.values()].map(({ name, region, acl }) => ({ name, region, acl }));
  }

  /**
   * Repeats a change that a store has kept, before the first request. The store does not get this change again.
   *
   * @throws {RangeError} if the bucket is unknown, or if the bytes do not match their CRC.
   */
  restore(change: ObjectChange | BucketChange): void {
    this.#serial = Math.max(this.#serial, change.serial);
    if ('key' in change) this.#restoreObject(change);
    else this.#restoreBucket(change);
  }

  #restoreObject({ bucket, key, state, start, pieces }: ObjectChange): void {
    const { objects, keepsBytes } = this.#bucket(bucket);
    const before = start === 0 ? undefined : objects.get(key);
    const object = state && (before ?? new StoredObject(state.type, keepsBytes, {}));
    if (state) object?.restore(state, pieces);
    if (object) objects.set(key, object);
    else objects.delete(key);
    this.#tracker?.restored(bucket, key, object);
  }

  /**
   * A bucket of the options comes back after its deletion, with the region of the options. In all other cases, the
   * settings that requests made count.
   */
  #restoreBucket({ bucket: name, settings }: BucketChange): void {
    const options = this.#options[name] ?? settings;
    if (!options) this.#buckets.delete(name);
    else if (!settings) this.#buckets.set(name, bucketFrom(name, options));
    else {
      const { region } = options;
      const bucket = this.#buckets.get(name) ?? bucketFrom(name, options);
      this.#buckets.set(name, Object.assign(bucket, settings, { region }));
    }
    this.#tracker?.restoredBucket(name, this.#buckets.get(name));
  }

  /** Returns one change for each bucket and each object. The bytes of the objects are not copied. */
  *snapshot(): Generator<ObjectChange | BucketChange, void, undefined> {
    const serial = this.#serial;
    for (const bucket of this.#buckets.values()) {
      const { name } = bucket;
      if (this.#tracker?.isChanged(bucket)) yield { bucket: name, serial, settings: settingsOf(bucket) };
      for (const [key, object] of bucket.objects)
        yield { bucket: name, key, serial, state: object.state, start: 0, pieces: object.pieces(0) };
    }
  }

  /** Tells the store that an object may have changed, or the bucket itself if the key is empty. */
  #changed(bucket: Bucket, key: string): void {
    const exists = this.#buckets.get(bucket.name) === bucket;
    if (key !== '') this.#tracker?.changed(bucket, key, this.#serial);
    else this.#tracker?.changedBucket(bucket.name, exists ? bucket : undefined, this.#serial);
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
      return await this.#serve(this.#exchange(wire, requestId));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // Only a host or a path that names no bucket leads to this line, so there are no CORS rules to apply.
      const reply = error.reply({ method: wire.method, host: wire.url.host, requestId });
      const headers = { ...commonHeaders(requestId, this.#clock.now()), ...reply.headers };
      return new Response(reply.body ?? null, { ...reply, headers });
    }
  }

  async #serve(exchange: Exchange): Promise<Response> {
    try {
      return await serve(this.#server, exchange);
    } finally {
      this.#onrequest?.(exchange.entry);
    }
  }

  #exchange(wire: WireRequest, requestId: string): Exchange {
    const query = parseQuery(wire.url.search);
    const target = locate(wire.url, this.#hosts);
    const operation = operationOf({ ...wire, ...target, query: query.values });
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

  #makeServer(store: ObjectStore | undefined): Server {
    return {
      changed: (bucket, key) => this.#changed(bucket, key),
      flush: store && (() => store.flush()),
      clock: this.#clock,
      verifier: new Verifier((id) => this.#keys.get(id)),
      cachedHeads: new Map(),
      newBucket: (name, region) => this.#newBucket(name, region),
      addBucket: (bucket) => void this.#buckets.set(bucket.name, bucket),
      removeBucket: (bucket) => void this.#buckets.delete(bucket.name),
      buckets: () => [...this.#buckets.values()],
      serial: () => ++this.#serial,
      idle: (work) => this.#idle(work),
      logRepeat: (entry) => this.#record({ ...entry }),
      appendObject: (...write) => this.#asRival(() => this.appendObject(...write)),
      putObject: (...write) => this.#asRival(() => this.putObject(...write)),
      deleteObject: (bucket, key) => this.deleteObject(bucket, key),
    };
  }

  /** Makes a bucket for PutBucket. @throws {Refusal} */
  #newBucket(name: string, region: string | undefined): Bucket {
    const [first] = this.#buckets.values();
    try {
      return bucketFrom(name, { region: region ?? first?.region ?? 'cn-hangzhou' }, this.#clock.now());
    } catch {
      throw invalidBucketName(name);
    }
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

/** A write without a request. A number stands for that many zero bytes. */
interface Write {
  readonly bucket: string;
  readonly key: string;
  readonly bytes: Uint8Array | number;
  readonly type: ObjectType;
}

function requestFacts(
  { method }: WireRequest,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  operation: Operation,
  query: ReadonlyMap<string, string>,
): LogEntry {
  const position = /^(Seal)?AppendObject$/.test(operation) ? query.get('position') : undefined;
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
