/** Every cause that the doctor knows, provoked in LocalOss. `npm run test:doctor` does the same in real browsers. */
import { expect, test } from 'vitest';
import { CASES, KEY, WAYS } from './cases.ts';
import { examine } from './world.ts';

const runs = CASES.flatMap((one) =>
  (['node', 'page'] as const)
    .filter((place) => place === 'page' || !one.isCors)
    .flatMap((place) => (one.ways ?? WAYS).map((way) => [place, way, one.name, one] as const)),
);

test.each(runs)('in a %s, with %s signing: %s', async (place, way, _, one) => {
  const { oss, diagnosis } = await examine(one, way, place);
  const { ok, findings } = diagnosis;
  const expected = place === 'page' ? (one.inPage ?? one.finds) : one.finds;
  expect(findings.map(({ code }) => code)).toEqual(expected);
  expect(ok).toBe(expected.length === 0);
  const text = findings.map(({ says, mend }) => `${says} ${mend}`).join(' ');
  expect(text).toContain(one.says ?? '');
  expect(text).not.toMatch(/[{}]|undefined/);
  // Without `write`, nothing is stored.
  const length = oss.object('logs', KEY)?.length ?? 0;
  const line = 'oss-append: the doctor was here\n';
  expect(length).toBe((one.object ?? '').length + (one.options?.write ? line.length : 0));
});
