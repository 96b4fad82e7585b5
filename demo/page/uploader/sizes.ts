/**
 * Stands in for `@transloadit/prettier-bytes`, so that Uppy writes sizes as the rest of the page does. build.mjs
 * replaces that package with this file.
 */
export { bytes as prettierBytes } from '../text/numbers.ts';
