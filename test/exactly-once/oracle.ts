/**
 * Knows what must be stored. It sees what the caller sees (results, errors, progress), what passed on the wire, and what
 * LocalOss holds; nothing of the engine's inside.
 *
 * DESIGN.md section 3 lists what cannot be detected. These are excused here, each by name, and nothing else is:
 * - `replacedUnseen`: an object deleted or replaced between two reads, where the CRC is hidden or was not handed in,
 *   or where several writers share it: they follow whatever is longer.
 * - `damagedUnseen`: damage that no CRC shows.
 * - `#aliased`: the bytes of a segment are in its place, but another request of the same bytes, or of more, brought them. The
 *   engine cannot tell that from its own request whose answer was lost.
 */

import { crc64 } from '../../src/crc64.ts';
import { AppendConflictError, ChecksumError, OssError, SourceError } from '../../src/errors.ts';
import type { ObjectTail } from '../../src/tail.ts';
import type { Fault } from '../../src/testing/faults.ts';
import type { Epoch } from './observed-oss.ts';
import type { CallRecord, ObjectRecord, WriterRecord } from './record.ts';
import { BrokenSource } from './sources.ts';
import { goesOn, type Passage } from './wire.ts';
import { ALPHABET, type Run } from './world.ts';

/** Least and most of segments whose size adapts, bytes. */
const ADAPTIVE = [64 * 1024, 64 * 1024 * 1024] as const;

/** What is wrong with a run; nothing where all is well. */
export function judge(run: Run): string[] {
  const oracle = new Oracle(run);
  return [...run.problems, ...oracle.problems()];
}

/** The bytes of one AppendObject request and all the attempts to store them. */
interface SentSegment {
  readonly bytes: Uint8Array;
  readonly attempts: readonly Passage[];
}

class Oracle {
  readonly #run: Run;
  readonly #epochs: readonly Epoch[];
  readonly #flipped: boolean;
  /** Some answer came without its CRC. */
  readonly #hides: boolean;
  /** Entries of LocalOss's log that are requests of the writers; the others are repeats that the transport made. */
  readonly #ours: ReadonlySet<number | undefined>;

  constructor(run: Run) {
    this.#run = run;
    this.#epochs = run.oss.look();
    this.#flipped = run.oss.deeds.some(({ kind }) => kind === 'flip-bit');
    const objects = run.writers.flatMap((writer) => writer.objects);
    const passages = objects.flatMap(({ calls }) => calls).flatMap((call) => call.passages);
    this.#ours = new Set(passages.map(({ entry }) => entry));
    const { hidden, faults } = run.schedule;
    this.#hides = hidden !== 'nothing' || faults.some(({ kind }) => kind === 'hide-headers');
  }

  problems(): string[] {
    const problems: string[] = [];
    for (const writer of this.#run.writers) {
      for (const object of writer.objects) {
        for (const [index, call] of object.calls.entries()) {
          for (const problem of this.#call(call))
            problems.push(`writer ${writer.index}, call ${index + 1}: ${problem}`);
        }
        for (const problem of [...this.#pending(object), ...this.#limits(object)])
          problems.push(`writer ${writer.index}: ${problem}`);
      }
      for (const problem of [...this.#history(writer), ...this.#calm(writer)])
        problems.push(`writer ${writer.index}: ${problem}`);
    }
    return problems;
  }

  *#call(call: CallRecord): Generator<string> {
    yield* call.problems;
    if (!call.settled) yield 'never ended';
    else if (call.result) yield* this.#success(call, call.result);
    else yield* this.#failure(call);
    yield* this.#settled(call);
    yield* this.#progress(call);
    yield* this.#segments(call);
  }

  /** What `settle` says is stored is stored, from the beginning of the source. */
  *#settled(call: CallRecord): Generator<string> {
    const { settledAt, source, loaded } = call;
    if (settledAt === undefined || this.#replacedUnseen(call) || this.#damagedUnseen(call)) return;
    if (settledAt > source.length || settledAt < loaded)
      yield `settled at ${settledAt} of ${source.length}, loaded ${loaded}`;
    const { confirmed } = split(this.#countedOf(call), settledAt);
    if (!confirmed) yield `settled at ${settledAt}, which is no whole number of segments`;
    else if (!confirmed.every((segment) => this.#isStored(segment)))
      yield `settled at ${settledAt}, but not all is stored`;
  }

  *#success(call: CallRecord, { position, hashCrc64ecma }: ObjectTail): Generator<string> {
    const { source } = call;
    if (call.failing && call.loaded < source.length) yield 'succeeded, but its source failed';
    // Nothing was asked of OSS: the tail is the one known before.
    if (source.length === 0 && call.passages.length === 0) return;
    if (this.#replacedUnseen(call) || this.#damagedUnseen(call)) return;
    const epochs = this.#during(call).filter(
      ({ bytes }) => bytes.length >= position && this.#holds(call, bytes.subarray(0, position)),
    );
    const isRight = (epoch: Epoch) => hashCrc64ecma === crcOf(epoch.bytes.subarray(0, position));
    if (epochs.length === 0) yield `success up to ${position}, but ${source.length} bytes are not stored there`;
    else if (hashCrc64ecma && !epochs.some(isRight)) yield 'success with a wrong CRC';
    if (call.loaded !== source.length) yield `success, and loaded says ${call.loaded} of ${source.length}`;
  }

  /** Whether the object ends with the call's bytes; of several writers, this one's share of it. */
  #holds({ object, kind, source, piped, start }: CallRecord, bytes: Uint8Array): boolean {
    const { plan, index, atOnce } = object.writer;
    if (kind === 'resume') return same(bytes.subarray(this.#run.schedule.initial ?? 0), source);
    if (plan.shared && this.#flipped) return isSubsequence(source, bytes);
    // A late request of an earlier call may find its place again in a new life of the object, between two segments of this call.
    if (this.#hasLateRequests(object, start)) return isSubsequence(source, bytes);
    const own = plan.shared ? ownOf(bytes, index) : bytes;
    if (piped && atOnce) return includes(own, source);
    return own.length >= source.length && same(own.subarray(own.length - source.length), source);
  }

  /** Whether a request of a call before `start` was carried out late, after the object was deleted or replaced. */
  #hasLateRequests({ calls }: ObjectRecord, start: number): boolean {
    const earlier = calls.filter((call) => call.start < start).flatMap(({ appends }) => appends);
    const isLate = ({ entry = -1 }: Passage) =>
      this.#run.oss.faults.get(entry)?.some(({ kind }) => kind === 'commit-late') ?? false;
    return this.#lifeEnded() && earlier.some((one) => isLate(one) && this.#committed(one));
  }

  /** The whole answer came, and said no. Of a slow answer the client may have waited in vain for the rest. */
  #isRefused({ answer, entry = -1 }: Passage): boolean {
    return answer === 409 && !this.#run.oss.faults.get(entry)?.some(({ kind }) => kind === 'slow');
  }

  #replacedUnseen({ object }: CallRecord): boolean {
    return this.#epochs.length > 1 && (this.#hides || object.bare || object.writer.plan.shared);
  }

  #damagedUnseen({ object }: CallRecord): boolean {
    return this.#flipped && (this.#hides || object.bare);
  }

  *#failure(call: CallRecord): Generator<string> {
    yield* this.#cause(call);
    if (call.tailAfter) yield* this.#tail(call, call.tailAfter);
    const { error } = call;
    if (error instanceof OssError) {
      // Of calls at once, the next one may be on already.
      if (!call.object.writer.atOnce && JSON.stringify(error.tail) !== JSON.stringify(call.tailAfter))
        yield 'the error has another tail than the object';
      if (error.loaded === undefined || error.outcome === undefined) yield 'the error lacks loaded or outcome';
    }
    if (call.kind === 'append') yield* this.#outcome(call);
    else yield* this.#resumed(call);
  }

  /** Nothing fails without a reason, and conflicts are told only where there was one. */
  *#cause(call: CallRecord): Generator<string> {
    const { error, aborted, abortReason } = call;
    if (aborted && error === abortReason) return;
    // What broke is told to a pipe as it was thrown.
    if (call.failing && error instanceof BrokenSource) return;
    if (!(error instanceof OssError)) return yield `threw ${error}`;
    const notAppendable = error.code === 'ObjectNotAppendable';
    if (notAppendable) return yield* this.#wasReplaced(call);
    const conflict = error instanceof AppendConflictError || error instanceof ChecksumError;
    if (conflict && !this.#disturbed(call)) return yield `a conflict, and nobody else was there: ${error.message}`;
    if (conflict && call.object.writer.plan.shared && !this.#lifeEnded())
      return yield `a conflict of writers who share: ${error.message}`;
    if (error instanceof SourceError && !call.failing) return yield `a sound source failed: ${error.message}`;
    const explained =
      conflict || error instanceof SourceError || this.#faulted(call) || this.#disturbed(call) || this.#tooSlow(call);
    if (!explained) yield `failed without a fault: ${error.message}`;
  }

  *#wasReplaced({ end }: CallRecord): Generator<string> {
    const replaced = this.#run.oss.deeds.some(({ kind, at }) => kind === 'replace' && at <= end);
    if (!replaced) yield 'not appendable, but nobody replaced the object';
  }

  /** Whether somebody else changed the object since this one knew its end. */
  #disturbed(call: CallRecord): boolean {
    const { object, end } = call;
    // A resume reads all from its beginning; of calls at once, nobody sees from outside what was known when.
    const earlier = object.calls.slice(0, object.calls.indexOf(call)).flatMap(({ passages }) => passages);
    const known = object.writer.atOnce ? undefined : earlier.at(-1)?.start;
    const since = call.kind === 'resume' ? 0 : (known ?? object.from);
    if (object.stale && earlier.length === 0) return true;
    // An object that was deleted or replaced may be missed when it is needed next, and that can be much later.
    // Damage that a hidden CRC did not show is found when a later answer shows the CRC.
    const lasting = (kind: string) => kind !== 'rival';
    if (this.#run.oss.deeds.some(({ kind, at }) => (at >= since || lasting(kind)) && at <= end)) return true;
    return this.#foreignAppends(object).some(({ call: { end: last }, entry }) => entry !== undefined && last >= 0);
  }

  #foreignAppends(object: ObjectRecord): Passage[] {
    const others = this.#run.writers.flatMap(({ objects }) => objects).filter((other) => other !== object);
    return others
      .flatMap(({ calls }) => calls.flatMap((call) => call.appends))
      .filter((passage) => this.#committed(passage));
  }

  /** A segment that the link does not carry in the time of one attempt. */
  #tooSlow({ appends }: CallRecord): boolean {
    const { bandwidth = Number.POSITIVE_INFINITY, latency, timeout } = this.#run.schedule;
    return appends.some(({ request }) => request.bytes.length / bandwidth + 2 * latency >= timeout);
  }

  /** Deleted, replaced or damaged: even those who share are told. */
  #lifeEnded(): boolean {
    return this.#epochs.length > 1 || this.#flipped;
  }

  /** Calls at once may share a failure of which nobody sees from outside whose it is. */
  #faulted({ passages, object, start, end }: CallRecord): boolean {
    const shared = object.requests.filter((one) => object.writer.atOnce && one.end >= start && one.start <= end);
    return [...passages, ...shared].some((request) => this.#isFaulty(request));
  }

  #isFaulty({ entry }: { readonly entry: number | undefined }): boolean {
    // A length that HEAD does not tell is found otherwise: it explains no failure.
    const faults = entry === undefined ? [] : (this.#run.oss.faults.get(entry) ?? []);
    return faults.some(({ kind }) => kind !== 'no-length');
  }

  /** A confirmed tail is a length that the object had, with the CRC that it had there. */
  *#tail(call: CallRecord, { position, hashCrc64ecma }: ObjectTail): Generator<string> {
    if (this.#replacedUnseen(call) || this.#damagedUnseen(call)) return;
    const known = this.#epochs.some(
      ({ bytes }) =>
        bytes.length >= position && (!hashCrc64ecma || crcOf(bytes.subarray(0, position)) === hashCrc64ecma),
    );
    if (!known && !call.object.stale) yield `the tail ${position} ${hashCrc64ecma} is none that the object had`;
  }

  *#outcome(call: CallRecord): Generator<string> {
    const { error } = call;
    const loaded = error instanceof OssError ? (error.loaded ?? 0) : call.loaded;
    const { confirmed, underWay, beyond } = split(this.#countedOf(call, call.failedAt), loaded);
    if (!confirmed) return yield `loaded says ${loaded}, which is no whole number of segments`;
    if (beyond > 0 && !goesOn(call)) yield 'a segment was sent before the one ahead of it was confirmed';
    if (
      !confirmed.every((segment) => this.#isStored(segment)) &&
      !this.#replacedUnseen(call) &&
      !this.#damagedUnseen(call)
    )
      yield `loaded says ${loaded}, but not all of that is stored`;
    if (error instanceof OssError) yield* this.#claim(call, error, underWay);
    else if (underWay && !this.#isRemembered(call, underWay)) yield 'aborted, and the segment under way is forgotten';
  }

  *#claim(call: CallRecord, { outcome, message }: OssError, underWay: SentSegment | undefined): Generator<string> {
    if (!underWay && outcome !== 'absent') yield `outcome ${outcome}, but nothing was sent: ${message}`;
    if (!underWay) return;
    if (outcome === 'stored' && !this.#isStored(underWay) && !this.#replacedUnseen(call))
      yield `outcome stored, but it is not: ${message}`;
    if (outcome === 'stored' && underWay.attempts.every((one) => this.#isRefused(one)))
      yield `outcome stored, but every request was refused: ${message}`;
    // Deleted, the object may take the segment once more; damaged, other bytes stand in its place.
    if (outcome === 'absent' && this.#isCommitted(underWay) && !this.#lifeEnded())
      yield `outcome absent, but it is stored: ${message}`;
    if (outcome === 'unknown' && !this.#isRemembered(call, underWay))
      yield `outcome unknown, and the segment is forgotten: ${message}`;
  }

  #isRemembered({ pendingAfter, object, settles }: CallRecord, { bytes, attempts }: SentSegment): boolean {
    if (settles) return true;
    // While others want it, a segment goes on without the call that was aborted.
    if (bytes.length === 0 || object.writer.atOnce) return true;
    const { position } = attempts.at(-1)!;
    return (
      pendingAfter.some((one) => one.position === position && one.size === bytes.length) ||
      !attempts.some((one) => this.#committed(one))
    );
  }

  /** What the object holds of a file is its beginning, and no less than was confirmed. */
  *#resumed(call: CallRecord): Generator<string> {
    const { error, source } = call;
    const loaded = error instanceof OssError ? (error.loaded ?? 0) : call.loaded;
    if (loaded === 0 || this.#replacedUnseen(call) || this.#damagedUnseen(call)) return;
    const start = this.#run.schedule.initial ?? 0;
    const held = this.#epochs.some(({ bytes }) =>
      same(bytes.subarray(start, start + loaded), source.subarray(0, loaded)),
    );
    if (!held) yield `loaded says ${loaded} bytes of the file, but they are not stored`;
  }

  *#progress({ kind, progress, source, failing }: CallRecord): Generator<string> {
    // A file whose object is deleted under way begins anew.
    const mayFall = kind === 'resume' && this.#lifeEnded();
    let before = 0;
    for (const { loaded, sent, total } of progress) {
      if ((loaded < before && !mayFall) || loaded > source.length || sent < loaded)
        yield `progress went from ${before} to ${loaded}`;
      if (total !== undefined && total !== source.length && !failing) yield `total says ${total} of ${source.length}`;
      before = loaded;
    }
  }

  /** No segment is stored twice, and segments are as large as asked for. */
  *#segments(call: CallRecord): Generator<string> {
    const sent = sentBy(call);
    const { segmentSize } = call.object;
    const [least, most] = segmentSize === null ? ADAPTIVE : [segmentSize, segmentSize];
    for (const { bytes, attempts } of sent) {
      const times = attempts.filter((attempt) => this.#committed(attempt)).length;
      if (bytes.length > 0 && times > this.#epochs.length && !this.#flipped)
        yield `a segment of ${bytes.length} was stored ${times} times`;

      if (attempts.some(({ request }) => request.bytes.length > most)) yield 'a segment is too long';
      if (bytes.length === 0 && attempts.some(({ position }) => position > 0)) yield 'an empty append to an object';
    }
    // The last one of a call is as long as what is left.
    const isRegular = call.kind === 'append' && call.regular && !this.#flipped;
    const regular = isRegular ? this.#countedOf(call).slice(0, -1) : [];
    if (regular.some(({ bytes, attempts: [first] }) => bytes.length < least && !this.#failedBefore(first!)))
      yield 'a segment is too short';
  }

  /** Whether something went wrong with an append of the object before: then segments become shorter for a while. */
  #failedBefore({ call, request }: Passage): boolean {
    const { requests } = call.object;
    const before = requests.slice(0, requests.indexOf(request)).filter(({ operation }) => operation === 'AppendObject');
    return before.some((one) => one.answer !== 200 || this.#isFaulty(one));
  }

  /** In one life of the object, what a writer has there is what its calls say: nothing twice, nothing lost, in order. */
  *#history(writer: WriterRecord): Generator<string> {
    const [only, another] = this.#epochs;
    if (!only || another || (this.#flipped && writer.plan.shared)) return;
    const own = ownOf(only.bytes, writer.index);
    const alike = this.#flipped ? sameButForABit : same;
    let ends = new Set([0]);
    const calls = writer.objects.flatMap((object) => object.calls);
    if (writer.plan.file) {
      const held = commonLength(own, writer.file, alike);
      if (held === own.length) return;
      if (calls.every(({ ofFile }) => ofFile)) return yield 'what is stored is no beginning of the file';
      ends = new Set(Array.from({ length: held + 1 }, (_, end) => end));
    }
    for (const call of calls.filter(({ ofFile }) => !ofFile)) {
      const next = new Set<number>();
      for (const end of ends)
        for (const size of this.#possible(call))
          if (alike(own.subarray(end, end + size), call.source.subarray(0, size))) next.add(end + size);
      ends = next;
    }
    if (!ends.has(own.length)) yield `its ${own.length} bytes are not what its calls say`;
  }

  /** How much of its source a call may have stored. */
  #possible(call: CallRecord): number[] {
    const sizes = this.#claimed(call);
    const aliased = this.#aliased(call);
    return aliased > 0 ? [...sizes, ...sizes.map((size) => size - aliased)] : sizes;
  }

  /** How much of its source a call says that it stored; two figures where it does not know. */
  #claimed(call: CallRecord): number[] {
    const { source, result, error, settledAt } = call;
    if (result) return [source.length];
    // Damaged bytes are other bytes: the segment is then said to be absent, and sent again.
    if (settledAt !== undefined && !this.#flipped) return [settledAt];
    const loaded = error instanceof OssError ? (error.loaded ?? 0) : call.loaded;
    if (settledAt !== undefined) return this.#inFlight(call, settledAt);
    // What `settle` stored before it failed, and what goes on without its call, is told nobody.
    const counted = this.#countedOf(call);
    if (goesOn(call) || (call.settles && counted.length > this.#countedOf(call, call.failedAt).length))
      return [...prefixSizes(counted), ...this.#inFlight(call, loaded)];
    if (!(error instanceof OssError) || error.outcome === 'unknown' || this.#flipped)
      return this.#inFlight(call, loaded);
    const [, withPart = loaded] = this.#inFlight(call, loaded);
    return [error.outcome === 'stored' ? withPart : loaded];
  }

  /** How much may be stored where so much is confirmed: that, or with what is in flight, be it the part or the whole. */
  #inFlight(call: CallRecord, loaded: number): number[] {
    const { underWay } = split(this.#countedOf(call), loaded);
    if (!underWay) return [loaded];
    const wholes = sentBy(call).filter((one) => isCutFrom(underWay, one) && isInPlaceOf(underWay, one));
    return [loaded, ...[underWay, ...wholes].map(({ bytes }) => loaded + bytes.length)];
  }

  /**
   * The segments of a call that count, in order. Where one was sent whole and then in parts, the one that was stored counts, or
   * else the shortest, which was sent last: a position is taken once.
   */
  #countedOf(call: CallRecord, until = Number.POSITIVE_INFINITY): SentSegment[] {
    const counted: SentSegment[] = [];
    for (const segment of sentBy(call).filter(({ attempts: [first] }) => first!.start < until)) {
      const before = counted.at(-1);
      // Carried out late with a wrong bit, the whole does not count either: nobody was told, and its beginning may be right.
      const isTold = before?.attempts.some(({ answer }) => answer === 200);
      const isStored = before && this.#isCommitted(before) && (isTold || this.#isStored(before));
      // Stored in an earlier life of the object, it may have been sent to the next one, in parts.
      const isAgain = before && this.#lifeEnded() && segment.attempts[0]!.position !== endOf(before);
      const isNext = isStored && !isInPlaceOf(segment, before) && !isAgain;
      if (!before || !isCutFrom(segment, before) || isNext) counted.push(segment);
      // Both are stored only where somebody deleted the object in between.
      else if (!isStored || this.#isCommitted(segment)) counted[counted.length - 1] = segment;
    }
    return counted;
  }

  /** Bytes of a call's segments that are stored only because another request brought the same bytes to the same place. */
  #aliased(call: CallRecord): number {
    return sentBy(call)
      .filter((segment) => !this.#isCommitted(segment) && segment.attempts.some((one) => this.#isCovered(one)))
      .reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Whether a request of another call brought these bytes to this place. */
  #isCovered({ call, position, bytes }: Passage): boolean {
    const others = this.#run.writers.flatMap(({ objects }) => objects).flatMap(({ calls }) => calls);
    return others
      .filter((other) => other !== call)
      .flatMap(({ appends }) => appends)
      .filter((other) => other.position <= position && this.#committed(other))
      .some((other) => same(other.bytes.subarray(position - other.position).subarray(0, bytes.length), bytes));
  }

  /** A body as long as one that was refused for its length is not sent again, unless there are no shorter ones. */
  *#limits({ requests, segmentSize }: ObjectRecord): Generator<string> {
    const least = Math.min(ADAPTIVE[0], Math.ceil((segmentSize ?? ADAPTIVE[1]) / 16));
    let limit = Number.POSITIVE_INFINITY;
    for (const { bytes, answer, entry } of requests) {
      if (bytes.length >= limit) yield `${bytes.length} bytes were sent where ${limit} had been refused as too many`;
      // With another fault beside it, the answer may not have been read to its end.
      const [fault, another] = (entry !== undefined && this.#run.oss.faults.get(entry)) || [];
      const isLimit = fault?.kind === 'limit' && !another && (answer === 413 || answer === 400);
      if (isLimit && bytes.length > least) limit = Math.min(limit, bytes.length);
    }
  }

  /** What became of segments left open. */
  *#pending(object: ObjectRecord): Generator<string> {
    // `settle` sends a segment again, perhaps elsewhere: nobody sees from outside which of them is left.
    if (object.calls.some(({ settles }) => settles)) return;
    for (const { position, size, outcome } of object.pending) {
      const isThis = (one: { position: number; size: number }) => one.position === position && one.size === size;
      const sent = ({ request }: Passage) => isThis({ position: request.position, size: request.bytes.length });
      const left = object.calls.find(({ pendingAfter }) => pendingAfter.some(isThis));
      const attempts = left?.appends.filter(sent) ?? [];
      if (this.#lifeEnded() || attempts.length === 0) continue;
      const stored = attempts.some((one) => this.#isStored({ bytes: one.bytes, attempts: [one] }));
      // Several of one length cannot be told apart here, and the same bytes sent by two calls by nobody.
      const isOneOfSeveral = object.calls.some(({ pendingAfter }) => pendingAfter.filter(isThis).length > 1);
      if (isOneOfSeveral || object.pending.filter(isThis).length > 1 || this.#sentAlike(object, attempts) > 1) continue;
      if (outcome === 'stored' && !stored) yield `the segment at ${position} is said to be stored, but is not`;
      const committed = stored && attempts.some((one) => this.#committed(one));
      if (outcome === 'absent' && committed) yield `the segment at ${position} is said to be absent, but it is stored`;
      // Where the bytes could not be read it may stay open.
      if (outcome === 'unknown' && object.lengthRead > position && !this.#readFailed(object))
        yield `the segment at ${position} is still unknown, though the object was read`;
    }
  }

  /** How many calls sent these bytes to this place. */
  #sentAlike({ calls }: ObjectRecord, attempts: readonly Passage[]): number {
    const isAlike = (one: Passage) =>
      attempts.some(({ position, bytes }) => one.position === position && same(one.bytes, bytes));
    return calls.filter(({ appends }) => appends.some(isAlike)).length;
  }

  #readFailed({ calls }: ObjectRecord): boolean {
    const passages = calls.flatMap((call) => call.passages);
    return passages.some((one) => one.operation === 'GetObject' && this.#isFaulty(one));
  }

  /** With nobody about and the network sound, one more call or two bring the writer back on its way. */
  *#calm({ objects, plan }: WriterRecord): Generator<string> {
    const last = objects.at(-1)?.calls.at(-1);
    if (this.#run.problems.length > 0 || last?.result) return;
    const isNormal = this.#run.oss.object('logs', 'a.log')?.type === 'Normal';
    const otherFile = plan.file && this.#run.oss.deeds.length > 0;
    if (!isNormal && !otherFile) yield `cannot append any more: ${last?.error}`;
  }

  #during({ start, end }: CallRecord): readonly Epoch[] {
    return this.#epochs.filter(({ from, to }) => from <= end && to >= start);
  }

  #isStored({ bytes, attempts }: SentSegment): boolean {
    return attempts.some(({ position }) =>
      this.#epochs.some((epoch) => same(epoch.bytes.subarray(position, position + bytes.length), bytes)),
    );
  }

  #isCommitted({ attempts }: SentSegment): boolean {
    return attempts.some((attempt) => this.#committed(attempt));
  }

  /** Whether LocalOss carried a request out, whatever it answered. */
  #committed({ call, entry, position, bytes }: Passage): boolean {
    if (entry === undefined) return false;
    const { requests } = this.#run.oss;
    const logged = requests[entry];
    const isKeptBy = (fault: Fault) => fault.kind === 'portal' || (fault.kind === 'gateway' && !fault.after);
    if (this.#run.oss.faults.get(entry)?.some(isKeptBy)) return false;
    if (logged?.status === 200) return true;
    if (!logged?.fault?.includes('repeat')) return false;
    // Its twin has an entry of its own: after it, before the next request of the call, and none of anybody's requests.
    const next = call.passages.find((one) => one.entry !== undefined && one.entry > entry)?.entry ?? requests.length;
    const isTwin = (index: number) => requests[index]?.fault === logged.fault && requests[index]?.position === position;
    const between = Array.from({ length: next - entry - 1 }, (_, index) => entry + 1 + index);
    const twin = between.some((index) => !this.#ours.has(index) && isTwin(index) && requests[index]?.status === 200);
    return twin && this.#isStored({ bytes, attempts: [{ position } as Passage] });
  }
}

/** Every body that a call sent, in order, with its attempts. */
export function sentBy(call: CallRecord): SentSegment[] {
  const segments = new Map<object | undefined, { bytes: Uint8Array; attempts: Passage[] }>();
  for (const passage of call.appends) {
    const segment = segments.get(passage.segment);
    if (segment) segment.attempts.push(passage);
    else segments.set(passage.segment, { bytes: passage.bytes, attempts: [passage] });
  }
  return [...segments.values()];
}

/** Whether a segment may be the beginning of one that was sent before. */
export function isCutFrom({ bytes }: Pick<SentSegment, 'bytes'>, whole: Pick<SentSegment, 'bytes'>): boolean {
  return bytes.length > 0 && same(bytes, whole.bytes.subarray(0, bytes.length));
}

/** Whether a segment was first sent to where another one was sent last. */
function isInPlaceOf({ attempts: [first] }: SentSegment, { attempts }: SentSegment): boolean {
  return first?.position === attempts.at(-1)?.position;
}

/** Where a segment ends if its last attempt is carried out. */
function endOf({ attempts, bytes }: SentSegment): number {
  return attempts.at(-1)!.position + bytes.length;
}

function prefixSizes(sent: readonly SentSegment[]): number[] {
  const sizes = [0];
  for (const { bytes } of sent) sizes.push(sizes.at(-1)! + bytes.length);
  return sizes;
}

function split(sent: readonly SentSegment[], loaded: number) {
  let [count, size] = [0, 0];
  while (size < loaded && count < sent.length) size += sent[count++]!.bytes.length;
  const confirmed = size === loaded ? sent.slice(0, count) : undefined;
  return { confirmed, underWay: sent[count], beyond: Math.max(0, sent.length - count - 1) };
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function includes(whole: Uint8Array, part: Uint8Array): boolean {
  for (let start = 0; start + part.length <= whole.length; start++)
    if (same(whole.subarray(start, start + part.length), part)) return true;
  return false;
}

/** How far these are alike. */
function commonLength(a: Uint8Array, b: Uint8Array, alike: typeof same): number {
  let length = Math.min(a.length, b.length);
  while (!alike(a.subarray(0, length), b.subarray(0, length))) length--;
  return length;
}

function sameButForABit(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, index) => value >> 1 === b[index]! >> 1);
}

function isSubsequence(part: Uint8Array, whole: Uint8Array): boolean {
  let found = 0;
  for (const value of whole) if (value === part[found]) found++;
  return found >= part.length;
}

function ownOf(bytes: Uint8Array, writer: number): Uint8Array {
  const isOther = (value: number) => Math.floor(value / ALPHABET) !== writer;
  return bytes.some(isOther) ? bytes.filter((value) => !isOther(value)) : bytes;
}

function crcOf(bytes: Uint8Array): string {
  return String(crc64(bytes.slice()));
}
