/** Tests how a body with a checksum is held in memory until its checksum is known. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { verified } from '../../src/edge/digest.ts';
import { noise } from './senders.ts';
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
  const body = await join(verified(chunked(bytes, size), digestOf(bytes), { most: 4 * MIB, clock: Date }));
  expect(Buffer.compare(body, bytes)).toBe(0);
});

test('a body with one byte too many is refused, and one of the greatest length is not', async () => {
  const bytes = noise(100_000);
  expect(await join(verified(chunked(bytes, 999), digestOf(bytes), { most: 100_000, clock: Date }))).toHaveLength(
    100_000,
  );
  await expect(
    join(verified(chunked(bytes, 999), digestOf(bytes), { most: 99_999, clock: Date })),
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
  await join(verified(measured(), digestOf(bytes), { most: MIB, clock: Date }));
  // A list of these chunks has about 100 MiB. The limit leaves room for garbage that V8 has not collected yet.
  expect(most).toBeLessThan(50 * MIB);
}, 60_000);

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
  /** Is called when a body has stopped before its last byte. */
  onstop: () => void = () => {};

  body(name: number, length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      const taken = this.#taken.get(name) ?? 0;
      if (taken < length) {
        this.#taken.set(name, taken + this.#chunk.length);
        return controller.enqueue(this.#chunk.slice());
      }
      this.stopped.add(name);
      this.onstop();
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
    const world = new UploadWorld({ segmentSize: undefined });
    const bytes = new Uint8Array(length);
    const checksum = `sha1 ${base64(digestOf(bytes).bytes)}`;
    const many = new ManyBodies();
    let refused = 0;
    const paths = await Promise.all(Array.from({ length: 50 }, () => world.create(length)));
    let settled: () => void = () => {};
    const allSettled = new Promise<void>((resolve) => {
      settled = resolve;
    });
    const look = () => refused + many.stopped.size === 50 && settled();
    many.onstop = look;
    const answers = paths.map(async (path, name) => {
      const headers = { 'upload-checksum': checksum, ...headersFor(length) };
      const answer = await world.patch(path, 0, many.body(name, length), headers);
      if (answer.status === 503) refused++;
      many.forget(name);
      look();
      return answer;
    });
    await allSettled;
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
