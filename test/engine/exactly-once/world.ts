/** Runs a schedule: the real engine and the real client against LocalOss, in virtual time. */
import type { AppendClient } from '../../../src/append/client.ts';
import { AppendableObject } from '../../../src/append/object.ts';
import { AppendStream } from '../../../src/append/stream.ts';
import { crc64 } from '../../../src/crc64.ts';
import { OssError } from '../../../src/errors.ts';
import { OssClient, type OssClientOptions } from '../../../src/request/client.ts';
import type { Credentials, CredentialsProvider } from '../../../src/request/credentials.ts';
import { PresignedClient } from '../../../src/request/presigned.ts';
import type { Fetch } from '../../../src/request/request.ts';
import type { AppendSource } from '../../../src/source/segment.ts';
import type { ObjectTail } from '../../../src/tail.ts';
import type { Fault, FaultRequest } from '../../../src/testing/faults.ts';
import { FakeStorage } from '../../log/fake-storage.ts';
import { drive, NOON, settleMicrotasks, VirtualClock } from '../../tools/virtual-clock.ts';
import { LogBook } from './log-book.ts';
import { LogWriter } from './log-writer.ts';
import { BUCKET, KEY, ObservedOss } from './observed-oss.ts';
import { openUrl } from './open-url.ts';
import { Random } from './random.ts';
import { CallRecord, type ObjectRecord, type WriterRecord } from './record.ts';
import type { AbortPlan, FaultPlan, Form, Schedule, Step, WriterPlan } from './schedule.ts';
import { STAMPS, VALUES } from './shares.ts';
import { canFail, makeSource, memoryBlob } from './sources.ts';
import { Wire } from './wire.ts';

/** The observations of one run. */
export interface Run {
  readonly schedule: Schedule;
  readonly oss: ObservedOss;
  readonly writers: readonly WriterRecord[];
  /** Problems of the whole run: it hangs, or an error was thrown that no call received. */
  readonly problems: readonly string[];
}

/**
 * The number of byte values that each writer has. So each byte identifies its writer. The bytes of strangers start at
 * 96.
 */
export const ALPHABET = 32;
export const FOREIGN = 96;

export async function runSchedule(schedule: Schedule): Promise<Run> {
  const world = new World(schedule);
  const problems: string[] = [];
  try {
    await world.run();
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  return { schedule, oss: world.oss, writers: world.writers, problems };
}

/** A step that appends. */
type CallStep = Extract<Step, { do: 'append' | 'append-file' | 'resume' }>;

/** Lets a writer work again, after the last fault. */
type CalmDown = () => Promise<void>;

type Reload = Partial<Extract<Step, { do: 'reload' }>>;

/** An AppendableObject and its record. */
interface Handle {
  readonly record: ObjectRecord;
  readonly object: AppendableObject;
}

class World {
  readonly oss: ObservedOss;
  readonly writers: WriterRecord[] = [];
  readonly #schedule: Schedule;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  /** The storage of the journals, which all pages share. */
  readonly #storage: FakeStorage;
  /** True after the last fault. */
  #calm = false;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    const random = new Random(schedule.seed);
    this.#clock = new VirtualClock(NOON, () => random.next());
    this.#random = new Random(schedule.seed ^ 0x5eed);
    const delay = schedule.writers.find(({ log }) => log)?.log?.storage ?? 0;
    this.#storage = new FakeStorage((done) => void this.#clock.setTimeout(done, delay));
    this.oss = new ObservedOss(this.#clock, (request) => this.#faults(request));
  }

  async run(): Promise<void> {
    const { initial, writers } = this.#schedule;
    if (initial !== null) this.oss.begin(this.#foreignBytes(initial));
    const scripts = writers.map((plan, index) => this.#writer(plan, index));
    const ended: CalmDown[] = [];
    await drive(
      Promise.all(scripts.map(async (script) => ended.push(await script))),
      this.#clock,
      settleMicrotasks,
      MOST_TIMERS,
    );
    await this.#drain();
    this.#calm = true;
    for (const calmDown of ended) await drive(calmDown(), this.#clock, settleMicrotasks, MOST_TIMERS);
  }

  /** Waits for late commits and other remaining work. */
  async #drain(): Promise<void> {
    do await settleMicrotasks();
    while (this.#clock.step());
    this.oss.look();
  }

  async #writer(plan: WriterPlan, index: number): Promise<CalmDown> {
    if (plan.log) return this.#logWriter(plan, index);
    const file = this.#bytes(index, plan.file?.size ?? 0);
    const atOnce = plan.steps.some((step) => 'queue' in step);
    const writer: WriterRecord = { plan, index, file, atOnce, objects: [] };
    this.writers.push(writer);
    let handle = this.#open(writer);
    const calls: Promise<void>[] = [];
    for (const step of plan.steps) {
      if (!('queue' in step)) await Promise.all(calls);
      if (step.do === 'reload') handle = this.#open(writer, step, handle.object.tail);
      else if (step.do === 'wait') await this.#clock.wait(step.delay);
      else calls.push(this.#call(handle, step as CallStep));
    }
    await Promise.all(calls);
    return () => this.#calmDown(handle);
  }

  async #logWriter(plan: WriterPlan, index: number): Promise<CalmDown> {
    const log = new LogBook(index * ALPHABET, this.#schedule.seed + index);
    const writer = { plan, index, file: NOTHING.slice(), atOnce: false, objects: [], log };
    this.writers.push(writer);
    const storage = this.#storage;
    const network = () => this.#logNetwork(writer);
    const settings = (fetch: Fetch) => this.#settings(fetch);
    const run = new LogWriter(writer, plan.log!, { clock: this.#clock, storage, network, settings });
    await run.run(plan.steps);
    // Nobody can append to such an object.
    return async () => (this.oss.object(BUCKET, KEY)?.type === 'Normal' ? undefined : run.calmDown());
  }

  /** Returns the network of a page. Its requests belong to one call, which never ends. */
  #logNetwork(writer: WriterRecord): Fetch {
    const record = this.#record(writer, writer.plan.segmentSize);
    const nothing = { source: NOTHING, regular: true, failing: false, piped: false, ofFile: false };
    const opening = new CallRecord(record, { kind: 'append', ...nothing, start: this.oss.now });
    record.calls.push(opening);
    return this.#wire(record, opening).fetch;
  }

  #record(writer: WriterRecord, segmentSize: number | null, { stale = false, bare = false } = {}): ObjectRecord {
    const seen = { calls: [], requests: [], pending: [], lengthRead: 0 };
    const record: ObjectRecord = { writer, segmentSize, from: this.oss.now, stale, bare, ...seen };
    writer.objects.push(record);
    return record;
  }

  #open(writer: WriterRecord, { tail: kept = 'none', segmentSize: changed }: Reload = {}, last?: ObjectTail): Handle {
    const { shared, flushAfter } = writer.plan;
    const segmentSize = changed ?? writer.plan.segmentSize;
    const tail = tailFor(kept, last);
    const stale = tail !== undefined && tail.position !== this.oss.stored.length;
    const bare = tail !== undefined && tail.hashCrc64ecma === undefined;
    const record = this.#record(writer, segmentSize, { stale, bare });
    const size = segmentSize ?? undefined;
    const options = { shared, segmentSize: size, flushAfter: flushAfter ?? Number.POSITIVE_INFINITY, tail };
    return { record, object: new AppendableObject(this.#client(record), KEY, options) };
  }

  #client(object: ObjectRecord): AppendClient {
    const nothing = { source: NOTHING, regular: true, failing: false, piped: false, ofFile: false, start: 0 };
    const opening = new CallRecord(object, { kind: 'append', ...nothing });
    const { fetch } = this.#wire(object, opening);
    if (this.#schedule.signing !== 'none') return new OssClient(this.#settings(fetch));
    return new PresignedClient({ ...this.#common(fetch), presign: openUrl });
  }

  #wire(object: ObjectRecord, opening: CallRecord): Wire {
    const { latency, bandwidth = Number.POSITIVE_INFINITY } = this.#schedule;
    return new Wire({ oss: this.oss, clock: this.#clock, object, opening, latency, bandwidth });
  }

  #settings(fetch: Fetch): OssClientOptions {
    const { signing } = this.#schedule;
    let token: Credentials | undefined;
    const credentials: CredentialsProvider = ({ rejected }) => {
      if (!token || rejected) token = this.oss.issueToken();
      return token;
    };
    const where = { region: 'cn-hangzhou', bucket: BUCKET, signing: signing === 'none' ? undefined : signing };
    return { ...this.#common(fetch), ...where, credentials };
  }

  #common(fetch: Fetch) {
    const { timeout, maxAttempts } = this.#schedule;
    return { fetch, timeout, retry: { maxAttempts }, clock: this.#clock };
  }

  #call(handle: Handle, step: CallStep): Promise<void> {
    if (step.do === 'append') return this.#append(handle, step);
    const { file, plan } = handle.record.writer;
    const start = step.do === 'resume' ? this.#fileStart(plan) : undefined;
    const kind = step.do === 'resume' ? 'resume' : 'append';
    const call = this.#begin(handle, { kind, source: file, ofFile: true, abort: step.abort });
    const options = { ...optionsOf(call), start };
    return this.#finish(handle, call, handle.object[kind](memoryBlob(file), options));
  }

  #append(handle: Handle, { source, abort }: Extract<Step, { do: 'append' }>): Promise<void> {
    const { writer, calls } = handle.record;
    const size = source.chunks.reduce((sum, chunk) => sum + chunk, 0);
    const bytes = this.#bytes(writer.index, size, writer.atOnce ? calls.length % STAMPS : undefined);
    const failing = canFail(source);
    const regular = (writer.plan.flushAfter === null || !source.gap) && !failing;
    const piped = source.form === 'piped';
    const call = this.#begin(handle, { kind: 'append', source: bytes, regular, failing, piped, abort });
    const own = bytes.slice();
    const made = makeSource(own, source, this.#clock);
    const { object } = handle;
    const work = piped ? pipe(made, object, call) : object.append(made, optionsOf(call));
    if (source.reuse && isCopied(source.form, size, handle.record)) own.fill(0xff);
    // After the call has ended, in whatever way, the buffer belongs to the caller again.
    return this.#finish(handle, call, work)
      .finally(() => own.fill(0xff))
      .then(() => this.#settle(handle, call));
  }

  /**
   * Does what the README recommends after a failure: it calls `settle` until an answer comes, and then appends the
   * rest.
   */
  async #settle(handle: Handle, call: CallRecord): Promise<void> {
    const { atOnce } = handle.record.writer;
    if (!this.#schedule.settles || this.#calm || atOnce || call.error === undefined || call.kind === 'resume') return;
    let error: unknown = call.error;
    call.settled = false;
    call.settles = true;
    call.failedAt = call.end;
    for (let tries = 0; tries < 3 && call.settledAt === undefined; tries++) {
      try {
        call.settledAt = (await handle.object.settle(error)).loaded;
      } catch (failure) {
        // If the source of a pipe fails during an abort, the pipe rejects with the error of the source, which `append`
        // never received.
        if (!(failure instanceof OssError) && !call.piped) call.problems.push(`settle threw ${failure}`);
        error = failure;
      }
    }
    call.settled = true;
    call.end = this.oss.tick();
    const rest = call.source.slice(call.settledAt ?? call.source.length);
    if (rest.length === 0) return;
    const next = this.#begin(handle, { kind: 'append', source: rest });
    await this.#finish(handle, next, handle.object.append(rest.slice(), optionsOf(next)));
  }

  #begin(
    { record }: Handle,
    init: Pick<CallRecord, 'kind' | 'source'> &
      Partial<Pick<CallRecord, 'regular' | 'failing' | 'piped' | 'ofFile'>> & { abort?: AbortPlan | undefined },
  ): CallRecord {
    // If there are several concurrent calls, every second one has a signal.
    const signalled = record.writer.atOnce && record.calls.length % 2 === 0;
    const usual = { regular: true, failing: false, piped: false, ofFile: false };
    const call = new CallRecord(record, { ...usual, signalled, ...init, start: this.oss.tick() });
    record.calls.push(call);
    return call;
  }

  async #finish({ object }: Handle, call: CallRecord, work: Promise<ObjectTail>): Promise<void> {
    const { abortAfter } = call;
    if (call.abortsAtOnce) call.abort();
    const timer = abortAfter === undefined ? undefined : this.#clock.setTimeout(() => call.abort(), abortAfter);
    try {
      call.result = await work;
    } catch (error) {
      call.error = error;
    }
    this.#clock.clearTimeout(timer);
    call.settled = true;
    call.end = this.oss.tick();
    call.tailAfter = object.tail;
    call.pendingAfter = object.pending;
  }

  /** When there are no more faults, the writer must be able to append again. It gets two calls for this. */
  async #calmDown(handle: Handle): Promise<void> {
    const { record, object } = handle;
    const failed = record.calls.at(-1)?.error !== undefined;
    const opened = await object.open().then(
      () => true,
      () => false,
    );
    record.lengthRead = failed && opened ? this.oss.stored.length : 0;
    record.pending = object.pending;
    for (let tries = 0; tries < 2; tries++) {
      // If something follows the file in the object, there is nothing to resume.
      const step: CallStep = record.calls.every(({ ofFile }) => ofFile && record.writer.plan.file)
        ? { do: 'resume' }
        : { do: 'append', source: { form: 'bytes', chunks: [3] } };
      await this.#call(handle, step);
      if (record.calls.at(-1)?.result) return;
    }
  }

  #fileStart({ file }: WriterPlan): ObjectTail | undefined {
    const { initial } = this.#schedule;
    if (!initial) return undefined;
    const before = this.oss.epochs.length > 1 ? this.oss.epochs[0]!.bytes : this.oss.stored;
    const hashCrc64ecma = String(crc64(before.slice(0, initial)));
    return file?.start === 'full' ? { position: initial, hashCrc64ecma } : { position: initial };
  }

  #faults({ operation, nth, size = 0 }: FaultRequest): Fault[] {
    const { faults, hidden, unreadable, lengths = 'reported', coded = 'no' } = this.#schedule;
    const due = this.#calm
      ? []
      : faults.filter((fault) => fault.operation === operation && nth >= fault.nth && nth < fault.nth + fault.times);
    const result = due.map((fault) => this.#toFault(fault, size));
    const reads = operation !== 'AppendObject';
    if (unreadable && reads && !this.#calm) result.push({ kind: 'deny' });
    if (lengths !== 'reported' && reads) result.push({ kind: 'no-length', parts: lengths === 'counted' });
    if (coded !== 'no' && operation === 'GetObject' && !this.#calm)
      result.push({ kind: 'decoded', always: coded === 'always' });
    if (hidden === 'all') result.unshift({ kind: 'hide-headers' });
    if (hidden === 'crc') result.push({ kind: 'hide-headers', names: ['x-oss-hash-crc64ecma'] });
    return result;
  }

  #toFault({ operation, nth, times, ...fault }: FaultPlan, size: number): Fault {
    if (fault.kind === 'flip-bit' && size > (fault.at ?? 0)) this.oss.note('flip-bit');
    if (fault.kind === 'replace') return { ...fault, bytes: this.#foreignBytes(fault.size) };
    if (fault.kind !== 'rival') return fault;
    const { kind, when } = fault;
    if (fault.size !== 'same') return { kind, when, bytes: this.#foreignBytes(fault.size) };
    return operation === 'AppendObject' ? { kind, when, same: true } : { kind, when, bytes: this.#foreignBytes(1) };
  }

  /** Makes the bytes of a writer. With a stamp, each byte also identifies its call. */
  #bytes(writer: number, size: number, stamp?: number): Uint8Array<ArrayBuffer> {
    if (size > MANY) return this.#manyBytes(writer, size);
    const least = writer * ALPHABET + (stamp ?? 0) * VALUES;
    const most = least + (stamp === undefined ? ALPHABET : VALUES) - 1;
    return Uint8Array.from({ length: size }, () => this.#random.int(least, most));
  }

  /**
   * Returns a part of the same bytes each time, because a million calls of a function would take longer than the run.
   */
  #manyBytes(writer: number, size: number): Uint8Array<ArrayBuffer> {
    const start = this.#random.int(0, NOISE - size);
    return noise()
      .slice(start, start + size)
      .map((value) => writer * ALPHABET + (value % ALPHABET));
  }

  #foreignBytes(size: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: size }, () => this.#random.int(FOREIGN, 255));
  }
}

/** The longest of 4,000 runs needed 438 timers, so a run that needs this many does not end. */
const MOST_TIMERS = 5000;
const NOTHING: Uint8Array = new Uint8Array(0);
/** The smallest size of adaptive segments, in bytes. */
const SMALLEST_SEGMENT = 256 * 1024;
/** A number of bytes. Larger sources are not made byte by byte. */
const MANY = 10_000;
/** The number of prepared bytes. */
const NOISE = 8 * 1024 * 1024;

let made: Uint8Array<ArrayBuffer> | undefined;

function noise(): Uint8Array<ArrayBuffer> {
  if (made) return made;
  const random = new Random(1);
  made = new Uint8Array(Uint32Array.from({ length: NOISE / 4 }, () => random.next() * 2 ** 32).buffer);
  return made;
}

/** Returns whether `append` promises to copy these bytes. */
function isCopied(form: Form, size: number, { segmentSize }: ObjectRecord): boolean {
  return (form === 'bytes' || form === 'buffer') && size <= (segmentSize ?? SMALLEST_SEGMENT);
}

function optionsOf(call: CallRecord) {
  return {
    signal: call.signal,
    onprogress: (progress: CallRecord['progress'][number]) => void call.progress.push(progress),
  };
}

async function pipe(source: AppendSource, object: AppendableObject, call: CallRecord): Promise<ObjectTail> {
  await (source as ReadableStream<Uint8Array<ArrayBuffer>>).pipeTo(new AppendStream(object, optionsOf(call)));
  return object.tail as ObjectTail;
}

function tailFor(kind: 'kept' | 'bare' | 'none', tail: ObjectTail | undefined): ObjectTail | undefined {
  if (kind === 'none' || !tail) return undefined;
  return kind === 'kept' ? tail : { position: tail.position };
}
