/** The public surface changes only where somebody means it. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { FILE, report } from './api/report.mjs';

let text: string;

// Half a second of compiling alone; half a minute where twelve processes share two cores.
beforeAll(() => {
  text = report();
}, 180_000);

test('the public declarations are those of test/api/oss-append.api.txt', () => {
  const committed = readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n');
  expect(text, 'The public surface has changed. If that is meant: npm run api, and commit the file').toBe(committed);
});

test('the report holds what an entry leads to, and no comment, body or private member', () => {
  expect(text).toMatch(/^oss-append\/xhr\n {2}xhrFetch$/m);
  expect(text).toContain('function crc64(data: ArrayBuffer | ArrayBufferView, value?: bigint): bigint;');
  // Not exported by the entry, but part of what is.
  expect(text).toContain('interface OssErrorInit {');
  expect(text).not.toMatch(/\/\*\*|\/\/|return |#(?!private;)/);
});
