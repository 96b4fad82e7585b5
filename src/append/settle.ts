/** How a failed call ended, and what became of its bytes for good, so that its caller can go on without doubling or losing one. */

import { ChecksumError } from '../errors.ts';
import { type ObjectTail, publicTail } from '../tail.ts';
import { commit } from './commit.ts';
import { unsettled } from './conflicts.ts';
import type { Engine } from './engine.ts';
import type { Flight, Plan } from './flight.ts';
import { within } from './group.ts';
import { ensureOpen } from './open.ts';
import type { Call } from './progress.ts';

/** How far a call was when it ended without success. */
export interface EndedCall {
  /** Bytes of the call's source that were confirmed, where nothing is in flight. */
  readonly loaded: number;
  readonly flight: Flight | undefined;
  /** Where the call's bytes begin in the flight, if those of other calls are in it too. */
  readonly start?: number;
  /** Length of the call's bytes in the flight. */
  readonly size?: number;
}

/** What `settle` found out for good. */
export interface SettledAppend {
  /** Bytes of the failed call's source that are stored. Go on behind them. Of text, count bytes of UTF-8. */
  readonly loaded: number;
  /** The object's end now. */
  readonly tail: ObjectTail;
}

/** The calls of one object that ended without success, by what they were rejected with. */
export class EndedCalls {
  readonly #calls = new WeakMap<object, EndedCall | 'several'>();

  /** Notes how far a call was. A reason that is no object, such as a text, cannot be found again. */
  note(reason: unknown, ended: EndedCall): void {
    if (Object(reason) !== reason) return;
    const before = this.#calls.get(reason as object);
    this.#calls.set(reason as object, before && before !== ended ? 'several' : ended);
  }

  /** Notes a call that ended before anything was sent, unless more is known of it. */
  noteUnsent(reason: unknown): void {
    if (!this.#calls.has(Object(reason))) this.note(reason, { loaded: 0, flight: undefined });
  }

  /** @throws TypeError for what rejected no call, or several; a ChecksumError itself, because more bytes do not mend a damaged object. */
  find(error: unknown): EndedCall {
    if (error instanceof ChecksumError) throw error;
    const ended = this.#calls.get(Object(error));
    if (!ended) throw new TypeError('settle needs the error with which a call on this AppendableObject was rejected');
    if (ended !== 'several') return ended;
    throw new TypeError(
      'settle cannot tell calls apart that were aborted with one reason: give each a signal of its own',
    );
  }
}

/** Bytes of the ended call's source that are known to be stored. */
export function loadedOf({ loaded, flight, start = 0, size = Number.POSITIVE_INFINITY }: EndedCall): number {
  return within(flight?.loaded ?? loaded, start, size);
}

/** Finds out for good whether the segment in flight is stored. Sends it again where it is not there. */
export async function settleCall(
  engine: Engine,
  ended: EndedCall,
  signal: AbortSignal | undefined,
): Promise<SettledAppend> {
  const { flight } = ended;
  if (flight?.plan) await settleFlight(engine, flight, flight.plan, signal);
  const tail = publicTail(await ensureOpen(engine, signal));
  return { loaded: loadedOf(ended), tail };
}

async function settleFlight(
  engine: Engine,
  flight: Flight,
  plan: Plan,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { key, ledger } = engine;
  const { segment, type, resumes, loaded } = flight;
  if (plan.outcome === 'unknown' && !segment) {
    ledger.doubt();
    await ensureOpen(engine, signal);
  }
  if (plan.outcome === 'stored') ledger.credit(plan);
  if (plan.outcome !== 'unknown') return;
  if (!segment) throw unsettled(key, plan);
  ledger.takeUp(plan);
  const call: Call = { signal, total: plan.size, type, inMemory: true, resumes, loaded, flight };
  await commit(engine, segment, call);
  ledger.trust();
}
