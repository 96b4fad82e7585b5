/**
 * AppendableObject: its options, the queue of its calls, and the facts that a failed call adds to its error. Other
 * files hold the rest of the engine: commit.ts stores one segment, ledger.ts knows the state of the object, and
 * verdict.ts has the table of verdicts.
 */

import { bytesOf, isBlob } from '../bytes.ts';
import {
  checkCallOptions,
  checkFlags,
  checkFunction,
  checkLeast,
  checkObject,
  checkType,
  checkWholeNumber,
} from '../check.ts';
import { type Crc64, checkCrc64 } from '../crc64.ts';
import { AppendConflictError, OssError, withFacts } from '../errors.ts';
import { checkKey } from '../request/endpoint.ts';
import { appendHeaders, laterOptions, type ObjectOptions } from '../request/headers.ts';
import type { CallOptions } from '../request/operations.ts';
import type { AppendSource } from '../source/segment.ts';
import { readSegments } from '../source/segments.ts';
import { checkRoom, MAX_OBJECT_SIZE, type ObjectTail, parseTail, publicTail } from '../tail.ts';
import { abortable, reasonOf, throwIfAborted } from '../waiting/abort.ts';
import type { AppendOptions, Call } from './call.ts';
import type { AppendClient } from './client.ts';
import { commit } from './commit.ts';
import type { Engine } from './engine.ts';
import { Evidence } from './evidence.ts';
import type { PendingSegment } from './flight.ts';
import { Group } from './group.ts';
import { Ledger } from './ledger.ts';
import { ensureOpen } from './open.ts';
import { SegmentPace } from './pace.ts';
import { pump } from './pump.ts';
import { resumeBlob } from './resume.ts';
import { sealAtEnd } from './seal.ts';
import { EndedCalls, loadedOf, type SettledAppend, settleCall } from './settle.ts';

/**
 * Settings of an object to append to. The headers of {@link ObjectOptions} are sent with the append that creates the
 * object.
 */
export interface AppendableObjectOptions extends ObjectOptions {
  /**
   * The end of the object, if you know it. Then the object is not read before the first append, and needs no permission
   * for that. Default: read it from OSS.
   */
  readonly tail?: ObjectTail | undefined;
  /**
   * Length of the body of one request, bytes. Default: adapts to the link, from 64 KiB to 128 MiB. For streams, which
   * need twice this memory, the most is 23 MiB. Any size becomes smaller when requests get no answer, but
   * not below 64 KiB or below a sixteenth of a size that you set. It stays smaller if a proxy or OSS refuses a body as
   * too large (HTTP 413).
   */
  readonly segmentSize?: number | undefined;
  /**
   * The most bytes per second that this object sends, including repeats. So other traffic on the same uplink, such as a
   * call, is not disturbed. A segment then has at most the bytes that the rate sends in a quarter of a second. If a
   * round trip takes longer than that, the real rate is lower. Each object has its own rate. At least 1,000. Default:
   * no limit.
   */
  readonly maxRate?: number | undefined;
  /**
   * How long a byte of a slow stream may wait until its segment is full, ms. Default 1,000. `Infinity` sends full
   * segments only.
   */
  readonly flushAfter?: number | undefined;
  /**
   * True if several writers append to the object. When another writer was first, this one appends after it. Each record
   * must then name its writer. Default false.
   */
  readonly shared?: boolean | undefined;
  /**
   * Computes the CRC-64 of Blobs, streams and long bytes in place of {@link crc64}. A WebAssembly module of your own,
   * for example, is two or three times as fast. The function is tested with a short text, and refused if its CRCs are
   * wrong. After this test, the library trusts the function. This library loads no WebAssembly.
   */
  readonly crc64?: Crc64 | undefined;
}

/** Settings of one resume. */
export interface ResumeOptions extends AppendOptions {
  /**
   * The end of the object before the first byte of the Blob. Default: the Blob is the whole object, and begins at
   * position 0.
   */
  readonly start?: ObjectTail | undefined;
}

const FLUSH_AFTER = 1000;

/**
 * Appends to one object, and knows where the object ends. Calls wait in a queue. Several instances for one object are
 * several writers: give them `shared`.
 *
 * After a call that failed or was aborted, the next call reads the object's state again.
 *
 * If two writers append the same bytes at the same position, both succeed and one copy is stored. The object then looks
 * as it does after a lost answer, so nobody can see the difference. So each record should contain the name of its
 * writer and a sequence number.
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
  /** Shows Vue that this is not a plain object. Vue would make a proxy, and a proxy cannot reach private members. */
  get [Symbol.toStringTag](): string {
    return 'AppendableObject';
  }

  readonly key: string;
  readonly #engine: Engine;
  readonly #ended = new EndedCalls();
  /** Settles when the last call of the queue has ended. */
  #queue: Promise<unknown> = Promise.resolve();
  /** The last entry of the queue, as long as other calls may join it. */
  #group: Group | undefined;

  constructor(client: AppendClient, key: string, options: AppendableObjectOptions = {}) {
    checkClient(client);
    checkKey(key);
    checkObjectOptions(options);
    const {
      tail,
      segmentSize,
      maxRate,
      flushAfter = FLUSH_AFTER,
      shared = false,
      crc64,
      contentType,
      headers,
    } = options;
    this.key = key;
    this.#engine = {
      key,
      client,
      ledger: new Ledger(tail && parseTail('tail', tail)),
      evidence: new Evidence(client, key),
      pace: new SegmentPace(segmentSize, maxRate),
      flushAfter,
      shared,
      crc64,
      split: readSegments,
      creation: { contentType, headers: { ...headers } },
      later: laterOptions(options),
    };
  }

  /** The last confirmed end of the object. It is `undefined` until it is known. */
  get tail(): ObjectTail | undefined {
    const { tail } = this.#engine.ledger;
    return tail && publicTail(tail);
  }

  /**
   * Segments whose outcome was unknown when their call failed. A later read, for example by {@link open}, shows what
   * happened to them. So a segment that is stored late is never mistaken for another writer's. To go on after such a
   * failure, use {@link settle}. The next append removes the segments whose outcome is known. The list holds at most
   * 100 segments.
   */
  get pending(): readonly PendingSegment[] {
    return this.#engine.ledger.pending.map(({ position, size, outcome }) => ({ position, size, outcome }));
  }

  /**
   * Returns the end of the object. Reads it from OSS, unless it is known and no segment is pending. An absent object
   * ends at 0. Needs `oss:GetObject`.
   *
   * @throws AppendConflictError (`ObjectNotAppendable`) if another operation created the object. The other errors are
   * those of `headObject`.
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
   * Appends a whole source, and resolves to the new end of the object. An empty source creates an absent object.
   *
   * You need not await one call before the next. Text and bytes of several calls that wait in the queue are sent as one
   * segment (a group commit), and each call resolves to its own end. If the segment fails, all its calls fail. But a
   * segment may be sent in parts: then the calls whose parts are already stored succeed. An aborted call of such a
   * group ends at once. If its bytes still wait, they are not sent. If they are already in a request, the request goes
   * on for the other calls.
   *
   * Bytes that fit into one segment are copied at the call. That is always so up to 256 KiB, or up to `segmentSize` if
   * you set it. Do not change longer bytes before the call has ended.
   *
   * @throws TypeError if the source is of another type, before any request. RangeError if the object would exceed 5
   * GiB. AppendConflictError if another client changed the object; ChecksumError if OSS holds other bytes than those
   * that were sent; SourceError if the source fails; ServiceError, TransportError or CredentialsError from requests;
   * the reason of the signal after an abort. An `OssError` says in `loaded`, `tail` and `outcome` what is stored. Do
   * not append the same bytes again after it: see {@link settle}.
   */
  async append(source: AppendSource, options: AppendOptions = {}): Promise<ObjectTail> {
    const checked = checkAppendOptions(options);
    const { pace, crc64 } = this.#engine;
    const bytes = bytesOf(source);
    if (bytes?.byteLength && bytes.byteLength <= pace.room) {
      if (checked.signal?.aborted) throw this.#ended.noteUnsent(reasonOf(checked.signal));
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
   * Uploads a Blob or File, and goes on if the object already holds its beginning, for example after a reload or on
   * another day. Nothing needs to be saved. The CRC-64 proves that the object begins with the same bytes. If CORS hides
   * the CRC-64, the bytes are read back. Then the rest is appended. An absent object is created, and nothing is
   * appended to a complete one. You can always call it again.
   *
   * @throws TypeError if the argument is not a Blob, and with `shared`. ChecksumError (`DifferentPrefix`) if the object
   * begins with other bytes; AppendConflictError if it is longer than the Blob, or shorter than `start`. The other
   * errors are those of {@link append}.
   */
  async resume(blob: Blob, options: ResumeOptions = {}): Promise<ObjectTail> {
    const checked = checkAppendOptions(options);
    checkType(isBlob(blob), 'resume needs a Blob or File, which can be read again');
    checkType(!this.#engine.shared, 'resume needs a single writer: shared must not be true');
    const start = parseTail('start', options.start ?? { position: 0, hashCrc64ecma: '0' });
    const { size: total, type } = blob;
    const call: Call = { ...checked, total, type, inMemory: false, resumes: true, loaded: 0 };
    return this.#perform(call, () => resumeBlob(this.#engine, { blob, start }, call));
  }

  /**
   * Finds out how much of the source of a failed or aborted call is stored, so that the caller can go on and no byte is
   * lost or stored twice. Give it the error or the abort reason of that call. When a request got no answer, its segment
   * may be stored, or may still be stored later. If the segment is not there, `settle` sends the same bytes again to
   * the same position. When that has succeeded, OSS must refuse every earlier request.
   *
   * Then append the rest of the source, from `loaded` on. Call `settle` before any other append, because the object
   * keeps the bytes of one segment only, and only until another segment is sent. For a File, {@link resume} does all of
   * this, also after a reload.
   *
   * @throws TypeError if the argument is not the error or abort reason of an append on this object. (A reason must be an
   * object. After `resume`, call `resume` again.) A ChecksumError is thrown again, because the object is damaged. OssError
   * (`Unsettled`) if another segment was sent since then, and the object does not yet show what happened. The other
   * errors are those of {@link append}: then call `settle` again, with the old or the new error.
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
    const settling = this.#enqueue(signal, async () => {
      try {
        return await settleCall(this.#engine, ended, signal);
      } catch (failure) {
        const { flight } = ended;
        throw this.#fail(failure, { signal, loaded: loadedOf(ended), flight });
      }
    });
    return settling.catch((reason: unknown) => {
      this.#ended.note(reason, ended);
      throw reason;
    });
  }

  /**
   * Seals the object at its end, after the calls in the queue. OSS then refuses more appends, and the object may be
   * moved to Cold Archive. Needs `oss:SealAppendObject`. A second seal succeeds, so call it again after a failure. An
   * append to a sealed object fails with a ServiceError of code `AppendSealedObjectNotAllowed`.
   *
   * @throws ServiceError, TransportError or CredentialsError as `OssClient.sealAppendObject`, and the errors of {@link
   * open}. TypeError if the client has no `sealAppendObject`.
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
    this.#perform(group, () => sendGroup(this.#engine, group)).catch((error: unknown) =>
      group.fail(error, this.#engine.ledger.reach(group.flight)),
    );
    this.#group = group;
    return tail;
  }

  /**
   * Runs work after all earlier calls have ended. No later call joins an earlier group. An abort ends the wait of this
   * call, but not the queue.
   */
  #enqueue<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.#group = undefined;
    const before = this.#queue;
    const done = abortable(before, signal).then(work);
    this.#queue = before.then(() => done).catch(() => {});
    return done;
  }

  /** Runs a call. If it fails, its error says what is known to be stored. */
  #perform(call: Call, work: () => Promise<void>): Promise<ObjectTail> {
    const { ledger } = this.#engine;
    // A group notes the end of each of its calls itself. After a resume, the caller resumes again.
    const isNoted = !(call instanceof Group || call.resumes);
    let isWaiting = true;
    const done = this.#enqueue(call.signal, async () => {
      isWaiting = false;
      ledger.forgetSettled();
      try {
        await work();
        return publicTail(ledger.end);
      } catch (error) {
        const reason = this.#fail(error, call);
        const { loaded, flight } = call;
        if (isNoted) this.#ended.note(reason, { loaded, flight });
        throw reason;
      }
    });
    // A call that is aborted while it waits in the queue ends before anything is sent.
    done.catch((reason: unknown) => isNoted && isWaiting && this.#ended.noteUnsent(reason));
    return done;
  }

  /**
   * Returns the reason with which a call rejects: its error, with the facts about what is stored. After an abort it is
   * the signal's reason.
   */
  #fail(error: unknown, { signal, loaded, flight }: Pick<Call, 'signal' | 'loaded' | 'flight'>): unknown {
    const { ledger } = this.#engine;
    const outcome = ledger.fail(flight);
    if (error instanceof AppendConflictError) ledger.tellLoss();
    if (!(error instanceof OssError) || (signal?.aborted && error === signal.reason)) return error;
    return withFacts(error, { tail: this.tail, outcome, loaded });
  }
}

/**
 * Sends the segments of a group. A segment is empty when no call is left, for example because each one would exceed 5
 * GiB.
 */
async function sendGroup(engine: Engine, group: Group): Promise<void> {
  const { key, pace } = engine;
  for (;;) {
    const { position } = await ensureOpen(engine, group.signal);
    // A segment that was never sent must not be remembered as one that may be stored late. So an abort is checked
    // before `nextSegment`.
    throwIfAborted(group.signal);
    const segment = group.nextSegment(pace.size(true), (start, size) => checkRoom(key, position + start, size));
    if (segment.size === 0) return;
    await commit(engine, segment, group);
  }
}

/**
 * Appends a source to an object in one call. To append more than once, use an {@link AppendableObject}.
 *
 * @throws The errors of the constructor and of `append` of {@link AppendableObject}.
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
  const isClient = methods.every((name) => typeof client?.[name] === 'function') && client.retry;
  checkType(isClient, 'AppendableObject needs an OssClient or PresignedClient');
}

/** @throws TypeError or RangeError for options that no object can have. */
export function checkObjectOptions(options: AppendableObjectOptions): void {
  checkObject('options', options);
  const { segmentSize = 1, maxRate = 1000, flushAfter = 0, shared, crc64 } = options;
  checkWholeNumber('segmentSize', segmentSize, 1, MAX_OBJECT_SIZE);
  checkLeast('maxRate', maxRate, 1000, 'bytes/s');
  checkLeast('flushAfter', flushAfter);
  checkFlags({ shared });
  checkFunction('crc64', crc64);
  if (crc64) checkCrc64(crc64);
  appendHeaders(options);
}

/**
 * Copies each option by its name. A caller may pass an AbortController as options, because it has a `signal`. A spread
 * would not copy its `signal`, which is a getter of the class.
 */
function checkAppendOptions(options: AppendOptions): AppendOptions {
  checkCallOptions(options);
  const { signal, onprogress } = options;
  checkFunction('onprogress', onprogress);
  return { signal, onprogress };
}
