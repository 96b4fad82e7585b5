/** Records what each call was given and how it ended. */

import type { AppendProgress } from '../../../src/append/call.ts';
import type { PendingSegment } from '../../../src/append/flight.ts';
import type { ObjectTail } from '../../../src/tail.ts';
import type { LogBook } from './log-book.ts';
import type { AbortPlan, WriterPlan } from './schedule.ts';
import type { Passage, WireRequest } from './wire.ts';

/** One AppendableObject of a writer. A reload makes another one. */
export interface ObjectRecord {
  readonly writer: WriterRecord;
  /** The segment size in bytes. It is null if the size adapts. */
  readonly segmentSize: number | null;
  /** The time at which it was created. */
  readonly from: number;
  /** True if it was created with a tail that was no longer the tail of the object. */
  readonly stale: boolean;
  /** True if it was created with a tail without a CRC. */
  readonly bare: boolean;
  readonly calls: CallRecord[];
  /** All requests, including those that carry the bytes of several calls. */
  readonly requests: WireRequest[];
  /** The pending segments after the run, and the length of the object if it was read just before. */
  pending: readonly PendingSegment[];
  lengthRead: number;
}

export interface WriterRecord {
  readonly plan: WriterPlan;
  readonly index: number;
  readonly file: Uint8Array<ArrayBuffer>;
  /**
   * True if some calls do not wait for the earlier ones. One request may then carry the bytes of several calls, so each
   * byte identifies its call.
   */
  readonly atOnce: boolean;
  /** The records of a log writer. */
  readonly log?: LogBook;
  readonly objects: ObjectRecord[];
}

export type When = 'before' | 'under-way' | 'answered';

export class CallRecord {
  readonly kind: 'append' | 'resume';
  readonly object: ObjectRecord;
  /** All bytes that the call should store. For a source that fails, the bytes before the failure. */
  readonly source: Uint8Array;
  /** True if all segments have the requested size, because nothing cuts them earlier. */
  readonly regular: boolean;
  readonly failing: boolean;
  /** True for a pipe. A pipe does not receive a tail, so it reads the tail of the object a little later. */
  readonly piped: boolean;
  /** True if the bytes are the file of the writer. */
  readonly ofFile: boolean;
  readonly start: number;
  readonly passages: Passage[] = [];
  readonly progress: AppendProgress[] = [];
  readonly problems: string[] = [];
  readonly abortReason = new Error('the caller gave up');
  readonly #abort: AbortPlan | undefined;
  readonly #signalled: boolean;
  readonly #controller = new AbortController();
  settled = false;
  end = Number.POSITIVE_INFINITY;
  /** The time at which the call failed, if `settle` follows. */
  failedAt = Number.POSITIVE_INFINITY;
  result: ObjectTail | undefined;
  error: unknown;
  tailAfter: ObjectTail | undefined;
  pendingAfter: readonly PendingSegment[] = [];
  /** The number of bytes of the source that are finally stored according to `settle`. */
  settledAt: number | undefined;
  /** True if `settle` was called, so that requests followed the error. */
  settles = false;

  constructor(
    object: ObjectRecord,
    init: Pick<CallRecord, 'kind' | 'source' | 'regular' | 'failing' | 'piped' | 'ofFile' | 'start'> & {
      abort?: AbortPlan | undefined;
      signalled?: boolean;
    },
  ) {
    this.object = object;
    this.kind = init.kind;
    this.source = init.source;
    this.regular = init.regular;
    this.failing = init.failing;
    this.piped = init.piped;
    this.ofFile = init.ofFile;
    this.start = init.start;
    this.#abort = init.abort;
    this.#signalled = init.signalled || init.abort !== undefined;
  }

  get signal(): AbortSignal | undefined {
    return this.#signalled ? this.#controller.signal : undefined;
  }

  get aborted(): boolean {
    return this.#controller.signal.aborted;
  }

  /** The time at which the caller aborts, in ms after the start. It is undefined if the caller does not abort. */
  get abortAfter(): number | undefined {
    return this.#abort && 'after' in this.#abort ? this.#abort.after : undefined;
  }

  /** True if the caller aborts right after the call, before anything has happened. */
  get abortsAtOnce(): boolean {
    return this.abortAfter === -1;
  }

  abort(): void {
    this.#controller.abort(this.abortReason);
  }

  atRequest(nth: number, when: When): void {
    const plan = this.#abort;
    if (plan && 'request' in plan && plan.request === nth && plan.when === when) this.abort();
  }

  get appends(): readonly Passage[] {
    return this.passages.filter(({ operation }) => operation === 'AppendObject');
  }

  /** The number of bytes of the source of which the caller knows that they are stored. */
  get loaded(): number {
    return this.progress.at(-1)?.loaded ?? 0;
  }
}
