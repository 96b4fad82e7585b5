/** A bucket of OSS, with credentials: one method for each operation, and the same operations presigned. */

import { checkObject } from '../check.ts';
import type { Retry } from '../waiting/retry.ts';
import { type EndpointOptions, resolveEndpoint } from './endpoint.ts';
import type { ObjectOptions } from './headers.ts';
import {
  type AppendBody,
  type AppendObjectOptions,
  type AppendObjectResult,
  appendObject,
  appendRequest,
  type CallOptions,
  type GetObjectOptions,
  getObject,
  getRequest,
  headObject,
  headRequest,
  type ObjectContent,
  type ObjectHead,
  type SealAppendObjectOptions,
  type SealAppendObjectResult,
  sealAppendObject,
  sealRequest,
} from './operations.ts';
import type { OpenRange, OssRequest, PresignedRequest } from './request.ts';
import { Signer, type SignerOptions } from './signer.ts';
import { checkTransport, clockOf, TIMEOUT, Transport, type TransportOptions } from './transport.ts';

/** Where the bucket is, what signs, and how requests are made. */
export interface OssClientOptions extends EndpointOptions, SignerOptions, TransportOptions {}

/** Settings of every presigned request. */
export interface PresignOptions extends CallOptions {
  /** Life of the URL, s. Default 900. At most 604,800, or 43,200 with an STS token. It ends with the token at the latest. */
  readonly expiresIn?: number | undefined;
}

/** Settings of a presigned append. */
export interface PresignAppendOptions extends ObjectOptions, PresignOptions {
  readonly position: number;
  /** Length of the body, bytes. It is signed, so that OSS accepts no other length. Without it, the URL admits up to 5 GiB. */
  readonly size?: number | undefined;
}

/** Settings of a presigned read. */
export interface PresignGetOptions extends PresignOptions, GetObjectOptions {
  /** It is signed, so that nothing else can be read. Without it, the URL admits the whole object. */
  readonly range?: OpenRange | undefined;
}

/** Settings of a presigned seal. */
export interface PresignSealOptions extends PresignOptions, SealAppendObjectOptions {}

/**
 * A bucket of OSS, for appending.
 *
 * Every method throws TypeError or RangeError for impossible arguments before any request. Otherwise it fails with
 * `ServiceError` (OSS refused), `TransportError` (no usable answer), `CredentialsError`, or the signal's reason.
 *
 * @example
 * ```ts
 * import { credentialsFromUrl, OssClient } from 'oss-append';
 *
 * const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-logs', credentials: credentialsFromUrl('/sts') });
 * const { nextAppendPosition } = await client.appendObject('app.log', 'first line\n', { position: 0 });
 * await client.appendObject('app.log', 'second line\n', { position: nextAppendPosition });
 * ```
 */
export class OssClient {
  /** Shows Vue that this is not a plain object. Vue would make a proxy, which cannot reach the private members. */
  get [Symbol.toStringTag](): string {
    return 'OssClient';
  }

  readonly #signer: Signer;
  readonly #transport: Transport;

  constructor(options: OssClientOptions) {
    checkObject('options', options);
    const endpoint = resolveEndpoint(options);
    checkTransport(options);
    this.#signer = new Signer(options, { endpoint, clock: clockOf(options), timeout: options.timeout ?? TIMEOUT });
    this.#transport = new Transport(this.#signer, options);
  }

  /** The client's clock, and its waits between attempts, for loops around `appendObject`. */
  get retry(): Retry {
    return this.#transport.retry;
  }

  /**
   * Appends bytes at `position`, which must be the object's length. An absent object is created. Needs `oss:PutObject`.
   * When no answer comes, it fails and does not repeat: only a look at the object tells what happened. `AppendableObject` does that.
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/appendobject
   */
  appendObject(key: string, body: AppendBody, options: AppendObjectOptions): Promise<AppendObjectResult> {
    return appendObject(this.#transport, key, body, options);
  }

  /**
   * Reads what OSS knows of an object. Needs `oss:GetObject`. For an absent object it fails with a `ServiceError` of code
   * `NoSuchKey` (`Http404` where CORS hides the code).
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/headobject
   */
  headObject(key: string, options?: CallOptions): Promise<ObjectHead> {
    return headObject(this.#transport, key, options);
  }

  /**
   * Reads an object, or a part of it, as a stream. Needs `oss:GetObject`. `timeout` holds for each chunk.
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/getobject
   */
  getObject(key: string, options?: GetObjectOptions): Promise<ObjectContent> {
    return getObject(this.#transport, key, options);
  }

  /**
   * Seals an object of the length `position`: it takes no more appends. Needs `oss:SealAppendObject`. A second seal at the same
   * position succeeds, so the request is repeated when no answer comes.
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/sealappendobject
   */
  sealAppendObject(key: string, options: SealAppendObjectOptions): Promise<SealAppendObjectResult> {
    return sealAppendObject(this.#transport, key, options);
  }

  /**
   * Signs one append for someone else to send. The URL fixes the key, the position, the end of its life, the `size`, and every
   * header that the options name: the holder must send these as they are in the result. The holder cannot add any `x-oss-*`
   * header, Content-Type or Content-MD5, because V4 signs these wherever they are sent. V4 has no way to sign that another header
   * is absent. So with a URL for position 0 the holder may still choose each of Cache-Control, Content-Disposition,
   * Content-Encoding and Expires that `headers` does not name. Give those that matter a value.
   */
  async presignAppendObject(key: string, options: PresignAppendOptions): Promise<PresignedRequest> {
    const request = appendRequest(key, options, options?.size);
    // The signer drops the names that V4 signs anyway.
    const additionalHeaders = Object.keys(request.headers);
    if (options.size !== undefined) additionalHeaders.push('content-length');
    return this.#presign({ ...request, additionalHeaders }, options);
  }

  /** Signs a HEAD for someone else to send. */
  async presignHeadObject(key: string, options: PresignOptions = {}): Promise<PresignedRequest> {
    return this.#presign(headRequest(key, options), options);
  }

  /** Signs a read for someone else to send. With a `range`, the header `range` must be sent as it is in the result. */
  async presignGetObject(key: string, options: PresignGetOptions = {}): Promise<PresignedRequest> {
    const request = getRequest(key, options);
    return this.#presign({ ...request, additionalHeaders: request.range && ['range'] }, options);
  }

  /** Signs a seal for someone else to send. */
  async presignSealAppendObject(key: string, options: PresignSealOptions): Promise<PresignedRequest> {
    return this.#presign(sealRequest(key, options), options);
  }

  #presign(request: OssRequest, { expiresIn }: PresignOptions): Promise<PresignedRequest> {
    return this.#signer.presign(this.#transport.complete(request), expiresIn);
  }
}
