/**
 * Reads the body of a request in chunks. This file knows the two kinds of readers, and the timer that ends a silence.
 */
import type { Clock } from '../waiting/clock.ts';
import { freeBuffer } from './free-buffer.ts';
import { Refusal } from './refusal.ts';

/** The part of a clock that the reader of a body needs. */
export type Timers = Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>;

/** How long a sender may be silent, and how long it may send. */
export interface Patience {
  /** The longest wait for the next bytes, in ms. */
  readonly idle: number;
  /** The longest time for a whole body, in ms. */
  readonly total: number;
  readonly clock: Timers;
}

/** The sizes of a reader's buffer in bytes: at first, and when the sender is fast. */
const BUFFER = { first: 16 * 1024, fast: 128 * 1024 };
/**
 * In a Worker, one read waits for all the bytes that the sender sends on average in this time, in ms. With one read for
 * each network packet, a Worker would spend a third of its time on reads.
 */
const WAIT = 125;
/** The average counts after this many bytes. */
const KNOWN = 256 * 1024;

/**
 * Yields the chunks of a body one at a time, without empty ones. While nobody asks for the next chunk, the sender
 * waits. Where the platform can do it, all bytes are read into one buffer, so a chunk is valid only until the next one is
 * asked for.
 *
 * @throws Refusal (408) if the edge waits for the sender and gets nothing for `idle` ms, or if the body takes longer
 *   than `total` ms. Before that, a slow sender is read as long as its bytes keep coming. There is one exception: a Worker
 *   waits for several bytes at once, so it also refuses a sender that became 240 times as slow as it was on average.
 */
export async function* chunksOf(
  { body }: Request,
  patience: Patience,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  if (!body) return;
  const reader = new BodyReader(body, patience.clock);
  const watch = new PatienceTimer(patience);
  try {
    for (let chunk = await watch.wait(reader.read()); chunk; chunk = await watch.wait(reader.read()))
      if (chunk.byteLength > 0) yield chunk;
  } finally {
    watch.end();
    reader.cancel();
  }
}

/**
 * Ends a wait that lasts too long. It sets one timer for a whole body, because a timer for each read costs more than
 * the read.
 */
class PatienceTimer {
  readonly #patience: Patience;
  /** The time in ms at which the body must have ended. */
  readonly #end: number;
  #timer: unknown;
  /** The time in ms when the current wait began. It is undefined while nobody waits. */
  #since: number | undefined;
  #refuse: (reason: Refusal) => void = () => {};

  constructor(patience: Patience) {
    this.#patience = patience;
    this.#end = patience.clock.now() + patience.total;
    this.#set(Math.min(patience.idle, patience.total));
  }

  async wait<T>(work: Promise<T>): Promise<T> {
    const { clock, total } = this.#patience;
    const since = clock.now();
    this.#since = since;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#refuse = reject;
        work.then(resolve, reject);
        if (since >= this.#end) reject(tooSlow(total));
      });
    } finally {
      this.#since = undefined;
    }
  }

  end(): void {
    this.#patience.clock.clearTimeout(this.#timer);
  }

  #set(delay: number): void {
    this.#timer = this.#patience.clock.setTimeout(() => this.#check(), delay);
  }

  /** The time in which nobody waits does not count, because then the store is slow and not the sender. */
  #check(): void {
    const { clock, idle, total } = this.#patience;
    const now = clock.now();
    const waited = this.#since === undefined ? 0 : now - this.#since;
    if (now >= this.#end) this.#refuse(tooSlow(total));
    else if (waited < idle) this.#set(Math.min(idle - waited, this.#end - now));
    else this.#refuse(new Refusal(408, 'RequestTimeout', `No bytes came for ${idle} ms: continue at the tail`));
  }
}

function tooSlow(total: number): Refusal {
  return new Refusal(408, 'RequestTimeout', `The body took longer than ${total} ms: continue at the tail`);
}

/** Reads into one buffer again and again if the platform has BYOB readers for bodies. */
class BodyReader {
  readonly #byob: ReadableStreamBYOBReader | undefined;
  readonly #plain: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  readonly #clock: Timers;
  #buffer = new ArrayBuffer(0);
  /** The bytes that have arrived so far. */
  #received = 0;
  /** The time in ms that these bytes took. */
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
    const enough = this.#enough();
    const size = enough > BUFFER.first ? BUFFER.fast : BUFFER.first;
    if (this.#buffer.byteLength < size) {
      freeBuffer(this.#buffer);
      this.#buffer = new ArrayBuffer(size);
    }
    const began = this.#clock.now();
    // The standard says that such a read fails if the stream ends with fewer bytes than `min`. Only a Worker returns
    // these last bytes, and only the readers of a Worker have this method.
    const min = 'readAtLeast' in this.#byob ? enough : 1;
    const { value } = await this.#byob.read(new Uint8Array(this.#buffer), { min });
    if (value) this.#buffer = value.buffer;
    this.#took += this.#clock.now() - began;
    this.#received += value?.byteLength ?? 0;
    // The end can arrive together with the last bytes.
    return value?.byteLength ? value : undefined;
  }

  cancel(): void {
    (this.#byob ?? this.#plain)?.cancel().catch(() => {});
    freeBuffer(this.#buffer);
  }

  /** Returns how many bytes the next read waits for: one byte, as long as the speed of the sender is not known. */
  #enough(): number {
    if (this.#received < KNOWN) return 1;
    return Math.max(1, Math.min(Math.floor((this.#received / this.#took) * WAIT), BUFFER.fast));
  }
}
