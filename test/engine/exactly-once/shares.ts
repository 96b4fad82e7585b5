/** Finds the calls to which a request belongs. One append may carry the bytes of several calls. */
import type { CallRecord, ObjectRecord } from './record.ts';
import type { WireRequest } from './wire.ts';

/** The number of calls of an object that can be distinguished by their bytes. */
export const STAMPS = 8;
/** The number of values that a stamped byte can have. */
export const VALUES = 4;

/** The part of a body that belongs to one call. */
export interface Share {
  readonly call: CallRecord;
  /** The offset in bytes. */
  readonly offset: number;
  readonly size: number;
}

/** Returns the shares of a request. There is at least one. */
export function sharesOf(request: WireRequest, object: ObjectRecord, opening: CallRecord): Share[] {
  const { calls, writer } = object;
  const { bytes, operation } = request;
  const first = calls.find(({ settled }) => !settled);
  const whole = (call: CallRecord) => [{ call, offset: 0, size: bytes.length }];
  if (writer.atOnce && bytes.length > 0 && !first?.ofFile) return stamped(bytes, calls);
  if (writer.atOnce && operation === 'AppendObject' && bytes.length === 0)
    return whole(emptyOf(calls) ?? first ?? opening);
  if (operation !== 'AppendObject' && writer.atOnce) return readers(object, first ?? opening);
  const sender = operation === 'AppendObject' ? calls.at(-1) : undefined;
  return whole(first ?? sender ?? opening);
}

/**
 * Returns the call that an append of no bytes belongs to. Only a call without bytes sends such an append. The first call that is
 * not settled may be a pipe instead, because a pipe settles a little after its last request.
 */
function emptyOf(calls: readonly CallRecord[]): CallRecord | undefined {
  return calls.find(({ settled, source }) => !settled && source.length === 0);
}

/** Returns the shares of a read. It belongs to the calls that sent the last append. */
function readers({ calls, requests }: ObjectRecord, first: CallRecord): Share[] {
  const last = requests.findLast(({ operation }) => operation === 'AppendObject');
  const senders =
    last && calls.filter((call) => !call.settled && call.passages.some(({ request }) => request === last));
  return (senders?.length ? senders : [first]).map((call) => ({ call, offset: 0, size: 0 }));
}

function stamped(bytes: Uint8Array, calls: readonly CallRecord[]): Share[] {
  const shares: Share[] = [];
  for (let start = 0; start < bytes.length; ) {
    let end = start + 1;
    while (end < bytes.length && stampOf(bytes[end]!) === stampOf(bytes[start]!)) end++;
    shares.push({ call: callOf(stampOf(bytes[start]!), calls), offset: start, size: end - start });
    start = end;
  }
  return shares;
}

function stampOf(value: number): number {
  return Math.floor(value / VALUES) % STAMPS;
}

function callOf(stamp: number, calls: readonly CallRecord[]): CallRecord {
  const alike = calls.filter((_, index) => index % STAMPS === stamp);
  return alike.find(({ settled }) => !settled) ?? alike.at(-1) ?? calls.at(-1)!;
}
