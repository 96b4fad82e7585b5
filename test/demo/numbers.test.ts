// @vitest-environment happy-dom
/** How the page writes numbers. */
import { expect, test } from 'vitest';
import { bytes, bytesOfAxis, ratesOfAxis } from '../../demo/page/text/numbers.ts';

const MIB = 1024 * 1024;

test('all marks of an axis have the unit of the highest mark', () => {
  expect(bytesOfAxis([0, MIB / 2, MIB])).toEqual(['0\u00a0MiB', '0.5\u00a0MiB', '1\u00a0MiB']);
  expect(ratesOfAxis([0, 4096, 8192])).toEqual(['0\u00a0KiB/s', '4\u00a0KiB/s', '8\u00a0KiB/s']);
});

test.each([
  [1023, '1,023 bytes'],
  [1024, '1\u00a0KiB'],
  [MIB - 1024, '1,023\u00a0KiB'],
  [MIB - 1, '1.0\u00a0MiB'],
  [MIB, '1\u00a0MiB'],
])('a number of bytes is written in a unit of which there are fewer than 1,024: %i', (value, text) => {
  expect(bytes(value)).toBe(text);
});
