/**
 * Turns region, host, bucket and key into a URL. It knows OSS's host styles, and what the URL standard does to a key
 * (`a/../b` becomes `b`, `\\` becomes `/`). It refuses a key that would not arrive as it was written.
 */

import { checkFlags, checkText, checkType } from '../check.ts';

/** The address of a bucket. */
export interface EndpointOptions {
  /** Region id of the bucket, such as `cn-hangzhou`. It is a part of every signature. */
  readonly region: string;
  readonly bucket: string;
  /**
   * Host to use in place of the region's, for example the dual-stack host `cn-hangzhou.oss.aliyuncs.com`. The scheme is
   * `https`, unless you write another one in front of the host.
   */
  readonly endpoint?: string | undefined;
  /** True if `endpoint` is a custom domain that is bound to the bucket. */
  readonly cname?: boolean | undefined;
  /** Use the region's internal host. It can be reached only from inside Alibaba Cloud's network. */
  readonly internal?: boolean | undefined;
  /** Use transfer acceleration. It must be enabled for the bucket. */
  readonly accelerate?: boolean | 'overseas' | undefined;
  /** Put the bucket into the path. This is always done for IP addresses and localhost. OSS itself refuses it. */
  readonly pathStyle?: boolean | undefined;
}

/** The address of a bucket, checked and ready to make URLs. */
export interface Endpoint {
  readonly region: string;
  readonly bucket: string;
  /** Returns scheme, host and path of an object, without a query. */
  url(key: string): string;
}

/**
 * Finds the address of a bucket.
 *
 * @throws TypeError if the region, the bucket or the endpoint has an impossible form.
 * @see https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints
 */
export function resolveEndpoint(options: EndpointOptions): Endpoint {
  const { cname, internal, accelerate, pathStyle } = options;
  // A host or a region in place of `true` would otherwise count as true.
  checkFlags({ cname, internal, pathStyle });
  checkType([undefined, true, false, 'overseas'].includes(accelerate), "accelerate must be true, false or 'overseas'");
  const places = [options.endpoint !== undefined, internal, accelerate].filter(Boolean);
  checkType(places.length < 2, 'endpoint, internal and accelerate exclude each other: give one');
  const region = checkRegion(options.region);
  const bucket = checkBucket(options.bucket);
  const { protocol, host } = parseHost(options.endpoint ?? regionHost(region, options));
  if (options.endpoint !== undefined) checkEndpoint(host, bucket, cname);
  const isInPath = !cname && (pathStyle || isAddress(host));
  const base = `${protocol}//${cname || isInPath ? '' : `${bucket}.`}${host}/${isInPath ? `${bucket}/` : ''}`;
  return { region, bucket, url: (key) => base + encodePath(key) };
}

function checkRegion(region: string): string {
  checkText('region', region, 'cn-hangzhou');
  const id = region.replace(/^oss-/, '');
  const name = id.replace(/-internal$/, '');
  checkType(name === id, `region "${region}" is internal: give region "${name}" with internal: true`);
  checkType(isRegionId(id), `region "${region}" is not a region id such as "cn-hangzhou"; a host goes in endpoint`);
  return id;
}

/** Returns whether a text has the form of a region id, such as `cn-hangzhou`. */
export function isRegionId(text: string): boolean {
  return /^[a-z]{2,}(-[a-z0-9]+)+$/.test(text);
}

export function checkBucket(bucket: string): string {
  checkText('bucket', bucket, 'my-logs');
  const isName = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket);
  checkType(isName, `bucket "${bucket}" must be 3 to 63 of a-z, 0-9 and -, and neither begin nor end in -`);
  return bucket;
}

function regionHost(region: string, { cname, internal, accelerate }: EndpointOptions): string {
  checkType(!cname, 'cname: true needs endpoint, the custom domain');
  if (accelerate) return `oss-accelerate${accelerate === 'overseas' ? '-overseas' : ''}.aliyuncs.com`;
  return `oss-${region}${internal ? '-internal' : ''}.aliyuncs.com`;
}

function parseHost(endpoint: string): { protocol: string; host: string } {
  checkText('endpoint', endpoint, 'https://oss-cn-hangzhou.aliyuncs.com');
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`;
  const { protocol = '', host = '', href } = parseUrl(text);
  // The text is not shown, because it may contain a password.
  checkType(/^https?:$/.test(protocol), 'endpoint is not a host or an http(s) URL');
  checkType(
    href === `${protocol}//${host}/`,
    `endpoint has more than scheme, host and port: give "${protocol}//${host}"`,
  );
  return { protocol, host };
}

function parseUrl(text: string): Partial<URL> {
  try {
    return new URL(text);
  } catch {
    return {};
  }
}

function checkEndpoint(host: string, bucket: string, cname: boolean | undefined): void {
  const rest = host.startsWith(`${bucket}.`) ? host.slice(bucket.length + 1) : '';
  const isDouble = !cname && /\baliyuncs\.com(:\d+)?$/.test(rest) && /^oss-|\.oss/.test(rest);
  checkType(!isDouble, `endpoint "${host}" already holds the bucket: give "${rest}"`);
}

function isAddress(host: string): boolean {
  return /^(\d{1,3}(\.\d{1,3}){3}|\[.*\]|localhost)(:\d+)?$/.test(host);
}

const HALF_PAIR = /[\ud800-\udfff]/u;

const HALF_PAIR_PROBLEM = 'has half of a surrogate pair';

/**
 * Checks that OSS accepts a key, and that the key arrives as it is written.
 *
 * @throws TypeError if the key is not a string; RangeError if it would not arrive as it is written.
 */
export function checkKey(key: string): void {
  if (typeof key !== 'string') throw new TypeError('key must be a string');
  const bytes = new TextEncoder().encode(key).length;
  const problem =
    (!key && 'is empty') ||
    (bytes > 1023 && `has ${bytes} bytes of UTF-8; OSS takes 1023 at most`) ||
    (/^[/\\]/.test(key) && 'begins with / or \\, which OSS refuses') ||
    (/^\.\.?$/.test(key) && 'cannot be sent: URLs drop a path of dots') ||
    (HALF_PAIR.test(key) && HALF_PAIR_PROBLEM);
  if (problem) throw new RangeError(`key ${JSON.stringify(key.slice(0, 100))} ${problem}`);
}

/**
 * Percent-encodes everything except RFC 3986's unreserved characters. V4 encodes five more characters than
 * `encodeURIComponent`.
 */
export function percentEncode(text: string): string {
  // Most names and values need no encoding.
  if (/^[\w.~-]*$/.test(text)) return text;
  if (HALF_PAIR.test(text)) throw new RangeError(`${JSON.stringify(text.slice(0, 100))} ${HALF_PAIR_PROBLEM}`);
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Encodes a key as V4 signs it. Slashes stay. */
export function encodeKey(key: string): string {
  return percentEncode(key).replaceAll('%2F', '/');
}

/**
 * Encodes a key as it is sent. URL parsers drop a path segment of dots, so slashes are encoded too in such a key. The
 * signature is the same.
 */
function encodePath(key: string): string {
  return /(^|\/)\.\.?(\/|$)/.test(key) ? percentEncode(key) : encodeKey(key);
}
