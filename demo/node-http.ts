/** The HTTP bridge of the demo is the one that `oss-append/testing/node` uses. */
export * from '../src/testing/node/http.ts';
