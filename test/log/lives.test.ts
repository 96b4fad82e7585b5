/**
 * Pages that are killed at random moments, under random faults: every record that the journal had is stored once, in order, and no
 * record is stored twice. The schedules of test/engine/exactly-once have such pages, too, with more faults and without compression.
 * So a few seeds are enough here. `LOG_SEED` runs one seed. `LOG_SEEDS` is a number of
 * seeds, and `LOG_FIRST` is the first of them.
 */

import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { AppendableObject, OssClient } from '../../src/index.ts';
import type { LogAppenderOptions } from '../../src/log/index.ts';
import type { Fault, FaultSchedule } from '../../src/testing/index.ts';
import { randomFrom } from '../engine/exactly-once/random.ts';
import { settle } from '../tools/virtual-clock.ts';
import { FakePage } from './fake-page.ts';
import { FakeStorage, Life, LogWorld } from './lives.ts';

const KINDS: readonly Fault[] = [
  { kind: 'drop-before' },
  { kind: 'drop-during' },
  { kind: 'drop-after' },
  { kind: 'error-before' },
  { kind: 'error-after' },
  { kind: 'answer-late', delay: 3000 },
  { kind: 'commit-late', delay: 4000 },
  { kind: 'repeat' },
  { kind: 'throttle' },
];

const VARIANTS: readonly LogAppenderOptions[] = [{}, { shared: true }, { gzip: true }];

async function live(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  let healed = false;
  const faults: FaultSchedule = () => (healed || random() > 0.3 ? undefined : pick(KINDS));
  const world = new LogWorld(faults);
  const storage = new FakeStorage();
  world.others.push(storage);
  const options = { segmentSize: 60, ...VARIANTS[seed % VARIANTS.length] };
  const kept = new Set<string>();
  let next = 0;
  const turn = async () => {
    await settle(world);
    world.clock.advance(Math.floor(random() ** 3 * 3000));
  };
  for (let lives = 0; lives < 4; lives++) {
    world.clock.chance = random();
    const life = new Life(world, storage, options, new FakePage({ fetchLater: random() < 0.5 }));
    // The page may end when its changes are stored, before it learns that.
    storage.oncommit = () => random() < 0.02 && life.kill();
    for (let steps = Math.floor(random() * 25); steps > 0 && !life.isDead; steps--) {
      for (let count = Math.floor(random() * 4); count > 0; count--) life.log.write(`record ${next++}`);
      if (random() < 0.1) life.log.flush().catch(() => {});
      if (random() < 0.05) life.page.hide();
      if (random() < 0.05) life.page.show();
      if (random() < 0.8) await turn();
    }
    if (random() < 0.5 && !life.isDead) life.page.leave();
    for (let microtasks = Math.floor(random() * 60); microtasks > 0; microtasks--) await undefined;
    life.kill();
    storage.oncommit = () => {};
    for (const record of recordsIn(storage)) kept.add(record);
    // Its answer may come late by the clock, so nobody waits for it.
    if (random() < 0.7) void life.page.sendDeferred(world.oss.fetch);
  }
  healed = true;
  const last = new Life(world, storage, options);
  last.log.write(`record ${next++}`);
  await world.drive(last.log.flush());
  // A request that was sent long ago may still arrive.
  for (let late = 0; late < 5; late++) {
    world.clock.advance(5000);
    await settle(world);
  }
  const stored = recordsOf(world);
  expect(new Set(stored).size, `seed ${seed}: a record is stored twice`).toBe(stored.length);
  expect(
    [...kept].filter((record) => !stored.includes(record)),
    `seed ${seed}: records are lost`,
  ).toEqual([]);
  const numbers = stored.map((record) => Number(record.slice(7)));
  expect(numbers, `seed ${seed}: the order`).toEqual([...numbers].sort((a, b) => a - b));
  expect(stored.at(-1), `seed ${seed}: the last record`).toBe(`record ${next - 1}`);
}

/** The records in the rows of a journal. */
function recordsIn(storage: FakeStorage): string[] {
  return storage.rows.flatMap(({ value }) => linesOf(Object(value).bytes));
}

function recordsOf(world: LogWorld): string[] {
  return linesOf(world.oss.object('logs', 'app.ndjson')?.bytes());
}

function linesOf(bytes: Uint8Array | undefined): string[] {
  if (!bytes) return [];
  const text = new TextDecoder().decode(bytes[0] === 31 ? gunzipSync(bytes) : bytes);
  return text.split('\n').filter((line) => line.startsWith('record'));
}

/**
 * Two tabs write logs to one object, and another writer, which knows nothing of logs, appends too. Each tab is killed and
 * opened again at random moments. A tab may send the records that the other tab has left, so only the records of one life are in order.
 */
async function liveTogether(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  let healed = false;
  const rival: Fault = { kind: 'rival', bytes: new TextEncoder().encode('foreign\n'), when: 'before' };
  const world = new LogWorld(() => (healed || random() > 0.3 ? undefined : pick([...KINDS, rival])));
  const storage = new FakeStorage();
  world.others.push(storage);
  const kept = new Set<string>();
  let lives = 0;
  const open = () => {
    world.clock.chance = random();
    const page = new FakePage({ fetchLater: random() < 0.5 });
    return { life: new Life(world, storage, { segmentSize: 60, shared: true }, page), name: lives++, next: 0 };
  };
  const end = async (tab: ReturnType<typeof open>) => {
    if (random() < 0.5) tab.life.page.leave();
    for (let microtasks = Math.floor(random() * 60); microtasks > 0; microtasks--) await undefined;
    tab.life.kill();
    for (const record of recordsIn(storage)) kept.add(record);
    // Its answer may come late by the clock, so nobody waits for it.
    if (random() < 0.7) void tab.life.page.sendDeferred(world.oss.fetch);
  };
  const tabs = [open(), open()];
  const other = new AppendableObject(new OssClient(world.client()), 'app.ndjson', { shared: true });
  const foreign: Promise<unknown>[] = [];
  for (let steps = 0; steps < 60; steps++) {
    const at = random() < 0.5 ? 0 : 1;
    const tab = tabs[at] as ReturnType<typeof open>;
    for (let count = Math.floor(random() * 4); count > 0; count--)
      tab.life.log.write(`record ${tab.name} ${tab.next++}`);
    if (random() < 0.1) foreign.push(other.append(`other ${steps}\n`).catch(() => {}));
    if (random() < 0.8) {
      await settle(world);
      world.clock.advance(Math.floor(random() ** 3 * 3000));
    }
    if (random() < 0.06) {
      await end(tab);
      tabs[at] = open();
    }
  }
  for (const tab of tabs) await end(tab);
  healed = true;
  const last = open();
  last.life.log.write(`record ${last.name} 0`);
  await world.drive(Promise.all([last.life.log.flush(), ...foreign]));
  for (let late = 0; late < 5; late++) {
    world.clock.advance(5000);
    await settle(world);
  }
  const stored = recordsOf(world);
  expect(new Set(stored).size, `seed ${seed}: a record is stored twice`).toBe(stored.length);
  const lost = [...kept].filter((record) => !stored.includes(record));
  expect(lost, `seed ${seed}: records are lost`).toEqual([]);
  for (let life = 0; life < lives; life++) {
    const numbers = stored
      .filter((record) => record.startsWith(`record ${life} `))
      .map((record) => Number(record.split(' ')[2]));
    expect(numbers, `seed ${seed}: the order of life ${life}`).toEqual([...numbers].sort((a, b) => a - b));
  }
  const whole = /^(record \d+ \d+|other \d+|foreign|\{"lost":\d+,"bytes":\d+\})?$/;
  expect(
    world
      .text()
      .split('\n')
      .filter((line) => !whole.test(line)),
    `seed ${seed}: torn records`,
  ).toEqual([]);
}

const { LOG_SEED, LOG_FIRST = '1', LOG_SEEDS = '40' } = process.env;
const seeds = LOG_SEED
  ? [Number(LOG_SEED)]
  : Array.from({ length: Number(LOG_SEEDS) }, (_, index) => index + Number(LOG_FIRST));

test('pages that are killed at random moments lose nothing that the journal had, and store nothing twice', async () => {
  for (const seed of seeds) await live(seed);
}, 600_000);

test('two tabs that are killed at random moments, together with another writer, lose nothing and store nothing twice', async () => {
  for (const seed of seeds) await liveTogether(seed);
}, 600_000);
