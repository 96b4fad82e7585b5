// Links so slow that a segment of the size that is usual at the beginning does not pass within the time-out of one attempt.
// In virtual time: the defaults of the client and of the engine, and a LocalOss whose bodies pass at the given speed.
import { describe, expect, test } from 'vitest';
import { AppendableObject, type AppendableObjectOptions, type AppendSource, crc64 } from '../src/index.ts';
import type { Fault, FaultRequest } from '../src/testing/index.ts';
import { drive, KEYS, localOss, makeClient, VirtualClock } from './unit-tools.ts';

const SIZE = 1_500_000;

/** The same bytes each time; no two segments of them are alike. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0, state = 7; at < words.length; at++) {
    state = (state * 48271) % 2147483647;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

const DATA = noise(SIZE);

interface LinkOptions extends AppendableObjectOptions {
  readonly timeout?: number;
}

/** An object behind a link. */
class Link {
  readonly clock = new VirtualClock();
  readonly oss;
  readonly object: AppendableObject;
  /** Length of each append that reached the server, bytes, whether it arrived whole or not. */
  readonly sent: number[] = [];

  constructor(fault: (request: FaultRequest) => Fault | undefined, { timeout, ...options }: LinkOptions = {}) {
    const { clock } = this;
    const faults = (request: FaultRequest) => {
      if (request.operation === 'AppendObject') this.sent.push(request.size ?? 0);
      return fault(request);
    };
    this.oss = localOss({ clock, faults });
    const client = makeClient({ clock, fetch: this.oss.fetch, credentials: KEYS, ...(timeout ? { timeout } : {}) });
    this.object = new AppendableObject(client, 'a.bin', options);
  }

  /** Runs until the work is done, and returns how long that takes on the link, s. */
  async run(work: Promise<unknown>): Promise<number> {
    const begin = this.clock.now();
    await drive(work, this.clock, this.oss);
    return (this.clock.now() - begin) / 1000;
  }

  get stored(): string | undefined {
    return this.oss.object('logs', 'a.bin')?.crc64;
  }
}

const steady = (bytesPerSecond: number) => () => ({ kind: 'slow', bytesPerSecond }) as const;

const FORMS: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => AppendSource>> = {
  Blob: (bytes) => new Blob([bytes]),
  bytes: (bytes) => bytes,
  stream: (bytes) => new Blob([bytes]).stream(),
};

describe.each([6_000, 10_000, 17_000, 50_000, 1_000_000])('1.5 MB at %i bytes/s', (rate) => {
  test.each(Object.keys(FORMS))('a %s arrives, at no more than twice the time that its bytes take', async (form) => {
    const link = new Link(steady(rate));
    const time = await link.run(link.object.append(FORMS[form]!(DATA)));
    expect(link.stored).toBe(String(crc64(DATA)));
    expect(time).toBeLessThan((2 * SIZE) / rate);
  });
});
