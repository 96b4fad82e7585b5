/** An AppendableObject with every default, behind a link that is slow or takes no long bodies. In virtual time. */
import { AppendableObject, type AppendableObjectOptions, type AppendSource, crc64 } from '../src/index.ts';
import type { Fault, FaultRequest, LocalOss } from '../src/testing/index.ts';
import { drive, KEYS, localOss, makeClient, VirtualClock } from './unit-tools.ts';

/** The same bytes each time. No two segments of them are alike. */
export function noise(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0, state = 7; at < words.length; at++) {
    state = (state * 48271) % 2147483647;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** A source of these bytes in each of the forms that the engine cuts in its own way. */
export const FORMS: Readonly<Record<'Blob' | 'bytes' | 'stream', (bytes: Uint8Array<ArrayBuffer>) => AppendSource>> = {
  Blob: (bytes) => new Blob([bytes]),
  bytes: (bytes) => bytes,
  stream: (bytes) => new Blob([bytes]).stream(),
};

export interface LinkOptions extends AppendableObjectOptions {
  /** Of the client, ms. */
  readonly timeout?: number | undefined;
}

export class NarrowLink {
  readonly oss: LocalOss;
  readonly object: AppendableObject;
  /** Length of the body of each append, bytes, whether it arrived or not. */
  readonly sent: number[] = [];
  readonly #clock = new VirtualClock();

  /** `faults` is asked for each request. */
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

  /** Runs until the work is done, and returns how long that took on the link, s. */
  async run(work: Promise<unknown>): Promise<number> {
    const [clock, oss] = [this.#clock, this.oss];
    const begin = clock.now();
    let working = true;
    const end = () => {
      working = false;
    };
    work.then(end, end);
    // Where no timer is set, somebody reads a Blob, which takes real time on another thread.
    const machine = {
      get busy() {
        return working && clock.waiting === 0 ? 1 : oss.busy;
      },
    };
    await drive(work, clock, machine);
    return (clock.now() - begin) / 1000;
  }

  /** Whether the object holds exactly these bytes. */
  holds(bytes: Uint8Array<ArrayBuffer>): boolean {
    const { length, crc64: crc } = this.oss.object('logs', 'a.bin') ?? {};
    return length === bytes.byteLength && crc === String(crc64(bytes));
  }
}
