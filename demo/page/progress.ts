/** The progress of all files together: the rate, the time that is left, and the text for a screen reader. */
import { type Signal, signal } from '@preact/signals';
import type { Session } from './session.ts';
import { Meter } from './transfer/meter.ts';
import { TroubleWatch } from './trouble.ts';
import type { Uploader } from './uploader/uploader.ts';

/** How often the figures are taken, ms. */
const INTERVAL = 500;

export class Progress {
  /** Bytes per second; undefined while it is not known, and while nothing moves. */
  readonly rate: Signal<number | undefined> = signal(undefined);
  /** Seconds until everything is stored. */
  readonly left: Signal<number | undefined> = signal(undefined);
  readonly watch: TroubleWatch;
  readonly #session: Session;
  readonly #uploader: Uploader;
  readonly #meter = new Meter();

  constructor(session: Session, uploader: Uploader) {
    this.#session = session;
    this.#uploader = uploader;
    this.watch = new TroubleWatch(session);
  }

  begin(): void {
    setInterval(() => this.#tick(Date.now()), INTERVAL);
  }

  #tick(now: number): void {
    const { inFlight, failed, bytes, size } = this.#uploader.totals.value;
    const recorded = this.#recorded();
    if (inFlight > 0 || recorded > 0) this.#measure(now, bytes + recorded, size + recorded);
    else this.#rest(now, failed > 0 || this.#session.failed.value.length > 0);
  }

  #measure(now: number, confirmed: number, size: number): void {
    this.#meter.add(now, confirmed);
    this.rate.value = this.#meter.rate(now);
    this.left.value = this.#meter.left(now, size);
    this.#session.figures.throughput.add(now, this.rate.value ?? 0);
    void this.watch.look(now);
  }

  #rest(now: number, hasFailed: boolean): void {
    this.rate.value = this.left.value = undefined;
    if (hasFailed) void this.watch.look(now);
    else this.watch.trouble.value = undefined;
  }

  /** Bytes of the recordings that are on their way. */
  #recorded(): number {
    let sum = 0;
    for (const { size, confirmed } of this.#session.running.value)
      if (size === undefined) sum += Math.max(1, confirmed.value);
    return sum;
  }
}

/** Asks the user before the page is left, but only while something is on its way. */
export function warnOnLeaving(isBusy: () => boolean): void {
  addEventListener('beforeunload', (event) => {
    if (isBusy()) event.preventDefault();
  });
}
