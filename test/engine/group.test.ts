/** Concurrent calls on one object: text and bytes that wait go out as one segment. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import type { AppendProgress } from '../../src/append/call.ts';
import type { AppendClient } from '../../src/append/client.ts';
import { AppendableObject } from '../../src/append/object.ts';
import { ServiceError } from '../../src/errors.ts';
import type { AppendObjectResult } from '../../src/request/operations.ts';
import type { AppendSource } from '../../src/source/segment.ts';
import type { Fault, FaultRequest } from '../../src/testing/faults.ts';
import { OneObject } from '../tools/one-object.ts';
import { countedAbort } from '../tools/unit-tools.ts';
import { settle } from '../tools/virtual-clock.ts';
import { KEY, Lab } from './exactly-once/lab.ts';
import { synchronousPlatform } from './exactly-once/platform.ts';
import { at, blob, crcOf, hidden, utf8 } from './tools.ts';

// With this platform, a memory Blob is a platform Blob, so its slices are sent unchanged.
beforeAll(synchronousPlatform);

setFlagsFromString('--expose-gc');

const collect = runInNewContext('gc') as () => void;

/** The whole group is carried out an hour late. After that, no append gets through. */
const lateWhole =
  (sizes: (number | undefined)[]) =>
  ({ operation, nth, size }: FaultRequest): Fault | undefined => {
    if (operation !== 'AppendObject') return undefined;
    sizes.push(size);
    return nth === 1 ? { kind: 'commit-late', delay: 3_600_000 } : { kind: 'drop-before' };
  };

test('after a group was sent whole, its calls are unknown although only a part of it is in flight', async () => {
  const sizes: (number | undefined)[] = [];
  const lab = new Lab({ faults: lateWhole(sizes) });
  const calls = [lab.object.append('ab'), lab.object.append('cd')];
  const errors = await Promise.all(calls.map((call) => lab.failure(call)));
  expect([sizes[0], sizes.at(-1)]).toEqual([4, 1]);
  for (const error of errors) expect(error).toMatchObject({ name: 'TransportError', outcome: 'unknown', loaded: 0 });
});

describe('concurrent calls on one object', () => {
  const options = { segmentSize: 1000 };
  const names = (count: number) => Array.from({ length: count }, (_, index) => `${index},`);
  const first = (fault: Fault) => [at(fault)];
  /** Starts three calls. The first one is in flight and its answer is late; the other two wait. */
  async function waiting(more: Fault[] = []) {
    const lab = new Lab({ ...options, faults: [at({ kind: 'answer-late', delay: 1000 }), ...more] });
    const ahead = lab.object.append('first;');
    await settle();
    return { lab, ahead };
  }

  test('a hundred calls become one segment, and each call learns its own end', async () => {
    const lab = new Lab({ ...options, before: 'xy' });
    const calls = names(100).map((text) => lab.object.append(text));
    const tails = await lab.run(Promise.all(calls));
    expect(lab.requests).toEqual(['HEAD', 'POST 2']);
    expect(lab.stored).toBe(`xy${names(100).join('')}`);
    for (const [index, tail] of tails.entries()) {
      const text = `xy${names(index + 1).join('')}`;
      expect(tail).toEqual({ position: text.length, hashCrc64ecma: crcOf(text) });
    }
    expect(lab.object.tail).toEqual(tails.at(-1));
  });

  test('the first call is sent at once, and later calls share the next request', async () => {
    const { lab, ahead } = await waiting();
    const behind = names(50).map((text) => lab.object.append(text));
    expect(lab.requests).toEqual(['HEAD', 'POST 0']);
    await lab.run(Promise.all([ahead, ...behind]));
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 6']);
    expect(lab.stored).toBe(`first;${names(50).join('')}`);
  });

  test('a group holds no more than one segment', async () => {
    const lab = new Lab({ segmentSize: 10 });
    const calls = ['12345', '67890', 'abcde', '123456', '12345678901', 'xy'].map((text) => lab.object.append(text));
    await lab.run(Promise.all(calls));
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 10', 'POST 15', 'POST 21', 'POST 31', 'POST 32']);
    expect(lab.stored).toBe('1234567890abcde12345612345678901xy');
  });

  test('a group of more than 64 KiB is sent as a Blob', async () => {
    const lab = new Lab({ segmentSize: 1e6 });
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(40_000));
    const tails = await lab.run(Promise.all(texts.map((text) => lab.object.append(text))));
    expect(tails[1]).toEqual({ position: 80_000, hashCrc64ecma: crcOf(`${texts[0]}${texts[1]}`) });
    expect([lab.stored, lab.requests]).toEqual([texts.join(''), ['HEAD', 'POST 0']]);
  });

  test('the order is kept: a group ends before an open and before a source that is not text or bytes', async () => {
    const lab = new Lab(options);
    const { object } = lab;
    const sources = ['1', utf8('2'), blob('3'), '4', ['5'], '6', '7'];
    const calls = sources.map((source) => object.append(source));
    const opened = object.open();
    const last = object.append('8');
    await lab.run(Promise.all([...calls, last]));
    expect(lab.stored).toBe('12345678');
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 2', 'POST 3', 'POST 4', 'POST 5', 'POST 7']);
    await expect(opened).resolves.toMatchObject({ position: 7 });
  });

  test('a buffer may be used again as soon as append has returned', async () => {
    const { lab, ahead } = await waiting();
    const buffer = utf8('abc');
    const calls = [ahead, lab.object.append(buffer)];
    buffer.set(utf8('def'));
    calls.push(lab.object.append(buffer));
    buffer.fill(0);
    await lab.run(Promise.all(calls));
    expect(lab.stored).toBe('first;abcdef');
  });

  test('a failure rejects each call with its own error, and the next call continues exactly there', async () => {
    const lab = new Lab({ ...options, before: 'xy', faults: first({ kind: 'deny' }) });
    const failures = ['a', 'b', 'c'].map((text) => lab.failure(lab.object.append(text)));
    const errors = await Promise.all(failures);
    expect(new Set(errors).size).toBe(3);
    const tail = { position: 2, hashCrc64ecma: crcOf('xy') };
    for (const error of errors) {
      expect(error).toBeInstanceOf(ServiceError);
      expect(error).toMatchObject({ code: 'AccessDenied', loaded: 0, outcome: 'unknown', tail });
    }
    expect(lab.object.pending).toEqual([{ position: 2, size: 3, outcome: 'unknown' }]);
    await lab.run(lab.object.append('d'));
    expect(lab.stored).toBe('xyd');
  });

  test('a lost answer is resolved for all calls of the group', async () => {
    const lab = new Lab({ ...options, faults: first({ kind: 'drop-after' }) });
    const calls = ['a', 'bc', 'd'].map((text) => lab.object.append(text));
    const tails = await lab.run(Promise.all(calls));
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'HEAD']);
    expect(tails.map(({ position }) => position)).toEqual([1, 3, 4]);
  });

  test('if writers share the object, all calls move after the other writer and learn their positions', async () => {
    const faults = first({ kind: 'rival', when: 'before', bytes: utf8('other') });
    const lab = new Lab({ ...options, shared: true, faults });
    const calls = ['a', 'bc', 'd'].map((text) => lab.object.append(text));
    const tails = await lab.run(Promise.all(calls));
    expect(lab.stored).toBe('otherabcd');
    const ends = ['othera', 'otherabc', 'otherabcd'];
    expect(tails).toEqual(ends.map((text) => ({ position: text.length, hashCrc64ecma: crcOf(text) })));
  });

  test('if the CRC is hidden, the ends have no CRC', async () => {
    const lab = new Lab({ ...options, before: 'xy', faults: hidden() });
    const tails = await lab.run(Promise.all(['a', 'b'].map((text) => lab.object.append(text))));
    expect(tails).toEqual([{ position: 3 }, { position: 4 }]);
  });

  test('an empty call keeps its place and reports the end of the object there', async () => {
    const lab = new Lab(options);
    const tails = await lab.run(Promise.all(['', 'a', 'b', '', 'c'].map((text) => lab.object.append(text))));
    expect(tails.map(({ position }) => position)).toEqual([0, 1, 2, 2, 3]);
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 0', 'POST 2']);
  });

  test('a call that is aborted while it waits is not sent, and the others are', async () => {
    const { lab, ahead } = await waiting();
    const stop = new AbortController();
    const calls = [lab.object.append('a', stop), lab.object.append('b'), lab.object.append('c', stop)];
    stop.abort('enough');
    await expect(calls[0]).rejects.toBe('enough');
    await expect(calls[2]).rejects.toBe('enough');
    await lab.run(Promise.all([ahead, calls[1]]));
    expect(lab.stored).toBe('first;b');
  });

  test('if all waiting calls are aborted, nothing is sent, and later calls are sent', async () => {
    const { lab, ahead } = await waiting();
    const stops = [new AbortController(), new AbortController()];
    const calls = stops.map((stop) => lab.object.append('a', stop));
    for (const [index, stop] of stops.entries()) stop.abort(index);
    expect(await Promise.all(calls.map((call) => call.catch((reason: unknown) => reason)))).toEqual([0, 1]);
    const last = lab.object.append('b');
    await lab.run(Promise.all([ahead, last]));
    expect(lab.stored).toBe('first;b');
    expect(lab.object.pending).toEqual([]);
  });

  test('a call that is aborted in flight ends at once, and the request continues for the others', async () => {
    const lab = new Lab({ ...options, faults: first({ kind: 'answer-late', delay: 1000 }) });
    const stop = new AbortController();
    const calls = [lab.object.append('a', stop), lab.object.append('b')];
    await settle();
    const started = lab.clock.now();
    stop.abort('enough');
    await expect(calls[0]).rejects.toBe('enough');
    expect(lab.clock.now()).toBe(started);
    await expect(lab.run(calls[1]!)).resolves.toMatchObject({ position: 2 });
    expect(lab.stored).toBe('ab');
  });

  test('the request stops when its last call is aborted', async () => {
    const lab = new Lab({ ...options, faults: first({ kind: 'answer-late', delay: 60_000 }) });
    const stops = [new AbortController(), new AbortController()];
    const calls = stops.map((stop) => lab.object.append('a', stop));
    await settle();
    const started = lab.clock.now();
    for (const [index, stop] of stops.entries()) stop.abort(index);
    expect(await Promise.all(calls.map((call) => call.catch((reason: unknown) => reason)))).toEqual([0, 1]);
    expect(lab.clock.now()).toBe(started);
    expect(lab.object.pending).toEqual([{ position: 0, size: 2, outcome: 'unknown' }]);
    await lab.run(lab.object.append('b'));
    expect(lab.stored).toBe('aab');
  });

  test('a call that is aborted during open sends nothing and leaves no pending segment', async () => {
    const oss = new OneObject('xy');
    const stop = new AbortController();
    oss.onhead = () => stop.abort('enough');
    const object = new AppendableObject(oss.client, KEY);
    await expect(object.append('a', stop)).rejects.toBe('enough');
    expect([oss.sent, object.pending]).toEqual([[], []]);
  });

  test('a call that is refused because of its length keeps no request alive', async () => {
    const end = 5 * 1024 ** 3 - 3;
    const lab = new Lab({ ...options, contents: 'checksum', faults: first({ kind: 'answer-late', delay: 60_000 }) });
    lab.oss.appendObject('logs', KEY, end);
    const stop = new AbortController();
    const [fits, tooLong] = ['a', 'bcd'].map((text) => lab.object.append(text, stop));
    await expect(tooLong).rejects.toThrow(RangeError);
    stop.abort('enough');
    await expect(fits).rejects.toBe('enough');
    await settle();
    expect(lab.object.pending).toEqual([{ position: end, size: 1, outcome: 'unknown' }]);
  });

  test('calls with one signal share one listener, and no listener is left after them', async () => {
    const { lab, ahead } = await waiting();
    const [sent, aborted] = [countedAbort(), countedAbort()];
    const calls = names(50).map((text) => lab.object.append(text, sent.controller));
    const late = lab.object.append('late', aborted.controller);
    expect([sent.listeners(), aborted.listeners()]).toEqual([1, 1]);
    aborted.controller.abort('enough');
    await expect(late).rejects.toBe('enough');
    expect([sent.listeners(), aborted.listeners()]).toEqual([1, 0]);
    await lab.run(Promise.all([ahead, ...calls]));
    expect(sent.listeners()).toBe(0);
  });

  test('bytes stay in memory only as long as a call needs them', async () => {
    const LONG = 4e6;
    const held = async () => {
      for (let times = 0; times < 3; times++) {
        await settle();
        collect();
      }
      return process.memoryUsage().arrayBuffers;
    };
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const appendObject: AppendClient['appendObject'] = async (_key, body, { position }) => {
      await answered;
      const { size } = new Blob([body as Uint8Array<ArrayBuffer>]);
      return { nextAppendPosition: position + size, requestId: 'REQ' } as AppendObjectResult;
    };
    const client = { ...new OneObject().client, appendObject };
    const object = new AppendableObject(client, KEY, { segmentSize: LONG, tail: { position: 0 } });
    const ahead = object.append('ahead');
    await settle();
    const behind = object.append('stays');
    const before = await held();
    for (let times = 0; times < 5; times++) {
      const stop = new AbortController();
      const call = object.append(new Uint8Array(LONG - 5), stop);
      stop.abort('enough');
      await expect(call).rejects.toBe('enough');
    }
    expect((await held()) - before).toBeLessThan(LONG / 2);
    answer();
    await Promise.all([ahead, behind, object.append(new Uint8Array(LONG))]);
    expect((await held()) - before).toBeLessThan(LONG / 2);
  });

  test("progress counts the call's own bytes, and an exception of onprogress ends only this call", async () => {
    const lab: Lab = new Lab({
      ...options,
      client: {
        fetch: (url, init) => {
          for (const loaded of [1, 4]) init.onprogress?.({ loaded, total: 6 });
          return lab.oss.fetch(url, init);
        },
      },
    });
    const seen: AppendProgress[][] = [[], []];
    const throws = () => {
      throw new RangeError('mine');
    };
    const calls = [
      lab.object.append('abc', { onprogress: (progress) => seen[0]!.push(progress) }),
      lab.object.append('d', { onprogress: throws }),
      lab.object.append('ef', { onprogress: (progress) => seen[1]!.push(progress) }),
    ];
    expect(await lab.failure(calls[1]!)).toMatchObject({ name: 'RangeError', message: 'mine' });
    await lab.run(Promise.all([calls[0], calls[2]]));
    expect(seen[0]!.map(({ sent, loaded, total }) => [sent, loaded, total])).toEqual([
      [1, 0, 3],
      [3, 0, 3],
      [3, 3, 3],
    ]);
    expect(seen[1]!.map(({ sent, loaded, total }) => [sent, loaded, total])).toEqual([
      [0, 0, 2],
      [0, 0, 2],
      [2, 2, 2],
    ]);
    expect(lab.stored).toBe('abcdef');
  });

  test('the last call of a request rejects with its own reason, also if an earlier call was aborted before', async () => {
    const stops = [new AbortController(), new AbortController()];
    const reasons = [new Error('first'), new Error('second')];
    const lab: Lab = new Lab({
      ...options,
      client: {
        fetch: async (_, init) => {
          for (const [index, stop] of stops.entries()) stop.abort(reasons[index]);
          throw init.signal?.reason;
        },
      },
      tail: { position: 0 },
    });
    const calls = stops.map((stop) => lab.failure(lab.object.append('ab', stop)));
    const errors = await Promise.all(calls);
    for (const [index, error] of errors.entries()) expect(error).toBe(reasons[index]);
  });

  test('each call can be settled after a failure whose error is not an OssError', async () => {
    const lab = new Lab(options);
    let fails = true;
    const client: AppendClient = {
      retry: lab.client.retry,
      headObject: (...call) => lab.client.headObject(...call),
      getObject: (...call) => lab.client.getObject(...call),
      appendObject: async (...call) => {
        if (fails) throw new TypeError('mine');
        return lab.client.appendObject(...call);
      },
    };
    const object = new AppendableObject(client, KEY);
    const errors = await Promise.all(['ab', 'cde'].map((text) => lab.failure(object.append(text))));
    for (const error of errors) expect(error).toMatchObject({ name: 'TypeError', message: 'mine' });
    for (const error of errors) expect(error).toBeInstanceOf(TypeError);
    fails = false;
    expect(await lab.run(object.settle(errors[1]))).toMatchObject({ loaded: 3, tail: { position: 5 } });
    expect(await lab.run(object.settle(errors[0]))).toMatchObject({ loaded: 2, tail: { position: 5 } });
    expect(lab.stored).toBe('abcde');
  });

  test('a call that has no source or would exceed 5 GiB fails alone', async () => {
    const lab = new Lab({ ...options, contents: 'checksum' });
    lab.oss.appendObject('logs', KEY, 5 * 1024 ** 3 - 3);
    const wrong = lab.object.append(7 as unknown as AppendSource);
    const [first, tooLong, last] = ['a', 'bcd', 'ef'].map((text) => lab.object.append(text));
    const results = await lab.run(Promise.allSettled([wrong, first, tooLong, last]));
    expect(results).toMatchObject([
      { reason: expect.any(TypeError) },
      { status: 'fulfilled' },
      { reason: expect.any(RangeError) },
      { value: { position: 5 * 1024 ** 3 } },
    ]);
  });
});
