// Measures the CRC-64 of bytes in memory. Node and the pages run the same code.
import { crc64 as ours } from '../../../src/crc64.ts';
import type { Bench } from '../bench.ts';
import { type Contestant, compare, fastest, type Row, race, rateOf } from '../measure.ts';

const SIZES: readonly (readonly [name: string, bytes: number, target: number | undefined])[] = [
  ['64 KiB', 64 * 1024, 1],
  ['1 MiB', 1024 * 1024, 1.5],
  ['16 MiB', 16 * 1024 * 1024, undefined],
];

/**
 * The algorithm of the textbooks: one table lookup for each byte. It works on 32-bit halves, because BigInt would be
 * forty times slower.
 */
function naiveTable(): (bytes: Uint8Array) => bigint {
  const lows = new Int32Array(256);
  const highs = new Int32Array(256);
  for (let value = 0; value < 256; value++) {
    let [low, high] = [value, 0];
    for (let bit = 0; bit < 8; bit++) {
      const carry = -(low & 1);
      low = ((low >>> 1) | (high << 31)) ^ (carry & 0xd7870f42);
      high = (high >>> 1) ^ (carry & 0xc96c5795);
    }
    lows[value] = low;
    highs[value] = high;
  }
  return (bytes) => {
    let [low, high] = [-1, -1];
    for (let i = 0; i < bytes.length; i++) {
      const at = (low ^ bytes[i]!) & 255;
      low = ((low >>> 8) | (high << 24)) ^ lows[at]!;
      high = (high >>> 8) ^ highs[at]!;
    }
    return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
  };
}

/** Throws when the contestants return different checksums. They are timed only after this check. */
function check(values: readonly bigint[]): void {
  if (new Set(values).size !== 1) throw new Error(`the contestants disagree: ${values.join(', ')}`);
}

export async function crc64Speed(bench: Pick<Bench, 'peers' | 'rounds'>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const size of SIZES) rows.push(...(await ofSize(bench, size)));
  return rows;
}

async function ofSize(
  { peers, rounds }: Pick<Bench, 'peers' | 'rounds'>,
  [name, size, target]: (typeof SIZES)[number],
): Promise<Row[]> {
  const bytes = new Uint8Array(size).map((_, i) => (i * i) >>> 7);
  const wasm = await peers.createCRC64();
  const naive = naiveTable();
  check([ours(bytes), naive(bytes), BigInt(`0x${wasm.init().update(bytes).digest()}`)]);
  const batch = Math.max(1, Math.round(500_000 / size));
  const contestants: Contestant[] = [
    { name: 'ours', run: () => fastest({ batch, run: () => ours(bytes) }) },
    { name: 'hash-wasm', run: () => fastest({ batch, run: () => wasm.init().update(bytes).digest() }) },
    { name: 'naive', run: () => fastest({ batch, run: () => naive(bytes) }) },
  ];
  await race(contestants, 1);
  const costs = await race(contestants, rounds);
  const unit = rateOf(size);
  return [
    compare(costs, 'ours', 'hash-wasm', { name: `CRC-64, ${name} / hash-wasm (WebAssembly)`, target, unit }),
    compare(costs, 'ours', 'naive', { name: `CRC-64, ${name} / naive table`, unit }),
  ];
}
