/**
 * The headers of an answer that this library reads and that CORS hides from a page. This is the only such list: the
 * rule in the README, the demo's bucket and the tests follow it. No part of the index imports it, so it costs a page
 * nothing.
 */

/** The values for `ExposeHeader` in a bucket's CORS rule. */
export const EXPOSED_HEADERS: readonly string[] = [
  'x-oss-next-append-position',
  'x-oss-hash-crc64ecma',
  'x-oss-object-type',
  'x-oss-request-id',
  'x-oss-version-id',
  'x-oss-sealed-time',
  'x-oss-err',
  'x-oss-ec',
  'x-oss-qos-delay-time',
  'Content-Encoding',
  'Content-Range',
  'Date',
  'ETag',
  'Retry-After',
];
