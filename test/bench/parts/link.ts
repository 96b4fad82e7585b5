// Appends over a slow link with a long round trip: 20 MB/s, and 0, 50 or 200 ms. The ratio is the used share of the
// link. Adaptive segments on a link with latency get 1 GiB, because they need time to grow; the others get 256 MiB.
// An upload mostly waits for its link, so all uploads of a round run at the same time. The receiver simulates the link,
// so the slow start of TCP is not part of the result.
import type { Bench } from '../bench.ts';
import { median, type Row, rateOf, spread } from '../measure.ts';
import { type Receiver, withReceivers } from '../receivers.ts';
import { type Job, type Taken, upload } from '../uploads.ts';

const MIB = 1024 * 1024;
/** The number of bytes for uploads whose segments keep their size, and for the link without latency. */
const SHORT = 256 * MIB;
/** The number of bytes for uploads whose segments grow. */
const LONG = 1024 * MIB;
const BANDWIDTH = 20e6;
const LATENCIES = [0, 50, 200] as const;

const KINDS: readonly (readonly [name: string, job: Pick<Job, 'from' | 'segmentSize'>])[] = [
  ['stream, 8 MiB segments', { from: 'stream', segmentSize: 8 * MIB }],
  ['stream, adaptive', { from: 'stream' }],
  ['Blob, adaptive', { from: 'blob' }],
];

/** The lowest share of the link that is good enough, for the rows that have a goal. */
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
      say(`slow link with a long round trip: round ${round + 1} of ${rounds}, about one minute each`);
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
