/**
 * Continuing after a call whose outcome is unknown. `settle` returns how many bytes of the call's source are finally
 * stored, so that nothing is stored twice and nothing is lost. The tests also show what `stored` and `absent` mean in
 * an error.
 */
import { describe, expect, test } from 'vitest';
import { AppendableObject } from '../../src/append/object.ts';
import { AppendStream } from '../../src/append/stream.ts';
import { AppendConflictError, ChecksumError, OssError } from '../../src/errors.ts';
import type { AppendSource } from '../../src/source/segment.ts';
import type { Fault } from '../../src/testing/faults.ts';
import { OneObject } from '../tools/one-object.ts';
import { settle as tasks } from '../tools/virtual-clock.ts';
import { Lab } from './exactly-once/lab.ts';
import { memoryBlob } from './exactly-once/sources.ts';
import { Weather } from './tools.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

/** The fate of the append whose answer is lost. HEAD fails as well, until the network works again. */
const LOSSES: Readonly<Record<string, Fault>> = {
  'is carried out, but its answer is lost': { kind: 'drop-after' },
  'never arrives': { kind: 'drop-before' },
  'is carried out late, after the caller gave up': { kind: 'commit-late', delay: 600_000 },
};

/** All forms of "bcdefgh" that a caller can append again from an offset. */
const SOURCES: Readonly<Record<string, (from: number) => AppendSource>> = {
  'a string': (from) => 'bcdefgh'.slice(from),
  bytes: (from) => utf8('bcdefgh').subarray(from),
  'a Blob': (from) => memoryBlob(utf8('bcdefgh')).slice(from),
  'a stream': (from) =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        controller.enqueue(utf8('bcdefgh').subarray(from));
        controller.close();
      },
    }),
  'an iterable': (from) => [...'bcdefgh'.slice(from)],
};

describe.each(Object.entries(LOSSES))('a segment that %s', (_loss, fault) => {
  test.each(Object.entries(SOURCES))(
    '%s is stored once, after settle and an append of the rest',
    async (_form, source) => {
      const weather = new Weather();
      const lab = new Lab({ faults: weather.faults, before: 'a', segmentSize: 4 });
      await lab.run(lab.object.open());
      weather.set(({ operation, position }) => {
        if (operation !== 'AppendObject') return { kind: 'drop-before' };
        return position === 1 ? fault : undefined;
      });
      const error = await lab.failure(lab.object.append(source(0)));
      expect(error).toMatchObject({ outcome: 'unknown', loaded: 0 });
      weather.clear();
      const { loaded, tail } = await lab.run(lab.object.settle(error));
      expect(tail).toEqual(lab.object.tail);
      expect(tail.position).toBe(1 + loaded);
      await lab.run(lab.object.append(source(loaded)));
      // Now a late request would be carried out.
      await lab.run(lab.clock.wait(3_600_000));
      expect(lab.stored).toBe('abcdefgh');
    },
  );
});

test('after settle, no earlier request can be carried out any more, however late it arrives', async () => {
  const weather = new Weather();
  const lab = new Lab({ faults: weather.faults, before: 'a', segmentSize: 64 });
  await lab.run(lab.object.open());
  weather.set(({ operation }) =>
    operation === 'AppendObject' ? { kind: 'commit-late', delay: 600_000 } : { kind: 'drop-before' },
  );
  const error = await lab.failure(lab.object.append('bcd'));
  weather.clear();
  const { loaded } = await lab.run(lab.object.settle(error));
  await lab.run(lab.clock.wait(3_600_000));
  await lab.run(lab.object.append(`${'bcd'.slice(loaded)}efg`));
  expect(lab.stored).toBe('abcdefg');
});

describe('settle', () => {
  const failing = async (lab: Lab, weather: Weather, source: AppendSource, options = {}): Promise<unknown> => {
    await lab.run(lab.object.open());
    weather.set(({ operation }) => (operation === 'AppendObject' ? { kind: 'drop-after' } : { kind: 'drop-before' }));
    const error = await lab.failure(lab.object.append(source, options));
    weather.clear();
    return error;
  };

  test('sends no unnecessary request: one HEAD finds a stored segment', async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults });
    const error = await failing(lab, weather, 'abcd');
    const before = lab.requests.length;
    await expect(lab.run(lab.object.settle(error))).resolves.toMatchObject({ loaded: 4 });
    expect(lab.requests.slice(before)).toEqual(['HEAD']);
    await expect(lab.run(lab.object.settle(error))).resolves.toMatchObject({ loaded: 4 });
    expect(lab.requests.slice(before)).toEqual(['HEAD']);
  });

  test('fails like append while OSS does not answer, and accepts either error afterwards', async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults });
    const first = await failing(lab, weather, 'abcd');
    weather.set(() => ({ kind: 'drop-before' }));
    const second = await lab.failure(lab.object.settle(first));
    expect(second).toBeInstanceOf(OssError);
    expect(second).toMatchObject({ outcome: 'unknown' });
    weather.clear();
    await expect(lab.run(lab.object.settle(second))).resolves.toMatchObject({ loaded: 4 });
    await expect(lab.run(lab.object.settle(first))).resolves.toMatchObject({ loaded: 4 });
    expect(lab.stored).toBe('abcd');
  });

  test('returns only its own bytes for each call of a group', async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults, segmentSize: 64 });
    await lab.run(lab.object.open());
    weather.set(({ operation }) => (operation === 'AppendObject' ? { kind: 'drop-after' } : { kind: 'drop-before' }));
    const calls = ['one\n', 'second\n', 'third line\n'].map((text) => lab.object.append(text));
    const errors = await Promise.all(calls.map((call) => lab.failure(call)));
    weather.clear();
    const sizes = [];
    for (const error of errors) sizes.push((await lab.run(lab.object.settle(error))).loaded);
    expect(sizes).toEqual([4, 7, 11]);
    expect(lab.stored).toBe('one\nsecond\nthird line\n');
  });

  test('counts the bytes that were confirmed before the segment in flight', async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults });
    weather.set(({ operation, position }) => {
      if (operation === 'AppendObject') return position === 4 ? { kind: 'drop-before' } : undefined;
      return position === undefined && operation === 'HeadObject' && lab.requests.length > 1
        ? { kind: 'drop-before' }
        : undefined;
    });
    const error = await lab.failure(lab.object.append('abcdefghij'));
    expect(error).toMatchObject({ loaded: 4 });
    weather.clear();
    const { loaded } = await lab.run(lab.object.settle(error));
    expect(loaded).toBe(8);
    expect(lab.stored).toBe('abcdefgh');
  });

  test('accepts the reason of an aborted call', async () => {
    const oss = new OneObject();
    const object = new AppendableObject(oss.client, 'a.log');
    const controller = new AbortController();
    oss.after = () => {
      controller.abort();
      throw controller.signal.reason;
    };
    const reason = await object.append('abcd', { signal: controller.signal }).catch((error: unknown) => error);
    expect(reason).toBe(controller.signal.reason);
    oss.after = () => {};
    await expect(object.settle(reason)).resolves.toMatchObject({ loaded: 4 });
    expect(oss.text).toBe('abcd');
  });

  test('returns 0 for a call that was aborted while it waited', async () => {
    const oss = new OneObject();
    const object = new AppendableObject(oss.client, 'a.log');
    const reason = new Error('too late');
    await expect(object.append('abcd', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(object.settle(reason)).resolves.toMatchObject({ loaded: 0 });
    expect(oss.posts).toEqual([]);
  });

  test('returns all bytes for an aborted member of a group that continued for the others', async () => {
    const oss = new OneObject();
    const object = new AppendableObject(oss.client, 'a.log');
    const controller = new AbortController();
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    oss.before = () => answered;
    const aborted = object.append('mine ', { signal: controller.signal }).catch((error: unknown) => error);
    const other = object.append('yours');
    await tasks();
    controller.abort();
    const reason = await aborted;
    const settled = object.settle(reason);
    answer();
    await other;
    await expect(settled).resolves.toMatchObject({ loaded: 5 });
    expect(oss.text).toBe('mine yours');
  });

  test('cannot distinguish two calls that were aborted with the same reason', async () => {
    const oss = new OneObject();
    const object = new AppendableObject(oss.client, 'a.log');
    const reason = new Error('stop');
    const calls = [1, 2].map(() => object.append('abcd', { signal: AbortSignal.abort(reason) }).catch(() => {}));
    await Promise.all(calls);
    await expect(object.settle(reason)).resolves.toMatchObject({ loaded: 0 });
    const controller = new AbortController();
    oss.before = () => {
      controller.abort(reason);
      throw reason;
    };
    await object.append('efgh', { signal: controller.signal }).catch(() => {});
    await expect(object.settle(reason)).rejects.toThrow('give each its own signal');
  });

  test('accepts only a value with which a call on this object was rejected', async () => {
    const { client } = new OneObject();
    const object = new AppendableObject(client, 'a.log');
    for (const wrong of [undefined, null, 'stop', new Error('mine'), new OssError('made up', { code: 'X' })])
      await expect(object.settle(wrong)).rejects.toThrow(TypeError);
  });

  test('never sends to a damaged object', async () => {
    const lab = new Lab({ faults: [{ operation: 'AppendObject', nth: 1, kind: 'flip-bit', at: 0 }] });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toBeInstanceOf(ChecksumError);
    const before = lab.requests.length;
    await expect(lab.failure(lab.object.settle(error))).resolves.toBe(error);
    expect(lab.requests.length).toBe(before);
  });

  test('reports that a rival was first and that our bytes are absent', async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults });
    await lab.run(lab.object.open());
    weather.set(() => ({ kind: 'drop-before' }));
    const error = await lab.failure(lab.object.append('abcd'));
    weather.clear();
    lab.rival('xyzw!');
    const conflict = await lab.failure(lab.object.settle(error));
    expect(conflict).toBeInstanceOf(AppendConflictError);
    expect(conflict).toMatchObject({ outcome: 'absent', loaded: 0 });
    await expect(lab.run(lab.object.settle(conflict))).resolves.toMatchObject({ loaded: 0, tail: { position: 5 } });
  });

  test("stores the segment after the other writer's if writers share the object", async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults, shared: true });
    await lab.run(lab.object.open());
    weather.set(() => ({ kind: 'drop-before' }));
    const error = await lab.failure(lab.object.append('abcd'));
    weather.clear();
    lab.rival('xyzw!');
    await expect(lab.run(lab.object.settle(error))).resolves.toMatchObject({ loaded: 4, tail: { position: 9 } });
    expect(lab.stored).toBe('xyzw!abcd');
  });

  test('finds the outcome without the bytes, after another append was stored at the position', async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults });
    await lab.run(lab.object.open());
    weather.set(() => ({ kind: 'drop-before' }));
    const error = await lab.failure(lab.object.append('abcd'));
    weather.clear();
    await lab.run(lab.object.append('efgh'));
    await expect(lab.run(lab.object.settle(error))).resolves.toMatchObject({ loaded: 0, tail: { position: 4 } });
  });

  test('must first settle another append whose answer was lost as well', async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults, client: { retry: { maxAttempts: 1 } } });
    weather.set(({ operation }) => (operation === 'AppendObject' ? { kind: 'drop-before' } : undefined));
    const first = await lab.failure(lab.object.append('abcd'));
    const second = await lab.failure(lab.object.append('efgh'));
    weather.clear();
    await expect(lab.failure(lab.object.settle(first))).resolves.toMatchObject({ code: 'Unsettled' });
    await expect(lab.run(lab.object.settle(second))).resolves.toMatchObject({ loaded: 4 });
    await expect(lab.run(lab.object.settle(first))).resolves.toMatchObject({ loaded: 0 });
    expect(lab.stored).toBe('efgh');
  });

  test('still works after another append that sent nothing', async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults });
    const first = await failing(lab, weather, 'abcd');
    weather.set(() => ({ kind: 'drop-before' }));
    const second = await lab.failure(lab.object.append('efgh'));
    weather.clear();
    await expect(lab.run(lab.object.settle(second))).resolves.toMatchObject({ loaded: 0 });
    await expect(lab.run(lab.object.settle(first))).resolves.toMatchObject({ loaded: 4 });
    expect(lab.stored).toBe('abcd');
  });

  test('works for the error with which a pipe was rejected', async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults });
    await lab.run(lab.object.open());
    weather.set(({ operation }) => (operation === 'AppendObject' ? { kind: 'drop-after' } : { kind: 'drop-before' }));
    const source = SOURCES['a stream']?.(0) as ReadableStream<Uint8Array<ArrayBuffer>>;
    const error = await lab.failure(source.pipeTo(new AppendStream(lab.object)));
    weather.clear();
    await expect(lab.run(lab.object.settle(error))).resolves.toMatchObject({ loaded: 4 });
  });
});

describe('what stored and absent mean', () => {
  test('equal bytes that are followed by others do not count as stored if every request of ours was refused', async () => {
    const lab = new Lab();
    await lab.run(lab.object.append('AAAA'));
    lab.rival('Bxyz');
    const error = await lab.failure(lab.object.append('B'));
    expect(error).toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ outcome: 'unknown', loaded: 0 });
  });

  test('equal bytes that are followed by others count as stored if an answer was lost', async () => {
    const lab = new Lab({ faults: [{ operation: 'AppendObject', nth: 2, kind: 'drop-after' }] });
    await lab.run(lab.object.append('AAAA'));
    const work = lab.object.append('BBBB');
    lab.client.headObject = async (key, options) => {
      lab.rival('xxxx');
      return Object.getPrototypeOf(lab.client).headObject.call(lab.client, key, options);
    };
    await expect(lab.failure(work)).resolves.toMatchObject({ outcome: 'stored', loaded: 0 });
  });

  test.each([
    ['the object is read', false],
    ['the next read fails as well', true],
  ])(
    'resume reports stored, never absent, if a lost answer was followed by another writer and %s',
    async (_case, fails) => {
      const lab = new Lab({
        faults: ({ operation, nth }) => {
          if (operation === 'AppendObject' && nth === 2) return { kind: 'drop-after' };
          if (operation === 'HeadObject' && nth === 2) return { kind: 'rival', when: 'before', bytes: utf8('xxxx') };
          return fails && operation === 'HeadObject' && nth > 2 ? { kind: 'drop-before' } : undefined;
        },
      });
      const error = await lab.failure(lab.object.resume(memoryBlob(utf8('AAAABBBBCCCC'))));
      expect(lab.stored).toBe('AAAABBBBxxxx');
      expect(error).toMatchObject({ outcome: 'stored', loaded: 4 });
    },
  );

  test('two writers with the same bytes at the same position both succeed, and one copy is stored, because nobody can distinguish them', async () => {
    const lab = new Lab();
    const [one, two] = [lab.another(), lab.another()];
    await lab.run(Promise.all([one.open(), two.open()]));
    await lab.run(one.append('same'));
    await expect(lab.run(two.append('same'))).resolves.toMatchObject({ position: 4 });
    expect(lab.stored).toBe('same');
  });

  test('an append of the same bytes at an outdated tail succeeds as well', async () => {
    const lab = new Lab({ before: 'old!' });
    const tail = await lab.run(lab.object.open());
    await lab.run(lab.object.append('line'));
    await expect(lab.run(lab.another({ tail }).append('line'))).resolves.toMatchObject({ position: 8 });
    expect(lab.stored).toBe('old!line');
  });
});

test('resume waits between its rounds and ends if two caches answer HEAD differently', async () => {
  const oss = new OneObject();
  oss.bytes = utf8('abcdefgh');
  const file = memoryBlob(utf8('abcdefghijkl'));
  let looks = 0;
  const head = oss.client.headObject;
  const client = {
    ...oss.client,
    // One cache knows the object from before its last four bytes.
    headObject: async (...args: Parameters<typeof head>) => {
      if (looks++ % 2 === 1) return head(...args);
      const fresh = await head(...args);
      return { ...fresh, contentLength: 4, nextAppendPosition: 4, hashCrc64ecma: undefined };
    },
  };
  const error = await new AppendableObject(client, 'a.log').resume(file).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(OssError);
  expect(looks).toBeLessThan(40);
});
