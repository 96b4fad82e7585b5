/**
 * Finds out whether segments that were given up were stored after all. Such a segment must never be mistaken for another
 * writer's bytes.
 */

import type { Engine } from './engine.ts';
import type { Plan } from './flight.ts';
import type { Found } from './verdict.ts';

/** How {@link findLate} searches. */
export interface FindLateOptions {
  readonly signal: AbortSignal | undefined;
  /** Only these segments. Default: all. */
  readonly which?: (plan: Plan) => boolean;
  /**
   * Makes the search fail if a place cannot be read, because its bytes must not be mistaken for another writer's. Without
   * this, its segments stay unknown.
   */
  readonly strict?: boolean;
}

/**
 * Settles the pending segments that fit into the length of the object, and returns the last one that was stored late.
 * Their bytes are no longer in memory, so they are recognised by length and CRC-64.
 */
export async function findLate(engine: Engine, found: Found, options: FindLateOptions): Promise<Plan | undefined> {
  const { signal, which = () => true, strict = false } = options;
  const { ledger } = engine;
  const { length = 0 } = found;
  const open = ledger.unknown.filter((plan) => plan.position < length && which(plan));
  let late: Plan | undefined;
  for (const position of new Set(open.map((plan) => plan.position))) {
    const plans = open.filter((plan) => plan.position === position);
    try {
      const match = await findStored(engine, plans, found, signal);
      // If every request was refused, these bytes may be the beginning of a longer request of another writer.
      const isClear = !match || match.mayBeStored || length === match.want.position;
      const stored = isClear ? match : undefined;
      ledger.settle(isClear ? plans : plans.filter((plan) => plan !== match), stored);
      late = stored ?? late;
    } catch (error) {
      if (signal?.aborted || strict) throw error;
    }
  }
  return late;
}

/**
 * All these segments are for one position. Returns the one that is stored. One reading decides for all of them: it
 * covers the longest segment that fits into the object. The longest one is tried first, because a shorter one may be
 * the beginning of it.
 */
async function findStored(
  { evidence }: Engine,
  plans: readonly Plan[],
  found: Found,
  signal: AbortSignal | undefined,
): Promise<Plan | undefined> {
  const { length = 0, crc } = found;
  const longestFirst = [...plans].sort((a, b) => b.size - a.size);
  const known = longestFirst.find(({ want }) => crc !== undefined && length === want.position && crc === want.crc);
  const fitting = longestFirst.filter(({ want }) => want.position <= length);
  const [longest] = fitting;
  if (known || !longest) return known;
  const sizes = fitting.map(({ size }) => size);
  const crcs = await evidence.crcsOf(longest, sizes, found, signal);
  return fitting.find((plan) => crcs.get(plan.size) === plan.crc);
}
