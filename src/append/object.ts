/**
 * The engine: every byte of a source is appended to one object exactly once, also when answers are lost. `position` is a
 * compare-and-swap: OSS takes an append only where it equals the object's length. So a segment can be stored at most once at its
 * place, and after a failure the only question is whether it was. The engine never guesses. It reads the object's length and CRC
 * and, where these prove nothing, the bytes. The table of verdicts is in verdict.ts.
 */

import { bytesOf, isBlob } from '../bytes.ts';
import { checkFunction, checkObject, checkRange, checkType } from '../check.ts';
import { type Crc64, checkCrc64, crc64Combine } from '../crc64.ts';
import {
  AppendConflictError,
  ChecksumError,
  CredentialsError,
  OssError,
  ServiceError,
  SourceError,
  unproven,
  withAppendFacts,
} from '../errors.ts';
import { type AppendObjectResult, type CallOptions, checkSignal, type OssClient } from '../request/client.ts';
import { checkKey } from '../request/endpoint.ts';
import { appendHeaders, laterOptions, type ObjectOptions } from '../request/headers.ts';
import { extendPrefix, type Prefix, readBlob } from '../source/blob.ts';
import type { AppendSource, Segment, SegmentReader } from '../source/segment.ts';
import { readSegments } from '../source/segments.ts';
import { differ, MAX_OBJECT_SIZE, type ObjectTail, parseCrc, parseTail, publicTail, type Tail } from '../tail.ts';
import { abortable, throwIfAborted } from '../waiting/abort.ts';
import { isAmbiguous, isTooLarge } from '../waiting/retry.ts';
import {
  checkRoom,
  conflict,
  damaged,
  differentPrefix,
  noRoom,
  notAppendable,
  notThisBlob,
  unsettled,
} from './conflicts.ts';
import { Evidence, type Place, type Reading } from './evidence.ts';
import type { Flight, PendingSegment, Plan } from './flight.ts';
import { Group, within } from './group.ts';
import { SegmentPace } from './pace.ts';
import { type AppendOptions, type Call, report, reportHanded } from './progress.ts';
import { type Diverged, type Found, isAlike, judge, moved, type Verdict } from './verdict.ts';

/** What the engine needs of a client: an `OssClient`, or anything of this shape. */
export type AppendClient = Pick<
  OssClient,
  'appendObject' | 'headObject' | 'getObject' | 'waitToRetry' | 'wait' | 'now'
>;

/** Settings of an object to append to. What describes the object ({@link ObjectOptions}) goes with the append that creates it. */
export interface AppendableObjectOptions extends ObjectOptions {
  /** Where the object is known to end: spares the opening HEAD, and the permission for it. Default: ask OSS. */
  readonly tail?: ObjectTail | undefined;
  /**
   * Length of a request's body, bytes. Default: adapts to the link between 64 KiB and 128 MiB; for streams, which need
   * twice this memory, 23 MiB. Any size comes down, to a sixteenth of this one or 64 KiB, where requests get no answer twice in
   * a row, and for good where a proxy or OSS refuses a body as too large (413).
   */
  readonly segmentSize?: number | undefined;
  /** How long a byte of a slow stream may wait for its segment to fill, ms. Default 1,000; `Infinity` sends full segments only. */
  readonly flushAfter?: number | undefined;
  /** Several writers append to the object: where another one was first, follow it. Records must then tell their writer apart. Default false. */
  readonly shared?: boolean | undefined;
  /**
   * Computes the CRC-64 of Blobs, streams and long bytes in place of {@link crc64}, from a WebAssembly module of yours, say: two
   * or three times as fast where WebAssembly may be loaded. Refused where it gives other CRCs of a short text; beyond that it is
   * trusted. Nothing of it is loaded here.
   */
  readonly crc64?: Crc64 | undefined;
}

/** Settings of one resume. */
export interface ResumeOptions extends AppendOptions {
  /** The tail at which the Blob began, if it was not the object's beginning. */
  readonly start?: ObjectTail | undefined;
}

const NOTHING_SENT: Ended = { loaded: 0, flight: undefined };

const FLUSH_AFTER = 1000;

/** Of more segments given up, the oldest is the least likely to turn up. */
const MOST_PENDING = 100;

/** How far a call was when it ended without success: what `settle` needs to go on. */
interface Ended {
  /** Bytes of the call's source that were confirmed, where nothing is in flight. */
  readonly loaded: number;
  readonly flight: Flight | undefined;
  /** Which bytes of the flight are the call's, if others' are in it too. */
  readonly start?: number;
  readonly size?: number;
}

/** What `settle` found out for good. */
export interface SettledAppend {
  /** Bytes of the failed call's source that are stored. Go on behind them; of text, count bytes of UTF-8. */
  readonly loaded: number;
  /** The object's end now. */
  readonly tail: ObjectTail;
}

const EMPTY: Segment = { size: 0, crc: 0n, body: new Uint8Array(0) };

/**
 * An appendable object, and the one place that knows its end. Calls on it queue. Several of these on one object are
 * several writers: give them `shared`.
 *
 * After a call that failed or was aborted, the next one reads the object's state again.
 *
 * Two writers that append the same bytes at the same position both succeed, and one copy is stored: OSS shows the same object as
 * after a lost answer. So each record should hold its writer and a sequence number.
 *
 * @throws TypeError or RangeError for impossible options.
 * @example
 * ```ts
 * import { AppendableObject, credentialsFromUrl, OssClient } from 'oss-append';
 *
 * const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-logs', credentials: credentialsFromUrl('/sts') });
 * const log = new AppendableObject(client, 'app.log', { contentType: 'text/plain' });
 * await log.append('started\n');
 * await log.append(new Blob(['some ', 'more\n']));
 * ```
 */
export class AppendableObject {
  /** Shows Vue that this is not a plain object. Vue would make a proxy, which cannot reach the private members. */
  get [Symbol.toStringTag](): string {
    return 'AppendableObject';
  }

  readonly key: string;
  readonly #client: AppendClient;
  readonly #evidence: Evidence;
  readonly #options: AppendableObjectOptions;
  readonly #laterOptions: ObjectOptions;
  readonly #pace: SegmentPace;
  readonly #flushAfter: number;
  /** The last confirmed end. */
  #tail: Tail | undefined;
  /** Whether the tail must be read again before it is used. */
  #stale: boolean;
  /** Whether the caller knows that the object is not what it was. */
  #told = false;
  #pending: Plan[] = [];
  /** The segment of the last failed call, with its bytes. They are dropped when another segment is sent. */
  #kept: Flight | undefined;
  /** The calls that ended without success, by what they were rejected with. */
  readonly #ended = new WeakMap<object, Ended | 'several'>();
  #queue: Promise<unknown> = Promise.resolve();
  /** The last in the queue, while others may join it. */
  #group: Group | undefined;

  constructor(client: AppendClient, key: string, options: AppendableObjectOptions = {}) {
    checkClient(client);
    checkKey(key);
    checkOptions(options);
    const { tail, segmentSize, flushAfter = FLUSH_AFTER } = options;
    this.key = key;
    this.#client = client;
    this.#evidence = new Evidence(client, key);
    this.#options = { ...options, headers: { ...options.headers } };
    this.#laterOptions = laterOptions(options);
    this.#pace = new SegmentPace(segmentSize);
    this.#flushAfter = flushAfter;
    this.#tail = tail && parseTail('tail', tail);
    this.#stale = !tail;
  }

  /** The last confirmed end of the object; `undefined` before it is known. */
  get tail(): ObjectTail | undefined {
    return this.#tail && publicTail(this.#tail);
  }

  /**
   * Segments whose outcome was unknown when their call failed. A later read, such as {@link open}, shows what became of them,
   * and one that was stored late is never taken for another writer's. To go on after such a failure
   * use {@link settle}. Those whose outcome is known are dropped when the next append begins, and the oldest of more than a hundred.
   */
  get pending(): readonly PendingSegment[] {
    return this.#pending.map(({ position, size, outcome }) => ({ position, size, outcome }));
  }

  /**
   * Reads where the object ends, unless that is known and nothing is pending. An absent object ends at 0. Needs `oss:GetObject`.
   *
   * @throws AppendConflictError (`ObjectNotAppendable`) where the object was made otherwise; else as `headObject`.
   */
  async open({ signal }: CallOptions = {}): Promise<ObjectTail> {
    return this.#enqueue(signal, async () => {
      this.#stale ||= this.pending.some(({ outcome }) => outcome === 'unknown');
      return publicTail(await this.#open(signal));
    });
  }

  /**
   * Appends a source, whole, and resolves to the object's new end. An empty source creates an absent object.
   *
   * Calls need not wait for one another. Text and bytes of several that wait in the queue go out as one segment (a group
   * commit): each resolves to its own end. They fail together, but for those that are stored before, if the segment must be sent
   * in parts. Of these a call that is aborted ends at once; its bytes are not sent
   * while it waits, but on the wire they go on for the others. Bytes that fit into a segment, and all up to 256 KiB (or
   * `segmentSize`, if that is less), are copied at the call; longer ones must not change until it is done.
   *
   * @throws TypeError for what is no source, before any request. RangeError for one that would exceed 5 GiB.
   * AppendConflictError where the object is not what it was; ChecksumError where OSS holds other bytes than were sent;
   * SourceError where the source fails; ServiceError, TransportError, CredentialsError from requests; the signal's reason.
   * An `OssError` says in `loaded`, `tail` and `outcome` what is stored. Do not append the same bytes again after one: see {@link settle}.
   */
  async append(source: AppendSource, options: AppendOptions = {}): Promise<ObjectTail> {
    const checked = checkCall(options);
    const bytes = bytesOf(source);
    if (bytes?.byteLength && bytes.byteLength <= this.#pace.room) {
      if (checked.signal?.aborted) this.#noteEnd(checked.signal.reason, NOTHING_SENT);
      throwIfAborted(checked.signal);
      return this.#join(typeof source === 'string' ? bytes : bytes.slice(), checked);
    }
    const reader = readSegments(bytes ?? source, this.#options.crc64);
    const { total, type, inMemory } = reader;
    const call: Call = { ...checked, total, type, inMemory, resumes: false, loaded: 0 };
    return this.#perform(call, () => this.#pump(reader, call)).catch((error: unknown) => {
      reader.cancel(error);
      throw error;
    });
  }

  /**
   * Goes on with a Blob or File of which the object may hold a beginning: after a reload, on another day, with nothing
   * saved. What is there is proven equal by its CRC (or, where CORS hides that, byte by byte); the rest is appended.
   * An absent object is created, a finished one recognised. Safe to call again and again.
   *
   * @throws TypeError for what is no Blob, and with `shared`. ChecksumError (`DifferentPrefix`) where the object begins with
   * other bytes; AppendConflictError where it is longer than the Blob, or shorter than `start`. Else as {@link append}.
   */
  async resume(blob: Blob, options: ResumeOptions = {}): Promise<ObjectTail> {
    const checked = checkCall(options);
    if (!isBlob(blob)) throw new TypeError('resume needs a Blob or File: only these can be read again');
    if (this.#options.shared)
      throw new TypeError('resume needs a single writer: with shared, others’ bytes lie between ours');
    const start = parseTail('start', options.start ?? { position: 0, hashCrc64ecma: '0' });
    const { size: total, type } = blob;
    const call: Call = { ...checked, total, type, inMemory: false, resumes: true, loaded: 0 };
    return this.#perform(call, () => this.#resume(blob, start, call));
  }

  /**
   * Finds out for good how much of a failed or aborted call's source is stored, so that the caller can go on without doubling
   * or losing a byte. Give it what the call was rejected with. A segment whose request got no answer may be stored, may not be,
   * and may still become so. When it is not there, `settle` sends the same bytes again at the same position: only then no
   * earlier request can be carried out any more.
   *
   * Then append the rest of the source, from `loaded` on. Call `settle` before any other append: the object keeps the bytes of
   * one segment, until another one is sent. For a File, {@link resume} does all of this, also after a reload.
   *
   * @throws TypeError for anything but the error (or abort reason, which must be an object) of a call on this object. A
   * ChecksumError is thrown again: the object is damaged.
   * OssError (`Unsettled`) where another segment was sent since and has not taken the segment's place. Otherwise it fails as
   * {@link append}: then call it again, with the same error or the new one.
   * @example
   * ```ts
   * import type { AppendableObject } from 'oss-append';
   *
   * async function appendOnce(object: AppendableObject, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
   *   try {
   *     await object.append(bytes);
   *   } catch (error) {
   *     const { loaded } = await object.settle(error);
   *     await object.append(bytes.subarray(loaded));
   *   }
   * }
   * ```
   */
  async settle(error: unknown, { signal }: CallOptions = {}): Promise<SettledAppend> {
    checkSignal(signal);
    // A damaged object does not become whole by appending more.
    if (error instanceof ChecksumError) throw error;
    const ended = this.#ended.get(Object(error));
    if (!ended) throw new TypeError('settle needs the error with which a call on this AppendableObject was rejected');
    if (ended === 'several')
      throw new TypeError(
        'settle cannot tell calls apart that were aborted with one reason: give each a signal of its own',
      );
    const { flight, start = 0, size = MAX_OBJECT_SIZE } = ended;
    return this.#enqueue(signal, async () => {
      const loaded = () => within(flight?.loaded ?? ended.loaded, start, size);
      try {
        if (flight?.plan) await this.#finish(flight, flight.plan, signal);
        const tail = publicTail(await this.#open(signal));
        return { loaded: loaded(), tail };
      } catch (failure) {
        const reason = this.#fail(failure, { signal, loaded: loaded(), flight });
        this.#noteEnd(reason, ended);
        throw reason;
      }
    });
  }

  /** Finds out whether a segment is stored, once and for good. Sends it again where it is not there. */
  async #finish(flight: Flight, plan: Plan, signal: AbortSignal | undefined): Promise<void> {
    const { segment, type, resumes, loaded } = flight;
    if (plan.outcome === 'unknown' && !segment) {
      this.#stale = true;
      await this.#open(signal);
    }
    if (plan.outcome === 'stored') flight.loaded = plan.loaded;
    if (plan.outcome !== 'unknown') return;
    if (!segment) throw unsettled(this.key, plan);
    // The segment is in flight again, and no longer one that was given up.
    this.#pending = this.#pending.filter((other) => other !== plan);
    this.#tail = plan.from;
    const call: Call = { signal, total: plan.size, type, inMemory: true, resumes, loaded, flight };
    await this.#commit(segment, call);
    this.#stale = false;
  }

  /** Goes with those that wait at the end of the queue, or waits there for others. */
  #join(bytes: Uint8Array<ArrayBuffer>, options: AppendOptions): Promise<ObjectTail> {
    if (this.#group?.takes(bytes.byteLength, this.#pace.size(true))) return this.#group.add(bytes, options);
    const group: Group = new Group(options, (reason, start, size) =>
      this.#noteEnd(reason, { loaded: 0, flight: group.flight, start, size }),
    );
    const tail = group.add(bytes, options);
    this.#perform(group, () => this.#sendGroup(group)).catch((error: unknown) => group.fail(error));
    this.#group = group;
    return tail;
  }

  /** Nothing may be left of a group, where all its calls would exceed 5 GiB. */
  async #sendGroup(group: Group): Promise<void> {
    for (;;) {
      const { position } = await this.#open(group.signal);
      // What was never sent must not be remembered as if it might turn up.
      throwIfAborted(group.signal);
      const check = (start: number, size: number) => checkRoom(this.key, position + start, size);
      const segment = group.close(this.#pace.size(true), check);
      if (segment.size === 0) return;
      await this.#commit(segment, group);
    }
  }

  /** One at a time, in order; nothing joins the group before it any more. An abort while waiting ends the wait, not the queue. */
  #enqueue<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.#group = undefined;
    const before = this.#queue;
    const done = abortable(before, signal).then(work);
    this.#queue = before.then(() => done).catch(() => {});
    return done;
  }

  /** Runs a call, and adds to its failure what is known to be stored. */
  #perform(call: Call, work: () => Promise<void>): Promise<ObjectTail> {
    const done = this.#enqueue(call.signal, async () => {
      this.#pending = this.#pending.filter(({ outcome }) => outcome === 'unknown');
      try {
        await work();
        return publicTail(this.#confirmed());
      } catch (error) {
        const reason = this.#fail(error, call);
        const { loaded, flight } = call;
        // A group notes the end of each of its calls itself.
        if (!(call instanceof Group)) this.#noteEnd(reason, { loaded, flight });
        throw reason;
      }
    });
    // An abort while the call waits in the queue ends it before anything is sent.
    if (!(call instanceof Group))
      done.catch((reason: unknown) => this.#ended.has(Object(reason)) || this.#noteEnd(reason, NOTHING_SENT));
    return done;
  }

  /** What a call is rejected with: the error, with what is known to be stored. */
  #fail(error: unknown, { signal, loaded, flight }: Pick<Call, 'signal' | 'loaded' | 'flight'>): unknown {
    this.#setAside(flight);
    this.#kept = flight ?? this.#kept;
    this.#stale = true;
    this.#told ||= error instanceof AppendConflictError;
    if (signal?.aborted && error === signal.reason) return error;
    return withAppendFacts(error, { tail: this.tail, outcome: flight?.plan?.outcome ?? 'absent', loaded });
  }

  /** Notes how far a call was, for `settle`. */
  #noteEnd(reason: unknown, ended: Ended): void {
    if (Object(reason) !== reason) return;
    const before = this.#ended.get(reason as object);
    this.#ended.set(reason as object, before && before !== ended ? 'several' : ended);
  }

  /**
   * Remembers a segment that may still be stored, so that it is recognised as ours when it turns up. Of the same bytes, sent by
   * two calls to one place, nobody can tell which are stored: they are there once, and the later call reports them.
   */
  #setAside(flight: Flight | undefined): void {
    const plan = flight?.plan;
    if (plan?.outcome !== 'unknown' || plan.size === 0) return;
    const alike = this.#pending.filter((other) => other.outcome === 'unknown' && isAlike(other, plan));
    for (const other of alike) other.outcome = 'absent';
    this.#pending = [...this.#pending.filter((other) => !alike.includes(other)), plan].slice(-MOST_PENDING);
  }

  async #open(signal: AbortSignal | undefined): Promise<Tail> {
    if (this.#tail && !this.#stale) return this.#tail;
    const found = await this.#evidence.look(signal, this.#tail?.position);
    if (!found.appendable) throw notAppendable(this.key, found);
    await this.#settle(found, signal);
    this.#checkNotReplaced(found);
    this.#tail = { position: found.length ?? 0, crc: found.length === undefined ? 0n : found.crc };
    this.#stale = this.#told = false;
    return this.#tail;
  }

  /** An object that lost what was confirmed is another one. That is told once; then it is taken as it is. */
  #checkNotReplaced(found: Found): void {
    const known = this.#tail;
    const { length = 0, crc } = found;
    const grown = !known || length > known.position || (length === known.position && !differ(crc, known.crc));
    if (grown || this.#told) return;
    this.#told = true;
    throw conflict(this.key, { position: known.position, size: 0, outcome: 'unknown' }, found);
  }

  #confirmed(): Tail {
    if (!this.#tail) throw new Error('unreachable: the object was not opened');
    return this.#tail;
  }

  /** Reads the next segment while the current one is on the wire. */
  async #pump(reader: SegmentReader, call: Call): Promise<void> {
    let sending: Promise<unknown> = this.#open(call.signal).then(({ position }) => {
      if (call.total !== undefined) checkRoom(this.key, position, call.total - call.loaded);
    });
    for (let first = true; ; first = false) {
      const reading = this.#read(reader, sending, call.signal);
      await sending;
      const segment = (await reading) ?? (first && this.#confirmed().position === 0 ? EMPTY : undefined);
      if (!segment) return checkWhole(call);
      sending = this.#commit(segment, call);
    }
  }

  /** A slow stream's segment is cut when its first byte has waited long enough, and nothing is on the wire. */
  #read(
    reader: SegmentReader,
    sending: Promise<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<Segment | undefined> {
    const size = this.#pace.size(reader.inMemory);
    // What is in hand already keeps nobody waiting.
    if (reader.total !== undefined || this.#flushAfter === Number.POSITIVE_INFINITY)
      return held(abortable(reader.next(size), signal));
    const done = new AbortController();
    const cut = () => Promise.all([this.#client.wait(this.#flushAfter, done.signal), sending]);
    // With a reason, or each segment would make an exception.
    return held(abortable(reader.next(size, cut), signal).finally(() => done.abort('cut')));
  }

  /**
   * Sends one segment until it is stored, exactly once, or that cannot be. One that is in flight already was given
   * up before: it is looked for first. Returns how many bytes are stored: those of the segment, or of a longer one that it was cut from and that turned
   * up after all.
   */
  async #commit(segment: Segment, call: Call, failed = 0): Promise<number> {
    const { signal, inMemory, flight: last } = call;
    let { size } = segment;
    let looks = last?.segment === segment;
    let plan = (looks && last?.plan) || this.#plan(segment, call);
    for (let failures = failed; ; looks = false) {
      if (!looks && this.#pace.cuts(size, inMemory)) return this.#commitInParts(segment, call, failures);
      const started = this.#client.now();
      const failure = looks ? { error: undefined } : await this.#send(plan, segment, call);
      if (!failure) {
        const time = this.#client.now() - started;
        if (size > 0) this.#pace.stored({ size, time }, inMemory);
        break;
      }
      const { error } = failure;
      if (isTooLarge(error)) {
        if (this.#pace.failed(size, true)) continue;
        throw error;
      }
      if (isAmbiguous(error)) this.#pace.failed(size);
      const verdict = await this.#reconcile(plan, segment, error, call);
      if (verdict.kind === 'committed') {
        this.#tail = verdict.tail;
        size = verdict.size ?? size;
        break;
      }
      if (verdict.kind === 'absent') {
        await checkReadable(segment);
        if (looks) continue;
        if (isLasting(error) || !(await this.#client.waitToRetry(++failures, { error, signal }))) throw error;
      } else {
        this.#tail = verdict.kind === 'diverged' ? this.#follow(plan, verdict) : verdict.tail;
        plan = this.#plan(segment, call);
        failures = 0;
      }
    }
    const { flight, position, from } = plan;
    flight.plan = flight.segment = undefined;
    plan.outcome = 'stored';
    // The longer segments that this one was cut from can no longer be stored here.
    this.#pending = this.#pending.filter((other) => other.flight !== flight);
    if (size > 0 && !call.resumes) this.#takePlace(position);
    call.loaded += size;
    flight.loaded = call.loaded;
    if (call.thrown) throw call.thrown.error;
    report(call);
    call.confirm?.(from, size, publicTail(this.#confirmed()));
    return size;
  }

  /**
   * Sends a segment as several shorter ones. Where it was sent whole before, that request may still be carried out. So the
   * segment is remembered, and `#reconcile` recognises it when it is found in the place of the first part.
   */
  async #commitInParts(segment: Segment, call: Call, failed: number): Promise<number> {
    const reader = readSegments(segment.body, this.#options.crc64);
    let [done, failures] = [0, failed];
    while (done < segment.size) {
      const most = this.#pace.size(call.inMemory);
      const part = await reader.next(call.cut?.(most) ?? most);
      this.#setAside(call.flight);
      done += await this.#commit(part ?? EMPTY, call, failures);
      failures = 0;
    }
    return done;
  }

  #plan(segment: Segment, call: Call): Plan {
    const { size, crc } = segment;
    const from = this.#confirmed();
    const position = from.position + size;
    if (position > MAX_OBJECT_SIZE)
      throw new OssError(noRoom(this.key, from.position, size), { code: 'EntityTooLarge' });
    const want = { position, crc: from.crc === undefined ? undefined : crc64Combine(from.crc, crc, size) };
    const { type, resumes, loaded } = call;
    const flight = call.flight ?? { type, resumes, loaded, plan: undefined, segment };
    // The bytes of one segment are kept at most.
    if (this.#kept && this.#kept !== flight) this.#kept.segment = undefined;
    const plan: Plan = {
      ...{ position: from.position, size, crc, from, want, flight, loaded: loaded + size },
      ...{ outcome: 'absent', unanswered: false },
    };
    call.flight = Object.assign(flight, { plan, segment });
    return plan;
  }

  /** One attempt. Returns a failure that leaves the outcome open; throws one that settles the call. */
  async #send(plan: Plan, segment: Segment, call: Call): Promise<{ readonly error: unknown } | undefined> {
    const { signal, onprogress } = call;
    const { position } = plan;
    const { contentType, headers } = position === 0 ? this.#firstOptions(call) : this.#laterOptions;
    const handed = onprogress && ((progress: { loaded: number }) => reportHanded(call, progress.loaded));
    const before = plan.outcome;
    plan.outcome = 'unknown';
    try {
      const result = await this.#client.appendObject(this.key, segment.body, {
        contentType,
        headers: { ...headers },
        position,
        signal,
        onprogress: handed,
      });
      const crc = parseCrc(result.hashCrc64ecma);
      if (result.nextAppendPosition !== plan.want.position || differ(crc, plan.want.crc)) {
        throw await this.#damage(plan, segment, result, signal);
      }
      this.#tail = { position: plan.want.position, crc: plan.want.crc ?? crc };
      return undefined;
    } catch (error) {
      const isAnswer = error instanceof ServiceError && !isAmbiguous(error);
      if (!isAnswer && !(error instanceof CredentialsError)) plan.unanswered = true;
      if (leavesOpen(error) || isTooLarge(error)) return { error };
      // Without credentials nothing was sent this time, unless others were refused before.
      if (error instanceof CredentialsError && !error.sent) plan.outcome = before;
      throw error;
    }
  }

  #firstOptions({ type }: Call): ObjectOptions {
    const { contentType = type || undefined, headers } = this.#options;
    return { contentType, headers };
  }

  /**
   * Answers an ambiguous failure, or a refusal of the position, by what the object holds: length L and CRC H where the
   * segment of n bytes was sent to P, where the CRC was C.
   *
   * | L, H | verdict |
   * |---|---|
   * | not Appendable | diverged |
   * | no object, P = 0 / P > 0 | absent / diverged |
   * | n = 0: L = P (H = C where known), or L > P where shared / else | committed / diverged |
   * | L = P, and H = C or either unknown | absent |
   * | L = P + n, C and H known, H as wanted | committed |
   * | L >= P + n otherwise | compare the bytes |
   * | anything else | diverged |
   *
   * Absent means not yet: our own request may still be carried out. Then the position refuses the repeat, which leads here again.
   */
  async #reconcile(plan: Plan, segment: Segment, failure: unknown, call: Call): Promise<Verdict> {
    const { signal, resumes } = call;
    try {
      for (let looks = 1; ; looks++) {
        const found = await this.#look(plan, failure, signal);
        const ours = await this.#settle(
          found,
          signal,
          (other) => !resumes && other.position === plan.position && other.size > plan.size,
          true,
        );
        if (ours) return moved(plan, ours, found);
        const { shared } = this.#options;
        const verdict = judge(plan, found, { shared }) ?? (await this.#compare(plan, segment, found, signal));
        if (verdict) return resumes ? verdict : await this.#recognise(plan, verdict, signal);
        if (!(await this.#client.waitToRetry(looks, { signal }))) throw this.#evidence.inexact(plan);
      }
    } catch (error) {
      if (signal?.aborted || !(error instanceof OssError)) throw error;
      throw failure === undefined ? error : unproven(failure, error);
    }
  }

  /**
   * The object's state after a failure. A 409 carries the object's length. An answer to HEAD that tells less comes from a cache,
   * because an object only grows: OSS is asked again, and that answer is never used.
   */
  async #look(plan: Plan, failure: unknown, signal: AbortSignal | undefined): Promise<Found> {
    const { position: told = 0 } = Object(failure) as Partial<ServiceError>;
    for (let looks = 1; ; looks++) {
      const found = await this.#evidence.look(signal, plan.position);
      if ((found.length ?? 0) >= told) return found;
      if (!(await this.#client.waitToRetry(looks, { signal }))) throw this.#evidence.outdated(found, told);
    }
  }

  /** Other bytes in our place may be our own, from an earlier call that gave up on them. */
  async #recognise(plan: Plan, verdict: Verdict, signal: AbortSignal | undefined): Promise<Verdict> {
    if (verdict.kind !== 'diverged' || verdict.outcome === 'stored') return verdict;
    const strict = !this.#options.shared;
    const ours = await this.#settle(verdict.found, signal, (other) => other.position === plan.position, strict);
    return ours ? moved(plan, ours, verdict.found) : verdict;
  }

  /** Reads our place. Undefined where the answer is not exactly the range asked for: look again. */
  async #compare(
    plan: Plan,
    segment: Segment,
    looked: Found,
    signal: AbortSignal | undefined,
  ): Promise<Verdict | undefined> {
    const reading = await this.#evidence.compare(plan, segment.body, looked, signal);
    if (!reading) return undefined;
    const { value: same, found } = reading;
    return judge(plan, found, { shared: this.#options.shared, bytes: same ? 'equal' : 'other' });
  }

  /** Where other writers are welcome and our bytes are proven absent, their end is our place; never a lower one. */
  #follow(plan: Plan, { outcome, found }: Diverged): Tail {
    plan.outcome = outcome;
    const { length = 0, crc } = found;
    if (this.#options.shared && found.appendable && outcome === 'absent' && length > plan.position)
      return { position: length, crc };
    if (outcome === 'stored') this.#tail = undefined;
    throw conflict(this.key, plan, found);
  }

  /** OSS accepted the segment, but the object is not what that makes it: damaged, or not ours alone. */
  async #damage(
    plan: Plan,
    segment: Segment,
    result: AppendObjectResult,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const { want } = plan;
    const crc = parseCrc(result.hashCrc64ecma);
    const looked: Found = { length: result.nextAppendPosition, crc, appendable: true };
    // Of no bytes there is nothing to read back.
    if (plan.size === 0) return conflict(this.key, plan, looked);
    const readBack = () => this.#evidence.compare(plan, segment.body, looked, signal);
    const reading = await this.#insist(plan, signal, readBack).catch((error: unknown) => {
      if (signal?.aborted || !(error instanceof OssError)) throw error;
      return error;
    });
    if (reading instanceof OssError) return unproven(conflict(this.key, plan, looked), reading);
    const { value: same, found } = reading;
    if (!same && found.length === want.position) return damaged(this.key, plan, crc);
    plan.outcome = same ? 'stored' : 'absent';
    if (same) this.#tail = undefined;
    return conflict(this.key, plan, found);
  }

  /** Asks again where the answer is not the range asked for, or breaks off. */
  async #insist<T>(
    place: Place,
    signal: AbortSignal | undefined,
    read: () => Promise<Reading<T> | undefined>,
  ): Promise<Reading<T>> {
    for (let reads = 1; ; reads++) {
      const reading = await read();
      if (reading) return reading;
      if (!(await this.#client.waitToRetry(reads, { signal }))) throw this.#evidence.inexact(place);
    }
  }

  /**
   * Finds segments of earlier calls whose outcome was left open, and returns one that was stored after all.
   * These are known by length and CRC-64: their bytes are no longer held. One that cannot be read stays open; where the
   * place must not be taken for another writer's (`strict`), that fails.
   */
  async #settle(
    found: Found,
    signal: AbortSignal | undefined,
    which: (plan: Plan) => boolean = () => true,
    strict = false,
  ): Promise<Plan | undefined> {
    let ours: Plan | undefined;
    const { length = 0 } = found;
    const open = this.#pending.filter((plan) => plan.outcome === 'unknown' && plan.position < length && which(plan));
    for (const position of new Set(open.map((plan) => plan.position))) {
      // The longest first: a shorter one may be its beginning.
      const plans = open.filter((plan) => plan.position === position).sort((a, b) => b.size - a.size);
      try {
        const stored = await this.#findStored(plans, found, signal);
        if (stored) {
          this.#takePlace(position);
          stored.flight.loaded = stored.loaded;
        }
        for (const plan of plans) plan.outcome = plan === stored ? 'stored' : 'absent';
        ours = stored ?? ours;
      } catch (error) {
        if (signal?.aborted || strict) throw error;
      }
    }
    return ours;
  }

  /**
   * A position is taken once: whatever else was on its way there can no longer be stored. Of alike bytes, sent by this call
   * and by an earlier one, nobody can tell which brought them: they are there once, and this call reports them.
   */
  #takePlace(position: number): void {
    for (const plan of this.#pending)
      if (plan.position === position && plan.outcome === 'unknown') plan.outcome = 'absent';
  }

  /** Which of these, all sent to one position, is there: one reading, of the longest that has room, tells of all. */
  async #findStored(plans: readonly Plan[], found: Found, signal: AbortSignal | undefined): Promise<Plan | undefined> {
    const { length = 0, crc } = found;
    const known = plans.find(({ want }) => crc !== undefined && length === want.position && crc === want.crc);
    const fitting = plans.filter(({ want }) => want.position <= length);
    const [longest] = fitting;
    if (known || !longest) return known;
    const sizes = fitting.map(({ size }) => size);
    const reading = await this.#insist(longest, signal, () => this.#evidence.crcsOf(longest, sizes, found, signal));
    return fitting.find((plan) => reading.value.get(plan.size) === plan.crc);
  }

  /** Goes on where the object holds a beginning of the Blob; again from the proof, where a late request of ours or another tab moved its end. */
  async #resume(blob: Blob, start: Tail, call: Call): Promise<void> {
    for (let prefix = { size: 0, crc: 0n }, rounds = 0; ; ) {
      const found = await this.#evidence.look(call.signal, start.position + prefix.size);
      await this.#settle(found, call.signal);
      prefix = await this.#prove(blob, start, found, prefix, call.signal);
      const known = start.crc === undefined ? undefined : crc64Combine(start.crc, prefix.crc, prefix.size);
      this.#tail = { position: start.position + prefix.size, crc: found.crc ?? known };
      this.#stale = this.#told = false;
      if (prefix.size > call.loaded) rounds = 0;
      call.loaded = prefix.size;
      // What was given up before is part of the prefix, or was proven not to be there.
      call.flight = undefined;
      report(call);
      const reader = readSegments(blob, this.#options.crc64, prefix.size);
      try {
        await this.#pump(reader, call);
        const { position: length, crc } = this.#confirmed();
        await this.#settle({ length, crc, appendable: true }, call.signal);
        return;
      } catch (error) {
        reader.cancel(error);
        const grown = error instanceof AppendConflictError && (error.found ?? 0) > error.position;
        // The first proof anew is no retry: a late request of ours has moved the end.
        const goesOn =
          grown && (rounds++ === 0 || (await this.#client.waitToRetry(rounds, { error, signal: call.signal })));
        if (!goesOn) throw error;
        this.#setAside(call.flight);
      }
    }
  }

  /** How much of the Blob the object holds already, proven equal. */
  async #prove(blob: Blob, start: Tail, found: Found, known: Prefix, signal: AbortSignal | undefined): Promise<Prefix> {
    if (!found.appendable) throw notAppendable(this.key, found);
    const size = (found.length ?? 0) - start.position;
    if (size < 0 || size > blob.size) throw notThisBlob(this.key, start.position, blob.size, found);
    const begun = known.size <= size ? known : { size: 0, crc: 0n };
    const prefix = await extendPrefix(blob, begun, size, { signal, crc64: this.#options.crc64 });
    if (size === 0 && !differ(found.crc, start.crc)) return prefix;
    let expected = start.crc === undefined ? undefined : crc64Combine(start.crc, prefix.crc, size);
    let actual = found.crc;
    if (expected === undefined || actual === undefined) {
      const place = { position: start.position, size };
      const reading = await this.#insist(place, signal, () => this.#evidence.crcsOf(place, [size], found, signal));
      expected = prefix.crc;
      actual = reading.value.get(size) ?? 0n;
    }
    if (expected !== actual) throw differentPrefix(this.key, start.position, size, expected, actual);
    return prefix;
  }
}

/** A promise that nobody may be waiting for when it fails. */
function held<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/**
 * Appends a source to an object, in one call: see {@link AppendableObject}.
 *
 * @example
 * ```ts
 * import { append, credentialsFromUrl, OssClient } from 'oss-append';
 *
 * const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-logs', credentials: credentialsFromUrl('/sts') });
 * const { position } = await append(client, 'app.log', 'one line\n', { contentType: 'text/plain' });
 * console.log(`${position} bytes so far`);
 * ```
 */
export async function append(
  client: AppendClient,
  key: string,
  source: AppendSource,
  options: AppendableObjectOptions & AppendOptions = {},
): Promise<ObjectTail> {
  return new AppendableObject(client, key, options).append(source, options);
}

/** Whether a failed append may have been carried out, or tells that the object's length is another than we thought. */
function leavesOpen(error: unknown): boolean {
  if (isAmbiguous(error)) return true;
  const final = ['ObjectNotAppendable', 'FileImmutable', 'AppendSealedObjectNotAllowed'];
  return error instanceof ServiceError && error.status === 409 && !final.includes(error.code);
}

/**
 * Whether a repeat would get this 409 again: it is about something else than the position, such as a bucket's overwrite rule
 * (`FileAlreadyExists`). The object is read once all the same, because our own lost request may be what the rule protects.
 */
function isLasting(error: unknown): boolean {
  return (
    error instanceof ServiceError && error.status === 409 && !/^(PositionNotEqualToLength|Http409)$/.test(error.code)
  );
}

/** A file that can no longer be read would make each repeat fail like a dead network. */
async function checkReadable({ body }: Segment): Promise<void> {
  if (isBlob(body)) await readBlob(body, 0, 1);
}

function checkClient(client: AppendClient): void {
  const methods = ['appendObject', 'headObject', 'getObject', 'waitToRetry', 'wait', 'now'] as const;
  if (methods.every((name) => typeof client?.[name] === 'function')) return;
  throw new TypeError('AppendableObject needs an OssClient, or an object with its methods');
}

function checkOptions(options: AppendableObjectOptions): void {
  checkObject('options', options);
  const { segmentSize = 1, flushAfter = 0, shared = false, crc64: hash } = options;
  if (!Number.isSafeInteger(segmentSize) || segmentSize < 1 || segmentSize > MAX_OBJECT_SIZE) {
    throw new RangeError(`segmentSize must be a whole number from 1 to ${MAX_OBJECT_SIZE} bytes, not ${segmentSize}`);
  }
  checkRange(flushAfter >= 0, 'flushAfter', '0 ms or more', flushAfter);
  checkType(typeof shared === 'boolean', 'shared must be true or false');
  checkFunction('crc64', hash);
  if (hash) checkCrc64(hash);
  appendHeaders(options);
}

/** Copies by name: of an AbortController, which the platform takes for options as well, a spread copies nothing. */
function checkCall(options: AppendOptions): AppendOptions {
  checkObject('options', options);
  const { signal, onprogress } = options;
  checkSignal(signal);
  checkFunction('onprogress', onprogress);
  return { signal, onprogress };
}

/** Bytes whose buffer was transferred meanwhile read as fewer, not as an error. */
function checkWhole({ total, loaded }: Call): void {
  if (total === undefined || loaded === total) return;
  throw new SourceError(`Cannot read the source: it gave ${loaded} of ${total} bytes`, { code: 'SourceError' });
}
