/**
 * An object to append to: its options, the queue of its calls, and what a failed call tells. The life of one segment is in
 * commit.ts, what is believed of the object in ledger.ts, and the table of verdicts in verdict.ts.
 */

import { bytesOf, isBlob } from '../bytes.ts';
import { checkCallOptions, checkFunction, checkObject, checkRange, checkSignal, checkType } from '../check.ts';
import { type Crc64, checkCrc64 } from '../crc64.ts';
import { AppendConflictError, OssError, withFacts } from '../errors.ts';
import { checkKey } from '../request/endpoint.ts';
import { appendHeaders, laterOptions, type ObjectOptions } from '../request/headers.ts';
import type { CallOptions } from '../request/operations.ts';
import type { AppendSource } from '../source/segment.ts';
import { readSegments } from '../source/segments.ts';
import { MAX_OBJECT_SIZE, type ObjectTail, parseTail, publicTail } from '../tail.ts';
import { abortable, throwIfAborted } from '../waiting/abort.ts';
import type { AppendClient } from './client.ts';
import { commit } from './commit.ts';
import { checkRoom } from './conflicts.ts';
import type { Engine } from './engine.ts';
import { Evidence } from './evidence.ts';
import type { PendingSegment } from './flight.ts';
import { Group } from './group.ts';
import { Ledger } from './ledger.ts';
import { ensureOpen } from './open.ts';
import { SegmentPace } from './pace.ts';
import type { AppendOptions, Call } from './progress.ts';
import { pump } from './pump.ts';
import { resumeBlob } from './resume.ts';
import { sealAtEnd } from './seal.ts';
import { EndedCalls, loadedOf, type SettledAppend, settleCall } from './settle.ts';

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

const FLUSH_AFTER = 1000;

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
  readonly #engine: Engine;
  readonly #ended = new EndedCalls();
  /** Settles when the last call of the queue has ended. */
  #queue: Promise<unknown> = Promise.resolve();
  /** The last entry of the queue, while other calls may join it. */
  #group: Group | undefined;

  constructor(client: AppendClient, key: string, options: AppendableObjectOptions = {}) {
    checkClient(client);
    checkKey(key);
    checkObjectOptions(options);
    const { tail, segmentSize, flushAfter = FLUSH_AFTER, shared = false, crc64, contentType, headers } = options;
    this.key = key;
    this.#engine = {
      key,
      client,
      ledger: new Ledger(tail && parseTail('tail', tail)),
      evidence: new Evidence(client, key),
      pace: new SegmentPace(segmentSize),
      flushAfter,
      shared,
      crc64,
      creation: { contentType, headers: { ...headers } },
      later: laterOptions(options),
    };
  }

  /** The last confirmed end of the object. It is `undefined` before it is known. */
  get tail(): ObjectTail | undefined {
    const { tail } = this.#engine.ledger;
    return tail && publicTail(tail);
  }

  /**
   * Segments whose outcome was unknown when their call failed. A later read, such as {@link open}, shows what became of them,
   * and one that was stored late is never taken for another writer's. To go on after such a failure, use {@link settle}. Those
   * whose outcome is known are dropped when the next append begins. The list holds a hundred at most.
   */
  get pending(): readonly PendingSegment[] {
    return this.#engine.ledger.pending.map(({ position, size, outcome }) => ({ position, size, outcome }));
  }

  /**
   * Reads where the object ends, unless that is known and nothing is pending. An absent object ends at 0. Needs `oss:GetObject`.
   *
   * @throws AppendConflictError (`ObjectNotAppendable`) where another operation made the object. Otherwise it fails as
   * `headObject` does.
   */
  async open(options: CallOptions = {}): Promise<ObjectTail> {
    checkCallOptions(options);
    const { signal } = options;
    const { ledger } = this.#engine;
    return this.#enqueue(signal, async () => {
      if (ledger.unknown.length > 0) ledger.doubt();
      return publicTail(await ensureOpen(this.#engine, signal));
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
    const checked = checkAppendOptions(options);
    const { pace, crc64 } = this.#engine;
    const bytes = bytesOf(source);
    if (bytes?.byteLength && bytes.byteLength <= pace.room) {
      if (checked.signal?.aborted) this.#ended.noteUnsent(checked.signal.reason);
      throwIfAborted(checked.signal);
      return this.#join(typeof source === 'string' ? bytes : bytes.slice(), checked);
    }
    const reader = readSegments(bytes ?? source, crc64);
    const { total, type, inMemory } = reader;
    const call: Call = { ...checked, total, type, inMemory, resumes: false, loaded: 0 };
    return this.#perform(call, () => pump(this.#engine, reader, call)).catch((error: unknown) => {
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
    const checked = checkAppendOptions(options);
    if (!isBlob(blob)) throw new TypeError('resume needs a Blob or File: only these can be read again');
    if (this.#engine.shared)
      throw new TypeError('resume needs a single writer: with shared, others’ bytes lie between ours');
    const start = parseTail('start', options.start ?? { position: 0, hashCrc64ecma: '0' });
    const { size: total, type } = blob;
    const call: Call = { ...checked, total, type, inMemory: false, resumes: true, loaded: 0 };
    return this.#perform(call, () => resumeBlob(this.#engine, { blob, start }, call));
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
  async settle(error: unknown, options: CallOptions = {}): Promise<SettledAppend> {
    checkCallOptions(options);
    const { signal } = options;
    const ended = this.#ended.find(error);
    return this.#enqueue(signal, async () => {
      try {
        return await settleCall(this.#engine, ended, signal);
      } catch (failure) {
        const { flight } = ended;
        const reason = this.#fail(failure, { signal, loaded: loadedOf(ended), flight });
        this.#ended.note(reason, ended);
        throw reason;
      }
    });
  }

  /**
   * Seals the object at its end, after the calls that wait: it takes no more appends, and may then be moved to Cold Archive.
   * Needs `oss:SealAppendObject`. Sealing again succeeds, so call it again after a failure. An append to a sealed object fails
   * with a ServiceError of code `AppendSealedObjectNotAllowed`.
   *
   * @throws ServiceError, TransportError or CredentialsError as `OssClient.sealAppendObject`, and the errors of {@link open}.
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/sealappendobject
   */
  async seal(options: CallOptions = {}): Promise<ObjectTail> {
    checkCallOptions(options);
    const { signal } = options;
    return this.#enqueue(signal, async () => publicTail(await sealAtEnd(this.#engine, signal)));
  }

  /** Joins the group at the end of the queue, or begins a group there. */
  #join(bytes: Uint8Array<ArrayBuffer>, options: AppendOptions): Promise<ObjectTail> {
    if (this.#group?.takes(bytes.byteLength, this.#engine.pace.size(true))) return this.#group.add(bytes, options);
    const group: Group = new Group(options, (reason, start, size) =>
      this.#ended.note(reason, { loaded: 0, flight: group.flight, start, size }),
    );
    const tail = group.add(bytes, options);
    this.#perform(group, () => sendGroup(this.#engine, group)).catch((error: unknown) => group.fail(error));
    this.#group = group;
    return tail;
  }

  /** Runs work when everything before it has ended. No call joins an earlier group after this. An abort ends the wait, not the queue. */
  #enqueue<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.#group = undefined;
    const before = this.#queue;
    const done = abortable(before, signal).then(work);
    this.#queue = before.then(() => done).catch(() => {});
    return done;
  }

  /** Runs a call. Its error says what is known to be stored. A group notes the end of each of its calls itself. */
  #perform(call: Call, work: () => Promise<void>): Promise<ObjectTail> {
    const { ledger } = this.#engine;
    const done = this.#enqueue(call.signal, async () => {
      ledger.forgetSettled();
      try {
        await work();
        return publicTail(ledger.end);
      } catch (error) {
        const reason = this.#fail(error, call);
        const { loaded, flight } = call;
        if (!(call instanceof Group)) this.#ended.note(reason, { loaded, flight });
        throw reason;
      }
    });
    // An abort while the call waits in the queue ends it before anything is sent.
    if (!(call instanceof Group)) done.catch((reason: unknown) => this.#ended.noteUnsent(reason));
    return done;
  }

  /** What a call is rejected with: its error, with what is known to be stored. An abort keeps its reason. */
  #fail(error: unknown, { signal, loaded, flight }: Pick<Call, 'signal' | 'loaded' | 'flight'>): unknown {
    const { ledger } = this.#engine;
    ledger.fail(flight);
    if (error instanceof AppendConflictError) ledger.tellLoss();
    if (!(error instanceof OssError) || (signal?.aborted && error === signal.reason)) return error;
    return withFacts(error, { tail: this.tail, outcome: flight?.plan?.outcome ?? 'absent', loaded });
  }
}

/** Sends what a group has gathered. Nothing may be left of it where all its calls would exceed 5 GiB. */
async function sendGroup(engine: Engine, group: Group): Promise<void> {
  const { key, pace } = engine;
  for (;;) {
    const { position } = await ensureOpen(engine, group.signal);
    // A segment that was never sent must not be remembered as one that might be stored late.
    throwIfAborted(group.signal);
    const segment = group.close(pace.size(true), (start, size) => checkRoom(key, position + start, size));
    if (segment.size === 0) return;
    await commit(engine, segment, group);
  }
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

function checkClient(client: AppendClient): void {
  const methods = ['appendObject', 'headObject', 'getObject'] as const;
  if (methods.every((name) => typeof client?.[name] === 'function') && client.retry) return;
  throw new TypeError('AppendableObject needs an OssClient, or an object with its methods');
}

function checkObjectOptions(options: AppendableObjectOptions): void {
  checkObject('options', options);
  const { segmentSize = 1, flushAfter = 0, shared = false, crc64 } = options;
  if (!Number.isSafeInteger(segmentSize) || segmentSize < 1 || segmentSize > MAX_OBJECT_SIZE) {
    throw new RangeError(`segmentSize must be a whole number from 1 to ${MAX_OBJECT_SIZE} bytes, not ${segmentSize}`);
  }
  checkRange(flushAfter >= 0, 'flushAfter', '0 ms or more', flushAfter);
  checkType(typeof shared === 'boolean', 'shared must be true or false');
  checkFunction('crc64', crc64);
  if (crc64) checkCrc64(crc64);
  appendHeaders(options);
}

/** Copies the options by name. An AbortController also passes for options, and a spread of it copies nothing. */
function checkAppendOptions(options: AppendOptions): AppendOptions {
  checkObject('options', options);
  const { signal, onprogress } = options;
  checkSignal(signal);
  checkFunction('onprogress', onprogress);
  return { signal, onprogress };
}
