/**
 * Limits how often the progress of one file is reported. Each report makes Uppy copy its state and draw again, and
 * small segments on a fast link are stored many times in a second.
 */

import type { Clock } from '../waiting/clock.ts';

/** The shortest time between two reports of one file, ms. */
const INTERVAL = 100;

export class Throttle {
  readonly #clock: Clock;
  readonly #report: (loaded: number) => void;
  #timer: unknown;
  /** A number of bytes that is not reported yet. */
  #next: number | undefined;

  constructor(clock: Clock, report: (loaded: number) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Reports at once, or at the end of the interval. The last number is never lost. */
  report(loaded: number): void {
    this.#next = loaded;
    if (this.#timer === undefined) this.flush();
  }

  /** Reports now what is not reported yet. */
  flush(): void {
    const loaded = this.#next;
    this.cancel();
    if (loaded === undefined) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, INTERVAL);
    this.#report(loaded);
  }

  /** Drops what is not reported yet. */
  cancel(): void {
    this.#next = undefined;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
