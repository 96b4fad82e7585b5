/**
 * What is believed of one object: where it ends, whether that must be read again, which segment is in flight, and which segments
 * were given up. Only this file changes that state and the records of flight.ts, so every change of belief is found here.
 */

import { crc64Combine } from '../crc64.ts';
import { OssError, type Outcome } from '../errors.ts';
import type { Segment } from '../source/segment.ts';
import { differ, MAX_OBJECT_SIZE, type Tail } from '../tail.ts';
import { noRoom } from './conflicts.ts';
import type { Flight, Plan } from './flight.ts';
import type { Call } from './progress.ts';
import { type Found, isAlike } from './verdict.ts';

/** The list of pending segments holds at most so many. Of more, the oldest is the least likely to be stored late. */
const MOST_PENDING = 100;

export class Ledger {
  /** The last confirmed end of the object. */
  #tail: Tail | undefined;
  /** True when the end must be read again before it is used. */
  #isStale: boolean;
  /** True when the caller has been told that the object is not what it was. Then it is taken as it is. */
  #isLossTold = false;
  #pending: readonly Plan[] = [];
  /** The flight of the last failed call, with its bytes. They are dropped when another segment is sent. */
  #kept: Flight | undefined;

  constructor(tail: Tail | undefined) {
    this.#tail = tail;
    this.#isStale = !tail;
  }

  /** The last confirmed end. It is undefined before it is known. */
  get tail(): Tail | undefined {
    return this.#tail;
  }

  /** The last confirmed end, where it may be used without reading it again. */
  get freshTail(): Tail | undefined {
    return this.#isStale ? undefined : this.#tail;
  }

  /** Where the next segment goes. Callers have opened the object before. */
  get end(): Tail {
    if (!this.#tail) throw new Error('unreachable: the object was not opened');
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

  /** The end must be read again before it is used. */
  doubt(): void {
    this.#isStale = true;
  }

  /** The end is as good as read again. */
  trust(): void {
    this.#isStale = false;
  }

  /** Takes a reading for the object's end. */
  accept(tail: Tail): void {
    this.#tail = tail;
    this.#isStale = this.#isLossTold = false;
  }

  /** True when a reading shows that confirmed bytes are gone, and the caller has not been told so before. */
  misses({ length = 0, crc }: Found): boolean {
    const known = this.#tail;
    if (!known || this.#isLossTold) return false;
    return length < known.position || (length === known.position && differ(crc, known.crc));
  }

  /** The caller is told now that the object is not what it was. */
  tellLoss(): void {
    this.#isLossTold = true;
  }

  /**
   * Puts a segment of a call at the object's end, and into flight.
   *
   * @throws OssError (`EntityTooLarge`) where the object has no room for it.
   */
  begin(key: string, segment: Segment, call: Call): Plan {
    const { size, crc } = segment;
    const from = this.end;
    const position = from.position + size;
    if (position > MAX_OBJECT_SIZE) throw new OssError(noRoom(key, from.position, size), { code: 'EntityTooLarge' });
    const want = { position, crc: from.crc === undefined ? undefined : crc64Combine(from.crc, crc, size) };
    const { type, resumes, loaded } = call;
    const flight: Flight = call.flight ?? { type, resumes, loaded, plan: undefined, segment };
    // The bytes of one segment are kept at most.
    if (this.#kept && this.#kept !== flight) change(this.#kept, { segment: undefined });
    const plan: Plan = {
      ...{ position: from.position, size, crc, from, want, flight, loaded: loaded + size },
      ...{ outcome: 'absent', mayBeStored: false },
    };
    call.flight = change(flight, { plan, segment });
    return plan;
  }

  /** Notes what is known of the segment in flight. */
  note(plan: Plan, outcome: Outcome): void {
    change(plan, { outcome });
  }

  /** A request with the segment was not refused. */
  noteNotRefused(plan: Plan): void {
    change(plan, { mayBeStored: true });
  }

  /** The segment in flight is stored, and the object ends here. `size` is longer for a segment that this one was cut from. */
  confirm(plan: Plan, tail: Tail, call: Call, size: number): void {
    const { flight, position } = plan;
    this.#tail = tail;
    change(plan, { outcome: 'stored' });
    // The longer segments that this one was cut from can no longer be stored here.
    this.#pending = this.#pending.filter((other) => other.flight !== flight);
    if (size > 0 && !call.resumes) this.#takePlace(position);
    call.loaded += size;
    change(flight, { plan: undefined, segment: undefined, loaded: call.loaded });
  }

  /** The object ends elsewhere now, so the segment in flight goes there. */
  follow(tail: Tail): void {
    this.#tail = tail;
  }

  /** What stands around our segment is not known, so there is no confirmed end. */
  lose(): void {
    this.#tail = undefined;
  }

  /** The call has failed. Its segment is remembered where it may still be stored, and its bytes are kept for `settle`. */
  fail(flight: Flight | undefined): void {
    this.setAside(flight);
    this.#kept = flight ?? this.#kept;
    this.#isStale = true;
  }

  /**
   * Remembers a segment that may still be stored, so that it is recognised as ours later. When two calls sent the same bytes to
   * one place, nobody can tell which are stored. They are there once, and the later call reports them.
   */
  setAside(flight: Flight | undefined): void {
    const plan = flight?.plan;
    if (plan?.outcome !== 'unknown' || plan.size === 0) return;
    const alike = this.unknown.filter((other) => isAlike(other, plan));
    for (const other of alike) change(other, { outcome: 'absent' });
    this.#pending = [...this.#pending.filter((other) => !alike.includes(other)), plan].slice(-MOST_PENDING);
  }

  /** A segment that was given up is in flight again, at its old place. */
  takeUp(plan: Plan): void {
    this.#pending = this.#pending.filter((other) => other !== plan);
    this.#tail = plan.from;
  }

  /** Forgets the pending segments whose outcome is known. */
  forgetSettled(): void {
    this.#pending = this.unknown;
  }

  /** A reading has shown which one of these pending segments, all for one position, is stored, if any. */
  settle(plans: readonly Plan[], stored: Plan | undefined): void {
    if (stored) {
      this.#takePlace(stored.position);
      this.credit(stored);
    }
    for (const plan of plans) change(plan, { outcome: plan === stored ? 'stored' : 'absent' });
  }

  /** The segment is stored, so the call that sent it has so many more bytes. */
  credit({ flight, loaded }: Plan): void {
    change(flight, { loaded });
  }

  /**
   * A position is taken once: what else was on its way there can no longer be stored. When this call and an earlier one sent the
   * same bytes, nobody can tell whose request stored them. They are there once, and this call reports them.
   */
  #takePlace(position: number): void {
    for (const plan of this.unknown) if (plan.position === position) change(plan, { outcome: 'absent' });
  }
}

/** The one place where a record of flight.ts is changed. */
function change<T extends Plan | Flight>(record: T, changes: Partial<T>): T {
  return Object.assign(record, changes);
}
