/**
 * The properties of a new object, written as headers. This file knows the names, limits and character sets of OSS's
 * headers, and which of them count for every append. Properties that few callers need are in a function of their own,
 * so other callers do not load it.
 */
import { percentEncode } from './endpoint.ts';

/**
 * Media type and headers of an object. OSS uses them when an append creates the object, and ignores most of them later.
 *
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/appendobject
 */
export interface ObjectOptions {
  /**
   * Media type. Default: that of a `Blob` or `File`. With `null` none is sent; then a query-signed append needs no
   * preflight.
   */
  readonly contentType?: string | null | undefined;
  /**
   * Other headers of AppendObject, such as `Cache-Control` or `x-oss-storage-class`, and those of {@link
   * objectHeaders}.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The properties that {@link objectHeaders} writes as headers. */
export interface ObjectProperties {
  /** When caches should drop the object. A string is sent as it is. */
  readonly expires?: Date | string | undefined;
  readonly acl?: 'default' | 'private' | 'public-read' | 'public-read-write' | undefined;
  /**
   * User metadata, at most 8,192 bytes with the names. Names have letters, digits and hyphens; values have visible
   * ASCII.
   */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** At most 10 tags. STS credentials need `oss:PutObjectTagging` for them. */
  readonly tagging?: Readonly<Record<string, string>> | undefined;
}

/** Headers that callers cannot set, because they belong to the signature, to the transport, or to `contentType`. */
const OURS =
  /^(authorization|host|content-(length|type)|transfer-encoding|date|range|x-oss-(date|content-sha256|security-token|signature.*))$/;
/** Headers that apply to one request and not to the object. OSS also accepts them in the query. */
export const IN_QUERY_TOO: RegExp = /^x-oss-(traffic-limit|request-payer)$/i;

/**
 * Returns the headers of an append, with names in lower case.
 *
 * @throws TypeError for a header that HTTP or OSS would refuse, or that the client sets itself.
 */
export function appendHeaders({ contentType, headers = {} }: ObjectOptions, defaultType = ''): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(checkRecord('headers', headers))) {
    const lower = name.toLowerCase();
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(lower)) throw new TypeError(`headers: "${name}" is not a header name`);
    if (OURS.test(lower)) throw new TypeError(`headers: ${lower} is set by the client (the type by contentType)`);
    if (lower in result) throw new TypeError(`headers: ${lower} is given twice`);
    result[lower] = checkAllowed(lower, checkValue(`headers["${name}"]`, value));
  }
  const type = contentType === undefined ? defaultType : contentType;
  if (type) result['content-type'] = checkValue('contentType', type);
  return result;
}

/** The values that OSS accepts in these headers of an append. It refuses any other value. */
const ALLOWED: Readonly<Record<string, string>> = {
  'content-md5': '[A-Za-z0-9+/]{22}==',
  'x-oss-forbid-overwrite': 'true|false',
  'x-oss-object-acl': 'default|private|public-read(-write)?',
  'x-oss-request-payer': 'requester',
  'x-oss-server-side-data-encryption': 'SM4',
  'x-oss-server-side-encryption': 'AES256|KMS|SM4',
  'x-oss-storage-class': 'Standard|IA|Archive',
  // In bit/s.
  'x-oss-traffic-limit': '[1-9]\\d{5,8}',
};

function checkAllowed(name: string, value: string): string {
  const isRefused =
    /^if-|^x-oss-server.*key-id$/.test(name) ||
    (name in ALLOWED && !new RegExp(`^(${ALLOWED[name]})$`).test(value)) ||
    (name === 'x-oss-traffic-limit' && (Number(value) < 819_200 || Number(value) > 838_860_800));
  if (isRefused) throw new TypeError(`headers: OSS refuses ${name}: ${value} on an append`);
  return value;
}

/** Returns the options that still count when the object exists. */
export function laterOptions({ headers = {} }: ObjectOptions): ObjectOptions {
  const later = Object.entries(headers).filter(([name]) => IN_QUERY_TOO.test(name));
  return { contentType: null, headers: Object.fromEntries(later) };
}

/**
 * Writes expiry, ACL, metadata and tags as headers, for the option `headers`.
 *
 * @throws TypeError or RangeError for a value that OSS or HTTP would refuse.
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/appendobject
 * @example
 * ```ts
 * import { AppendableObject, type OssClient, objectHeaders } from 'oss-append';
 *
 * function logOf(client: OssClient) {
 *   const headers = { ...objectHeaders({ metadata: { device: 'kiosk-7' } }), 'Cache-Control': 'no-cache' };
 *   return new AppendableObject(client, 'app.log', { contentType: 'text/plain', headers });
 * }
 * ```
 */
export function objectHeaders({ expires, acl, metadata = {}, tagging = {} }: ObjectProperties): Record<string, string> {
  const result = metadataHeaders(metadata);
  if (expires !== undefined) result['expires'] = expiryDate(expires);
  if (acl !== undefined) result['x-oss-object-acl'] = checkAcl(acl);
  const tags = tagHeader(tagging);
  if (tags) result['x-oss-tagging'] = tags;
  return result;
}

function metadataHeaders(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const result: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of Object.entries(checkRecord('metadata', metadata))) {
    const header = `x-oss-meta-${name.toLowerCase()}`;
    if (!/^[a-z0-9-]+$/i.test(name))
      throw new TypeError(`metadata: "${name}" may hold letters, digits and hyphens only`);
    if (header in result) throw new TypeError(`metadata: "${name.toLowerCase()}" is given twice`);
    result[header] = checkValue(`metadata["${name}"]`, value);
    // OSS counts the name of the header with its prefix.
    bytes += header.length + value.length;
  }
  if (bytes > 8192) throw new RangeError(`metadata has ${bytes} bytes; OSS takes 8192 at most`);
  return result;
}

function tagHeader(tagging: Readonly<Record<string, string>>): string {
  const tags = Object.entries(checkRecord('tagging', tagging));
  if (tags.length > 10) throw new RangeError(`tagging has ${tags.length} tags; OSS takes 10 at most`);
  return tags
    .map(([key, value]) => `${percentEncode(tagPart(key, 1, 128))}=${percentEncode(tagPart(value, 0, 256))}`)
    .join('&');
}

function tagPart(text: unknown, least: number, most: number): string {
  if (typeof text !== 'string' || !/^[A-Za-z0-9 +\-=._:/]*$/.test(text)) {
    throw new TypeError(
      `tagging: ${JSON.stringify(text)} may hold ASCII letters, digits, spaces and + - = . _ : / only`,
    );
  }
  if (text.length >= least && text.length <= most) return text;
  throw new RangeError(`tagging: "${text.slice(0, 40)}" has ${text.length} characters; OSS takes ${least} to ${most}`);
}

function expiryDate(expires: Date | string): string {
  if (typeof expires === 'string') return checkValue('expires', expires);
  if (expires instanceof Date && !Number.isNaN(Number(expires))) return expires.toUTCString();
  throw new TypeError('expires must be a valid Date or a header value');
}

const ACLS = ['default', 'private', 'public-read', 'public-read-write'];

function checkAcl(acl: string): string {
  if (ACLS.includes(acl)) return acl;
  throw new TypeError(`acl must be one of ${ACLS.join(', ')}, not ${JSON.stringify(acl)}`);
}

function checkRecord<T>(name: string, value: T): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new TypeError(`${name} must be an object of strings`);
}

/**
 * Checks the value of a header. A line break would begin another header, and browsers and OSS encode other text than
 * ASCII in different ways.
 */
function checkValue(name: string, value: unknown): string {
  if (value === '') throw new TypeError(`${name} must not be empty: OSS keeps no empty header`);
  if (typeof value === 'string' && /^[\x20-\x7e]*$/.test(value) && value.trim()) return value.trim();
  const other = /disposition/i.test(name)
    ? "write a file name as filename*=UTF-8''..., percent-encoded"
    : 'encode other text, for example with encodeURIComponent';
  throw new TypeError(`${name} must be a string of visible ASCII and spaces (${other})`);
}
