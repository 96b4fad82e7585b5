/**
 * A schedule is everything that happens in one run. It is plain data, so it can be made from a seed, printed and
 * reduced.
 */
import type { Fault, Operation } from '../../../src/testing/faults.ts';
import { type LogPlan, type LogStep, logWriters } from './log-plan.ts';
import { Random } from './random.ts';

/** The ways in which bytes reach the engine. */
export type Form =
  | 'bytes'
  | 'buffer'
  | 'string'
  | 'blob'
  | 'stream'
  | 'byte-stream'
  | 'text-stream'
  | 'iterable'
  | 'reused'
  | 'async'
  | 'response'
  | 'blobs'
  /** Through an AppendStream. */
  | 'piped';

/** The source of one append. */
export interface SourcePlan {
  readonly form: Form;
  /** The sizes of the chunks in bytes. */
  readonly chunks: readonly number[];
  /** The wait before each chunk in ms. Only streams and async iterables can wait. */
  readonly gap?: number;
  /** The chunk at which the source throws. For a Blob, the read at which the file is gone. */
  readonly failAt?: number;
  /** True if the caller reuses its buffer at once. Bytes that fit into one segment are copied during the call. */
  readonly reuse?: true;
}

/**
 * The moment at which the caller aborts: after a number of ms (-1: right after the call), or at a request of the call,
 * before it is sent, while it is in flight, or after the answer.
 */
export type AbortPlan =
  | { readonly after: number }
  | { readonly request: number; readonly when: 'before' | 'under-way' | 'answered' };

/** One step of a writer. With `queue`, the step begins before the earlier steps have ended. */
export type Step =
  | { readonly do: 'append'; readonly source: SourcePlan; readonly abort?: AbortPlan; readonly queue?: true }
  /** Appends the file of the writer from its beginning. */
  | { readonly do: 'append-file'; readonly abort?: AbortPlan; readonly queue?: true }
  | { readonly do: 'resume'; readonly abort?: AbortPlan; readonly queue?: true }
  /**
   * Reloads the page. The new AppendableObject gets the last tail, the last tail without its CRC, or no tail. A newer
   * version of the page may use other segments.
   */
  | { readonly do: 'reload'; readonly tail: 'kept' | 'bare' | 'none'; readonly segmentSize?: number }
  | { readonly do: 'wait'; readonly delay: number; readonly queue?: true }
  | LogStep;

export interface WriterPlan {
  readonly shared: boolean;
  /** The segment size in bytes, or null for the default, which adapts. */
  readonly segmentSize: number | null;
  /** The time in ms, or null for never. */
  readonly flushAfter: number | null;
  /**
   * The file that `resume` continues. `start` says how the writer gives the end of the object before the file, if the
   * object existed.
   */
  readonly file?: { readonly size: number; readonly start: 'full' | 'bare' };
  /** A log writer. Its steps are those of a log, and waits. */
  readonly log?: LogPlan;
  readonly steps: readonly Step[];
}

/** A fault of LocalOss. The bytes of other writers are given by their number. */
export type FaultPlan = (
  | Exclude<Fault, { kind: 'rival' | 'replace' }>
  | { readonly kind: 'rival'; readonly when: 'before' | 'after'; readonly size: number | 'same' }
  | {
      readonly kind: 'replace';
      readonly when: 'before' | 'after';
      readonly size: number;
      readonly type: 'Appendable' | 'Normal';
    }
) & {
  readonly operation: 'AppendObject' | 'HeadObject' | 'GetObject';
  /** The first request that gets the fault, counted for each operation. */
  readonly nth: number;
  readonly times: number;
};

export interface Schedule {
  /** The seed of the bytes and of the client's random numbers. */
  readonly seed: number;
  readonly signing: 'none' | 'header' | 'query';
  /** The headers that CORS hides in each answer. */
  readonly hidden: 'nothing' | 'crc' | 'all';
  /** True if the credentials do not include oss:GetObject. */
  readonly unreadable: boolean;
  /**
   * Whether HEAD reports a length. OSS omits it for texts (`omitted`). With `counted`, a part does not report its length
   * either.
   */
  readonly lengths: 'reported' | 'omitted' | 'counted';
  /**
   * Whether the object has a Content-Encoding and the platform decodes what it reads. With `always`, OSS adds the
   * header in any case.
   */
  readonly coded: 'no' | 'yes' | 'always';
  readonly maxAttempts: number;
  /** True if the caller uses `settle` after a call that failed, and then appends the rest of the source. */
  readonly settles?: boolean;
  /** The time-out of one attempt in ms. */
  readonly timeout: number;
  /** The longest delay of each direction in ms. */
  readonly latency: number;
  /** The bandwidth of the link in bytes for each ms. If it is missing, the bandwidth is unlimited. */
  readonly bandwidth?: number;
  /** The number of bytes in the object before the run. It is null if the object does not exist. */
  readonly initial: number | null;
  readonly writers: readonly WriterPlan[];
  readonly faults: readonly FaultPlan[];
}

/** `crowd` means many concurrent calls. `large` means sources of several segments of the default size. */
type Scenario = 'single' | 'rival' | 'shared' | 'file' | 'strangers' | 'crowd' | 'large';

/**
 * The chance that requests of a scenario take time. It is high if several writers write or late commits should overtake
 * other requests.
 */
const LATENT: Readonly<Record<Scenario, number>> = {
  ...{ single: 0.2, rival: 0.2, file: 0.5, shared: 0.8, strangers: 0.8 },
  ...{ crowd: 0.8, large: 0.8 },
};

/** Makes the schedule of a seed. */
export function scheduleOf(seed: number): Schedule {
  const random = new Random(seed);
  const scenario = random.weighted<Scenario>({
    ...{ single: 33, file: 21, shared: 20, rival: 13, strangers: 4 },
    ...{ crowd: 8.5, large: 0.5 },
  });
  const segmentSize = random.pick([1, 2, 3, 5, 8, 16, 33, 64]);
  const timeout = random.pick(scenario === 'large' ? [20_000, 120_000] : [500, 1000, 3000]);
  const schedule = usual(seed, random, { scenario, segmentSize, timeout });
  // This uses a random sequence of its own, so that the other schedules stay the same.
  const logs = new Random(seed ^ 0x106);
  return scenario !== 'large' && logs.chance(LOGS) ? { ...schedule, ...logWriters(logs) } : schedule;
}

/** The part of the schedules that have log writers. */
const LOGS = 0.06;

function usual(
  seed: number,
  random: Random,
  { scenario, segmentSize, timeout }: { scenario: Scenario; segmentSize: number; timeout: number },
): Schedule {
  return {
    seed,
    signing: random.weighted({ none: 80, header: 14, query: 6 }),
    hidden: random.weighted({ nothing: 70, crc: 15, all: 15 }),
    unreadable: random.chance(0.04),
    ...readingOf(new Random(seed ^ 0x1e57)),
    maxAttempts: random.pick([1, 2, 3, 4, 8]),
    // This uses a random sequence of its own, so that the rest of each schedule stays the same.
    settles: new Random(seed ^ 0x5e771e).chance(0.5),
    timeout,
    latency: random.chance(LATENT[scenario]) ? random.int(1, 80) : 0,
    ...(scenario === 'large' ? { bandwidth: random.pick([30, 100, 1000, 10_000]) } : {}),
    initial: random.chance(0.6) ? null : random.pick([0, 1, segmentSize, random.int(1, 40)]),
    writers: writersOf(random, scenario, segmentSize),
    faults: faultsOf(random, scenario, segmentSize, timeout),
  };
}

/** These values use a random sequence of their own, so that the rest of each schedule stays the same. */
function readingOf(random: Random): Pick<Schedule, 'lengths' | 'coded'> {
  const lengths = random.weighted({ reported: 80, omitted: 14, counted: 6 } as const);
  const coded = random.weighted({ no: 90, yes: 7, always: 3 } as const);
  // Decoded bytes cannot be counted. OSS always reports the length of an object with a Content-Encoding, because it
  // does not compress it.
  return { lengths, coded: lengths === 'counted' ? 'no' : coded };
}

function writersOf(random: Random, scenario: Scenario, segmentSize: number): WriterPlan[] {
  if (scenario === 'file') return [fileWriter(random, segmentSize)];
  if (scenario === 'large') return [largeWriter(random)];
  const many = scenario === 'shared' || scenario === 'strangers';
  const shared = scenario === 'shared';
  if (scenario === 'crowd') return crowdOf(random);
  return random.list(many ? random.pick([1, 2, 2, 2, 3]) : 1, () => ({
    shared,
    segmentSize,
    flushAfter: random.pick([null, 1000, 5]),
    steps: appendSteps(random, segmentSize, many ? 2 : 4),
  }));
}

function appendSteps(random: Random, segmentSize: number, most: number): Step[] {
  const steps: Step[] = [];
  for (let left = random.int(1, most); left > 0; left--) {
    steps.push({
      do: 'append',
      source: sourceOf(random, segmentSize),
      ...abortOf(random),
      ...(random.chance(0.15) ? { queue: true } : {}),
    });
    if (left > 1 && random.chance(0.12)) steps.push(reloadOf(random, segmentSize));
    if (left > 1 && random.chance(0.2)) steps.push({ do: 'wait', delay: random.int(1, 4000) });
  }
  return steps;
}

function crowdOf(random: Random): WriterPlan[] {
  const shared = random.chance(0.3);
  return random.list(shared ? 2 : 1, () => crowdWriter(random, shared));
}

/** Makes up to eight concurrent calls, most of them of a few bytes, at once or in two bursts. */
function crowdWriter(random: Random, shared: boolean): WriterPlan {
  const segmentSize = random.pick([null, null, 1, 3, 8, 16, 64]);
  const steps: Step[] = [];
  for (let left = random.int(2, 8); left > 0; left--) {
    steps.push({ do: 'append', source: crowdSource(random, segmentSize ?? 16), ...abortOf(random, 0.25), queue: true });
    if (random.chance(0.2)) steps.push({ do: 'wait', delay: random.pick([1, 20, 200]), queue: true });
  }
  return { shared, segmentSize, flushAfter: random.pick([null, 1000, 5]), steps };
}

function crowdSource(random: Random, segmentSize: number): SourcePlan {
  if (random.chance(0.25)) return sourceOf(random, segmentSize);
  const form = random.pick(['bytes', 'buffer', 'string'] as const);
  const size = random.weighted({ none: 5, one: 25, few: 60, segment: 10 });
  const chunks = { none: [], one: [1], few: [random.int(1, 12)], segment: [segmentSize] }[size];
  return { form, chunks, ...reuseOf(random) };
}

function reuseOf(random: Random): { reuse?: true } {
  return random.chance(0.4) ? { reuse: true } : {};
}

/** Makes segments of the default size, which starts at 1 MiB. */
function largeWriter(random: Random): WriterPlan {
  const steps = random.list(random.pick([1, 2]), (): Step => {
    const chunks = random.list(random.int(5, 10), () => random.int(65_536, 320_000));
    return { do: 'append', source: { form: random.pick(FORMS), chunks }, ...abortOf(random, 0.05) };
  });
  // A short append comes first. It may show that the link is slow, or it may show nothing.
  const short: Step = { do: 'append', source: { form: 'bytes', chunks: [random.int(20_000, 200_000)] } };
  return { shared: false, segmentSize: null, flushAfter: null, steps: random.chance(0.5) ? [short, ...steps] : steps };
}

function fileWriter(random: Random, segmentSize: number): WriterPlan {
  const steps: Step[] = [{ do: random.chance(0.5) ? 'append-file' : 'resume', ...abortOf(random) }];
  for (let left = random.int(0, 3); left > 0; left--) {
    if (random.chance(0.6)) steps.push({ do: 'reload', tail: 'none', ...otherSegments(random, segmentSize) });
    if (random.chance(0.2)) steps.push({ do: 'wait', delay: random.int(1, 4000) });
    steps.push({ do: 'resume', ...abortOf(random), ...(random.chance(0.2) ? { queue: true } : {}) });
  }
  // These appends follow the file while the file is still being sent.
  if (random.chance(0.15)) steps.push(...random.list(random.int(1, 3), () => laterStep(random, segmentSize)));
  const size = segmentSize * random.int(0, 6) + random.pick([0, 0, 1, segmentSize >> 1]);
  return { shared: false, segmentSize, flushAfter: null, file: { size, start: random.pick(['full', 'bare']) }, steps };
}

function laterStep(random: Random, segmentSize: number): Step {
  return { do: 'append', source: crowdSource(random, segmentSize), ...abortOf(random), queue: true };
}

function otherSegments(random: Random, segmentSize: number): { segmentSize?: number } {
  return random.chance(0.5)
    ? { segmentSize: Math.max(1, segmentSize + random.pick([-segmentSize >> 1, -1, 1, 3])) }
    : {};
}

function reloadOf(random: Random, segmentSize: number): Step {
  return { do: 'reload', tail: random.pick(['kept', 'bare', 'none']), ...otherSegments(random, segmentSize) };
}

function abortOf(random: Random, probability = 0.15): { abort?: AbortPlan } {
  if (!random.chance(probability)) return {};
  if (random.chance(0.5)) return { abort: { after: random.pick([-1, random.int(0, 200), random.int(0, 3000)]) } };
  return { abort: { request: random.int(1, 6), when: random.pick(['before', 'under-way', 'answered']) } };
}

const FORMS: readonly Form[] = [
  ...(['bytes', 'buffer', 'string', 'blob', 'stream', 'byte-stream'] as const),
  ...(['text-stream', 'iterable', 'reused', 'async', 'response', 'blobs', 'piped'] as const),
];

function sourceOf(random: Random, segmentSize: number): SourcePlan {
  const form = random.pick(FORMS);
  const chunks = chunksOf(random, segmentSize);
  const gap = random.chance(0.15) ? { gap: random.pick([1, 20, 1500]) } : {};
  const failAt = random.chance(0.05) ? { failAt: random.int(0, chunks.length) } : {};
  return { form, chunks, ...gap, ...failAt, ...reuseOf(random) };
}

/** Makes a source of up to five segments: one chunk, many chunks of one byte, exact segments, or any sizes. */
function chunksOf(random: Random, segmentSize: number): number[] {
  const size = Math.min(200, segmentSize * random.int(0, 5) + random.pick([0, 0, 1, segmentSize >> 1]));
  const style = random.weighted({ one: 30, bytes: 10, segments: 20, any: 40 });
  const chunks: number[] = [];
  for (let left = size; left > 0; left -= chunks.at(-1) ?? 0) {
    const wanted = { one: size, bytes: 1, segments: segmentSize, any: random.int(0, Math.min(left, 2 * segmentSize)) };
    chunks.push(Math.min(left, size > 20 && style === 'bytes' ? 3 : wanted[style]));
  }
  return chunks;
}

function faultsOf(random: Random, scenario: Scenario, segmentSize: number, timeout: number): FaultPlan[] {
  const deeds = scenario === 'rival' || random.chance(scenario === 'shared' ? 0.3 : 0.1);
  const count = random.pick([0, 1, 1, 2, 2, 3, 4, 6]);
  const faults = random.list(count, () => faultOf(random, segmentSize, timeout));
  if (deeds) faults.push(...random.list(random.int(1, 3), () => deedOf(random, segmentSize)));
  return faults;
}

type Target = Pick<FaultPlan, 'operation' | 'nth' | 'times'>;

const TIMES = [1, 1, 1, 1, 1, 2, 3, 9];

function faultOf(random: Random, segmentSize: number, timeout: number): FaultPlan {
  const operation = random.weighted({ AppendObject: 70, HeadObject: 18, GetObject: 12 });
  const nth = operation === 'GetObject' ? random.pick([1, 1, 1, 2, 3]) : random.pick([1, 1, 2, 2, 3, 4, 5, 6, 8, 11]);
  const target: Target = { operation, nth, times: random.pick(TIMES) };
  // A limit for bodies usually applies to all requests.
  return { ...target, ...accident(random, operation, segmentSize, timeout) } as FaultPlan;
}

const WRITE_ACCIDENTS = { 'drop-during': 3, 'commit-late': 14, repeat: 6, 'flip-bit': 0.5, limit: 4 };

/** Refusals that no other fault gives. */
const REFUSALS = [
  { status: 409, code: 'FileAlreadyExists' },
  { status: 403, code: 'UserDisable' },
  { status: 404, code: 'NoSuchBucket' },
  { status: 400, code: 'InvalidArgument' },
  { status: 412, code: 'PreconditionFailed' },
  { status: 429, code: 'TooManyRequests' },
  { status: 501, code: 'NotImplemented' },
] as const;

const REDIRECTS = [301, 302, 303, 307, 308] as const;

/** Makes a fault that no client causes on purpose. */
function accident(random: Random, operation: Target['operation'], segmentSize: number, timeout: number): object {
  const kind = random.weighted<string>({
    ...{ 'drop-before': 3, 'drop-after': 8, 'error-before': 2, 'error-after': 4, gateway: 4, 'answer-late': 5 },
    ...{ 'hide-headers': 4, opaque: 3, 'skew-clock': 1, 'expire-token': 1, throttle: 2, slow: 2, deny: 1, portal: 2 },
    ...{ redirect: 1, refuse: 1.5 },
    ...({ AppendObject: WRITE_ACCIDENTS, HeadObject: { 'cached-head': 8 }, GetObject: { 'stall-body': 4 } }[
      operation
    ] as object),
  });
  const delay = random.int(1, timeout * random.pick([1, 2, 6]));
  const details: Partial<Record<string, object>> = {
    'error-before': { status: random.pick([500, 502, 503]) },
    'error-after': { status: random.pick([500, 502, 503]) },
    gateway: { after: random.chance(0.6), status: operation === 'AppendObject' ? random.pick([502, 504, 200]) : 502 },
    'answer-late': { delay },
    'commit-late': { delay },
    repeat: { lost: 'first' },
    'flip-bit': { at: random.int(0, segmentSize - 1) },
    'hide-headers': hideOf(random),
    'skew-clock': { by: random.pick([-1, 1]) * random.pick([60_000, 1_200_000]) },
    throttle: { delay: random.int(1, 2000) },
    slow: { bytesPerSecond: random.pick([1, 10, 100]) },
    limit: limitOf(random, segmentSize),
    redirect: { location: 'https://elsewhere.example/', status: random.pick(REDIRECTS) },
    refuse: random.pick(REFUSALS),
    // The first answer fills the cache, so that only the later ones differ from OSS's.
    'cached-head': { times: random.pick([2, 3, 9, 1000]) },
  };
  return { kind, ...details[kind] };
}

function limitOf(random: Random, segmentSize: number): object {
  const answer = random.pick(['page', 'xml', 'reset']);
  const times = random.pick([1, 2, 1000]);
  return { bytes: random.int(0, segmentSize), answer, times, ...(random.chance(0.5) ? { nth: 1 } : {}) };
}

function hideOf(random: Random): object {
  const names = random.pick([['x-oss-hash-crc64ecma'], ['x-oss-next-append-position'], undefined]);
  return names ? { names } : {};
}

/** Makes a change by another client. */
function deedOf(random: Random, segmentSize: number): FaultPlan {
  const operation = random.weighted({ AppendObject: 70, HeadObject: 20, GetObject: 10 } as const);
  const target: Target = { operation, nth: random.pick([1, 1, 2, 2, 3, 4, 6]), times: random.pick([1, 1, 1, 2]) };
  const kind = random.weighted({ rival: 60, delete: 20, replace: 15, 'flip-bit': 5 } as const);
  const when = random.pick(['before', 'before', 'after'] as const);
  const size = random.pick([1, segmentSize, 2 * segmentSize, random.int(0, 40)]);
  if (kind === 'rival') return { kind, when, size: random.chance(0.5) ? 'same' : size, ...target };
  if (kind === 'replace') return { kind, when, size, type: random.pick(['Appendable', 'Normal']), ...target };
  if (kind === 'delete') return { kind, when, ...target };
  return { kind, at: random.int(0, segmentSize - 1), ...target, operation: 'AppendObject' };
}

/** The name of a fault's operation in LocalOss. */
export type FaultOperation = Extract<Operation, Target['operation']>;
