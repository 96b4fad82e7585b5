// Appends 1 GiB from a stream of 64 KiB chunks and from a Blob, with the CRC on. Each upload runs in its own process.
// The reference is bare `fetch` with bodies of the same length: prepared bytes for the stream, and slices for the Blob.
import type { Bench } from '../bench.ts';
import { compare, median, type Row, rateOf, spread } from '../measure.ts';
import { type Receiver, withReceivers } from '../receivers.ts';
import { type Job, type Taken, upload } from '../uploads.ts';

const MIB = 1024 * 1024;
const SEGMENT = 8 * MIB;
const SIZE = 1024 * MIB;
/** The number of bytes for the slow link. The link sets the time there, so fewer bytes give the same information. */
const SIZE_ON_LINK = 256 * MIB;
/** The bandwidth of a good line, in bytes per second. */
const LINK = 100e6;

/** The settings in which the contestants differ. */
type Entry = Pick<Job, 'with' | 'from' | 'segmentSize' | 'size'>;

const ENTRIES: Readonly<Record<string, Entry>> = {
  'fetch, bytes': { with: 'fetch', from: 'stream', segmentSize: SEGMENT, size: SIZE },
  'fetch, Blob': { with: 'fetch', from: 'blob', segmentSize: SEGMENT, size: SIZE },
  stream: { with: 'append', from: 'stream', segmentSize: SEGMENT, size: SIZE },
  'stream, adaptive': { with: 'append', from: 'stream', size: SIZE },
  Blob: { with: 'append', from: 'blob', segmentSize: SEGMENT, size: SIZE },
};

const ON_LINK: Readonly<Record<string, Entry>> = {
  'link, fetch': { with: 'fetch', from: 'stream', segmentSize: SEGMENT, size: SIZE_ON_LINK },
  'link, stream': { with: 'append', from: 'stream', segmentSize: SEGMENT, size: SIZE_ON_LINK },
  'link, Blob': { with: 'append', from: 'blob', segmentSize: SEGMENT, size: SIZE_ON_LINK },
};

type Results = Map<string, Taken[]>;

async function runAll({ rounds, say }: Bench, [free, link]: readonly Receiver[]): Promise<Results> {
  const results: Results = new Map();
  const warmUp = free!.url;
  const all = [...Object.entries(ENTRIES), ...Object.entries(ON_LINK)];
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < all.length; turn++) {
      const [name, entry] = all[(turn + round) % all.length]!;
      say(`large appends: round ${round + 1} of ${rounds}, ${name}`);
      const url = name in ON_LINK ? link!.url : warmUp;
      results.set(name, [...(results.get(name) ?? []), await upload({ ...entry, url, warmUp })]);
    }
  }
  return results;
}

function column(results: Results, pick: (taken: Taken) => number): Map<string, number[]> {
  return new Map([...results].map(([name, taken]) => [name, taken.map(pick)]));
}

const mib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;

/** Compares the peak memory of the whole process with the peak memory of the reference. The row has no target. */
function memoryRow(results: Results, mine: string, theirs: string): Row {
  const [a = [], b = []] = [results.get(mine), results.get(theirs)];
  const most = (taken: readonly Taken[]) => mib(median(taken.map(({ memory }) => memory)));
  const ratios = a.map(({ memory }, round) => b[round]!.memory / memory);
  return { ...spread(ratios), name: `large appends, ${mine}, peak memory / ${theirs}`, ours: most(a), theirs: most(b) };
}

export function large(bench: Bench): Promise<Row[]> {
  return withReceivers([{}, { bandwidth: LINK }], async (receivers) => {
    const results = await runAll(bench, receivers);
    const [times, cpu] = [column(results, ({ time }) => time), column(results, (taken) => taken.cpu)];
    const speed = (mine: string, theirs: string, target?: number, size = SIZE) =>
      compare(times, mine, theirs, { name: `large appends, ${mine} / ${theirs}`, target, unit: rateOf(size) });
    const processor = (mine: string, theirs: string) => {
      const name = `large appends, ${mine}, CPU / ${theirs}`;
      return compare(cpu, mine, theirs, { name, unit: (s) => `${s.toFixed(2)} s/GiB` });
    };
    return [
      speed('stream', 'fetch, bytes', 0.5),
      speed('stream, adaptive', 'fetch, bytes', 0.5),
      speed('Blob', 'fetch, Blob', 0.5),
      processor('stream', 'fetch, bytes'),
      processor('stream, adaptive', 'fetch, bytes'),
      processor('Blob', 'fetch, Blob'),
      memoryRow(results, 'stream', 'fetch, bytes'),
      memoryRow(results, 'stream, adaptive', 'fetch, bytes'),
      memoryRow(results, 'Blob', 'fetch, Blob'),
      speed('link, stream', 'link, fetch', 0.97, SIZE_ON_LINK),
      speed('link, Blob', 'link, fetch', 0.97, SIZE_ON_LINK),
    ];
  });
}
