/** The operations of OSS on one object: how each one is written as a request, and how its answer is read. */

import { bytesOf, isBlob } from '../bytes.ts';
import { checkCallOptions, checkFunction, checkWholeNumber } from '../check.ts';
import { parseDecimal } from '../numbers.ts';
import { checkRoom } from '../tail.ts';
import { checkKey } from './endpoint.ts';
import { appendHeaders, type ObjectOptions } from './headers.ts';
import type { Answer, ByteRange, OpenRange, OssRequest, UploadProgress } from './request.ts';
import type { Transport } from './transport.ts';

/** Settings of any single call. */
export interface CallOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that can be sent again. A stream is not allowed, because a lost request may have to be repeated. */
export type AppendBody = Blob | ArrayBuffer | ArrayBufferView | string;

/** Settings of one append. */
export interface AppendObjectOptions extends ObjectOptions, CallOptions {
  /** Length of the object now, bytes. The new bytes are added there. */
  readonly position: number;
  /**
   * Is called with the number of bytes that were handed to the network, if the transport reports it (see `xhrFetch`).
   */
  readonly onprogress?: ((progress: UploadProgress) => void) | undefined;
}

/** The answer to an append. */
export interface AppendObjectResult {
  /** Length of the object after the append, bytes. */
  readonly nextAppendPosition: number;
  /** CRC-64 of the whole object, decimal. It is `undefined` if CORS hides it. */
  readonly hashCrc64ecma: string | undefined;
  readonly etag: string | undefined;
  /** The version that the bytes were appended to. Only a bucket with versioning has it. */
  readonly versionId?: string | undefined;
  readonly requestId: string | undefined;
}

/** Settings of sealing. */
export interface SealAppendObjectOptions extends CallOptions {
  /** Length of the object, bytes. OSS seals only an object of exactly this length. */
  readonly position: number;
}

/** The answer to sealing. */
export interface SealAppendObjectResult {
  /** When the object was sealed, in the form that OSS writes. It is `undefined` if CORS hides it. */
  readonly sealedTime: string | undefined;
  readonly requestId: string | undefined;
}

/**
 * The state of an object. CORS hides everything but `contentLength` and a few headers, unless the bucket's rule exposes
 * it.
 */
export interface ObjectHead {
  /**
   * Length of the object, bytes. It is `undefined` if the answer does not contain it. OSS leaves Content-Length out for
   * text types of 1 KB and more if the client accepts gzip. Browsers, Node and Deno always accept it.
   */
  readonly contentLength: number | undefined;
  /** `Normal`, `Appendable`, `Multipart` or `Symlink`. */
  readonly objectType: string | undefined;
  /** The position of the next append, bytes. Only appendable objects have it. */
  readonly nextAppendPosition: number | undefined;
  /** CRC-64 of the whole object, decimal. */
  readonly hashCrc64ecma: string | undefined;
  /** The current version, in a bucket with versioning. */
  readonly versionId?: string | undefined;
  readonly requestId: string | undefined;
  /** All headers that are visible: `content-type`, `last-modified`, `x-oss-meta-*` and others. */
  readonly headers: Headers;
}

/** The content of an object, or of a range of it. */
export interface ObjectContent extends ObjectHead {
  /** The bytes. Read this stream to its end, or cancel it. */
  readonly body: ReadableStream<Uint8Array>;
  /**
   * The range of these bytes. It is `undefined` for the whole object. OSS also gives the whole object for a range
   * beyond the end.
   */
  readonly range: ByteRange | undefined;
  /** True for a range (HTTP 206). This is known even if CORS hides which range. */
  readonly partial: boolean;
}

/** Settings of a read. */
export interface GetObjectOptions extends CallOptions {
  /**
   * First and last byte, both included. Without `end`, the range goes to the object's last byte. Default: the whole
   * object.
   */
  readonly range?: OpenRange | undefined;
  /**
   * With false, OSS is asked to leave Content-Encoding out (`response-content-encoding=identity`). Then `fetch` does
   * not decode the bytes, and they are the stored ones. OSS may refuse such a request with HTTP 400. Default true.
   */
  readonly decode?: boolean | undefined;
}

/** Appends bytes at a position. See {@link OssClient.appendObject}. */
export async function appendObject(
  transport: Transport,
  key: string,
  body: AppendBody,
  options: AppendObjectOptions,
): Promise<AppendObjectResult> {
  const { bytes, size, type } = sized(body);
  const request = appendRequest(key, options, size, type);
  const { onprogress } = options;
  checkFunction('onprogress', onprogress);
  const { headers } = await transport.send({ ...request, body: bytes, onprogress });
  const { nextAppendPosition = options.position + size, hashCrc64ecma, versionId, requestId } = toHead(headers);
  return { nextAppendPosition, hashCrc64ecma, etag: visible(headers, 'etag'), versionId, requestId };
}

/** Reads the state of an object. See {@link OssClient.headObject}. */
export async function headObject(transport: Transport, key: string, options: CallOptions = {}): Promise<ObjectHead> {
  const { headers } = await transport.send(headRequest(key, options));
  return toHead(headers);
}

/** Reads an object. See {@link OssClient.getObject}. */
export async function getObject(
  transport: Transport,
  key: string,
  options: GetObjectOptions = {},
): Promise<ObjectContent> {
  return toContent(await transport.send(getRequest(key, options)));
}

/** Seals an object. See {@link OssClient.sealAppendObject}. */
export async function sealAppendObject(
  transport: Transport,
  key: string,
  options: SealAppendObjectOptions,
): Promise<SealAppendObjectResult> {
  const { headers } = await transport.send(sealRequest(key, options));
  return { sealedTime: visible(headers, 'x-oss-sealed-time'), requestId: toHead(headers).requestId };
}

/** An append is never repeated without a look at the object: a second one might store the bytes twice. */
export function appendRequest(key: string, options: AppendObjectOptions, size?: number, type = ''): OssRequest {
  const common = commonParts(key, options);
  const { position } = options;
  checkPosition(key, position, size);
  return {
    ...common,
    operation: 'appendObject',
    method: 'POST',
    position,
    size,
    query: { append: '', position: String(position) },
    headers: appendHeaders(options, type),
    isRepeatable: false,
    expects: 'empty',
    attempted: `append to "${key}" at position ${position}${size === undefined ? '' : ` (${size} bytes)`}`,
  };
}

export function headRequest(key: string, options: CallOptions): OssRequest {
  return {
    ...commonParts(key, options),
    operation: 'headObject',
    method: 'HEAD',
    expects: 'state',
    attempted: `read the state of "${key}"`,
  };
}

export function getRequest(key: string, options: GetObjectOptions): OssRequest {
  const common = commonParts(key, options);
  const { range, decode } = options;
  if (range) checkByteRange(range);
  const bytes = range && `${range.start}-${range.end ?? ''}`;
  return {
    ...common,
    operation: 'getObject',
    method: 'GET',
    range,
    decode,
    query: (decode ?? true) ? {} : { 'response-content-encoding': 'identity' },
    headers: bytes ? { range: `bytes=${bytes}` } : {},
    expects: 'content',
    attempted: `read ${bytes ? `bytes ${bytes} of ` : ''}"${key}"`,
  };
}

/** OSS accepts a second seal at the same position, so a seal whose answer was lost is repeated. */
export function sealRequest(key: string, options: SealAppendObjectOptions): OssRequest {
  const common = commonParts(key, options);
  const { position } = options;
  checkPosition(key, position);
  return {
    ...common,
    operation: 'sealAppendObject',
    method: 'POST',
    position,
    query: { seal: '', position: String(position) },
    expects: 'empty',
    attempted: `seal "${key}" at position ${position}`,
  };
}

/** Checks the arguments of any request. Returns the parts that most requests have in common. */
function commonParts(key: string, options: CallOptions) {
  checkKey(key);
  checkCallOptions(options);
  return { key, signal: options.signal, query: {}, headers: {}, isRepeatable: true };
}

function checkPosition(key: string, position: number, size = 0): void {
  checkWholeNumber('position', position);
  checkWholeNumber('size', size);
  checkRoom(key, position, size);
}

function checkByteRange({ start, end = start }: OpenRange): void {
  checkWholeNumber('range.start', start);
  checkWholeNumber('range.end', end, start);
}

/**
 * Returns the body with its length and type. The bytes have no type, so `fetch` adds no Content-Type, which V4 would
 * have to sign.
 */
function sized(body: AppendBody): { bytes: Uint8Array<ArrayBuffer> | Blob; size: number; type: string } {
  if (isBlob(body)) {
    const { size, type } = body;
    return { bytes: type ? body.slice(0, size) : body, size, type };
  }
  const bytes = bytesOf(body);
  if (!bytes) throw new TypeError('body must be a Blob, bytes or a string; for streams use AppendableObject');
  return { bytes, size: bytes.byteLength, type: '' };
}

/** The next append goes to the end of an appendable object, so its position is the object's length. */
function toHead(headers: Headers, length = headers.get('content-length')): ObjectHead {
  const nextAppendPosition = parseDecimal(headers.get('x-oss-next-append-position'));
  return {
    contentLength: nextAppendPosition ?? parseDecimal(length),
    objectType: visible(headers, 'x-oss-object-type'),
    nextAppendPosition,
    hashCrc64ecma: visible(headers, 'x-oss-hash-crc64ecma'),
    versionId: visible(headers, 'x-oss-version-id'),
    requestId: visible(headers, 'x-oss-request-id'),
    headers,
  };
}

/** Returns a header. It is undefined if the answer does not have it, or if CORS hides it. */
function visible(headers: Headers, name: string): string | undefined {
  return headers.get(name) ?? undefined;
}

function toContent({ status, headers, body }: Answer): ObjectContent {
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
  const range = total === undefined ? undefined : { start: Number(start), end: Number(end) };
  const partial = status === 206;
  // The Content-Length of a part is the length of that part.
  return { ...toHead(headers, partial ? (total ?? '') : undefined), body, range, partial };
}
