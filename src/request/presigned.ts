/** A client that has no key. Somebody else signs each request. */

import type { Retry } from '../waiting/retry.ts';
import {
  type AppendBody,
  type AppendObjectOptions,
  type AppendObjectResult,
  appendObject,
  type CallOptions,
  type GetObjectOptions,
  getObject,
  headObject,
  type ObjectContent,
  type ObjectHead,
  type SealAppendObjectOptions,
  type SealAppendObjectResult,
  sealAppendObject,
} from './operations.ts';
import { type Presign, Presigner } from './presigner.ts';
import { checkTransport, clockOf, TIMEOUT, Transport, type TransportOptions } from './transport.ts';

/** Who signs, and how requests are sent. */
export interface PresignedClientOptions extends TransportOptions {
  readonly presign: Presign;
}

/**
 * Sends requests with presigned URLs. It knows neither a key nor the address of the bucket. It carries no signer and no
 * SHA-256, which saves more than 3 KB (gzip). An edge worker that signs one append at a time can allow appending alone.
 * No RAM policy can do that.
 *
 * The methods do the same as those of `OssClient`, and have the same errors. If the presign function gives no URL, they
 * fail with a `CredentialsError` of code `PresignFailed`.
 *
 * @throws TypeError or RangeError for impossible options.
 * @example
 * ```ts
 * import { AppendableObject, PresignedClient } from 'oss-append';
 *
 * const client = new PresignedClient({
 *   presign: async ({ signal, ...request }) => {
 *     const response = await fetch('/grant', { method: 'POST', body: JSON.stringify(request), signal: signal ?? null });
 *     return response.json();
 *   },
 * });
 * await new AppendableObject(client, 'app.log').append('one line\n');
 * ```
 */
export class PresignedClient {
  /** Shows Vue that this is not a plain object. Vue would make a proxy, and a proxy cannot reach private members. */
  get [Symbol.toStringTag](): string {
    return 'PresignedClient';
  }

  readonly #transport: Transport;

  constructor(options: PresignedClientOptions) {
    checkTransport(options);
    const { presign, timeout = TIMEOUT } = options;
    this.#transport = new Transport(new Presigner(presign, clockOf(options), timeout), options);
  }

  /** The client's clock, and its waits between attempts. */
  get retry(): Retry {
    return this.#transport.retry;
  }

  /** See `OssClient.appendObject`. */
  appendObject(key: string, body: AppendBody, options: AppendObjectOptions): Promise<AppendObjectResult> {
    return appendObject(this.#transport, key, body, options);
  }

  /** See `OssClient.headObject`. */
  headObject(key: string, options?: CallOptions): Promise<ObjectHead> {
    return headObject(this.#transport, key, options);
  }

  /** See `OssClient.getObject`. */
  getObject(key: string, options?: GetObjectOptions): Promise<ObjectContent> {
    return getObject(this.#transport, key, options);
  }

  /** See `OssClient.sealAppendObject`. */
  sealAppendObject(key: string, options: SealAppendObjectOptions): Promise<SealAppendObjectResult> {
    return sealAppendObject(this.#transport, key, options);
  }
}
