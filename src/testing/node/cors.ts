// The CORS rule that a bucket gets if its options have none: pages on this machine may do everything.

import type { CorsRule } from '../cors.ts';

/** The headers that a page reads: those that oss-append needs, and those that OSS's own SDKs show their callers. */
const EXPOSED: readonly string[] = [
  'content-encoding',
  'content-range',
  'date',
  'etag',
  'retry-after',
  'x-oss-ec',
  'x-oss-err',
  'x-oss-hash-crc64ecma',
  'x-oss-next-append-position',
  'x-oss-object-type',
  'x-oss-qos-delay-time',
  'x-oss-request-id',
  'x-oss-sealed-time',
  'x-oss-server-time',
  'x-oss-storage-class',
  'x-oss-tagging-count',
  'x-oss-version-id',
];

const LOCAL_HOSTS = ['localhost', '127.0.0.1', '[::1]'];

/** Allows every page that this machine serves, on any port. */
export const LOCAL_PAGES: CorsRule = {
  allowedOrigins: ['http', 'https'].flatMap((scheme) =>
    LOCAL_HOSTS.flatMap((host) => [`${scheme}://${host}`, `${scheme}://${host}:*`]),
  ),
  allowedMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
  allowedHeaders: ['*'],
  exposeHeaders: EXPOSED,
  maxAgeSeconds: 600,
};
