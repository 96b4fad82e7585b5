/** The runner of `npm run test:runtimes` on a machine that has none of the runtimes. */
import { afterEach, expect, test, vi } from 'vitest';
import { main, RUNS } from './main.ts';
import { TRAITS } from './traits.ts';

const NOWHERE = { root: '/nowhere/at/all' };
/** All runs, except those of the Node that runs this test. */
const ABSENT = RUNS.filter((run) => run !== 'node' && run !== 'happy-dom');

async function runAbsent(strict: boolean) {
  const log = vi.spyOn(console, 'log').mockReturnValue();
  const counts = await main(NOWHERE, { chosen: ABSENT.map(familyOf), strict });
  return { counts, said: log.mock.calls.map(([line]) => String(line)) };
}

/** Returns the family of a run, which is the name of the runtime without a scope, because the runner takes families. */
const familyOf = (run: string): string => (/^(chromium|firefox|webkit|workerd)/.exec(run) ?? [run])[0];

afterEach(() => vi.restoreAllMocks());

test('each run is one line of the table of traits', () => {
  expect([...RUNS].sort()).toEqual(Object.keys(TRAITS).sort());
});

test('a missing runtime is reported by name as not run, and never as passed', async () => {
  const { counts, said } = await runAbsent(false);
  expect(counts).toEqual({ passed: 0, failed: 0 });
  expect(said.map((line) => /^not run: (.+) \(.+\)$/.exec(line)?.[1]).sort()).toEqual([...ABSENT].sort());
});

test('if all runtimes are required, a missing one is a failure', async () => {
  const { counts, said } = await runAbsent(true);
  expect(counts).toEqual({ passed: 0, failed: 5 });
  const missing = said.filter((line) => line.startsWith('FAILED')).sort();
  expect(missing).toEqual(
    ['bun', 'chromium window', 'deno', 'firefox window', 'workerd'].map((name) => `FAILED ${name} is required here`),
  );
});
