/** The plans of log writers: pages with a `LogAppender` that come, write records, and end at any moment. */
import type { Random } from './random.ts';
import type { Schedule, WriterPlan } from './schedule.ts';

/** How a log writer is set up. */
export interface LogPlan {
  /** True if a journal keeps the records for the next page. */
  readonly persist: boolean;
  /** False for a worker, which has no document. */
  readonly page: boolean;
  /** True if the browser sends the last request of a page that is gone. */
  readonly fetchLater: boolean;
  /** The delay of the journal's storage in ms. */
  readonly storage: number;
  /** The size of the queue in bytes, and what happens when it is full. If it is missing, the queue is never full. */
  readonly queue?: { readonly size: number; readonly whenFull: 'refuse' | 'dropOldest' | 'dropNewest' };
}

/** One step of a log writer. */
export type LogStep =
  /** Writes records of these sizes in bytes, one after the other. */
  | { readonly do: 'write'; readonly sizes: readonly number[] }
  /** Begins a flush and does not wait for it. */
  | { readonly do: 'flush' }
  | { readonly do: 'hide' }
  | { readonly do: 'show' }
  /**
   * Ends the page, and opens the next one. A page may be left (which it notices), closed by its own code, or killed. It ends after
   * some microtasks. `late` says whether the browser sends the request that it keeps for a page that is gone.
   */
  | {
      readonly do: 'end';
      readonly how: 'killed' | 'left' | 'closed';
      readonly microtasks: number;
      readonly late: boolean;
    };

/** The parts of a schedule that concern its writers and how long requests take. */
export function logWriters(random: Random): Pick<Schedule, 'writers' | 'latency'> {
  const segmentSize = random.pick([4, 8, 16, 33, 64]);
  const company = random.weighted({ none: 60, log: 25, writer: 15 });
  const shared = company !== 'none' || random.chance(0.2);
  const logs = random.list(company === 'log' ? 2 : 1, () => logWriter(random, segmentSize, shared));
  const writers = company === 'writer' ? [...logs, otherWriter(random, segmentSize)] : logs;
  return { writers, latency: random.chance(0.8) ? random.int(1, 80) : 0 };
}

function logWriter(random: Random, segmentSize: number, shared: boolean): WriterPlan {
  const steps = random.list(random.int(2, 14), () => logStep(random));
  return {
    shared,
    segmentSize,
    flushAfter: random.pick([1000, 5, 100]),
    log: logOf(random, segmentSize),
    steps: [...steps, endOf(random)],
  };
}

function logOf(random: Random, segmentSize: number): LogPlan {
  const persist = random.chance(0.75);
  const page = random.chance(0.8);
  const plan = { persist, page, fetchLater: page && random.chance(0.5), storage: random.pick([0, 0, 1, 20]) };
  // A page that is killed may leave records in its journal that it has dropped before, so a journal has room for all records.
  if (persist || random.chance(0.5)) return plan;
  const whenFull = random.pick(['refuse', 'dropOldest', 'dropNewest'] as const);
  return { ...plan, queue: { size: segmentSize + random.int(0, 40), whenFull } };
}

function logStep(random: Random): WriterPlan['steps'][number] {
  const kind = random.weighted({ write: 45, wait: 25, flush: 7, hide: 4, show: 4, end: 15 });
  if (kind === 'write')
    return { do: 'write', sizes: random.list(random.int(1, 4), () => random.pick([3, 4, 5, 9, 20])) };
  if (kind === 'wait') return { do: 'wait', delay: Math.floor(random.next() ** 3 * 4000) };
  return kind === 'end' ? endOf(random) : { do: kind };
}

function endOf(random: Random): LogStep {
  const how = random.weighted({ killed: 45, left: 45, closed: 10 });
  return { do: 'end', how, microtasks: random.int(0, 60), late: random.chance(0.7) };
}

/** A writer that knows nothing of logs. */
function otherWriter(random: Random, segmentSize: number): WriterPlan {
  const steps = random.list(random.int(2, 4), (index = random.int(1, 12)): WriterPlan['steps'][number] =>
    random.chance(0.5)
      ? { do: 'append', source: { form: 'bytes', chunks: [index] } }
      : { do: 'wait', delay: random.int(1, 2000) },
  );
  return {
    shared: true,
    segmentSize,
    flushAfter: null,
    steps: [...steps, { do: 'append', source: { form: 'bytes', chunks: [3] } }],
  };
}
