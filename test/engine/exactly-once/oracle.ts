/**
 * Judges a run. The oracle sees only what the caller sees (results, errors, progress), what passed on the wire, and
 * what LocalOss holds. It does not look into the engine.
 *
 * DESIGN.md section 3 lists what cannot be detected. These cases are excused here, each by its name, and no others:
 * - `replacedUnseen`: an object that is deleted or replaced between two reads, if the CRC is hidden or was not given,
 *   or if several writers share the object, because they follow any object that is longer.
 * - `damagedUnseen`: damage that no CRC shows.
 * - `#aliased`: the bytes of a segment are in its place, but another request with the same bytes, or with more bytes,
 *   stored them. The engine cannot distinguish that request from its own request whose answer was lost.
 */

import { crc64 } from '../../../src/crc64.ts';
import { AppendConflictError, ChecksumError, OssError, SourceError } from '../../../src/errors.ts';
import type { ObjectTail } from '../../../src/tail.ts';
import type { Fault } from '../../../src/testing/faults.ts';
import { commonLength, includes, isSubsequence, same, sameButForABit } from './byte-strings.ts';
import { type LogEvidence, logProblems } from './log-oracle.ts';
import type { Epoch } from './observed-oss.ts';
import type { CallRecord, ObjectRecord, WriterRecord } from './record.ts';
import { BrokenSource } from './sources.ts';
import { goesOn, type Passage, type WireRequest } from './wire.ts';
import { ALPHABET, type Run } from './world.ts';

/** The smallest and the largest size of adaptive segments, in bytes. */
const ADAPTIVE = [64 * 1024, 64 * 1024 * 1024] as const;

/** Returns the problems of a run. The list is empty if the run is correct. */
export function judge(run: Run): string[] {
  const oracle = new Oracle(run);
  return [...run.problems, ...oracle.problems()];
}

/** The bytes of one AppendObject request, and all attempts to store them. */
interface SentSegment {
  readonly bytes: Uint8Array;
  readonly attempts: readonly Passage[];
}

class Oracle {
  readonly #run: Run;
  readonly #epochs: readonly Epoch[];
  readonly #flipped: boolean;
  /** True if some answers lack their CRC. */
  readonly #hides: boolean;
  /** The entries of LocalOss's log that are requests of the writers. The other entries are repeats by the transport. */
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
      if (writer.log) {
        for (const problem of this.#logged({ ...writer, log: writer.log }))
          problems.push(`writer ${writer.index}: ${problem}`);
        continue;
      }
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

  #logged(writer: LogEvidence['writer']): Iterable<string> {
    const books = this.#run.writers.flatMap(({ log }) => log ?? []);
    const isNormal = this.#run.oss.object('logs', 'a.log')?.type === 'Normal';
    const misled = this.#run.writers
      .filter(({ log }) => log)
      .some(({ objects }) => objects.some((one) => this.#isMisled(one)));
    const journaled = this.#run.writers.filter(({ plan }) => plan.log?.persist);
    const isAlone = !writer.plan.log?.persist || journaled.length === 1;
    return logProblems({ writer, books, isAlone, epochs: this.#epochs, flipped: this.#flipped, misled, isNormal });
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

  /** Checks that the report of `settle` is right: these bytes are stored, from the beginning of the source. */
  *#settled(call: CallRecord): Generator<string> {
    const { settledAt, source, loaded } = call;
    if (settledAt === undefined || this.#replacedUnseen(call) || this.#damagedUnseen(call)) return;
    if (settledAt > source.length || settledAt < loaded)
      yield `settled at ${settledAt} of ${source.length}, loaded ${loaded}`;
    const { confirmed } = split(this.#countedOf(call), settledAt);
    if (!confirmed) yield `settled at ${settledAt}, which is not a whole number of segments`;
    else if (!confirmed.every((segment) => this.#isStored(segment)))
      yield `settled at ${settledAt}, but some of these bytes are not stored`;
  }

  *#success(call: CallRecord, { position, hashCrc64ecma }: ObjectTail): Generator<string> {
    const { source } = call;
    if (call.failing && call.loaded < source.length) yield 'succeeded although its source failed';
    // No request was sent, so the tail is the one that was known before.
    if (source.length === 0 && call.passages.length === 0) return;
    // If HEAD shows an object, an append of no bytes sends nothing more. A cache may have answered that HEAD.
    if (source.length === 0 && call.appends.length === 0 && this.#isMisled(call.object, call.end)) return;
    if (this.#replacedUnseen(call) || this.#damagedUnseen(call)) return;
    const epochs = this.#during(call).filter(
      ({ bytes }) => bytes.length >= position && this.#holds(call, bytes.subarray(0, position)),
    );
    const isRight = (epoch: Epoch) => hashCrc64ecma === crcOf(epoch.bytes.subarray(0, position));
    if (epochs.length === 0) yield `succeeded up to ${position}, but ${source.length} bytes are not stored there`;
    else if (hashCrc64ecma && !epochs.some(isRight)) yield 'succeeded with a wrong CRC';
    if (call.loaded !== source.length) yield `succeeded, but loaded is ${call.loaded} of ${source.length}`;
  }

  /**
   * Returns whether the object ends with the call's bytes. If several writers share it, only the bytes of this writer
   * count.
   */
  #holds(call: CallRecord, bytes: Uint8Array): boolean {
    const { object, kind, piped, start } = call;
    const { plan, index, atOnce } = object.writer;
    if (kind === 'resume') return same(bytes.subarray(this.#run.schedule.initial ?? 0), call.source);
    const source = this.#storedByCall(call);
    if (plan.shared && this.#flipped) return isSubsequence(source, bytes);
    // A late request of an earlier call may become valid again in a new life of the object, between two segments of
    // this call.
    if (this.#hasLateRequests(object, start)) return isSubsequence(source, bytes);
    const own = plan.shared ? ownOf(bytes, index) : bytes;
    if (piped && atOnce) return includes(own, source);
    return own.length >= source.length && same(own.subarray(own.length - source.length), source);
  }

  /**
   * Returns whether a request of a call before `start` was carried out late, after the object was deleted or replaced.
   */
  #hasLateRequests({ calls }: ObjectRecord, start: number): boolean {
    const earlier = calls.filter((call) => call.start < start).flatMap(({ appends }) => appends);
    const isLate = ({ entry = -1 }: Passage) =>
      this.#run.oss.faults.get(entry)?.some(({ kind }) => kind === 'commit-late') ?? false;
    return this.#lifeEnded() && earlier.some((one) => isLate(one) && this.#committed(one));
  }

  /**
   * Returns whether the complete answer arrived and was a refusal. The client may have given up a slow answer before
   * its end.
   */
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
      // If calls are concurrent, the next one may have changed the object's tail already.
      if (!call.object.writer.atOnce && JSON.stringify(error.tail) !== JSON.stringify(call.tailAfter))
        yield 'the tail of the error differs from the tail of the object';
      if (error.loaded === undefined || error.outcome === undefined) yield 'the error lacks loaded or outcome';
    }
    if (call.kind === 'append') yield* this.#outcome(call);
    else yield* this.#resumed(call);
  }

  /** Checks that no call fails without a reason, and that a conflict is reported only if there was one. */
  *#cause(call: CallRecord): Generator<string> {
    const { error, aborted, abortReason } = call;
    if (aborted && error === abortReason) return;
    // A pipe receives the error of its source unchanged.
    if (call.failing && error instanceof BrokenSource) return;
    if (!(error instanceof OssError)) return yield `threw ${error}`;
    const notAppendable = error.code === 'ObjectNotAppendable';
    if (notAppendable) return yield* this.#wasReplaced(call);
    const conflict = error instanceof AppendConflictError || error instanceof ChecksumError;
    if (conflict && !this.#disturbed(call))
      return yield `a conflict although no other client changed the object: ${error.message}`;
    if (conflict && call.object.writer.plan.shared && !this.#lifeEnded() && !this.#isMisled(call.object, call.end))
      return yield `a conflict among writers who share the object: ${error.message}`;
    if (error instanceof SourceError && !call.failing) return yield `an intact source failed: ${error.message}`;
    const explained =
      conflict || error instanceof SourceError || this.#faulted(call) || this.#disturbed(call) || this.#tooSlow(call);
    if (!explained) yield `failed without a fault: ${error.message}`;
  }

  *#wasReplaced({ end }: CallRecord): Generator<string> {
    const replaced = this.#run.oss.deeds.some(({ kind, at }) => kind === 'replace' && at <= end);
    if (!replaced) yield 'the object is not appendable, but nobody replaced it';
  }

  /** Returns whether another client changed the object after this AppendableObject last knew its end. */
  #disturbed(call: CallRecord): boolean {
    const { object, end } = call;
    if (this.#isMisled(call.object, call.end)) return true;
    // A whole segment that is found after its parts does not show what follows it. The next append does.
    const isBehindAWhole = object.calls.slice(0, object.calls.indexOf(call)).some(wasCut);
    if (isBehindAWhole && this.#run.oss.deeds.some(({ at }) => at <= end)) return true;
    // A resume reads everything from its beginning. If calls are concurrent, an observer cannot know what was known at
    // which time.
    const earlier = object.calls.slice(0, object.calls.indexOf(call)).flatMap(({ passages }) => passages);
    const known = object.writer.atOnce ? undefined : earlier.at(-1)?.start;
    const since = call.kind === 'resume' ? 0 : (known ?? object.from);
    if (object.stale && earlier.length === 0) return true;
    // The engine may notice a deleted or replaced object only when it needs the object again, which can be much later.
    // If a CRC was hidden, damage is found when a later answer shows the CRC.
    const lasting = (kind: string) => kind !== 'rival';
    if (this.#run.oss.deeds.some(({ kind, at }) => (at >= since || lasting(kind)) && at <= end)) return true;
    return this.#foreignAppends(object).some(({ call: { end: last }, entry }) => entry !== undefined && last >= 0);
  }

  /**
   * Returns true if a HEAD of the object was answered with a state that OSS does not hold: by a cache, or by a 404 with another
   * meaning whose code CORS hides. The engine cannot tell such an answer from a deletion or another writer.
   */
  #isMisled({ requests }: ObjectRecord, end = Number.POSITIVE_INFINITY): boolean {
    const misleads = (fault: Fault) =>
      fault.kind === 'cached-head' || (fault.kind === 'refuse' && fault.status === 404 && this.#hides);
    return requests.some(({ start, entry = -1 }) => start <= end && this.#run.oss.faults.get(entry)?.some(misleads));
  }

  #foreignAppends(object: ObjectRecord): Passage[] {
    const others = this.#run.writers.flatMap(({ objects }) => objects).filter((other) => other !== object);
    return others
      .flatMap(({ calls }) => calls.flatMap((call) => call.appends))
      .filter((passage) => this.#committed(passage));
  }

  /** Returns whether a segment is too large for the link in the time of one attempt. */
  #tooSlow({ appends }: CallRecord): boolean {
    const { bandwidth = Number.POSITIVE_INFINITY, latency, timeout } = this.#run.schedule;
    return appends.some(({ request }) => request.bytes.length / bandwidth + 2 * latency >= timeout);
  }

  /**
   * Returns whether the object was deleted, replaced or damaged. Writers who share the object must learn of this as
   * well.
   */
  #lifeEnded(): boolean {
    return this.#epochs.length > 1 || this.#flipped;
  }

  /**
   * Returns whether a fault explains the failure. Concurrent calls may share a failure, and an observer cannot know
   * whose it is.
   */
  #faulted({ passages, object, start, end }: CallRecord): boolean {
    const isAtTheTime = (one: WireRequest) => one.start <= end && (one.end >= start || this.#isStalled(one));
    const shared = object.requests.filter((one) => object.writer.atOnce && isAtTheTime(one));
    return [...passages, ...shared].some((request) => this.#isFaulty(request));
  }

  /** Returns whether the body of an answer stalled. Such a request was still in flight after its answer had begun. */
  #isStalled({ entry = -1 }: WireRequest): boolean {
    return this.#run.oss.faults.get(entry)?.some(({ kind }) => kind === 'stall-body' || kind === 'slow') ?? false;
  }

  #isFaulty({ entry }: { readonly entry: number | undefined }): boolean {
    // If HEAD reports no length, the engine finds it in another way, so this is not a reason for a failure.
    const faults = entry === undefined ? [] : (this.#run.oss.faults.get(entry) ?? []);
    return faults.some(({ kind }) => kind !== 'no-length');
  }

  /** Checks that a confirmed tail is a length that the object once had, with the CRC that it had at that length. */
  *#tail(call: CallRecord, { position, hashCrc64ecma }: ObjectTail): Generator<string> {
    if (this.#replacedUnseen(call) || this.#damagedUnseen(call)) return;
    const known = this.#epochs.some(
      ({ bytes }) =>
        bytes.length >= position && (!hashCrc64ecma || crcOf(bytes.subarray(0, position)) === hashCrc64ecma),
    );
    if (!known && !call.object.stale) yield `the object never had the tail ${position} ${hashCrc64ecma}`;
  }

  *#outcome(call: CallRecord): Generator<string> {
    const { error } = call;
    const loaded = error instanceof OssError ? (error.loaded ?? 0) : call.loaded;
    const { confirmed, underWay, beyond } = split(this.#countedOf(call, call.failedAt), loaded);
    if (!confirmed) {
      // If an object was deleted or replaced, the first object may hold the segment whole, and the next one in parts.
      if (!this.#replacedUnseen(call) && !(this.#lifeEnded() && wasCut(call)))
        yield `loaded is ${loaded}, which is not a whole number of segments`;
      return;
    }
    if (beyond > 0 && !goesOn(call)) yield 'a segment was sent before the one ahead of it was confirmed';
    if (
      !confirmed.every((segment) => this.#isStored(segment)) &&
      !this.#replacedUnseen(call) &&
      !this.#damagedUnseen(call)
    )
      yield `loaded is ${loaded}, but some of these bytes are not stored`;
    if (error instanceof OssError) yield* this.#claim(call, error, underWay);
    else if (underWay && !this.#isRemembered(call, underWay) && !this.#isSentAgain(call, underWay))
      yield 'aborted, but the segment in flight is forgotten';
  }

  *#claim(call: CallRecord, { outcome, message }: OssError, underWay: SentSegment | undefined): Generator<string> {
    // If an earlier life of the page has stored a segment, the next segment with the same bytes looks the same.
    if (!underWay && outcome !== 'absent' && this.#aliased(call) === 0)
      yield `outcome ${outcome}, but nothing was sent: ${message}`;
    if (!underWay) return;
    if (outcome === 'stored' && !this.#isStored(underWay) && !this.#replacedUnseen(call))
      yield `outcome stored, but the bytes are not stored: ${message}`;
    if (outcome === 'stored' && underWay.attempts.every((one) => this.#isRefused(one)))
      yield `outcome stored, but every request was refused: ${message}`;
    // A deleted object may accept the segment once more. A damaged object has other bytes at its position.
    if (outcome === 'absent' && this.#isCommitted(underWay) && !this.#lifeEnded())
      yield `outcome absent, but the bytes are stored: ${message}`;
    // A segment whose place was taken stays absent, unless the object is deleted afterwards.
    if (outcome === 'unknown' && !this.#isRemembered(call, underWay) && !this.#lifeEnded())
      yield `outcome unknown, but the segment is forgotten: ${message}`;
  }

  #isRemembered({ pendingAfter, object, settles }: CallRecord, { bytes, attempts }: SentSegment): boolean {
    if (settles) return true;
    // A segment continues without an aborted call as long as other calls need it.
    if (bytes.length === 0 || object.writer.atOnce) return true;
    const { position } = attempts.at(-1)!;
    return (
      pendingAfter.some((one) => one.position === position && one.size === bytes.length) ||
      !attempts.some((one) => this.#committed(one))
    );
  }

  /**
   * Returns whether a segment was stored in an earlier life of the object, and a part of it was sent to the next life. Then only
   * this part is in flight, so it must be remembered.
   */
  #isSentAgain(call: CallRecord, segment: SentSegment): boolean {
    const last = sentBy(call).at(-1)!;
    const isPart = last !== segment && last.bytes.length < segment.bytes.length && isCutFrom(last, segment);
    return isPart && this.#endedBetween(segment, last) && this.#isRemembered(call, last);
  }

  /** Returns whether a life of the object ended after the first segment was sent and before the second one was. */
  #endedBetween(first: SentSegment, second: SentSegment): boolean {
    const [since, until] = [first.attempts[0]!.start, second.attempts[0]!.start];
    return this.#epochs.some(({ to }) => to > since && to <= until);
  }

  /** Checks that the object holds a beginning of the file, and at least what was confirmed. */
  *#resumed(call: CallRecord): Generator<string> {
    const { error, source } = call;
    const loaded = error instanceof OssError ? (error.loaded ?? 0) : call.loaded;
    if (loaded === 0 || this.#replacedUnseen(call) || this.#damagedUnseen(call)) return;
    const start = this.#run.schedule.initial ?? 0;
    const held = this.#epochs.some(({ bytes }) =>
      same(bytes.subarray(start, start + loaded), source.subarray(0, loaded)),
    );
    if (!held) yield `loaded is ${loaded} bytes of the file, but they are not stored`;
  }

  *#progress({ kind, progress, source, failing }: CallRecord): Generator<string> {
    // If the object is deleted during the call, the file starts again from its beginning.
    const mayFall = kind === 'resume' && this.#lifeEnded();
    let before = 0;
    for (const { loaded, sent, total } of progress) {
      if ((loaded < before && !mayFall) || loaded > source.length || sent < loaded)
        yield `progress went from ${before} to ${loaded}`;
      if (total !== undefined && total !== source.length && !failing) yield `total says ${total} of ${source.length}`;
      before = loaded;
    }
  }

  /** Checks that no segment is stored twice, and that segments have the requested size. */
  *#segments(call: CallRecord): Generator<string> {
    const sent = sentBy(call);
    const { segmentSize } = call.object;
    const [least, most] = segmentSize === null ? ADAPTIVE : [segmentSize, segmentSize];
    for (const { bytes, attempts } of sent) {
      const times = Math.max(...this.#epochs.map((epoch) => this.#timesIn(epoch, attempts)));
      if (bytes.length > 0 && times > 1 && !this.#flipped)
        yield `a segment of ${bytes.length} was stored ${times} times in one life of the object`;
      if (attempts.some(({ request }) => request.bytes.length > most)) yield 'a segment is too long';
      if (bytes.length === 0 && attempts.some(({ position }) => position > 0))
        yield 'an empty append to an existing object';
    }
    // The last segment of a call contains the rest, so it may be shorter.
    const isRegular = call.kind === 'append' && call.regular && !this.#flipped;
    const regular = isRegular ? this.#countedOf(call).slice(0, -1) : [];
    if (regular.some(({ bytes, attempts: [first] }) => bytes.length < least && !this.#failedBefore(first!)))
      yield 'a segment is too short';
  }

  /**
   * Returns how many of these requests were sent in one life of the object and stored in it. A request that is carried out late, in
   * the next life, is not counted: the deletion made its position valid again, and nobody can prevent that.
   */
  #timesIn({ from, to, open }: Epoch, attempts: readonly Passage[]): number {
    const isOfLife = ({ start, entry = -1 }: Passage) => start >= from && start < to && !open.has(entry);
    return attempts.filter((attempt) => isOfLife(attempt) && this.#committed(attempt)).length;
  }

  /** Returns whether an earlier append of the object failed. After a failure, segments are shorter for a while. */
  #failedBefore({ call, request }: Passage): boolean {
    const { requests } = call.object;
    const before = requests.slice(0, requests.indexOf(request)).filter(({ operation }) => operation === 'AppendObject');
    return before.some((one) => one.answer !== 200 || this.#isFaulty(one));
  }

  /**
   * Checks that the writer's bytes in one life of the object agree with its calls: nothing twice, nothing lost, in
   * order.
   */
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
      if (calls.every(({ ofFile }) => ofFile)) return yield 'the stored bytes are not a beginning of the file';
      ends = new Set(Array.from({ length: held + 1 }, (_, end) => end));
    }
    for (const call of calls.filter(({ ofFile }) => !ofFile)) {
      const next = new Set<number>();
      for (const end of ends)
        for (const bytes of this.#possible(call))
          if (alike(own.subarray(end, end + bytes.length), bytes)) next.add(end + bytes.length);
      ends = next;
    }
    // If a whole segment is stored late with a wrong bit, its parts may be sent after it: the object is damaged.
    if (!ends.has(own.length) && !(this.#flipped && calls.some(wasCut)))
      yield `its ${own.length} bytes do not agree with its calls`;
  }

  /** Returns the bytes of a call's source that may be stored, one result for each case that is possible. */
  #possible(call: CallRecord): Uint8Array[] {
    const sizes = this.#claimed(call);
    const whole = sizes.map((size) => call.source.subarray(0, size));
    return this.#aliased(call) > 0 ? [...whole, ...sizes.map((size) => this.#storedByCall(call, size))] : whole;
  }

  /** Returns the numbers of bytes that a call claims to have stored. There are two if the call does not know. */
  #claimed(call: CallRecord): number[] {
    const { source, result, error, settledAt } = call;
    if (result) return [source.length];
    // Damaged bytes are other bytes. So the segment is reported as absent and sent again.
    if (settledAt !== undefined && !this.#flipped) return [settledAt];
    const loaded = error instanceof OssError ? (error.loaded ?? 0) : call.loaded;
    if (settledAt !== undefined) return this.#inFlight(call, settledAt);
    // Nobody learns what `settle` stored before it failed, and what continues without its call.
    const counted = this.#countedOf(call);
    if (goesOn(call) || (call.settles && counted.length > this.#countedOf(call, call.failedAt).length))
      return [...prefixSizes(counted), ...this.#inFlight(call, loaded)];
    if (!(error instanceof OssError) || error.outcome === 'unknown' || this.#flipped)
      return this.#inFlight(call, loaded);
    const [, withPart = loaded] = this.#inFlight(call, loaded);
    return [error.outcome === 'stored' ? withPart : loaded];
  }

  /**
   * Returns the numbers of bytes that may be stored if `loaded` bytes are confirmed: these bytes, or these with the
   * segment in flight, as a part or as a whole.
   */
  #inFlight(call: CallRecord, loaded: number): number[] {
    const { underWay } = split(this.#countedOf(call), loaded);
    if (!underWay) return [loaded];
    const wholes = sentBy(call).filter((one) => isCutFrom(underWay, one) && isInPlaceOf(underWay, one));
    return [loaded, ...[underWay, ...wholes].map(({ bytes }) => loaded + bytes.length)];
  }

  /**
   * Returns the segments of a call that count, in order. If a segment was sent as a whole and then in parts, the
   * version that was stored counts. If none was stored, the shortest one counts, which was sent last. A position can be
   * used only once.
   */
  #countedOf(call: CallRecord, until = Number.POSITIVE_INFINITY): SentSegment[] {
    const counted: SentSegment[] = [];
    /** The segment that the last one was cut from, if both are stored. */
    let whole: SentSegment | undefined;
    /** The longer segments that contain the last segment. None of them was stored as it was sent. */
    let longer: SentSegment[] = [];
    for (const segment of sentBy(call).filter(({ attempts: [first] }) => first!.start < until)) {
      const before = counted.at(-1);
      // If the whole was stored late with a wrong bit, it does not count either: nobody learned of it, and its
      // beginning may be right.
      const isTold = before?.attempts.some(({ answer }) => answer === 200);
      const isStored = before && this.#isCommitted(before) && (isTold || this.#isStored(before));
      // If the whole was stored in an earlier life of the object, it may have been sent to the next life in parts.
      const isElsewhere = before && segment.attempts[0]!.position !== endOf(before);
      const isAgain = isElsewhere && this.#endedBetween(before, segment);
      // The caller learned that the earlier segment was stored before this segment was sent.
      const isConfirmed = before && segment.attempts[0]!.loaded > before.attempts[0]!.loaded;
      const isNew = isConfirmed || (!isAgain && before && !isInPlaceOf(segment, before));
      const isNext = isStored && isNew && followsIn(call, counted, segment);
      const isBehind = (one: SentSegment) => followsIn(call, [...counted.slice(0, -1), one], segment);
      // A longer segment may be stored with a wrong bit near its end. Then a part from its beginning is found stored. If no request
      // stored the longer segment, it does not count, even if the bytes of this segment also follow it in the source.
      const mayCount = (one: SentSegment) => this.#flipped || this.#isCommitted(one) || this.#isAliased(one);
      const isNextTo = (one: SentSegment) =>
        mayCount(one) && isBehind(one) && segment.attempts[0]!.position === endOf(one);
      const found = followsIn(call, counted, segment) ? undefined : longer.findLast(isNextTo);
      // Both can be stored only if the object was deleted in between. The next segment in the source shows which one counts.
      if (whole && isBehind(whole)) counted.splice(-1, 1, whole, segment);
      else if (found) counted.splice(-1, 1, found, segment);
      else if (!before || !isCutFrom(segment, before) || isNext) counted.push(segment);
      else if (!isStored || this.#isCommitted(segment)) {
        whole = isStored ? before : undefined;
        longer = isStored ? longer : [...longer, before];
        counted[counted.length - 1] = segment;
        continue;
      }
      whole = undefined;
      longer = [];
    }
    return counted;
  }

  /**
   * Returns the number of bytes that are stored only because another request stored the same bytes in the same place.
   */
  #aliased(call: CallRecord): number {
    return sentBy(call)
      .filter((segment) => this.#isAliased(segment))
      .reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  #isAliased(segment: SentSegment): boolean {
    return !this.#isCommitted(segment) && segment.attempts.some((one) => this.#isCovered(one));
  }

  /**
   * Returns the first bytes of a call's source, without the bytes that another request stored. Between the two there may be
   * bytes of another writer, or bytes that the page sent before it was reloaded.
   */
  #storedByCall(call: CallRecord, size = call.source.length): Uint8Array {
    const counted = this.#countedOf(call).filter((_, index, all) => prefixSizes(all.slice(0, index)).at(-1)! < size);
    const own = counted.filter((segment) => !this.#isAliased(segment));
    if (own.length === counted.length) return call.source.subarray(0, size);
    return Uint8Array.from(own.flatMap(({ bytes }) => [...bytes]));
  }

  /** Returns whether a request of another call stored these bytes in this place. */
  #isCovered({ call, position, bytes }: Passage): boolean {
    const others = this.#run.writers.flatMap(({ objects }) => objects).flatMap(({ calls }) => calls);
    return others
      .filter((other) => other !== call)
      .flatMap(({ appends }) => appends)
      .filter((other) => other.position <= position && this.#committed(other))
      .some((other) => same(other.bytes.subarray(position - other.position).subarray(0, bytes.length), bytes));
  }

  /**
   * Checks that no body is as long as an earlier body that was refused for its length, unless no shorter body is
   * possible.
   */
  *#limits({ requests, segmentSize }: ObjectRecord): Generator<string> {
    const least = Math.min(ADAPTIVE[0], Math.ceil((segmentSize ?? ADAPTIVE[1]) / 16));
    let limit = Number.POSITIVE_INFINITY;
    for (const { bytes, answer, entry } of requests) {
      if (bytes.length >= limit)
        yield `${bytes.length} bytes were sent although ${limit} bytes had been refused as too many`;
      // If the request had a second fault, the engine may not have read the whole answer.
      const [fault, another] = (entry !== undefined && this.#run.oss.faults.get(entry)) || [];
      const isLimit = fault?.kind === 'limit' && !another && (answer === 413 || answer === 400);
      if (isLimit && bytes.length > least) limit = Math.min(limit, bytes.length);
    }
  }

  /** Checks what `pending` says about unfinished segments. */
  *#pending(object: ObjectRecord): Generator<string> {
    // `settle` sends a segment again, perhaps to another position, so an observer cannot know which one is left.
    if (object.calls.some(({ settles }) => settles)) return;
    for (const { position, size, outcome } of object.pending) {
      const isThis = (one: { position: number; size: number }) => one.position === position && one.size === size;
      const sent = ({ request }: Passage) => isThis({ position: request.position, size: request.bytes.length });
      const left = object.calls.find(({ pendingAfter }) => pendingAfter.some(isThis));
      const attempts = left?.appends.filter(sent) ?? [];
      if (this.#lifeEnded() || attempts.length === 0) continue;
      const stored = attempts.some((one) => this.#isStored({ bytes: one.bytes, attempts: [one] }));
      // Several segments of the same length cannot be distinguished here, and the same bytes of two calls cannot be
      // distinguished at all.
      const isOneOfSeveral = object.calls.some(({ pendingAfter }) => pendingAfter.filter(isThis).length > 1);
      const senders = object.calls.filter(({ appends }) => appends.some(sent)).length;
      if (isOneOfSeveral || senders > 1 || object.pending.filter(isThis).length > 1) continue;
      if (this.#sentAlike(object, attempts) > 1) continue;
      if (outcome === 'stored' && !stored) yield `the segment at ${position} is reported as stored, but it is not`;
      const committed = stored && attempts.some((one) => this.#committed(one));
      if (outcome === 'absent' && committed && !this.#isBehindAnother(object, attempts))
        yield `the segment at ${position} is reported as absent, but it is stored`;
      // The segment may stay unknown if the bytes could not be read. If every request was refused, equal bytes may be
      // those of a longer request of another writer.
      const isThrottled = (entry = -1) => this.#run.oss.faults.get(entry)?.some(({ kind }) => kind === 'throttle');
      const isRefusal = (answer: number) => answer >= 400 && answer < 500;
      const wasRefused = attempts.every(({ answer, entry }) => isRefusal(Number(answer)) || isThrottled(entry));
      if (outcome === 'unknown' && object.lengthRead > position && !this.#readFailed(object) && !wasRefused)
        yield `the segment at ${position} is still unknown although the object was read`;
    }
  }

  /**
   * Returns whether another pending segment is reported as stored in this place. Only one segment can be stored at a position. If one
   * segment is the beginning of the other one, the bytes of the object do not show which of them it was.
   */
  #isBehindAnother({ calls, pending }: ObjectRecord, attempts: readonly Passage[]): boolean {
    const { position, bytes } = attempts[0]!;
    const isStored = (one: Passage) =>
      pending.some((at) => at.outcome === 'stored' && at.position === one.position && at.size === one.bytes.length);
    const others = calls.flatMap(({ appends }) => appends).filter((one) => one.position === position && isStored(one));
    return others.some(
      (one) => one.bytes.length !== bytes.length && (isCutFrom({ bytes }, one) || isCutFrom(one, { bytes })),
    );
  }

  /** Returns the number of calls that sent these bytes to this position. */
  #sentAlike({ calls }: ObjectRecord, attempts: readonly Passage[]): number {
    const isAlike = (one: Passage) =>
      attempts.some(({ position, bytes }) => one.position === position && same(one.bytes, bytes));
    return calls.filter(({ appends }) => appends.some(isAlike)).length;
  }

  #readFailed({ calls }: ObjectRecord): boolean {
    const passages = calls.flatMap((call) => call.passages);
    return passages.some((one) => one.operation === 'GetObject' && this.#isFaulty(one));
  }

  /** Checks that one or two more calls make the writer work again when there are no faults and no other clients. */
  *#calm({ objects, plan }: WriterRecord): Generator<string> {
    const last = objects.at(-1)?.calls.at(-1);
    if (this.#run.problems.length > 0 || last?.result) return;
    const isNormal = this.#run.oss.object('logs', 'a.log')?.type === 'Normal';
    const otherFile = plan.file && this.#run.oss.deeds.length > 0;
    if (!isNormal && !otherFile) yield `the writer cannot append any more: ${last?.error}`;
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

  /** Returns whether LocalOss carried a request out, whatever the answer was. */
  #committed({ call, entry, position, bytes }: Passage): boolean {
    if (entry === undefined) return false;
    const { requests } = this.#run.oss;
    const logged = requests[entry];
    const faults = this.#run.oss.faults.get(entry) ?? [];
    // If there are several gateways, LocalOss uses the first one.
    const gateway = faults.find((fault) => fault.kind === 'gateway');
    if ((gateway && !gateway.after) || faults.some(({ kind }) => kind === 'portal')) return false;
    if (logged?.status === 200) return true;
    if (!logged?.fault?.includes('repeat')) return false;
    // A repeat by the transport has its own entry: after the request, before the next request of the call, and not of
    // another writer.
    const next = call.passages.find((one) => one.entry !== undefined && one.entry > entry)?.entry ?? requests.length;
    const isTwin = (index: number) => requests[index]?.fault === logged.fault && requests[index]?.position === position;
    const between = Array.from({ length: next - entry - 1 }, (_, index) => entry + 1 + index);
    const twin = between.some((index) => !this.#ours.has(index) && isTwin(index) && requests[index]?.status === 200);
    return twin && this.#isStored({ bytes, attempts: [{ position } as Passage] });
  }
}

/** Returns every body that a call sent, in order, with its attempts. */
export function sentBy(call: CallRecord): SentSegment[] {
  const segments = new Map<object | undefined, { bytes: Uint8Array; attempts: Passage[] }>();
  for (const passage of call.appends) {
    const segment = segments.get(passage.segment);
    if (segment) segment.attempts.push(passage);
    else segments.set(passage.segment, { bytes: passage.bytes, attempts: [passage] });
  }
  return [...segments.values()];
}

/** Returns whether a segment may be the beginning of a segment that was sent before. */
export function isCutFrom({ bytes }: Pick<SentSegment, 'bytes'>, whole: Pick<SentSegment, 'bytes'>): boolean {
  return bytes.length > 0 && same(bytes, whole.bytes.subarray(0, bytes.length));
}

/** Returns whether a call sent a segment as a whole, and then in parts. */
function wasCut(call: CallRecord): boolean {
  const sent = sentBy(call);
  return sent.some((part, index) => sent.slice(0, index).some((one) => isCutFrom(part, one) && isInPlaceOf(part, one)));
}

/** Returns whether the first attempt of a segment had the same position as the last attempt of another segment. */
function isInPlaceOf({ attempts: [first] }: SentSegment, { attempts }: SentSegment): boolean {
  return first?.position === attempts.at(-1)?.position;
}

/**
 * Returns true if the source continues with a segment after the segments before it. A part of an earlier segment that is
 * sent to another position does not continue the source.
 */
function followsIn({ source }: CallRecord, before: readonly SentSegment[], { bytes }: SentSegment): boolean {
  const end = before.reduce((sum, one) => sum + one.bytes.length, 0);
  return same(source.subarray(end, end + bytes.length), bytes);
}

/** Returns the position at which a segment ends if its last attempt is carried out. */
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

function ownOf(bytes: Uint8Array, writer: number): Uint8Array {
  const isOther = (value: number) => Math.floor(value / ALPHABET) !== writer;
  return bytes.some(isOther) ? bytes.filter((value) => !isOther(value)) : bytes;
}

function crcOf(bytes: Uint8Array): string {
  return String(crc64(bytes.slice()));
}
