/** Every cause that the doctor knows, provoked in LocalOss. `npm run test:doctor` does the same in real browsers. */
import { expect, test } from 'vitest';
import { CASES, WAYS } from './cases.ts';
import { examine, problemsOf } from './world.ts';

const runs = CASES.flatMap((one) =>
  (['node', 'page'] as const)
    .filter((place) => place === 'page' || !one.isCors)
    .flatMap((place) => (one.ways ?? WAYS).map((way) => [place, way, one.name, one] as const)),
);

test.each(runs)('in a %s, with %s signing: %s', async (place, way, _, one) => {
  const { oss, diagnosis } = await examine(one, way, place);
  expect(problemsOf(one, diagnosis, { place, oss })).toEqual([]);
});
