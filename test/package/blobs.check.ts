/** Sends Blobs of the library fetch-blob with the packed library. `fetch` itself would send the text `[object Blob]` for them. */
import { expect, test } from 'vitest';
import { node } from './packed.ts';

const KINDS = ['a Blob', 'a slice', 'a File', 'a Blob of a file', 'a File of a file'];
const WAYS = ['append', 'resume', 'appendObject', 'chunk'];
const CASES = KINDS.flatMap((kind) => WAYS.map((way) => `${kind}, ${way}`));

const { ok, output } = node(['blobs.mjs']);
const results = ok ? JSON.parse(output) : { failed: output };

test('every case of the script is in this table', () => {
  expect(Object.keys(results)).toEqual(CASES);
});

test.each(CASES)('the bytes of fetch-blob arrive at a plain server: %s', (name) => {
  expect(results[name]).toBe('arrived');
});
