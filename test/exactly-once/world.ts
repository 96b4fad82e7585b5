/** Runs a schedule: the engine and the client as they are, against LocalOss, in virtual time. */
import { AppendableObject, type AppendClient } from '../../src/append.ts';
import { OssClient } from '../../src/client.ts';
import { crc64 } from '../../src/crc64.ts';
import type { Credentials, CredentialsProvider } from '../../src/credentials.ts';
import type { ObjectTail } from '../../src/errors.ts';
import type { PresignRequest } from '../../src/http.ts';
import type { AppendSource } from '../../src/segments.ts';
import { AppendStream } from '../../src/stream.ts';
import type { Fault, FaultRequest } from '../../src/testing/faults.ts';
import { drive, settle, VirtualClock } from './clock.ts';
import { BUCKET, KEY, ObservedOss } from './observed-oss.ts';
import { Random } from './random.ts';
import { CallRecord, type ObjectRecord, type WriterRecord } from './record.ts';
import type { AbortPlan, FaultPlan, Schedule, Step, WriterPlan } from './schedule.ts';
import { canFail, makeSource, memoryBlob } from './sources.ts';
import { Wire } from './wire.ts';

/** What was seen while a schedule ran. */
export interface Run {
  readonly schedule: Schedule;
  readonly oss: ObservedOss;
  readonly writers: readonly WriterRecord[];
  /** What is wrong with the run as a whole: it hangs, or something was thrown past everybody. */
  readonly problems: readonly string[];
}

/** Each writer's bytes tell whose they are: 32 values each. Those of others begin at 96. */
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

type Reload = Partial<Extract<Step, { do: 'reload' }>>;

/** An AppendableObject and what is noted of it. */
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
  /** The accidents are over. */
  #calm = false;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#clock = new VirtualClock(schedule.seed);
    this.#random = new Random(schedule.seed ^ 0x5eed);
    this.oss = new ObservedOss(this.#clock, (request) => this.#faults(request));
  }

  async run(): Promise<void> {
    const { initial, writers } = this.#schedule;
    if (initial !== null) this.oss.begin(this.#foreignBytes(initial));
    const scripts = writers.map((plan, index) => this.#writer(plan, index));
    const handles: Handle[] = [];
    await drive(this.#clock, Promise.all(scripts.map(async (script) => handles.push(await script))));
    await this.#drain();
    this.#calm = true;
    for (const handle of handles) await drive(this.#clock, this.#calmDown(handle));
  }

  /** Late commits, and whatever else was left behind. */
  async #drain(): Promise<void> {
    do await settle();
    while (this.#clock.advance());
    this.oss.look();
  }

  async #writer(plan: WriterPlan, index: number): Promise<Handle> {
    const file = this.#bytes(index, plan.file?.size ?? 0);
    const writer: WriterRecord = { plan, index, file, objects: [] };
    this.writers.push(writer);
    let handle = this.#open(writer);
    const calls: Promise<void>[] = [];
    for (const step of plan.steps) {
      if (!('queue' in step)) await Promise.all(calls);
      if (step.do === 'reload') handle = this.#open(writer, step, handle.object.tail);
      else if (step.do === 'wait') await this.#clock.wait(step.delay);
      else calls.push(this.#call(handle, step));
    }
    await Promise.all(calls);
    return handle;
  }

  #open(
    writer: WriterRecord,
    { tail: kept = 'none', segmentSize = writer.plan.segmentSize }: Reload = {},
    last?: ObjectTail,
  ): Handle {
    const { shared, flushAfter } = writer.plan;
    const tail = tailFor(kept, last);
    const stale = tail !== undefined && tail.position !== this.oss.stored.length;
    const bare = tail !== undefined && tail.hashCrc64ecma === undefined;
    const record: ObjectRecord = {
      writer,
      segmentSize,
      from: this.oss.now,
      stale,
      bare,
      calls: [],
      pending: [],
      lengthRead: 0,
    };
    writer.objects.push(record);
    const options = { shared, segmentSize, flushAfter: flushAfter ?? Number.POSITIVE_INFINITY, tail };
    return { record, object: new AppendableObject(this.#client(record), KEY, options) };
  }

  /** The engine knows the client by its shape; this one tells which call a request is for. */
  #client({ calls }: ObjectRecord): AppendClient {
    let current: CallRecord | undefined;
    const noting = ({ signal }: { signal?: AbortSignal | undefined } = {}) => {
      current = calls.find((call) => signal && call.signal === signal) ?? calls.find(({ settled }) => !settled);
      return client;
    };
    const { latency } = this.#schedule;
    const opening = new CallRecord(OPENING, {
      kind: 'append',
      source: NOTHING,
      regular: true,
      failing: false,
      start: 0,
    });
    const wire = new Wire({ oss: this.oss, clock: this.#clock, latency, current: () => current ?? opening });
    const client = this.#ossClient(wire);
    return {
      appendObject: (key, body, options) => noting(options).appendObject(key, body, options),
      headObject: (key, options) => noting(options).headObject(key, options),
      getObject: (key, options) => noting(options).getObject(key, options),
      waitToRetry: (failures, options) => client.waitToRetry(failures, options),
      now: () => client.now(),
      wait: (delay, signal) => client.wait(delay, signal),
    };
  }

  #ossClient({ fetch }: Wire): OssClient {
    const { signing, timeout, maxAttempts } = this.#schedule;
    const common = {
      region: 'cn-hangzhou',
      bucket: BUCKET,
      fetch,
      timeout,
      retry: { maxAttempts },
      clock: this.#clock,
    };
    if (signing === 'none') return new OssClient({ ...common, presign: openUrl });
    let token: Credentials | undefined;
    const credentials: CredentialsProvider = ({ rejected }) => {
      if (!token || rejected) token = this.oss.issueToken();
      return token;
    };
    return new OssClient({ ...common, signing, credentials });
  }

  #call(handle: Handle, step: Exclude<Step, { do: 'reload' | 'wait' }>): Promise<void> {
    if (step.do === 'append') return this.#append(handle, step);
    const { file, plan } = handle.record.writer;
    if (step.do === 'append-file') {
      const call = this.#begin(handle, { kind: 'append', source: file, ...step });
      return this.#finish(handle, call, handle.object.append(memoryBlob(file), optionsOf(call)));
    }
    const call = this.#begin(handle, { kind: 'resume', source: file, ...step });
    const start = this.#fileStart(plan);
    return this.#finish(handle, call, handle.object.resume(memoryBlob(file), { ...optionsOf(call), start }));
  }

  #append(handle: Handle, { source, abort }: Extract<Step, { do: 'append' }>): Promise<void> {
    const { writer } = handle.record;
    const size = source.chunks.reduce((sum, chunk) => sum + chunk, 0);
    const bytes = this.#bytes(writer.index, size);
    const failing = canFail(source);
    const regular = (writer.plan.flushAfter === null || !source.gap) && !failing;
    const call = this.#begin(handle, { kind: 'append', source: bytes, regular, failing, abort });
    const made = makeSource(bytes.slice(), source, this.#clock);
    const { object } = handle;
    const work = source.form === 'piped' ? pipe(made, object, call) : object.append(made, optionsOf(call));
    return this.#finish(handle, call, work);
  }

  #begin(
    { record }: Handle,
    init: {
      kind: CallRecord['kind'];
      source: Uint8Array;
      regular?: boolean;
      failing?: boolean;
      abort?: AbortPlan | undefined;
    },
  ): CallRecord {
    // Where calls queue, only their signals tell whose a request is.
    const signalled = record.writer.plan.steps.some((step) => 'queue' in step);
    const call = new CallRecord(record, { regular: true, failing: false, signalled, ...init, start: this.oss.tick() });
    record.calls.push(call);
    return call;
  }

  async #finish({ object }: Handle, call: CallRecord, work: Promise<ObjectTail>): Promise<void> {
    const { abortAfter } = call;
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

  /** When all is over the next append finds its way, at the latest in its second call. */
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
      const step: Step = record.writer.plan.file
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
    const { faults, hidden, unreadable } = this.#schedule;
    const due = this.#calm
      ? []
      : faults.filter((fault) => fault.operation === operation && nth >= fault.nth && nth < fault.nth + fault.times);
    const result = due.map((fault) => this.#toFault(fault, size));
    if (unreadable && !this.#calm && operation !== 'AppendObject') result.push({ kind: 'deny' });
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

  #bytes(writer: number, size: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: size }, () => writer * ALPHABET + this.#random.int(0, ALPHABET - 1));
  }

  #foreignBytes(size: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: size }, () => this.#random.int(FOREIGN, 255));
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
/** Takes the requests of `open`, which is no append. */
const OPENING = {} as ObjectRecord;

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

/** A bucket that all may write needs no signature. */
function openUrl({ operation, key, position }: PresignRequest): string {
  const url = `https://${BUCKET}.oss-cn-hangzhou.aliyuncs.com/${key}`;
  return operation === 'appendObject' ? `${url}?append&position=${position}` : url;
}
