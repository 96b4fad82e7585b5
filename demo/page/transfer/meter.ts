/** Measures the rate of confirmed bytes over the last seconds, and estimates the time that is left. */

/** The rate is measured over this time, ms. */
const WINDOW = 6000;
/** Without a confirmed byte for this time, an older rate says nothing, ms. */
const STALLED_AFTER = 3000;

interface Reading {
  readonly at: number;
  readonly bytes: number;
}

export class Meter {
  #readings: Reading[] = [];

  /** Adds the number of bytes that are confirmed at this time (ms). A number that fell begins a new measurement. */
  add(at: number, bytes: number): void {
    const last = this.#readings.at(-1);
    if (last && bytes < last.bytes) this.#readings = [];
    if (last && bytes === last.bytes) return;
    this.#readings.push({ at, bytes });
    while (this.#readings.length > 2 && at - (this.#readings[1]?.at ?? at) > WINDOW) this.#readings.shift();
  }

  /** Returns bytes per second, or undefined when it is not known or the bytes have stopped. */
  rate(now: number): number | undefined {
    const first = this.#readings[0];
    const last = this.#readings.at(-1);
    if (!first || !last || last.at === first.at || now - last.at > STALLED_AFTER) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (now - first.at);
  }

  /** Returns the time in seconds until `total` bytes are confirmed, or undefined when it is not known. */
  left(now: number, total: number): number | undefined {
    const rate = this.rate(now);
    const confirmed = this.#readings.at(-1)?.bytes ?? 0;
    return rate ? Math.max(0, total - confirmed) / rate : undefined;
  }
}
