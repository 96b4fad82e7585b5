/** Defines what a source may be, how a source is read, and the segment: the bytes of one request. */

import { concat } from '../bytes.ts';
import { crc64 as ownCrc64 } from '../crc64.ts';
import { SourceError } from '../errors.ts';
import { redact } from '../redact.ts';

/** Bytes in any form that a chunk of a stream may have. */
export type AppendChunk = ArrayBuffer | ArrayBufferView | string | Blob;

/**
 * The values that can be appended. Streams and iterables are read once. Bytes that are longer than a segment must not
 * change before the append ends; the bytes of a chunk must not change before the next chunk is requested. `null` is the
 * body of a Request or Response without a body, so it is an empty source.
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
  /** The length in bytes. */
  readonly size: number;
  /** The CRC-64 of these bytes alone. */
  readonly crc: bigint;
  /** Both types can be sent again, and `fetch` adds no Content-Type for them. */
  readonly body: Blob | Uint8Array<ArrayBuffer>;
}

/** Reads a source, one segment at a time. */
export interface SegmentReader {
  /** The length of the source in bytes, if it is known. */
  readonly total: number | undefined;
  /** The media type of the source, or an empty string. */
  readonly type: string;
  /** True if a segment holds its bytes in memory, false if it is a slice of something that holds them. */
  readonly inMemory: boolean;
  /**
   * Returns the next segment, or `undefined` at the end. `cut` makes it possible to end a segment before it is full: it
   * is called once, at the first byte of the segment. When its promise resolves, the bytes so far become the segment.
   *
   * @throws SourceError if the source fails
   */
  next(size: number, cut?: () => Promise<unknown>): Promise<Segment | undefined>;
  /** Stops reading. After the end it does nothing. */
  cancel(reason: unknown): void;
}

/** A segment up to this size is sent as bytes, because a Blob would cost more than it saves. */
export const SMALL = 65_536;

/** Joins bytes that no other code can change. */
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
