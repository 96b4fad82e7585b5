/** Reads the end of an object, if the end is not known yet. */

import type { Tail } from '../tail.ts';
import { conflict, notAppendable } from './conflicts.ts';
import type { Engine } from './engine.ts';
import { findLate } from './pending.ts';

/**
 * Returns the end of the object. An absent object ends at 0. The same reading settles segments that were given up.
 *
 * @throws AppendConflictError if the object is not appendable, or if confirmed bytes are gone. The loss is reported
 * once. After that, the object is accepted as it is.
 */
export async function ensureOpen(engine: Engine, signal: AbortSignal | undefined): Promise<Tail> {
  const { key, ledger, evidence } = engine;
  if (ledger.freshTail) return ledger.freshTail;
  const position = ledger.tail?.position;
  const found = await evidence.look(signal, { near: position });
  if (!found.appendable) throw notAppendable(key, found);
  await findLate(engine, found, { signal });
  if (ledger.misses(found)) {
    ledger.tellLoss();
    throw conflict(key, { position: position ?? 0, size: 0 }, 'unknown', found);
  }
  const { length = 0 } = found;
  ledger.accept({ position: length, crc: found.length === undefined ? 0n : found.crc });
  return ledger.end;
}
