/** What a request to OSS is before it is authorised, and what its answer is. */

/** Bytes handed to the network, and the length of the body. Bytes that were handed over are not yet stored. */
export interface UploadProgress {
  readonly loaded: number;
  readonly total: number;
}

/** What our requests give to `fetch`. `onprogress` is for transports that can tell (see `xhrFetch`). The platform's `fetch` ignores it. */
export interface FetchInit extends RequestInit {
  onprogress?: (progress: UploadProgress) => void;
}

/** The part of `fetch` that this library uses. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** Bytes of an object. Both ends are included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes of an object from `start` to `end`, which is included. Without `end`, the range goes to the object's last byte. */
export interface OpenRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** What a presign function is asked for. It names one request, so that this request can be allowed or refused. */
export interface PresignRequest {
  readonly operation: 'appendObject' | 'headObject' | 'getObject' | 'sealAppendObject';
  readonly key: string;
  /** Where the append goes, or where the object ends when it is sealed, bytes. */
  readonly position?: number | undefined;
  /** Length of the body, bytes. Sign it as `content-length`. */
  readonly size?: number | undefined;
  /** Sign it as `range`: `bytes=start-end`, or `bytes=start-` without an end. */
  readonly range?: OpenRange | undefined;
  /** False for a read that must be signed with `response-content-encoding=identity` in the query (see `getObject`). */
  readonly decode?: boolean | undefined;
  /** Headers that the request will carry. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What the answer of a request consists of: `empty` for HTTP 200 without a body, `state` for the headers of an object, and
 * `content` for an object's bytes.
 */
export type Expected = 'empty' | 'state' | 'content';

/** A request that is not yet authorised. */
export interface OssRequest extends PresignRequest {
  readonly method: 'POST' | 'HEAD' | 'GET';
  readonly query: Readonly<Record<string, string>>;
  /** Names of headers to sign that V4 does not sign anyway. */
  readonly additionalHeaders?: readonly string[] | undefined;
  readonly body?: Uint8Array<ArrayBuffer> | Blob | undefined;
  /** True where the request may be sent again when nobody knows whether the first one was carried out. */
  readonly isRepeatable: boolean;
  readonly expects: Expected;
  /** What could not be done, for messages: `append to "a.log" at position 10`. */
  readonly attempted: string;
  readonly onprogress?: ((progress: UploadProgress) => void) | undefined;
}

/** A successful answer. Only `content` has a body to read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
}

/** A request that anyone who has it can send, until it expires. Send exactly these headers. */
export interface PresignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** When the URL ends: after the life that was asked for, or with the token, if that ends earlier. */
  readonly expiration: Date;
}
