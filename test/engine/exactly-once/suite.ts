/** The part of the proof that runs with every test run: a number of schedules, and the table of what they reached. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onCi } from '../../../.ci/project.mjs';
import { quickPlatform, synchronousPlatform } from './platform.ts';
import { describe as describeFailure, runSeeds } from './run.ts';
import { VerdictTable } from './verdicts.ts';

/**
 * The number of schedules in each of the two halves. CI runs 20,000 schedules in all. On a developer's machine, 12,000
 * schedules reach every row of the table too, and `npm test` stays under three minutes on two cores.
 */
export const HALF = onCi ? 10_000 : 6_000;

/**
 * Defines a test of the schedules of consecutive seeds. The seeds are split over several files, so that each file has
 * its own thread.
 */
export function proveExactlyOnce({ from, count }: { readonly from: number; readonly count: number }): void {
  describe(`seeds ${from} to ${from + count - 1}`, () => {
    const table = new VerdictTable();
    let restore = () => {};
    const { stackTraceLimit } = Error;

    beforeAll(() => {
      restore = quickPlatform();
      Error.stackTraceLimit = 0;
    });

    afterAll(() => {
      Error.stackTraceLimit = stackTraceLimit;
      restore();
      console.log(`What ${count} schedules reached: the rows are faults, the columns are their results\n${table}`);
    });

    test(`${count} schedules store every byte exactly once`, { timeout: 600_000 }, async () => {
      const { passed, failures } = await runSeeds({ from, count, onrun: (run) => table.add(run) });
      expect(failures.map(describeFailure).join('\n\n')).toBe('');
      expect(passed).toBe(count);
    });

    test('every fault led to every verdict that it can lead to, in every place', () => {
      expect(table.missing).toEqual([]);
    });
  });
}

/**
 * Runs the same schedules with the platform's own Request, Response, Headers and AbortController, which quick classes
 * replace otherwise.
 */
export function proveOnOwnClasses({ from, count }: { readonly from: number; readonly count: number }): void {
  test(`seeds ${from} to ${from + count - 1} on the platform's own classes`, { timeout: 60_000 }, async () => {
    const restore = synchronousPlatform();
    try {
      const { passed, failures } = await runSeeds({ from, count });
      expect(failures.map(describeFailure).join('\n\n')).toBe('');
      expect(passed).toBe(count);
    } finally {
      restore();
    }
  });
}
