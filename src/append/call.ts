/** A call of append or resume: what the engine knows of it, and the reports to its caller about its progress. */

import type { CallOptions } from '../request/operations.ts';
import type { ObjectTail, Tail } from '../tail.ts';
import type { Flight } from './flight.ts';

/** The progress of one append. */
export interface AppendProgress {
  /** Bytes of the source that are confirmed as stored. */
  readonly loaded: number;
  /** Length of the source, bytes. It is undefined for a stream. */
  readonly total: number | undefined;
  /**
   * Bytes that were handed to the network, including confirmed bytes. It is more than `loaded` only if the transport
   * reports upload progress (see `xhrFetch`).
   */
  readonly sent: number;
}

/** Settings of one append. */
export interface AppendOptions extends CallOptions {
  readonly onprogress?: ((progress: AppendProgress) => void) | undefined;
}

/** A caller that wants progress reports. */
export interface Listener extends AppendOptions {
  readonly total: number | undefined;
  loaded: number;
  /** The error that `onprogress` threw while a request was in flight. */
  thrown?: { readonly error: unknown };
}

/** A unit of work in the queue: a call of append or resume, or a group of calls. */
export interface Call extends Listener {
  /** Media type of the source. The append that creates the object sends it. */
  readonly type: string;
  /** True if the segments of the source are held in memory, as for a stream. */
  readonly inMemory: boolean;
  /** The segment that is in flight, or that was in flight when the call failed. */
  flight?: Flight | undefined;
  /**
   * True for a call of `resume`. Its source is the same as that of earlier calls. So if a segment of an earlier call is
   * stored late, it is a part of this source.
   */
  readonly resumes: boolean;
  /** Returns the length of the next part, bytes, when a segment must be sent in parts of at most `size` bytes. */
  partLength?(size: number): number;
  /** Is called when `size` more bytes are stored after `from`. */
  confirm?(from: Tail, size: number, end: ObjectTail): void;
}

export function report({ onprogress, loaded, total }: Listener, handed = 0): void {
  onprogress?.({ loaded, total, sent: loaded + handed });
}

/**
 * Reports bytes that were handed to the network. An error of the caller's function must not look like a failure of the
 * network. So the error is kept, and the call rejects with it after the segment.
 */
export function reportHanded(listener: Listener, handed: number): void {
  try {
    report(listener, handed);
  } catch (error) {
    listener.thrown ??= { error };
  }
}

/** Returns how many of the first `bytes` bytes are among the `size` bytes from `start` on. */
export function within(bytes: number, start: number, size: number): number {
  return Math.min(Math.max(bytes - start, 0), size);
}
