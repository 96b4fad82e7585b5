/** The bytes of one request, what a source may be, and how a source is read. */

import { concat } from '../bytes.ts';
import { crc64 as ownCrc64 } from '../crc64.ts';
import { SourceError } from '../errors.ts';
import { redact } from '../redact.ts';

/** Bytes in any of the forms that a chunk of a stream may have. */
export type AppendChunk = ArrayBuffer | ArrayBufferView | string | Blob;

/**
 * What can be appended. Streams and iterables are read once; bytes longer than a segment must not change until the append is
 * done, and those of a chunk not before the next chunk is asked for. `null` is the body of a Request or Response that has
 * none: an empty source.
 */
export type AppendSource =
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | string
  | Response
  | Request
  | null
  | ReadableStream<AppendChunk>
  | Iterable<AppendChunk>
  | AsyncIterable<AppendChunk>;

/** The bytes of one AppendObject request. */
export interface Segment {
  /** Bytes. */
  readonly size: number;
  /** CRC-64 of these bytes alone. */
  readonly crc: bigint;
  /** Neither kind makes `fetch` add a Content-Type, and both can be sent again. */
  readonly body: Blob | Uint8Array<ArrayBuffer>;
}

/** Reads a source, a segment at a time. */
export interface SegmentReader {
  /** Length of the source, bytes, where it is known. */
  readonly total: number | undefined;
  /** Media type of the source, or an empty string. */
  readonly type: string;
  /** Whether a segment holds its bytes in memory, or is a slice of something that has them. */
  readonly inMemory: boolean;
  /**
   * The next segment, `undefined` at the end. With `cut`, a segment that has bytes but is not full is handed out when
   * the promise that it returns resolves; it is called once, at the segment's first byte.
   *
   * @throws SourceError when the source fails.
   */
  next(size: number, cut?: () => Promise<unknown>): Promise<Segment | undefined>;
  /** Stops reading. Harmless after the end. */
  cancel(reason: unknown): void;
}

/** A segment up to this size is sent as bytes: a Blob costs more than it saves. */
export const SMALL = 65_536;

/** Bytes that are ours alone, one behind the other. */
export function joinBytes(parts: readonly Uint8Array<ArrayBuffer>[]): Segment {
  let size = 0;
  let crc = 0n;
  for (const part of parts) {
    size += part.byteLength;
    crc = ownCrc64(part, crc);
  }
  return { size, crc, body: size > SMALL ? new Blob([...parts]) : concat(parts, size) };
}

export function failSource(error: unknown): never {
  throw error instanceof SourceError ? error : sourceError('it failed', error);
}

export function sourceError(problem: string, cause?: unknown): SourceError {
  const why = cause instanceof Error ? ` (${redact(cause.message)})` : '';
  return new SourceError(`Cannot read the source: ${problem}${why}`, { code: 'SourceError', cause });
}
