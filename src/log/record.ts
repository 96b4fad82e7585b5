/**
 * Stores what a MediaRecorder records in an object, while it records. A single chunk of a recorder does not play: only
 * all chunks together do. So every byte must be stored once, and in order.
 */

import type { AppendableObject } from '../append/object.ts';
import { checkFunction, checkObject, checkRange, checkSignal, checkType, checkWholeNumber } from '../check.ts';
import { OssError, SourceError } from '../errors.ts';
import { kindOf } from '../failure-kind.ts';
import type { CallOptions } from '../request/operations.ts';
import type { ObjectTail } from '../tail.ts';
import { type Clock, platformClock } from '../waiting/clock.ts';
import { RetryPolicy } from '../waiting/retry.ts';
import { Delivery } from './delivery.ts';
import { tell } from './listener.ts';
import { MediaQueue } from './media-queue.ts';
import { hasNoCredentials } from './outage.ts';
import { WebmSplitter } from './webm.ts';

/** How far the object is behind the recorder. */
export interface RecordingLag {
  /** Age of the oldest media that is not stored yet, s. It is 0 if everything is stored. */
  readonly seconds: number;
  /** Bytes that are not stored yet. */
  readonly bytes: number;
  /** Bytes that were dropped so far. */
  readonly dropped: number;
}

/** Settings of {@link recordTo}. */
export interface RecordOptions extends CallOptions {
  /** How often the recorder gives a chunk, ms. Browsers may choose another time. Default 1,000. */
  readonly timeslice?: number | undefined;
  /**
   * Bytes that may wait in memory while the network is slower than the recorder. Default 32 MiB: nearly two minutes at
   * 2.5 Mbit/s.
   */
  readonly queueSize?: number | undefined;
  /**
   * What happens when the queue is full. `wait` (the default) pauses the recorder until half of the queue is stored:
   * the time of the pause is missing, without a gap in the file. `stop` ends the recording, and stores what was
   * recorded. `drop` leaves out the oldest waiting clusters, so that the object catches up: their time is a gap in the
   * file. It needs WebM.
   */
  readonly whenFull?: 'wait' | 'drop' | 'stop' | undefined;
  /** Called for each chunk of the recorder, and each time that something is stored. */
  readonly onbehind?: ((lag: RecordingLag) => void) | undefined;
  /** Called after each failure that does not end the recording. */
  readonly onerror?: ((error: unknown) => void) | undefined;
  /** Default: the platform's. */
  readonly clock?: Clock | undefined;
}

/** How a recording ended. */
export interface Recording {
  /** The object's end. */
  readonly tail: ObjectTail;
  /** Bytes that were left out because the queue was full and `whenFull` is `drop`. */
  readonly dropped: number;
  /** True if the recorder was stopped because the queue was full and `whenFull` is `stop`. */
  readonly full: boolean;
}

/** The methods that are needed: a `MediaRecorder`, or another object that has them. */
export interface Recorder {
  readonly state: 'inactive' | 'paused' | 'recording';
  readonly mimeType: string;
  start(timeslice?: number): void;
  stop(): void;
  pause(): void;
  resume(): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  removeEventListener(type: string, listener: (event: Event) => void): void;
}

/**
 * Starts a recorder and appends what it records to an object, which must be empty or absent.
 *
 * The promise resolves when the recorder has stopped and everything is stored. The recorder stops when the caller calls
 * `stop()` or when the tracks end. The beginning can be played before that. While the network is away, the recording
 * goes on in memory, and storing is tried again until it succeeds. Give the object `contentType: recorder.mimeType`.
 *
 * @throws TypeError or RangeError for impossible arguments, before anything is recorded. For other failures the
 * recorder is stopped, and the call rejects with the signal's reason; with OssError (`ObjectNotEmpty`); with
 * SourceError if the recorder fails (earlier media is stored); or with a refusal that no repeat can change.
 * @example
 * ```ts
 * import { AppendableObject, type OssClient } from 'oss-append';
 * import { recordTo } from 'oss-append/log';
 *
 * async function record(client: OssClient, stream: MediaStream, button: HTMLButtonElement) {
 *   const recorder = new MediaRecorder(stream, { mimeType: 'video/webm' });
 *   const object = new AppendableObject(client, 'inbox/u1/call.webm', { contentType: recorder.mimeType });
 *   button.onclick = () => recorder.stop();
 *   const { tail } = await recordTo(object, recorder, { onbehind: ({ seconds }) => console.log(`${seconds} s behind`) });
 *   return tail.position;
 * }
 * ```
 */
export async function recordTo(
  object: AppendableObject,
  recorder: Recorder,
  options: RecordOptions = {},
): Promise<Recording> {
  checkArguments(object, recorder, options);
  return new Session(object, recorder, options).run();
}

/** Storing is tried again without a limit, with these waits. */
const RETRY = { maxAttempts: Number.POSITIVE_INFINITY, baseDelay: 500, maxDelay: 15_000 };

/** Bytes of one append. This limits the bytes that are copied, and the cost of a failure. */
const BATCH = 4 * 1024 * 1024;

const QUEUE_SIZE = 32 * 1024 * 1024;

class Session {
  readonly #object: AppendableObject;
  readonly #recorder: Recorder;
  readonly #options: RecordOptions;
  readonly #clock: Clock;
  readonly #retry: RetryPolicy;
  readonly #queueSize: number;
  readonly #queue = new MediaQueue();
  readonly #splitter: WebmSplitter | undefined;
  /** Ends storing with the reason of the caller's signal. */
  readonly #stopper = new AbortController();
  /** The chunks are read one after the other, because the bytes of a Blob come later. */
  #reading: Promise<void> = Promise.resolve();
  /** When the last chunk ended, ms. */
  #recordedUntil: number;
  #paused = false;
  #full = false;
  #ended = false;
  /** A chunk was lost, so the chunks after it do not play. */
  #broken = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(object: AppendableObject, recorder: Recorder, options: RecordOptions) {
    const { clock = platformClock(), queueSize = QUEUE_SIZE, whenFull } = options;
    this.#object = object;
    this.#recorder = recorder;
    this.#options = options;
    this.#clock = clock;
    this.#retry = new RetryPolicy(clock, RETRY);
    this.#queueSize = queueSize;
    this.#splitter = whenFull === 'drop' ? new WebmSplitter() : undefined;
    this.#recordedUntil = clock.now();
  }

  async run(): Promise<Recording> {
    const { signal, timeslice = 1000 } = this.#options;
    const abort = () => {
      this.#stopper.abort(signal?.reason);
      this.#wake();
    };
    if (signal?.aborted) throw signal.reason;
    signal?.addEventListener('abort', abort);
    this.#listen('addEventListener');
    try {
      this.#recorder.start(timeslice);
      return await this.#store();
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#listen('removeEventListener');
      this.#stopRecorder();
    }
  }

  #listen(method: 'addEventListener' | 'removeEventListener'): void {
    this.#recorder[method]('dataavailable', this.#ondata);
    this.#recorder[method]('resume', this.#onresume);
    this.#recorder[method]('error', this.#onerror);
    this.#recorder[method]('stop', this.#onstop);
  }

  /** Stores the chunks of the recorder, until it has stopped and nothing waits. */
  async #store(): Promise<Recording> {
    let tail = await this.#insist(() => this.#openEmpty());
    while (await this.#waitForMedia()) {
      const delivery = new Delivery(this.#object, this.#queue.take(Math.min(BATCH, this.#queueSize)));
      await this.#insist(() => delivery.attempt(this.#stopper.signal));
      this.#queue.release();
      tail = this.#object.tail ?? tail;
      if (this.#paused && this.#queue.bytes <= this.#queueSize / 2) this.#resume();
      this.#tellLag();
    }
    if (this.#failure) throw this.#failure.error;
    return { tail, dropped: this.#queue.dropped, full: this.#full };
  }

  async #openEmpty(): Promise<ObjectTail> {
    const tail = await this.#object.open({ signal: this.#stopper.signal });
    if (tail.position === 0) return tail;
    const what = `the object has ${tail.position} bytes already, and a recording plays only from its own beginning`;
    throw new OssError(`Cannot record to "${this.#object.key}": ${what}`, { code: 'ObjectNotEmpty' });
  }

  /** Returns false when the recorder has stopped and nothing waits. */
  async #waitForMedia(): Promise<boolean> {
    const { signal } = this.#stopper;
    for (;;) {
      if (signal.aborted) throw signal.reason;
      if (!this.#queue.isEmpty) return true;
      if (this.#ended) return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /**
   * Repeats an action until it succeeds, until it fails for a reason that no repeat can change, or until the caller
   * aborts.
   */
  async #insist<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this.#stopper;
    for (let failures = 1; ; failures++) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted || !mayPass(error)) throw error;
        tell(this.#options.onerror, error);
        await this.#retry.again(failures, { error, signal });
      }
    }
  }

  readonly #ondata = (event: Event): void => {
    const { data } = event as BlobEvent;
    const since = this.#recordedUntil;
    this.#recordedUntil = this.#clock.now();
    this.#reading = this.#reading
      .then(async () => this.#add(new Uint8Array(await data.arrayBuffer()), since))
      .catch((error: unknown) => {
        this.#broken = true;
        this.#fail(error);
      });
  };

  #add(bytes: Uint8Array<ArrayBuffer>, since: number): void {
    if (this.#broken) return;
    const elements = this.#splitter?.split(bytes) ?? [{ bytes, cluster: 0 }];
    for (const element of elements) this.#queue.add(element, since);
    if (this.#queue.bytes > this.#queueSize) this.#shrink();
    this.#tellLag();
    this.#wake();
  }

  #shrink(): void {
    const { whenFull = 'wait' } = this.#options;
    if (whenFull === 'drop') while (this.#queue.bytes > this.#queueSize && this.#queue.dropCluster());
    if (whenFull === 'wait' && this.#recorder.state === 'recording') {
      this.#recorder.pause();
      this.#paused = true;
    }
    if (whenFull !== 'stop') return;
    this.#full ||= this.#recorder.state !== 'inactive';
    this.#stopRecorder();
  }

  #resume(): void {
    this.#paused = false;
    if (this.#recorder.state === 'paused') this.#recorder.resume();
  }

  /** A pause, also one of the caller, is not part of the recording, so it does not count as time behind. */
  readonly #onresume = (): void => {
    this.#recordedUntil = this.#clock.now();
  };

  readonly #onerror = (event: Event): void => {
    const { error } = event as Event & { readonly error?: unknown };
    this.#fail(new SourceError('Cannot read the recorder: it failed', { code: 'SourceError', cause: error }));
  };

  /** The media that was recorded before the failure is still stored. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stopRecorder();
  }

  readonly #onstop = (): void => {
    this.#reading.then(() => {
      const rest = this.#splitter?.end();
      if (rest) this.#queue.add(rest, this.#recordedUntil);
      this.#ended = true;
      this.#wake();
    });
  };

  #stopRecorder(): void {
    if (this.#recorder.state !== 'inactive') this.#recorder.stop();
  }

  #tellLag(): void {
    const now = this.#clock.now();
    const { since = now, bytes, dropped } = this.#queue;
    // The clock may have been set back.
    const seconds = Math.max(now - since, 0) / 1000;
    tell(this.#options.onbehind, { seconds, bytes, dropped });
  }
}

/**
 * Returns whether storing may succeed later. A refusal does not change, and a conflict or damage shows that somebody
 * else uses the object.
 */
function mayPass(error: unknown): boolean {
  return hasNoCredentials(error) || /^(ambiguous|throttled)$/.test(kindOf(error));
}

function checkArguments(object: AppendableObject, recorder: Recorder, options: RecordOptions): void {
  checkType(typeof object?.settle === 'function', 'recordTo needs an AppendableObject');
  checkType(typeof recorder?.start === 'function', 'recordTo needs a MediaRecorder');
  checkType(recorder.state === 'inactive', 'recordTo starts the recorder itself: its state must be inactive');
  checkObject('options', options);
  const { signal, timeslice = 1000, queueSize = QUEUE_SIZE, whenFull = 'wait', onbehind, onerror } = options;
  checkSignal(signal);
  checkRange(timeslice > 0, 'timeslice', 'above 0 ms', timeslice);
  checkWholeNumber('queueSize', queueSize, 1);
  checkType(/^(wait|drop|stop)$/.test(whenFull), "whenFull must be 'wait', 'drop' or 'stop'");
  checkFunction('onbehind', onbehind);
  checkFunction('onerror', onerror);
  const canDrop = whenFull !== 'drop' || /^(audio|video)\/webm\b/.test(recorder.mimeType);
  checkType(canDrop, "whenFull: 'drop' needs a recorder that was made with a mimeType of video/webm or audio/webm");
}
