/**
 * The life of a page. A hidden page is not closed: it may come back, or it may end without another event. So a log
 * flushes whenever its page is hidden or left, with requests that outlive the page, and goes on when the page comes
 * back.
 */

import { Keepalive } from './keepalive.ts';
import type { LogPlatform } from './platform.ts';

export class Page {
  readonly keepalive: Keepalive;
  readonly #platform: LogPlatform;
  readonly #leave: () => void;
  /** The event `pagehide` comes while the page is still visible. */
  #isLeft = false;

  /** @param leave called when the page is hidden or left; it may be called several times */
  constructor(platform: LogPlatform, leave: () => void) {
    this.keepalive = new Keepalive(platform, () => this.isHidden);
    this.#platform = platform;
    this.#leave = leave;
    this.#listen('addEventListener');
  }

  get isHidden(): boolean {
    return this.#isLeft || this.#platform.document?.visibilityState === 'hidden';
  }

  stop(): void {
    this.#listen('removeEventListener');
    this.keepalive.release();
  }

  #listen(method: 'addEventListener' | 'removeEventListener'): void {
    const { document, [method]: listen } = this.#platform;
    document?.[method]('visibilitychange', this.#change);
    for (const type of ['pagehide', 'pageshow']) listen?.call(this.#platform, type, this.#change);
  }

  readonly #change = ({ type }: Event): void => {
    this.#isLeft = type === 'pagehide';
    if (this.isHidden) this.#leave();
  };
}
