/** A store gets every change of the objects of LocalOss, and no answer comes before the store has kept the change. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { LocalOss, type LocalOssOptions, type LoggedRequest, type ObjectChange } from '../../../src/testing/index.ts';
import { text, utf8 } from '../text.ts';
import { appendCall, type Call, call, ManualClock, quiet, stateOf } from '../tools.ts';

/** A store that keeps each change as it was when it came, and flushes when the test says so. */
class MemoryStore {
  readonly changes: ObjectChange[] = [];
  flush = async (): Promise<void> => {};

  save(change: ObjectChange): void {
    this.changes.push(structuredClone(change));
  }
}

const buckets = {
  logs: { region: 'cn-hangzhou' },
  sums: { region: 'cn-hangzhou', contents: 'checksum' },
} as const;

function anOss(store: MemoryStore, options: Partial<LocalOssOptions> = {}): LocalOss {
  return new LocalOss({ buckets, accessKeys: { ak: 'sk' }, clock: new ManualClock(), store, ...options });
}

/** Makes the objects again from what the store has kept. */
function again({ changes }: MemoryStore): LocalOss {
  const oss = anOss(new MemoryStore());
  for (const change of changes) oss.restore(change);
  return oss;
}

/** Everything that can be read of the objects. */
function contents(oss: LocalOss): unknown {
  return ['logs', 'sums'].flatMap((bucket) =>
    oss.keys(bucket).map((key) => {
      const { bytes, ...view } = oss.object(bucket, key)!;
      return [bucket, key, view, bucket === 'logs' ? text(bytes()) : undefined];
    }),
  );
}

const SEAL: Call = ['POST', 'sealed', { seal: '', position: '1' }];

test('every kind of write makes the same objects again', async () => {
  const store = new MemoryStore();
  const oss = anOss(store, {
    faults: [
      { kind: 'rival', when: 'after', same: true, key: 'rival' },
      { kind: 'delete', when: 'after', key: 'deleted' },
      { kind: 'replace', when: 'after', key: 'replaced', type: 'Appendable' },
      { kind: 'flip-bit', key: 'flipped' },
      { kind: 'repeat', key: 'repeated' },
    ],
  });
  const send = async (what: Call, body = '') => (await call(oss, what, { body })).status;
  await send(
    appendCall('a/b', 0, { 'x-oss-meta-a': '1', 'x-oss-object-acl': 'public-read', 'x-oss-tagging': 'a=b' }),
    'one',
  );
  await send(appendCall('a/b', 3), 'two');
  await send(appendCall('empty', 0));
  await send(appendCall('empty', 0), 'no more');
  for (const key of ['sealed', 'rival', 'deleted', 'replaced', 'flipped', 'repeated'])
    await send(appendCall(key, 0), 'x');
  expect(await send(SEAL)).toBe(200);
  await send(['PUT', 'a/b'], 'a normal one');
  await send(['PUT', 'gone'], 'x');
  expect(await send(['DELETE', 'gone'])).toBe(204);
  oss.appendObject('sums', 'large', 1e9);
  oss.appendObject('sums', 'large', 1e9);
  expect(oss.keys('logs')).toEqual(['a/b', 'empty', 'flipped', 'repeated', 'replaced', 'rival', 'sealed']);
  expect(contents(again(store))).toEqual(contents(oss));
});

test('an append gives the store only its own bytes, and a read or a refusal gives it nothing', async () => {
  const store = new MemoryStore();
  const oss = anOss(store);
  for (const [position, body] of [
    [0, 'one'],
    [0, 'refused'],
    [3, 'two'],
  ] as const)
    await call(oss, appendCall('a', position), { body });
  await call(oss, ['HEAD', 'a']);
  await call(oss, ['DELETE', 'nothing']);
  expect(store.changes.map(({ start, pieces }) => [start, pieces.map((piece) => text(piece))])).toEqual([
    [0, ['one']],
    [3, ['two']],
  ]);
});

test('an object from a store can be appended to: its position, ETag and bytes go on', async () => {
  const store = new MemoryStore();
  const first = anOss(store);
  await call(first, appendCall('a', 0), { body: 'one' });
  const { changes } = store;
  const oss = anOss(store);
  for (const change of [...changes]) oss.restore(change);
  const before = oss.object('logs', 'a')?.etag;
  expect((await call(oss, appendCall('a', 0), { body: 'again' })).status).toBe(409);
  expect((await call(oss, appendCall('a', 3), { body: 'two' })).status).toBe(200);
  expect(oss.object('logs', 'a')?.etag).not.toBe(before);
  expect(contents(again(store))).toEqual(contents(oss));
  expect(store.changes.map(({ start }) => start)).toEqual([0, 3]);
});

test('bytes that do not match their CRC are refused', () => {
  const store = new MemoryStore();
  anOss(store).appendObject('logs', 'a', utf8('one'));
  for (const pieces of [[utf8('two')], [utf8('one!')], []]) {
    const damaged = { ...store.changes[0]!, pieces };
    expect(() => anOss(new MemoryStore()).restore(damaged)).toThrow('do not match their length 3 and their CRC-64');
  }
});

test('no answer comes before the store has kept what it shows, for reads and refusals as well', async () => {
  const store = new MemoryStore();
  const oss = anOss(store);
  for (const what of [appendCall('a', 0), ['HEAD', 'a'], appendCall('a', 0), ['HEAD', 'b']] satisfies Call[]) {
    let answer: Promise<Response> | undefined;
    const kept = await new Promise<() => void>((asked) => {
      store.flush = () => new Promise((resolve) => asked(resolve));
      answer = call(oss, what, what[0] === 'POST' ? { body: 'x' } : {});
    });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(await stateOf(answer!)).toBe('pending');
    kept();
    await answer;
  }
});

test('a store that fails leaves every request without an answer', async () => {
  const store = new MemoryStore();
  const oss = anOss(store);
  store.flush = () => Promise.reject(new Error('the disk is full'));
  await expect(call(oss, appendCall('a', 0), { body: 'x' })).rejects.toThrow('the disk is full');
  await expect(call(oss, ['HEAD', 'a'])).rejects.toThrow('the disk is full');
  await quiet(oss);
});

test('onrequest gets each entry of the log when its answer is ready or its connection has failed', async () => {
  const seen: (LoggedRequest & { readonly stored: unknown })[] = [];
  const oss = anOss(new MemoryStore(), {
    faults: [{ kind: 'drop-after', nth: 2 }],
    onrequest: (entry) => seen.push({ ...entry, stored: oss.object('logs', 'a')?.length }),
  });
  await call(oss, appendCall('a', 0), { body: randomBytes(8) });
  await call(oss, appendCall('a', 8), { body: 'x' }).catch(() => {});
  await call(oss, appendCall('a', 0), { body: 'x' });
  expect(seen).toMatchObject([
    { operation: 'AppendObject', position: 0, status: 200, stored: 8 },
    { position: 8, status: 200, fault: 'drop-after', stored: 9 },
    { position: 0, status: 409, stored: 9 },
  ]);
});
