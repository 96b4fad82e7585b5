// `npm run bench:browser` measures the times for which a page waits: small appends over 50 ms of latency, 500 MB from a
// File and from a stream, signing and CRC-64. Signing and CRC-64 also run in Firefox. No debugger is attached to the
// browsers.
import { type Costs, compare, median, type Row, rateOf, spread } from '../measure.ts';
import { type Receiver, withReceivers } from '../receivers.ts';
import { type Browser, startChromium, startFirefox } from './browsers.ts';
import type { Job, Outcome, Sender } from './job.ts';
import { type Files, type Site, startSite } from './site.ts';

/** The settings of one run. */
export interface BrowserBench {
  readonly chromium: string;
  /** The path of Firefox; undefined when it is not installed. */
  readonly firefox?: string | undefined;
  readonly files: Files;
  readonly rounds: number;
  readonly parts: readonly string[];
  say(text: string): void;
}

const MIB = 1024 * 1024;
const APPENDS = 50;
const LATENCY = 50;
const SIZE = 500e6;
/** The bandwidth of a good line in bytes per second, and the number of bytes that are sent over it. */
const LINK = 100e6;
const SIZE_ON_LINK = 250e6;
const SENDERS: readonly Sender[] = ['fetch', 'header', 'query', 'presigned', 'ali-oss'];

/** The outcome of one job, and what the benchmark measured outside the page. */
interface Seen extends Outcome {
  /** The number of requests that the receiver counted, without preflights. */
  readonly requests: number;
  readonly preflights: number;
  /** The peak memory of all browser processes, in bytes. */
  readonly memory: number;
}

interface Stage {
  readonly site: Site;
  readonly browser: Browser;
  readonly receivers: readonly Receiver[];
}

async function see({ site, browser }: Stage, receiver: Receiver, job: Job): Promise<Seen> {
  let most = browser.memory() ?? Number.NaN;
  const timer = setInterval(() => {
    most = Math.max(most, browser.memory() ?? Number.NaN);
  }, 250);
  try {
    await receiver.counts();
    const outcome = await Promise.race([site.ask(job), browser.ended]);
    return { ...outcome, ...(await receiver.counts()), memory: most };
  } finally {
    clearInterval(timer);
  }
}

type Jobs = readonly (readonly [name: string, job: Job])[];

/** Runs the jobs interleaved, like `race` does, and returns all measurements instead of one cost. */
async function seeAll(stage: Stage, receiver: Receiver, jobs: Jobs, { rounds, say }: BrowserBench) {
  const seen = new Map(jobs.map(([name]) => [name, [] as Seen[]]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < jobs.length; turn++) {
      const [name, job] = jobs[(turn + round) % jobs.length]!;
      say(`round ${round + 1} of ${rounds}: ${name}`);
      seen.get(name)?.push(await see(stage, receiver, job));
    }
  }
  return seen;
}

const timesOf = (seen: ReadonlyMap<string, readonly Seen[]>): Costs =>
  new Map([...seen].map(([name, all]) => [name, all.map(({ time }) => time)]));

async function small(stage: Stage, bench: BrowserBench): Promise<Row[]> {
  const [receiver] = stage.receivers;
  const jobs = SENDERS.map((sender): [string, Job] => [
    sender,
    { kind: 'small', url: receiver!.url, sender, appends: APPENDS },
  ]);
  const seen = await seeAll(stage, receiver!, jobs, bench);
  const costs = timesOf(seen);
  const trips = (sender: Sender) =>
    median(seen.get(sender)!.map(({ requests, preflights }) => (requests + preflights) / APPENDS));
  const unit = (seconds: number) => `${seconds.toFixed(2)} s`;
  const line = (mine: Sender, theirs: Sender, target?: number) => {
    const sides = `${mine} (${trips(mine)} round trips each) / ${theirs} (${trips(theirs)})`;
    const name = `${APPENDS} small appends over ${LATENCY} ms of latency, ${sides}`;
    return compare(costs, mine, theirs, { name, target, unit });
  };
  return [
    line('query', 'fetch', 0.95),
    line('presigned', 'fetch', 0.95),
    line('header', 'fetch'),
    line('query', 'ali-oss', 1),
    line('header', 'ali-oss', 1),
  ];
}

const LARGE: readonly (readonly [
  name: string,
  job: Pick<Job & { kind: 'large' }, 'sender' | 'from' | 'segmentSize'>,
])[] = [
  ['fetch of slices', { sender: 'fetch', from: 'blob', segmentSize: 8 * MIB }],
  ['File', { sender: 'header', from: 'blob', segmentSize: 8 * MIB }],
  ['File, adaptive', { sender: 'header', from: 'blob', segmentSize: undefined }],
  ['stream', { sender: 'header', from: 'stream', segmentSize: 8 * MIB }],
  ['ali-oss, slices', { sender: 'ali-oss', from: 'blob', segmentSize: 8 * MIB }],
];

function jobsOf(contestants: typeof LARGE, { url }: Receiver, size: number): Jobs {
  return contestants.map(([name, job]) => [name, { kind: 'large', url, size, ...job }]);
}

async function large(stage: Stage, bench: BrowserBench): Promise<Row[]> {
  const receiver = stage.receivers[1]!;
  const jobs = jobsOf(LARGE, receiver, SIZE);
  const seen = await seeAll(stage, receiver, [...jobs, ['idle', { kind: 'idle', time: 2000 }]], bench);
  const costs = timesOf(seen);
  const speed = (mine: string, theirs: string, target?: number) =>
    compare(costs, mine, theirs, { name: `500 MB, ${mine} / ${theirs}`, target, unit: rateOf(SIZE) });
  return [
    speed('File', 'fetch of slices', 0.95),
    speed('File, adaptive', 'fetch of slices', 0.95),
    speed('stream', 'fetch of slices'),
    speed('File', 'ali-oss, slices', 1),
    ...LARGE.map(([name]) => taskRow(name, seen)),
    ...LARGE.map(([name]) => memoryRow(name, seen)),
    ...(await largeOnLink(stage, bench)),
  ];
}

/**
 * Repeats the large appends over a link of 100 MB/s. The network is the limit there, as it is everywhere except on
 * loopback. Reading and hashing then cost no time, because they run while the link is busy.
 */
async function largeOnLink(stage: Stage, bench: BrowserBench): Promise<Row[]> {
  const receiver = stage.receivers[2]!;
  const contestants = LARGE.filter(([, { sender }]) => sender !== 'ali-oss');
  const costs = timesOf(await seeAll(stage, receiver, jobsOf(contestants, receiver, SIZE_ON_LINK), bench));
  return ['File', 'File, adaptive', 'stream'].map((name) =>
    compare(costs, name, 'fetch of slices', {
      name: `250 MB at 100 MB/s, ${name} / fetch of slices`,
      target: 0.95,
      unit: rateOf(SIZE_ON_LINK),
    }),
  );
}

/**
 * Compares the longest task with the 16 ms of a frame. A ratio above 1 means that the task fits into a frame.
 * The smallest value of the rounds counts, for the reason given at `watchMainThread`.
 */
function taskRow(name: string, seen: ReadonlyMap<string, readonly Seen[]>): Row {
  const [mine, idle] = [name, 'idle'].map((of) => (seen.get(of) ?? []).map(({ longestTask }) => longestTask));
  const ratios = spread(mine!.map((task) => 16 / task));
  return {
    ...ratios,
    ratio: ratios.high,
    name: `500 MB, ${name}: a frame (16 ms) / longest task (smallest of the rounds)`,
    target: /^(File|stream)/.test(name) ? 1 : undefined,
    ours: `${Math.min(...mine!).toFixed(1)} ms`,
    theirs: `${Math.min(...idle!).toFixed(1)} ms idle`,
  };
}

function memoryRow(name: string, seen: ReadonlyMap<string, readonly Seen[]>): Row {
  const [mine, floor] = [name, 'fetch of slices'].map((of) => (seen.get(of) ?? []).map(({ memory }) => memory / MIB));
  const text = (values: readonly number[]) => `${median(values).toFixed(0)} MiB`;
  const ratios = mine!.map((value, round) => floor![round]! / value);
  return {
    ...spread(ratios),
    name: `500 MB, ${name}: memory of all processes / fetch of slices`,
    ours: text(mine!),
    theirs: text(floor!),
  };
}

/** Measures signing and CRC-64, which need the processor and no network. */
const computeIn =
  (browser: string) =>
  async (stage: Stage, { rounds }: BrowserBench): Promise<Row[]> => {
    const { rows = [] } = await see(stage, stage.receivers[1]!, { kind: 'compute', rounds });
    // The target for the comparison with Web Crypto applies to Node only: Web Crypto in Chromium is five times as fast.
    return rows.map(({ target, ...row }) => ({
      ...row,
      name: `${browser}: ${row.name}`,
      target: row.name.includes('Web Crypto') ? undefined : target,
    }));
  };

const PARTS: Readonly<Record<string, (stage: Stage, bench: BrowserBench) => Promise<Row[]>>> = {
  small,
  large,
  compute: computeIn('Chromium'),
  firefox: computeIn('Firefox'),
};
export const BROWSER_PARTS: readonly string[] = Object.keys(PARTS);

export function benchBrowser(bench: BrowserBench): Promise<Row[]> {
  return withReceivers([{ latency: LATENCY }, {}, { bandwidth: LINK }], async (receivers) => {
    const rows: Row[] = [];
    for (const part of bench.parts) rows.push(...(await runPart(part, receivers, bench)));
    return rows;
  });
}

async function runPart(part: string, receivers: readonly Receiver[], bench: BrowserBench): Promise<Row[]> {
  const [path, start] =
    part === 'firefox' ? ([bench.firefox, startFirefox] as const) : ([bench.chromium, startChromium] as const);
  if (!path) {
    bench.say('not run: Firefox is not installed on this system');
    return [];
  }
  const site = await startSite(bench.files);
  const browser = start(path, `${site.url}/`);
  try {
    return await PARTS[part]!({ site, browser, receivers }, bench);
  } finally {
    await browser.close();
    site.close();
  }
}
