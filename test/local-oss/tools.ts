// A signer for raw requests to LocalOss. It was written with node:crypto from the documentation only, and shares no
// code with the signer of the library or the verifier of LocalOss.

import { createHash, createHmac } from 'node:crypto';

export interface Signing {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
  readonly region?: string;
  readonly product?: string;
  /** The time in ms since the epoch. */
  readonly time: number;
  /** The life time in seconds. If it is set, the signature is in the query. */
  readonly expires?: number;
  readonly additionalHeaders?: readonly string[];
}

export interface RawRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query?: Record<string, string>;
  readonly headers?: Record<string, string>;
  /** The part of the URL before the path. By default, it is the virtual-hosted name in the signing region. */
  readonly origin?: string;
}

export interface Signed {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly canonicalRequest: string;
}

/**
 * Signs a request. If Host or Content-Length is an additional header, its value comes from `headers` but is not sent.
 */
export function sign(request: RawRequest, signing: Signing): Signed {
  const { region = 'cn-hangzhou', product = 'oss', additionalHeaders = [], time, expires } = signing;
  const date = `${new Date(time).toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;
  const scope = [date.slice(0, 8), region, product, 'aliyun_v4_request'];
  const credential = [signing.accessKeyId, ...scope].join('/');
  const extra = [...new Set(additionalHeaders.map((name) => name.toLowerCase()))].sort();
  const query: Record<string, string> = { ...request.query };
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  const listed = extra.filter((name) => name in headers && !always(name));
  if (expires === undefined) {
    headers['x-oss-date'] = date;
    headers['x-oss-content-sha256'] = 'UNSIGNED-PAYLOAD';
    if (signing.securityToken) headers['x-oss-security-token'] = signing.securityToken;
  } else {
    query['x-oss-signature-version'] = 'OSS4-HMAC-SHA256';
    query['x-oss-credential'] = credential;
    query['x-oss-date'] = date;
    query['x-oss-expires'] = String(expires);
    if (signing.securityToken) query['x-oss-security-token'] = signing.securityToken;
    if (listed.length > 0) query['x-oss-additional-headers'] = listed.join(';');
  }
  const signedNames = Object.keys(headers).filter((name) => always(name) || listed.includes(name));
  const canonicalRequest = [
    request.method,
    encode(request.bucket === '' ? '/' : `/${request.bucket}/${request.key}`).replaceAll('%2F', '/'),
    queryString(query),
    signedNames
      .sort()
      .map((name) => `${name}:${headers[name]?.trim()}\n`)
      .join(''),
    listed.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const hash = createHash('sha256').update(canonicalRequest).digest('hex');
  let key: Buffer | string = `aliyun_v4${signing.accessKeySecret}`;
  for (const part of scope) key = createHmac('sha256', key).update(part).digest();
  const text = ['OSS4-HMAC-SHA256', date, scope.join('/'), hash].join('\n');
  const signature = createHmac('sha256', key).update(text).digest('hex');
  if (expires === undefined) {
    const names = listed.length > 0 ? `,AdditionalHeaders=${listed.join(';')}` : '';
    headers['authorization'] = `OSS4-HMAC-SHA256 Credential=${credential}${names},Signature=${signature}`;
  } else {
    query['x-oss-signature'] = signature;
  }
  delete headers['host'];
  delete headers['content-length'];
  const origin = request.origin ?? `https://${request.bucket}.oss-${region}.aliyuncs.com`;
  const search = queryString(query);
  const path = encode(request.key).replaceAll('%2F', '/');
  return { url: `${origin}/${path}${search === '' ? '' : `?${search}`}`, headers, canonicalRequest };
}

function always(name: string): boolean {
  return name.startsWith('x-oss-') || name === 'content-type' || name === 'content-md5';
}

function queryString(query: Record<string, string>): string {
  const pairs = Object.entries(query).map(([name, value]) => [encode(name), encode(value)] as const);
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('&');
}

export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The keys with which the tests sign, at the time `now` (ms). */
export const KEYS = { accessKeyId: 'ak', accessKeySecret: 'sk' };

export interface CallOptions extends Partial<Signing> {
  readonly body?: Uint8Array<ArrayBuffer> | string | Blob | ReadableStream<Uint8Array>;
  readonly signal?: AbortSignal;
  /** Default: `logs`. */
  readonly bucket?: string;
  /** Changes the signed request before it is sent. */
  readonly tamper?: (signed: { url: string; headers: Record<string, string> }) => void;
}

/** Sends one signed request. The signature is in the header, unless `expires` is given. */
export function call(
  oss: { readonly fetch: typeof fetch },
  [method, key, query = {}, headers = {}]: Call,
  options: CallOptions = {},
): Promise<Response> {
  const { body, signal, tamper, bucket = 'logs', ...signing } = options;
  const signed = sign({ method, bucket, key, query, headers }, { ...KEYS, time: NOON, ...signing });
  const sent = { url: signed.url, headers: signed.headers };
  tamper?.(sent);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return oss.fetch(sent.url, {
    method,
    headers: sent.headers,
    ...(bytes === undefined ? {} : { body: bytes, duplex: 'half' }),
    ...(signal ? { signal } : {}),
  });
}

export type Call = readonly [
  method: string,
  key: string,
  query?: Record<string, string>,
  headers?: Record<string, string>,
];

export function appendCall(key: string, position: number | string, headers: Record<string, string> = {}): Call {
  return ['POST', key, { append: '', position: String(position) }, headers];
}

/** The time at which the tests run, in ms. */
export const NOON: number = Date.UTC(2026, 0, 2, 12);

/** Reads the code, the EC and the elements of a refusal, from the body or, for HEAD, from x-oss-err. */
export async function refusal(
  response: Response,
): Promise<{ status: number; code: string; xml: string; ec: string | null }> {
  const hidden = response.headers.get('x-oss-err');
  const xml = hidden === null ? await response.text() : Buffer.from(hidden, 'base64').toString('utf8');
  return { status: response.status, code: element(xml, 'Code'), xml, ec: response.headers.get('x-oss-ec') };
}

/** Returns the unescaped text of an XML element, or an empty string if the element is missing. */
export function element(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => entities[entity]!);
}

/** A clock that moves only when the test moves it. */
export class ManualClock {
  #now: number;
  readonly #timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  #last = 0;

  constructor(now: number = NOON) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delay: number): unknown {
    this.#timers.set(++this.#last, { at: this.#now + delay, callback });
    return this.#last;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** The number of pending timers. */
  get waiting(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const [id, { at, callback }] of [...this.#timers].sort(([, a], [, b]) => a.at - b.at)) {
      if (at <= this.#now && this.#timers.delete(id)) callback();
    }
  }
}

/** Lets all work run until LocalOss waits only for the clock or its client. */
export async function quiet(oss: { readonly busy: number }): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (oss.busy > 0);
}

/** Returns the state of a promise without waiting for it. */
export async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'fulfilled' | 'rejected'> {
  const pending = Symbol();
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? 'pending' : 'fulfilled'),
    () => 'rejected' as const,
  );
}
