/**
 * Finds the engine's verdict on each fault, as seen from outside: by the next request, and by what the caller learned.
 * If no schedule reaches one of the cells of `EXPECTED`, the schedules prove less than they claim.
 */
import {
  AppendConflictError,
  ChecksumError,
  CredentialsError,
  OssError,
  ServiceError,
  SourceError,
} from '../../../src/errors.ts';
import { isCutFrom, sentBy } from './oracle.ts';
import type { CallRecord, ObjectRecord } from './record.ts';
import type { Passage } from './wire.ts';
import type { Run } from './world.ts';

export const VERDICTS = [
  /** The answer was a success, and the engine accepted it. */
  'confirmed',
  /** There was no usable answer, and the engine found the bytes stored. */
  'committed',
  /** The engine found the bytes absent, and sent them again to the same position. */
  'absent',
  /** The engine found the bytes absent, and sent them to the same position in parts. */
  'cut',
  /** OSS certainly refused the request, and the engine sent it again without reading the object. */
  'repeated',
  /** Another segment of the same writer was in the place, and the engine sent the bytes again after it. */
  'moved',
  /** Bytes of other writers were in the place, and the engine sent the bytes again after them. */
  'followed',
  /** The engine compared the beginning of the file again and continued the resume from there. */
  'resumed',
  /** The call failed with an AppendConflictError. */
  'diverged',
  /** The call failed with a ChecksumError. */
  'damaged',
  /** The object could not be read, and the error says so. */
  'unproven',
  /** An answer of OSS ended the call. */
  'refused',
  /** No attempt was left. */
  'exhausted',
  /** The caller aborted the call. */
  'aborted',
  /** The file could not be read again. */
  'unreadable',
] as const;

export type Verdict = (typeof VERDICTS)[number];

const READ_ACCIDENT: readonly Verdict[] = ['committed', 'unproven'];

/** The verdicts that the schedules must reach for each fault. DESIGN.md, section 3, gives the reasons. */
export const EXPECTED: Readonly<Record<string, readonly Verdict[]>> = {
  'append drop-before': ['absent', 'followed', 'exhausted'],
  'append drop-during': ['absent', 'followed', 'exhausted'],
  'append drop-after': ['committed', 'followed', 'diverged', 'unproven', 'aborted'],
  'append error-before': ['absent', 'exhausted'],
  'append error-after': ['committed', 'followed', 'diverged', 'unproven'],
  'append gateway': ['committed', 'absent', 'followed', 'diverged', 'unproven', 'exhausted'],
  'append portal': ['committed', 'absent', 'followed', 'diverged', 'unproven', 'exhausted'],
  'append redirect': ['absent', 'exhausted'],
  'append refuse': ['absent', 'repeated', 'refused', 'exhausted'],
  'append answer-late': ['confirmed', 'committed', 'followed', 'diverged', 'unproven', 'aborted'],
  'append commit-late': ['committed', 'absent', 'moved', 'followed', 'diverged', 'unproven', 'exhausted', 'aborted'],
  // `confirmed` is possible because an empty body may be sent twice, and both requests succeed.
  'append repeat': ['confirmed', 'committed', 'followed', 'diverged', 'unproven'],
  'append opaque': ['committed', 'followed', 'diverged', 'unproven'],
  // `confirmed` is possible if CORS hides the CRC that would show the damage.
  'append flip-bit': ['confirmed', 'damaged', 'diverged', 'followed'],
  'append hide-headers': ['confirmed', 'committed', 'absent', 'followed', 'diverged', 'unproven'],
  'append skew-clock': ['confirmed', 'repeated'],
  'append expire-token': ['repeated', 'refused'],
  'append throttle': ['repeated', 'exhausted'],
  'append slow': ['confirmed', 'absent', 'exhausted'],
  'append deny': ['refused'],
  // `confirmed` is possible for a body within the limit, and `exhausted` if the limit breaks the connection.
  'append limit': ['confirmed', 'cut', 'refused', 'exhausted', 'followed'],
  'append rival before': ['followed', 'diverged', 'unproven'],
  'append rival after': ['confirmed', 'followed', 'diverged'],
  'append delete before': ['confirmed', 'diverged'],
  'append delete after': ['confirmed', 'diverged'],
  'append replace before': ['diverged', 'refused', 'followed'],
  'append replace after': ['confirmed', 'diverged'],
  'head drop-before': READ_ACCIDENT,
  'head drop-after': [...READ_ACCIDENT, 'absent'],
  'head error-before': READ_ACCIDENT,
  'head error-after': [...READ_ACCIDENT, 'absent'],
  'head gateway': [...READ_ACCIDENT, 'absent'],
  'head portal': [...READ_ACCIDENT, 'absent'],
  'head redirect': READ_ACCIDENT,
  'head refuse': ['unproven'],
  // The cache may hold a state before or after the lost answer, or one that contradicts what OSS said.
  'head cached-head': ['committed', 'absent', 'followed', 'diverged', 'unproven', 'exhausted'],
  'head answer-late': [...READ_ACCIDENT, 'absent', 'followed'],
  'head opaque': [...READ_ACCIDENT, 'absent'],
  'head hide-headers': ['committed', 'absent', 'followed', 'diverged', 'exhausted'],
  'head no-length': ['committed', 'absent', 'followed', 'diverged', 'unproven', 'exhausted'],
  'head skew-clock': ['committed'],
  'head expire-token': ['unproven'],
  'head throttle': READ_ACCIDENT,
  'head slow': ['committed', 'absent'],
  'head deny': ['unproven'],
  'head rival before': ['followed', 'diverged'],
  'head rival after': ['followed', 'diverged'],
  'head delete before': ['absent', 'diverged'],
  'head replace before': ['diverged'],
  'get drop-before': [...READ_ACCIDENT, 'followed'],
  'get drop-after': [...READ_ACCIDENT, 'followed', 'diverged'],
  'get error-before': ['unproven'],
  'get error-after': [...READ_ACCIDENT, 'followed'],
  'get gateway': ['unproven'],
  'get portal': [...READ_ACCIDENT, 'followed'],
  'get redirect': READ_ACCIDENT,
  'get refuse': ['unproven'],
  'get answer-late': [...READ_ACCIDENT, 'followed'],
  'get opaque': [...READ_ACCIDENT, 'followed'],
  'get hide-headers': ['committed', 'followed', 'diverged', 'damaged', 'unproven'],
  'get no-length': ['committed', 'absent', 'followed', 'diverged', 'unproven'],
  'get decoded': ['committed', 'absent', 'followed', 'diverged', 'unproven'],
  'get throttle': ['unproven'],
  'get slow': ['committed', 'followed'],
  'get stall-body': ['unproven'],
  'get deny': ['unproven'],
  'get rival before': ['followed', 'diverged'],
};

/** The faults that must happen to the first, to a middle and to the last segment of a call. */
export const EVERYWHERE: readonly string[] = Object.keys(EXPECTED).filter(
  (row) => row.startsWith('append') && !row.includes('deny'),
);

/** Other behaviour that the schedules must reach. */
const FEATURES = {
  /** A segment whose size differs from the size of the segment before it. */
  'adaptive segments': ['larger', 'smaller'],
  /** The ends of calls that began while other calls were running. */
  'calls at once': ['stored', 'grouped', 'aborted waiting', 'aborted on the wire', 'failed', 'streamed', 'resumed'],
} as const;

/** The place of a segment in its call. */
export type Place = 'first' | 'middle' | 'last' | 'only';

/** Counts by row and column. */
export type Counts = ReadonlyMap<string, ReadonlyMap<string, number>>;

const PLACES = ['first', 'middle', 'last'] as const;

export class VerdictTable {
  readonly #counts = new Map<string, Map<string, number>>();

  get counts(): Counts {
    return this.#counts;
  }

  /** Adds the counts of another table. */
  merge(counts: Counts): void {
    for (const [row, columns] of counts) for (const [column, count] of columns) this.#count(row, column, count);
  }

  add(run: Run): void {
    // A log goes on after every fault, so its calls have no verdict.
    for (const { objects } of run.writers.filter(({ log }) => !log)) {
      for (const object of objects) {
        for (const call of object.calls) this.#addCall(call, run);
        this.#addSizes(object);
        if (object.writer.atOnce) for (const call of object.calls) this.#addAtOnce(call, object);
      }
    }
  }

  #addSizes({ segmentSize, calls }: ObjectRecord): void {
    if (segmentSize !== null) return;
    let before: number | undefined;
    for (const { bytes, isLast } of calls.flatMap(segmentsOf)) {
      if (before && bytes.length > before) this.#count('adaptive segments', 'larger');
      // The last segment of a call contains the rest, so its size proves nothing.
      if (before && bytes.length < before && !isLast) this.#count('adaptive segments', 'smaller');
      before = isLast ? before : bytes.length;
    }
  }

  #addAtOnce(call: CallRecord, { calls }: ObjectRecord): void {
    const { passages, aborted, result, kind, start } = call;
    if (!calls.some((other) => other !== call && other.start < start && other.end > start)) return;
    const ending = result
      ? 'stored'
      : !aborted
        ? 'failed'
        : passages.length > 0
          ? 'aborted on the wire'
          : 'aborted waiting';
    this.#count('calls at once', ending);
    if (result && call.piped) this.#count('calls at once', 'streamed');
    if (result && kind === 'resume') this.#count('calls at once', 'resumed');
    if (passages.some(({ bytes, request }) => bytes.length < request.bytes.length))
      this.#count('calls at once', 'grouped');
  }

  count(row: string, column: string): number {
    return this.#counts.get(row)?.get(column) ?? 0;
  }

  /** The cells that the schedules did not reach. */
  get missing(): string[] {
    const verdicts = Object.entries(EXPECTED).flatMap(([row, columns]) => columns.map((column) => ({ row, column })));
    // A deletion ends its call. So the segment is a middle one only if another object grew in its place in the
    // meantime.
    const isChance = (row: string, place: Place) => row === 'append delete before' && place === 'middle';
    const everywhere = EVERYWHERE.flatMap((row) => PLACES.map((column) => ({ row, column })));
    const places = everywhere.filter(({ row, column }) => !isChance(row, column));
    const features = Object.entries(FEATURES).flatMap(([row, columns]) => columns.map((column) => ({ row, column })));
    return [...verdicts, ...places, ...features]
      .filter(({ row, column }) => this.count(row, column) === 0)
      .map(({ row, column }) => `${row}: ${column}`);
  }

  get rows(): string[] {
    return [...this.#counts.keys()].filter((row) => !(row in FEATURES)).sort();
  }

  /** Counts each attempt of an append, with its faults and with the reads that followed it. */
  #addCall(call: CallRecord, run: Run): void {
    const sent = sentBy(call);
    let attempt: Passage | undefined;
    for (const passage of call.passages) {
      if (passage.operation === 'AppendObject') attempt = passage;
      const faults = kindsOf(passage, run);
      if (!attempt || faults.length === 0) continue;
      const verdict = verdictOf(attempt, call);
      const place = placeOf(
        sent.findIndex(({ attempts }) => attempts.includes(passage)),
        sent.length,
      );
      for (const kind of faults) {
        this.#count(`${SHORT[passage.operation]} ${kind}`, verdict);
        if (place) this.#count(`${SHORT[passage.operation]} ${kind}`, place);
      }
    }
  }

  #count(row: string, column: string, by = 1): void {
    const counts = this.#counts.get(row) ?? new Map<string, number>();
    counts.set(column, (counts.get(column) ?? 0) + by);
    this.#counts.set(row, counts);
  }

  /** Returns the table for the console. */
  toString(): string {
    const columns = [...VERDICTS, ...PLACES];
    const width = Math.max(...this.rows.map((row) => row.length));
    const line = (cells: readonly (string | number)[]) => cells.map((cell) => String(cell).padStart(9)).join(' ');
    const body = this.rows.map(
      (row) => `${row.padEnd(width)} ${line(columns.map((one) => this.count(row, one) || '.'))}`,
    );
    const features = Object.keys(FEATURES).map((row) => {
      const counts = [...(this.#counts.get(row) ?? [])].map(([column, count]) => `${count} ${column}`);
      return `${row}: ${counts.join(', ')}`;
    });
    return [`${''.padEnd(width)} ${line(columns.map((name) => name.slice(0, 9)))}`, ...body, ...features].join('\n');
  }
}

const SHORT = { AppendObject: 'append', HeadObject: 'head', GetObject: 'get' };

function segmentsOf(call: CallRecord) {
  return sentBy(call).map(({ bytes }, index, { length }) => ({ bytes, isLast: index === length - 1 }));
}

function kindsOf({ entry }: Passage, { oss }: Run): string[] {
  const faults = entry === undefined ? [] : (oss.faults.get(entry) ?? []);
  return [...new Set(faults.map((fault) => ('when' in fault ? `${fault.kind} ${fault.when}` : fault.kind)))];
}

function placeOf(index: number, length: number): Place | undefined {
  if (index < 0) return undefined;
  if (length === 1) return 'only';
  return index === 0 ? 'first' : index === length - 1 ? 'last' : 'middle';
}

function verdictOf(attempt: Passage, call: CallRecord): Verdict {
  const later = call.passages.slice(call.passages.indexOf(attempt) + 1);
  const next = later.find(({ operation }) => operation === 'AppendObject');
  if (attempt.answer === 200 && (next?.segment !== attempt.segment || !next) && !later.some(isBefore(next)))
    return ending(call, next) ?? 'confirmed';
  if (!next) return call.result ? 'committed' : failureOf(call);
  if (next.segment === attempt.segment) return again(attempt, next, later, call);
  if (isCutFrom(next, attempt) && next.position < attempt.position + attempt.bytes.length) return 'cut';
  return call.kind === 'resume' && next.position !== attempt.position + attempt.bytes.length ? 'resumed' : 'committed';
}

/** Returns the verdict of a success that ended the call because the abort came at the same time. */
function ending(call: CallRecord, next: Passage | undefined): Verdict | undefined {
  return next || call.result || call.aborted || call.error instanceof SourceError ? undefined : failureOf(call);
}

const isBefore = (next: Passage | undefined) => (one: Passage) =>
  one.operation !== 'AppendObject' && (!next || one.start <= next.start);

function again(attempt: Passage, next: Passage, later: readonly Passage[], { object }: CallRecord): Verdict {
  if (later[0] === next) return 'repeated';
  if (next.position === attempt.position) return 'absent';
  return object.writer.plan.shared ? 'followed' : 'moved';
}

function failureOf({ error, aborted, abortReason }: CallRecord): Verdict {
  if (aborted && error === abortReason) return 'aborted';
  if (error instanceof AppendConflictError) return 'diverged';
  if (error instanceof ChecksumError) return 'damaged';
  if (error instanceof SourceError) return 'unreadable';
  if (error instanceof OssError && error.message.includes('could not be proven')) return 'unproven';
  if (error instanceof CredentialsError) return 'refused';
  if (error instanceof ServiceError && error.status < 500 && error.code !== 'PositionNotEqualToLength')
    return 'refused';
  return 'exhausted';
}
