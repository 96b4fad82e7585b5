/**
 * The life of one segment: from its first request until it is stored exactly once, or until that is impossible.
 * `position` is a compare-and-swap: OSS accepts an append only if its position equals the length of the object. So a
 * segment can be stored at most once at its position. After a failure, the only question is whether it was stored. The
 * answer is read from the object, never guessed.
 */

import { isBlob } from '../bytes.ts';
import { CredentialsError, OssError, ServiceError } from '../errors.ts';
import { kindOf, takesNoAppends } from '../failure-kind.ts';
import { parseCrc } from '../numbers.ts';
import type { AppendObjectResult } from '../request/operations.ts';
import { readBlob } from '../source/blob.ts';
import type { Segment } from '../source/segment.ts';
import { differ, publicTail, type Tail } from '../tail.ts';
import { sleep } from '../waiting/sleep.ts';
import { type Call, report, reportHanded } from './call.ts';
import { conflict, damaged, unproven } from './conflicts.ts';
import type { Engine } from './engine.ts';
import type { Plan } from './flight.ts';
import { findLate } from './pending.ts';
import { type Committed, type Diverged, type Found, judge, moved, type Verdict } from './verdict.ts';

/** A segment without bytes. If the object is absent, this segment creates it. */
export const EMPTY: Segment = { size: 0, crc: 0n, body: new Uint8Array(0) };

/** The result of one attempt, and the failure after which the object was read. */
type AttemptResult = (Verdict | { readonly kind: 'tooLarge' }) & { readonly error?: unknown };

/**
 * Stores a segment. If the segment was given up before, this function first looks for it in the object, and sends it
 * again only if it is missing.
 *
 * Returns the number of stored bytes. This is the size of the segment, or of a longer segment: if this one was cut from
 * a longer one, the longer one may be stored late.
 *
 * @param failed failed attempts with the longer segment from which this one was cut
 * @throws AppendConflictError, ChecksumError, SourceError, or the error of the last request.
 */
export async function commit(engine: Engine, segment: Segment, call: Call, failed = 0): Promise<number> {
  const { key, client, ledger, pace } = engine;
  const { signal, inMemory, flight } = call;
  let wasGivenUp = flight?.segment === segment;
  let plan = (wasGivenUp && flight?.plan) || ledger.begin(key, segment, call);
  for (let failures = failed; ; wasGivenUp = false) {
    if (!wasGivenUp && pace.cuts(segment.size, inMemory)) return commitInParts(engine, segment, call, failures);
    const { error, ...result }: AttemptResult = wasGivenUp
      ? await reconcile(engine, plan, segment, call)
      : await attempt(engine, plan, segment, call);
    switch (result.kind) {
      case 'committed':
        return finish(engine, plan, call, result);
      case 'tooLarge':
        if (!pace.failed(segment.size, true)) throw error;
        break;
      case 'missing':
        await checkReadable(segment);
        if (wasGivenUp) break;
        if (kindOf(error) === 'protected' || !(await client.retry.again(++failures, { error, signal }))) throw error;
        break;
      default:
        ledger.follow(result.kind === 'moved' ? result.tail : placeBehind(engine, plan, result));
        plan = ledger.begin(key, segment, call);
        failures = 0;
    }
  }
}

/**
 * Sends a segment as several shorter ones. A request with the whole segment may have been sent before, and OSS may
 * still carry it out. So the whole segment is remembered, and it is recognised if it is found in the place of the first
 * part.
 */
async function commitInParts(engine: Engine, segment: Segment, call: Call, failed: number): Promise<number> {
  const { ledger, pace, crc64, split } = engine;
  const reader = split(segment.body, crc64);
  let [done, failures] = [0, failed];
  while (done < segment.size) {
    const most = pace.size(call.inMemory);
    const part = await reader.next(call.partLength?.(most) ?? most);
    ledger.setAside(call.flight);
    done += await commit(engine, part ?? EMPTY, call, failures);
    failures = 0;
  }
  return done;
}

/** The segment is stored. The ledger, the call and the caller learn about it. */
function finish({ ledger }: Engine, plan: Plan, call: Call, { tail, size = plan.size }: Committed): number {
  ledger.confirm(plan, tail, call, size);
  if (call.thrown) throw call.thrown.error;
  report(call);
  call.confirm?.(plan.from, size, publicTail(tail));
  return size;
}

/** Sends the segment once. If a failure leaves its outcome open, the object is read. */
async function attempt(engine: Engine, plan: Plan, segment: Segment, call: Call): Promise<AttemptResult> {
  const { client, pace } = engine;
  const { clock } = client.retry;
  const { size } = segment;
  try {
    const delay = pace.reserve(size, clock.now());
    if (delay > 0) await sleep(clock, delay, call.signal);
    const started = clock.now();
    const tail = await send(engine, plan, segment, call);
    if (size > 0) pace.stored({ size, time: clock.now() - started }, call.inMemory);
    return { kind: 'committed', tail };
  } catch (error) {
    const kind = kindOf(error);
    if (kind === 'tooLarge') return { kind, error };
    if (kind === 'refused' || kind === 'throttled') throw error;
    if (kind === 'ambiguous') pace.failed(size);
    return { ...(await reconcile(engine, plan, segment, call, error)), error };
  }
}

/** Sends one request. Returns the end of the object that the answer proves. */
async function send(engine: Engine, plan: Plan, segment: Segment, call: Call): Promise<Tail> {
  const { key, client, ledger } = engine;
  const { signal, onprogress } = call;
  const { position, want, outcome } = plan;
  const handed = onprogress && (({ loaded }: { loaded: number }) => reportHanded(call, loaded));
  const options = { ...optionsAt(engine, position, call), position, signal, onprogress: handed };
  ledger.note(plan, 'unknown');
  const result = await client.appendObject(key, segment.body, options).catch((error: unknown) => {
    const isRefusal = error instanceof ServiceError && kindOf(error) !== 'ambiguous';
    if (!isRefusal && !(error instanceof CredentialsError)) ledger.noteNotRefused(plan);
    // After a CredentialsError the outcome is what it was before, because nothing was sent. But with `sent`, an earlier
    // request of this attempt was sent and refused. A final refusal, such as that of a sealed object, stored nothing.
    const isFinal = takesNoAppends(error);
    if (isFinal || (error instanceof CredentialsError && !error.sent)) ledger.note(plan, outcome);
    throw error;
  });
  ledger.noteNotRefused(plan);
  const crc = parseCrc(result.hashCrc64ecma);
  if (result.nextAppendPosition === want.position && !differ(crc, want.crc))
    return { position: want.position, crc: want.crc ?? crc };
  throw await explain(engine, plan, segment, result, signal);
}

/**
 * Returns the headers of an append. Headers that describe the object are sent at position 0 only. The media type of a
 * Blob is used if the caller gives no other.
 */
function optionsAt({ creation, later }: Engine, position: number, { type }: Call) {
  const { contentType = type || undefined, headers } = position === 0 ? creation : later;
  return { contentType, headers: { ...headers } };
}

/**
 * Reads the object to find out what happened to a segment. `missing` means "not yet": OSS may still carry out a request.
 * If it does, it refuses the next request at this position, and that failure leads here again.
 *
 * @param failure the error of the last request, if this call has sent one
 */
async function reconcile(
  engine: Engine,
  plan: Plan,
  segment: Segment,
  call: Call,
  failure?: unknown,
): Promise<Verdict> {
  const { signal, resumes } = call;
  const { position } = plan;
  const { position: atLeast } = Object(failure) as Partial<ServiceError>;
  try {
    const found = await engine.evidence.look(signal, { near: position, atLeast });
    // A longer segment that was given up may begin with the same bytes. If that one is stored, this one is not.
    const isLonger = (other: Plan) => !resumes && other.position === position && other.size > plan.size;
    const longer = await findLate(engine, found, { signal, which: isLonger, strict: true });
    if (longer) return moved(plan, longer, found);
    const verdict = await decide(engine, plan, segment, found, signal);
    return resumes ? verdict : await recognise(engine, plan, verdict, signal);
  } catch (error) {
    if (signal?.aborted || !(error instanceof OssError) || failure === undefined) throw error;
    throw unproven(failure, error);
  }
}

/** Returns the verdict of the table. The bytes are compared if length and CRC do not decide. */
async function decide(
  { evidence, shared }: Engine,
  plan: Plan,
  { body }: Segment,
  looked: Found,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  const verdict = judge(plan, looked, { shared });
  if (verdict) return verdict;
  const { value: isSame, found } = await evidence.compare(plan, body, looked, signal);
  const bytes = isSame === undefined ? undefined : isSame ? 'equal' : 'other';
  const compared = judge(plan, found, { shared, bytes });
  if (!compared) throw new Error('unreachable');
  return compared;
}

/** Other bytes at our position may be our own: an earlier call may have sent them and given up. */
async function recognise(
  engine: Engine,
  plan: Plan,
  verdict: Verdict,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  if (verdict.kind !== 'diverged' || verdict.outcome === 'stored') return verdict;
  const which = (other: Plan) => other.position === plan.position;
  const late = await findLate(engine, verdict.found, { signal, which, strict: !engine.shared });
  return late ? moved(plan, late, verdict.found) : verdict;
}

/**
 * Returns the end after another writer's bytes, if the object is shared and our bytes are proven absent. The engine
 * never moves to a lower position.
 *
 * @throws AppendConflictError in all other cases.
 */
function placeBehind({ key, ledger, shared }: Engine, plan: Plan, { outcome, found }: Diverged): Tail {
  ledger.note(plan, outcome);
  const { length = 0, crc, appendable } = found;
  if (shared && appendable && outcome === 'absent' && length > plan.position) return { position: length, crc };
  if (outcome === 'stored') ledger.lose();
  throw conflict(key, plan, outcome, found);
}

/**
 * OSS accepted the segment, but its answer does not match what was sent. The bytes are read back to find out what
 * happened. Returns the error.
 */
async function explain(
  { key, evidence, ledger }: Engine,
  plan: Plan,
  { body, size }: Segment,
  result: AppendObjectResult,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const crc = parseCrc(result.hashCrc64ecma);
  const looked: Found = { length: result.nextAppendPosition, crc, appendable: true };
  // An empty segment has no bytes to read back.
  if (size === 0) return conflict(key, plan, 'unknown', looked);
  try {
    const { value: isSame, found } = await evidence.compare(plan, body, looked, signal);
    if (isSame === undefined) return conflict(key, plan, 'unknown', found);
    if (!isSame && found.length === plan.want.position) return damaged(key, plan, crc);
    const outcome = isSame ? 'stored' : 'absent';
    ledger.note(plan, outcome);
    if (isSame) ledger.lose();
    return conflict(key, plan, outcome, found);
  } catch (error) {
    if (signal?.aborted || !(error instanceof OssError)) throw error;
    return unproven(conflict(key, plan, 'unknown', looked), error);
  }
}

/**
 * Reads one byte of a file before it is sent again. If the file can no longer be read, each repeat would fail like a
 * dead network.
 */
async function checkReadable({ body }: Segment): Promise<void> {
  if (isBlob(body)) await readBlob(body, 0, 1);
}
