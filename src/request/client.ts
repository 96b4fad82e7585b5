/**
 * OSS's REST operations on one object, one method each, and the same presigned. Stateless but for its clock and
 * credentials; what a position means from one append to the next is the engine's business (append.ts).
 */

import { bytesOf, isBlob, isSendable } from '../bytes.ts';
import { checkFunction, checkObject, checkRange, checkType, checkWhole, decimal } from '../check.ts';
import { MAX_OBJECT_SIZE } from '../tail.ts';
import type { Failure } from '../waiting/retry.ts';
import { checkKey, type EndpointOptions, resolveEndpoint } from './endpoint.ts';
import { appendHeaders, type ObjectOptions } from './headers.ts';
import type {
  Answer,
  ByteRange,
  OpenRange,
  Operation,
  PresignedRequest,
  TransportOptions,
  UploadProgress,
} from './operation.ts';
import { Transport } from './transport.ts';

/** Where the bucket is, what signs, and how requests are made. Give either `credentials` or `presign`. */
export interface OssClientOptions extends EndpointOptions, TransportOptions {}

/** Settings of any single call. */
export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that can be sent again: no stream, because a lost request may have to be repeated. */
export type AppendBody = Blob | ArrayBuffer | ArrayBufferView | string;

/** Settings of one append. */
export interface AppendObjectOptions extends ObjectOptions, CallOptions {
  /** Length of the object now, bytes: where these bytes go. */
  readonly position: number;
  /** Bytes handed to the network, where the transport can tell (see `xhrFetch`). */
  readonly onprogress?: ((progress: UploadProgress) => void) | undefined;
}

/** The answer to an append. */
export interface AppendObjectResult {
  /** Length of the object after the append, bytes. */
  readonly nextAppendPosition: number;
  /** CRC-64 of the whole object, decimal; `undefined` where CORS hides it. */
  readonly hashCrc64ecma: string | undefined;
  readonly etag: string | undefined;
  /** In a bucket with versioning: of the version that was appended to. */
  readonly versionId?: string | undefined;
  readonly requestId: string | undefined;
}

/** What OSS tells of an object. CORS hides all but `contentLength` and a few headers unless the bucket's rule exposes them. */
export interface ObjectHead {
  /**
   * Length of the object, bytes; `undefined` where the answer does not tell it. OSS leaves Content-Length out for text types
   * from 1 KB on, where the client accepts gzip, as browsers, Node and Deno always do.
   */
  readonly contentLength: number | undefined;
  /** `Normal`, `Appendable`, `Multipart` or `Symlink`. */
  readonly objectType: string | undefined;
  /** Appendable objects only: where the next append goes, bytes. */
  readonly nextAppendPosition: number | undefined;
  /** CRC-64 of the whole object, decimal. */
  readonly hashCrc64ecma: string | undefined;
  /** In a bucket with versioning. */
  readonly versionId?: string | undefined;
  readonly requestId: string | undefined;
  /** All that is visible: `content-type`, `last-modified`, `x-oss-meta-*` and the rest. */
  readonly headers: Headers;
}

/** An object, or a part of it. */
export interface ObjectContent extends ObjectHead {
  /** To be read to its end or cancelled. */
  readonly body: ReadableStream<Uint8Array>;
  /** Which bytes these are; `undefined` for all of them, which is also OSS's answer to a range beyond the end. */
  readonly range: ByteRange | undefined;
  /** Whether these are only a part (HTTP 206). Known even where CORS hides which. */
  readonly partial: boolean;
}

/** Settings of a read. */
export interface GetObjectOptions extends CallOptions {
  /** First and last byte, both included; without `end` up to the object's last byte. Default: the whole object. */
  readonly range?: OpenRange | undefined;
  /**
   * False asks OSS to tell no Content-Encoding (`response-content-encoding=identity`), so that `fetch` does not decode: the
   * bytes are those stored. OSS may refuse that with HTTP 400. Default true.
   */
  readonly decode?: boolean | undefined;
}

/** Settings of every presigned request. */
export interface PresignOptions extends CallOptions {
  /** Life of the URL, s. Default 900; at most 604,800, with an STS token 43,200, and never past the token's end. */
  readonly expiresIn?: number | undefined;
}

/** Settings of a presigned append. */
export interface PresignAppendOptions extends ObjectOptions, PresignOptions {
  readonly position: number;
  /** Length of the body, bytes. Signed, so that no other length is accepted; without it the URL admits up to 5 GiB. */
  readonly size?: number | undefined;
}

/** Settings of a presigned read. */
export interface PresignGetOptions extends PresignOptions, GetObjectOptions {
  /** Signed, so that nothing else can be read; without it the URL admits all of the object. */
  readonly range?: OpenRange | undefined;
}

/**
 * A bucket of OSS, for appending.
 *
 * Every method throws TypeError or RangeError for impossible arguments before any request, and otherwise fails with
 * `ServiceError` (OSS said no), `TransportError` (no usable answer), `CredentialsError`, or the signal's reason.
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

  readonly #transport: Transport;

  constructor(options: OssClientOptions) {
    checkObject('options', options);
    this.#transport = new Transport(resolveEndpoint(options), options);
  }

  /**
   * Appends bytes at `position`, which must be the object's length; an absent object is created. Needs `oss:PutObject`.
   * When no answer comes it fails and does not repeat: only a look at the object tells what happened (`AppendableObject` does that).
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/appendobject
   */
  async appendObject(key: string, body: AppendBody, options: AppendObjectOptions): Promise<AppendObjectResult> {
    const { bytes, size, type } = sized(body);
    const operation = appendOperation(key, options, size, type);
    const { onprogress } = options;
    checkFunction('onprogress', onprogress);
    // A library's Blob is read, because `fetch` would send its name in place of its bytes.
    const sent = isBlob(bytes) && !isSendable(bytes) ? new Uint8Array(await bytes.arrayBuffer()) : bytes;
    const { headers } = await this.#transport.send({ ...operation, body: sent, onprogress });
    const { nextAppendPosition = options.position + size, hashCrc64ecma, versionId, requestId } = toHead(headers);
    return { nextAppendPosition, hashCrc64ecma, etag: headers.get('etag') ?? undefined, versionId, requestId };
  }

  /**
   * What OSS knows of an object. Needs `oss:GetObject`. An absent one is a `ServiceError` with code `NoSuchKey`
   * (`Http404` where CORS hides the code).
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/headobject
   */
  async headObject(key: string, options: CallOptions = {}): Promise<ObjectHead> {
    const { headers } = await this.#transport.send(headOperation(key, options));
    return toHead(headers);
  }

  /**
   * Reads an object, or a part of it, as a stream. Needs `oss:GetObject`. `timeout` holds for each chunk.
   *
   * @see https://www.alibabacloud.com/help/en/oss/developer-reference/getobject
   */
  async getObject(key: string, options: GetObjectOptions = {}): Promise<ObjectContent> {
    return toContent(await this.#transport.send(getOperation(key, options)));
  }

  /**
   * Signs one append for someone else to make. The URL fixes the key, the position, the end of its life, the `size`, and every
   * header that the options name: the holder must send these as they are in the result. The holder cannot add any `x-oss-*`
   * header, Content-Type or Content-MD5, because V4 signs these wherever they are sent. V4 has no way to sign that another header
   * is absent. So with a URL for position 0 the holder may still choose each of Cache-Control, Content-Disposition,
   * Content-Encoding and Expires that `headers` does not name. Give those that matter a value.
   */
  async presignAppendObject(key: string, options: PresignAppendOptions): Promise<PresignedRequest> {
    const operation = appendOperation(key, options, options?.size);
    // The signer drops the names that V4 signs anyway.
    const additionalHeaders = Object.keys(operation.headers);
    if (options.size !== undefined) additionalHeaders.push('content-length');
    return this.#transport.presign({ ...operation, additionalHeaders }, options.expiresIn);
  }

  /** A HEAD for someone else to make. */
  async presignHeadObject(key: string, options: PresignOptions = {}): Promise<PresignedRequest> {
    return this.#transport.presign(headOperation(key, options), options.expiresIn);
  }

  /** A read for someone else to make. With a `range` the header `range` must be sent as it is in the result. */
  async presignGetObject(key: string, options: PresignGetOptions = {}): Promise<PresignedRequest> {
    const operation = getOperation(key, options);
    const additionalHeaders = operation.range && ['range'];
    return this.#transport.presign({ ...operation, additionalHeaders }, options.expiresIn);
  }

  /**
   * Waits before another attempt: with jitter, and as long as OSS asked in `error`. For loops around `appendObject`.
   * Resolves to false, at once, when `failures` has used up the client's `retry.maxAttempts`.
   */
  async waitToRetry(failures: number, failure: Failure = {}): Promise<boolean> {
    checkWhole('failures', failures, 1);
    checkOptions(failure);
    return this.#transport.waitToRetry(failures, failure);
  }

  /** The client's clock, ms since the epoch: this device's time, which may be wrong. */
  now(): number {
    return this.#transport.now();
  }

  /** Waits, ms by the client's clock. */
  async wait(delay: number, signal?: AbortSignal): Promise<void> {
    checkRange(delay >= 0, 'delay', '0 ms or more', delay);
    checkSignal(signal);
    return this.#transport.wait(delay, signal);
  }
}

function appendOperation(key: string, options: AppendObjectOptions, size?: number, type = ''): Operation {
  checkCall(key, options);
  const { position, signal } = options;
  checkPosition(position, size ?? 0);
  return {
    operation: 'appendObject',
    method: 'POST',
    key,
    position,
    size,
    query: { append: '', position: String(position) },
    headers: appendHeaders(options, type),
    signal,
    attempted: `append to "${key}" at position ${position}${size === undefined ? '' : ` (${size} bytes)`}`,
  };
}

function headOperation(key: string, options: CallOptions): Operation {
  checkCall(key, options);
  return {
    operation: 'headObject',
    method: 'HEAD',
    key,
    query: {},
    headers: {},
    signal: options.signal,
    attempted: `read the state of "${key}"`,
  };
}

function getOperation(key: string, options: GetObjectOptions): Operation {
  checkCall(key, options);
  const { range, decode, signal } = options;
  if (range) checkByteRange(range);
  const bytes = range && `${range.start}-${range.end ?? ''}`;
  const headers: Record<string, string> = bytes ? { range: `bytes=${bytes}` } : {};
  const attempted = `read ${bytes ? `bytes ${bytes} of ` : ''}"${key}"`;
  const query: Record<string, string> = (decode ?? true) ? {} : { 'response-content-encoding': 'identity' };
  return { operation: 'getObject', method: 'GET', key, range, decode, query, headers, signal, attempted };
}

function checkCall(key: string, options: CallOptions): void {
  checkKey(key);
  checkOptions(options);
}

/** @throws TypeError for what is no options, and for a signal that is none. */
function checkOptions(options: CallOptions): void {
  checkObject('options', options);
  checkSignal(options.signal);
}

/** @throws TypeError for what is no AbortSignal, by its shape: it may come from another realm. */
export function checkSignal(signal: AbortSignal | undefined): void {
  const fits = signal === undefined || typeof signal?.addEventListener === 'function';
  checkType(fits, 'signal must be an AbortSignal');
}

function checkPosition(position: number, size: number): void {
  checkType(typeof position === 'number', 'position must be a number: the length of the object in bytes');
  checkWhole('position', position);
  checkWhole('size', size);
  if (position + size <= MAX_OBJECT_SIZE) return;
  throw new RangeError(
    `Cannot append ${size} bytes at position ${position}: an object holds ${MAX_OBJECT_SIZE} bytes (5 GiB) at most`,
  );
}

function checkByteRange({ start, end = start }: OpenRange): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start) return;
  throw new RangeError(`range must have whole numbers 0 <= start <= end, not ${start} to ${end}`);
}

/** A body of known length that makes `fetch` add no Content-Type of its own, which V4 would have to sign. */
function sized(body: AppendBody): { bytes: Uint8Array<ArrayBuffer> | Blob; size: number; type: string } {
  if (isBlob(body)) {
    const { size, type } = body;
    return { bytes: type ? body.slice(0, size) : body, size, type };
  }
  const bytes = bytesOf(body);
  if (!bytes) throw new TypeError('body must be a Blob, bytes or a string; for streams use AppendableObject');
  return { bytes, size: bytes.byteLength, type: '' };
}

/** The length of an appendable object is where the next append goes. */
function toHead(headers: Headers, length = headers.get('content-length')): ObjectHead {
  const nextAppendPosition = decimal(headers.get('x-oss-next-append-position'));
  return {
    contentLength: nextAppendPosition ?? decimal(length),
    objectType: headers.get('x-oss-object-type') ?? undefined,
    nextAppendPosition,
    hashCrc64ecma: headers.get('x-oss-hash-crc64ecma') ?? undefined,
    versionId: headers.get('x-oss-version-id') ?? undefined,
    requestId: headers.get('x-oss-request-id') ?? undefined,
    headers,
  };
}

function toContent({ status, headers, body }: Answer): ObjectContent {
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
  const range = total === undefined ? undefined : { start: Number(start), end: Number(end) };
  const partial = status === 206;
  // The Content-Length of a part is the length of that part.
  return { ...toHead(headers, partial ? (total ?? '') : undefined), body, range, partial };
}
