/** What a request is before it is authorised, what its answer is, and what a client is made of. */

import type { Clock } from '../waiting/clock.ts';
import type { RetryOptions } from '../waiting/retry.ts';
import type { CredentialsProvider } from './credentials.ts';
import type { EndpointOptions } from './endpoint.ts';

/** Bytes handed to the network, and all there are. Handed over is not yet stored. */
export interface UploadProgress {
  readonly loaded: number;
  readonly total: number;
}

/** What our requests give to `fetch`. `onprogress` is for transports that can tell (see `xhrFetch`); the platform's ignores it. */
export interface FetchInit extends RequestInit {
  onprogress?: (progress: UploadProgress) => void;
}

/** The part of `fetch` that is used here. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** Bytes of an object, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes of an object from `start` on: to `end`, which is included, or to the object's last byte. */
export interface OpenRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** What a presign function is asked for: one request, so that it can be allowed or refused as such. */
export interface PresignRequest {
  readonly operation: 'appendObject' | 'headObject' | 'getObject';
  readonly key: string;
  /** Where the append goes, bytes. */
  readonly position?: number | undefined;
  /** Length of the body, bytes: to be signed as `content-length`. */
  readonly size?: number | undefined;
  /** To be signed as `range`: `bytes=start-end`, or `bytes=start-` without an end. */
  readonly range?: OpenRange | undefined;
  /** False: a read to be signed with `response-content-encoding=identity` in the query (see `getObject`). */
  readonly decode?: boolean | undefined;
  /** Headers that the request will carry. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Stands in for credentials: asks whoever holds the key (an edge worker) to sign one request. Returns its URL. */
export type Presign = (
  request: PresignRequest,
) => string | { readonly url: string } | Promise<string | { readonly url: string }>;

/** A request, not yet authorised. */
export interface Operation extends PresignRequest {
  readonly method: 'POST' | 'HEAD' | 'GET';
  readonly query: Readonly<Record<string, string>>;
  readonly additionalHeaders?: readonly string[] | undefined;
  readonly body?: Uint8Array<ArrayBuffer> | Blob | undefined;
  /** For messages: what could not be done. */
  readonly attempted: string;
  readonly onprogress?: ((progress: UploadProgress) => void) | undefined;
}

/** An answer of success. Only a GET has a body to read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
}

/** A request that anyone can make who has it, until it expires. Send exactly these headers. */
export interface PresignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** When the URL ends: the asked life, or the token's end if that comes first. */
  readonly expiration: Date;
}

/** What a transport is made of. */
export interface TransportOptions extends Pick<EndpointOptions, 'headersExposed' | 'requestPayer'> {
  readonly credentials?: CredentialsProvider | undefined;
  readonly presign?: Presign | undefined;
  /** Where the signature goes. Default `header`. */
  readonly signing?: 'header' | 'query' | undefined;
  readonly fetch?: Fetch | undefined;
  /** For one attempt, and for loading credentials, ms. Default 30,000, and 1,000 more for each 32 KiB of body. `Infinity` for none. */
  readonly timeout?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  readonly clock?: Clock | undefined;
  /** Allows credentials without `securityToken` where `document` exists. Whoever opens such a page can read them. Default false. */
  readonly allowInPage?: boolean | undefined;
}
