/**
 * Uploads a Blob, and goes on if the object already holds its beginning. Before anything is appended, the bytes in the
 * object are proven equal.
 */

import { crc64Combine } from '../crc64.ts';
import { AppendConflictError } from '../errors.ts';
import { extendPrefix, type Prefix } from '../source/blob.ts';
import { readSegments } from '../source/segments.ts';
import { differ, type Tail } from '../tail.ts';
import { abortable } from '../waiting/abort.ts';
import { type Call, report } from './call.ts';
import { differentPrefix, notAppendable, notThisBlob } from './conflicts.ts';
import type { Engine } from './engine.ts';
import { findLate } from './pending.ts';
import { pump } from './pump.ts';
import type { Found } from './verdict.ts';

/** A Blob, and the end of the object before the first byte of the Blob. */
export interface Resumed {
  readonly blob: Blob;
  readonly start: Tail;
}

const NOTHING: Prefix = { size: 0, crc: 0n };

/**
 * Proves how much of the Blob the object holds, and appends the rest. A late request of ours, or another tab, may move
 * the end of the object in the meantime. Then the longer beginning is proven, and the rest goes after it.
 */
export async function resumeBlob(engine: Engine, resumed: Resumed, call: Call): Promise<void> {
  const { ledger, client } = engine;
  const { signal } = call;
  for (let prefix = NOTHING, rounds = 0; ; ) {
    const before = call.loaded;
    prefix = await findPrefix(engine, resumed, prefix, call);
    if (prefix.size > before) rounds = 0;
    try {
      await appendRest(engine, resumed.blob, prefix, call);
      return;
    } catch (error) {
      const hasGrown = error instanceof AppendConflictError && (error.found ?? 0) > error.position;
      // The first repeat needs no wait, because the usual cause is a late request of ours.
      const goesOn = hasGrown && (rounds++ === 0 || (await client.retry.again(rounds, { error, signal })));
      if (!goesOn) throw error;
      ledger.setAside(call.flight);
    }
  }
}

/** Reads the object, proves that it begins with the Blob, and takes the proven part as the end of the object. */
async function findPrefix(engine: Engine, resumed: Resumed, known: Prefix, call: Call): Promise<Prefix> {
  const { ledger, evidence } = engine;
  const { start } = resumed;
  const found = await evidence.look(call.signal, { near: start.position + known.size });
  await findLate(engine, found, { signal: call.signal });
  const prefix = await prove(engine, resumed, found, known, call.signal);
  const crc = start.crc === undefined ? undefined : crc64Combine(start.crc, prefix.crc, prefix.size);
  ledger.accept({ position: start.position + prefix.size, crc: found.crc ?? crc });
  call.loaded = prefix.size;
  // A segment that was given up before is part of the prefix, or the reading has proven that it is absent.
  call.flight = undefined;
  report(call);
  return prefix;
}

async function appendRest(engine: Engine, blob: Blob, { size }: Prefix, call: Call): Promise<void> {
  const reader = readSegments(blob, engine.crc64, size);
  try {
    await pump(engine, reader, call);
    const { position: length, crc } = engine.ledger.end;
    await findLate(engine, { length, crc, appendable: true }, { signal: call.signal });
  } catch (error) {
    reader.cancel(error);
    throw error;
  }
}

/** Proves how much of the Blob the object holds. `known` is the part that an earlier round has proven. */
async function prove(
  { key, evidence, crc64 }: Engine,
  { blob, start }: Resumed,
  found: Found,
  known: Prefix,
  signal: AbortSignal | undefined,
): Promise<Prefix> {
  if (!found.appendable) throw notAppendable(key, found);
  const size = (found.length ?? 0) - start.position;
  const place = { position: start.position, size };
  if (size < 0 || size > blob.size) throw notThisBlob(key, { ...place, size: blob.size }, found);
  const from = known.size <= size ? known : NOTHING;
  const prefix = await abortable(extendPrefix(blob, from, size, { signal, crc64 }), signal);
  if (size === 0 && !differ(found.crc, start.crc)) return prefix;
  if (start.crc !== undefined && found.crc !== undefined) {
    const expected = crc64Combine(start.crc, prefix.crc, size);
    if (expected !== found.crc) throw differentPrefix(key, place, expected, found.crc);
    return prefix;
  }
  // A CRC is missing, so the bytes are read back.
  const actual = (await evidence.crcsOf(place, [size], found, signal)).get(size) ?? 0n;
  if (prefix.crc !== actual) throw differentPrefix(key, place, prefix.crc, actual);
  return prefix;
}
