/**
 * Requests that outlive their page. A browser allows 64 KiB of `keepalive` bodies in flight for the whole page,
 * including other libraries, and fails a request that exceeds this. So all logs of a page share one budget, and
 * requests that do not fit are sent without `keepalive`.
 */

import type { Fetch } from '../request/request.ts';

/** The most bytes and requests in flight for all logs of a page. The rest is left to other libraries. */
const MOST_BYTES = 60_000;
const MOST_REQUESTS = 9;

/** The bytes and requests in flight. They are on the global object, so that two copies of this library share them. */
interface Usage {
  bytes: number;
  requests: number;
}

const USAGE: symbol = /* @__PURE__ */ Symbol.for('oss-append.keepalive');

export class Keepalive {
  readonly #usage: Usage;
  readonly #isHidden: () => boolean;
  /** True after the browser refused a request. It does not say why, so the next request is sent without `keepalive`. */
  #failed = false;
  /** Bytes of this log that are already reserved. */
  #reserved = 0;

  constructor(page: object, isHidden: () => boolean) {
    const shared = page as Record<symbol, Usage | undefined>;
    shared[USAGE] ??= { bytes: 0, requests: 0 };
    this.#usage = shared[USAGE];
    this.#isHidden = isHidden;
  }

  /**
   * Returns how many bytes the next request may have. A visible page uses half of the budget, so that other libraries
   * find room.
   */
  get room(): number {
    const { bytes, requests } = this.#usage;
    return requests < MOST_REQUESTS ? MOST_BYTES / (this.#isHidden() ? 1 : 2) - bytes : 0;
  }

  /**
   * Reserves room for the next request at once, because other logs of the page may reserve theirs before it is sent.
   */
  reserve(size: number): void {
    if (size <= this.room) this.#take(size);
  }

  /** Gives back the room that {@link reserve} took, if no request uses it. */
  release(): void {
    this.#usage.bytes -= this.#reserved;
    this.#usage.requests -= this.#reserved && 1;
    this.#reserved = 0;
  }

  /** Returns a `fetch` that sends appends with `keepalive` if they fit. */
  wrap(fetch: Fetch): Fetch {
    return async (url, init) => {
      const { byteLength: size = 0 } = Object(init.body) as Partial<Uint8Array>;
      // Only an append has a body of bytes. Segments above 64 KiB are Blobs, and these never fit.
      if (!size) return fetch(url, init);
      if (size !== this.#reserved) this.reserve(size);
      const keepalive = size === this.#reserved && !this.#failed;
      this.#failed = false;
      return fetch(url, keepalive ? { ...init, keepalive } : init)
        .catch((error: unknown) => {
          this.#failed = keepalive;
          throw error;
        })
        .finally(() => this.release());
    };
  }

  #take(size: number): void {
    this.release();
    this.#usage.bytes += size;
    this.#usage.requests++;
    this.#reserved = size;
  }
}
