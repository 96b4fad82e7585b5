/**
 * Remembers how far a failed call was, and finds out how much of it is stored. Then its caller can go on without losing
 * or doubling a byte.
 */

import { ChecksumError } from '../errors.ts';
import { saysSealed } from '../failure-kind.ts';
import { type ObjectTail, publicTail } from '../tail.ts';
import { type Call, within } from './call.ts';
import { commit } from './commit.ts';
import { unsettled } from './conflicts.ts';
import type { Engine } from './engine.ts';
import type { Flight, Plan } from './flight.ts';
import { ensureOpen } from './open.ts';

/** How far a call was when it failed or was aborted. */
export interface EndedCall {
  /** Bytes of the call's source that were confirmed, if nothing was in flight. */
  readonly loaded: number;
  readonly flight: Flight | undefined;
  /** Where the call's bytes begin in the flight, if the flight also has bytes of other calls. */
  readonly start?: number;
  /** Length of the call's bytes in the flight. */
  readonly size?: number;
}

/** One record for all calls of which nothing was sent, so that several of them may have the same reason. */
const UNSENT: EndedCall = { loaded: 0, flight: undefined };

/** What `settle` found out. It does not change any more. */
export interface SettledAppend {
  /**
   * Bytes of the failed call's source that are stored. Append the bytes after them. For text, this counts bytes of
   * UTF-8.
   */
  readonly loaded: number;
  /** The end of the object now. */
  readonly tail: ObjectTail;
}

/** The calls of one object that failed or were aborted. The key is the error or reason with which the call rejected. */
export class EndedCalls {
  readonly #calls = new WeakMap<object, EndedCall | 'several'>();

  /** Notes how far a call was. A reason that is not an object, for example a text, cannot be found again. */
  note(reason: unknown, ended: EndedCall): void {
    if (Object(reason) !== reason) return;
    const before = this.#calls.get(reason as object);
    this.#calls.set(reason as object, before && before !== ended ? 'several' : ended);
  }

  /** Notes a call that ended before anything was sent. Returns the reason. */
  noteUnsent(reason: unknown): unknown {
    this.note(reason, UNSENT);
    return reason;
  }

  /**
   * Returns how far the call was that rejected with this error.
   *
   * @throws TypeError if no call rejected with it, or several did. A ChecksumError is thrown again, because more bytes
   * cannot repair a damaged object.
   */
  find(error: unknown): EndedCall {
    if (error instanceof ChecksumError) throw error;
    const ended = this.#calls.get(Object(error));
    if (!ended)
      throw new TypeError('settle needs the error of a failed append to this object; after resume, call resume again');
    if (ended !== 'several') return ended;
    throw new TypeError('several calls have this reason: give each its own signal');
  }
}

/** Bytes of the ended call's source that are known to be stored. */
export function loadedOf({ loaded, flight, start = 0, size = Number.POSITIVE_INFINITY }: EndedCall): number {
  return within(flight?.loaded ?? loaded, start, size);
}

/** Finds out whether the segment in flight is stored. Sends it again if it is not there. */
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
  const { segment, type, loaded } = flight;
  if (plan.outcome === 'unknown' && !segment) {
    ledger.doubt();
    await ensureOpen(engine, signal);
  }
  if (plan.outcome === 'stored') ledger.credit(plan);
  if (plan.outcome !== 'unknown') return;
  if (!segment) throw unsettled(key, plan);
  ledger.takeUp(plan);
  const call: Call = { signal, total: plan.size, type, inMemory: true, resumes: false, loaded, flight };
  try {
    await commit(engine, segment, call);
    ledger.trust();
  } catch (error) {
    if (!saysSealed(error) || !(await settleSealed(engine, flight, signal))) throw error;
  }
}

/**
 * A sealed object takes no request any more, so one more look shows finally what is stored. The look before the refusal
 * does not count, because a late request may have been carried out in between. Returns false if the bytes in the place
 * of the segment could not be read.
 */
async function settleSealed(engine: Engine, flight: Flight, signal: AbortSignal | undefined): Promise<boolean> {
  const { ledger } = engine;
  ledger.setAside(flight);
  ledger.doubt();
  const { position } = await ensureOpen(engine, signal);
  const behind = ledger.unknown.filter((plan) => plan.position >= position);
  ledger.settle(behind, undefined);
  return flight.plan?.outcome !== 'unknown';
}
