/**
 * Schedules that failed in `npm run test:soak`, before a fix. Each one is reduced as far as possible, and has the seed
 * of the schedule that failed. A change of schedule.ts does not change these schedules.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { judge } from './oracle.ts';
import { quickPlatform } from './platform.ts';
import type { Schedule } from './schedule.ts';
import { runSchedule } from './world.ts';

/** The settings that both schedules have. */
const PLAIN = {
  signing: 'none',
  hidden: 'nothing',
  unreadable: false,
  lengths: 'reported',
  coded: 'no',
  maxAttempts: 8,
  timeout: 1000,
  latency: 0,
  initial: null,
} as const satisfies Partial<Schedule>;

const FOUND: readonly (readonly [why: string, schedule: Schedule])[] = [
  [
    'the records of two earlier pages that opened in the same millisecond are sent in the order of the pages',
    {
      seed: 400041385,
      ...PLAIN,
      settles: false,
      writers: [
        {
          shared: false,
          segmentSize: 1,
          flushAfter: null,
          log: { persist: true, page: true, fetchLater: false, storage: 0 },
          steps: [
            { do: 'write', sizes: [20, 20, 4] },
            { do: 'write', sizes: [3, 20, 4, 5] },
            { do: 'write', sizes: [5, 9, 3] },
            { do: 'end', how: 'closed', microtasks: 0, late: true },
            { do: 'write', sizes: [20, 9, 4, 9] },
            { do: 'wait', delay: 1 },
          ],
        },
      ],
      faults: [{ operation: 'AppendObject', nth: 1, times: 2, kind: 'limit', bytes: 2, answer: 'xml' }],
    },
  ],
  [
    'a segment that OSS never stored does not count, even if the source goes on with the bytes that were stored in its place',
    {
      seed: 500012737,
      ...PLAIN,
      settles: true,
      writers: [
        {
          shared: true,
          segmentSize: 16,
          flushAfter: null,
          steps: [{ do: 'append', source: { form: 'bytes', chunks: [17] }, abort: { request: 5, when: 'before' } }],
        },
        {
          shared: true,
          segmentSize: 16,
          flushAfter: null,
          steps: [{ do: 'append', source: { form: 'bytes', chunks: [80] }, queue: true }],
        },
      ],
      faults: [{ operation: 'AppendObject', nth: 1, times: 9, kind: 'commit-late', delay: 2499 }],
    },
  ],
];

let restore = () => {};
beforeAll(() => {
  restore = quickPlatform();
});
afterAll(() => restore());

test.each(FOUND)('%s', async (_, schedule) => {
  expect(judge(await runSchedule(schedule)), `seed ${schedule.seed}`).toEqual([]);
});
