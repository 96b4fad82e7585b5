/** What a log writes, with rotation and faults, comes out of its reader: every record once, and in order. */
import { expect, test } from 'vitest';
import { OssClient } from '../../src/index.ts';
import { type TailEnd, tailLines } from '../../src/log/index.ts';
import { LogWorld } from './log-tools.ts';

const RECORDS = 60;
const nameAfter = (key: string) => `${Number.parseInt(key, 10) + 1}.log`;

test('a reader follows a log from each sealed object to the next one, while the log still writes', async () => {
  const world = new LogWorld(({ operation, nth }) => {
    if (operation === 'AppendObject' && nth % 3 === 2) return { kind: 'drop-after' };
    return operation === 'GetObject' && nth % 4 === 1 ? { kind: 'error-before' } : undefined;
  });
  const log = world.log(
    {
      segmentSize: 50,
      seal: true,
      rotate: ({ key, position, size }) => (position + size > 300 ? nameAfter(key) : undefined),
    },
    '0.log',
  );
  const next = ({ key, sealed }: TailEnd) => (sealed ? nameAfter(key) : undefined);
  const lines = tailLines(new OssClient(world.client()), '0.log', { next, minDelay: 500 });
  const read: number[] = [];
  const reading = (async () => {
    for await (const line of lines) if (read.push(JSON.parse(line).n) === RECORDS) break;
  })();
  for (let n = 0; n < RECORDS; n++) {
    log.write({ n });
    if (n % 7 === 0) await world.drive(log.flush());
  }
  await world.drive(Promise.all([log.close(), reading]));
  expect(read).toEqual(Array.from({ length: RECORDS }, (_, n) => n));
  expect(world.text('1.log')).not.toBe('');
});
