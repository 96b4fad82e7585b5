/**
 * Makes OSS V4 signatures (OSS4-HMAC-SHA256) in the header and in the query. All functions are pure and synchronous,
 * and each step of the algorithm is one function. Only this file imports `@noble/hashes`. Web Crypto is not used,
 * because it is asynchronous, slower for such small inputs, and missing in pages over plain HTTP.
 */
// This imports the class, because the function `sha256` adds 360 bytes (gzip) of code that is not needed here.
import { _SHA256 as Sha256 } from '@noble/hashes/sha2.js';
import { checkText, checkType } from '../check.ts';
import type { Credentials } from './credentials.ts';
import { encodeKey, percentEncode } from './endpoint.ts';

/**
 * A request to sign. It must be complete: if you add a header after signing and OSS includes that header in the
 * signature, OSS refuses the request.
 */
export interface SignableRequest {
  readonly method: string;
  /** The name of the bucket. Leave it out for a request to the service. */
  readonly bucket?: string | undefined;
  /** The key of the object, not encoded. Leave it out for a request to the bucket. */
  readonly key?: string | undefined;
  /** Names and values of the query, not encoded. An empty value gives a name without a value, such as `append`. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Names of more headers to sign, such as `range`. OSS always signs `x-oss-*`, `content-type` and `content-md5`, so
   * they need not be listed.
   */
  readonly additionalHeaders?: readonly string[] | undefined;
}

/** The region, the product and the time for which a signature is valid. */
export interface SigningScope {
  /** The region id of the bucket, such as `cn-hangzhou`. */
  readonly region: string;
  /** The default is `oss`. Use `oss-cloudbox` for a cloud box, and the id of the cloud box as the region. */
  readonly product?: string | undefined;
  /** The time of signing. OSS accepts a difference of 15 minutes to its own clock. */
  readonly date: Date;
}

/** The scope of a presigned request. */
export interface PresigningScope extends SigningScope {
  /** The lifetime of the URL in s: at most 604,800 (7 days), or 43,200 (12 hours) with an STS token. */
  readonly expiresIn: number;
}

const ALGORITHM = 'OSS4-HMAC-SHA256';
/** The longest lifetimes of a URL that OSS accepts, in s: with a permanent key, and with an STS token. */
const MAX_LIFE = { permanent: 604_800, sts: 43_200 };

/**
 * Signs a request in its headers. Returns the headers of the request with lower-case names, and the headers that V4
 * adds.
 *
 * @throws TypeError or RangeError if the credentials, the scope or a name have an invalid form.
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
 * @example
 * ```ts
 * import { signV4 } from 'oss-append';
 *
 * const headers = signV4(
 *   { method: 'POST', bucket: 'logs', key: 'a.log', query: { append: '', position: '0' } },
 *   { accessKeyId: 'STS.id', accessKeySecret: 'secret', securityToken: 'token' },
 *   { region: 'cn-hangzhou', date: new Date() },
 * );
 * const url = 'https://logs.oss-cn-hangzhou.aliyuncs.com/a.log?append&position=0';
 * await fetch(url, { method: 'POST', headers, body: 'x' });
 * ```
 */
export function signV4(
  request: SignableRequest,
  credentials: Credentials,
  scope: SigningScope,
): Record<string, string> {
  const stamp = stampOf(scope);
  checkCredentials(credentials);
  const headers = lowerCased(request.headers);
  headers['x-oss-content-sha256'] = 'UNSIGNED-PAYLOAD';
  headers['x-oss-date'] = stamp.time;
  if (credentials.securityToken) headers['x-oss-security-token'] = credentials.securityToken;
  const extra = additionalHeaders(request.additionalHeaders, headers);
  const names = extra.join(';');
  const canonical = canonicalText(request, canonicalQuery(request.query ?? {}), headers, extra);
  headers['authorization'] =
    `${ALGORITHM} Credential=${credentials.accessKeyId}/${stamp.scope}${names && `,AdditionalHeaders=${names}`}` +
    `,Signature=${sign(canonical, credentials, stamp)}`;
  return headers;
}

/**
 * Signs a request in its query. Returns the query string without `?`. The request must be sent with exactly the given
 * headers. Everyone who has the URL can send the request until the URL expires.
 *
 * @throws TypeError or RangeError if the credentials, the scope or a name have an invalid form.
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/add-signatures-to-urls
 * @example
 * ```ts
 * import { presignV4 } from 'oss-append';
 *
 * const query = presignV4(
 *   { method: 'GET', bucket: 'logs', key: 'a.log', headers: { range: 'bytes=0-99' }, additionalHeaders: ['range'] },
 *   { accessKeyId: 'STS.id', accessKeySecret: 'secret', securityToken: 'token' },
 *   { region: 'cn-hangzhou', date: new Date(), expiresIn: 60 },
 * );
 * const url = `https://logs.oss-cn-hangzhou.aliyuncs.com/a.log?${query}`;
 * ```
 */
export function presignV4(request: SignableRequest, credentials: Credentials, scope: PresigningScope): string {
  const stamp = stampOf(scope);
  checkCredentials(credentials);
  checkLife(scope.expiresIn, credentials);
  const headers = lowerCased(request.headers);
  const extra = additionalHeaders(request.additionalHeaders, headers);
  // The object has no prototype, because `__proto__` is a possible name.
  const query: Record<string, string> = Object.assign(Object.create(null), request.query);
  delete query['x-oss-signature'];
  query['x-oss-signature-version'] = ALGORITHM;
  query['x-oss-credential'] = `${credentials.accessKeyId}/${stamp.scope}`;
  query['x-oss-date'] = stamp.time;
  query['x-oss-expires'] = String(scope.expiresIn);
  if (credentials.securityToken) query['x-oss-security-token'] = credentials.securityToken;
  if (extra.length > 0) query['x-oss-additional-headers'] = extra.join(';');
  const search = canonicalQuery(query);
  const canonical = canonicalText(request, search, headers, extra);
  return `${search}&x-oss-signature=${sign(canonical, credentials, stamp)}`;
}

/**
 * Step 1 of V4: returns the method, the resource, the query and the headers in their canonical form. The given names of
 * headers must be in lower case.
 */
export function canonicalRequest(request: SignableRequest): string {
  const { query = {}, headers = {} } = request;
  return canonicalText(request, canonicalQuery(query), headers, additionalHeaders(request.additionalHeaders, headers));
}

function canonicalText(
  { method, bucket, key }: SignableRequest,
  search: string,
  headers: Readonly<Record<string, string>>,
  extra: readonly string[],
): string {
  const uri = bucket === undefined ? '/' : `/${bucket}/${key === undefined ? '' : encodeKey(key)}`;
  let lines = '';
  for (const name of Object.keys(headers).sort())
    if (isAlwaysSigned(name) || extra.includes(name)) lines += `${name}:${headers[name]}\n`;
  return `${method}\n${uri}\n${search}\n${lines}\n${extra.join(';')}\nUNSIGNED-PAYLOAD`;
}

/**
 * Returns the encoded query, sorted by the bytes of the names. A name without a value has no `=`. This form is also
 * used in the URL of the request.
 */
export function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.keys(query)
    .map((name) => ({ name: percentEncode(name), value: query[name]! }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, value }) => (value === '' ? name : `${name}=${percentEncode(value)}`))
    .join('&');
}

/**
 * The time and the scope of a signature in the form of V4, for example `20260102T030405Z` and
 * `20260102/cn-hangzhou/oss/aliyun_v4_request`.
 */
export interface Stamp {
  readonly time: string;
  readonly scope: string;
}

export function stampOf({ region, product = 'oss', date }: SigningScope): Stamp {
  checkText('region', region, 'cn-hangzhou');
  checkType(typeof date?.toISOString === 'function' && !Number.isNaN(Number(date)), 'date must be a valid Date');
  const time = date.toISOString().replace(/[-:]|\.\d+/g, '');
  return { time, scope: `${time.slice(0, 8)}/${region}/${product}/aliyun_v4_request` };
}

/** Step 2 of V4: returns the string to sign. */
export function stringToSign(canonical: string, { time, scope }: Stamp): string {
  return `${ALGORITHM}\n${time}\n${scope}\n${digest(canonical)}`;
}

/** Step 3 of V4: derives the signing key, which is valid for one day, one region and one product. */
export function signingKey(accessKeySecret: string, { scope }: Stamp): Uint8Array {
  const parts = scope.split('/');
  return parts.reduce((key, part) => hmac(hmacKey(key), part), encode(`aliyun_v4${accessKeySecret}`));
}

/** Returns the SHA-256 of a text in lower-case hex. */
export function digest(text: string): string {
  return hex(new Sha256().update(encode(text)).digest());
}

/** Step 4 of V4: returns the signature in lower-case hex. */
export function signature(key: Uint8Array, text: string): string {
  return hex(hmac(hmacKey(key), text));
}

/**
 * Both are created at their first use. The platform may lack them at import, and Node defines the global TextDecoder
 * only when code reads it first.
 */
let utf8: TextEncoder | undefined;
let ascii: TextDecoder | undefined;

/** Encodes a text as UTF-8. The function of noble does the same, but it copies its result. */
function encode(text: string): Uint8Array {
  utf8 ??= new TextEncoder();
  return utf8.encode(text);
}

function hex(bytes: Uint8Array): string {
  const text = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    text[2 * i] = hexDigit(bytes[i]! >> 4);
    text[2 * i + 1] = hexDigit(bytes[i]! & 15);
  }
  ascii ??= new TextDecoder();
  return ascii.decode(text);
}

const hexDigit = (value: number): number => value + (value < 10 ? 48 : 87);

/** A reusable SHA-256 state for all HMACs. A new state would cost as much time as hashing one block. */
let scratch: Sha256 | undefined;

/** Continues a SHA-256 state with more bytes, and returns the hash. The given state is not changed. */
function hashFrom(state: Sha256, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(32);
  scratch = state._cloneInto(scratch);
  scratch.update(bytes).digestInto(result);
  return result;
}

/** A prepared key of HMAC-SHA256: the SHA-256 states after the inner and after the outer block of the key. */
interface HmacKey {
  readonly inner: Sha256;
  readonly outer: Sha256;
}

/** Prepares an HMAC key. As HMAC demands, a key of more than 64 bytes is replaced by its hash. */
function hmacKey(key: Uint8Array): HmacKey {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? new Sha256().update(key).digest() : key);
  const padded = (pad: number) => new Sha256().update(block.map((byte) => byte ^ pad));
  return { inner: padded(0x36), outer: padded(0x5c) };
}

function hmac({ inner, outer }: HmacKey, text: string): Uint8Array {
  return hashFrom(outer, hashFrom(inner, encode(text)));
}

interface KeptKey extends HmacKey {
  readonly secret: string;
  readonly scope: string;
}

/**
 * Cache of derived V4 signing keys. The derived key changes only with day, region, product and secret. Reusing it makes
 * a signature about three times cheaper. The WeakMap is keyed by the credentials object, so a cached key does not
 * outlive it.
 */
const keptKeys: WeakMap<Credentials, KeptKey> = /* @__PURE__ */ new WeakMap();

function sign(canonical: string, credentials: Credentials, stamp: Stamp): string {
  return hex(hmac(keyOfDay(credentials, stamp), stringToSign(canonical, stamp)));
}

function keyOfDay(credentials: Credentials, stamp: Stamp): HmacKey {
  const { scope } = stamp;
  const secret = credentials.accessKeySecret;
  const kept = keptKeys.get(credentials);
  if (kept && kept.secret === secret && kept.scope === scope) return kept;
  const fresh = { secret, scope, ...hmacKey(signingKey(secret, stamp)) };
  keptKeys.set(credentials, fresh);
  return fresh;
}

/**
 * Checks that the id and the secret are strings that are not empty. Invalid characters in them are not checked here,
 * because `fetch` or OSS refuses such a request.
 */
function checkCredentials(credentials: Credentials): void {
  for (const name of ['accessKeyId', 'accessKeySecret'] as const)
    checkType(credentials?.[name] && typeof credentials[name] === 'string', `${name} must be a string`);
}

/**
 * Checks the lifetime of a presigned URL in s. Without credentials, the limit of permanent keys applies, which is the
 * highest.
 *
 * @throws RangeError if OSS would refuse the lifetime.
 */
export function checkLife(expiresIn: number, credentials?: Credentials): void {
  const most = credentials?.securityToken ? MAX_LIFE.sts : MAX_LIFE.permanent;
  if (Number.isInteger(expiresIn) && expiresIn >= 1 && expiresIn <= most) return;
  const why = credentials?.securityToken ? ' with an STS token' : '';
  throw new RangeError(`expiresIn must be 1 to ${most} s${why}, not ${expiresIn}`);
}

function isAlwaysSigned(name: string): boolean {
  return name.startsWith('x-oss-') || name === 'content-type' || name === 'content-md5';
}

/** Returns the additional headers to sign. It leaves out those that are absent, empty or always signed. */
function additionalHeaders(names: readonly string[] = [], headers: Readonly<Record<string, string>>): string[] {
  if (names.length === 0) return [];
  const lower = new Set(names.map((name) => name.toLowerCase()));
  return [...lower].filter((name) => headers[name] && !isAlwaysSigned(name)).sort();
}

function lowerCased(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of Object.keys(headers)) result[name.toLowerCase()] = headers[name]!.trim();
  return result;
}
