// What a byte costs as the object grows: processor time of 1 MB, 100 MB, 1 GB and 5 GiB from a stream to a LocalOss that
// keeps lengths and CRCs only, warmed up; its own CRC of each byte is in it. Flat is 1; the first megabyte pays for what
// every append pays once.
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
