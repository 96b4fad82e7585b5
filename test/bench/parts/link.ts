// A long thin link: 20 MB/s and a round trip of 0, 50 or 200 ms. The ratio is the share of the link that is used: of 1 GiB
// where segments grow, of less where they stay or need not. Links wait more than they work, so all uploads of a round
// run side by side. The receiver is the link: TCP's own slow start is not in it.
import type { Bench } from '../bench.ts';
import { median, type Row, rateOf, spread } from '../measure.ts';
import { type Receiver, withReceivers } from '../receivers.ts';
import { type Job, type Taken, upload } from '../uploads.ts';

const MIB = 1024 * 1024;
/** For what does not change with it. */
const SHORT = 256 * MIB;
const LONG = 1024 * MIB;
const BANDWIDTH = 20e6;
const LATENCIES = [0, 50, 200] as const;

const KINDS: readonly (readonly [name: string, job: Pick<Job, 'from' | 'segmentSize'>])[] = [
  ['stream, 8 MiB segments', { from: 'stream', segmentSize: 8 * MIB }],
  ['stream, adaptive', { from: 'stream' }],
  ['Blob, adaptive', { from: 'blob' }],
];

/** What issue 6 asks for. */
const TARGETS: Readonly<Record<string, number>> = { 'stream, adaptive, 50 ms': 0.95, 'Blob, adaptive, 200 ms': 0.95 };

const sizeOf = (latency: number, { segmentSize }: Pick<Job, 'segmentSize'>) =>
  segmentSize || latency === 0 ? SHORT : LONG;
const linesOf = () =>
  LATENCIES.flatMap((latency) =>
    KINDS.map(([name, job]) => ({ name, latency, job: { ...job, size: sizeOf(latency, job) } })),
  );

function runRound(receivers: readonly Receiver[], warmUp: string): Promise<Taken[]> {
  const jobs = linesOf().map(({ latency, job }) => ({ ...job, url: receivers[LATENCIES.indexOf(latency)]!.url }));
  return Promise.all(jobs.map((job) => upload({ ...job, with: 'append', warmUp })));
}

function row(name: string, size: number, taken: readonly Taken[]): Row {
  const memory = Math.round(median(taken.map(({ buffers }) => buffers)) / MIB);
  return {
    ...spread(taken.map(({ time }) => size / BANDWIDTH / time)),
    name: `20 MB/s, ${name}: share of the link`,
    target: TARGETS[name],
    ours: `${rateOf(size)(median(taken.map(({ time }) => time)))}, ${memory} MiB of buffers`,
    theirs: rateOf(1)(1 / BANDWIDTH),
  };
}

export function link({ rounds, say }: Bench): Promise<Row[]> {
  const links = [...LATENCIES.map((latency) => ({ bandwidth: BANDWIDTH, latency })), {}];
  return withReceivers(links, async (receivers) => {
    const all: Taken[][] = [];
    for (let round = 0; round < rounds; round++) {
      say(`a long thin link: round ${round + 1} of ${rounds}, a minute each`);
      all.push(await runRound(receivers, receivers.at(-1)!.url));
    }
    return linesOf().map(({ name, latency, job }, at) =>
      row(
        `${name}, ${latency} ms`,
        job.size,
        all.map((round) => round[at]!),
      ),
    );
  });
}
