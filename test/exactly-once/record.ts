/** What one call was given, and what came of it. */

import type { PendingSegment } from '../../src/append/flight.ts';
import type { AppendProgress } from '../../src/append/progress.ts';
import type { ObjectTail } from '../../src/tail.ts';
import type { AbortPlan, WriterPlan } from './schedule.ts';
import type { Passage, WireRequest } from './wire.ts';

/** One AppendableObject of a writer: a reload makes another. */
export interface ObjectRecord {
  readonly writer: WriterRecord;
  /** Bytes; null where it adapts. */
  readonly segmentSize: number | null;
  /** When it was made. */
  readonly from: number;
  /** Made with a tail that was no longer the object's. */
  readonly stale: boolean;
  /** Made with a tail that had no CRC. */
  readonly bare: boolean;
  readonly calls: CallRecord[];
  /** Every request, whosever it is. */
  readonly requests: WireRequest[];
  /** When all was over; and the length of the object, where it was read just before. */
  pending: readonly PendingSegment[];
  lengthRead: number;
}

export interface WriterRecord {
  readonly plan: WriterPlan;
  readonly index: number;
  readonly file: Uint8Array<ArrayBuffer>;
  /** Some calls do not wait for those before them: then each byte tells whose it is, for one request may carry several calls'. */
  readonly atOnce: boolean;
  readonly objects: ObjectRecord[];
}

export type When = 'before' | 'under-way' | 'answered';

export class CallRecord {
  readonly kind: 'append' | 'resume';
  readonly object: ObjectRecord;
  /** All bytes that the call is to store; of a source that fails, those before. */
  readonly source: Uint8Array;
  /** Segments of the asked size, because nothing cuts them earlier. */
  readonly regular: boolean;
  readonly failing: boolean;
  /** Of a pipe: it is told no tail, and reads the object's a little later. */
  readonly piped: boolean;
  /** Its bytes are the writer's file. */
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
  /** When it failed, where `settle` follows. */
  failedAt = Number.POSITIVE_INFINITY;
  result: ObjectTail | undefined;
  error: unknown;
  tailAfter: ObjectTail | undefined;
  pendingAfter: readonly PendingSegment[] = [];
  /** What `settle` said later: bytes of the source that are stored for good. */
  settledAt: number | undefined;
  /** `settle` was called, so that requests came after the error. */
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

  /** When to give up, ms after the start; undefined for never. */
  get abortAfter(): number | undefined {
    return this.#abort && 'after' in this.#abort ? this.#abort.after : undefined;
  }

  /** Give up when the call is made and nothing has happened yet. */
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

  /** Bytes of the source confirmed stored, as far as the caller was told. */
  get loaded(): number {
    return this.progress.at(-1)?.loaded ?? 0;
  }
}
