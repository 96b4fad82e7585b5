/** Reads a request's body chunk by chunk. Hides the platforms' two kinds of readers, and the timer that ends a silence. */
import type { Clock } from '../../src/index.ts';
import { Refusal } from './refusal.ts';

/** The part of a clock that a body needs. */
export type Timers = Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>;

/** How long a sender may be silent. */
export interface Patience {
  /** Longest wait for the next bytes, ms. */
  readonly idle: number;
  readonly clock: Timers;
}

const BUFFER = 64 * 1024;
/** Bytes asked for at once of a fast sender. One read for each packet costs a Worker a third of its time, and memory. */
const ENOUGH = 16 * 1024;
/** A sender is fast when this many bytes have come, on the average at this many bytes a second. */
const FAST = { size: 256 * 1024, rate: 64 * 1024 };

/**
 * The chunks of a body, to be asked for one at a time: while nobody asks, the sender waits. The bytes are read into one buffer
 * of ours where the platform can do that, so a chunk is good only until the next one is asked for.
 *
 * @throws Refusal (408) when the sender gives nothing for `idle` ms while it is waited for. However slow a sender is, a body
 * whose bytes keep coming is read to its end. (Of a sender that was fast, a Worker asks for 16 KiB at once, and takes it for
 * silent when these do not come in time.)
 */
export async function* chunksOf(
  { body }: Request,
  patience: Patience,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  if (!body) return;
  const reader = new BodyReader(body, patience.clock);
  const watch = new Watch(patience);
  try {
    for (let chunk = await watch.wait(reader.read()); chunk; chunk = await watch.wait(reader.read())) yield chunk;
  } finally {
    watch.end();
    reader.cancel();
  }
}

/** Ends a wait that lasts too long. It sets one timer for a whole body, because setting one takes longer than a read. */
class Watch {
  readonly #idle: number;
  readonly #clock: Timers;
  #timer: unknown;
  /** When the current wait began, ms; undefined while nobody waits. */
  #since: number | undefined;
  #stall: (reason: Refusal) => void = () => {};

  constructor({ idle, clock }: Patience) {
    this.#idle = idle;
    this.#clock = clock;
    this.#set(idle);
  }

  async wait<T>(work: Promise<T>): Promise<T> {
    this.#since = this.#clock.now();
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#stall = reject;
        work.then(resolve, reject);
      });
    } finally {
      this.#since = undefined;
    }
  }

  end(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #set(delay: number): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), delay);
  }

  /** Time in which nobody asks does not count: then the store is slow, not the sender. */
  #look(): void {
    const waited = this.#since === undefined ? 0 : this.#clock.now() - this.#since;
    if (waited < this.#idle) this.#set(this.#idle - waited);
    else this.#stall(new Refusal(408, 'RequestTimeout', `Nothing came for ${this.#idle} ms: go on from the tail`));
  }
}

/** Reads into one buffer again and again where the platform has BYOB readers for bodies. */
class BodyReader {
  readonly #byob: ReadableStreamBYOBReader | undefined;
  readonly #plain: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  readonly #clock: Timers;
  #buffer = new ArrayBuffer(0);
  /** Bytes that came so far, and the ms that they took. */
  #came = 0;
  #took = 0;

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>>, clock: Timers) {
    this.#clock = clock;
    try {
      this.#byob = body.getReader({ mode: 'byob' });
    } catch {
      this.#plain = body.getReader();
    }
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!this.#byob) return (await this.#plain?.read())?.value;
    if (this.#buffer.byteLength === 0) this.#buffer = new ArrayBuffer(BUFFER);
    const began = this.#clock.now();
    const { value } = await this.#byob.read(new Uint8Array(this.#buffer), { min: this.#isFast() ? ENOUGH : 1 });
    if (value) this.#buffer = value.buffer;
    this.#took += this.#clock.now() - began;
    this.#came += value?.byteLength ?? 0;
    // The end may come together with the last bytes.
    return value?.byteLength ? value : undefined;
  }

  cancel(): void {
    (this.#byob ?? this.#plain)?.cancel().catch(() => {});
  }

  /** A slow sender needs minutes for what is asked for at once, and would be taken for a silent one. */
  #isFast(): boolean {
    return this.#came >= FAST.size && this.#came * 1000 >= FAST.rate * this.#took;
  }
}
