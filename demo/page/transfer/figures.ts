/** The figures of the whole page over time: for the charts, the counters and the total. */
import { type Signal, signal } from '@preact/signals';
import type { Ended } from '../client/exchange.ts';
import type { Watcher } from '../client/watch.ts';

/** The points of a chart: times in seconds, and values. */
export type Points = readonly [times: readonly number[], values: readonly (number | null)[]];

/** So many points are kept. */
const MOST = 600;

const NONE: Points = [[], []];

class Series {
  readonly points: Signal<Points> = signal(NONE);

  add(at: number, value: number | null): void {
    const [times, values] = this.points.value;
    this.points.value = [[...times, at / 1000].slice(-MOST), [...values, value].slice(-MOST)];
  }
}

export class Figures implements Watcher {
  /** Confirmed bytes per second. */
  readonly throughput = new Series();
  /** Bytes of each segment. */
  readonly segments = new Series();
  /** Milliseconds from each append to its answer. */
  readonly roundTrips = new Series();
  readonly requests = signal(0);
  /** Appends that were sent again because nobody answered, or because OSS refused for a time. */
  readonly failures = signal(0);

  sent(): void {
    this.requests.value++;
  }

  ended({ operation, outcome, size, duration }: Ended): void {
    if (operation !== 'append') return;
    const now = Date.now();
    if (outcome.kind === 'no-answer') this.failures.value++;
    if (outcome.kind !== 'answered') return;
    if (outcome.status >= 400) this.failures.value++;
    if (outcome.status !== 200) return;
    this.segments.add(now, size);
    this.roundTrips.add(now, duration);
  }
}
