/**
 * An AppendableObject with all default options, behind a link that is slow or refuses long bodies. It runs in virtual
 * time.
 */
import { AppendableObject, type AppendableObjectOptions, type AppendSource, crc64 } from '../../src/index.ts';
import type { Fault, FaultRequest, LocalOss } from '../../src/testing/index.ts';
import { KEYS, localOss, makeClient } from './unit-tools.ts';
import { drive, VirtualClock } from './virtual-clock.ts';

/** Makes the same bytes each time. No two segments of these bytes are equal. */
export function noise(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0, state = 7; at < words.length; at++) {
    state = (state * 48271) % 2147483647;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** Makes a source of these bytes in each form for which the engine cuts segments differently. */
export const FORMS: Readonly<Record<'Blob' | 'bytes' | 'stream', (bytes: Uint8Array<ArrayBuffer>) => AppendSource>> = {
  Blob: (bytes) => new Blob([bytes]),
  bytes: (bytes) => bytes,
  stream: (bytes) => new Blob([bytes]).stream(),
};

export interface LinkOptions extends AppendableObjectOptions {
  /** The time-out of the client in ms. */
  readonly timeout?: number | undefined;
}

export class NarrowLink {
  readonly oss: LocalOss;
  readonly object: AppendableObject;
  /** The length of the body of each append in bytes, even if the body did not reach the server. */
  readonly sent: number[] = [];
  readonly #clock = new VirtualClock();

  /** Calls `faults` for each request. */
  constructor(
    faults: (request: FaultRequest) => Fault | readonly Fault[] | undefined,
    { timeout, ...options }: LinkOptions = {},
  ) {
    const clock = this.#clock;
    this.oss = localOss({
      clock,
      faults: (request) => {
        if (request.operation === 'AppendObject') this.sent.push(request.size ?? 0);
        return faults(request);
      },
    });
    const client = makeClient({ clock, fetch: this.oss.fetch, credentials: KEYS, timeout });
    this.object = new AppendableObject(client, 'a.bin', options);
  }

  /** Runs until the work is done, and returns the time that it took on the link, in s. */
  async run(work: Promise<unknown>): Promise<number> {
    const [clock, oss] = [this.#clock, this.oss];
    const begin = clock.now();
    let working = true;
    const end = () => {
      working = false;
    };
    work.then(end, end);
    // If no timer is set, something reads a Blob, which takes real time on another thread.
    const machine = {
      get busy() {
        return working && clock.waiting === 0 ? 1 : oss.busy;
      },
    };
    await drive(work, clock, machine);
    return (clock.now() - begin) / 1000;
  }

  /** Returns whether the object holds exactly these bytes. */
  holds(bytes: Uint8Array<ArrayBuffer>): boolean {
    const { length, crc64: crc } = this.oss.object('logs', 'a.bin') ?? {};
    return length === bytes.byteLength && crc === String(crc64(bytes));
  }
}
