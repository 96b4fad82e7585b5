/** Tests how a body with a checksum is held in memory until its checksum is known. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verified } from '../../src/edge/digest.ts';
import { platformClock } from '../../src/waiting/clock.ts';
import { settle } from '../tools/virtual-clock.ts';
import { noise, Sender } from './senders.ts';
import { base64, sized, UploadWorld } from './upload-client.ts';

const MIB = 1024 * 1024;

function digestOf(bytes: Uint8Array) {
  return { algorithm: 'SHA-1', bytes: new Uint8Array(createHash('sha1').update(bytes).digest()), mismatch: 460 };
}

/** Yields chunks like the reader of the edge, which uses its buffer again. */
async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    buffer.set(chunk);
    yield buffer.subarray(0, chunk.length);
  }
}

async function join(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return Buffer.concat(parts);
}

test.each([
  [1, 1],
  [65_535, 1000],
  [65_536, 65_536],
  [65_537, 65_536],
  [3 * MIB + 1, 100_000],
  [4 * MIB, 3 * MIB],
])('a body of %i bytes in chunks of %i bytes comes out as it went in', async (length, size) => {
  const bytes = noise(length);
  const body = await join(verified(chunked(bytes, size), digestOf(bytes), { most: 4 * MIB, clock: platformClock() }));
  expect(Buffer.compare(body, bytes)).toBe(0);
});

test('a body with one byte too many is refused, and one of the greatest length is not', async () => {
  const bytes = noise(100_000);
  expect(
    await join(verified(chunked(bytes, 999), digestOf(bytes), { most: 100_000, clock: platformClock() })),
  ).toHaveLength(100_000);
  await expect(
    join(verified(chunked(bytes, 999), digestOf(bytes), { most: 99_999, clock: platformClock() })),
  ).rejects.toMatchObject({ status: 413 });
});

test('a body that comes in chunks of one byte needs no more memory than another body', async () => {
  const bytes = noise(500_000);
  const before = process.memoryUsage().heapUsed;
  let most = 0;
  async function* measured() {
    yield* chunked(bytes, 1);
    most = process.memoryUsage().heapUsed - before;
  }
  await join(verified(measured(), digestOf(bytes), { most: MIB, clock: platformClock() }));
  // A list of these chunks has about 100 MiB. The limit leaves room for garbage that V8 has not collected yet.
  expect(most).toBeLessThan(50 * MIB);
}, 60_000);

/** Makes an edge without time-outs for senders, so that only a wait for memory can end in a time-out. */
const PATIENT = { segmentSize: undefined, idleTimeout: 2 ** 31 - 1 };

/** Moves the clock of an edge until something has happened. */
async function advanceUntil(world: UploadWorld, hasHappened: () => boolean): Promise<void> {
  while (!hasHappened()) {
    await settle(world.oss);
    world.clock.advance(250);
  }
}

/** Fifty bodies of 8 MiB, which stop before their last byte until the test lets them end. */
class ManyBodies {
  readonly #chunk = new Uint8Array(64 * 1024);
  /** The bytes that the edge took, for each body that still lives. */
  readonly #taken = new Map<number, number>();
  #end: () => void = () => {};
  readonly #ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });
  readonly stopped = new Set<number>();

  body(name: number, length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      const taken = this.#taken.get(name) ?? 0;
      if (taken < length) {
        this.#taken.set(name, taken + this.#chunk.length);
        return controller.enqueue(this.#chunk.slice());
      }
      this.stopped.add(name);
      await this.#ended;
      controller.close();
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  }

  forget(name: number): void {
    this.#taken.delete(name);
    this.stopped.delete(name);
  }

  get held(): number {
    return [...this.#taken.values()].reduce((sum, taken) => sum + taken, 0);
  }

  end(): void {
    this.#end();
  }
}

test.each([
  ['announced', (length: number) => sized(length)],
  ['unknown', () => ({})],
])(
  'fifty bodies with a checksum and of %s length share the memory of all uploads',
  async (_, headersFor) => {
    const length = 8 * MIB;
    const world = new UploadWorld(PATIENT);
    const bytes = new Uint8Array(length);
    const checksum = `sha1 ${base64(digestOf(bytes).bytes)}`;
    const many = new ManyBodies();
    let refused = 0;
    const paths = await Promise.all(Array.from({ length: 50 }, () => world.create(length)));
    const answers = paths.map(async (path, name) => {
      const headers = { 'upload-checksum': checksum, ...headersFor(length) };
      const answer = await world.patch(path, 0, many.body(name, length), headers);
      if (answer.status === 503) refused++;
      many.forget(name);
      return answer;
    });
    await advanceUntil(world, () => refused + many.stopped.size === 50);
    const { held } = many;
    many.end();
    const all = await Promise.all(answers);
    expect(held).toBeLessThanOrEqual(20 * MIB);
    const stored = all.filter(({ status }) => status === 204).length;
    expect([stored > 0, stored + refused]).toEqual([true, 50]);
    const refusal = all.find(({ status }) => status === 503)!;
    expect(refusal.headers.get('retry-after')).toBe('5');
    expect(refusal.headers.get('upload-offset')).toBe('0');
    expect(await refusal.json()).toMatchObject({ error: 'NoMemory' });
    // The memory is free again, so a refused client can send its body now.
    const again = await world.patch(paths[all.indexOf(refusal)]!, 0, bytes, { 'upload-checksum': checksum });
    expect(again.status).toBe(204);
  },
  120_000,
);

test('a body with a checksum whose sender sends a byte every 20 s is refused after five minutes, and frees its memory', async () => {
  const size = 8 * MIB;
  const bytes = noise(size);
  const headers = { 'upload-checksum': `sha1 ${base64(digestOf(bytes).bytes)}`, ...sized(size) };
  const world = new UploadWorld({ segmentSize: undefined });
  const paths = await Promise.all(Array.from({ length: 3 }, () => world.create(size)));
  const senders = [new Sender(), new Sender()] as const;
  const work = senders.map(({ body }, i) => world.patch(paths[i]!, 0, body, headers));
  for (let at = 0; at < 15; at++) {
    await Promise.all(senders.map((sender) => sender.give(bytes.slice(at, at + 1))));
    world.clock.advance(20_000);
  }
  for (const answer of await Promise.all(work))
    expect([answer.status, answer.headers.get('upload-offset')]).toEqual([503, '0']);
  expect((await world.patch(paths[2]!, 0, bytes, headers)).status).toBe(204);
}, 60_000);

describe('beside fifty uploads of other clients that take all memory', () => {
  /** Starts fifty uploads, whose senders have sent enough for a buffer each and go on later. */
  async function fiftyUploads(world: UploadWorld): Promise<{ end(): Promise<number[]> }> {
    const senders = Array.from({ length: 50 }, () => new Sender());
    const paths = await Promise.all(senders.map(() => world.create(MIB)));
    const work = senders.map(({ body }, i) => world.patch(paths[i]!, 0, body));
    await Promise.all(senders.map((sender) => sender.give(noise(100_000))));
    const end = async () => {
      for (const sender of senders) {
        sender.offer(noise(MIB - 100_000));
        sender.end();
      }
      return (await Promise.all(work)).map(({ status }) => status);
    };
    return { end };
  }

  const size = 8 * MIB;
  const bytes = noise(size);
  const headers = { 'upload-checksum': `sha1 ${base64(digestOf(bytes).bytes)}`, ...sized(size) };

  test('a body of the greatest length with a checksum is stored', async () => {
    const world = new UploadWorld({ segmentSize: undefined });
    const others = await fiftyUploads(world);
    const path = await world.create(size);
    expect((await world.patch(path, 0, bytes, headers)).status).toBe(204);
    expect(world.has(path, bytes)).toBe(true);
    expect(new Set(await others.end())).toEqual(new Set([204]));
  }, 60_000);

  test('a body with a checksum that came first keeps its memory', async () => {
    const world = new UploadWorld({ segmentSize: undefined });
    // Two bodies, because one of them would have room in the memory for bodies with a checksum.
    const paths = [await world.create(size), await world.create(size)];
    const senders = [new Sender(), new Sender()] as const;
    const work = senders.map(({ body }, i) => world.patch(paths[i]!, 0, body, headers));
    await Promise.all(senders.map((sender) => sender.give(bytes.slice(0, MIB))));
    const others = await fiftyUploads(world);
    for (const sender of senders) {
      sender.offer(bytes.slice(MIB));
      sender.end();
    }
    expect((await Promise.all(work)).map(({ status }) => status)).toEqual([204, 204]);
    await others.end();
  }, 60_000);

  test('a second body with a checksum waits until the first one is stored, and is refused after 20 s', async () => {
    const world = new UploadWorld(PATIENT);
    const others = await fiftyUploads(world);
    const [first, second, third] = await Promise.all([world.create(size), world.create(size), world.create(size)]);
    const sender = new Sender();
    const work = world.patch(first, 0, sender.body, headers);
    await sender.give(bytes.slice(0, MIB));
    let refusal: Response | undefined;
    world.patch(second, 0, bytes, headers).then((answer) => {
      refusal = answer;
    });
    const began = world.clock.now();
    await advanceUntil(world, () => refusal !== undefined);
    expect(world.clock.now() - began).toBeGreaterThanOrEqual(20_000);
    expect([refusal?.status, refusal?.headers.get('retry-after')]).toEqual([503, '5']);
    let stored: Response | undefined;
    world.patch(third, 0, bytes, headers).then((answer) => {
      stored = answer;
    });
    const later = world.clock.now() + 5000;
    await advanceUntil(world, () => world.clock.now() > later);
    expect(stored).toBeUndefined();
    sender.offer(bytes.slice(MIB));
    sender.end();
    expect((await work).status).toBe(204);
    await advanceUntil(world, () => stored !== undefined);
    expect(stored?.status).toBe(204);
    await others.end();
  }, 120_000);
});
