/**
 * Stores one batch after the other, each exactly once, however long that takes. It hides which object is the current one, what a
 * batch becomes before it is sent, and what happens after a failure.
 */

import { AppendableObject, type AppendableObjectOptions } from '../append/object.ts';
import { ChecksumError, ServiceError } from '../errors.ts';
import { OssClient, type OssClientOptions } from '../request/client.ts';
import type { Fetch } from '../request/request.ts';
import type { ObjectTail } from '../tail.ts';
import { type Clock, platformClock } from '../waiting/clock.ts';
import { RetryPolicy } from '../waiting/retry.ts';
import { Delivery } from './delivery.ts';
import { type Feed, flightOf } from './feed.ts';
import { gzip } from './gzip.ts';
import type { Flight } from './journal.ts';
import type { Compression } from './platform.ts';
import type { Batch } from './queue.ts';

/** Records that are stored. */
export interface StoredRecords {
  /** The key of the object that holds them. */
  readonly key: string;
  /** The end of the object behind them, bytes. */
  readonly position: number;
  /** How many records these are. */
  readonly count: number;
}

/** The current object, for whoever decides whether the log goes on in another one. */
export interface RotationState {
  readonly key: string;
  /** The end of the object, bytes. An object holds 5 GiB (5,368,709,120 bytes) at most. */
  readonly position: number;
  /** Length of the segment that is to be stored next, bytes. */
  readonly size: number;
  /** How long ago this log began with the object, ms. */
  readonly age: number;
  /** Another writer has sealed the object. The log cannot go on in it. */
  readonly isSealed: boolean;
}

/** What a sender needs to know. */
export interface SenderOptions
  extends Pick<AppendableObjectOptions, 'contentType' | 'headers' | 'shared' | 'tail' | 'crc64' | 'segmentSize'> {
  /** Compresses segments where it is given. */
  readonly compression?: Compression | undefined;
  readonly rotate?: ((state: RotationState) => string | undefined) | undefined;
  readonly seal?: boolean | undefined;
  readonly onstored: (stored: StoredRecords) => void;
  readonly onerror: (error: unknown) => void;
}

/** Between attempts, when the engine has used up its own: up to a minute, for as long as it takes. */
const RETRY = { maxAttempts: Number.POSITIVE_INFINITY, baseDelay: 1000, maxDelay: 60_000 };

export class Sender {
  readonly #client: OssClient;
  readonly #clock: Clock;
  readonly #options: SenderOptions;
  #object: AppendableObject;
  #begun: number;
  /** What is on its way, for the journal. */
  #flying: { readonly feed: Feed; readonly batch: Batch; readonly delivery: Delivery } | undefined;
  #isClosing = false;
  /** Ends the request in flight, and the wait before the next attempt. They are made late: a Worker makes none at module scope. */
  #ender: AbortController | undefined;
  #waker: AbortController | undefined;

  constructor(client: OssClientOptions, key: string, options: SenderOptions) {
    const { fetch = (url, init) => globalThis.fetch(url, init) } = client;
    this.#client = new OssClient({ ...client, fetch: this.#noting(fetch) });
    this.#clock = client.clock ?? platformClock();
    this.#options = options;
    this.#begun = this.#clock.now();
    this.#object = new AppendableObject(this.#client, key, options);
  }

  get key(): string {
    return this.#object.key;
  }

  get tail(): ObjectTail | undefined {
    return this.#object.tail;
  }

  /** Reads where the object ends, so that this is known later, when there is no time for it. */
  open(): void {
    this.#object.open().catch(() => {});
  }

  /** From now on an attempt that fails is the last one, and nothing waits. */
  close(): void {
    this.#isClosing = true;
    this.#waker?.abort('closing');
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /**
   * Stores a batch. `encoded` is what it becomes where that is known.
   *
   * @throws The error of the last attempt, only when the log is closed.
   */
  async send(feed: Feed, batch: Batch, encoded?: Uint8Array<ArrayBuffer>): Promise<void> {
    const { compression } = this.#options;
    const bytes = encoded ?? (compression ? await gzip(batch.bytes, compression) : batch.bytes);
    const delivery = await this.#store(feed, batch, bytes);
    if (delivery) {
      feed.queue.release();
      const { key, tail } = delivery.object;
      this.#options.onstored({ key, position: tail?.position ?? 0, count: batch.count });
    } else feed.queue.lose();
    feed.land();
  }

  /** Returns how the batch was stored, or nothing where OSS stored it damaged: to send it again would double it. */
  async #store(feed: Feed, batch: Batch, bytes: Uint8Array<ArrayBuffer>): Promise<Delivery | undefined> {
    const { signal } = this.#controller;
    let delivery = feed.left && new Delivery(this.#objectOf(feed.left), bytes);
    for (let failures = 1, sealed = false; ; failures++) {
      const isLast = this.#isClosing;
      try {
        if (sealed && delivery && (await isStored(delivery.object))) return delivery;
        if (sealed || !delivery) delivery = new Delivery(await this.#next(bytes.byteLength, sealed), bytes);
        this.#flying = { feed, batch, delivery };
        await delivery.attempt(signal);
        return delivery;
      } catch (error) {
        this.#options.onerror(error);
        if (error instanceof ChecksumError) return undefined;
        if (isLast || signal.aborted) throw error;
        sealed = this.#options.rotate !== undefined && isSealed(error);
        await this.#pause(failures, error);
      }
    }
  }

  /** The object for the next segment: the current one, or another one that `rotate` names. */
  async #next(size: number, sealed: boolean): Promise<AppendableObject> {
    const finished = this.#object;
    const { rotate, seal } = this.#options;
    if (!rotate) return finished;
    const { position } = finished.tail ?? (await finished.open());
    const now = this.#clock.now();
    const key = rotate({ key: finished.key, position, size, age: now - this.#begun, isSealed: sealed });
    if (key === undefined || key === finished.key) return finished;
    this.#object = new AppendableObject(this.#client, key, { ...this.#options, tail: undefined });
    this.#begun = now;
    if (seal && !sealed) await finished.seal().catch(this.#options.onerror);
    return this.#object;
  }

  /** The object of a segment that a page before has left in flight. With `shared`, equal bytes at its place are that segment. */
  #objectOf({ key, tail }: Flight): AppendableObject {
    return new AppendableObject(this.#client, key, { ...this.#options, shared: true, tail });
  }

  /** Notes each segment in the journal before it leaves, because nobody else knows the position that is signed. */
  #noting(fetch: Fetch): Fetch {
    return async (url, init) => {
      const note = init.body ? this.#note(Number(/[?&]position=(\d+)/.exec(url)?.[1])) : undefined;
      // In a page that is left, every wait may be the last.
      if (note) await note;
      return fetch(url, init);
    };
  }

  #note(position: number): Promise<void> | undefined {
    if (!this.#flying) return undefined;
    const { feed, batch, delivery } = this.#flying;
    const { tail, key } = delivery.object;
    return feed.note(flightOf(batch, delivery.rest, key, tail?.position === position ? tail : { position }));
  }

  get #controller(): AbortController {
    this.#ender ??= new AbortController();
    return this.#ender;
  }

  /** Waits before the next attempt. A close does not wait. */
  async #pause(failures: number, error: unknown): Promise<void> {
    if (this.#isClosing) return;
    this.#waker = new AbortController();
    await new RetryPolicy(this.#clock, RETRY).again(failures, { error, signal: this.#waker.signal }).catch(() => {});
  }
}

/** What was given up in a sealed object is settled by one look at it, because it never grows again. */
async function isStored(object: AppendableObject): Promise<boolean> {
  await object.open();
  return object.pending.some(({ outcome }) => outcome === 'stored');
}

function isSealed(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'AppendSealedObjectNotAllowed';
}
