/**
 * Logs that go on in another object: by size, by time, before 5 GiB, and after another writer has sealed the object.
 */
import { describe, expect, test } from 'vitest';
import type { LogAppenderOptions, RotationState } from '../../src/log/index.ts';
import { settle } from '../tools/virtual-clock.ts';
import { LogWorld } from './log-tools.ts';

const GIB = 1024 ** 3;

/** Names objects 0.log, 1.log and so on, each for this many bytes. */
function numbered(most: number): NonNullable<LogAppenderOptions['rotate']> {
  return ({ key, position, size }) => (position + size > most ? `${Number.parseInt(key, 10) + 1}.log` : undefined);
}

/** How many requests to seal an object arrived or were lost. */
function seals(world: LogWorld): number {
  return world.oss.requests.filter(({ operation }) => operation === 'SealAppendObject').length;
}

describe('a log with rotate', () => {
  test('goes on in the next object before the current one is too long, with whole records', async () => {
    const world = new LogWorld();
    const log = world.log({ segmentSize: 20, rotate: numbered(40) }, '0.log');
    for (let n = 0; n < 6; n++) log.write(`record ${n} `.padEnd(19, '.'));
    await world.drive(log.flush());
    expect([0, 1, 2].map((n) => world.text(`${n}.log`).length)).toEqual([40, 40, 40]);
    expect(log.key).toBe('2.log');
    expect(world.stored.map(({ key }) => key)).toEqual(['0.log', '0.log', '1.log', '1.log', '2.log', '2.log']);
  });

  test('reads the end of the object before it calls rotate, so that a page goes on with the object of another page', async () => {
    const world = new LogWorld();
    world.oss.appendObject('logs', '0.log', new Uint8Array(100));
    const states: RotationState[] = [];
    const log = world.log({ rotate: (state) => void states.push(state) }, '0.log');
    log.write('x');
    await world.drive(log.flush());
    expect(states).toEqual([{ key: '0.log', position: 100, size: 2, age: expect.any(Number), isSealed: false }]);
  });

  test('gets the time since the log began with the object', async () => {
    const world = new LogWorld();
    const ages: number[] = [];
    const rotate = ({ age }: RotationState) => {
      ages.push(age);
      return age >= 600_000 ? `${ages.length}.log` : undefined;
    };
    const log = world.log({ rotate }, '0.log');
    for (const minutes of [0, 5, 6, 1]) {
      world.clock.advance(minutes * 60_000);
      log.write('x');
      await log.flush();
    }
    expect(ages).toEqual([0, 300_000, 660_000, 60_000]);
    expect(log.key).toBe('3.log');
  });

  test('goes on when its time has come, also if the clock was set back', async () => {
    const world = new LogWorld();
    const hour = 3_600_000;
    const log = world.log({ rotate: ({ age }) => (age >= hour ? '1.log' : undefined) }, '0.log');
    for (const hours of [0, -3, 1]) {
      world.clock.advance(hours * hour);
      log.write('x');
      await world.drive(log.flush());
    }
    expect(log.key).toBe('1.log');
  });

  test('does not exceed 5 GiB', async () => {
    const world = new LogWorld();
    const tail = { position: 5 * GIB - 10 };
    const log = world.log({ tail, rotate: numbered(5 * GIB) }, '0.log');
    log.write('more than ten bytes');
    await world.drive(log.flush());
    expect([world.text('1.log'), world.errors]).toEqual(['more than ten bytes\n', []]);
  });

  test('seals the finished object if the option asks for it', async () => {
    const world = new LogWorld();
    const log = world.log({ segmentSize: 20, rotate: numbered(40), seal: true }, '0.log');
    for (let n = 0; n < 3; n++) log.write('x'.repeat(19));
    await world.drive(log.flush());
    const late = world.log({}, '0.log');
    late.write('too late');
    late.flush().catch(() => {});
    await settle(world);
    expect(world.errors).toEqual([expect.objectContaining({ code: 'AppendSealedObjectNotAllowed' })]);
    await late.close().catch(() => {});
  });

  test.each([
    ['again a minute later, if the network failed', 'drop-before', 10, true],
    ['not again, if OSS refused that', 'deny', 1, false],
  ] as const)('seals the finished object %s', async (_, kind, times, isTriedAgain) => {
    const world = new LogWorld([{ kind, operation: 'SealAppendObject', times }]);
    const log = world.log({ segmentSize: 20, rotate: numbered(20), seal: true }, '0.log');
    for (const [wait, text] of [
      [0, 'x'.repeat(19)],
      [0, 'rotates'],
      [1000, 'early'],
      [60_000, 'later'],
    ] as const) {
      world.clock.advance(wait);
      const before = seals(world);
      log.write(text);
      await world.drive(log.flush());
      expect(seals(world) > before, text).toBe(text === 'rotates' || (text === 'later' && isTriedAgain));
    }
    const { OssClient } = await import('../../src/index.ts');
    const { headers } = await new OssClient(world.client()).headObject('0.log');
    expect(headers.has('x-oss-sealed-time')).toBe(isTriedAgain);
    expect([world.text('1.log'), world.errors.length]).toEqual(['rotates\nearly\nlater\n', 1]);
  });

  test('goes on in the object that rotate names after another writer has sealed the current one', async () => {
    const world = new LogWorld();
    const options: LogAppenderOptions = {
      shared: true,
      rotate: ({ isSealed }) => (isSealed ? '1.log' : undefined),
    };
    const [log, other] = [world.log(options, '0.log'), world.log(options, '0.log')];
    log.write('one');
    await world.drive(log.flush());
    other.write('two');
    await world.drive(other.flush());
    const { AppendableObject, OssClient } = await import('../../src/index.ts');
    await new AppendableObject(new OssClient(world.client()), '0.log').seal();
    for (const [each, text] of [
      [log, 'three'],
      [other, 'four'],
    ] as const) {
      each.write(text);
      await world.drive(each.flush());
    }
    expect([world.text('0.log'), world.text('1.log')]).toEqual(['one\ntwo\n', 'three\nfour\n']);
  });

  test('does not store a segment again that was stored before the object was sealed', async () => {
    const world = new LogWorld([{ kind: 'drop-after', operation: 'AppendObject', nth: 2 }]);
    const log = world.log({ rotate: ({ isSealed }) => (isSealed ? '1.log' : undefined) }, '0.log');
    log.write('one');
    await world.drive(log.flush());
    log.write('two');
    const flushed = log.flush();
    await settle(world);
    const { AppendableObject, OssClient } = await import('../../src/index.ts');
    const sealing = new AppendableObject(new OssClient(world.client()), '0.log').seal();
    await world.drive(Promise.all([flushed, sealing]));
    log.write('three');
    await world.drive(log.flush());
    expect([world.text('0.log'), world.text('1.log')]).toEqual(['one\ntwo\n', 'three\n']);
  });
});

test('a log without rotate reports that its object is full, and close gives up', async () => {
  const world = new LogWorld();
  const log = world.log({ tail: { position: 5 * GIB - 1 } }, '0.log');
  log.write('too long');
  log.flush().catch(() => {});
  await settle(world);
  expect(world.errors).toEqual([expect.any(RangeError)]);
  await expect(log.close()).rejects.toThrow(RangeError);
});
