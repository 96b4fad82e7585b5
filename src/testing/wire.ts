// A call of fetch, read as the request it would put on the wire: method, URL, headers, body, length.
// A plain (url, init) call is read directly, since `new Request` costs more than all the rest together.

/** What can stand as a body before it is read. */
export type Payload = Uint8Array | Blob | ReadableStream<Uint8Array>;

/** One request as a server would see it. */
export interface WireRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly payload: Payload | undefined;
  /** The Content-Length in bytes that the transport sends; undefined for a chunked body and where there is none. */
  readonly contentLength: number | undefined;
  /** A Request hides how its body was made: the length read is then the length sent. */
  readonly lengthFollowsBody: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads the arguments of a fetch call.
 * @throws {TypeError} for what fetch itself refuses: a bad URL, a body on GET or HEAD, a stream without `duplex: 'half'`.
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

/** The strings of a query, decoded; `+` is a space. */
export interface Query {
  readonly values: ReadonlyMap<string, string>;
  /** Set where a name comes twice or a percent-encoding is broken: OSS cannot sign such a query for certain. */
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
  return body == null || typeof body === 'string' || isBuffer(body) || isBlob(body) || isStream(body);
}

function isBuffer(body: unknown): body is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(body) || Object.prototype.toString.call(body) === '[object ArrayBuffer]';
}

/** The body of `init`; adds the Content-Type that fetch adds for strings and typed Blobs. */
function plainPayload(init: RequestInit, headers: Headers): Payload | undefined {
  const { body } = init;
  if (body == null) return undefined;
  if (isStream(body)) {
    if (!('duplex' in init)) throw new TypeError("fetch: a stream as body needs the option duplex: 'half'");
    return body;
  }
  const type = typeof body === 'string' ? 'text/plain;charset=UTF-8' : isBlob(body) ? body.type : '';
  if (type !== '' && !headers.has('content-type')) headers.set('content-type', type);
  if (typeof body === 'string') return new TextEncoder().encode(body);
  if (isBlob(body)) return body;
  const buffer = body as ArrayBuffer | ArrayBufferView<ArrayBuffer>;
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
}

/** fetch sends `Content-Length: 0` with an empty POST or PUT, and nothing with the other methods. */
function sizeOf(payload: Uint8Array | Blob | undefined, method: string): number | undefined {
  if (payload === undefined) return method === 'POST' || method === 'PUT' ? 0 : undefined;
  return isBlob(payload) ? payload.size : payload.length;
}

function declaredLength(headers: Headers): number | undefined {
  const text = headers.get('content-length');
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}
