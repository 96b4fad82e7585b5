/** Following a growing object: every byte once and in order, and no wrong byte without an error. In virtual time. */
import { describe, expect, test } from 'vitest';
import { AppendableObject, AppendStream, crc64, type OssClient, OssError } from '../../src/index.ts';
import { ObjectChangedError } from '../../src/log/changed.ts';
import { type TailEnd, type TailOptions, tail, tailLines, tailStream } from '../../src/log/tail.ts';
import type { Fault, FaultRequest, LocalOss } from '../../src/testing/index.ts';
import { countedAbort, failureOf, KEYS, localOss, makeClient, utf8 } from '../tools/unit-tools.ts';
import { drive, settle, VirtualClock } from '../tools/virtual-clock.ts';

type FetchLike = (input: string, init?: RequestInit) => Promise<Response>;
type Faults = (request: FaultRequest) => Fault | readonly Fault[] | undefined;

/** A LocalOss with one object `a.log`, and somebody who follows it. */
class Scene {
  readonly clock = new VirtualClock();
  readonly oss: LocalOss;
  readonly client: OssClient;
  /** Called with each answer to a GET, to give another one. */
  answer: (response: Response) => Response | Promise<Response> = (response) => response;
  faults: Faults = () => undefined;

  constructor(text?: string) {
    this.oss = localOss({ clock: this.clock, faults: (request) => this.faults(request) });
    const fetch: FetchLike = async (input, init) => this.answer(await this.oss.fetch(input, init));
    this.client = makeClient({ clock: this.clock, fetch, credentials: KEYS });
    if (text !== undefined) this.append(text);
  }

  append(text: string, key = 'a.log'): void {
    this.oss.appendObject('logs', key, utf8(text));
  }

  replace(text: string): void {
    this.oss.deleteObject('logs', 'a.log');
    this.append(text);
  }

  seal(): void {
    this.answer = sealed;
  }

  follow(options: TailOptions = {}): Reader {
    return new Reader(tail(this.client, 'a.log', options), this);
  }

  drive<T>(work: Promise<T>): Promise<T> {
    return drive(work, this.clock, this.oss);
  }
}

/** Collects what an iteration gives, as text. */
class Reader {
  readonly #bytes: AsyncIterator<Uint8Array>;
  readonly #scene: Scene;

  constructor(bytes: AsyncIterator<Uint8Array>, scene: Scene) {
    this.#bytes = bytes;
    this.#scene = scene;
  }

  /** Reads at least this many bytes. */
  async read(size: number): Promise<string> {
    const decoder = new TextDecoder();
    let text = '';
    while (text.length < size) {
      const { done, value } = await this.#scene.drive(this.#bytes.next());
      if (done) return text;
      text += decoder.decode(value, { stream: true });
    }
    return text;
  }

  rest(): Promise<string> {
    return this.read(Number.POSITIVE_INFINITY);
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    return this.#bytes.next();
  }

  end(): Promise<unknown> {
    return this.#bytes.return?.() ?? Promise.resolve();
  }
}

function sealed(response: Response): Response {
  response.headers.set('x-oss-sealed-time', 'Fri, 02 Jan 2026 12:00:00 GMT');
  return response;
}

/** The first `size` bytes of a body, and then the connection breaks, or the body just ends. */
async function cut(response: Response, size: number, breaks = true): Promise<Response> {
  const bytes = new Uint8Array(await response.arrayBuffer()).slice(0, size);
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(bytes),
    pull: (controller) => (breaks ? controller.error(new TypeError('terminated')) : controller.close()),
  });
  return new Response(body, response);
}

const letters = (from: number, size: number) =>
  Array.from({ length: size }, (_, index) => String.fromCharCode(97 + ((from + index) % 26))).join('');

describe('what is appended', () => {
  test('is given once and in order: what was there, and what comes later', async () => {
    const scene = new Scene('one ');
    const reader = scene.follow();
    expect(await reader.read(1)).toBe('one ');
    scene.append('two ');
    expect(await reader.read(1)).toBe('two ');
    scene.append('three');
    await new AppendableObject(scene.client, 'a.log').seal();
    expect(await reader.rest()).toBe('three');
  });

  test('is given from a position on', async () => {
    const scene = new Scene('one two ');
    const reader = scene.follow({ from: 4 });
    expect(await reader.read(1)).toBe('two ');
    scene.append('three');
    expect(await reader.read(1)).toBe('three');
  });

  test('is given from the end on, if the tail is that of open()', async () => {
    const scene = new Scene('one two ');
    const from = await new AppendableObject(scene.client, 'a.log').open();
    const reader = scene.follow({ from });
    const next = reader.read(1);
    await settle(scene.oss);
    scene.append('three');
    expect(await next).toBe('three');
  });

  test('is waited for while there is no object', async () => {
    const scene = new Scene();
    const next = scene.follow().read(1);
    await settle(scene.oss);
    scene.append('first');
    expect(await next).toBe('first');
  });

  test('is waited for while the object is empty', async () => {
    const scene = new Scene('');
    const next = scene.follow().read(1);
    await settle(scene.oss);
    scene.append('first');
    expect(await next).toBe('first');
  });

  test.each([
    ['hides all headers that CORS hides', [{ kind: 'hide-headers' }]],
    ['has no length of the whole object', [{ kind: 'hide-headers' }, { kind: 'no-length' }]],
    ['has no length at all', [{ kind: 'hide-headers' }, { kind: 'no-length', parts: true }]],
  ] as [string, Fault[]][])('is given although an answer %s', async (_, faults) => {
    const scene = new Scene();
    scene.faults = ({ operation }) => (operation === 'GetObject' ? faults : undefined);
    scene.append('');
    const reader = scene.follow();
    const first = reader.read(1);
    await settle(scene.oss);
    scene.append(letters(0, 1000));
    expect(await first).toBe(letters(0, 1000));
    for (let at = 1000; at < 1010; at++) {
      scene.append(letters(at, 1));
      expect(await reader.read(1)).toBe(letters(at, 1));
    }
  });
});

describe('the looks', () => {
  /** The waits between looks that found nothing new, ms. */
  const waits = (scene: Scene) => scene.clock.delays.filter((delay) => delay < 30_000);

  test('wait twice as long each time that nothing is new, up to maxDelay, and wait minDelay after new bytes', async () => {
    const scene = new Scene('one');
    const reader = scene.follow({ minDelay: 100, maxDelay: 500 });
    await reader.read(1);
    const next = reader.next();
    for (let looks = 0; looks < 6; looks++) {
      await settle(scene.oss);
      scene.clock.advance(waits(scene).at(-1) ?? 0);
    }
    await settle(scene.oss);
    scene.append('two');
    await scene.drive(next);
    const last = reader.next();
    await settle(scene.oss);
    expect(waits(scene)).toEqual([100, 200, 400, 500, 500, 500, 500, 100]);
    await reader.end();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  test('read at most 256 bytes if nothing is new, however long the object is', async () => {
    const scene = new Scene(letters(0, 100_000));
    const sizes: number[] = [];
    scene.answer = (response) => {
      sizes.push(Number(response.headers.get('content-length')));
      return response;
    };
    const reader = scene.follow({ minDelay: 10, maxDelay: 10 });
    await reader.read(100_000);
    const next = reader.read(1);
    await settle(scene.oss);
    for (let looks = 0; looks < 3; looks++) {
      scene.clock.advance(10);
      await settle(scene.oss);
    }
    scene.append('more');
    expect(await next).toBe('more');
    expect(new Set(sizes)).toEqual(new Set([100_000, 256, 260]));
  });

  test('begin only when the first byte is asked for', async () => {
    const scene = new Scene('one');
    scene.follow();
    tailStream(scene.client, 'a.log');
    tailLines(scene.client, 'a.log');
    await settle(scene.oss);
    expect(scene.oss.requests).toEqual([]);
  });
});

describe('a fault', () => {
  test.each([true, false])(
    'in the middle of an answer is repaired by a request for the rest (the body fails: %s)',
    async (breaks) => {
      const scene = new Scene(letters(0, 3000));
      let gets = 0;
      scene.answer = (response) => (gets++ < 4 ? cut(response, 700, breaks) : sealed(response));
      expect(await scene.follow().rest()).toBe(letters(0, 3000));
    },
  );

  test('that repeats without a new byte ends the reading after all attempts', async () => {
    const scene = new Scene(letters(0, 3000));
    scene.answer = (response) => cut(response, 0);
    const error = await failureOf(scene.follow().rest());
    expect(error).toMatchObject({ name: 'TransportError', code: 'NetworkError' });
    expect(scene.oss.requests).toHaveLength(8);
  });

  test('to load credentials is retried, too, but a wrong answer of the token endpoint is not', async () => {
    const scene = new Scene('one ');
    let loads = 0;
    const load = (answer: () => object) => ({ credentials: async () => answer() });
    const flaky = () => {
      if (++loads % 3 !== 0) throw new TypeError('Failed to fetch');
      return KEYS;
    };
    const followWith = (credentials: object) => {
      const client = makeClient({ clock: scene.clock, fetch: scene.oss.fetch, ...credentials });
      return new Reader(tail(client, 'a.log'), scene);
    };
    const reader = followWith(load(flaky));
    expect(await reader.read(1)).toBe('one ');
    scene.append('two');
    expect(await reader.read(1)).toBe('two');
    const error = await failureOf(followWith(load(() => ({ accessKeyId: 1 }))).rest());
    expect(error).toMatchObject({ code: 'InvalidCredentials' });
  });

  test('of any kind, at random, loses no byte and doubles none, while the object grows', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const scene = new Scene(letters(0, 500));
      const random = randomFrom(seed);
      const hidden = random() < 0.3;
      let [written, refused] = [500, 0];
      scene.faults = ({ operation }) => {
        if (operation !== 'GetObject') return undefined;
        if (random() < 0.5 && written < 5000) {
          const size = Math.floor(random() * 600);
          scene.append(letters(written, size));
          written += size;
        }
        const hide: Fault[] = hidden ? [{ kind: 'hide-headers' }] : [];
        if (random() < 0.6 || refused >= 3) {
          refused = 0;
          return hide;
        }
        refused++;
        const faults: Fault[] = [
          { kind: 'drop-before' },
          { kind: 'drop-after' },
          { kind: 'error-before' },
          { kind: 'throttle' },
          { kind: 'stall-body' },
          { kind: 'slow', bytesPerSecond: 100 },
        ];
        return [...hide, faults[Math.floor(random() * faults.length)] as Fault];
      };
      scene.answer = (response) =>
        random() < 0.2 && response.ok ? cut(response, Math.floor(random() * 700)) : response;
      const reader = scene.follow();
      let text = '';
      while (written < 5000 || text.length < written) text += await reader.read(1);
      expect([seed, text === letters(0, written)]).toEqual([seed, true]);
    }
  }, 60_000);
});

/** Numbers from 0 to 1 that depend on the seed alone. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

describe('an object that is not the one whose beginning was read', () => {
  /** Reads what is there, changes the object, and reads on. */
  async function changed(change: (scene: Scene) => void, faults: Fault[] = []): Promise<unknown> {
    const scene = new Scene(letters(0, 1000));
    scene.faults = ({ operation }) => (operation === 'GetObject' ? faults : undefined);
    const reader = scene.follow();
    await reader.read(1000);
    change(scene);
    const error = await failureOf(reader.read(1));
    expect(error).toBeInstanceOf(ObjectChangedError);
    expect(error).toMatchObject({ key: 'a.log' });
    return error;
  }

  const HIDDEN: Fault[] = [{ kind: 'hide-headers' }];
  const BLIND: Fault[] = [{ kind: 'hide-headers' }, { kind: 'no-length', parts: true }];

  test.each([
    ['with all headers', []],
    ['with the headers that CORS leaves', HIDDEN],
    ['without any length', BLIND],
  ])('is reported as deleted, or as shorter, with what was expected and what was found (%s)', async (_, faults) => {
    const gone = await changed(({ oss }) => oss.deleteObject('logs', 'a.log'), faults);
    expect(gone).toMatchObject({
      code: 'ObjectDeleted',
      message: expect.stringContaining('expected at least 1000 bytes, found no object'),
    });
    for (const length of [999, 745, 744, 743, 10, 0]) {
      const short = await changed((scene) => scene.replace(letters(0, length)), faults);
      const message = expect.stringContaining(`expected at least 1000 bytes, found ${length}`);
      expect(short).toMatchObject({ code: 'ObjectShorter', found: length, message });
    }
  });

  test.each([
    [
      'other bytes before the place, of the same length',
      (text: string) => `${text.slice(0, 900)}*${text.slice(901)}`,
      [],
    ],
    [
      'other bytes before the place, and more',
      (text: string) => `${text.slice(0, 900)}*${text.slice(901)}more`,
      HIDDEN,
    ],
    ['one other byte far before the place, which only the CRC shows', (text: string) => `*${text.slice(1)}`, []],
    ['one other byte far before the place, and more', (text: string) => `*${text.slice(1)}more`, []],
  ])('is reported as replaced: %s', async (_, other, faults: Fault[]) => {
    const error = await changed((scene) => scene.replace(other(letters(0, 1000))), faults);
    expect(error).toMatchObject({ code: 'ObjectReplaced' });
  });

  test('gives no byte of a short answer whose CRC is wrong', async () => {
    const scene = new Scene(letters(0, 1000));
    const reader = scene.follow();
    await reader.read(1000);
    scene.replace(`*${letters(1, 1010)}`);
    expect(await failureOf(scene.drive(reader.next()))).toMatchObject({ code: 'ObjectReplaced' });
  });

  test('is reported as replaced when a normal object took its place', async () => {
    const error = await changed(({ oss }) => oss.putObject('logs', 'a.log', utf8(letters(0, 2000))));
    expect(error).toMatchObject({ code: 'ObjectReplaced', found: 2000, message: expect.stringContaining('Normal') });
  });

  test('is reported at the beginning if the caller knows the CRC-64 of the earlier bytes', async () => {
    const scene = new Scene('other bytes');
    const from = { position: 3, hashCrc64ecma: String(crc64(utf8('one'))) };
    const error = await failureOf(scene.follow({ from }).rest());
    expect(error).toMatchObject({ code: 'ObjectReplaced', position: 11 });
  });

  test('is reported if it is shorter than the position to begin at, or does not exist', async () => {
    const scene = new Scene('one');
    expect(await failureOf(scene.follow({ from: 4 }).rest())).toMatchObject({ code: 'ObjectShorter', found: 3 });
    scene.oss.deleteObject('logs', 'a.log');
    expect(await failureOf(scene.follow({ from: 3 }).rest())).toMatchObject({ code: 'ObjectDeleted' });
  });

  test('was replaced while an answer broke off', async () => {
    const scene = new Scene(letters(0, 3000));
    let gets = 0;
    scene.answer = (response) => {
      if (gets++ > 0) return response;
      scene.replace(letters(5, 3000));
      return cut(response, 700);
    };
    expect(await failureOf(scene.follow().rest())).toMatchObject({ code: 'ObjectReplaced', position: 700 });
  });
});

describe('an object that cannot be followed', () => {
  test('is a normal one, which does not grow', async () => {
    const scene = new Scene();
    scene.oss.putObject('logs', 'a.log', utf8('normal'));
    const error = await failureOf(scene.follow().rest());
    expect(error).toMatchObject({ name: 'OssError', code: 'ObjectNotAppendable' });
  });

  test.each([
    ['where a header shows it', []],
    ['where CORS hides that', [{ kind: 'hide-headers' }]],
  ] as [string, Fault[]][])('is one whose bytes the platform decodes, whatever was asked for: %s', async (_, hide) => {
    const scene = new Scene('coded');
    scene.faults = () => [{ kind: 'decoded', always: true }, ...hide];
    expect(await failureOf(scene.follow().rest())).toMatchObject({ code: 'ContentEncoded' });
  });

  test('is not one whose bytes come undecoded when that is asked for', async () => {
    const scene = new Scene('coded');
    scene.faults = () => ({ kind: 'decoded' });
    expect(await scene.follow().read(1)).toBe('coded');
  });

  test('is one that nobody may read', async () => {
    const scene = new Scene('secret');
    scene.faults = () => ({ kind: 'deny' });
    expect(await failureOf(scene.follow().rest())).toMatchObject({ name: 'ServiceError', code: 'AccessDenied' });
  });
});

describe('a rotation', () => {
  const nextOf = (key: string) => `${Number.parseInt(key, 10) + 1}.log`;

  test('is followed from each sealed object to the next one, until none comes', async () => {
    const scene = new Scene();
    for (const [key, text] of Object.entries({ '1.log': 'one ', '2.log': 'two ', '3.log': 'three' }))
      scene.append(text, key);
    scene.seal();
    const asked: unknown[] = [];
    const next = async ({ key, tail, sealed }: TailEnd) => {
      asked.push([key, tail, sealed]);
      return key === '3.log' ? undefined : nextOf(key);
    };
    const reader = new Reader(tail(scene.client, '1.log', { next }), scene);
    expect(await reader.rest()).toBe('one two three');
    const end = (text: string) => ({ position: text.length, hashCrc64ecma: String(crc64(utf8(text))) });
    expect(asked).toEqual([
      ['1.log', end('one '), true],
      ['2.log', end('two '), true],
      ['3.log', end('three'), true],
    ]);
  });

  test('is followed without a seal when the name is known, and the last bytes of the old object are read before', async () => {
    const scene = new Scene();
    scene.append('one ', '1.log');
    let asked = 0;
    const next = ({ key }: TailEnd) => {
      if (key !== '1.log' || asked++ < 2) return undefined;
      scene.append('late ', '1.log');
      scene.append('two', '2.log');
      return '2.log';
    };
    const reader = new Reader(tail(scene.client, '1.log', { next }), scene);
    expect(await reader.read(12)).toBe('one late two');
    await reader.end();
  });

  test('waits for the next object, which may not be there yet', async () => {
    const scene = new Scene();
    scene.append('one ', '1.log');
    const next = ({ key }: TailEnd) => (key === '1.log' ? '2.log' : undefined);
    const reader = new Reader(tail(scene.client, '1.log', { next }), scene);
    await reader.read(4);
    const more = reader.read(1);
    await settle(scene.oss);
    scene.append('two', '2.log');
    expect(await more).toBe('two');
  });

  test('to the same object, or to an impossible name, is the caller’s mistake', async () => {
    const scene = new Scene('one');
    expect(await failureOf(scene.follow({ next: ({ key }) => key }).rest())).toBeInstanceOf(TypeError);
    expect(await failureOf(scene.follow({ next: () => '' }).rest())).toBeInstanceOf(RangeError);
  });
});

describe('the caller', () => {
  test('leaves the loop, and nothing goes on', async () => {
    const scene = new Scene('one');
    const signal = new AbortController().signal;
    for await (const bytes of tail(scene.client, 'a.log', { signal })) {
      expect(bytes).toEqual(utf8('one'));
      break;
    }
    expect([scene.clock.waiting, scene.oss.requests.length]).toEqual([0, 1]);
  });

  test('leaves while nothing is new, and the pending read ends at once', async () => {
    const scene = new Scene('one');
    const reader = scene.follow();
    await reader.read(1);
    const pending = reader.next();
    await settle(scene.oss);
    await reader.end();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    expect(scene.clock.waiting).toBe(0);
  });

  test('aborts while nothing is new, and the pending read fails with the signal’s reason', async () => {
    const scene = new Scene('one');
    const { controller, listeners } = countedAbort();
    const reader = scene.follow({ signal: controller.signal });
    await reader.read(1);
    const pending = failureOf(reader.next());
    await settle(scene.oss);
    controller.abort('enough');
    expect(await pending).toBe('enough');
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    expect([scene.clock.waiting, listeners()]).toEqual([0, 0]);
  });

  test('has aborted before, and no request is made', async () => {
    const scene = new Scene('one');
    expect(await failureOf(scene.follow({ signal: AbortSignal.abort('before') }).next())).toBe('before');
    expect(scene.oss.requests).toEqual([]);
  });

  test('gets a TypeError or a RangeError for impossible arguments, at the call', () => {
    const { client } = new Scene();
    const bad = (value: unknown) => value as TailOptions;
    for (const follow of [tail, tailStream, tailLines]) {
      expect(() => follow({} as OssClient, 'a')).toThrow(TypeError);
      expect(() => follow(client, '')).toThrow(RangeError);
      expect(() => follow(client, 'a', bad(1))).toThrow(TypeError);
      expect(() => follow(client, 'a', bad({ from: 'end' }))).toThrow(TypeError);
      expect(() => follow(client, 'a', bad({ signal: {} }))).toThrow(TypeError);
      expect(() => follow(client, 'a', bad({ next: 'b' }))).toThrow(TypeError);
      expect(() => follow(client, 'a', { from: -1 })).toThrow(RangeError);
      expect(() => follow(client, 'a', { minDelay: 0 })).toThrow(RangeError);
      expect(() => follow(client, 'a', { minDelay: 20, maxDelay: 10 })).toThrow(RangeError);
    }
  });
});

describe('tailStream', () => {
  test('pipes a growing object into another one', async () => {
    const scene = new Scene('one ');
    const copy = new AppendableObject(scene.client, 'copy.log', { flushAfter: 10 });
    const piped = tailStream(scene.client, 'a.log').pipeTo(new AppendStream(copy));
    await settle(scene.oss);
    scene.append('two');
    scene.answer = (response) => (response.headers.has('content-range') ? sealed(response) : response);
    await scene.drive(piped);
    expect(scene.oss.object('logs', 'copy.log')?.bytes()).toEqual(utf8('one two'));
  });

  test('reads nothing that nobody asked for, and ends when it is cancelled', async () => {
    const scene = new Scene('one');
    const reader = tailStream(scene.client, 'a.log').getReader();
    await settle(scene.oss);
    expect(scene.oss.requests).toEqual([]);
    expect((await reader.read()).value).toEqual(utf8('one'));
    const pending = reader.read();
    await settle(scene.oss);
    await reader.cancel();
    expect((await pending).done).toBe(true);
    expect(scene.clock.waiting).toBe(0);
  });

  test('fails with the error that the iteration would throw', async () => {
    const scene = new Scene('one');
    const reader = tailStream(scene.client, 'a.log', { from: 5 }).getReader();
    expect(await failureOf(reader.read())).toMatchObject({ code: 'ObjectShorter' });
  });
});

describe('tailLines', () => {
  async function linesOf(scene: Scene, lines: AsyncIterable<string>): Promise<string[]> {
    const read = async () => {
      const all: string[] = [];
      for await (const line of lines) all.push(line);
      return all;
    };
    return scene.drive(read());
  }

  test('gives whole lines, however the bytes come, and leaves empty ones out', async () => {
    const text = '{"a":"é"}\n\n{"b":"世界"}\n{"c":"\\n"}\nno end';
    for (let size = 1; size < 12; size++) {
      const scene = new Scene(text);
      scene.answer = (response) =>
        response.headers.get('content-length') === '0' ? response : sealed(small(response, size));
      const lines = await linesOf(scene, tailLines(scene.client, 'a.log'));
      expect(lines).toEqual(['{"a":"é"}', '{"b":"世界"}', '{"c":"\\n"}', 'no end']);
    }
  });

  test('waits for the rest of a line that has only begun', async () => {
    const scene = new Scene('first\nsec');
    const lines = tailLines(scene.client, 'a.log');
    expect(await lines.next()).toEqual({ done: false, value: 'first' });
    const second = lines.next();
    await settle(scene.oss);
    scene.append('ond\nth');
    expect(await scene.drive(second)).toEqual({ done: false, value: 'second' });
    await lines.return?.();
  });

  test('joins no line of one object with the beginning of the next one', async () => {
    const scene = new Scene();
    scene.append('one\ntorn', '1.log');
    scene.append('two\n', '2.log');
    scene.seal();
    const next = ({ key }: TailEnd) => (key === '1.log' ? '2.log' : undefined);
    expect(await linesOf(scene, tailLines(scene.client, '1.log', { next }))).toEqual(['one', 'torn', 'two']);
  });

  test('refuses a line of more than 16 MiB, so that the memory is bounded', async () => {
    const scene = new Scene(letters(0, 2 ** 20).repeat(17));
    const error = await failureOf(linesOf(scene, tailLines(scene.client, 'a.log')));
    expect(error).toBeInstanceOf(OssError);
    expect(error).toMatchObject({ code: 'LineTooLong' });
  }, 60_000);
});

/** The same body in chunks of this many bytes. */
function small(response: Response, size: number): Response {
  const source = response.body?.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value } = (await source?.read()) ?? {};
      if (!value) return controller.close();
      for (let at = 0; at < value.byteLength; at += size) controller.enqueue(value.slice(at, at + size));
    },
  });
  return new Response(body, response);
}
