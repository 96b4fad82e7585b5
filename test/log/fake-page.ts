/** A page that a test hides, shows and leaves. Its browser may know `fetchLater`, and counts the bodies of `keepalive`. */
import { setMaxListeners } from 'node:events';
import type { DeferredRequest, LogPlatform } from '../../src/log/platform.ts';
import type { Fetch, FetchInit } from '../../src/request/request.ts';

/** One request that the browser will send when the page is gone. */
export class Deferred implements DeferredRequest {
  activated = false;
  readonly url: string;
  readonly init: RequestInit;

  constructor(url: string, init: RequestInit) {
    this.url = url;
    this.init = init;
  }

  get isAborted(): boolean {
    return this.init.signal?.aborted === true;
  }
}

export class FakePage extends EventTarget implements LogPlatform {
  readonly document: EventTarget & { visibilityState: DocumentVisibilityState };
  readonly deferred: Deferred[] = [];
  /** The requests that were sent: whether each one had `keepalive`, and its length in bytes. */
  readonly sent: { readonly keepalive: boolean; readonly size: number; readonly url: string }[] = [];
  /** Bytes of `keepalive` bodies in flight, and the most that there ever were. */
  inFlight = 0;
  mostInFlight = 0;
  mostRequests = 0;
  #requests = 0;
  /** How many segments are being compressed, on other threads. */
  busy = 0;
  readonly CompressionStream: typeof CompressionStream;
  fetchLater?: (url: string, init: RequestInit) => Deferred;

  constructor({ fetchLater = false } = {}) {
    super();
    setMaxListeners(0, this);
    this.CompressionStream = countedCompression(this);
    this.document = Object.assign(new EventTarget(), { visibilityState: 'visible' as const });
    setMaxListeners(0, this.document);
    if (fetchLater) this.fetchLater = (url, init) => this.#defer(url, init);
  }

  /**
   * A `fetch` as this page's browser has it: a body of `keepalive` fails if all such bodies in flight have more than 64
   * KiB together.
   */
  fetch(network: Fetch): Fetch {
    return async (url, init) => {
      const size = (init.body as Uint8Array | undefined)?.byteLength ?? 0;
      const keepalive = init.keepalive === true;
      if (init.method === 'POST') this.sent.push({ keepalive, size, url });
      if (!keepalive) return network(url, init);
      if (this.inFlight + size > 65_536) throw new TypeError('Failed to fetch');
      return this.#count(size, () => network(url, init));
    };
  }

  async #count(size: number, work: () => Promise<Response>): Promise<Response> {
    this.inFlight += size;
    this.#requests++;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    this.mostRequests = Math.max(this.mostRequests, this.#requests);
    return work().finally(() => {
      this.inFlight -= size;
      this.#requests--;
    });
  }

  hide(): void {
    this.#become('hidden');
  }

  show(): void {
    this.#become('visible');
  }

  /** The user goes to another page. This one is destroyed, or kept in the back/forward cache. */
  leave(): void {
    this.dispatchEvent(new Event('pagehide'));
    this.#become('hidden');
  }

  /** What the browser does when the page is gone: it sends what is deferred and not aborted. */
  async sendDeferred(network: Fetch): Promise<void> {
    for (const request of this.deferred.filter(({ isAborted, activated }) => !isAborted && !activated)) {
      request.activated = true;
      await network(request.url, { ...request.init, signal: null } as FetchInit).catch(() => {});
    }
  }

  #defer(url: string, init: RequestInit): Deferred {
    const request = new Deferred(url, init);
    this.deferred.push(request);
    return request;
  }

  #become(state: DocumentVisibilityState): void {
    this.document.visibilityState = state;
    this.document.dispatchEvent(new Event('visibilitychange'));
  }
}

/** The platform's CompressionStream, which counts as busy until its last byte is out. */
function countedCompression(page: { busy: number }): typeof CompressionStream {
  return class {
    readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
    readonly writable: WritableStream<BufferSource>;

    constructor(format: CompressionFormat) {
      const { readable, writable } = new CompressionStream(format);
      page.busy++;
      const flush = () => void page.busy--;
      this.readable = readable.pipeThrough(new TransformStream({ flush }));
      this.writable = writable;
    }
  } as unknown as typeof CompressionStream;
}
