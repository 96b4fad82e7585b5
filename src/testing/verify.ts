// Checks V4 signatures (OSS4-HMAC-SHA256) in header and query form, as a server must. It computes everything again from
// the request, with Web Crypto, and shares no code with the signer of the client.
// https://help.aliyun.com/document_detail/2399146 (header), 2399147 (URL)

import { hex, isoSeconds, percentEncode, utf8 } from './encoding.ts';
import { invalidArgument, notImplemented, Refusal } from './errors.ts';
import { hmacKey, isHmac, sha256 } from './hashes.ts';
import type { AccessKey } from './tokens.ts';

/** The parts of a request that a signature covers. */
export interface SignedRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Headers;
  /** The host, as the Host header contains it. */
  readonly host: string;
  /** The Content-Length in bytes that the transport sends. It is undefined if the transport sends none. */
  readonly contentLength: number | undefined;
  /**
   * The region that the credential scope must name. If the bucket is unknown, it is undefined, and any region is
   * accepted.
   */
  readonly region: string | undefined;
  readonly product: string;
}

/** The signer of a request. */
export interface Identity {
  readonly accessKeyId: string;
  readonly key: AccessKey;
}

interface Claim {
  readonly form: 'header' | 'query';
  readonly accessKeyId: string;
  readonly day: string;
  readonly region: string;
  readonly product: string;
  /** The time in the form yyyyMMddTHHmmssZ. */
  readonly date: string;
  /**
   * The forms in which the string to sign may contain the time. If a request has only the header Date, the documents
   * name the form of `date`, and the first Go SDK signs the text of the header, so both count.
   */
  readonly dates: readonly string[];
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The life time in seconds. It applies only to the query form. */
  readonly expires: number;
  readonly additionalHeaders: readonly string[];
  readonly token: string | null;
  readonly signature: string;
}

const ALGORITHM = 'OSS4-HMAC-SHA256';
const MAX_SKEW = 900_000;
const CACHED_KEYS = 1000;
const REMEMBERED = 10_000;

/**
 * Checks signatures. It caches the signing keys of the day, because deriving a key costs four HMACs. It also remembers
 * the valid signatures, because Web Crypto takes 0.25 ms for one check and property tests repeat the same requests.
 */
export class Verifier {
  readonly #keyOf: (accessKeyId: string) => AccessKey | undefined;
  readonly #signingKeys: Map<string, Promise<CryptoKey>> = new Map();
  readonly #good: Set<string> = new Set();

  constructor(keyOf: (accessKeyId: string) => AccessKey | undefined) {
    this.#keyOf = keyOf;
  }

  /**
   * Returns the signer of a request, or undefined for an anonymous request.
   *
   * @param now The server's time in ms.
   * @throws {Refusal} with OSS's status, code and EC.
   */
  async verify(request: SignedRequest, now: number): Promise<Identity | undefined> {
    const claim = readClaim(request);
    if (!claim) return undefined;
    const key = this.#keyOf(claim.accessKeyId);
    if (!key) throw invalidAccessKeyId(claim.accessKeyId);
    checkToken(claim, key, now);
    checkScope(claim, request);
    checkTime(claim, key, now);
    await this.#checkSignature(claim, key, request);
    return { accessKeyId: claim.accessKeyId, key };
  }

  async #checkSignature(claim: Claim, key: AccessKey, request: SignedRequest): Promise<void> {
    const canonical = canonicalRequest(request, claim.additionalHeaders);
    // These values determine the result completely. The access key ID stands for the secret.
    const { accessKeyId, day, region, product, dates } = claim;
    const checked = [accessKeyId, day, region, product, ...dates, claim.signature, canonical].join('\n');
    if (this.#good.has(checked)) return;
    await this.#compute(claim, key, { request, canonical });
    if (this.#good.size >= REMEMBERED) this.#good.clear();
    this.#good.add(checked);
  }

  async #compute(
    claim: Claim,
    key: AccessKey,
    { request, canonical }: { readonly request: SignedRequest; readonly canonical: string },
  ): Promise<void> {
    const scope = `${claim.day}/${claim.region}/${claim.product}/aliyun_v4_request`;
    const hash = await sha256(bytesOfHeaders(canonical));
    const texts = claim.dates.map((date) => `${ALGORITHM}\n${date}\n${scope}\n${hash}`);
    const signingKey = await this.#signingKey(claim, key.secret);
    const matches = await Promise.all(texts.map((text) => isHmac(signingKey, claim.signature, text)));
    const good = hasAll(request, claim.additionalHeaders) && matches.includes(true);
    if (!good) throw signatureDoesNotMatch(claim, texts[0]!, canonical);
  }

  #signingKey({ accessKeyId, day, region, product }: Claim, secret: string): Promise<CryptoKey> {
    const name = `${accessKeyId}/${day}/${region}/${product}`;
    let key = this.#signingKeys.get(name);
    if (!key) {
      if (this.#signingKeys.size >= CACHED_KEYS) this.#signingKeys.clear();
      key = deriveKey(secret, [day, region, product, 'aliyun_v4_request']);
      this.#signingKeys.set(name, key);
    }
    return key;
  }
}

async function deriveKey(secret: string, parts: readonly string[]): Promise<CryptoKey> {
  let key: BufferSource = utf8(`aliyun_v4${secret}`);
  for (const part of parts) key = await crypto.subtle.sign('HMAC', await hmacKey(key, 'sign'), utf8(part));
  return hmacKey(key, 'verify');
}

/** Returns the canonical request. The signature covers the SHA-256 hash of this text. */
export function canonicalRequest(request: SignedRequest, additionalHeaders: readonly string[]): string {
  // The list of all buckets names no bucket.
  const uri = request.bucket === '' ? '/' : `/${request.bucket}/${request.key}`;
  return [
    request.method,
    percentEncode(uri).replaceAll('%2F', '/'),
    canonicalQuery(request.query),
    canonicalHeaders(request, additionalHeaders),
    additionalHeaders.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n');
}

function canonicalQuery(query: ReadonlyMap<string, string>): string {
  const pairs: [string, string][] = [];
  for (const [name, value] of query) {
    if (name !== 'x-oss-signature') pairs.push([percentEncode(name), percentEncode(value)]);
  }
  // Encoded text is ASCII, so comparing the strings compares their bytes.
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('&');
}

/** Returns the headers block. Each header ends with a newline, so the block does as well. */
function canonicalHeaders(request: SignedRequest, additionalHeaders: readonly string[]): string {
  const signed = new Map<string, string>();
  for (const [name, value] of request.headers) {
    if (isAlwaysSigned(name)) signed.set(name, value);
  }
  for (const name of additionalHeaders) {
    const value = headerOnTheWire(request, name);
    if (value !== null) signed.set(name, value);
  }
  const names = [...signed.keys()].sort();
  return names.map((name) => `${name}:${signed.get(name)}\n`).join('');
}

function isAlwaysSigned(name: string): boolean {
  return name.startsWith('x-oss-') || name === 'content-type' || name === 'content-md5';
}

/**
 * Returns whether the request has every additional header that its signature lists. OSS refuses a list that names an
 * absent header, so nobody can sign that a header must be absent
 * (https://www.alibabacloud.com/help/en/oss/support/0002-00000112).
 */
function hasAll(request: SignedRequest, names: readonly string[]): boolean {
  return names.every((name) => headerOnTheWire(request, name) !== null);
}

/** Returns a header as the transport sends it. The transport sets Host and Content-Length itself. */
function headerOnTheWire(request: SignedRequest, name: string): string | null {
  if (name === 'host') return request.host;
  if (name !== 'content-length') return request.headers.get(name);
  return request.contentLength === undefined ? null : String(request.contentLength);
}

/** The signatures that OSS accepts beside V4: the beginning of the header, and the parameters of a presigned URL. */
const OTHERS: readonly [name: string, header: RegExp, parameters: RegExp][] = [
  ['signature V1', /^OSS /, /^OSSAccessKeyId$/],
  ['signature V2', /^OSS2 /, /^x-oss-access-key-id$/],
  ['the API of Amazon S3', /^AWS/, /^(X-Amz-Algorithm|AWSAccessKeyId)$/],
];

function readClaim(request: SignedRequest): Claim | undefined {
  const { headers, query } = request;
  const authorization = headers.get('authorization');
  const inQuery = query.has('x-oss-signature') || query.has('x-oss-signature-version');
  const [other] =
    OTHERS.find(([, header, parameters]) => {
      return header.test(authorization ?? '') || [...query.keys()].some((name) => parameters.test(name));
    }) ?? [];
  if (other) throw notImplemented(`${other}. Tell the client to sign with V4 of OSS`);
  if (authorization !== null && inQuery) {
    const message = 'Only one form of signature V4 may be given: in the header or in the query.';
    throw invalidArgument('Authorization', '', message);
  }
  if (authorization !== null) return readHeader(authorization, headers);
  return inQuery ? readQuery(query, headers) : undefined;
}

function readHeader(authorization: string, headers: Headers): Claim {
  const items = authorizationItems(authorization);
  const additional = items.get('AdditionalHeaders');
  checkPayload(headers.get('x-oss-content-sha256') ?? '');
  const date = dateOf(headers.get('x-oss-date'), headers.get('date') ?? '');
  return {
    form: 'header',
    ...readCredential(items.get('Credential') ?? '', date.date),
    ...date,
    expires: 0,
    additionalHeaders: readAdditional(additional),
    token: headers.get('x-oss-security-token'),
    signature: items.get('Signature') ?? '',
  };
}

function checkPayload(value: string): void {
  if (value === 'UNSIGNED-PAYLOAD') return;
  throw invalidArgument('x-oss-content-sha256', value, 'The value must be UNSIGNED-PAYLOAD.', '0002-00000214');
}

function authorizationItems(authorization: string): Map<string, string> {
  const malformed = () => invalidArgument('Authorization', authorization, 'The Authorization header is not valid.');
  const [scheme, rest] = [authorization.slice(0, ALGORITHM.length), authorization.slice(ALGORITHM.length)];
  if (scheme !== ALGORITHM || !rest.startsWith(' ')) throw malformed();
  const items = new Map<string, string>();
  for (const part of rest.split(',')) {
    const [, name, value] = /^ *(Credential|AdditionalHeaders|Signature)=(.*?) *$/.exec(part) ?? [];
    if (name === undefined || value === undefined || items.has(name)) throw malformed();
    items.set(name, value);
  }
  if (!items.has('Credential') || !items.has('Signature')) throw malformed();
  return items;
}

function readQuery(query: ReadonlyMap<string, string>, headers: Headers): Claim {
  const version = query.get('x-oss-signature-version');
  if (version !== ALGORITHM) {
    throw invalidArgument('x-oss-signature-version', version ?? '', `The value must be ${ALGORITHM}.`);
  }
  // A presigned request may leave out this header.
  checkPayload(headers.get('x-oss-content-sha256') ?? 'UNSIGNED-PAYLOAD');
  const additionalHeaders = readAdditional(query.get('x-oss-additional-headers'));
  refuseContradiction(query, headers, additionalHeaders);
  const date = dateOf(query.get('x-oss-date') ?? null);
  return {
    form: 'query',
    ...readCredential(query.get('x-oss-credential') ?? '', date.date),
    ...date,
    expires: readExpires(query.get('x-oss-expires')),
    additionalHeaders,
    token: query.get('x-oss-security-token') ?? null,
    signature: query.get('x-oss-signature') ?? '',
  };
}

/** Refuses a name that is signed in the query and as a header with two different values, because OSS does the same. */
function refuseContradiction(
  query: ReadonlyMap<string, string>,
  headers: Headers,
  additionalHeaders: readonly string[],
): void {
  for (const [name, value] of query) {
    const header = isAlwaysSigned(name) || additionalHeaders.includes(name) ? headers.get(name) : null;
    if (header !== null && header !== value) {
      throw invalidArgument(name, value, `The query and the header ${name} have different values.`);
    }
  }
}

function readExpires(text: string | undefined): number {
  if (text === undefined) {
    throw invalidArgument('x-oss-expires', '', 'x-oss-expires is missing.', '0002-00000215');
  }
  const seconds = /^\d+$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > 604_800) throw expiresOutside(text, 604_800);
  return seconds;
}

function expiresOutside(value: string, most: number): Refusal {
  return invalidArgument('x-oss-expires', value, `x-oss-expires must be from 1 to ${most}.`, '0002-00000232');
}

function readCredential(credential: string, date: string): Pick<Claim, 'accessKeyId' | 'day' | 'region' | 'product'> {
  const [accessKeyId, day, region, product, terminator, ...more] = credential.split('/');
  const good = accessKeyId && region && product && terminator === 'aliyun_v4_request' && more.length === 0;
  if (!good || day === undefined || day !== date.slice(0, 8)) {
    const form = 'accessKeyId/yyyyMMdd/region/product/aliyun_v4_request, with the day of the date';
    throw invalidArgument('Credential', credential, `The credential must be ${form}.`, '0002-00000213');
  }
  return { accessKeyId, day, region, product };
}

function readAdditional(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  const names = text.split(';');
  const sorted = names.every((name, i) => NAME.test(name) && (i === 0 || names[i - 1]! < name));
  if (sorted && !names.some(isAlwaysSigned)) return names;
  const message = 'The list must be lower-case and sorted, and cannot contain headers that are always signed.';
  throw invalidArgument('AdditionalHeaders', text, message, text === '' ? '0002-00000209' : undefined);
}

/** The name of a header in lower case. `Headers.get` would throw a TypeError for any other text. */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

const BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const GMT = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** Reads a time in the form yyyyMMddTHHmmssZ. If there is none, it reads the GMT form of a `Date` header. */
function dateOf(text: string | null, gmt = ''): Pick<Claim, 'date' | 'dates' | 'time'> {
  const basic = text?.replace(BASIC, '$1-$2-$3T$4:$5:$6Z');
  const isGood = text === null ? GMT.test(gmt) : BASIC.test(text);
  const time = isGood ? Date.parse(basic ?? gmt) : Number.NaN;
  if (Number.isNaN(time)) {
    const ec = (text ?? gmt) === '' ? '0002-00000503' : '0002-00000502';
    throw new Refusal(403, 'AccessDenied', 'OSS authentication requires a valid Date.', { ec });
  }
  const date = `${new Date(time).toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;
  return { date, dates: text === null ? [gmt, date] : [date], time };
}

/** Checks the token. OSS refuses a temporary key without its token, and a permanent key with a token. */
function checkToken({ accessKeyId, token }: Claim, key: AccessKey, now: number): void {
  if (key.token !== undefined && token === null) throw invalidAccessKeyId(accessKeyId);
  if ((token ?? undefined) !== key.token) {
    const message = 'The security token you provided is invalid.';
    throw new Refusal(403, 'InvalidSecurityToken', message, { ec: '0002-00000008' });
  }
  if (key.expiration !== undefined && now >= key.expiration) throw securityTokenExpired(token ?? '');
}

/** Makes the error 403 SecurityTokenExpired. It contains the token, because OSS repeats it as well. */
export function securityTokenExpired(token: string): Refusal {
  const message = 'The security token you provided has expired.';
  return new Refusal(403, 'SecurityTokenExpired', message, {
    ec: '0002-00000007',
    elements: { SecurityToken: token },
  });
}

function invalidAccessKeyId(accessKeyId: string): Refusal {
  const message = 'The OSS Access Key Id you provided does not exist in our records.';
  return new Refusal(403, 'InvalidAccessKeyId', message, {
    ec: '0002-00000902',
    elements: { OSSAccessKeyId: accessKeyId },
  });
}

function checkScope({ region, product }: Claim, request: SignedRequest): void {
  if (product !== request.product) {
    throw invalidArgument('Credential', product, `The product must be ${request.product}.`, '0002-00000213');
  }
  if (region.startsWith('oss-') || !/^[a-z0-9-]+$/.test(region)) {
    throw invalidArgument('Credential', region, 'Invalid signing region in Authorization header.', '0002-00000226');
  }
  if (request.region !== undefined && region !== request.region) {
    const message = `The region of the credential must be that of the bucket, ${request.region}.`;
    throw invalidArgument('Credential', region, message, '0002-00000228');
  }
}

function checkTime(claim: Claim, key: AccessKey, now: number): void {
  const { form, time, expires } = claim;
  // OSS's answer to a URL from the future is not documented. LocalOss uses the skew error, which has the same cause.
  const skewed = form === 'header' ? Math.abs(now - time) > MAX_SKEW : time - MAX_SKEW > now;
  if (skewed) throw requestTimeTooSkewed(time, now);
  if (form === 'header') return;
  if (key.token !== undefined && expires > 43_200) throw expiresOutside(String(expires), 43_200);
  if (now <= time + expires * 1000) return;
  throw new Refusal(403, 'AccessDenied', 'Request has expired.', {
    ec: '0002-00000069',
    elements: { Expires: isoSeconds(time + expires * 1000), ServerTime: isoSeconds(now) },
  });
}

function requestTimeTooSkewed(time: number, now: number): Refusal {
  const message = 'The difference between the request time and the current time is too large.';
  return new Refusal(403, 'RequestTimeTooSkewed', message, {
    ec: '0002-00000504',
    elements: {
      MaxAllowedSkewMilliseconds: String(MAX_SKEW),
      RequestTime: isoSeconds(time),
      ServerTime: isoSeconds(now),
    },
  });
}

/** OSS repeats the texts that it computed. They contain the signed token, so a client must redact them. */
function signatureDoesNotMatch(claim: Claim, stringToSign: string, canonical: string): Refusal {
  const message =
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.';
  return new Refusal(403, 'SignatureDoesNotMatch', message, {
    ec: '0002-00000201',
    elements: {
      OSSAccessKeyId: claim.accessKeyId,
      SignatureProvided: claim.signature,
      StringToSign: stringToSign,
      StringToSignBytes: hex(utf8(stringToSign), ' '),
      CanonicalRequest: canonical,
      CanonicalRequestBytes: hex(bytesOfHeaders(canonical), ' '),
    },
  });
}

/**
 * Returns the bytes of a text that contains values of headers. fetch and Node write each byte of a header as one
 * character, and OSS computes with the bytes. All other parts of a canonical request are ASCII.
 */
function bytesOfHeaders(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
