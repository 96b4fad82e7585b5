/**
 * A log without end: it takes records at once, gathers them into segments, and appends one segment after the other,
 * each exactly once. This file decides when a segment is sent, what happens after a failure, and which listener is
 * called.
 */

import type { AppendableObjectOptions } from '../append/object.ts';
import {
  checkFunction,
  checkLeast,
  checkObject,
  checkRange,
  checkSignal,
  checkType,
  checkWholeNumber,
} from '../check.ts';
import type { CallOptions } from '../request/operations.ts';
import type { ObjectTail } from '../tail.ts';
import { abortable } from '../waiting/abort.ts';
import type { Clock } from '../waiting/clock.ts';
import type { LogLoss } from './block.ts';
import { DeferredAppend } from './deferred-append.ts';
import { type Feed, flightOf } from './feed.ts';
import { gzipAtOnce } from './gzip.ts';
import type { LogJournal } from './journal.ts';
import type { LogRecord } from './lines.ts';
import { tell } from './listener.ts';
import type { LogClient } from './log-client.ts';
import { Page } from './page.ts';
import type { LogPlatform } from './platform.ts';
import { type Batch, type QueueOptions, RecordQueue } from './queue.ts';
import { type RotationState, Sender, type StoredRecords } from './sender.ts';

/** Settings of a log. */
export interface LogAppenderOptions
  extends Pick<AppendableObjectOptions, 'contentType' | 'headers' | 'shared' | 'tail' | 'crc64' | 'maxRate'> {
  /**
   * Records are sent when this many bytes wait. Default 49,152; at most 65,536 with `shared`, so that no segment is
   * ever cut. With `maxRate` it is at most the bytes of a quarter of a second. A longer record is then cut into several requests.
   */
  readonly segmentSize?: number | undefined;
  /** How long a record may wait for others before it is sent, ms. Default 1,000. */
  readonly flushAfter?: number | undefined;
  /** The most bytes that the log holds in memory, including those in flight. Default 1,048,576. */
  readonly queueSize?: number | undefined;
  /**
   * What happens to a record that does not fit into the queue. `dropOldest` (the default) and `dropNewest` drop records
   * and write a record of the loss in their place. `refuse` makes `write` return false, and the caller keeps the
   * record.
   */
  readonly whenFull?: 'refuse' | 'dropOldest' | 'dropNewest' | undefined;
  /**
   * Returns the record that the log contains in place of dropped records. Default: `{ "lost": records, "bytes": bytes
   * }`.
   */
  readonly lossRecord?: ((loss: LogLoss) => LogRecord) | undefined;
  /**
   * Makes each segment one gzip member, so that the object is a gzip file. Default false. The object gets the type
   * `application/gzip` and no Content-Encoding.
   */
  readonly gzip?: boolean | undefined;
  /**
   * Names the object for the next segment, or returns `undefined` to stay. It is called before each segment. Without it
   * the log fails when its object is full (5 GiB).
   */
  readonly rotate?: ((state: RotationState) => string | undefined) | undefined;
  /** Seals an object when the log goes on in another one. Default false. Needs `oss:SealAppendObject`. */
  readonly seal?: boolean | undefined;
  /** Keeps what is not stored for the next page: see {@link IndexedDbJournal}. */
  readonly persist?: LogJournal | undefined;
  /** What the log uses of its page or worker. Default: `globalThis`. */
  readonly platform?: LogPlatform | undefined;
  /** Called when a segment is stored. */
  readonly onstored?: ((stored: StoredRecords) => void) | undefined;
  /** Called when an attempt failed, with its error. The log goes on and tries again. */
  readonly onerror?: ((error: unknown) => void) | undefined;
  /**
   * Called when records were dropped, with their number since the last call. The next request waits for this call, so
   * it may write records.
   */
  readonly ondropped?: ((loss: LogLoss) => void) | undefined;
}

const SEGMENT_SIZE = 49_152;
/** The engine does not cut a segment up to this size, because such a short request does not fail for its length. */
const UNCUT = 65_536;
/**
 * The time from the first waiting record until the waiting records are prepared for the end of the page, ms. So records
 * that are written together are prepared together.
 */
const PREPARE_AFTER = 100;

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
    if (this.#deferred || this.#own.keeper) this.#prepareTimer ??= this.#clock.setTimeout(this.#prepare, PREPARE_AFTER);
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
    this.#closing ??= this.#end(signal);
    return abortable(this.#closing, signal);
  }

  async #end(signal: AbortSignal | undefined): Promise<void> {
    const abort = () => this.#sender.abort(signal?.reason);
    this.#isClosing = true;
    this.#sender.close();
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    try {
      await this.#drain(this.#queue.accepted);
    } finally {
      signal?.removeEventListener('abort', abort);
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
    await this.#own.keeper?.note(flightOf(batch, encoded, key, tail));
    if (this.#sending || this.#deferred?.isSent) return;
    this.#deferred?.arm(key, tail.position, encoded);
    this.#prepared = { batch, encoded };
  };

  /**
   * Returns how long the next segment may be. In a page that the user leaves, a segment that outlives the page is
   * better than a longer one.
   */
  get #most(): number {
    const room = this.#page?.isHidden ? this.#page.keepalive.room : 0;
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

  /** The prepared segment is sent unchanged if the browser has already sent it, or if the user leaves the page. */
  #take(): Next {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    const isSent = this.#deferred?.stop();
    const isLeft = this.#page?.isHidden === true;
    if (prepared && (isSent || isLeft)) return { ...prepared, batch: this.#queue.retake(prepared.batch) };
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

/**
 * Returns the settings that follow from the options.
 *
 * @throws TypeError or RangeError for options that cannot work.
 */
function settingsOf(
  options: LogAppenderOptions,
  { CompressionStream }: LogPlatform,
): { segmentSize: number; queue: QueueOptions } {
  checkObject('options', options);
  const { segmentSize = SEGMENT_SIZE, flushAfter = 0, queueSize = 1_048_576, whenFull = 'dropOldest' } = options;
  const { lossRecord = ({ records, bytes }) => ({ lost: records, bytes }) } = options;
  checkWholeNumber('segmentSize', segmentSize, 1);
  const uncut = `${UNCUT} bytes or less with shared and with persist`;
  checkRange(!(options.shared || options.persist) || segmentSize <= UNCUT, 'segmentSize', uncut, segmentSize);
  checkLeast('flushAfter', flushAfter);
  checkWholeNumber('queueSize', queueSize, segmentSize);
  checkType(
    /^(refuse|dropOldest|dropNewest)$/.test(whenFull),
    "whenFull must be 'refuse', 'dropOldest' or 'dropNewest'",
  );
  checkType(!options.gzip || CompressionStream, 'gzip needs CompressionStream, which is missing here');
  for (const name of ['lossRecord', 'rotate', 'onstored', 'onerror', 'ondropped'] as const)
    checkFunction(name, options[name]);
  // The engine cuts longer segments, and a cut may go through a record.
  const batchSize = Math.min(segmentSize, (options.maxRate ?? Number.POSITIVE_INFINITY) >> 2 || segmentSize);
  return { segmentSize: batchSize, queue: { limit: queueSize, batchSize, whenFull, lossRecord } };
}
