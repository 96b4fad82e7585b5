/**
 * Finds out within seconds why no answer comes: the page is offline, OSS is silent, or the server of the demo is gone. In
 * the static build, the server is a Service Worker, which is gone after the user has deleted the data of the site.
 */
import { type Signal, signal } from '@preact/signals';
import { CredentialsError, ServiceError, TransportError } from '../../src/index.ts';
import { prefixNow } from './host.ts';
import type { Session } from './session.ts';

export type Trouble = 'offline' | 'oss' | 'server' | 'worker' | 'restarted';

/** There is trouble if no request was answered for this time after a request had failed, ms. */
const PATIENCE = 1500;
/** There is trouble if a request has waited for its answer for this time, ms. */
const SILENCE = 8000;

export class TroubleWatch {
  readonly trouble: Signal<Trouble | undefined> = signal(undefined);
  readonly #session: Session;
  #isLooking = false;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Looks once. Call it about once a second. A look that takes longer than the next call is not repeated. */
  async look(now: number): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.trouble.value = await this.#find(now);
    this.#isLooking = false;
  }

  async #find(now: number): Promise<Trouble | undefined> {
    if (!navigator.onLine && this.#isInFlight()) return 'offline';
    if (this.#isSilent(now)) return this.#cause();
    if (!this.#hasLostServer()) return undefined;
    // Trying again helps after a failure, but not if the server has forgotten everything.
    const cause = await this.#cause();
    return cause === 'restarted' || cause === 'worker' ? cause : undefined;
  }

  /** True if a file failed because nobody answered, or because the server does not know this page any more. */
  #hasLostServer(): boolean {
    return this.#session.failed.value.some(({ error }) => isLoss(error.value));
  }

  #isInFlight(): boolean {
    return this.#session.running.value.length > 0;
  }

  #isSilent(now: number): boolean {
    return this.#session.running.value.some(
      ({ troubledSince, waitingSince }) =>
        now - (troubledSince.value ?? now) > PATIENCE || now - (waitingSince.value ?? now) > SILENCE,
    );
  }

  async #cause(): Promise<Trouble> {
    const { mode, prefix } = this.#session.host;
    const now = await prefixNow();
    if (now === undefined) return mode === 'static' ? 'worker' : 'server';
    return now === prefix ? 'oss' : 'restarted';
  }
}

function isLoss(error: unknown): boolean {
  const cause = error instanceof Error && error.cause ? error.cause : error;
  return (
    cause instanceof TransportError ||
    cause instanceof CredentialsError ||
    // Without the worker, a plain file server answers: 404, 405, or 501.
    (cause instanceof ServiceError && [403, 404, 405, 501].includes(cause.status))
  );
}
