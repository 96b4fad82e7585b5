/**
 * Gives the waiting records to the browser as a request, which the browser sends when the page is gone, even after a
 * crash (`fetchLater`). The request is an append at the known end of the object.
 *
 * While the page lives, the request is aborted and made again. If the browser has nevertheless sent it, the log sends
 * the same bytes to the same position, and OSS accepts only one of the two.
 */

import type { AppendClient } from '../append/client.ts';
import { laterOptions, type ObjectOptions } from '../request/headers.ts';
import { connect, type LogClient } from './log-client.ts';
import type { DeferredRequest, LogPlatform } from './platform.ts';

interface Armed {
  readonly aborter: AbortController;
  request?: DeferredRequest;
}

export class DeferredAppend {
  readonly #client: AppendClient;
  readonly #options: ObjectOptions;
  #armed: Armed | undefined;

  constructor(client: LogClient, options: ObjectOptions, { fetchLater }: LogPlatform) {
    const arm = async (url: string, { method, headers, body, signal }: RequestInit) => {
      const armed = this.#armed;
      // Signing takes time. If other bytes have taken the place of these meanwhile, `stop` has aborted the signal.
      if (!armed || signal?.aborted) return new Response();
      const init = { method, headers, body, signal: armed.aborter.signal } as RequestInit;
      // The browser throws if its quota for such requests is used up.
      armed.request = fetchLater?.(url, init) as DeferredRequest;
      return new Response();
    };
    this.#client = connect(typeof client === 'function' ? client : { ...client, signing: 'query' }, () => arm);
    this.#options = options;
  }

  /** Gives bytes to the browser, in place of the earlier ones. */
  arm(key: string, position: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.stop();
    const aborter = new AbortController();
    this.#armed = { aborter };
    const { contentType, headers } = position === 0 ? this.#options : laterOptions(this.#options);
    this.#client.appendObject(key, bytes, { position, contentType, headers, signal: aborter.signal }).catch(() => {});
  }

  /** Whether the browser has sent the bytes. Then they must be sent once more, unchanged, before anything else. */
  get isSent(): boolean {
    return this.#armed?.request?.activated === true;
  }

  /** Takes the bytes back. Returns true if it is too late, because the browser has sent them. */
  stop(): boolean {
    const { isSent } = this;
    this.#armed?.aborter.abort('armed again');
    this.#armed = undefined;
    return isSent;
  }
}
