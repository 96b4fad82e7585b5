/** The runner of `npm run test:runtimes` on a machine that has none of the runtimes. */
import { afterEach, expect, test, vi } from 'vitest';
import { main, RUNS } from './runtimes/main.ts';
import { TRAITS } from './runtimes/traits.ts';

const NOWHERE = { root: '/nowhere/at/all' };
/** All but those that the Node of this test is. */
const ABSENT = RUNS.filter((run) => run !== 'node' && run !== 'happy-dom');

async function runAbsent(strict: boolean) {
  const log = vi.spyOn(console, 'log').mockReturnValue();
  const counts = await main(NOWHERE, { chosen: ABSENT.map(familyOf), strict });
  return { counts, said: log.mock.calls.map(([line]) => String(line)) };
}

/** The runner is told families: a browser, not its scopes. */
const familyOf = (run: string): string => (/^(chromium|firefox|webkit|workerd)/.exec(run) ?? [run])[0];

afterEach(() => vi.restoreAllMocks());

test('each run is one line of the table of traits', () => {
  expect([...RUNS].sort()).toEqual(Object.keys(TRAITS).sort());
});

test('a runtime that is absent is reported as not run, by name, and never as passed', async () => {
  const { counts, said } = await runAbsent(false);
  expect(counts).toEqual({ passed: 0, failed: 0 });
  expect(said.map((line) => /^not run: (.+) \(.+\)$/.exec(line)?.[1]).sort()).toEqual([...ABSENT].sort());
});

test('where all must be there, the absence of a required one fails', async () => {
  const { counts, said } = await runAbsent(true);
  expect(counts).toEqual({ passed: 0, failed: 5 });
  const missing = said.filter((line) => line.startsWith('FAILED')).sort();
  expect(missing).toEqual(
    ['bun', 'chromium window', 'deno', 'firefox window', 'workerd'].map((name) => `FAILED ${name} is required here`),
  );
});
