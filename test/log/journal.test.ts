/** The journal: what one page could not store is stored by the next one, exactly once. */
import { describe, expect, test } from 'vitest';
import { AppendableObject, OssClient } from '../../src/index.ts';
import { IndexedDbJournal, type LogAppenderOptions, type RotationState } from '../../src/log/index.ts';
import type { OssClientOptions } from '../../src/request/client.ts';
import type { Fetch } from '../../src/request/request.ts';
import type { Fault, FaultCondition, FaultSchedule } from '../../src/testing/index.ts';
import { refused } from '../tools/unit-tools.ts';
import { settle } from '../tools/virtual-clock.ts';
import { FakePage } from './fake-page.ts';
import { FakeStorage, Life, LogWorld, type PageWorld } from './lives.ts';

function setUp(faults: FaultSchedule = []) {
  const world = new LogWorld(faults);
  const storage = new FakeStorage();
  world.others.push(storage);
  /** Opens a page. It may have another object or another network than the others. */
  const open = (options?: LogAppenderOptions, page?: FakePage, other: Partial<PageWorld> = {}) => {
    const { oss, clock, errors, stored, others } = world;
    const client = (options: Partial<OssClientOptions>) => world.client(options);
    return new Life({ oss, clock, errors, stored, others, client, ...other }, storage, options, page);
  };
  return { world, storage, open };
}

/** After the first page has lost an answer, it cannot read the object, so it never knows what became of its segment. */
const UNREAD: Fault & FaultCondition = { kind: 'answer-late', delay: 3_600_000, operation: 'HeadObject', nth: 2 };

/** Stores one record, and ends the page while the segment of the next record is in flight. */
async function leaveInFlight(world: LogWorld, page: Life, text: string): Promise<void> {
  page.log.write('before');
  await world.drive(page.log.flush());
  page.log.write(text);
  page.log.flush().catch(() => {});
  await settle(world);
  page.kill();
}

describe('the next page', () => {
  test.each([
    ['one writer', {}],
    ['several writers', { shared: true }],
    ['compressed', { gzip: true }],
  ])('sends the records that never left: %s', async (_, options) => {
    const { world, storage, open } = setUp();
    const first = open({ ...options, flushAfter: 60_000 });
    for (const text of ['one', 'two', 'three']) first.log.write(text);
    await settle(world);
    first.kill();
    expect(world.oss.requests.filter(({ operation }) => operation === 'AppendObject')).toEqual([]);
    const second = open(options);
    second.log.write('four');
    await world.drive(second.log.flush());
    expect(await textOf(world, options)).toBe('one\ntwo\nthree\nfour\n');
    await settle(world);
    expect(storage.keys.filter(([, , row]) => Number(row) >= 0)).toEqual([]);
  });

  test('sends records that were flushed before anybody knew where the object ends', async () => {
    const { world, open } = setUp([{ kind: 'answer-late', delay: 60_000, operation: 'HeadObject', times: 2 }]);
    const first = open();
    await settle(world);
    for (const text of ['one', 'two']) {
      first.log.write(text);
      first.log.flush().catch(() => {});
    }
    await settle(world);
    first.kill();
    expect(world.appends).toBe(0);
    const second = open();
    await world.drive(second.log.flush());
    expect(world.text()).toBe('one\ntwo\n');
    expect(second.stored).toBe(2);
  });

  test('does not count a record as stored if the journal never had it', async () => {
    const { world, storage, open } = setUp();
    const first = open({ flushAfter: 60_000 });
    for (const text of ['one', 'two', 'three']) {
      first.log.write(text);
      await settle(world);
    }
    first.kill();
    const [, second] = storage.rows.filter(({ key: [, , row] }) => Number(row) >= 0);
    storage.change(second?.key ?? []);
    const next = open();
    await world.drive(next.log.flush());
    expect(world.text()).toBe('one\n{"lost":1,"bytes":0}\nthree\n');
    expect(next.stored).toBe(2);
  });

  test.each([
    ['was stored', 'drop-after'],
    ['was not stored', 'drop-before'],
  ] as const)('settles the segment in flight, which %s', async (_, kind) => {
    const { world, open } = setUp([{ kind, operation: 'AppendObject', nth: 2 }, UNREAD]);
    const first = open();
    first.log.write('before');
    await world.drive(first.log.flush());
    first.log.write('in flight');
    first.log.flush().catch(() => {});
    await settle(world);
    first.log.write('behind it');
    await settle(world);
    first.kill();
    const second = open();
    await world.drive(second.log.flush());
    expect(world.text()).toBe('before\nin flight\nbehind it\n');
  });

  test.each([
    ['was stored, and goes on in the object that rotate names', 'drop-after', undefined],
    ['was not stored, and sends it to the object that rotate names', 'drop-before', undefined],
    ['was stored, and goes on in the object of the next page', 'drop-after', 'next.ndjson'],
    ['was not stored, and sends it to the object of the next page', 'drop-before', 'next.ndjson'],
  ] as const)('settles the segment in flight in an object that was sealed since then: it %s', async (_, kind, key) => {
    const { world, storage, open } = setUp([{ kind, operation: 'AppendObject', nth: 2 }, UNREAD]);
    await leaveInFlight(world, open(), 'in flight');
    expect(
      storage.keys.some(([, , row]) => Number(row) === -2),
      'the journal has the segment',
    ).toBe(true);
    await new AppendableObject(new OssClient(world.client()), 'app.ndjson').seal();
    // It is not known whether OSS looks at the position or at the seal first. LocalOss looks at the position.
    const sealed: Fetch = async (url, init) =>
      init.body && url.includes('/app.ndjson')
        ? refused(400, 'AppendSealedObjectNotAllowed')
        : world.oss.fetch(url, init);
    const rotate = ({ isSealed }: RotationState) => (isSealed ? 'next.ndjson' : undefined);
    const next = open(key ? {} : { rotate }, new FakePage(), { oss: { fetch: sealed }, ...(key && { key }) });
    next.log.write('behind it');
    await world.drive(next.log.flush());
    expect([world.text(), world.text('next.ndjson')]).toEqual(
      kind === 'drop-after' ? ['before\nin flight\n', 'behind it\n'] : ['before\n', 'in flight\nbehind it\n'],
    );
  });

  test('settles a segment that is stored later, when the next page has already begun', async () => {
    const { world, open } = setUp([{ kind: 'commit-late', delay: 5000, operation: 'AppendObject', nth: 2 }]);
    await leaveInFlight(world, open(), 'late');
    const second = open();
    second.log.write('after');
    await world.drive(second.log.flush());
    world.clock.advance(5000);
    await settle(world);
    expect(world.text()).toBe('before\nlate\nafter\n');
  });

  test('appends after another writer that was first', async () => {
    const { world, open } = setUp([{ kind: 'drop-before', operation: 'AppendObject', nth: 2 }]);
    await leaveInFlight(world, open(), 'mine');
    world.oss.appendObject('logs', 'app.ndjson', new TextEncoder().encode('theirs\n'));
    await world.drive(open().log.flush());
    expect(world.text()).toBe('before\ntheirs\nmine\n');
  });

  test('stores records once if they were sent when the user left the earlier page', async () => {
    const { world, open } = setUp();
    const first = open();
    first.log.write('before');
    await world.drive(first.log.flush());
    first.log.write('last words');
    await settle(world);
    world.clock.advance(100); // The records are noted as a segment, so that nothing has to wait when the page is left.
    await settle(world);
    first.page.leave();
    for (let turn = 0; turn < 50; turn++) await undefined;
    expect(first.page.sent.at(-1)).toMatchObject({ keepalive: true, size: 11 });
    first.kill();
    await settle(world);
    await world.drive(open().log.flush());
    expect(world.text()).toBe('before\nlast words\n');
  });

  test('stores records once if the browser has sent them after the earlier page crashed', async () => {
    const { world, open } = setUp();
    const first = open({}, new FakePage({ fetchLater: true }));
    first.log.write('before');
    await world.drive(first.log.flush());
    first.log.write('crashed');
    await settle(world);
    world.clock.advance(100);
    await settle(world);
    first.log.write('behind it');
    await settle(world);
    first.kill();
    await first.page.sendDeferred(world.oss.fetch);
    expect(world.text()).toBe('before\ncrashed\n');
    await world.drive(open().log.flush());
    expect(world.text()).toBe('before\ncrashed\nbehind it\n');
  });

  test('stores records once if the page crashes in the moment when the journal has noted a longer segment for the browser', async () => {
    const { world, storage, open } = setUp();
    const first = open({}, new FakePage({ fetchLater: true }));
    first.log.write('before');
    await world.drive(first.log.flush());
    for (const text of ['one', 'two']) {
      first.log.write(text);
      await settle(world);
      if (text === 'two') storage.oncommit = () => first.kill();
      world.clock.advance(100);
      await settle(world);
    }
    await first.page.sendDeferred(world.oss.fetch);
    storage.oncommit = () => {};
    await world.drive(open().log.flush());
    expect(world.text()).toBe('before\none\ntwo\n');
  });

  test.each([
    ['one millisecond after the other', 1],
    ['in the same millisecond', 0],
    ['while the clock was set back', -3_600_000],
  ])('sends in the order of the pages, if several pages that were opened %s have left records', async (_, later) => {
    let isHealed = false;
    const { world, open } = setUp(({ operation }) =>
      operation === 'AppendObject' && !isHealed ? { kind: 'deny' } : undefined,
    );
    const names = ['first', 'second', 'third'];
    for (const [index, name] of names.entries()) {
      world.clock.chance = 0.9 - index / 10;
      const life = open({ flushAfter: 60_000 });
      life.log.write(name);
      await settle(world);
      life.kill();
      world.clock.advance(later);
    }
    isHealed = true;
    await world.drive(open().log.flush());
    expect(world.text().split('\n').filter(Boolean)).toEqual(names);
  });

  test('does not bring back records that were dropped and reported as lost', async () => {
    const { world, storage, open } = setUp();
    const first = open({ queueSize: 40, segmentSize: 40, flushAfter: 60_000 });
    await settle(world);
    for (const name of 'abcd') first.log.write(name.repeat(8));
    await settle(world);
    first.log.write('e'.repeat(8));
    await settle(world);
    first.kill();
    expect([first.log.dropped, storage.transactions]).toEqual([1, expect.any(Number)]);
    await world.drive(open().log.flush());
    expect(world.text()).toBe([...'bcde'].map((name) => `${name.repeat(8)}\n`).join(''));
  });
});

describe('two tabs', () => {
  test('are kept apart: the second does not send what the first still holds', async () => {
    const { world, open } = setUp();
    const first = open({ shared: true, flushAfter: 5000 });
    first.log.write('of the first');
    await settle(world);
    const second = open({ shared: true });
    second.log.write('of the second');
    await world.drive(second.log.flush());
    expect(world.text()).toBe('of the second\n');
    await world.drive(first.log.flush());
    expect(world.text()).toBe('of the second\nof the first\n');
  });

  test('a log that is closed leaves nothing, and one that could not store leaves its rest to a log of the same page', async () => {
    const { world, storage, open } = setUp([{ kind: 'deny', operation: 'AppendObject', times: 4 }]);
    const first = open();
    first.log.write('denied');
    await settle(world);
    await world.drive(first.log.close().catch(() => {}));
    const second = open();
    await world.drive(second.log.flush());
    await world.drive(second.log.close());
    await settle(world);
    expect([world.text(), storage.rows]).toEqual(['denied\n', []]);
  });
});

describe('a platform without a journal', () => {
  test.each([
    ['IndexedDB', { navigator: new FakeStorage().page().navigator }],
    ['Web Locks', { indexedDB: new FakeStorage().page().indexedDB }],
  ])('reports once that %s is missing, and works without it', async (_, platform) => {
    const world = new LogWorld();
    const log = world.log({ persist: new IndexedDbJournal('app', platform) });
    log.write('one');
    await world.drive(log.flush());
    log.write('two');
    await world.drive(log.flush());
    expect(world.text()).toBe('one\ntwo\n');
    expect(world.errors).toEqual([
      new TypeError('persist needs IndexedDB and Web Locks, and one of them is missing here'),
    ]);
  });

  test('reports once that storage fails, and works without it', async () => {
    const { world, storage, open } = setUp();
    const { log } = open();
    log.write('one');
    await world.drive(log.flush());
    storage.failure = new Error('the disk is full');
    for (const text of ['two', 'three']) {
      log.write(text);
      await world.drive(log.flush());
    }
    expect(world.text()).toBe('one\ntwo\nthree\n');
    expect(world.errors).toEqual([storage.failure]);
  });

  test.each([
    ['its own records', 'own'],
    ['the records of an earlier page', 'earlier'],
  ])(
    'deletes what the journal has if a transaction fails, so that the next page does not store %s twice',
    async (_, whose) => {
      const failure = new Error('the disk is full');
      const { world, storage, open } = setUp(({ operation }) => {
        // The page has read its journal by now. It notes its segment after this request.
        if (operation === 'HeadObject' && whose === 'earlier' && world.errors.length === 0) storage.failure = failure;
        return undefined;
      });
      storage.onfailure = () => {
        storage.failure = undefined;
      };
      const first = open({ flushAfter: 60_000 });
      first.log.write('one');
      await settle(world);
      if (whose === 'own') storage.failure = failure;
      else first.kill();
      const sender = whose === 'own' ? first : open();
      await world.drive(sender.log.flush());
      await settle(world);
      sender.kill();
      const next = open();
      next.log.write('two');
      await world.drive(next.log.flush());
      expect([world.text(), world.errors]).toEqual(['one\ntwo\n', [failure]]);
    },
  );

  test('notes what is stored even if the journal has no room for more records, so that the next page stores nothing twice', async () => {
    const { world, storage, open } = setUp();
    const failure = new Error('the disk is full');
    const first = open({ flushAfter: 60_000, segmentSize: 100 });
    for (const name of 'ab') first.log.write(name.repeat(45));
    await settle(world);
    storage.failure = failure;
    storage.onfailure = () => {
      storage.failure = undefined;
    };
    // This record fits neither into the journal nor into the segment of the records before it, so these are sent.
    first.log.write('c'.repeat(45));
    await settle(world);
    first.kill();
    expect([world.appends, world.errors]).toEqual([1, [failure]]);
    await world.drive(open().log.flush());
    expect(world.text()).toBe([...'ab'].map((name) => `${name.repeat(45)}\n`).join(''));
  });
});

test('a page reads the rows that earlier pages have left once, and not the rows of all pages for each of them', async () => {
  let isHealed = false;
  const { world, storage, open } = setUp(() => (isHealed ? undefined : { kind: 'deny' }));
  for (const name of 'abcde') {
    const life = open({ flushAfter: 60_000 });
    life.log.write(name);
    await settle(world);
    life.kill();
  }
  isHealed = true;
  storage.reads = 0;
  const rows = storage.rows.length;
  await world.drive(open().log.flush());
  expect([world.text(), storage.reads]).toEqual(['a\nb\nc\nd\ne\n', rows]);
});

test('a page may delete the database while a log is open: the log says so once, and works without the journal', async () => {
  const { world, storage, open } = setUp();
  const { log } = open();
  log.write('one');
  await world.drive(log.flush());
  expect(storage.deleteDatabase()).toBe(true);
  for (const text of ['two', 'three']) {
    log.write(text);
    await world.drive(log.flush());
  }
  expect(world.text()).toBe('one\ntwo\nthree\n');
  expect(world.errors).toEqual([expect.objectContaining({ name: 'InvalidStateError' })]);
});

test('a journal that is idle makes no request and writes nothing more', async () => {
  const { world, storage, open } = setUp();
  const { log } = open();
  log.write('one');
  await world.drive(log.flush());
  await settle(world);
  const { transactions } = storage;
  await settle(world);
  expect([storage.transactions, world.clock.waiting]).toEqual([transactions, 0]);
});

async function textOf(world: LogWorld, { gzip = false }: LogAppenderOptions): Promise<string> {
  if (!gzip) return world.text();
  const bytes = world.oss.object('logs', 'app.ndjson')?.bytes() as Uint8Array<ArrayBuffer>;
  const { gunzipSync } = await import('node:zlib');
  return gunzipSync(bytes).toString();
}

test('the last of several records that microtasks write is journaled', async () => {
  for (let turns = 0; turns < 12; turns++) {
    const { world, storage, open } = setUp();
    const { log } = open({ flushAfter: 60_000 });
    await settle(world);
    log.write('first');
    storage.oncomplete = async () => {
      storage.oncomplete = () => {};
      for (let turn = 0; turn < turns; turn++) await undefined;
      log.write('the last');
    };
    await settle(world);
    const text = storage.rows.map(({ value }) => new TextDecoder().decode(Object(value).bytes)).join('');
    expect(text, `${turns} turns`).toContain('the last\n');
  }
});
