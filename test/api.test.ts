/** The public surface changes only where somebody means it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FILE, report } from './api/report.mjs';

test('the public declarations are those of test/api/oss-append.api.txt', () => {
  const committed = readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n');
  expect(report(), 'The public surface has changed. If that is meant: npm run api, and commit the file').toBe(
    committed,
  );
});

test('the report holds what an entry leads to, and no comment, body or private member', () => {
  const text = report();
  expect(text).toMatch(/^oss-append\/xhr\n {2}xhrFetch$/m);
  expect(text).toContain('function crc64(data: ArrayBuffer | ArrayBufferView, value?: bigint): bigint;');
  // Not exported by the entry, but part of what is.
  expect(text).toContain('interface OssErrorInit {');
  expect(text).not.toMatch(/\/\*\*|\/\/|return |#(?!private;)/);
});
