/**
 * Appends that go out together (a group commit): what is asked for while a request is on its way becomes one segment.
 * Hides who still wants a part of it, and tells each call its own bytes, end and failure.
 */
import type { CallOptions } from './client.ts';
import { crc64 } from './crc64.ts';
import { type ObjectTail, OssError, withAppendFacts } from './errors.ts';
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
  /** Resuming: the source is what earlier calls sent, so that a late segment of theirs is part of it, not before it. */
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
  /** It was aborted. */
  left: boolean;
  resolve(tail: ObjectTail): void;
  reject(reason: unknown): void;
}

/** Calls whose bytes go out as one segment. Takes more of them until it is closed. */
export class Group implements Call {
  readonly type = '';
  readonly inMemory = true;
  readonly resumes = false;
  loaded = 0;
  /** Bytes. */
  total = 0;
  /** None where the first call cannot be aborted: then the segment cannot either. */
  readonly #aborter: AbortController | undefined;
  #members: Member[] = [];
  /** Members that have not left. */
  #wanted = 0;
  #closed = false;

  constructor({ signal }: AppendOptions) {
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
    this.#wanted++;
    let leave = () => {};
    const done = new Promise<ObjectTail>((resolve, reject) => {
      const member = { bytes, total, signal, onprogress, loaded: 0, start: 0, left: false, resolve, reject };
      this.#members.push(member);
      leave = () => this.#leave(member);
    });
    if (!signal) return done;
    signal.addEventListener('abort', leave);
    return done.finally(() => signal.removeEventListener('abort', leave));
  }

  /** While others want the segment it goes on. The last one's call ends when the request has stopped. */
  #leave(member: Member): void {
    const reason = member.signal?.reason;
    if (--this.#wanted === 0) {
      this.#aborter?.abort(reason);
    } else {
      if (!this.#closed) this.total -= member.total;
      member.left = true;
      member.reject(reason);
    }
  }

  /** The segment. A call whose `size` bytes `check` refuses, so many bytes from the segment's beginning, is left out. */
  close(check: (start: number, size: number) => void): Segment {
    this.#closed = true;
    this.total = 0;
    this.#members = this.#members.filter((member) => !member.left && this.#place(member, check));
    return joinBytes(this.#members.map(({ bytes }) => bytes));
  }

  #place(member: Member, check: (start: number, size: number) => void): boolean {
    try {
      check(this.total, member.total);
    } catch (error) {
      member.reject(error);
      return false;
    }
    member.start = this.total;
    this.total += member.total;
    return true;
  }

  get onprogress(): AppendOptions['onprogress'] {
    const members = this.#members.filter((member) => member.onprogress);
    return members.length > 0 ? (progress) => tell(members, progress) : undefined;
  }

  /** It is stored behind `from`: every call ends at its own end, the last one at the object's. */
  confirm(from: Tail, end: ObjectTail): void {
    let { position, crc } = from;
    for (const { bytes, total, thrown, resolve, reject } of this.#members) {
      position += total;
      const isLast = position - from.position === this.total;
      if (crc !== undefined && !isLast) crc = crc64(bytes, crc);
      if (thrown) reject(thrown.error);
      else resolve(isLast ? end : publicTail({ position, crc }));
    }
  }

  /** Each call has an error of its own, for it may be given to others. */
  fail(error: unknown): void {
    this.#closed = true;
    let own = error;
    for (const { left, reject } of this.#members) {
      if (left) continue;
      reject(own);
      own = copy(error);
    }
  }
}

/** Each of its own bytes. */
function tell(members: readonly Member[], { loaded, sent }: AppendProgress): void {
  for (const member of members) {
    if (member.left) continue;
    const own = (bytes: number) => Math.min(Math.max(bytes - member.start, 0), member.total);
    member.loaded = own(loaded);
    reportHanded(member, own(sent) - member.loaded);
  }
}

function copy(error: unknown): unknown {
  if (!(error instanceof OssError)) return error;
  const { tail, outcome = 'unknown', loaded = 0 } = error;
  return withAppendFacts(error, { tail, outcome, loaded });
}
