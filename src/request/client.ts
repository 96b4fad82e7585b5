/**
 * A client for a bucket, with credentials. It has one method for each operation, and one that presigns the same
 * operation.
 */

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

/** Where the bucket is, which credentials sign, and how requests are sent. */
export interface OssClientOptions extends EndpointOptions, SignerOptions, TransportOptions {}

/** Settings of every presigned request. */
export interface PresignOptions extends CallOptions {
  /**
   * Lifetime of the URL, s. Default 900. At most 604,800, or 43,200 with an STS token. The URL never lives longer than
   * the token.
   */
  readonly expiresIn?: number | undefined;
}

/** Settings of a presigned append. */
export interface PresignAppendOptions extends ObjectOptions, PresignOptions {
  readonly position: number;
  /**
   * Length of the body, bytes. It is signed, so OSS accepts no other length. Without it, the URL allows up to 5 GiB.
   */
  readonly size?: number | undefined;
}

/** Settings of a presigned read. */
export interface PresignGetOptions extends PresignOptions, GetObjectOptions {
  /** The range is signed, so nothing else can be read. Without it, the URL allows reading the whole object. */
  readonly range?: OpenRange | undefined;
}

/** Settings of a presigned seal. */
export interface PresignSealOptions extends PresignOptions, SealAppendObjectOptions {}

/**
 * Sends requests to one bucket of OSS: appends, seals and reads. To append exactly once, use it with an
 * `AppendableObject`.
 *
 * Every method throws TypeError or RangeError for impossible arguments, before any request. Otherwise it fails with a
 * `ServiceError` (OSS refused), a `TransportError` (no usable answer), a `CredentialsError`, or the signal's reason.
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
  /** Shows Vue that this is not a plain object. Vue would make a proxy, and a proxy cannot reach private members. */
  get [Symbol.toStringTag](): string {
    return 'OssClient';
  }

  readonly #signer: Signer;
  readonly #transport: Transport;

  constructor(options: OssClientOptions) {
    checkTransport(options);
    const endpoint = resolveEndpoint(options);
    this.#signer = new Signer(options, { endpoint, clock: clockOf(options), timeout: options.timeout ?? TIMEOUT });
    this.#transport = new Transport(this.#signer, options);
  }

  /** The client's clock, and its waits between attempts. Use it for your own loop around `appendObject`. */
  get retry(): Retry {
    return this.#transport.retry;
  }

  /**
   * Appends bytes at `position`, which must be the length of the object. An absent object is created. Needs
   * `oss:PutObject`. If no answer comes, it fails and sends nothing again, because only a look at the object shows what
   * happened. `AppendableObject` does that.
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/appendobject
   */
  appendObject(key: string, body: AppendBody, options: AppendObjectOptions): Promise<AppendObjectResult> {
    return appendObject(this.#transport, key, body, options);
  }

  /**
   * Reads the state of an object with HEAD. Needs `oss:GetObject`. For an absent object it fails with a `ServiceError`
   * of code `NoSuchKey` (`Http404` if CORS hides the code).
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/headobject
   */
  headObject(key: string, options?: CallOptions): Promise<ObjectHead> {
    return headObject(this.#transport, key, options);
  }

  /**
   * Reads an object or a range of it, as a stream. Needs `oss:GetObject`. `timeout` applies to each chunk.
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/getobject
   */
  getObject(key: string, options?: GetObjectOptions): Promise<ObjectContent> {
    return getObject(this.#transport, key, options);
  }

  /**
   * Seals an object that has the length `position`. OSS then refuses more appends. Needs `oss:SealAppendObject`. A
   * second seal at the same position succeeds, so the request is sent again if no answer comes.
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/sealappendobject
   */
  sealAppendObject(key: string, options: SealAppendObjectOptions): Promise<SealAppendObjectResult> {
    return sealAppendObject(this.#transport, key, options);
  }

  /**
   * Signs one append for someone else to send. The URL fixes the key, the position, its lifetime, the `size`, and every
   * header that the options name. The holder must send the headers exactly as they are in the result.
   *
   * The holder cannot add any `x-oss-*` header, Content-Type or Content-MD5, because V4 always signs these. But V4
   * cannot sign that another header is absent. So with a URL for position 0, the holder can still choose Cache-Control,
   * Content-Disposition, Content-Encoding and Expires, if `headers` does not name them. Give a value to those that
   * matter.
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

  /**
   * Signs a read for someone else to send. With a `range`, the holder must send the header `range` exactly as it is in
   * the result.
   */
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
