/** The figures of the whole page over time: for the charts, the counters and the total. */
import { type Signal, signal } from '@preact/signals';
import type { Ended, Sent } from '../client/exchange.ts';
import type { Watcher } from '../client/watch.ts';

/** The points of a chart: times in seconds, and values. */
export type Points = readonly [times: readonly number[], values: readonly (number | null)[]];

/** A chart keeps at most this many points. */
const MOST = 600;

const NONE: Points = [[], []];

/** A chart is drawn at most this often, ms. */
const INTERVAL = 250;

/** Returns the multiples of a step. The marks that uPlot proposes can lie after the end of the axis. */
export function marksBetween(from: number, to: number, step: number): number[] {
  const marks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) marks.push(at);
  return marks;
}

class Series {
  readonly points: Signal<Points> = signal(NONE);
  #times: number[] = [];
  #values: (number | null)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  add(at: number, value: number | null): void {
    this.#times.push(at / 1000);
    this.#values.push(value);
    this.#timer ??= setTimeout(() => this.#publish(), INTERVAL);
  }

  #publish(): void {
    this.#timer = undefined;
    this.#times = this.#times.slice(-MOST);
    this.#values = this.#values.slice(-MOST);
    this.points.value = [this.#times, this.#values];
  }
}

export class Figures implements Watcher {
  /** Confirmed bytes per second. */
  readonly throughput = new Series();
  /** Bytes of each append that was sent. */
  readonly segments = new Series();
  /** Milliseconds from each append to its answer. */
  readonly roundTrips = new Series();
  readonly requests = signal(0);
  /** Appends that were sent again because nobody answered, or because OSS refused for a time. */
  readonly failures = signal(0);

  sent({ operation, size, at }: Sent): void {
    this.requests.value++;
    if (operation === 'append') this.segments.add(at, size);
  }

  ended({ operation, outcome, duration }: Ended): void {
    if (operation !== 'append' || outcome.kind === 'aborted') return;
    this.roundTrips.add(Date.now(), duration);
    if (outcome.kind === 'no-answer' || outcome.status !== 200) this.failures.value++;
  }
}
