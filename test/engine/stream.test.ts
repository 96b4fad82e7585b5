/** AppendStream: an object as the sink of a stream. */
import { beforeAll, describe, expect, test } from 'vitest';
import { AppendStream } from '../../src/append/stream.ts';
import { settle } from '../tools/virtual-clock.ts';
import { Lab } from './exactly-once/lab.ts';
import { synchronousPlatform } from './exactly-once/platform.ts';
import { at, crcOf } from './tools.ts';

// With this platform, a memory Blob is a platform Blob, so its slices are sent unchanged.
beforeAll(synchronousPlatform);

describe('AppendStream', () => {
  test('pipeTo stores everything, and close resolves when it is stored', async () => {
    const lab = new Lab({ faults: () => ({ kind: 'answer-late', delay: 5 }) });
    await lab.run(new Blob(['abcdefghij']).stream().pipeTo(new AppendStream(lab.object)));
    expect(lab.stored).toBe('abcdefghij');
    expect(lab.object.tail).toEqual({ position: 10, hashCrc64ecma: crcOf('abcdefghij') });
  });

  test('back-pressure reaches the writer: `ready` waits while one segment is being sent and another one is full', async () => {
    const lab = new Lab({ faults: [at({ kind: 'answer-late', delay: 1000 })] });
    const writer = new AppendStream(lab.object).getWriter();
    const written: string[] = [];
    const work = (async () => {
      for (const chunk of ['abcd', 'efgh', 'ijkl', 'mnop', 'qrst']) {
        await writer.ready;
        written.push(chunk);
        writer.write(chunk).catch(() => {});
      }
      await writer.close();
    })();
    work.catch(() => {});
    await settle();
    const paused = [...written];
    await lab.run(work);
    // One segment is in flight, one is full, and one is in the stream's own queue.
    expect(paused.length).toBeLessThanOrEqual(3);
    expect(lab.stored).toBe('abcdefghijklmnopqrst');
  });

  test('an abort stops the request that is in flight', async () => {
    const lab = new Lab({ faults: [at({ kind: 'answer-late', delay: 60_000 })] });
    const writer = new AppendStream(lab.object).getWriter();
    writer.closed.catch(() => {});
    writer.write('abcd').catch(() => {});
    writer.write('efgh').catch(() => {});
    await settle();
    const reason = new Error('closed the tab');
    const started = lab.clock.now();
    await lab.run(writer.abort(reason));
    expect(lab.clock.now()).toBe(started);
    await expect(writer.closed).rejects.toBe(reason);
  });

  test('a failure reaches every caller that writes, pipes or closes', async () => {
    const lab = new Lab({ faults: [at({ kind: 'deny' })] });
    const error = await lab.failure(new Blob(['abcdefgh']).stream().pipeTo(new AppendStream(lab.object)));
    expect(error).toMatchObject({ name: 'ServiceError', code: 'AccessDenied', loaded: 0 });
    const other = new Lab({ faults: [at({ kind: 'deny' })] });
    const writer = new AppendStream(other.object).getWriter();
    writer.closed.catch(() => {});
    writer.write('ab').catch(() => {});
    expect(await other.failure(writer.close())).toMatchObject({ code: 'AccessDenied' });
  });

  test('a signal ends the stream with its reason', async () => {
    const lab = new Lab({ faults: [at({ kind: 'answer-late', delay: 60_000 })] });
    const controller = new AbortController();
    const piping = new Blob(['abcdefgh']).stream().pipeTo(new AppendStream(lab.object, { signal: controller.signal }));
    piping.catch(() => {});
    await settle();
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await lab.failure(piping)).toBe(reason);
  });

  test('the constructor accepts only an AppendableObject', () => {
    expect(() => new AppendStream({} as never)).toThrow(new TypeError('AppendStream needs an AppendableObject'));
  });
});
