/**
 * The belief about one object: where it ends, whether the end must be read again, which segment is in flight, and which
 * segments were given up. Only this file changes that state and the records of flight.ts, so every change can be found
 * here.
 */

import { crc64Combine } from '../crc64.ts';
import { OssError, type Outcome } from '../errors.ts';
import type { Segment } from '../source/segment.ts';
import { checkRoom, differ, type Tail } from '../tail.ts';
import type { Call } from './call.ts';
import type { Flight, Plan } from './flight.ts';
import { type Found, isAlike } from './verdict.ts';

/**
 * The list of pending segments holds at most this many. The oldest one is dropped first, because it is the least likely
 * to be stored late.
 */
const MOST_PENDING = 100;

export class Ledger {
  /** The last confirmed end of the object. */
  #tail: Tail | undefined;
  /** True when the end must be read again before it is used. */
  #isStale: boolean;
  /**
   * True when a call has failed because another client changed the object. After that failure, the object is accepted
   * as it is.
   */
  #isLossTold = false;
  #pending: readonly Plan[] = [];
  /** The flight of the last failed call, with its bytes. The bytes are dropped when another segment is sent. */
  #kept: Flight | undefined;

  constructor(tail: Tail | undefined) {
    this.#tail = tail;
    this.#isStale = !tail;
  }

  /** The last confirmed end. It is undefined until it is known. */
  get tail(): Tail | undefined {
    return this.#tail;
  }

  /** The last confirmed end. It is undefined if it must be read again before it is used. */
  get freshTail(): Tail | undefined {
    return this.#isStale ? undefined : this.#tail;
  }

  /** Where the next segment goes. Callers must have opened the object before. */
  get end(): Tail {
    if (!this.#tail) throw new Error('unreachable');
    return this.#tail;
  }

  /** Segments that were given up while their outcome was unknown. */
  get pending(): readonly Plan[] {
    return this.#pending;
  }

  /** The pending segments whose outcome is still unknown. */
  get unknown(): readonly Plan[] {
    return this.#pending.filter(({ outcome }) => outcome === 'unknown');
  }

  /** Notes that the end must be read again before it is used. */
  doubt(): void {
    this.#isStale = true;
  }

  /** Notes that the end is as sure as if it had been read again. */
  trust(): void {
    this.#isStale = false;
  }

  /** Returns up to which byte of the call's source a request was sent that OSS may still carry out. */
  reach(flight: Flight | undefined): number {
    return Math.max(0, ...this.unknown.filter((plan) => plan.flight === flight).map(({ loaded }) => loaded));
  }

  /** Accepts the end that a reading of the object has shown. */
  accept(tail: Tail): void {
    this.#tail = tail;
    this.#isStale = this.#isLossTold = false;
  }

  /** Returns true if a reading shows that confirmed bytes are gone, and no call has failed for this reason yet. */
  misses({ length = 0, crc }: Found): boolean {
    const known = this.#tail;
    if (!known || this.#isLossTold) return false;
    return length < known.position || (length === known.position && differ(crc, known.crc));
  }

  /** Notes that a call fails now because another client changed the object. */
  tellLoss(): void {
    this.#isLossTold = true;
  }

  /**
   * Plans a segment at the end of the object, and puts it into flight.
   *
   * @throws OssError (`EntityTooLarge`) if the object has no room for it.
   */
  begin(key: string, segment: Segment, call: Call): Plan {
    const { size, crc } = segment;
    const from = this.end;
    const position = from.position + size;
    checkRoom(key, from.position, size, (problem) => new OssError(problem, { code: 'EntityTooLarge' }));
    const want = { position, crc: from.crc === undefined ? undefined : crc64Combine(from.crc, crc, size) };
    const { type, loaded } = call;
    const flight: Flight = call.flight ?? { type, loaded, plan: undefined, segment };
    const plan: Plan = {
      ...{ position: from.position, size, crc, from, want, flight, loaded: loaded + size },
      // A longer segment, from which this one was cut, may still be stored here.
      outcome: this.reach(flight) > 0 ? 'unknown' : 'absent',
      mayBeStored: false,
    };
    call.flight = change(flight, { plan, segment });
    return plan;
  }

  /** Notes what is known about the segment in flight. */
  note(plan: Plan, outcome: Outcome): void {
    change(plan, { outcome });
  }

  /** Notes that a request with the segment was not refused. At most the bytes of one failed segment are kept after that. */
  noteNotRefused(plan: Plan): void {
    change(plan, { mayBeStored: true });
    this.#keep(plan.flight);
  }

  /**
   * Notes that the segment in flight is stored, and that the object ends at `tail`. `size` is more than the size of the
   * segment if a longer one was stored, from which this one was cut.
   */
  confirm(plan: Plan, tail: Tail, call: Call, size: number): void {
    const { flight, position } = plan;
    this.#tail = tail;
    this.#isLossTold = false;
    change(plan, { outcome: 'stored' });
    // This segment may have been cut from longer ones. These can no longer be stored here.
    this.#pending = this.#pending.filter((other) => other.flight !== flight);
    if (size > 0 && !call.resumes) this.#takePlace(position);
    call.loaded += size;
    change(flight, { plan: undefined, segment: undefined, loaded: call.loaded });
  }

  /** Notes that the object ends elsewhere. The next plan puts the segment there. */
  follow(tail: Tail): void {
    this.#tail = tail;
  }

  /** Forgets the end of the object, because the bytes before and after our segment are not known. */
  lose(): void {
    this.#tail = undefined;
  }

  /**
   * Notes that the call has failed. Its segment is remembered if it may still be stored, and its bytes are kept for
   * `settle`. Returns the outcome of the bytes in flight.
   */
  fail(flight: Flight | undefined): Outcome {
    this.setAside(flight);
    this.#isStale = true;
    const outcome = flight?.plan?.outcome ?? 'absent';
    // A segment that cannot be stored any more is not sent again, so its bytes are not needed.
    if (outcome !== 'unknown') {
      if (flight) change(flight, { segment: undefined });
    } else if (flight?.segment) this.#keep(flight);
    return outcome;
  }

  /** Keeps the bytes of one flight, and drops those of another one. */
  #keep(flight: Flight | undefined): void {
    if (this.#kept && this.#kept !== flight) change(this.#kept, { segment: undefined });
    this.#kept = flight;
  }

  /**
   * Remembers a segment that may still be stored, so that it is recognised as ours later. If two calls sent the same
   * bytes to one position, nobody can tell whose bytes are stored. The bytes are stored once, and the later call counts
   * them as its own.
   */
  setAside(flight: Flight | undefined): void {
    const plan = flight?.plan;
    if (plan?.outcome !== 'unknown' || plan.size === 0) return;
    const others = this.#pending.filter((other) => other !== plan);
    const alike = others.filter((other) => other.outcome === 'unknown' && isAlike(other, plan));
    for (const other of alike) change(other, { outcome: 'absent' });
    this.#pending = [...others.filter((other) => !alike.includes(other)), plan].slice(-MOST_PENDING);
  }

  /** Puts a segment that was given up into flight again, at its old position. */
  takeUp(plan: Plan): void {
    this.#pending = this.#pending.filter((other) => other !== plan);
    this.#tail = plan.from;
  }

  /** Forgets the pending segments whose outcome is known. */
  forgetSettled(): void {
    this.#pending = this.unknown;
  }

  /**
   * Notes which one of these pending segments is stored, if any, because a reading has shown it. All of them are for
   * one position.
   */
  settle(plans: readonly Plan[], stored: Plan | undefined): void {
    if (stored) {
      this.#takePlace(stored.position);
      this.credit(stored);
    }
    for (const plan of plans) change(plan, { outcome: plan === stored ? 'stored' : 'absent' });
  }

  /** Notes that the call's source is stored up to the end of this segment. */
  credit({ flight, loaded }: Plan): void {
    change(flight, { loaded });
  }

  /**
   * Notes that the position is taken, so no other segment for it can still be stored. If this call and an earlier call
   * sent the same bytes, nobody can tell whose request stored them. The bytes are stored once, and this call counts
   * them as its own.
   */
  #takePlace(position: number): void {
    for (const plan of this.unknown) if (plan.position === position) change(plan, { outcome: 'absent' });
  }
}

/** Changes a record of flight.ts. No other function does that. */
function change<T extends Plan | Flight>(record: T, changes: Partial<T>): T {
  return Object.assign(record, changes);
}
