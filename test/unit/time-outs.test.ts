/** The time limit of an attempt, the caller's signal, and the body of a read under both. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CredentialsError, TransportError } from '../../src/errors.ts';
import { AppendableObject } from '../../src/index.ts';
import type { OssClient, OssClientOptions } from '../../src/request/client.ts';
import { platformClock } from '../../src/waiting/clock.ts';
import {
  appended,
  countedAbort,
  failureOf,
  hanging,
  refused,
  STS,
  type scripted,
  textOf,
  utf8,
} from '../tools/unit-tools.ts';
import { drive, settle } from '../tools/virtual-clock.ts';
import { append, CALLS, DROPPED, GET, HEAD, head, setUp, setUpPresigned } from './transport-tools.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the time limit of one attempt', () => {
  test.each([
    ['30 s without a body', head, {}, 30_000],
    ['one more second for each started 32 KiB', append, {}, 31_000],
    ['the value of the option', append, { timeout: 5 }, 5],
  ])('is %s', async (_, call, options, timeout) => {
    const { client, clock } = setUp([hanging], { ...options, retry: { maxAttempts: 1 } });
    const failed = failureOf(call(client));
    await settle();
    expect(clock.delays).toEqual([timeout]);
    clock.advance(timeout - 1);
    await settle();
    expect(clock.waiting).toBe(1);
    clock.advance(1);
    const error = await failed;
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({
      code: 'TimeoutError',
      message: expect.stringMatching(new RegExp(`^Cannot .*"a".*: no answer within ${timeout} ms`)),
    });
    expect(clock.waiting).toBe(0);
  });

  test('grows with the body', async () => {
    const { client, clock } = setUp([hanging]);
    const controller = new AbortController();
    const body = new Uint8Array(8 * 1024 * 1024);
    const failed = failureOf(client.appendObject('a', body, { position: 0, signal: controller.signal }));
    await settle();
    expect(clock.delays).toEqual([30_000 + 256_000]);
    controller.abort();
    await failed;
  });

  test('stops the request', async () => {
    const { client, clock, sent } = setUp([hanging], { timeout: 5 });
    const failed = failureOf(append(client));
    await settle();
    expect(sent[0]?.init.signal?.aborted).toBe(false);
    clock.advance(5);
    await failed;
    expect(sent[0]?.init.signal?.aborted).toBe(true);
  });

  test('ends the attempt even if the transport ignores its signal', async () => {
    const { client, clock } = setUp([() => new Promise<Response>(() => {})], { timeout: 5 });
    expect(await drive(failureOf(append(client)), clock)).toMatchObject({ code: 'TimeoutError' });
  });

  test('includes the body of an error, and of an answer that should have no body', async () => {
    const never = () => new ReadableStream({ pull: () => new Promise<void>(() => {}) });
    for (const status of [200, 503]) {
      const { client, clock } = setUp([() => new Response(never(), { status })], { timeout: 5 });
      expect(await drive(failureOf(append(client)), clock)).toMatchObject({ code: 'TimeoutError' });
    }
  });

  test('sets no timer if it is Infinity', async () => {
    const { client, clock } = setUp([appended(5)], { timeout: Number.POSITIVE_INFINITY });
    await append(client);
    expect(clock.delays).toEqual([]);
  });

  test('includes loading the credentials', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const credentials: OssClientOptions['credentials'] = ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const { client, clock, sent } = setUp([appended(5)], { credentials });
    const error = await drive(failureOf(append(client)), clock);
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({ message: 'Cannot load credentials: no answer within 30000 ms' });
    expect([signals[0]?.aborted, sent.length, clock.waiting]).toEqual([true, 0, 0]);
  });

  test('includes the presign function', async () => {
    const presign = () => new Promise<string>(() => {});
    const { client, clock, sent } = setUpPresigned([appended(5)], presign);
    const error = await drive(failureOf(append(client)), clock);
    expect(error).toMatchObject({ code: 'TimeoutError' });
    expect([sent.length, clock.waiting]).toEqual([0, 0]);
  });

  test("does not end at once on the platform's clock if it is longer than 24 days", () => {
    const setTimeout = vi.fn();
    vi.stubGlobal('setTimeout', setTimeout);
    platformClock().setTimeout(() => {}, 2 ** 40);
    expect(setTimeout.mock.calls[0]?.[1]).toBe(2 ** 31 - 1);
  });
});

describe('the signal of a call', () => {
  const REASONS: unknown[] = [new Error('stop'), 'a text', { any: 'object' }, null, 0];

  test.each(CALLS)('%s rejects with the reason of the signal, the identical value', async (_, call) => {
    for (const reason of REASONS) {
      const { client } = setUp([hanging]);
      const controller = new AbortController();
      const failed = failureOf(call(client, controller.signal));
      await settle();
      controller.abort(reason);
      expect(await failed).toBe(reason);
    }
  });

  test.each(CALLS)('%s sends nothing if the signal is already aborted', async (_, call) => {
    const { client, sent } = setUp([appended(5)]);
    const reason = new Error('too late');
    expect(await failureOf(call(client, AbortSignal.abort(reason)))).toBe(reason);
    expect(sent).toHaveLength(0);
  });

  test('ends the wait before another attempt', async () => {
    const { client, sent, clock } = setUp([refused(503, 'ServiceUnavailable')]);
    const controller = new AbortController();
    const failed = failureOf(head(client, controller.signal));
    await settle();
    expect([sent.length, clock.waiting]).toEqual([1, 1]);
    controller.abort('enough');
    expect(await failed).toBe('enough');
    expect(clock.waiting).toBe(0);
  });

  test('ends presigning', async () => {
    const { client } = setUp([appended(5)], { credentials: () => new Promise(() => {}) });
    const controller = new AbortController();
    const failed = failureOf(client.presignHeadObject('a', { signal: controller.signal }));
    await settle();
    controller.abort('enough');
    expect(await failed).toBe('enough');
  });

  test.each(CALLS)('%s leaves neither listener nor timer, however it ends', async (_, call) => {
    const endings: [string, Parameters<typeof scripted>][] = [
      ['well', [() => (call === append ? appended(5) : call === head ? HEAD() : GET())]],
      ['refused', [refused(403, 'AccessDenied')]],
      ['lost', [DROPPED]],
      ['throttled, then well', [refused(503, 'TotalQpsLimitExceeded'), () => (call === append ? appended(5) : GET())]],
      ['hanging', [hanging]],
    ];
    for (const [ending, answers] of endings) {
      const { controller, listeners } = countedAbort();
      const { client, clock } = setUp(answers, { credentials: async () => STS, retry: { maxAttempts: 2 } });
      const work = call(client, controller.signal).then((result) =>
        result !== null && typeof result === 'object' && 'body' in result
          ? textOf(result.body as ReadableStream<Uint8Array>)
          : result,
      );
      work.catch(() => {});
      await settle();
      if (ending === 'hanging') {
        expect(listeners()).toBeGreaterThan(0);
        controller.abort();
      }
      await drive(
        work.catch(() => {}),
        clock,
      );
      expect([ending, listeners(), clock.waiting]).toEqual([ending, 0, 0]);
    }
  });
});

describe('the body of getObject', () => {
  /** A body that emits a chunk whenever `give` is called. */
  function dripping() {
    let controller: ReadableStreamDefaultController<Uint8Array>;
    const cancel = vi.fn();
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (given) => {
        controller = given;
      },
      cancel,
    });
    const give = (text: string) => controller.enqueue(utf8(text));
    const fail = (error: unknown) => controller.error(error);
    return { body, give, fail, cancel, close: () => controller.close() };
  }

  async function opened(signal?: AbortSignal) {
    const source = dripping();
    const set = setUp([() => GET(source.body)], { timeout: 1000 });
    const { body } = await set.client.getObject('a', { signal });
    return { ...set, ...source, reader: body.getReader() };
  }

  test('has the whole time limit for each chunk', async () => {
    const { clock, give, reader, close } = await opened();
    for (let i = 0; i < 5; i++) {
      const reading = reader.read();
      await settle();
      clock.advance(999);
      give('x');
      expect((await reading).value).toEqual(utf8('x'));
    }
    close();
    expect((await reader.read()).done).toBe(true);
    expect(clock.waiting).toBe(0);
  });

  test('times out if it stops in the middle, and is cancelled', async () => {
    const { clock, give, reader, cancel, sent } = await opened();
    give('x');
    await reader.read();
    const failed = failureOf(reader.read());
    await settle();
    clock.advance(1000);
    expect(await failed).toMatchObject({ code: 'TimeoutError', message: 'Cannot read "a": no answer within 1000 ms' });
    expect([cancel.mock.calls.length, sent[0]?.init.signal?.aborted, clock.waiting]).toEqual([1, true, 0]);
  });

  test('does not time out while nobody reads', async () => {
    const { clock, give, reader } = await opened();
    expect(clock.waiting).toBe(0);
    clock.advance(1_000_000);
    give('x');
    expect((await reader.read()).value).toEqual(utf8('x'));
    clock.advance(1_000_000);
    give('y');
    expect((await reader.read()).value).toEqual(utf8('y'));
  });

  test('fails like a request if the connection breaks', async () => {
    const { fail, reader, clock } = await opened();
    fail(new TypeError('terminated'));
    const error = await failureOf(reader.read());
    expect(error).toMatchObject({
      name: 'TransportError',
      code: 'NetworkError',
      message: expect.stringMatching('terminated'),
    });
    expect(clock.waiting).toBe(0);
  });

  test('fails with the reason of the signal', async () => {
    const { controller, listeners } = countedAbort();
    const { reader, clock, cancel } = await opened(controller.signal);
    const failed = failureOf(reader.read());
    await settle();
    const reason = { enough: true };
    controller.abort(reason);
    expect(await failed).toBe(reason);
    expect([listeners(), clock.waiting, cancel.mock.calls.length]).toEqual([0, 0, 1]);
  });

  test('is cancelled with the reason, and no timer and no listener stays', async () => {
    const { controller, listeners } = countedAbort();
    const { reader, clock, cancel } = await opened(controller.signal);
    await reader.cancel('seen enough');
    expect(cancel.mock.calls).toEqual([['seen enough']]);
    expect([listeners(), clock.waiting]).toEqual([0, 0]);
  });
});

describe('a browser or a library whose signals have no reason', () => {
  const { reason } = Object.getOwnPropertyDescriptors(AbortSignal.prototype);
  afterEach(() => void Object.defineProperty(AbortSignal.prototype, 'reason', reason as PropertyDescriptor));

  /** Aborts a call while its first request is in flight. */
  async function aborted(start: (client: OssClient, signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
    const { client } = setUp([hanging]);
    const controller = new AbortController();
    const failed = failureOf(start(client, controller.signal));
    await settle();
    controller.abort();
    return failed;
  }

  test.each<[string, (client: OssClient, signal: AbortSignal) => Promise<unknown>]>([
    ['headObject', (client, signal) => client.headObject('a', { signal })],
    ['appendObject', (client, signal) => client.appendObject('a', 'x', { position: 0, signal })],
    ['append of a text', (client, signal) => new AppendableObject(client, 'a').append('x', { signal })],
    ['append of a stream', (client, signal) => new AppendableObject(client, 'a').append(['x'], { signal })],
    ['open', (client, signal) => new AppendableObject(client, 'a').open({ signal })],
    ['the wait before a repeat', (client, signal) => client.retry.again(1, { signal })],
  ])('%s rejects with an AbortError', async (_, start) => {
    Reflect.deleteProperty(AbortSignal.prototype, 'reason');
    expect(await aborted(start)).toMatchObject({ name: 'AbortError' });
    const signal = AbortSignal.abort();
    expect(await failureOf(start(setUp([hanging]).client, signal))).toMatchObject({ name: 'AbortError' });
  });

  test('a text of which nothing was sent can be settled with the AbortError', async () => {
    Reflect.deleteProperty(AbortSignal.prototype, 'reason');
    const object = new AppendableObject(setUp([HEAD]).client, 'a', { tail: { position: 5 } });
    const error = await failureOf(object.append('x', { signal: AbortSignal.abort() }));
    expect(await object.settle(error)).toMatchObject({ loaded: 0 });
  });

  test('a time-out stays a TransportError', async () => {
    Reflect.deleteProperty(AbortSignal.prototype, 'reason');
    const { client, clock } = setUp([hanging], { timeout: 5 });
    expect(await drive(failureOf(append(client)), clock)).toMatchObject({ code: 'TimeoutError' });
  });
});
