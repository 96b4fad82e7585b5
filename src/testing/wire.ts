// Turns a call of fetch into the request that fetch would send: method, URL, headers, body and length.
// It reads a simple call of the form (url, init) directly, because `new Request` takes more time than all other steps.

import { utf8 } from './encoding.ts';

/** A body that has not been read yet. */
export type Payload = Uint8Array | Blob | ReadableStream<Uint8Array>;

/** One request in the form that a server receives. */
export interface WireRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly payload: Payload | undefined;
  /** The Content-Length in bytes that fetch sends. It is undefined for a chunked body and if fetch sends no length. */
  readonly contentLength: number | undefined;
  /**
   * True if the body comes from a Request that hides its length. The length of the received body then counts as sent.
   */
  readonly lengthFollowsBody: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads the arguments of a fetch call.
 *
 * @throws {TypeError} if fetch itself would refuse the call: for an invalid URL, a body with GET or HEAD, or a stream
 *   without `duplex: 'half'`.
 */
export function wireRequest(input: Request | URL | string, init: RequestInit = {}): WireRequest {
  const direct = typeof input === 'string' || input instanceof URL || !('method' in input);
  if (!direct || !isPlainBody(init.body)) return fromRequest(new Request(input as Request, init));
  const method = (init.method ?? 'GET').toUpperCase();
  const headers = new Headers(init.headers ?? {});
  const payload = plainPayload(init, headers);
  if (payload !== undefined && (method === 'GET' || method === 'HEAD')) {
    throw new TypeError(`fetch: a request with method ${method} cannot have a body`);
  }
  const url = new URL(input);
  const sized = payload === undefined || !isStream(payload);
  const contentLength = sized ? sizeOf(payload, method) : declaredLength(headers);
  return { method, url, headers, payload, contentLength, lengthFollowsBody: false, signal: init.signal ?? undefined };
}

export function isStream(value: unknown): value is ReadableStream<Uint8Array> {
  return typeof (value as ReadableStream | undefined)?.getReader === 'function';
}

export function isBlob(value: unknown): value is Blob {
  return typeof (value as Blob | undefined)?.arrayBuffer === 'function' && typeof (value as Blob).size === 'number';
}

/** The decoded names and values of a query. A `+` in the query is a space. */
export interface Query {
  readonly values: ReadonlyMap<string, string>;
  /**
   * The first part of the query that repeats a name or has an invalid percent-encoding. The signature of such a query
   * is not defined, so LocalOss refuses it. It is undefined for a valid query.
   */
  readonly flaw: string | undefined;
}

export function parseQuery(search: string): Query {
  const values = new Map<string, string>();
  let flaw: string | undefined;
  for (const part of search.slice(1).split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    const value = decode(equals < 0 ? '' : part.slice(equals + 1));
    if (name === undefined || value === undefined || values.has(name)) flaw ??= part;
    else values.set(name, value);
  }
  return { values, flaw };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function fromRequest(request: Request): WireRequest {
  const { method, headers, signal } = request;
  const payload = request.body ?? undefined;
  const contentLength = payload === undefined ? sizeOf(undefined, method) : declaredLength(headers);
  const lengthFollowsBody = contentLength === undefined && !headers.has('transfer-encoding') && payload !== undefined;
  return { method, url: new URL(request.url), headers, payload, contentLength, lengthFollowsBody, signal };
}

function isPlainBody(body: BodyInit | null | undefined): boolean {
  return body == null || typeof body === 'string' || isBuffer(body) || isOwnBlob(body) || isStream(body);
}

/**
 * Returns whether `fetch` accepts this value as a Blob. For any other value, such as a Blob class of a library, `fetch`
 * sends text, and the Request that LocalOss makes from it does the same.
 */
function isOwnBlob(body: unknown): boolean {
  try {
    const slice = Blob.prototype.slice.call(body, 0, 0);
    return slice.type !== '' || !new Response(slice).headers.has('content-type');
  } catch {
    return false;
  }
}

function isBuffer(body: unknown): body is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(body) || Object.prototype.toString.call(body) === '[object ArrayBuffer]';
}

/** Returns the body of `init`. For strings and Blobs with a type, it sets the same Content-Type as fetch. */
function plainPayload(init: RequestInit, headers: Headers): Payload | undefined {
  const { body } = init;
  if (body == null) return undefined;
  if (isStream(body)) {
    if (!('duplex' in init)) throw new TypeError("fetch: a stream as body needs the option duplex: 'half'");
    return body;
  }
  const type = typeof body === 'string' ? 'text/plain;charset=UTF-8' : isBlob(body) ? body.type : '';
  if (type !== '' && !headers.has('content-type')) headers.set('content-type', type);
  if (typeof body === 'string') return utf8(body);
  if (isBlob(body)) return body;
  const buffer = body as ArrayBuffer | ArrayBufferView<ArrayBuffer>;
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
}

/** Returns the length that fetch sends. Without a body, this is 0 for POST and PUT, and nothing for other methods. */
function sizeOf(payload: Uint8Array | Blob | undefined, method: string): number | undefined {
  if (payload === undefined) return method === 'POST' || method === 'PUT' ? 0 : undefined;
  return isBlob(payload) ? payload.size : payload.length;
}

function declaredLength(headers: Headers): number | undefined {
  const text = headers.get('content-length');
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}
