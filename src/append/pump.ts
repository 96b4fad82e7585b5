/** Reads a source, and stores it segment by segment. The next segment is read while the current one is in flight. */

import { SourceError } from '../errors.ts';
import type { Segment, SegmentReader } from '../source/segment.ts';
import { checkRoom } from '../tail.ts';
import { abortable } from '../waiting/abort.ts';
import { sleep } from '../waiting/sleep.ts';
import type { Call } from './call.ts';
import { commit, EMPTY } from './commit.ts';
import type { Engine } from './engine.ts';
import { ensureOpen } from './open.ts';

/** Appends all segments of a source. An empty source creates an absent object. */
export async function pump(engine: Engine, reader: SegmentReader, call: Call): Promise<void> {
  const { key, ledger } = engine;
  let sending: Promise<unknown> = ensureOpen(engine, call.signal).then(({ position }) => {
    if (call.total !== undefined) checkRoom(key, position, call.total - call.loaded);
  });
  for (let isFirst = true; ; isFirst = false) {
    const reading = read(engine, reader, sending, call.signal);
    await sending;
    const segment = (await reading) ?? (isFirst && ledger.end.position === 0 ? EMPTY : undefined);
    if (!segment) return checkComplete(call);
    sending = commit(engine, segment, call);
  }
}

/**
 * Reads the next segment. A segment of a slow stream is cut short when its first byte has waited for `flushAfter` and
 * nothing is in flight.
 */
function read(
  { client, pace, flushAfter }: Engine,
  reader: SegmentReader,
  sending: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<Segment | undefined> {
  const size = pace.size(reader.inMemory);
  // The bytes of a source of known length are already there, so its segments are never cut early.
  if (reader.total !== undefined || flushAfter === Number.POSITIVE_INFINITY)
    return handled(abortable(reader.next(size), signal));
  const done = new AbortController();
  const cut = () => Promise.all([sleep(client.retry.clock, flushAfter, done.signal), sending]);
  // The abort has a reason, because otherwise the platform would make an exception for each segment.
  return handled(abortable(reader.next(size, cut), signal).finally(() => done.abort('cut')));
}

/** Marks the promise as handled, because it may reject before anybody awaits it. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/**
 * Checks that the source gave all its bytes. A buffer that was transferred in the meantime gives fewer bytes, but no
 * error.
 */
function checkComplete({ total, loaded }: Call): void {
  if (total === undefined || loaded === total) return;
  throw new SourceError(`Cannot read the source: it gave ${loaded} of ${total} bytes`, { code: 'SourceError' });
}
