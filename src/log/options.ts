/** The settings of a log, their defaults, and their checks. */

import type { AppendableObjectOptions } from '../append/object.ts';
import { checkFunction, checkLeast, checkObject, checkRange, checkType, checkWholeNumber } from '../check.ts';
import type { LogLoss } from './block.ts';
import type { LogJournal } from './journal.ts';
import { encodeRecord, type LogRecord } from './lines.ts';
import type { LogPlatform } from './platform.ts';
import type { QueueOptions } from './queue.ts';
import type { RotationState, StoredRecords } from './sender.ts';

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
export const UNCUT = 65_536;

/**
 * Returns the settings that follow from the options.
 *
 * @throws TypeError or RangeError for options that cannot work.
 */
export function settingsOf(
  options: LogAppenderOptions,
  { CompressionStream }: LogPlatform,
): { segmentSize: number; queue: QueueOptions } {
  checkObject('options', options);
  const { segmentSize = SEGMENT_SIZE, flushAfter = 0, queueSize = 1_048_576, whenFull = 'dropOldest' } = options;
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
  const lossRecord = (loss: LogLoss) => reportOf(loss, options.lossRecord);
  return { segmentSize: batchSize, queue: { limit: queueSize, batchSize, whenFull, lossRecord } };
}

/** Returns the record about a loss. If the caller's function fails, the log must go on, so it writes its own record. */
function reportOf(loss: LogLoss, lossRecord: LogAppenderOptions['lossRecord']): LogRecord {
  try {
    if (lossRecord) return encodeRecord(lossRecord(loss));
  } catch (error) {
    globalThis.reportError?.(error);
  }
  return { lost: loss.records, bytes: loss.bytes };
}
