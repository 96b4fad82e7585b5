/**
 * The properties of a new object, written as headers. This file knows the names, limits and character sets of OSS's
 * headers, and which of them count for every append. Properties that few callers need are in a function of their own,
 * so other callers do not load it.
 */

import { checkRange, checkType } from '../check.ts';
import { percentEncode } from './endpoint.ts';

/**
 * Media type and headers of an object. OSS uses them when an append creates the object, and ignores most of them later.
 *
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/appendobject
 */
export interface ObjectOptions {
  /**
   * Media type. Default: that of a `Blob` or `File`. With `null`, no media type is sent; then a query-signed append
   * needs no preflight.
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
  for (const [name, value] of entriesOf('headers', headers)) {
    const lower = name.toLowerCase();
    checkType(/^[\w!#$%&'*+.^`|~-]+$/.test(lower), `headers: "${name}" is not a header name`);
    checkType(!OURS.test(lower), `headers: ${lower} is set by the client (the type by contentType)`);
    add(result, `headers["${name}"]`, lower, value);
  }
  const type = contentType === undefined ? defaultType : contentType;
  if (type) add(result, 'contentType', 'content-type', type);
  return result;
}

/** The values that OSS accepts in these headers of an append. It refuses any other value. */
const ALLOWED: Readonly<Record<string, string>> = {
  'content-md5': '[A-Za-z0-9+/]{22}==',
  'x-oss-forbid-overwrite': 'true|false',
  'x-oss-object-acl': 'default|private|public-read|public-read-write',
  'x-oss-request-payer': 'requester',
  'x-oss-server-side-data-encryption': 'SM4',
  'x-oss-server-side-encryption': 'AES256|KMS|SM4',
  'x-oss-storage-class': 'Standard|IA|Archive',
};

/**
 * Adds a header whose value is one that HTTP and OSS accept. A line break would begin another header, and browsers and
 * OSS encode other text than ASCII in different ways.
 *
 * @param label the name of the value in messages
 */
function add(headers: Record<string, string>, label: string, name: string, given: unknown): void {
  checkType(!(name in headers), `${label} is given twice`);
  checkType(given !== '', `${label} must not be empty: OSS keeps no empty header`);
  const value = typeof given === 'string' && /^[\x20-\x7e]*$/.test(given) ? given.trim() : '';
  checkType(
    value,
    `${label} must be a string of visible ASCII and spaces: percent-encode other text (a file name as filename*=UTF-8''...)`,
  );
  checkType(!/^if-|^x-oss-server.*key-id$/.test(name), `${label}: OSS refuses this header on an append`);
  const allowed = ALLOWED[name] ?? '.*';
  checkType(new RegExp(`^(${allowed})$`).test(value), `${label} must be ${allowed}, not ${value}`);
  if (name === 'x-oss-traffic-limit')
    checkType(!/\D/.test(value) && +value >= 819_200 && +value <= 838_860_800, `${label} must be 819200 to 838860800`);
  headers[name] = value;
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
  const result: Record<string, string> = {};
  for (const [name, value] of entriesOf('metadata', metadata)) {
    checkType(/^[a-z0-9-]+$/i.test(name), `metadata: "${name}" may hold letters, digits and hyphens only`);
    add(result, `metadata["${name}"]`, `x-oss-meta-${name.toLowerCase()}`, value);
  }
  // OSS counts the names of the headers with their prefix.
  const bytes = Object.entries(result).flat().join('').length;
  checkRange(bytes <= 8192, 'metadata', '8192 bytes at most', bytes);
  if (expires !== undefined) add(result, 'expires', 'expires', expires instanceof Date ? utcOf(expires) : expires);
  if (acl !== undefined) add(result, 'acl', 'x-oss-object-acl', acl);
  const tags = entriesOf('tagging', tagging);
  checkRange(tags.length <= 10, 'tagging', '10 tags at most', tags.length);
  const pairs = tags.map(([key, value]) => `${tagPart(key, 1, 128)}=${tagPart(value, 0, 256)}`);
  if (pairs.length > 0) result['x-oss-tagging'] = pairs.join('&');
  return result;
}

function utcOf(date: Date): string {
  checkType(!Number.isNaN(Number(date)), 'expires must be a valid Date or a header value');
  return date.toUTCString();
}

function tagPart(text: string, least: number, most: number): string {
  const name = `tagging: ${JSON.stringify(text)}`;
  checkType(
    typeof text === 'string' && /^[A-Za-z0-9 +\-=._:/]*$/.test(text),
    `${name} may hold ASCII letters, digits, spaces and + - = . _ : / only`,
  );
  const { length } = text;
  checkRange(length >= least && length <= most, `${name}: the length`, `${least} to ${most} characters`, length);
  return percentEncode(text);
}

function entriesOf(name: string, value: Readonly<Record<string, string>>): [string, string][] {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  checkType(isRecord, `${name} must be an object of strings`);
  return Object.entries(value);
}
