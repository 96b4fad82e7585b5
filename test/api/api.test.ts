/** Checks that the public surface changes only on purpose. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { FILE, report } from './report.mjs';

let text: string;

// The compiler needs half a second on an idle machine, but half a minute when twelve processes share two cores.
beforeAll(() => {
  text = report();
}, 180_000);

test('the public declarations match test/api/oss-append.api.txt', () => {
  const committed = readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n');
  const advice = 'The public surface has changed. If you want this change, run `npm run api` and commit the file.';
  expect(text, advice).toBe(committed);
});

test('the report has the types that an entry refers to, and no comment, function body or private member', () => {
  expect(text).toMatch(/^oss-append\/xhr\n {2}xhrFetch$/m);
  expect(text).toContain('function crc64(data: ArrayBuffer | ArrayBufferView, value?: bigint): bigint;');
  // No entry exports this interface, but an exported class refers to it.
  expect(text).toContain('interface OssErrorInit {');
  expect(text).not.toMatch(/\/\*\*|\/\/|return |#(?!private;)/);
});
