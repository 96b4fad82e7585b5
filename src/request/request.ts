/** A request to OSS before it is authorised, and its answer. */

/** Bytes that were handed to the network, and the length of the body. Such bytes are not yet stored. */
export interface UploadProgress {
  readonly loaded: number;
  readonly total: number;
}

/**
 * The settings that this library passes to `fetch`. `onprogress` is for transports that report progress (see
 * `xhrFetch`). The platform's `fetch` ignores it.
 */
export interface FetchInit extends RequestInit {
  onprogress?: (progress: UploadProgress) => void;
}

/** The part of `fetch` that this library uses. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** A range of bytes of an object. `start` and `end` are both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * A range of bytes from `start` to `end`, which is included. Without `end`, the range goes to the object's last byte.
 */
export interface OpenRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** The argument of a presign function. It names one request, so the function can allow or refuse this request. */
export interface PresignRequest {
  readonly operation: 'appendObject' | 'headObject' | 'getObject' | 'sealAppendObject';
  readonly key: string;
  /** The position of the append, or the length of the object that is sealed, bytes. */
  readonly position?: number | undefined;
  /** Length of the body, bytes. Sign it as `content-length`. */
  readonly size?: number | undefined;
  /** Sign it as `range`: `bytes=start-end`, or `bytes=start-` without an end. */
  readonly range?: OpenRange | undefined;
  /** False if the read must be signed with `response-content-encoding=identity` in the query (see `getObject`). */
  readonly decode?: boolean | undefined;
  /** Headers that the request will carry. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The expected content of an answer: `empty` for HTTP 200 without a body, `state` for the headers of an object, and
 * `content` for an object's bytes.
 */
export type Expected = 'empty' | 'state' | 'content';

/** A request that is not yet authorised. */
export interface OssRequest extends Omit<PresignRequest, 'operation'> {
  /** `PresignRequest` has no `deleteObject`, because no page may ask for a presigned deletion. */
  readonly operation: PresignRequest['operation'] | 'deleteObject';
  readonly method: 'POST' | 'HEAD' | 'GET' | 'DELETE';
  readonly query: Readonly<Record<string, string>>;
  /** Names of more headers to sign. V4 does not sign these by itself. */
  readonly additionalHeaders?: readonly string[] | undefined;
  readonly body?: Uint8Array<ArrayBuffer> | Blob | undefined;
  /** True if the request may be sent again although nobody knows whether OSS has carried out the first one. */
  readonly isRepeatable: boolean;
  readonly expects: Expected;
  /** What was attempted, for messages: `append to "a.log" at position 10`. */
  readonly attempted: string;
  readonly onprogress?: ((progress: UploadProgress) => void) | undefined;
}

/** A successful answer. Only `content` has a body to read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
}

/** A signed request. Anyone who has it can send it until it expires. Send exactly these headers. */
export interface PresignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * When the URL expires: after the lifetime that was asked for, or together with the token, if that expires earlier.
   */
  readonly expiration: Date;
}
