// @vitest-environment happy-dom
/** How the page writes numbers. */
import { expect, test } from 'vitest';
import { bytesOfAxis, ratesOfAxis } from '../../demo/page/text/numbers.ts';

const MIB = 1024 * 1024;

test('all marks of an axis have the unit of the highest mark', () => {
  expect(bytesOfAxis([0, MIB / 2, MIB])).toEqual(['0\u00a0MiB', '0.5\u00a0MiB', '1\u00a0MiB']);
  expect(ratesOfAxis([0, 4096, 8192])).toEqual(['0\u00a0KiB/s', '4\u00a0KiB/s', '8\u00a0KiB/s']);
});
