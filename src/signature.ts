/**
 * OSS V4 signatures (OSS4-HMAC-SHA256), in the header and in the query: pure and synchronous, each rung of the ladder
 * a function. The only importer of `@noble/hashes`: Web Crypto is asynchronous, slower for work this small, and absent
 * on plain-HTTP pages.
 */
// The class itself: the `sha256` around it brings 360 bytes (gzip) of registry.
import { _SHA256 as Sha256 } from '@noble/hashes/sha2.js';
import type { Credentials } from './credentials.ts';
import { encodeKey, percentEncode } from './endpoint.ts';

/** A request to sign. Give it as it will be sent: a header that is added later breaks the signature if OSS signs it. */
export interface SignableRequest {
  readonly method: string;
  /** Absent for a call on the service. */
  readonly bucket?: string | undefined;
  /** Not encoded. Absent for a call on the bucket. */
  readonly key?: string | undefined;
  /** Names and values, not encoded; an empty value for a name alone (`append`). */
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Headers to sign beside those that OSS always signs (`x-oss-*`, `content-type`, `content-md5`), such as `range`. */
  readonly additionalHeaders?: readonly string[] | undefined;
}

/** For where and when a signature holds. */
export interface SigningScope {
  /** The bucket's region id, such as `cn-hangzhou`. */
  readonly region: string;
  /** Default `oss`; `oss-cloudbox` for a cloud box, whose id is then the region. */
  readonly product?: string | undefined;
  /** Time of signing. OSS accepts 15 minutes of difference from its clock. */
  readonly date: Date;
}

/** A presigned request's scope. */
export interface PresigningScope extends SigningScope {
  /** Life of the URL, s: at most 604,800 (7 days), with an STS token 43,200 (12 hours). */
  readonly expiresIn: number;
}

const ALGORITHM = 'OSS4-HMAC-SHA256';
/** OSS's limits for the life of a URL, s: with a permanent key, and with an STS token. */
const MAX_LIFE = { permanent: 604_800, sts: 43_200 };

/**
 * Signs a request in its headers: returns the request's headers, lower-case, with those that V4 adds.
 *
 * @throws TypeError or RangeError for credentials, a scope or names of an impossible form.
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
 * await fetch('https://logs.oss-cn-hangzhou.aliyuncs.com/a.log?append&position=0', { method: 'POST', headers, body: 'x' });
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
 * Signs a request in its query: returns the query string, without `?`. Headers given here must be sent as given.
 * Whoever has the URL can make the request until it expires.
 *
 * @throws TypeError or RangeError for credentials, a scope or names of an impossible form.
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
  // Without a prototype: a name may be `__proto__`.
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

/** Rung 1: method, resource, query and headers in one agreed spelling. The headers' names are lower-case. */
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

/** Encoded names in byte order; a name without value has no `=`. It serves on the wire too. */
export function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.keys(query)
    .map((name) => ({ name: percentEncode(name), value: query[name]! }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, value }) => (value === '' ? name : `${name}=${percentEncode(value)}`))
    .join('&');
}

/** When and for what a signature is made, as V4 spells it: `20260102T030405Z`, `20260102/cn-hangzhou/oss/aliyun_v4_request`. */
export interface Stamp {
  readonly time: string;
  readonly scope: string;
}

export function stampOf({ region, product = 'oss', date }: SigningScope): Stamp {
  if (typeof region !== 'string' || !region) throw new TypeError('region must be a string such as "cn-hangzhou"');
  if (typeof date?.toISOString !== 'function' || Number.isNaN(Number(date)))
    throw new TypeError('date must be a valid Date');
  const time = date.toISOString().replace(/[-:]|\.\d+/g, '');
  return { time, scope: `${time.slice(0, 8)}/${region}/${product}/aliyun_v4_request` };
}

/** Rung 2. */
export function stringToSign(canonical: string, { time, scope }: Stamp): string {
  return `${ALGORITHM}\n${time}\n${scope}\n${digest(canonical)}`;
}

/** Rung 3: the key of one day, region and product. */
export function signingKey(accessKeySecret: string, { scope }: Stamp): Uint8Array {
  const parts = scope.split('/');
  return parts.reduce((key, part) => hmac(hmacKey(key), part), encode(`aliyun_v4${accessKeySecret}`));
}

/** SHA-256 of a text, lower-case hex. */
export function digest(text: string): string {
  return hex(new Sha256().update(encode(text)).digest());
}

/** Rung 4: lower-case hex. */
export function signature(key: Uint8Array, text: string): string {
  return hex(hmac(hmacKey(key), text));
}

const utf8 = /* @__PURE__ */ new TextEncoder();
/** Noble's makes a copy of its answer too. */
const encode = (text: string): Uint8Array => utf8.encode(text);

/** Made on first use: Node sets a global when it is first looked at. */
let ascii: TextDecoder | undefined;

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

/** The state that an HMAC is computed in: a new one costs as much as hashing a block. */
let scratch: Sha256 | undefined;

/** The hash of what a state has taken and these bytes. The state stays as it is. */
function hashFrom(state: Sha256, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(32);
  scratch = state._cloneInto(scratch);
  scratch.update(bytes).digestInto(result);
  return result;
}

/** A key of HMAC-SHA256: the states after its inner and its outer block. */
interface HmacKey {
  readonly inner: Sha256;
  readonly outer: Sha256;
}

/** @param key - At most 64 bytes; a longer one counts by its hash. */
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
 * The key of the day: a third of the cost of deriving it each time. Held by the credentials object it belongs to, so
 * that it is neither shared nor kept longer.
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

/** The rest is for those who send: a signature of wrong characters is refused by `fetch` or by OSS. */
function checkCredentials(credentials: Credentials): void {
  for (const name of ['accessKeyId', 'accessKeySecret'] as const)
    if (!credentials?.[name] || typeof credentials[name] !== 'string') throw new TypeError(`${name} must be a string`);
}

/** @throws RangeError for what OSS would refuse. Without credentials: for what it would refuse with any. */
export function checkLife(expiresIn: number, credentials?: Credentials): void {
  const most = credentials?.securityToken ? MAX_LIFE.sts : MAX_LIFE.permanent;
  if (Number.isInteger(expiresIn) && expiresIn >= 1 && expiresIn <= most) return;
  const why = credentials?.securityToken ? ' with an STS token' : '';
  throw new RangeError(`expiresIn must be 1 to ${most} s${why}, not ${expiresIn}`);
}

function isAlwaysSigned(name: string): boolean {
  return name.startsWith('x-oss-') || name === 'content-type' || name === 'content-md5';
}

/** The additional headers that count: present, and not signed anyway. */
function additionalHeaders(names: readonly string[] = [], headers: Readonly<Record<string, string>>): string[] {
  if (names.length === 0) return [];
  const lower = new Set(names.map((name) => name.toLowerCase()));
  return [...lower].filter((name) => headers[name] !== undefined && !isAlwaysSigned(name)).sort();
}

function lowerCased(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of Object.keys(headers)) result[name.toLowerCase()] = headers[name]!.trim();
  return result;
}
