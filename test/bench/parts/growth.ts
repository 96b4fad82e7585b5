// Measures whether a byte costs more as the object grows. It compares the processor time per byte for 1 MB, 100 MB,
// 1 GB and 5 GiB. A stream sends the bytes to a LocalOss that keeps only lengths and CRCs, after a warm-up. The time
// includes the CRC that LocalOss computes itself. A ratio of 1 means that the cost does not grow. The ratio of 1 MB is
// lower, because fewer bytes share the fixed cost of an append.
import type { Bench } from '../bench.ts';
import { median, type Row, spread } from '../measure.ts';
import { type Taken, upload } from '../uploads.ts';

const SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ['1 MB', 1e6],
  ['100 MB', 1e8],
  ['1 GB', 1e9],
  ['5 GiB', 5 * 1024 ** 3],
];
const REFERENCE = '100 MB';

export async function growth({ rounds, say }: Bench): Promise<Row[]> {
  const results = new Map(SIZES.map(([name]) => [name, [] as Taken[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, size] of SIZES) {
      say(`growth: round ${round + 1} of ${rounds}, ${name}`);
      results.get(name)?.push(await upload({ url: '', warmUp: '', with: 'local', from: 'stream', size }));
    }
  }
  return SIZES.map(([name, size]) => row(name, size, results));
}

function row(name: string, size: number, results: ReadonlyMap<string, readonly Taken[]>): Row {
  const perByte = (taken: readonly Taken[], bytes: number) => taken.map(({ cpu }) => (cpu / bytes) * 1e9);
  const mine = perByte(results.get(name) ?? [], size);
  const theirs = perByte(results.get(REFERENCE) ?? [], 1e8);
  const unit = (seconds: number) => `${seconds.toFixed(2)} s/GB`;
  const ratios = mine.map((cost, round) => theirs[round]! / cost);
  return {
    ...spread(ratios),
    name: `growth, ${name} / ${REFERENCE}`,
    ours: unit(median(mine)),
    theirs: unit(median(theirs)),
  };
}
