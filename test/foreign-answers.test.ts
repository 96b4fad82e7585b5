/** Answers that are not OSS's own: of a cache, a portal, or the place that a redirect leads to. None of them is believed. */
import { describe, expect, test } from 'vitest';
import { AppendableObject, type AppendableObjectOptions } from '../src/append.ts';
import type { OssClientOptions } from '../src/client.ts';
import type { FaultSchedule } from '../src/testing/index.ts';
import { memoryBlob } from './exactly-once/sources.ts';
import { drive, failureOf, KEYS, localOss, makeClient, utf8, VirtualClock } from './unit-tools.ts';

const KEY = 'a.log';

/** LocalOss with an object, and a client of it on one virtual clock. */
function setUp(faults: FaultSchedule, options: Partial<OssClientOptions> = {}) {
  const clock = new VirtualClock();
  const oss = localOss({ faults, clock });
  const client = makeClient({ credentials: KEYS, fetch: oss.fetch, clock, ...options });
  return {
    oss,
    client,
    object: (settings: AppendableObjectOptions = {}) => new AppendableObject(client, KEY, settings),
    run: <T>(work: Promise<T>) => drive(work, clock, oss),
    stored: () => new TextDecoder().decode(oss.object('logs', KEY)?.bytes()),
  };
}

describe('a cache that answers HEAD as it did before', () => {
  const CACHED = [{ kind: 'cached-head', operation: 'HeadObject', times: Number.POSITIVE_INFINITY }] as const;
  const NAMES_THE_CACHE = { outcome: 'unknown', message: expect.stringContaining('through a cache (CDN)') };

  test.each([
    ['an object that has grown', 'hello', 5],
    ['no object where there is one now', undefined, 0],
  ])('is told by its name where it answers %s', async (_, text, cachedLength) => {
    const { oss, object, run, stored } = setUp(CACHED);
    if (text) oss.appendObject('logs', KEY, utf8(text));
    const log = object();
    await run(log.open());
    oss.appendObject('logs', KEY, utf8(' of another writer'));
    const error = await run(failureOf(log.append('x')));
    expect(error).toMatchObject(NAMES_THE_CACHE);
    expect((error as Error).message).toContain(
      `the answer tells length ${cachedLength}, but OSS has told ${cachedLength + 18}`,
    );
    expect(stored()).toBe(`${text ?? ''} of another writer`);
    // The refused append is not repeated: its place is known to be taken.
    expect(oss.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('is told by its name where resume meets it', async () => {
    const { oss, object, run } = setUp(CACHED);
    oss.appendObject('logs', KEY, utf8('hel'));
    await run(object().open());
    oss.appendObject('logs', KEY, utf8('lo'));
    expect(await run(failureOf(object().resume(memoryBlob(utf8('hello!')))))).toMatchObject(NAMES_THE_CACHE);
  });

  test('is asked again, and the append ends well once OSS itself answers', async () => {
    const { oss, object, run, stored } = setUp([{ ...CACHED[0], times: 3 }]);
    oss.appendObject('logs', KEY, utf8('hello'));
    const log = object({ shared: true });
    await run(log.open());
    oss.appendObject('logs', KEY, utf8(' there'));
    await run(log.append('!'));
    expect(stored()).toBe('hello there!');
  });

  test('is named among the reasons where the object is shorter than what an append confirmed', async () => {
    const { oss, object, run } = setUp([...CACHED, { kind: 'deny', operation: 'AppendObject', nth: 2 }]);
    oss.appendObject('logs', KEY, utf8('hello'));
    const log = object();
    await run(log.open());
    await run(log.append(' there'));
    await run(failureOf(log.append('x')));
    expect(await run(failureOf(log.open()))).toMatchObject({ message: expect.stringContaining('a cache (CDN)') });
  });
});
