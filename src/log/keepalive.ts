/**
 * Requests that outlive their page. A browser takes 64 KiB of `keepalive` bodies in flight for the whole page, all libraries
 * together, and fails what exceeds that. So all logs of a page share one budget, and what does not fit goes without `keepalive`.
 */

import type { Fetch } from '../request/request.ts';

/** Bytes and requests in flight for all logs of a page. The rest is left to other libraries. */
const MOST_BYTES = 60_000;
const MOST_REQUESTS = 9;

/** What is in flight. It stands on the global object, so that two copies of this library share it. */
interface Usage {
  bytes: number;
  requests: number;
}

const USAGE: symbol = /* @__PURE__ */ Symbol.for('oss-append.keepalive');

export class Keepalive {
  readonly #usage: Usage;
  readonly #isHidden: () => boolean;
  /** The browser refused a request. It does not say why, so the next one goes without `keepalive`. */
  #failed = false;
  /** Bytes of this log that count already. */
  #reserved = 0;

  constructor(page: object, isHidden: () => boolean) {
    const shared = page as Record<symbol, Usage | undefined>;
    shared[USAGE] ??= { bytes: 0, requests: 0 };
    this.#usage = shared[USAGE];
    this.#isHidden = isHidden;
  }

  /** Bytes that the next request may have. A page that is visible uses half, so that other libraries find room. */
  get room(): number {
    const { bytes, requests } = this.#usage;
    return requests < MOST_REQUESTS ? MOST_BYTES / (this.#isHidden() ? 1 : 2) - bytes : 0;
  }

  /** Takes room for the next request at once, because other logs of the page take theirs before it is sent. */
  reserve(size: number): void {
    if (size <= this.room) this.#take(size);
  }

  /** Gives back what {@link reserve} took, where no request has. */
  release(): void {
    this.#usage.bytes -= this.#reserved;
    this.#usage.requests -= this.#reserved && 1;
    this.#reserved = 0;
  }

  /** Returns a `fetch` that sends appends with `keepalive` where they fit. */
  wrap(fetch: Fetch): Fetch {
    return async (url, init) => {
      const { byteLength: size = 0 } = Object(init.body) as Partial<Uint8Array>;
      // Only an append has bytes. The segments above 64 KiB are Blobs, and these never fit.
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
