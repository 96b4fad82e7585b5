/**
 * A log without end: records are written at once, gathered into segments, and appended one segment after the other, each exactly
 * once. It hides when a segment is sent, what happens after a failure, and whom to tell.
 */

import { AppendableObject, type AppendableObjectOptions } from '../append/object.ts';
import { checkFunction, checkObject, checkRange, checkSignal, checkType, checkWholeNumber } from '../check.ts';
import { ChecksumError } from '../errors.ts';
import { OssClient, type OssClientOptions } from '../request/client.ts';
import type { CallOptions } from '../request/operations.ts';
import type { ObjectTail } from '../tail.ts';
import { abortable } from '../waiting/abort.ts';
import { type Clock, platformClock } from '../waiting/clock.ts';
import { RetryPolicy } from '../waiting/retry.ts';
import type { LogLoss } from './block.ts';
import { Delivery } from './delivery.ts';
import { LateAppend } from './late-append.ts';
import type { LogRecord } from './lines.ts';
import { Page } from './page.ts';
import type { LogPlatform } from './platform.ts';
import { type QueueOptions, RecordQueue } from './queue.ts';

/** Records that are stored. */
export interface StoredRecords {
  /** The key of the object that holds them. */
  readonly key: string;
  /** The end of the object behind them, bytes. */
  readonly position: number;
  /** How many records these are. */
  readonly count: number;
}

/** Settings of a log. */
export interface LogAppenderOptions
  extends Pick<AppendableObjectOptions, 'contentType' | 'headers' | 'shared' | 'tail' | 'crc64'> {
  /** Records are sent when so many bytes of them wait. Default 49,152; at most 65,536 with `shared`, so that no segment is ever cut. */
  readonly segmentSize?: number | undefined;
  /** How long a record may wait for others before it is sent, ms. Default 1,000. */
  readonly flushAfter?: number | undefined;
  /** Bytes that the log holds in memory at most, those in flight included. Default 1,048,576. */
  readonly queueSize?: number | undefined;
  /**
   * What happens to a record that does not fit into the queue. `dropOldest` (the default) and `dropNewest` drop records and write
   * a record of the loss in their place. `refuse` makes `write` return false, and the caller keeps the record.
   */
  readonly whenFull?: 'refuse' | 'dropOldest' | 'dropNewest' | undefined;
  /** Returns the record that stands in place of dropped ones. Default: `{ "lost": records, "bytes": bytes }`. */
  readonly lossRecord?: ((loss: LogLoss) => LogRecord) | undefined;
  /** What the log uses of its page or worker. Default: `globalThis`. */
  readonly platform?: LogPlatform | undefined;
  /** Called when a segment is stored. */
  readonly onstored?: ((stored: StoredRecords) => void) | undefined;
  /** Called when an attempt failed, with its error. The log goes on and tries again. */
  readonly onerror?: ((error: unknown) => void) | undefined;
  /** Called when records were dropped, with those since the last call. It waits for the next request, so it may write records. */
  readonly ondropped?: ((loss: LogLoss) => void) | undefined;
}

const SEGMENT_SIZE = 49_152;
/** The engine cuts no segment up to this size, because a request as short as this does not fail for its length. */
const UNCUT = 65_536;
/** Records that were written together are handed to the browser together, so many ms after the first. */
const ARM_AFTER = 100;
/** Between attempts, when the engine has used up its own: up to a minute, for as long as it takes. */
const RETRY = { maxAttempts: Number.POSITIVE_INFINITY, baseDelay: 1000, maxDelay: 60_000 };

/**
 * Writes records to the end of an object, without ever making the caller wait: in a page, a worker, or at the edge.
 *
 * `write` only puts a record into a queue. Segments of whole records go out one after the other. What fails is tried again, with
 * growing waits, until it is stored or the log is closed. Each record is stored exactly once, and in order. Several logs on one
 * object need `shared`, and records that tell their writer apart (a name and a number in each).
 *
 * The object that somebody deletes is created again. Segments that OSS stored damaged count as dropped.
 *
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
  /** Keeps Vue from making a proxy of it, which could not reach its private members. */
  get [Symbol.toStringTag](): string {
    return 'LogAppender';
  }

  readonly key: string;
  readonly #options: LogAppenderOptions;
  readonly #segmentSize: number;
  readonly #clock: Clock;
  readonly #object: AppendableObject;
  readonly #queue: RecordQueue;
  readonly #page: Page | undefined;
  readonly #late: LateAppend | undefined;
  /** The segment that is on its way. There is never more than one. */
  #sending: Promise<void> | undefined;
  #timer: unknown;
  #armTimer: unknown;
  /** The one end of the log, and whether an attempt that begins now is the last one. */
  #closing: Promise<void> | undefined;
  #isClosing = false;
  /** Ends the request in flight when a close is aborted. It is made late, because a Worker makes none at module scope. */
  #ender: AbortController | undefined;
  /** Ends the wait before the next attempt. */
  #waker: AbortController | undefined;

  /**
   * @param client where the bucket is and what signs, as for {@link OssClient}
   * @param key the object, which is created when it does not exist
   * @throws TypeError or RangeError for impossible options.
   */
  constructor(client: OssClientOptions, key: string, options: LogAppenderOptions = {}) {
    const { segmentSize, queue } = checkOptions(options);
    const { contentType, headers, shared, tail, crc64 } = options;
    const platform: LogPlatform = options.platform ?? globalThis;
    this.key = key;
    this.#options = options;
    this.#segmentSize = segmentSize;
    this.#clock = client.clock ?? platformClock();
    const engine = { contentType, headers, shared, tail, crc64, segmentSize: 16 * Math.max(segmentSize, UNCUT) };
    this.#queue = new RecordQueue(queue);
    this.#page = platform.document && new Page(platform, this.#sendAll);
    this.#late = platform.fetchLater && new LateAppend(client, key, options, platform);
    this.#object = new AppendableObject(new OssClient(this.#page?.client(client) ?? client), key, engine);
  }

  /** The last confirmed end of the object; `undefined` before it is known. */
  get tail(): ObjectTail | undefined {
    return this.#object.tail;
  }

  /** Records that were dropped since the log was made. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /**
   * Puts a record into the queue and returns at once. False where the queue is full and `whenFull` is `refuse`, and after `close`.
   *
   * @throws TypeError for what JSON cannot write.
   */
  write(record: LogRecord): boolean {
    if (this.#isClosing || !this.#queue.write(record)) return false;
    if (!this.#timer) this.#begin();
    if (this.#late && !this.#sending) this.#armTimer ??= this.#clock.setTimeout(this.#arm, ARM_AFTER);
    if (!this.#sending && this.#isFull) this.#sendFull().catch(() => {});
    return true;
  }

  /**
   * Sends what waits, and resolves when every record that was written before is stored (or was dropped). In a Worker:
   * `ctx.waitUntil(log.flush())`.
   *
   * @throws The error of the last attempt, when the log is closed while nothing can be stored; the signal's reason.
   */
  async flush({ signal }: CallOptions = {}): Promise<void> {
    checkSignal(signal);
    return abortable(this.#closing ?? this.#drain(this.#queue.accepted), signal);
  }

  /**
   * Flushes, and ends the log. An attempt that fails from now on is the last one: then the rest is given up. The signal ends the
   * request in flight, too.
   *
   * @throws The error of the last attempt; the signal's reason.
   */
  async close({ signal }: CallOptions = {}): Promise<void> {
    checkSignal(signal);
    this.#closing ??= this.#end(signal);
    return abortable(this.#closing, signal);
  }

  async #end(signal: AbortSignal | undefined): Promise<void> {
    this.#isClosing = true;
    this.#ender ??= new AbortController();
    const abort = () => this.#ender?.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    this.#waker?.abort('closing');
    try {
      await this.#drain(this.#queue.accepted);
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#stopTimer();
      this.#late?.stop();
      this.#page?.stop();
    }
  }

  #stopTimer(): void {
    for (const timer of [this.#timer, this.#armTimer]) this.#clock.clearTimeout(timer);
    this.#timer = this.#armTimer = undefined;
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
   * Sends until all records before this number are settled. Each caller sends for itself and awaits the segment of another one, so
   * that a Worker's request goes on where the request that began it has ended.
   */
  async #drain(until: number): Promise<void> {
    const isDone = () => this.#queue.settled >= until && (until < this.#queue.accepted || this.#queue.isEmpty);
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

  /** The first record since the queue was empty. A hidden page may end at any time, so there nothing waits. */
  #begin(): void {
    this.#timer = this.#clock.setTimeout(this.#sendAll, this.#page?.isHidden ? 0 : (this.#options.flushAfter ?? 1000));
    // When the page is left, there is no time to ask where the object ends.
    if (this.#page && !this.tail) this.#object.open().catch(() => {});
  }

  readonly #arm = (): void => {
    this.#armTimer = undefined;
    const batch = this.#queue.peek(this.#segmentSize);
    if (batch && this.tail && !this.#sending) this.#late?.arm(this.tail.position, batch);
  };

  /** What the next segment may be long. In a page that is left, one that outlives the page is better than a longer one. */
  get #most(): number {
    const room = this.#page?.isHidden ? this.#page.keepalive.room : 0;
    return room > 0 ? Math.min(room, this.#segmentSize) : this.#segmentSize;
  }

  async #sendNext(): Promise<void> {
    const sent = this.#late?.stop();
    const batch = sent ? this.#queue.retake(sent) : this.#queue.take(this.#most);
    if (!batch) return;
    const { count, bytes } = batch;
    this.#page?.keepalive.reserve(bytes.byteLength);
    this.#reportLoss();
    if (await this.#store(new Delivery(this.#object, bytes))) {
      this.#queue.release();
      const { position = 0 } = this.#object.tail ?? {};
      tell(this.#options.onstored, { key: this.key, position, count });
    } else this.#queue.lose();
  }

  /** Stores a segment, however long that takes. Returns false where OSS stored it damaged: to send it again would double it. */
  async #store(delivery: Delivery): Promise<boolean> {
    this.#ender ??= new AbortController();
    const { signal } = this.#ender;
    for (let failures = 1; ; failures++) {
      const isLast = this.#isClosing;
      try {
        await delivery.attempt(signal);
        return true;
      } catch (error) {
        tell(this.#options.onerror, error);
        this.#reportLoss();
        if (error instanceof ChecksumError) return false;
        if (isLast || signal.aborted) throw error;
        await this.#pause(failures, error);
      }
    }
  }

  /** Waits before the next attempt. A close does not wait. */
  async #pause(failures: number, error: unknown): Promise<void> {
    if (this.#isClosing) return;
    this.#waker = new AbortController();
    await new RetryPolicy(this.#clock, RETRY).again(failures, { error, signal: this.#waker.signal }).catch(() => {});
  }

  #reportLoss(): void {
    const loss = this.#queue.newLoss();
    if (loss) tell(this.#options.ondropped, loss);
  }
}

/** A listener that throws must not end the log. The platform reports what it threw. */
function tell<T>(listener: ((value: T) => void) | undefined, value: T): void {
  try {
    listener?.(value);
  } catch (error) {
    globalThis.reportError?.(error);
  }
}

function checkOptions(options: LogAppenderOptions): { segmentSize: number; queue: QueueOptions } {
  checkObject('options', options);
  const { segmentSize = SEGMENT_SIZE, flushAfter = 0, queueSize = 1_048_576, whenFull = 'dropOldest' } = options;
  const { lossRecord = ({ records, bytes }) => ({ lost: records, bytes }) } = options;
  checkWholeNumber('segmentSize', segmentSize, 1);
  checkRange(!options.shared || segmentSize <= UNCUT, 'segmentSize', `${UNCUT} bytes or less with shared`, segmentSize);
  checkRange(flushAfter >= 0, 'flushAfter', '0 ms or more', flushAfter);
  checkWholeNumber('queueSize', queueSize, segmentSize);
  checkType(
    /^(refuse|dropOldest|dropNewest)$/.test(whenFull),
    "whenFull must be 'refuse', 'dropOldest' or 'dropNewest'",
  );
  for (const name of ['lossRecord', 'onstored', 'onerror', 'ondropped'] as const) checkFunction(name, options[name]);
  return { segmentSize, queue: { limit: queueSize, batchSize: segmentSize, whenFull, lossRecord } };
}
