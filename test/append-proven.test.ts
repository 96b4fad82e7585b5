/**
 * What a hostile reading of the engine once broke, a test for each. Most of these need what random schedules rarely make:
 * segments of other sizes on the second call, buffers that are used again, more bytes than memory, one error for two calls.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AppendableObject } from '../src/append/object.ts';
import { AppendStream } from '../src/append/stream.ts';
import { AppendConflictError, CredentialsError, OssError, ServiceError, SourceError } from '../src/errors.ts';
import { refreshingCredentials } from '../src/request/credentials.ts';
import type { Fetch } from '../src/request/operation.ts';
import { MemoryBlob } from './exactly-once/memory-blob.ts';
import { synchronousPlatform } from './exactly-once/platform.ts';
import { memoryBlob } from './exactly-once/sources.ts';
import { denied, lost, OneObject, type Post } from './one-object.ts';
import {
  appended,
  drive,
  failureOf,
  KEYS,
  localOss,
  makeClient,
  printed,
  refused,
  STS,
  scripted,
  settle,
  utf8,
  VirtualClock,
} from './unit-tools.ts';

const KEY = 'a.log';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** The first append gets no answer, and is carried out just before the second one arrives. */
function storesFirstLate(oss: OneObject): void {
  let late: Post | undefined;
  oss.before = (post) => {
    if (post.nth === 1) {
      late = post;
      throw lost();
    }
    if (post.nth === 2 && late) oss.store(late);
  };
}

/** The call that loses its answer, with no attempt to find out; later calls may look as often as they like. */
async function failOnce(oss: OneObject, call: () => Promise<unknown>): Promise<void> {
  oss.maxAttempts = 1;
  expect(await failureOf(call())).toMatchObject({ outcome: 'unknown' });
  oss.maxAttempts = 8;
}

/** Takes the memory of bytes away, as `postMessage` with a transfer does. */
function transfer({ buffer }: Uint8Array<ArrayBuffer>): void {
  structuredClone(buffer, { transfer: [buffer] });
}

describe('a resumed file is stored once, though a request of the call before is carried out late', () => {
  test('A: the same file, cut into other segments', async () => {
    const oss = new OneObject();
    storesFirstLate(oss);
    const bytes = Uint8Array.from({ length: 700 * 1024 }, (_, index) => index * 31 + (index >> 8));
    const file = memoryBlob(bytes);
    const object = new AppendableObject(oss.client, KEY);
    await failOnce(oss, () => object.resume(file));
    await expect(object.resume(file)).resolves.toMatchObject({ position: bytes.byteLength });
    expect(oss.bytes?.byteLength).toBe(bytes.byteLength);
    expect(Buffer.from(bytes).equals(oss.bytes ?? new Uint8Array(0))).toBe(true);
    // Or this would be another test.
    expect(oss.sent[1]?.[1]).toBeLessThan(bytes.byteLength);
  });

  test('A: a file that has grown meanwhile', async () => {
    const oss = new OneObject();
    storesFirstLate(oss);
    const object = new AppendableObject(oss.client, KEY);
    await failOnce(oss, () => object.append(memoryBlob(utf8('01'))));
    await object.resume(memoryBlob(utf8('0123')));
    expect(oss.text).toBe('0123');
  });
});

describe('what a writer of an AppendStream may do with its buffer', () => {
  const writerOf = (oss: OneObject, segmentSize?: number) =>
    new AppendStream(new AppendableObject(oss.client, KEY, { segmentSize })).getWriter();

  test.each([undefined, 3])('B: fill it again when `write` has resolved (segmentSize %s)', async (segmentSize) => {
    const oss = new OneObject();
    const writer = writerOf(oss, segmentSize);
    const buffer = new Uint8Array(4);
    for (const letter of 'abcdef') {
      buffer.set(utf8(letter.repeat(4)));
      await writer.write(buffer);
    }
    await writer.close();
    expect(oss.text).toBe('aaaabbbbccccddddeeeeffff');
  });

  test('B: transfer it when `write` has resolved', async () => {
    const oss = new OneObject();
    const writer = writerOf(oss, 3);
    for (const letter of 'abcdef') {
      const buffer = utf8(letter.repeat(4));
      await writer.write(buffer);
      transfer(buffer);
    }
    await writer.close();
    expect(oss.text).toBe('aaaabbbbccccddddeeeeffff');
  });
});

describe('a source that loses bytes while it is appended is an error, never a short success', () => {
  test('C: bytes whose buffer is transferred', async () => {
    const oss = new OneObject();
    const bytes = utf8('0123456789');
    oss.before = ({ nth }) => nth === 1 && transfer(bytes);
    const error = await failureOf(new AppendableObject(oss.client, KEY, { segmentSize: 4 }).append(bytes));
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ loaded: oss.bytes?.byteLength });
  });

  test('C: a chunk of a stream, transferred while a part of it is sent', async () => {
    const oss = new OneObject();
    const chunk = utf8('0123456789');
    oss.before = ({ nth }) => nth === 1 && transfer(chunk);
    const object = new AppendableObject(oss.client, KEY, { segmentSize: 4 });
    const error = await failureOf(object.append([chunk]));
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ loaded: oss.bytes?.byteLength });
  });
});

describe('the facts of an error are those of its own append', () => {
  test('D: the error of one append, given as the reason to abort another', async () => {
    const [first, second] = [new OneObject('0123456789'), new OneObject('01')];
    const stop = new AbortController();
    first.before = () => {
      throw denied();
    };
    const underWay = new Promise<void>((resolve) => {
      second.before = () => {
        resolve();
        return new Promise((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason)));
      };
    });
    const aborted = failureOf(new AppendableObject(second.client, KEY).append('x', { signal: stop.signal }));
    await underWay;
    const error = await failureOf(new AppendableObject(first.client, KEY).append('x'));
    stop.abort(error);
    expect(await aborted).toBe(error);
    expect(error).toMatchObject({ tail: { position: 10 } });
  });

  test('D2: one refresh of credentials that fails for two appends', async () => {
    let asked = 0;
    let bothWait = () => {};
    const both = new Promise<void>((resolve) => {
      bothWait = resolve;
    });
    const refreshing = refreshingCredentials(async () => {
      await both;
      throw new Error('down');
    });
    const client = makeClient({
      credentials: (request) => {
        if (++asked === 2) bothWait();
        return refreshing(request);
      },
    });
    const failures = [100, 7].map((position) =>
      failureOf(new AppendableObject(client, KEY, { tail: { position } }).append('x')),
    );
    const errors = await Promise.all(failures);
    expect(errors).toMatchObject([{ tail: { position: 100 } }, { tail: { position: 7 } }]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(CredentialsError);
      // A real one, which consoles and `structuredClone` know for an error.
      expect(Object.prototype.toString.call(error)).toBe('[object Error]');
    }
  });
});

describe('OSS is not blamed without proof', () => {
  test.each([
    ['may not be read', denied],
    ['cannot be read', lost],
  ])('E: a wrong CRC in the tail, and an object that %s', async (_, failure) => {
    const oss = new OneObject('hello');
    oss.onhead = oss.onget = () => {
      throw failure();
    };
    const tail = { position: 5, hashCrc64ecma: '1' };
    const error = await failureOf(new AppendableObject(oss.client, KEY, { tail }).append('x'));
    expect(error).toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('could not be proven') });
    expect(oss.text).toBe('hellox');
  });
});

describe('an object that lost confirmed bytes', () => {
  /** An object of which `one` is confirmed, deleted after a call that failed. */
  async function deletedAfterFailure(): Promise<{ oss: OneObject; object: AppendableObject }> {
    const oss = new OneObject();
    const object = new AppendableObject(oss.client, KEY);
    await object.append('one');
    oss.before = ({ nth }) => {
      if (nth === 2) throw denied();
    };
    await failureOf(object.append('two'));
    oss.bytes = undefined;
    return { oss, object };
  }

  test('F: is a conflict, after a failed call too', async () => {
    const { oss, object } = await deletedAfterFailure();
    expect(await failureOf(object.append('three'))).toMatchObject({ name: 'AppendConflictError', position: 3 });
    expect(oss.text).toBeUndefined();
    await expect(object.append('four')).resolves.toMatchObject({ position: 4 });
  });

  test('X3: is told once, though the look after it fails', async () => {
    const { oss, object } = await deletedAfterFailure();
    expect(await failureOf(object.append('three'))).toBeInstanceOf(AppendConflictError);
    oss.onhead = () => {
      throw lost();
    };
    expect(await failureOf(object.append('four'))).toMatchObject({ code: 'NetworkError' });
    oss.onhead = () => {};
    await expect(object.append('five')).resolves.toMatchObject({ position: 4 });
  });
});

describe('an empty append', () => {
  test('G: is sent to position 0 only, also where a late segment of ours takes its place', async () => {
    const oss = new OneObject();
    storesFirstLate(oss);
    const object = new AppendableObject(oss.client, KEY);
    await failOnce(oss, () => object.append('one'));
    await expect(object.append('')).resolves.toMatchObject({ position: 3 });
    expect(oss.sent).toEqual([
      [0, 3],
      [0, 0],
    ]);
  });

  test('X2: with a wrong answer is a conflict, and reads no bytes', async () => {
    const { fetch, sent } = scripted(appended(5));
    const object = new AppendableObject(makeClient({ fetch }), KEY, { tail: { position: 0 } });
    expect(await failureOf(object.append(''))).toMatchObject({ name: 'AppendConflictError', position: 0, found: 5 });
    expect(sent).toHaveLength(1);
  });
});

describe('reading an object', () => {
  /** Frees what nobody holds, and says how many bytes of buffers are left. */
  async function held(): Promise<number> {
    setFlagsFromString('--expose-gc');
    const gc: unknown = runInNewContext('gc');
    if (typeof gc !== 'function') throw new Error('This engine has no gc to call');
    for (let runs = 0; runs < 3; runs++) {
      await settle();
      gc();
    }
    return process.memoryUsage().arrayBuffers;
  }

  test('H: holds no chunk that was read', async () => {
    const [chunk, chunks] = [2 ** 16, 1024];
    let left = chunks;
    const pull = (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      if (left-- === 0) return controller.close();
      controller.enqueue(new Uint8Array(chunk));
    };
    const headers = { 'x-oss-request-id': 'REQ', 'content-length': String(chunk * chunks) };
    const body = new ReadableStream({ pull }, { highWaterMark: 0 });
    const content = await makeClient({ fetch: async () => new Response(body, { headers }) }).getObject(KEY);
    const reader = content.body.getReader();
    const before = await held();
    for (let reads = 0; reads < chunks; reads++) await reader.read();
    expect((await held()) - before).toBeLessThan((chunk * chunks) / 4);
    await reader.cancel();
  });

  test('I: is let go of when the source cannot be read for the comparison', async () => {
    const oss = new OneObject();
    oss.hidesCrc = true;
    let isCancelled = false;
    const reads = { left: Number.POSITIVE_INFINITY };
    const file = new MemoryBlob(['abcd'], { reads }) as unknown as Blob;
    oss.after = () => {
      reads.left = 0;
      throw lost();
    };
    const cancel = () => {
      isCancelled = true;
    };
    const endless = () => new ReadableStream({ pull: (controller) => controller.enqueue(utf8('abcd')), cancel });
    oss.toContent = (content) => ({ ...content, body: endless() });
    const restore = synchronousPlatform();
    const error = await failureOf(new AppendableObject(oss.client, KEY).append(file)).finally(restore);
    expect(error).toMatchObject({ outcome: 'unknown' });
    expect(isCancelled).toBe(true);
  });

  test('T: an abort does not wait for a body that will not be cancelled', async () => {
    const oss = new OneObject();
    oss.hidesCrc = true;
    oss.after = () => {
      throw lost();
    };
    const stop = new AbortController();
    const cancel = () => {
      stop.abort('stop');
      return new Promise<void>(() => {});
    };
    // Not the part that was asked for: it is cancelled, to ask again.
    oss.toContent = (content) => ({ ...content, partial: false, body: new ReadableStream({ cancel }) });
    const ended = failureOf(new AppendableObject(oss.client, KEY).append('abc', { signal: stop.signal }));
    expect(await Promise.race([ended, settle().then(() => 'hangs')])).toBe('stop');
  });

  test('U: to prove a file’s beginning, is repeated when it breaks off', async () => {
    const oss = new OneObject('abc');
    oss.hidesCrc = true;
    let reads = 0;
    oss.toContent = (content) => (reads++ > 0 ? content : { ...content, body: breakingOff() });
    await new AppendableObject(oss.client, KEY).resume(memoryBlob(utf8('abcdef')));
    expect(oss.text).toBe('abcdef');
  });

  function breakingOff(): ReadableStream<Uint8Array> {
    const chunks = [utf8('a')];
    return new ReadableStream({
      pull(controller) {
        const chunk = chunks.pop();
        if (chunk) controller.enqueue(chunk);
        else controller.error(lost());
      },
    });
  }
});

describe('`absent` is said only where nothing was sent', () => {
  /** Carries the append out, says it did not, and the credentials cannot be replaced. */
  async function storedButRefused(): Promise<unknown> {
    const clock = new VirtualClock();
    const oss = localOss({ clock });
    let given = 0;
    const client = makeClient({
      clock,
      credentials: () => {
        if (given++ > 0) throw new Error('down');
        return KEYS;
      },
      fetch: async (url, init) => {
        await oss.fetch(url, init);
        return refused(403, 'SecurityTokenExpired');
      },
    });
    const object = new AppendableObject(client, KEY, { tail: { position: 0 } });
    const error = await failureOf(object.append('abc'));
    expect(oss.object('logs', KEY)?.length).toBe(3);
    return error;
  }

  test('J: an append that was carried out twice, refused the second time, and the refresh fails', async () => {
    const error = await storedButRefused();
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error).toMatchObject({ outcome: 'unknown' });
  });

  test('X1: and in a page whose scripts have a query in their URLs', async () => {
    const { prepareStackTrace } = Error;
    const line = '    at f (http://page.example/src/http.ts?t=1700000000:1:2)';
    Error.prepareStackTrace = ({ name, message }) => `${name}: ${message}\n${line}`;
    const error = await storedButRefused().finally(() => {
      Error.prepareStackTrace = prepareStackTrace;
    });
    expect(error).toMatchObject({ outcome: 'unknown' });
    expect(error instanceof OssError && error.cause).toBeInstanceOf(ServiceError);
  });
});

describe('a browser that wrongly believes itself offline', () => {
  /** Reads through a `fetch` that always ends like this, and stops when it was called too often. */
  async function requests(answer: Response | Error, limit: number): Promise<number> {
    vi.stubGlobal('navigator', { onLine: false });
    const clock = new VirtualClock();
    const stop = new AbortController();
    const { fetch, sent } = scripted(answer);
    const counted: Fetch = (url, init) => {
      if (sent.length >= limit) stop.abort('too many');
      return fetch(url, init);
    };
    await failureOf(drive(makeClient({ clock, fetch: counted }).headObject(KEY, stop), clock));
    return sent.length;
  }

  test('K: is contradicted by an answer, so that attempts end as usual', async () => {
    expect(await requests(refused(500, 'InternalError'), 50)).toBe(8);
  });

  test('K: without an answer waits long, but not for ever', async () => {
    expect(await requests(new TypeError('Failed to fetch'), 1100)).toBe(1000);
  });
});

function inChunks(size: number): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller) {
      for (let start = 0; start < chunk.byteLength; start += size) controller.enqueue(chunk.slice(start, start + size));
    },
  });
}

describe('what a failure leaves behind', () => {
  test('P: bytes that are refused again and again cost one read later', async () => {
    const oss = new OneObject();
    oss.before = () => {
      throw denied();
    };
    const object = new AppendableObject(oss.client, KEY);
    for (let call = 0; call < 50; call++) await failureOf(object.append('the same line'));
    expect(object.pending).toHaveLength(1);
    oss.bytes = utf8('another writer was first');
    let reads = 0;
    oss.onget = () => {
      reads++;
    };
    await object.open();
    expect(reads).toBe(1);
  });

  /** An object of which each of these lines was given up. */
  async function gaveUp(oss: OneObject, lines: readonly string[]): Promise<AppendableObject> {
    oss.before = () => {
      throw denied();
    };
    const object = new AppendableObject(oss.client, KEY);
    for (const line of lines) await failureOf(object.append(line));
    return object;
  }

  test('P: a hundred lines that all differ cost one read, which finds the one that was stored', async () => {
    const oss = new OneObject();
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}${'.'.repeat(index % 17)}`);
    const object = await gaveUp(oss, lines);
    let reads = 0;
    oss.onget = () => {
      reads++;
    };
    // In chunks that are no line's length, and with another writer's bytes behind.
    oss.toContent = (content) => ({ ...content, body: content.body.pipeThrough(inChunks(7)) });
    oss.bytes = utf8(`${lines[42]}, and more than that of another writer`);
    await object.open();
    expect(reads).toBe(1);
    expect(object.pending.map(({ outcome }) => outcome)).toEqual(lines.map((_, i) => (i === 42 ? 'stored' : 'absent')));
  });

  test('P: of more than a hundred the oldest are forgotten', async () => {
    const lines = Array.from({ length: 150 }, (_, index) => 'x'.repeat(index + 1));
    const object = await gaveUp(new OneObject(), lines);
    expect(object.pending.map(({ size }) => size)).toEqual(Array.from({ length: 100 }, (_, index) => index + 51));
  });

  test.each(['header', 'query'] as const)('S: no secret nested in a cause (signed in the %s)', async (signing) => {
    const fetch: Fetch = async (url, init) => {
      throw Object.assign(new Error('Network Error'), { config: { url, headers: init.headers } });
    };
    const client = makeClient({ signing, retry: { maxAttempts: 1 }, fetch });
    const all = printed(await failureOf(client.headObject(KEY)));
    expect(all).toContain('Network Error');
    expect(all).not.toContain(STS.securityToken);
    expect(all).not.toContain(encodeURIComponent(STS.securityToken));
    expect(all).not.toMatch(/signature=[0-9a-f]{64}/i);
  });

  test('S: and the code of a cause, though the rest of it is not shown', async () => {
    // As Node’s `fetch` fails: a second error within, which has a code and holds objects.
    const cause = Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET', socket: { bytesRead: 0 } });
    const { fetch } = scripted(new TypeError('fetch failed', { cause }));
    const error = await failureOf(makeClient({ retry: { maxAttempts: 1 }, fetch }).headObject(KEY));
    expect(error).toMatchObject({ cause: { name: 'TypeError', cause: { code: 'UND_ERR_SOCKET' } } });
    expect(printed(error)).not.toContain('bytesRead');
  });
});

describe('the signal of a call', () => {
  /** The platform takes an AbortController itself for options, since it has a `signal`; that is no own property. */
  const aborted = () => {
    const stop = new AbortController();
    stop.abort('stop');
    return stop;
  };

  test.each(['append', 'resume'] as const)(
    'is heeded where an AbortController is the options of %s',
    async (method) => {
      const oss = new OneObject();
      const object = new AppendableObject(oss.client, KEY);
      expect(await failureOf(object[method](memoryBlob(utf8('abc')), aborted()))).toBe('stop');
      expect(oss.posts).toEqual([]);
    },
  );
});

describe('an answer counts as OSS’s only if it is', () => {
  test('V: an empty 200 of something else is no proof, once OSS’s headers were seen', async () => {
    const clock = new VirtualClock();
    const oss = localOss({ clock });
    let portal = false;
    const fetch: Fetch = async (url, init) => {
      if (!portal || init.method !== 'POST') return oss.fetch(url, init);
      portal = false;
      return new Response(null);
    };
    const object = new AppendableObject(makeClient({ credentials: KEYS, clock, fetch }), KEY);
    await object.append('one');
    portal = true;
    await drive(object.append('two'), clock, oss);
    expect(oss.object('logs', KEY)?.length).toBe(6);
  });

  test('N: an exception of the caller’s `onprogress` is not a dead network', async () => {
    let posts = 0;
    const clock = new VirtualClock();
    const fetch: Fetch = async (_, init) => {
      if (init.method === 'HEAD') return refused(404, 'NoSuchKey');
      posts++;
      init.onprogress?.({ loaded: 1, total: 3 });
      return appended(3, { 'x-oss-hash-crc64ecma': '' });
    };
    const object = new AppendableObject(makeClient({ clock, fetch }), KEY, { tail: { position: 0 } });
    const onprogress = () => {
      throw new RangeError('mine');
    };
    const error = await failureOf(drive(object.append('abc', { onprogress }), clock));
    expect(error).toMatchObject({ name: 'RangeError', message: 'mine' });
    expect(posts).toBe(1);
  });
});
