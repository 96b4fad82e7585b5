/** One call of append or resume, and how its caller is told how far it is. */

import type { CallOptions } from '../request/operations.ts';
import type { ObjectTail, Tail } from '../tail.ts';
import type { Flight } from './flight.ts';

/** How far an append is. */
export interface AppendProgress {
  /** Bytes of the source confirmed stored. */
  readonly loaded: number;
  /** Bytes of the source, where known. */
  readonly total: number | undefined;
  /** Bytes handed to the network, confirmed ones included. Runs ahead of `loaded` only where the transport can tell. */
  readonly sent: number;
}

/** Settings of one append. */
export interface AppendOptions extends CallOptions {
  readonly onprogress?: ((progress: AppendProgress) => void) | undefined;
}

/** Whom to tell how far it is. */
export interface Listener extends AppendOptions {
  readonly total: number | undefined;
  loaded: number;
  /** By `onprogress` while a request was on the wire. */
  thrown?: { readonly error: unknown };
}

/** What runs as one: a call of append or resume, or a group of calls. */
export interface Call extends Listener {
  /** Media type of the source, for the append that creates the object. */
  readonly type: string;
  /** As of its reader. */
  readonly inMemory: boolean;
  /** The segment that is in flight, or was when the call failed. */
  flight?: Flight | undefined;
  /** Resuming: the source is what earlier calls sent, so that a late segment of theirs is part of it, not before it. */
  readonly resumes: boolean;
  /** How long the next part of a segment is that must be sent in parts of at most `size` bytes. */
  cut?(size: number): number;
  /** So many more bytes are stored, behind `from`. */
  confirm?(from: Tail, size: number, end: ObjectTail): void;
}

export function report({ onprogress, loaded, total }: Listener, handed = 0): void {
  onprogress?.({ loaded, total, sent: loaded + handed });
}

/** What the caller's function throws here must not read as a failure of the network: it ends the call after the segment. */
export function reportHanded(listener: Listener, handed: number): void {
  try {
    report(listener, handed);
  } catch (error) {
    listener.thrown ??= { error };
  }
}
