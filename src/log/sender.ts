/**
 * Stores one batch after the other, each exactly once, however long that takes. This file knows the current object,
 * prepares a batch before it is sent, and decides what happens after a failure.
 */

import type { AppendClient } from '../append/client.ts';
import { Evidence } from '../append/evidence.ts';
import { AppendableObject, type AppendableObjectOptions } from '../append/object.ts';
import { ChecksumError } from '../errors.ts';
import { kindOf, saysSealed } from '../failure-kind.ts';
import type { Fetch } from '../request/request.ts';
import type { ObjectTail } from '../tail.ts';
import type { Clock } from '../waiting/clock.ts';
import { RetryPolicy } from '../waiting/retry.ts';
import { Delivery } from './delivery.ts';
import { type Feed, flightOf } from './feed.ts';
import { gzip } from './gzip.ts';
import type { Flight } from './journal-part.ts';
import { connect, type LogClient } from './log-client.ts';
import { hasNoCredentials } from './outage.ts';
import type { Page } from './page.ts';
import type { Compression } from './platform.ts';
import { type Batch, storedIn } from './queue.ts';

/** Records that are stored. */
export interface StoredRecords {
  /** The key of the object that holds them. */
  readonly key: string;
  /** The end of the object after them, bytes. */
  readonly position: number;
  /** The number of these records. */
  readonly count: number;
}

/** The state of the current object, for the decision whether the log goes on in another one. */
export interface RotationState {
  readonly key: string;
  /** The end of the object, bytes. An object holds 5 GiB (5,368,709,120 bytes) at most. */
  readonly position: number;
  /** Length of the next segment, bytes. */
  readonly size: number;
  /** Time since this log began with the object, ms. */
  readonly age: number;
  /** True if another writer has sealed the object. Then the log cannot go on in it. */
  readonly isSealed: boolean;
}

/** What a sender needs to know. */
export interface SenderOptions
  extends Pick<
    AppendableObjectOptions,
    'contentType' | 'headers' | 'shared' | 'tail' | 'crc64' | 'segmentSize' | 'maxRate'
  > {
  /** The page, if the log runs in one. Then appends outlive the page, and they need no preflight. */
  readonly page?: Page | undefined;
  /** Compresses segments, if it is given. */
  readonly compression?: Compression | undefined;
  readonly rotate?: ((state: RotationState) => string | undefined) | undefined;
  readonly seal?: boolean | undefined;
  readonly onstored: (stored: StoredRecords) => void;
  readonly onerror: (error: unknown) => void;
}

/** The waits after the engine has used up its own attempts: up to a minute, without a limit of attempts. */
const RETRY = { maxAttempts: Number.POSITIVE_INFINITY, baseDelay: 1000, maxDelay: 60_000 };

export class Sender {
  readonly #client: AppendClient;
  readonly #clock: Clock;
  readonly #options: SenderOptions;
  #object: AppendableObject;
  #begun: number;
  /** The segment in flight, for the journal. */
  #flying: { readonly feed: Feed; readonly batch: Batch; readonly delivery: Delivery } | undefined;
  #isClosing = false;
  /** The finished objects that could not be sealed yet, and when that is tried again, ms. */
  readonly #unsealed: AppendableObject[] = [];
  #sealAgainAt = 0;
  /** They are made late, because a Worker must not make any at module scope. */
  #ender: AbortController | undefined;
  #waker: AbortController | undefined;

  constructor(client: LogClient, key: string, options: SenderOptions) {
    const { page } = options;
    const wrap = (fetch: Fetch) => this.#noting(page ? page.keepalive.wrap(fetch) : fetch);
    this.#client = connect(client, wrap, page && 'query');
    this.#clock = this.#client.retry.clock;
    this.#options = options;
    this.#begun = this.#clock.now();
    this.#object = new AppendableObject(this.#client, key, options);
  }

  get clock(): Clock {
    return this.#clock;
  }

  get key(): string {
    return this.#object.key;
  }

  get tail(): ObjectTail | undefined {
    return this.#object.tail;
  }

  /** Reads where the object ends, because there may be no time to ask later. */
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
   * Stores a batch. `encoded` is the segment that it becomes, if that is known.
   *
   * @throws The error of the last attempt, but only if the log is closed.
   */
  async send(feed: Feed, batch: Batch, encoded?: Uint8Array<ArrayBuffer>): Promise<void> {
    const { compression } = this.#options;
    const bytes = encoded ?? (compression ? await gzip(batch.bytes, compression) : batch.bytes);
    const delivery = await this.#store(feed, batch, bytes);
    if (delivery) {
      feed.queue.release();
      const { key, tail } = delivery.object;
      this.#options.onstored({ key, position: tail?.position ?? 0, count: storedIn(batch) });
    } else feed.queue.lose();
    feed.left = undefined;
    feed.keeper?.land();
  }

  /**
   * Returns how the batch was stored. Returns nothing if OSS stored it damaged, because sending it again would store it
   * twice.
   */
  async #store(feed: Feed, batch: Batch, bytes: Uint8Array<ArrayBuffer>): Promise<Delivery | undefined> {
    const { signal } = this.#controller;
    const { left } = feed;
    let delivery = left && new Delivery(this.#objectOf(left), bytes);
    /** The object that was found sealed at the last attempt. */
    let sealed: AppendableObject | undefined;
    for (let failures = 1; ; failures++) {
      const isLast = this.#isClosing;
      try {
        if (sealed && delivery && (await this.#isStored(sealed, left))) return delivery;
        if (sealed || !delivery) {
          const object = await this.#next(bytes.byteLength, sealed?.key === this.key);
          delivery = new Delivery(object, bytes);
        }
        this.#flying = { feed, batch, delivery };
        await delivery.attempt(signal);
        return delivery;
      } catch (error) {
        this.#options.onerror(error);
        if (error instanceof ChecksumError) return undefined;
        if (isLast || signal.aborted) throw error;
        sealed = saysSealed(error) ? this.#leave(delivery?.object) : undefined;
        await this.#pause(failures, error);
      }
    }
  }

  /** Returns a sealed object if the log can go on in another one. */
  #leave(object: AppendableObject | undefined): AppendableObject | undefined {
    // The object of a segment that an earlier page has left may be another one than that of this page.
    return this.#options.rotate || object?.key !== this.key ? object : undefined;
  }

  /** Returns whether a sealed object has the segment. One look is enough, because the object never grows again. */
  async #isStored(object: AppendableObject, left: Flight | undefined): Promise<boolean> {
    await object.open();
    if (object.pending.some(({ outcome }) => outcome === 'stored')) return true;
    // The object knows nothing of the requests of an earlier page.
    return left?.key === object.key && (await this.#holds(left));
  }

  /** Returns whether the object has the bytes of a segment at the place where the segment was sent. */
  async #holds({ key, tail: { position }, bytes }: Flight): Promise<boolean> {
    const { signal } = this.#controller;
    const place = { position, size: bytes.byteLength };
    const evidence = new Evidence(this.#client, key);
    const found = await evidence.look(signal);
    if ((found.length ?? 0) < position + place.size) return false;
    return (await evidence.compare(place, bytes, found, signal)).value === true;
  }

  /** Returns the object for the next segment: the current one, or another one that `rotate` names. */
  async #next(size: number, sealed: boolean): Promise<AppendableObject> {
    const finished = this.#object;
    const { rotate, seal } = this.#options;
    if (!rotate) return finished;
    const { position } = finished.tail ?? (await finished.open());
    const now = this.#clock.now();
    if (now >= this.#sealAgainAt) await this.#sealFinished();
    // The clock may have been set back.
    this.#begun = Math.min(this.#begun, now);
    const key = rotate({ key: finished.key, position, size, age: now - this.#begun, isSealed: sealed });
    if (key === undefined || key === finished.key) return finished;
    this.#object = new AppendableObject(this.#client, key, { ...this.#options, tail: undefined });
    this.#begun = now;
    if (seal && !sealed) this.#unsealed.push(finished);
    await this.#sealFinished();
    return this.#object;
  }

  /** Seals the finished objects. If the network fails, it is done again before a later segment. */
  async #sealFinished(): Promise<void> {
    for (const object of this.#unsealed.splice(0))
      await object.seal().catch((error: unknown) => {
        this.#options.onerror(error);
        if (kindOf(error) === 'refused' && !hasNoCredentials(error)) return;
        this.#unsealed.push(object);
        this.#sealAgainAt = this.#clock.now() + RETRY.maxDelay;
      });
  }

  /**
   * Returns the object of a segment that an earlier page has left in flight. With `shared`, equal bytes at the place of
   * this segment count as this segment.
   */
  #objectOf({ key, tail }: Flight): AppendableObject {
    return new AppendableObject(this.#client, key, { ...this.#options, shared: true, tail });
  }

  /** Notes each segment in the journal before it is sent, because only the signed request knows the position. */
  #noting(fetch: Fetch): Fetch {
    return async (url, init) => {
      const note = init.body ? this.#note(Number(/[?&]position=(\d+)/.exec(url)?.[1])) : undefined;
      // When the user leaves the page, the code after a wait may never run.
      if (note) await note;
      return fetch(url, init);
    };
  }

  #note(position: number): Promise<void> | undefined {
    if (!this.#flying) return undefined;
    const { feed, batch, delivery } = this.#flying;
    const { tail, key } = delivery.object;
    return feed.keeper?.note(flightOf(batch, delivery.rest, key, tail?.position === position ? tail : { position }));
  }

  get #controller(): AbortController {
    this.#ender ??= new AbortController();
    return this.#ender;
  }

  /** Waits before the next attempt. `close` ends the wait. */
  async #pause(failures: number, error: unknown): Promise<void> {
    if (this.#isClosing) return;
    this.#waker = new AbortController();
    await new RetryPolicy(this.#clock, RETRY).again(failures, { error, signal: this.#waker.signal }).catch(() => {});
  }
}
