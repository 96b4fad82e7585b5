/** The life of a page: hidden, left, come back, and the requests that outlive it. */
import { describe, expect, test, vi } from 'vitest';
import { OssClient, type Presign, PresignedClient } from '../../src/index.ts';
import { LogAppender, type LogAppenderOptions, type LogClient } from '../../src/log/index.ts';
import type { OssClientOptions } from '../../src/request/client.ts';
import type { FaultSchedule } from '../../src/testing/index.ts';
import { settle } from '../tools/virtual-clock.ts';
import { FakePage } from './fake-page.ts';
import { KEY, LogWorld } from './log-tools.ts';

/** A log of a page. */
function setUp(
  options: LogAppenderOptions & { page?: FakePage; faults?: FaultSchedule; key?: string; world?: LogWorld } = {},
  client: Partial<OssClientOptions> = {},
) {
  const { page = new FakePage(), faults = [], world = new LogWorld(faults), key = KEY, ...rest } = options;
  const clientOptions = world.client({ fetch: page.fetch(world.oss.fetch), ...client });
  const log = new LogAppender(clientOptions, key, {
    platform: page,
    onstored: (stored) => world.stored.push(stored),
    onerror: (error) => world.errors.push(error),
    ...rest,
  });
  return { world, page, log };
}

/** Makes the log know where its object ends, as it does some time after the page was opened. */
async function opened(options: Parameters<typeof setUp>[0] = {}) {
  const made = setUp(options);
  made.log.write('opened');
  await made.world.drive(made.log.flush());
  made.page.sent.length = 0;
  return made;
}

describe('a page that is hidden or left', () => {
  test.each([
    ['hidden', (page: FakePage) => page.hide()],
    ['left', (page: FakePage) => page.leave()],
  ])('flushes when it is %s, with keepalive and without a preflight', async (_, go) => {
    const { world, page, log } = await opened();
    log.write('last words');
    go(page);
    // After the user leaves a page, no answer and no timer comes any more, so this test waits only for promises.
    for (let turn = 0; turn < 50; turn++) await undefined;
    expect(page.sent).toEqual([{ keepalive: true, size: 11, url: expect.stringContaining('x-oss-signature=') }]);
    await settle(world.oss);
    expect(world.text()).toBe('opened\nlast words\n');
  });

  test('is signed in a header if the caller wants that', async () => {
    const { page, log, world } = setUp({}, { signing: 'header' });
    log.write('x');
    await world.drive(log.flush());
    expect(page.sent[0]?.url).not.toContain('signature');
  });

  test('asks for the end of its object at the first record, so that the end is known when the user leaves the page', async () => {
    const { world, log, page } = setUp();
    log.write('first');
    await settle(world.oss);
    expect(world.oss.requests.map(({ operation }) => operation)).toEqual(['HeadObject']);
    page.leave();
    await settle(world.oss);
    expect(world.text()).toBe('first\n');
  });

  test('is not closed: what is written while it is hidden is sent at once, and it goes on when it comes back', async () => {
    const { world, page, log } = await opened();
    page.hide();
    log.write('in the background');
    world.clock.advance(0);
    await settle(world.oss);
    expect(world.text()).toBe('opened\nin the background\n');
    page.show();
    log.write('back again');
    world.clock.advance(999);
    await settle(world.oss);
    expect(world.text()).not.toContain('back again');
    world.clock.advance(1);
    await settle(world.oss);
    expect(world.text()).toBe('opened\nin the background\nback again\n');
  });

  test('goes on when the page comes back from the back/forward cache, which has ended its request', async () => {
    const { world, page, log } = await opened({ faults: [{ kind: 'drop-after', operation: 'AppendObject', nth: 2 }] });
    log.write('left behind');
    page.leave();
    await settle(world.oss);
    page.show();
    log.write('and back');
    await world.drive(log.flush());
    expect(world.text()).toBe('opened\nleft behind\nand back\n');
  });

  test('gets no events of the page after close', async () => {
    const { page, log, world } = await opened();
    await world.drive(log.close());
    const before = world.oss.requests.length;
    page.leave();
    await settle(world.oss);
    expect(world.oss.requests.length).toBe(before);
  });

  test('a worker has no document: it signs in a header, and sends without keepalive', async () => {
    const world = new LogWorld();
    const page = new FakePage();
    const log = new LogAppender(world.client({ fetch: page.fetch(world.oss.fetch) }), KEY, { platform: {} });
    log.write('x');
    await world.drive(log.flush());
    expect(page.sent).toEqual([{ keepalive: false, size: 2, url: expect.not.stringContaining('signature') }]);
  });
});

describe('the budget of keepalive', () => {
  /** Several logs of one page, each with an object of its own, that are full when the page is left. */
  async function leaveWith(count: number, bytes: number, page: FakePage = new FakePage()) {
    // No answer comes until the clock moves, so that all requests are in flight together.
    const faults: FaultSchedule = ({ operation, nth }) =>
      operation === 'AppendObject' && nth > 1 ? { kind: 'answer-late', delay: 1000 } : [];
    const world = new LogWorld(faults);
    const logs = Array.from({ length: count }, (_, n) => setUp({ world, page, key: `${n}.log` }).log);
    for (const log of logs) log.write('opened');
    await world.drive(Promise.all(logs.map((log) => log.flush())));
    page.sent.length = 0;
    for (const [n, log] of logs.entries())
      for (let rest = bytes, index = 0; rest > 0; rest -= 1000, index++) log.write(`${n} ${index} `.padEnd(999, '.'));
    if (page.fetchLater) {
      await settle(world.oss);
      world.clock.advance(100);
      await settle(world.oss);
    }
    page.leave();
    await settle(world.oss);
    return { page, world, logs };
  }

  test('is one for all logs of a page: 60,000 bytes', async () => {
    const { page, world, logs } = await leaveWith(5, 20_000);
    expect(page.mostInFlight).toBe(60_000);
    expect(page.sent.filter(({ keepalive }) => !keepalive).length).toBe(2);
    await world.drive(Promise.all(logs.map((log) => log.flush())));
    expect(page.inFlight).toBe(0);
    for (const n of logs.keys()) expect(world.text(`${n}.log`).split('\n').length).toBe(22);
  });

  test('is one for all logs of a page: nine requests', async () => {
    const { page } = await leaveWith(12, 1000);
    expect([page.mostRequests, page.sent.filter(({ keepalive }) => !keepalive).length]).toEqual([9, 3]);
  });

  test.each([
    ['that were just written', {}],
    ['that the browser holds', { fetchLater: true }],
  ])('is kept by splitting the records %s at their borders', async (_, browser) => {
    const { page, world, logs } = await leaveWith(2, 40_000, new FakePage(browser));
    expect(page.sent.map(({ size, keepalive }) => [size, keepalive])).toEqual([
      [40_000, true],
      [20_000, true],
    ]);
    await world.drive(Promise.all(logs.map((log) => log.flush())));
    for (const [n] of logs.entries()) {
      const lines = world.text(`${n}.log`).split('\n').slice(1, -1);
      expect(lines.map((line) => line.split(' ')[1])).toEqual(Array.from({ length: 40 }, (_, index) => `${index}`));
    }
  });

  test('is shared by two copies of the library, because it is kept on the global object', () => {
    const page = new FakePage();
    setUp({ page });
    expect((page as unknown as Record<symbol, unknown>)[Symbol.for('oss-append.keepalive')]).toEqual({
      bytes: 0,
      requests: 0,
    });
  });

  test('is kept also by compressed segments, which are a little longer than their records', async () => {
    const page = new FakePage();
    const world = new LogWorld();
    const logs = ['0.log', '1.log'].map((key) => setUp({ world, page, key, gzip: true }).log);
    world.others.push(page);
    for (const log of logs) log.write('opened');
    await world.drive(Promise.all(logs.map((log) => log.flush())));
    page.sent.length = 0;
    const [first, second] = logs;
    first?.write('x'.repeat(39_999));
    // Twenty records fit into the room that the first log leaves, but not together with the head of a gzip member.
    for (let n = 0; n < 20; n++) second?.write('y'.repeat(997));
    page.leave();
    for (let turn = 0; turn < 50; turn++) await undefined;
    expect(page.sent.map(({ size, keepalive }) => [size, keepalive])).toEqual([
      [40_023, true],
      [19 * 998 + 23, true],
    ]);
    await world.drive(Promise.all(logs.map((log) => log.flush())));
  });

  test('is given back by a log that ends before it has sent anything', async () => {
    const page = new FakePage();
    const failing = async () => {
      throw new Error('no token');
    };
    const { world, log } = setUp({ page }, { credentials: failing });
    log.write('x'.repeat(29_999));
    await world.drive(log.close()).catch(() => {});
    const next = setUp({ page, world });
    next.log.write('x'.repeat(29_999));
    await world.drive(next.log.flush());
    expect(page.sent).toEqual([expect.objectContaining({ keepalive: true, size: 30_000 })]);
  });

  test('is half as large while the page is visible, so that other libraries find room', async () => {
    const { page, log, world } = await opened({ segmentSize: 45_000 });
    log.write('x'.repeat(29_999));
    await world.drive(log.flush());
    log.write('x'.repeat(30_000));
    await world.drive(log.flush());
    expect(page.sent.map(({ keepalive }) => keepalive)).toEqual([true, false]);
  });

  test('a request that the browser refuses, because other code uses the limit, is sent again without keepalive', async () => {
    const { page, log, world } = await opened();
    page.inFlight = 65_536;
    log.write('x');
    await world.drive(log.flush());
    expect(page.sent.map(({ keepalive }) => keepalive)).toEqual([true, false]);
    expect(world.text()).toBe('opened\nx\n');
  });
});

describe('fetchLater', () => {
  const withLater = () => opened({ page: new FakePage({ fetchLater: true }) });
  const arm = async ({ world }: { world: LogWorld }) => {
    await settle(world.oss);
    world.clock.advance(100);
    await settle(world.oss);
  };
  const waiting = (page: FakePage) => page.deferred.filter(({ isAborted }) => !isAborted);

  test('the browser holds the records that wait, as an append at the end of the object, signed in the query', async () => {
    const { world, page, log } = await withLater();
    log.write('if I crash');
    await arm({ world });
    expect(waiting(page)).toHaveLength(1);
    const [{ url, init } = {}] = waiting(page);
    expect(init).toMatchObject({ method: 'POST', headers: {} });
    expect(url).toMatch(/position=7&.*x-oss-signature=/);
    await page.sendDeferred(world.oss.fetch);
    expect(world.text()).toBe('opened\nif I crash\n');
  });

  test('is replaced by a new one when records follow, and the earlier request is aborted', async () => {
    const { world, page, log } = await withLater();
    log.write('one');
    await arm({ world });
    log.write('two');
    await arm({ world });
    expect([page.deferred.length, waiting(page).length]).toEqual([2, 1]);
    await page.sendDeferred(world.oss.fetch);
    expect(world.text()).toBe('opened\none\ntwo\n');
  });

  test('is aborted before the log sends the records itself', async () => {
    const { world, page, log } = await withLater();
    log.write('one');
    await arm({ world });
    await world.drive(log.flush());
    expect(waiting(page)).toEqual([]);
    await page.sendDeferred(world.oss.fetch);
    expect(world.text()).toBe('opened\none\n');
  });

  test.each([
    ['was stored', true],
    ['was lost', false],
  ])(
    'stores the records once when the browser has sent the request before the page comes back, and the request %s',
    async (_, stored) => {
      const { world, page, log } = await withLater();
      log.write('one');
      log.write('two');
      await arm({ world });
      log.write('three');
      await page.sendDeferred(stored ? world.oss.fetch : async () => new Response());
      log.write('four');
      // No new request is deferred, because then the page would forget the request that the browser has sent.
      await arm({ world });
      await world.drive(log.flush());
      expect(world.text()).toBe('opened\none\ntwo\nthree\nfour\n');
      expect(world.stored.reduce((sum, { count }) => sum + count, 0)).toBe(5);
      expect(world.errors).toEqual([]);
    },
  );

  test('stores a record once if the browser has sent it and the queue has dropped it since', async () => {
    const page = new FakePage({ fetchLater: true });
    const { world, log } = await opened({ page, queueSize: 40, segmentSize: 40 });
    for (const name of 'abc') log.write(name.repeat(9));
    await arm({ world });
    await page.sendDeferred(world.oss.fetch);
    log.write('d'.repeat(19));
    await world.drive(log.flush());
    expect(world.text().split('\n')).toEqual([
      'opened',
      'aaaaaaaaa',
      'bbbbbbbbb',
      'ccccccccc',
      '{"lost":1,"bytes":10}',
      'd'.repeat(19),
      '',
    ]);
  });

  test('a used-up quota of the browser is not a failure', async () => {
    const page = new FakePage();
    page.fetchLater = () => {
      throw new DOMException('no quota', 'QuotaExceededError');
    };
    const { world, log } = await opened({ page });
    log.write('all the same');
    await arm({ world });
    await world.drive(log.flush());
    expect([world.text(), world.errors]).toEqual(['opened\nall the same\n', []]);
  });

  test('there is one deferred request, and it has the last records, also if signing takes longer than the next record', async () => {
    const page = new FakePage({ fetchLater: true });
    const world = new LogWorld();
    const token = world.oss.issueToken();
    const slowly = async () => {
      if (log.tail) await world.clock.wait(150);
      // The token is used once, so each request waits for another one.
      return { ...token, expiration: new Date(world.clock.now()) };
    };
    const { log } = setUp({ world, page }, { credentials: slowly });
    log.write('opened');
    await world.drive(log.flush());
    for (const text of ['one', 'two']) {
      log.write(text);
      await arm({ world });
    }
    for (let n = 0; n < 5; n++) await arm({ world });
    expect(waiting(page)).toHaveLength(1);
    await page.sendDeferred(world.oss.fetch);
    expect(world.text()).toBe('opened\none\ntwo\n');
    log.write('three');
    await world.drive(log.flush());
    expect(world.text()).toBe('opened\none\ntwo\nthree\n');
  });

  test('asks for at most one more URL in a second, if the URLs come from elsewhere', async () => {
    const page = new FakePage({ fetchLater: true });
    const world = new LogWorld();
    const edge = new OssClient(world.client());
    let asked = 0;
    const presign: Presign = async ({ operation, key, position = 0, size }) => {
      asked++;
      return operation === 'headObject'
        ? edge.presignHeadObject(key)
        : edge.presignAppendObject(key, { position, size });
    };
    vi.stubGlobal('fetch', page.fetch(world.oss.fetch));
    const client: LogClient = (fetch) => new PresignedClient({ presign, fetch, clock: world.clock });
    const log = new LogAppender(client, KEY, { platform: page, flushAfter: 10_000 });
    log.write('opened');
    await world.drive(log.flush());
    asked = 0;
    for (let n = 0; n < 50; n++) {
      log.write(`record ${n}`);
      await arm({ world });
    }
    expect(asked).toBeLessThanOrEqual(6);
    vi.unstubAllGlobals();
    const [{ init } = {}] = waiting(page);
    expect(new TextDecoder().decode(init?.body as Uint8Array<ArrayBuffer>)).toContain('record 40\n');
  });

  test('close aborts the deferred request', async () => {
    const { world, page, log } = await withLater();
    log.write('one');
    await arm({ world });
    await world.drive(log.close());
    expect(waiting(page)).toEqual([]);
  });
});
