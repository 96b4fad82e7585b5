// What a byte costs as the object grows: processor time of 1 MB, 100 MB, 1 GB and 5 GiB from a stream, warmed up. Flat
// is 1; the first megabyte pays for what every append pays once.
import type { Bench } from '../bench.ts';
import { median, type Row, spread } from '../measure.ts';
import { withReceivers } from '../receivers.ts';
import { type Taken, upload } from '../uploads.ts';

const SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ['1 MB', 1e6],
  ['100 MB', 1e8],
  ['1 GB', 1e9],
  ['5 GiB', 5 * 1024 ** 3],
];
const REFERENCE = '100 MB';

export function growth({ rounds, say }: Bench): Promise<Row[]> {
  return withReceivers([{}], async ([receiver]) => {
    const { url } = receiver!;
    const results = new Map(SIZES.map(([name]) => [name, [] as Taken[]]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, size] of SIZES) {
        say(`growth: round ${round + 1} of ${rounds}, ${name}`);
        results.get(name)?.push(await upload({ url, warmUp: url, with: 'append', from: 'stream', size }));
      }
    }
    return SIZES.map(([name, size]) => row(name, size, results));
  });
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
