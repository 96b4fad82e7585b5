/**
 * Appends that go out together (a group commit): what is asked for while a request is on its way becomes one segment.
 * Hides who still wants a part of it, and tells each call its own bytes, end and failure.
 */
import type { CallOptions } from './client.ts';
import { crc64 } from './crc64.ts';
import { type ObjectTail, OssError, type Outcome, withAppendFacts } from './errors.ts';
import { joinBytes, type Segment } from './segments.ts';

/** How far an append is. */
export interface AppendProgress {
  /** Bytes of the source confirmed stored. */
  readonly loaded: number;
  /** Bytes of the source, where known. */
  readonly total: number | undefined;
  /** Bytes handed to the network, confirmed ones included. Runs ahead of `loaded` only where the transport can tell. */
  readonly sent: number;
}

/** Settings of one append. */
export interface AppendOptions extends CallOptions {
  readonly onprogress?: ((progress: AppendProgress) => void) | undefined;
}

/** A tail with its CRC as a number to compute with. */
export interface Tail {
  readonly position: number;
  readonly crc: bigint | undefined;
}

export function publicTail({ position, crc }: Tail): ObjectTail {
  return crc === undefined ? { position } : { position, hashCrc64ecma: String(crc) };
}

/** Whom to tell how far it is. */
interface Listener extends AppendOptions {
  readonly total: number | undefined;
  loaded: number;
  /** By `onprogress` while a request was on the wire. */
  thrown?: { readonly error: unknown };
}

/** What runs as one: a call of append or resume, or a group of calls. */
export interface Call extends Listener {
  /** Media type of the source, for the append that creates the object. */
  readonly type: string;
  /** As of its reader. */
  readonly inMemory: boolean;
  /** The segment that is in flight, or was when the call failed. */
  flight?: Flight | undefined;
  /** Resuming: the source is what earlier calls sent, so that a late segment of theirs is part of it, not before it. */
  readonly resumes: boolean;
}

/** A segment whose outcome was unknown when its call failed, and what later reads showed. */
export interface PendingSegment {
  readonly position: number;
  readonly size: number;
  readonly outcome: Outcome;
}

/** A segment at its place, on its way. */
export interface Plan extends PendingSegment {
  /** `absent` until something of it was sent. */
  outcome: Outcome;
  /** At least one request with this segment got no answer, so that it may have been carried out, or may be later. */
  unanswered: boolean;
  /** CRC-64 of the segment alone. */
  readonly crc: bigint;
  /** The end that it was sent to, and the end that it makes. */
  readonly from: Tail;
  readonly want: Tail;
}

/** A segment on its way, for whoever must know later what became of it. */
export interface Flight {
  plan: Plan;
  /** Undefined when the bytes are no longer held. */
  segment: Segment | undefined;
  /** As of its call. */
  readonly type: string;
  readonly resumes: boolean;
}

export function report({ onprogress, loaded, total }: Listener, handed = 0): void {
  onprogress?.({ loaded, total, sent: loaded + handed });
}

/** What the caller's function throws here must not read as a failure of the network: it ends the call after the segment. */
export function reportHanded(listener: Listener, handed: number): void {
  try {
    report(listener, handed);
  } catch (error) {
    listener.thrown ??= { error };
  }
}

/** One call of a group. */
interface Member extends Listener {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly total: number;
  /** Where in the segment its bytes begin. */
  start: number;
  resolve(tail: ObjectTail): void;
  reject(reason: unknown): void;
}

/** Calls whose bytes go out as one segment. Takes more of them until it is closed. */
export class Group implements Call {
  readonly type = '';
  readonly inMemory = true;
  readonly resumes = false;
  flight: Flight | undefined;
  loaded = 0;
  /** Bytes. */
  total = 0;
  /** None where the first call cannot be aborted: then the segment cannot either. */
  readonly #aborter: AbortController | undefined;
  /** Calls that are still to be told how it ended. */
  readonly #waiting = new Set<Member>();
  /** Calls whose bytes are the segment, also those that were aborted since. */
  #sent: Member[] = [];
  /** One listener for each signal: of ten thousand on one, each new one would look through all. */
  readonly #signals = new Map<AbortSignal, { readonly members: Member[]; readonly abort: () => void }>();
  #isWatched = false;
  #closed = false;
  /** Is given what a call is rejected with, and how many bytes of the call are in the segment. */
  readonly #noteEnd: (reason: unknown, size: number) => void;

  constructor({ signal }: AppendOptions, noteEnd: (reason: unknown, size: number) => void) {
    this.#noteEnd = noteEnd;
    this.#aborter = signal && new AbortController();
  }

  /** Aborts when every call has been aborted. */
  get signal(): AbortSignal | undefined {
    return this.#aborter?.signal;
  }

  takes(size: number, limit: number): boolean {
    return !this.#closed && !this.signal?.aborted && this.total + size <= limit;
  }

  /** Settles with the call. The bytes are ours from now on. */
  add(bytes: Uint8Array<ArrayBuffer>, { signal, onprogress }: AppendOptions): Promise<ObjectTail> {
    const total = bytes.byteLength;
    this.total += total;
    this.#isWatched ||= onprogress !== undefined;
    return new Promise<ObjectTail>((resolve, reject) => {
      const member = { bytes, total, signal, onprogress, loaded: 0, start: 0, resolve, reject };
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
      for (const each of members) this.#leave(each, signal.reason);
    };
    this.#signals.set(signal, { members, abort });
    signal.addEventListener('abort', abort);
  }

  #ignore(signal: AbortSignal): void {
    const known = this.#signals.get(signal);
    if (known) signal.removeEventListener('abort', known.abort);
    this.#signals.delete(signal);
  }

  /** While others want the segment it goes on. The last one's call ends when the request has stopped. */
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
    this.#noteEnd(reason, this.#sent.includes(member) ? member.total : 0);
    member.reject(reason);
  }

  /** The segment. A call whose `size` bytes `check` refuses, so many bytes from the segment's beginning, is left out. */
  close(check: (start: number, size: number) => void): Segment {
    this.#closed = true;
    this.total = 0;
    this.#sent = [...this.#waiting].filter((member) => this.#place(member, check));
    if (this.total === 0) this.#end();
    return joinBytes(this.#sent.map(({ bytes }) => bytes));
  }

  #place(member: Member, check: (start: number, size: number) => void): boolean {
    try {
      check(this.total, member.total);
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
      for (const member of this.#waiting) tell(member, progress);
    };
  }

  /** It is stored behind `from`: every call ends at its own end, the last one at the object's. */
  confirm(from: Tail, end: ObjectTail): void {
    let { position, crc } = from;
    for (const { bytes, total, thrown, resolve, reject } of this.#sent) {
      position += total;
      const isLast = position - from.position === this.total;
      if (crc !== undefined && !isLast) crc = crc64(bytes, crc);
      if (thrown) reject(thrown.error);
      else resolve(isLast ? end : publicTail({ position, crc }));
    }
    this.#end();
  }

  /** Each call has an error of its own, for it may be given to others. */
  fail(error: unknown): void {
    this.#closed = true;
    let own = error;
    for (const member of this.#waiting) {
      this.#reject(member, own);
      own = copy(error);
    }
    this.#end();
  }

  /** Lets go of bytes and signals, which may live longer than the calls. */
  #end(): void {
    for (const signal of [...this.#signals.keys()]) this.#ignore(signal);
    this.#waiting.clear();
    this.#sent = [];
  }
}

/** Of its own bytes. */
function tell(member: Member, { loaded, sent }: AppendProgress): void {
  const own = (bytes: number) => Math.min(Math.max(bytes - member.start, 0), member.total);
  member.loaded = own(loaded);
  reportHanded(member, own(sent) - member.loaded);
}

function copy(error: unknown): unknown {
  if (!(error instanceof OssError)) return error;
  const { tail, outcome = 'unknown', loaded = 0 } = error;
  return withAppendFacts(error, { tail, outcome, loaded });
}
