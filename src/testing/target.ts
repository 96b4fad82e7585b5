// Finds the bucket and the key that a URL names. https://help.aliyun.com/document_detail/31837 (regions and endpoints)

import { Refusal } from './errors.ts';

/** The bucket and key that a request addresses. */
export interface Target {
  readonly bucket: string;
  readonly key: string;
  /** The region in the host name. It is undefined if the host serves every region. */
  readonly region: string | undefined;
  /** The product that the credential scope must name. */
  readonly product: 'oss' | 'oss-cloudbox';
}

/** The host names that an OSS serves beside those of aliyuncs.com. */
export interface Hosts {
  /** For each custom domain, the bucket that it belongs to. */
  readonly domains: ReadonlyMap<string, string>;
  /** The names that address the OSS itself: path style, and `{bucket}.{name}`. */
  readonly endpoints: readonly string[];
}

/**
 * Reads host and path. There are three forms: a virtual-hosted name on aliyuncs.com or on an endpoint, a custom domain,
 * and path style on endpoints and IP addresses.
 *
 * @throws {TypeError} if no server has this host name, as fetch does.
 * @throws {Refusal} if OSS itself would refuse the host or the path.
 */
export function locate(url: URL, { domains, endpoints }: Hosts): Target {
  const path = decodePath(url.pathname.slice(1));
  const domain = domains.get(url.host) ?? domains.get(url.hostname) ?? bucketOf(url.hostname, endpoints);
  if (domain !== undefined) return { bucket: domain, key: path, region: undefined, product: 'oss' };
  if (isAddress(url.hostname) || endpoints.includes(url.hostname)) return pathStyle(path);
  const suffix = '.aliyuncs.com';
  const target = url.hostname.endsWith(suffix) ? virtualHosted(url.hostname.slice(0, -suffix.length), path) : undefined;
  if (target === undefined) {
    throw new TypeError('fetch failed', { cause: new Error(`LocalOss serves no host of this name: ${url.hostname}`) });
  }
  return { ...target, key: path };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw invalidObjectName(path);
  }
}

/** Makes the error 400 InvalidObjectName. */
export function invalidObjectName(key: string): Refusal {
  return new Refusal(400, 'InvalidObjectName', 'The specified object is not valid.', { elements: { ObjectName: key } });
}

function isAddress(hostname: string): boolean {
  return hostname.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Returns the bucket of a host name of the form `{bucket}.{endpoint}`. */
function bucketOf(hostname: string, endpoints: readonly string[]): string | undefined {
  const endpoint = endpoints.find((name) => hostname.endsWith(`.${name}`));
  return endpoint && hostname.slice(0, -endpoint.length - 1);
}

function pathStyle(path: string): Target {
  const slash = path.indexOf('/');
  const bucket = slash < 0 ? path : path.slice(0, slash);
  return { bucket, key: slash < 0 ? '' : path.slice(slash + 1), region: undefined, product: 'oss' };
}

// The acceleration hosts come first, because `oss-accelerate` also matches the pattern of a region's host.
const HOSTS: readonly RegExp[] = [
  /^(?:(?<bucket>[a-z0-9-]+)\.)?oss-accelerate(?:-overseas)?$/,
  /^(?:(?<bucket>[a-z0-9-]+)\.)?oss-(?<region>[a-z0-9-]+?)(?:-internal)?$/,
  /^(?:(?<bucket>[a-z0-9-]+)\.)?(?<region>[a-z0-9-]+)\.oss$/,
  /^(?<bucket>[a-z0-9-]+)\.(?<box>cb-[a-z0-9-]+)\.[a-z0-9-]+\.oss-cloudbox$/,
];

/** An endpoint without a bucket serves nothing but the list of all buckets, which has no path. */
function virtualHosted(host: string, path: string): Target | undefined {
  for (const pattern of HOSTS) {
    const groups = pattern.exec(host)?.groups;
    if (!groups) continue;
    const { bucket, region, box } = groups;
    if (bucket === undefined && (path !== '' || region === undefined)) throw secondLevelDomain();
    return {
      bucket: bucket ?? '',
      key: '',
      region: box ?? region,
      product: box === undefined ? 'oss' : 'oss-cloudbox',
    };
  }
  return undefined;
}

function secondLevelDomain(): Refusal {
  const message = 'The bucket you are attempting to access must be addressed using OSS third level domain.';
  return new Refusal(403, 'SecondLevelDomainForbidden', message);
}
