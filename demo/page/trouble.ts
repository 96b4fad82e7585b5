/** Finds out within seconds why no answer comes: the page is offline, OSS is silent, or the server of the demo is gone. */
import { type Signal, signal } from '@preact/signals';
import { prefixNow } from './host.ts';
import type { Session } from './session.ts';

export type Trouble = 'offline' | 'oss' | 'server' | 'restarted';

/** A request that failed so long ago and was not answered since means trouble, ms. */
const PATIENCE = 1500;
/** A request that has had no answer at all for so long means trouble, ms. */
const SILENCE = 8000;

export class TroubleWatch {
  readonly trouble: Signal<Trouble | undefined> = signal(undefined);
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Looks once. Call it every second or so. */
  async look(now: number): Promise<void> {
    if (!navigator.onLine && this.#isInFlight()) this.trouble.value = 'offline';
    else this.trouble.value = this.#isSilent(now) ? await this.#cause() : undefined;
  }

  #isInFlight(): boolean {
    return [...this.#session.transfers.value.values()].some(({ state }) => state.value === 'running');
  }

  #isSilent(now: number): boolean {
    return [...this.#session.transfers.value.values()].some(
      ({ state, troubledSince, waitingSince }) =>
        state.value === 'running' &&
        (now - (troubledSince.value ?? now) > PATIENCE || now - (waitingSince.value ?? now) > SILENCE),
    );
  }

  async #cause(): Promise<Trouble> {
    const prefix = await prefixNow();
    if (prefix === undefined) return 'server';
    return prefix === this.#session.host.prefix ? 'oss' : 'restarted';
  }
}
