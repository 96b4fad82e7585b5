/**
 * A log without end: it takes records at once, gathers them into segments, and appends one segment after the other,
 * each exactly once. This file decides when a segment is sent, and which records it has.
 */

import { checkSignal } from '../check.ts';
import type { CallOptions } from '../request/operations.ts';
import type { ObjectTail } from '../tail.ts';
import { abortable } from '../waiting/abort.ts';
import type { Clock } from '../waiting/clock.ts';
import { DeferredAppend } from './deferred-append.ts';
import { type Feed, flightOf } from './feed.ts';
import { gzipAtOnce, MEMBER_OVERHEAD } from './gzip.ts';
import type { LogJournal } from './journal.ts';
import type { LogRecord } from './lines.ts';
import { tell } from './listener.ts';
import type { LogClient } from './log-client.ts';
import { type LogAppenderOptions, settingsOf, UNCUT } from './options.ts';
import { Page } from './page.ts';
import type { LogPlatform } from './platform.ts';
import { type Batch, type QueueOptions, RecordQueue } from './queue.ts';
import { Sender } from './sender.ts';

/**
 * The time from the first waiting record until the waiting records are prepared for the end of the page, ms. So records
 * that are written together are prepared together.
 */
const PREPARE_AFTER = 100;
/** If somebody else signs the request for the browser, it is made anew this long after the last one at the earliest, ms. */
const PRESIGN_AFTER = 1000;

/** A batch at a known end of the object. */
interface Prepared {
  readonly batch: Batch;
  readonly encoded: Uint8Array<ArrayBuffer>;
}

/** The next batch, and the segment that it becomes, if that is known. */
interface Next {
  readonly batch: Batch | undefined;
  readonly encoded?: Uint8Array<ArrayBuffer>;
}

/**
 * Writes records to the end of an object, and never makes the caller wait. It works in a page, in a worker and at the
 * edge.
 *
 * `write` only puts a record into a queue. Segments of whole records are sent one after the other. A failed segment is
 * tried again, with growing waits, until it is stored or the log is closed. Each record is stored exactly once, and in
 * order.
 *
 * Several logs on one object need `shared`. Their records must differ, so put the name of the writer and a number into
 * each record. If somebody deletes the object, the log creates it again. A segment that OSS stored damaged counts as
 * dropped.
 * @example
 * ```ts
 * import { credentialsFromUrl } from 'oss-append';
 * import { LogAppender } from 'oss-append/log';
 *
 * const client = { region: 'cn-hangzhou', bucket: 'my-logs', credentials: credentialsFromUrl('/sts') };
 * const log = new LogAppender(client, 'pages/app.ndjson', { onerror: (error) => console.warn(error) });
 * log.write({ time: Date.now(), level: 'info', message: 'started' });
 * await log.flush();
 * ```
 */
export class LogAppender {
  /** Shows Vue that this is not a plain object. Vue would make a proxy, and a proxy cannot reach private members. */
  get [Symbol.toStringTag](): string {
    return 'LogAppender';
  }

  readonly #options: LogAppenderOptions;
  readonly #segmentSize: number;
  /** The shortest time between two preparations of the waiting records, ms. */
  readonly #prepareAgainAfter: number;
  readonly #clock: Clock;
  readonly #sender: Sender;
  readonly #queue: RecordQueue;
  /** The sources of segments: first the records that earlier pages have left, and last the queue of this log. */
  readonly #feeds: [...Feed[], Feed];
  readonly #own: Feed;
  readonly #page: Page | undefined;
  readonly #deferred: DeferredAppend | undefined;
  /** The records that are given to the browser or noted in the journal, and the segment that they become. */
  #prepared: Prepared | undefined;
  /** Pending while the journal is opened. Nothing is sent before it is open. */
  #opening: Promise<void> | undefined;
  /** The segment that is in flight. There is never more than one. */
  #sending: Promise<void> | undefined;
  #timer: unknown;
  #prepareTimer: unknown;
  /** The promise that every call of `close` waits for. */
  #closing: Promise<void> | undefined;
  /** True after the first call of `close`. Then the log takes no record any more. */
  #isClosing = false;

  /**
   * @param client the address of the bucket and the credentials, or a function that makes a client: see {@link LogClient}
   * @param key the object; it is created if it is absent
   * @throws TypeError or RangeError for impossible options.
   */
  constructor(client: LogClient, key: string, options: LogAppenderOptions = {}) {
    const platform: LogPlatform = options.platform ?? globalThis;
    const { segmentSize, queue } = settingsOf(options, platform);
    const { gzip, contentType = gzip ? 'application/gzip' : undefined } = options;
    const object = { ...options, contentType };
    this.#options = options;
    this.#segmentSize = segmentSize;
    this.#prepareAgainAfter = typeof client === 'function' ? PRESIGN_AFTER : PREPARE_AFTER;
    this.#page = platform.document && new Page(platform, this.#sendAll);
    this.#deferred = platform.fetchLater && new DeferredAppend(client, object, platform);
    this.#sender = new Sender(client, key, {
      ...object,
      page: this.#page,
      compression: gzip ? platform.CompressionStream : undefined,
      // The engine cuts no segment that is at most a sixteenth of its `segmentSize`.
      segmentSize: 16 * Math.max(segmentSize, UNCUT),
      onstored: (stored) => tell(options.onstored, stored),
      onerror: this.#fail,
    });
    this.#clock = this.#sender.clock;
    this.#queue = new RecordQueue(queue);
    this.#own = { queue: this.#queue };
    this.#feeds = [this.#own];
    if (options.persist) this.#opening = this.#openJournal(options.persist, queue);
  }

  /** The key of the object that the next segment goes to, as far as it is known. */
  get key(): string {
    return this.#sender.key;
  }

  /** The last confirmed end of the object. It is `undefined` until it is known. */
  get tail(): ObjectTail | undefined {
    return this.#sender.tail;
  }

  /** The number of records that were dropped since the log was made. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /**
   * Puts a record into the queue and returns at once. Returns false if the queue is full and `whenFull` is `refuse`,
   * and after `close`.
   *
   * @throws TypeError for a value that JSON cannot write.
   */
  write(record: LogRecord): boolean {
    if (this.#isClosing || !this.#queue.write(record)) return false;
    if (!this.#timer) this.#begin();
    this.#own.keeper?.sync();
    if (this.#deferred || this.#own.keeper) this.#prepareSoon();
    if (!this.#sending && this.#isFull) this.#sendFull().catch(() => {});
    return true;
  }

  /**
   * Sends the waiting records, and resolves when every record that was written before is stored (or was dropped). In a
   * Worker: `ctx.waitUntil(log.flush())`.
   *
   * @throws The error of the last attempt, if the log is closed while nothing can be stored; the signal's reason.
   */
  async flush({ signal }: CallOptions = {}): Promise<void> {
    checkSignal(signal);
    return abortable(this.#closing ?? this.#drain(this.#queue.accepted), signal);
  }

  /**
   * Flushes and ends the log. From now on, an attempt that fails is the last one, and the rest is given up. The signal
   * also ends the request in flight.
   *
   * @throws The error of the last attempt; the signal's reason.
   */
  async close({ signal }: CallOptions = {}): Promise<void> {
    checkSignal(signal);
    const abort = () => this.#sender.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    this.#closing ??= this.#end();
    return abortable(this.#closing, signal).finally(() => signal?.removeEventListener('abort', abort));
  }

  async #end(): Promise<void> {
    this.#isClosing = true;
    this.#sender.close();
    try {
      await this.#drain(this.#queue.accepted);
    } finally {
      this.#stopTimer();
      this.#deferred?.stop();
      this.#page?.stop();
      for (const { keeper } of this.#feeds) keeper?.close();
    }
  }

  #stopTimer(): void {
    for (const timer of [this.#timer, this.#prepareTimer]) this.#clock.clearTimeout(timer);
    this.#timer = this.#prepareTimer = undefined;
  }

  readonly #sendAll = (): void => {
    this.#stopTimer();
    this.#drain(this.#queue.accepted).catch(() => {});
  };

  get #isFull(): boolean {
    return this.#queue.bytes >= this.#segmentSize;
  }

  async #sendFull(): Promise<void> {
    while (this.#isFull) await this.#send();
  }

  /**
   * Sends until all records before this number are settled. Each caller sends, even if another caller has begun the
   * segment. In a Worker, the request of that other caller may have ended.
   */
  async #drain(until: number): Promise<void> {
    const isDone = () =>
      this.#feeds.length === 1 &&
      !this.#opening &&
      this.#queue.settled >= until &&
      (until < this.#queue.accepted || this.#queue.isEmpty);
    while (!isDone()) await this.#send();
  }

  /** Sends the next segment, or waits for the one that is in flight. */
  #send(): Promise<void> {
    this.#sending ??= this.#sendNext().finally(() => {
      this.#sending = undefined;
      if (this.#queue.isEmpty) this.#stopTimer();
    });
    return this.#sending;
  }

  /** A hidden page may end at any time, so its records do not wait. */
  #begin(): void {
    this.#timer = this.#clock.setTimeout(this.#sendAll, this.#page?.isHidden ? 0 : (this.#options.flushAfter ?? 1000));
    // When the user leaves the page, there is no time to ask where the object ends.
    if (this.#page && !this.tail && !this.#opening && !this.#sending) this.#sender.open();
  }

  #prepareSoon(): void {
    const delay = this.#prepared ? this.#prepareAgainAfter : PREPARE_AFTER;
    this.#prepareTimer ??= this.#clock.setTimeout(this.#prepare, delay);
  }

  /**
   * Prepares the waiting records for the end of the page: the journal notes them as a segment, and the browser gets
   * them as a request. Both need to know where the object ends, so nothing may be in flight.
   */
  readonly #prepare = async (): Promise<void> => {
    this.#prepareTimer = undefined;
    const batch = this.#queue.peek(this.#segmentSize);
    const { tail, key } = this;
    if (!batch || !tail || this.#sending || this.#opening || this.#deferred?.isSent) return;
    const encoded = this.#options.gzip ? gzipAtOnce(batch.bytes) : batch.bytes;
    // The browser must not send the earlier request when the journal has the next segment already.
    this.#deferred?.stop();
    await this.#own.keeper?.note(flightOf(batch, encoded, key, tail));
    if (this.#sending) return;
    this.#deferred?.arm(key, tail.position, encoded);
    this.#prepared = { batch, encoded };
  };

  /**
   * Returns how long the next segment may be. In a page that the user leaves, a segment that outlives the page is
   * better than a longer one.
   */
  get #most(): number {
    const room = this.#page?.isHidden ? this.#page.keepalive.room - (this.#options.gzip ? MEMBER_OVERHEAD : 0) : 0;
    return room > 0 ? Math.min(room, this.#segmentSize) : this.#segmentSize;
  }

  async #sendNext(): Promise<void> {
    // Without a journal, do not await anything here: when the user leaves the page, the code after an `await` may never
    // run.
    if (this.#opening) await this.#opening;
    const [feed] = this.#feeds;
    const { batch, encoded } = feed === this.#own ? this.#take() : takeLeft(feed, this.#segmentSize);
    if (!batch) return this.#endFeed(feed);
    this.#page?.keepalive.reserve((encoded ?? batch.bytes).byteLength);
    this.#reportLoss();
    await this.#sender.send(feed, batch, encoded);
  }

  /**
   * The prepared segment is sent unchanged if the browser has already sent it, or if the user leaves the page and the
   * segment is short enough to outlive it.
   */
  #take(): Next {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    const isSent = this.#deferred?.stop();
    const isLeft = this.#page?.isHidden === true;
    if (prepared && (isSent || (isLeft && prepared.encoded.byteLength <= this.#most)))
      return { ...prepared, batch: this.#queue.retake(prepared.batch) };
    const batch = this.#queue.take(this.#most);
    return batch && isLeft && this.#options.gzip ? { batch, encoded: gzipAtOnce(batch.bytes) } : { batch };
  }

  /** Goes on with the next feed when a feed is empty. */
  async #endFeed(feed: Feed): Promise<void> {
    if (feed === this.#own) return;
    this.#feeds.shift();
    await feed.keeper?.close();
  }

  async #openJournal(journal: LogJournal, options: QueueOptions): Promise<void> {
    try {
      const log = { own: this.#own, queue: options, fail: this.#fail };
      const feeds = await journal.connect(this.#clock.now() + this.#clock.random(), log);
      this.#feeds.unshift(...feeds);
      // The records of earlier pages are sent without waiting for a new record.
      if (feeds.length > 0) this.#drain(0).catch(() => {});
    } catch (error) {
      this.#fail(error);
    }
    this.#opening = undefined;
  }

  readonly #fail = (error: unknown): void => {
    tell(this.#options.onerror, error);
    this.#reportLoss();
  };

  #reportLoss(): void {
    const loss = this.#queue.newLoss();
    if (loss) tell(this.#options.ondropped, loss);
  }
}

function takeLeft({ queue, left }: Feed, most: number): Next {
  if (!left) return { batch: queue.take(most) };
  const { bytes, count, end } = left;
  return { batch: queue.retake({ bytes, count, first: end - count, loss: undefined }), encoded: bytes };
}
