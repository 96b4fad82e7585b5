/**
 * The records that wait, as a request that the browser sends when the page is gone, even when it crashed (`fetchLater`). The
 * request is an append at the known end of the object. While the page lives, the request is aborted and made anew. Where the browser
 * has sent it nevertheless, the log sends the same bytes to the same position, which admits only one of the two.
 */

import { OssClient, type OssClientOptions } from '../request/client.ts';
import { laterOptions, type ObjectOptions } from '../request/headers.ts';
import type { DeferredRequest, LogPlatform } from './platform.ts';
import type { Batch } from './queue.ts';

interface Armed {
  readonly batch: Batch;
  readonly aborter: AbortController;
  request?: DeferredRequest;
}

export class LateAppend {
  readonly #client: OssClient;
  readonly #key: string;
  readonly #options: ObjectOptions;
  #armed: Armed | undefined;

  constructor(client: OssClientOptions, key: string, options: ObjectOptions, { fetchLater }: LogPlatform) {
    const arm = async (url: string, { method, headers, body }: RequestInit) => {
      const armed = this.#armed;
      // The browser throws where its quota for such requests is used up.
      if (armed && !armed.aborter.signal.aborted)
        armed.request = fetchLater?.(url, {
          method,
          headers,
          body,
          signal: armed.aborter.signal,
        } as RequestInit) as DeferredRequest;
      return new Response();
    };
    this.#client = new OssClient({ ...client, signing: 'query', fetch: arm });
    this.#key = key;
    this.#options = options;
  }

  /** Hands a batch to the browser, in place of the one before. */
  arm(position: number, batch: Batch): void {
    this.stop();
    this.#armed = { batch, aborter: new AbortController() };
    const { contentType, headers } = position === 0 ? this.#options : laterOptions(this.#options);
    this.#client.appendObject(this.#key, batch.bytes, { position, contentType, headers }).catch(() => {});
  }

  /** Takes the batch back. Returns it where it is too late, because the browser has sent it. */
  stop(): Batch | undefined {
    const armed = this.#armed;
    this.#armed = undefined;
    if (armed?.request?.activated) return armed.batch;
    armed?.aborter.abort('armed anew');
    return undefined;
  }
}
