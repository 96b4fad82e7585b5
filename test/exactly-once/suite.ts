/** The part of the proof that every test run makes: so many schedules, and the table of what they reached. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quickPlatform, synchronousPlatform } from './platform.ts';
import { describe as describeFailure, runSeeds } from './run.ts';
import { VerdictTable } from './verdicts.ts';

/** A test of the schedules of consecutive seeds. Split over files, so that each has a process. */
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
      console.log(`What ${count} schedules reached: rows are faults, columns what came of them\n${table}`);
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

/** The same schedules on the platform's own Request, Response, Headers and AbortController, which the quick ones stand in for. */
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
