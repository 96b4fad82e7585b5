/** LogAppender sends at the right time, stores each record exactly once, and reports what happened. */
import { describe, expect, test, vi } from 'vitest';
import { AppendConflictError, ChecksumError, type OssError } from '../../src/index.ts';
import { LogAppender, type LogAppenderOptions, type LogClient } from '../../src/log/index.ts';
import type { Fault, FaultSchedule } from '../../src/testing/index.ts';
import { failureOf, utf8 } from '../tools/unit-tools.ts';
import { settle } from '../tools/virtual-clock.ts';
import { KEY, LogWorld } from './log-tools.ts';

/** Writes numbered records, so that a lost, doubled or misplaced one shows. */
function writeMany(log: LogAppender, count: number, from = 0): string {
  const lines = Array.from({ length: count }, (_, index) => `record ${from + index}\n`);
  for (const line of lines) log.write(line);
  return lines.join('');
}

describe('when records are sent', () => {
  test('records that are written together go out in one request, when the first has waited flushAfter', async () => {
    const world = new LogWorld();
    const log = world.log({ flushAfter: 500 });
    const text = writeMany(log, 3);
    await settle(world.oss);
    world.clock.advance(499);
    await settle(world.oss);
    expect(world.oss.requests).toEqual([]);
    world.clock.advance(1);
    await settle(world.oss);
    expect([world.text(), world.appends]).toEqual([text, 1]);
    expect(world.stored).toEqual([{ key: KEY, position: text.length, count: 3 }]);
  });

  test('a full segment is sent at once', async () => {
    const world = new LogWorld();
    const log = world.log({ segmentSize: 30 });
    writeMany(log, 4);
    await settle(world.oss);
    expect(world.text()).toBe('record 0\nrecord 1\nrecord 2\n');
    world.clock.advance(1000);
    await settle(world.oss);
    expect(world.text()).toBe('record 0\nrecord 1\nrecord 2\nrecord 3\n');
  });

  test('each segment holds whole records', async () => {
    const world = new LogWorld();
    const log = world.log({ segmentSize: 30 });
    const text = writeMany(log, 10);
    await world.drive(log.flush());
    expect(world.text()).toBe(text);
    expect(world.stored.map(({ count }) => count)).toEqual([3, 3, 3, 1]);
  });

  test('one request is in flight at a time', async () => {
    const world = new LogWorld();
    let [now, most] = [0, 0];
    const fetch = async (url: string, init: RequestInit) => {
      most = Math.max(most, ++now);
      return world.oss.fetch(url, init).finally(() => now--);
    };
    const log = new LogAppender(world.client({ fetch }), KEY, { segmentSize: 20 });
    const text = writeMany(log, 20);
    await world.drive(Promise.all([log.flush(), log.flush(), log.flush()]));
    expect([world.text(), most]).toEqual([text, 1]);
  });

  test('flush waits for the records that were written before it, and not for later records', async () => {
    const world = new LogWorld();
    const log = world.log();
    log.write('before');
    const flushed = log.flush();
    log.write('after');
    await world.drive(flushed);
    expect(world.text()).toBe('before\n');
    await world.drive(log.flush());
    expect(world.text()).toBe('before\nafter\n');
  });

  test('flush of nothing resolves at once, without a request', async () => {
    const world = new LogWorld();
    await world.log().flush();
    expect(world.oss.requests).toEqual([]);
  });

  test('nothing happens until a record is written', async () => {
    const world = new LogWorld();
    world.log();
    await settle(world.oss);
    expect([world.clock.waiting, world.oss.requests.length]).toEqual([0, 0]);
  });
});

describe('exactly once', () => {
  const every = (kind: Fault['kind'], from = 2): FaultSchedule => {
    return ({ operation, nth }) => (operation === 'AppendObject' && nth % from === 0 ? ({ kind } as Fault) : undefined);
  };
  const dead: FaultSchedule = ({ operation, nth }) =>
    operation === 'AppendObject' && nth > 1 && nth < 20 ? { kind: 'drop-before' } : undefined;
  const deadAfter: FaultSchedule = ({ operation, nth }) =>
    nth > 1 && nth < 30 ? { kind: operation === 'AppendObject' ? 'drop-after' : 'drop-before' } : undefined;

  const faults: readonly (readonly [string, FaultSchedule])[] = [
    ['every second request is lost', every('drop-before')],
    ['every second answer is lost', every('drop-after')],
    ['every second body breaks off', every('drop-during')],
    ['every second request is answered with a server error, and is not carried out', every('error-before')],
    ['every second request is answered with a server error, and is carried out', every('error-after')],
    ['every second request is throttled', every('throttle')],
    ['every third token is refused', every('expire-token', 3)],
    ['every request is sent twice by the platform', every('repeat', 1)],
    ['the network is dead for longer than the engine tries', dead],
    ['answers are lost and nothing can be read for longer than the engine tries', deadAfter],
    ['requests are denied for a while', [{ kind: 'deny', operation: 'AppendObject', nth: 2, times: 4 }]],
  ];

  test.each(faults.flatMap(([name, schedule]) => [[name, schedule, false] as const, [name, schedule, true] as const]))(
    '%s (%#)',
    async (_, schedule, shared) => {
      const world = new LogWorld(schedule);
      const log = world.log({ segmentSize: 40, shared });
      const text = writeMany(log, 30);
      await world.drive(log.flush());
      expect(world.text()).toBe(text);
      expect(world.stored.reduce((sum, { count }) => sum + count, 0)).toBe(30);
      expect(world.stored.at(-1)?.position).toBe(text.length);
    },
  );

  test('a failure is reported, and the same segment is tried again after a wait that grows', async () => {
    const world = new LogWorld([{ kind: 'deny', times: 4 }]);
    const log = world.log();
    log.write('at last');
    await world.drive(log.flush());
    expect(world.text()).toBe('at last\n');
    expect(world.errors.map((error) => (error as OssError).code)).toEqual(Array(4).fill('AccessDenied'));
    const waits = world.clock.delays.filter((delay) => delay < 10_000);
    expect(waits).toEqual([1000, 500, 1000, 2000, 4000]);
  });

  test('records written while the network is dead follow in order', async () => {
    const world = new LogWorld(({ nth }) => (nth < 25 ? { kind: 'drop-before' } : undefined));
    const log = world.log({ segmentSize: 40 });
    let text = writeMany(log, 5);
    const first = log.flush();
    await settle(world.oss);
    text += writeMany(log, 5, 5);
    await world.drive(Promise.all([first, log.flush()]));
    expect(world.text()).toBe(text);
    expect(world.errors.length).toBeGreaterThan(0);
  });

  test('several logs on one object, each shared, keep the order of their own records', async () => {
    const world = new LogWorld(({ nth }) => (nth % 3 === 0 ? { kind: 'drop-after' } : undefined));
    const logs = ['a', 'b', 'c'].map((name) => ({ name, log: world.log({ shared: true, segmentSize: 30 }) }));
    for (let n = 0; n < 12; n++) for (const { name, log } of logs) log.write(`${name} ${n}`);
    await world.drive(Promise.all(logs.map(({ log }) => log.flush())));
    const lines = world.text().split('\n');
    for (const { name } of logs)
      expect(lines.filter((line) => line.startsWith(name))).toEqual(
        Array.from({ length: 12 }, (_, n) => `${name} ${n}`),
      );
    expect(lines.length).toBe(37);
  });
});

describe('an object that another client has changed', () => {
  test('another writer is reported as a conflict, and the log goes on after its bytes', async () => {
    const world = new LogWorld();
    const log = world.log();
    log.write('mine');
    await world.drive(log.flush());
    world.oss.appendObject('logs', KEY, new TextEncoder().encode('theirs\n'));
    log.write('mine again');
    await world.drive(log.flush());
    expect(world.text()).toBe('mine\ntheirs\nmine again\n');
    expect(world.errors).toEqual([expect.any(AppendConflictError)]);
  });

  test('a deleted object is reported as a conflict, and the log creates it again', async () => {
    const world = new LogWorld();
    const log = world.log();
    log.write('before');
    await world.drive(log.flush());
    world.oss.deleteObject('logs', KEY);
    log.write('after');
    await world.drive(log.flush());
    expect(world.text()).toBe('after\n');
    expect(world.errors).toEqual([expect.any(AppendConflictError)]);
  });

  test('a segment that OSS stored damaged is not sent again, and the log reports the loss', async () => {
    const world = new LogWorld([{ kind: 'flip-bit', operation: 'AppendObject', nth: 2 }]);
    const log = world.log();
    for (const text of ['one', 'two', 'three']) {
      log.write(text);
      await world.drive(log.flush());
    }
    expect(world.text().split('\n')).toEqual(['one', 'uwo', '{"lost":1,"bytes":4}', 'three', '']);
    expect(world.errors).toEqual([expect.any(ChecksumError)]);
    expect([world.losses, log.dropped]).toEqual([[{ records: 1, bytes: 4 }], 1]);
  });
});

describe('a full queue', () => {
  test('holds no more than queueSize while nothing can be stored, and the log reports what was dropped', async () => {
    const world = new LogWorld(({ nth }) => (nth < 12 ? { kind: 'drop-before' } : undefined));
    const log = world.log({ segmentSize: 30, queueSize: 60 });
    writeMany(log, 9);
    await world.drive(log.flush());
    const lines = world.text().split('\n');
    expect(lines.slice(0, 3)).toEqual(['record 0', 'record 1', 'record 2']);
    expect(lines.slice(3)).toEqual(['{"lost":3,"bytes":27}', 'record 6', 'record 7', 'record 8', '']);
    expect(log.dropped).toBe(3);
    expect(world.losses).toEqual([{ records: 3, bytes: 27 }]);
  });

  test('refuses records with whenFull: refuse', async () => {
    const world = new LogWorld();
    const log = world.log({ segmentSize: 30, queueSize: 30, whenFull: 'refuse' });
    expect(['a'.repeat(19), 'b'.repeat(19)].map((text) => log.write(text))).toEqual([true, false]);
    await world.drive(log.flush());
    expect(log.write('b')).toBe(true);
  });

  test('the caller chooses the record of a loss', async () => {
    const world = new LogWorld();
    const lossRecord: LogAppenderOptions['lossRecord'] = ({ records }) => `${records} records are missing here`;
    const log = world.log({ segmentSize: 10, queueSize: 10, lossRecord });
    log.write('x'.repeat(50));
    await world.drive(log.flush());
    expect(world.text()).toBe('1 records are missing here\n');
  });

  test('a lossRecord that fails does not stop the log: the log writes its own record, and the platform reports the error', async () => {
    const world = new LogWorld();
    const reported: unknown[] = [];
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error));
    const mistake = new Error('a mistake of the caller');
    const lossRecord = () => {
      throw mistake;
    };
    const log = world.log({ segmentSize: 10, queueSize: 10, lossRecord });
    log.write('x'.repeat(50));
    await world.drive(log.flush());
    vi.unstubAllGlobals();
    expect([world.text(), reported]).toEqual(['{"lost":1,"bytes":51}\n', [mistake]]);
  });

  test('a listener of losses may write records', async () => {
    const world = new LogWorld();
    const log: LogAppender = world.log({
      segmentSize: 40,
      queueSize: 40,
      ondropped: ({ records }) => log.write(`noticed ${records}`),
    });
    writeMany(log, 6);
    await world.drive(log.flush());
    await world.drive(log.flush());
    expect(world.text()).toContain('{"lost":1,"bytes":10}\nnoticed 1\n');
  });
});

describe('the end', () => {
  test('close stores the waiting records, and write refuses records from then on', async () => {
    const world = new LogWorld();
    const log = world.log();
    log.write('last');
    await world.drive(log.close());
    expect([world.text(), log.write('too late')]).toEqual(['last\n', false]);
    await log.flush();
    await log.close();
    expect(world.clock.waiting).toBe(0);
  });

  test('close does not wait between attempts, and gives up when its last attempt fails', async () => {
    const world = new LogWorld([{ kind: 'deny', times: 100 }]);
    const log = world.log();
    log.write('never stored');
    const flushed = failureOf(log.flush());
    await settle(world.oss);
    expect(world.errors.length).toBe(1);
    const error = await failureOf(log.close());
    expect(error).toMatchObject({ code: 'AccessDenied' });
    expect(await flushed).toBe(error);
    expect([world.errors.length, world.clock.waiting]).toEqual([2, 0]);
  });

  test('the signal of close ends the request in flight', async () => {
    const world = new LogWorld([{ kind: 'answer-late', delay: 100_000 }]);
    const log = world.log();
    log.write('in flight');
    const flushed = failureOf(log.flush());
    await settle(world.oss);
    const reason = new Error('the worker must end');
    const aborter = new AbortController();
    const closed = failureOf(log.close({ signal: aborter.signal }));
    await settle(world.oss);
    aborter.abort(reason);
    expect([await closed, await flushed]).toEqual([reason, reason]);
    expect(world.clock.waiting).toBeLessThanOrEqual(1); // the late answer of LocalOss
  });

  test('the signal of a second close ends the request in flight, too', async () => {
    const world = new LogWorld([{ kind: 'answer-late', delay: 100_000 }]);
    const log = world.log();
    log.write('in flight');
    const first = failureOf(log.close());
    await settle(world.oss);
    const aborter = new AbortController();
    const second = failureOf(log.close({ signal: aborter.signal }));
    const reason = new Error('the process must end now');
    aborter.abort(reason);
    expect([await second, await first]).toEqual([reason, reason]);
  });

  test('close with a signal that is aborted already does not send', async () => {
    const world = new LogWorld();
    const log = world.log();
    log.write('unsent');
    expect(await failureOf(log.close({ signal: AbortSignal.abort(new Error('too late')) }))).toEqual(
      new Error('too late'),
    );
    await settle(world.oss);
    expect(world.text()).toBe('');
  });

  test('the signal of flush ends the wait, and the log goes on', async () => {
    const world = new LogWorld([{ kind: 'answer-late', delay: 5000 }]);
    const log = world.log();
    log.write('goes on');
    const aborter = new AbortController();
    const flushed = failureOf(log.flush({ signal: aborter.signal }));
    aborter.abort('enough');
    expect(await flushed).toBe('enough');
    await world.drive(log.flush());
    expect(world.text()).toBe('goes on\n');
  });
});

test('a listener that throws does not end the log', async () => {
  const world = new LogWorld([{ kind: 'deny', times: 1 }]);
  const reported: unknown[] = [];
  vi.stubGlobal('reportError', (error: unknown) => reported.push(error));
  const fail = () => {
    throw new Error('a mistake of the listener');
  };
  const log = world.log({ onerror: fail, onstored: fail });
  log.write('stored all the same');
  await world.drive(log.flush());
  vi.unstubAllGlobals();
  expect([world.text(), reported.length]).toEqual(['stored all the same\n', 2]);
});

test('the object gets its type and headers when it is created, and the log begins at the tail that the caller gives', async () => {
  const world = new LogWorld();
  const log = world.log({ contentType: 'application/x-ndjson', headers: { 'x-oss-meta-app': 'shop' } });
  log.write('one');
  await world.drive(log.flush());
  expect(world.oss.object('logs', KEY)?.headers).toMatchObject({
    'content-type': 'application/x-ndjson',
    'x-oss-meta-app': 'shop',
  });
  const next = world.log({ tail: log.tail });
  world.oss.clearRequests();
  next.write('two');
  await world.drive(next.flush());
  expect(world.oss.requests.map(({ operation }) => operation)).toEqual(['AppendObject']);
  expect(world.text()).toBe('one\ntwo\n');
});

describe('a mistake of the caller throws before anything is sent', () => {
  test.each<[string, object, RegExp]>([
    ['segmentSize', { segmentSize: 0 }, /segmentSize must be a whole number from 1/],
    [
      'segmentSize with shared',
      { shared: true, segmentSize: 65_537 },
      /segmentSize must be 65536 bytes or less with shared/,
    ],
    ['flushAfter', { flushAfter: -1 }, /flushAfter must be 0 ms or more/],
    ['queueSize', { queueSize: 100 }, /queueSize must be a whole number from 49152/],
    ['whenFull', { whenFull: 'block' }, /whenFull must be/],
    ['onstored', { onstored: 'yes' }, /onstored must be a function/],
    ['lossRecord', { lossRecord: {} }, /lossRecord must be a function/],
    ['shared', { shared: 1 }, /shared must be true or false/],
    ['tail', { tail: 5 }, /tail.position must be/],
  ])('%s', (_, options, message) => {
    expect(() => new LogWorld().log(options as LogAppenderOptions)).toThrow(message);
  });

  test('options, a key or a signal of a wrong type', async () => {
    const world = new LogWorld();
    expect(() => new LogAppender(world.client(), KEY, null as never)).toThrow(TypeError);
    expect(() => new LogAppender(null as never, KEY)).toThrow(TypeError);
    const { OssClient } = await import('../../src/index.ts');
    const made = new OssClient(world.client());
    expect(() => new LogAppender(made as never, KEY)).toThrow(/the settings of a client, .* not the client itself/);
    expect(() => world.log({}, '')).toThrow(RangeError);
    expect(await failureOf(world.log().flush({ signal: {} as AbortSignal }))).toBeInstanceOf(TypeError);
    expect(await failureOf(world.log().close({ signal: {} as AbortSignal }))).toBeInstanceOf(TypeError);
  });
});

test('a log without a key uses a client that the caller makes, such as a PresignedClient', async () => {
  const world = new LogWorld();
  const { OssClient, PresignedClient } = await import('../../src/index.ts');
  const edge = new OssClient(world.client());
  vi.stubGlobal('fetch', world.oss.fetch);
  const client: LogClient = (fetch) =>
    new PresignedClient({
      presign: async ({ operation, key, position = 0, size, range }) => {
        if (operation === 'headObject') return edge.presignHeadObject(key);
        if (operation === 'getObject') return edge.presignGetObject(key, { range });
        return edge.presignAppendObject(key, { position, size });
      },
      fetch,
      clock: world.clock,
    });
  const log = new LogAppender(client, KEY);
  const text = writeMany(log, 3);
  await world.drive(log.flush());
  vi.unstubAllGlobals();
  expect(world.text()).toBe(text);
});

test('segments of whole records keep to maxRate', async () => {
  const world = new LogWorld();
  const log = world.log({ maxRate: 1000, segmentSize: 4096 });
  const lines = Array.from({ length: 60 }, (_, n) => `${String(n).padStart(2, '0')} ${'x'.repeat(96)}`);
  for (const line of lines) log.write(line);
  const begin = world.clock.now();
  await world.drive(log.flush());
  expect((world.clock.now() - begin) / 1000).toBeGreaterThan(5.5);
  expect(world.text()).toBe(lines.map((line) => `${line}\n`).join(''));
  // A segment has two records, because three of them are more than a quarter of a second allows.
  expect(world.stored.map(({ count }) => count)).toEqual(Array(30).fill(2));
  expect(world.appends).toBe(30);
});

test.each([
  ['ends in front of the segment', '!!!!\n', '!!!!\nsecond\nthird\n'],
  ['holds the segment at its position', '!!!!\nsecond\n', '!!!!\nsecond\nthird\n'],
])('goes on in an object that replaced the old one and %s', async (_, bytes, text) => {
  const replaced: Fault = { kind: 'replace', when: 'before', bytes: utf8(bytes), type: 'Appendable' };
  const lost: Fault = { kind: 'drop-before' };
  const world = new LogWorld(({ operation, nth }) =>
    operation === 'AppendObject' && nth === 2 ? [lost, replaced] : undefined,
  );
  const log = world.log({ shared: true });
  log.write('1234');
  await world.drive(log.flush());
  log.write('second');
  await world.drive(log.flush());
  log.write('third');
  await world.drive(log.flush());
  expect(world.text()).toBe(text);
});
