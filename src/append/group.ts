/**
 * Appends that are sent together as one segment (a group commit). This file knows which bytes of the segment belong to
 * which call. Each call gets its own end, or its own error.
 */

import { tagOf } from '../bytes.ts';
import { crc64 } from '../crc64.ts';
import { OssError, remake, withFacts } from '../errors.ts';
import { joinBytes, type Segment } from '../source/segment.ts';
import { type ObjectTail, publicTail, type Tail } from '../tail.ts';
import { reasonOf } from '../waiting/abort.ts';
import { type AppendOptions, type AppendProgress, type Call, type Listener, reportHanded, within } from './call.ts';
import type { Flight } from './flight.ts';

/** One call of a group. */
interface Member extends Listener {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly total: number;
  /**
   * Where its bytes begin, counted from the first byte that the group sends. It is infinite until the bytes are in a
   * segment.
   */
  start: number;
  resolve(tail: ObjectTail): void;
  reject(reason: unknown): void;
}

/** Calls whose bytes are sent as one segment. More calls can join until the group is closed. */
export class Group implements Call {
  readonly type = '';
  readonly inMemory = true;
  readonly resumes = false;
  flight: Flight | undefined;
  loaded = 0;
  /** Bytes of all calls that have joined. After the group is closed: bytes up to the end of the current segment. */
  total = 0;
  /** Undefined if the first call has no signal. Then the segment cannot be aborted either. */
  readonly #aborter: AbortController | undefined;
  /** Calls that have not yet resolved or rejected. */
  readonly #waiting = new Set<Member>();
  /** Calls whose bytes are in the segment in flight, including calls that were aborted after it was sent. */
  #sent: Member[] = [];
  /**
   * One listener for each signal. If ten thousand calls share a signal, a listener for each call would be slow: the
   * platform looks through all listeners when one is added.
   */
  readonly #signals = new Map<AbortSignal, { readonly members: Member[]; readonly abort: () => void }>();
  #isWatched = false;
  #closed = false;
  /** Notes the reason with which a call rejects, and which bytes of the segment belong to that call. */
  readonly #noteEnd: (reason: unknown, start: number, size: number) => void;

  constructor({ signal }: AppendOptions, noteEnd: (reason: unknown, start: number, size: number) => void) {
    this.#noteEnd = noteEnd;
    this.#aborter = signal && new AbortController();
  }

  /** Aborts when every call has been aborted. */
  get signal(): AbortSignal | undefined {
    return this.#aborter?.signal;
  }

  /** Returns true if a call with this many bytes may join, so that the segment has at most `limit` bytes. */
  takes(size: number, limit: number): boolean {
    return !this.#closed && !this.signal?.aborted && this.total + size <= limit;
  }

  /** Adds a call. The promise settles with the call. The caller must not change the bytes from now on. */
  add(bytes: Uint8Array<ArrayBuffer>, { signal, onprogress }: AppendOptions): Promise<ObjectTail> {
    const total = bytes.byteLength;
    this.total += total;
    this.#isWatched ||= onprogress !== undefined;
    return new Promise<ObjectTail>((resolve, reject) => {
      const member = { bytes, total, signal, onprogress, loaded: 0, start: Number.POSITIVE_INFINITY, resolve, reject };
      this.#waiting.add(member);
      if (signal) this.#listen(signal, member);
    });
  }

  #listen(signal: AbortSignal, member: Member): void {
    const known = this.#signals.get(signal);
    if (known) {
      known.members.push(member);
      return;
    }
    const members = [member];
    const abort = () => {
      this.#ignore(signal);
      const reason = reasonOf(signal);
      for (const each of members) this.#leave(each, reason);
    };
    this.#signals.set(signal, { members, abort });
    signal.addEventListener('abort', abort);
  }

  #ignore(signal: AbortSignal): void {
    const known = this.#signals.get(signal);
    if (known) signal.removeEventListener('abort', known.abort);
    this.#signals.delete(signal);
  }

  /**
   * Removes an aborted call. The request goes on for the other calls. The last call rejects only when the request has
   * stopped.
   */
  #leave(member: Member, reason: unknown): void {
    if (!this.#waiting.has(member)) return;
    if (this.#aborter && this.#waiting.size === 1) {
      this.#aborter.abort(reason);
      return;
    }
    if (!this.#closed) this.total -= member.total;
    this.#waiting.delete(member);
    this.#reject(member, reason);
  }

  #reject(member: Member, reason: unknown): void {
    this.#noteEnd(reason, member.start, this.#sent.includes(member) ? member.total : 0);
    member.reject(reason);
  }

  /**
   * Closes the group and returns its next segment: calls that have at most `limit` bytes together, or one longer call. The segment is empty
   * when no call is left. `check` throws for a call that does not fit into the object; that call rejects and is left
   * out. It gets the distance of the call's bytes from the beginning of the segment, and their number.
   */
  nextSegment(limit: number, check: (start: number, size: number) => void): Segment {
    this.#closed = true;
    this.total = this.loaded;
    this.#sent = [];
    for (const member of this.#waiting) {
      if (this.total > this.loaded && this.total + member.total > this.loaded + limit) break;
      if (this.#place(member, check)) this.#sent.push(member);
    }
    if (this.#sent.length === 0) this.#end();
    return joinBytes(this.#sent.map(({ bytes }) => bytes));
  }

  #place(member: Member, check: (start: number, size: number) => void): boolean {
    try {
      check(this.total - this.loaded, member.total);
    } catch (error) {
      this.#waiting.delete(member);
      this.#reject(member, error);
      return false;
    }
    member.start = this.total;
    this.total += member.total;
    return true;
  }

  get onprogress(): AppendOptions['onprogress'] {
    if (!this.#isWatched) return undefined;
    return (progress) => {
      for (const member of this.#waiting) reportOwn(member, progress);
    };
  }

  /**
   * Returns the length of the next part. A part ends where the bytes of a call end, if one of them ends in it. So bytes
   * of other writers do not come between the bytes of one call.
   */
  partLength(size: number): number {
    let best = size;
    for (const { start, total } of this.#sent) {
      const length = start + total - this.loaded;
      if (length > 0 && length <= size) best = length;
    }
    return best;
  }

  /**
   * Resolves each call whose last byte is among the stored bytes. The last call of the group gets the end of the
   * object, and each call before it gets its own end.
   */
  confirm(from: Tail, size: number, tail: ObjectTail): void {
    let { position, crc } = from;
    const { loaded } = this;
    for (const member of this.#sent) {
      const { bytes, start, total, thrown, resolve, reject } = member;
      const end = start + total;
      if (end <= loaded - size || end > loaded) continue;
      const part = bytes.subarray(Math.max(loaded - size - start, 0));
      position += part.byteLength;
      if (crc !== undefined && end < loaded) crc = crc64(part, crc);
      if (thrown) reject(thrown.error);
      else resolve(end < loaded ? publicTail({ position, crc }) : tail);
      this.#waiting.delete(member);
    }
  }

  /**
   * Rejects each call with its own error. Bytes after the segment in flight were not sent, with one exception: a longer
   * segment may have been sent before it was cut. `reach` is the end of that segment, counted like `start`.
   */
  fail(error: unknown, reach: number): void {
    this.#closed = true;
    const end = this.loaded + (this.flight?.plan?.size ?? 0);
    const [first] = this.#sent.length > 0 ? this.#sent : this.#waiting;
    for (const member of this.#waiting)
      this.#reject(member, member === first && this.loaded === 0 ? error : errorOf(error, member, { end, reach }));
    this.#end();
  }

  /** Drops the bytes and removes the listeners. A signal may live much longer than the calls. */
  #end(): void {
    for (const signal of [...this.#signals.keys()]) this.#ignore(signal);
    this.#waiting.clear();
    this.#sent = [];
  }
}

/** Reports to a call the progress of its own bytes. */
function reportOwn(member: Member, { loaded, sent }: AppendProgress): void {
  const own = (bytes: number) => within(bytes, member.start, member.total);
  member.loaded = own(loaded);
  reportHanded(member, own(sent) - member.loaded);
}

function errorOf(
  error: unknown,
  { start, total, signal }: Member,
  { end, reach }: { readonly end: number; readonly reach: number },
): unknown {
  // Each call gets an error of its own, because `settle` finds the call by its error. A reason of an abort is kept.
  const isReason = signal?.aborted && error === signal.reason;
  if (!(error instanceof OssError)) return !isReason && tagOf(error) === 'Error' ? remake(error as Error) : error;
  const { tail, outcome = 'unknown', loaded = 0 } = error;
  const unsent = start < reach ? 'unknown' : 'absent';
  return withFacts(error, { tail, outcome: start < end ? outcome : unsent, loaded: within(loaded, start, total) });
}
