/** Which calls a request is for. One append may carry the bytes of several. */
import type { CallRecord, ObjectRecord } from './record.ts';
import type { WireRequest } from './wire.ts';

/** So many calls of an object can be told apart by their bytes. */
export const STAMPS = 8;
/** Values that a stamped byte can have. */
export const VALUES = 4;

/** What of a body is one call's. */
export interface Share {
  readonly call: CallRecord;
  /** Bytes. */
  readonly offset: number;
  readonly size: number;
}

/** At least one. */
export function sharesOf(request: WireRequest, object: ObjectRecord, opening: CallRecord): Share[] {
  const { calls, writer } = object;
  const { bytes, operation } = request;
  const first = calls.find(({ settled }) => !settled);
  const whole = (call: CallRecord) => [{ call, offset: 0, size: bytes.length }];
  if (writer.atOnce && bytes.length > 0 && !first?.ofFile) return stamped(bytes, calls);
  if (operation !== 'AppendObject' && writer.atOnce) return readers(object, first ?? opening);
  const sender = operation === 'AppendObject' ? calls.at(-1) : undefined;
  return whole(first ?? sender ?? opening);
}

/** Who sent the last append reads it back. */
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
