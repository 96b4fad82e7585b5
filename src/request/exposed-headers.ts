/**
 * The headers of an answer that this library reads and that CORS hides from a page. It is the one list: the README's rule, the
 * demo's bucket and the tests follow it. Nothing of the index imports it, so it costs a page nothing.
 */

/** For the `ExposeHeader` of a bucket's CORS rule. */
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
