/**
 * The life of a page. Hidden is not closed: a page that was hidden may come back, and a page that ends may get no other event. So a
 * log flushes whenever its page is hidden or left, with requests that outlive the page, and goes on when it comes back.
 */

import type { OssClientOptions } from '../request/client.ts';
import { Keepalive } from './keepalive.ts';
import type { LogPlatform } from './platform.ts';

export class Page {
  readonly keepalive: Keepalive;
  readonly #platform: LogPlatform;
  readonly #leave: () => void;
  /** At `pagehide` a page is still visible. */
  #isLeft = false;

  /** @param leave called when the page is hidden or left, also several times */
  constructor(platform: LogPlatform, leave: () => void) {
    this.keepalive = new Keepalive(platform, () => this.isHidden);
    this.#platform = platform;
    this.#leave = leave;
    this.#listen('addEventListener');
  }

  get isHidden(): boolean {
    return this.#isLeft || this.#platform.document?.visibilityState === 'hidden';
  }

  /** The settings of a client whose appends outlive the page, and need no preflight for it. */
  client(options: OssClientOptions): OssClientOptions {
    const { fetch = (url, init) => globalThis.fetch(url, init), signing = 'query' } = options;
    return { ...options, signing, fetch: this.keepalive.wrap(fetch) };
  }

  stop(): void {
    this.#listen('removeEventListener');
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
