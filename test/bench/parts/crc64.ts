// Measures the CRC-64: its speed, the cost of the first call, and the size of its code.
import { gzipSync } from 'node:zlib';
import type { crc64 as Crc64 } from '../../../src/crc64.ts';
import type { Bench } from '../bench.ts';
import { compare, milliseconds, type Row, spread } from '../measure.ts';
import { crc64Speed } from './crc64-speed.ts';

/**
 * Measures the first call, which builds the tables. Each round imports a fresh copy of the module, as a newly loaded
 * page does.
 */
async function setUp({ importFresh, peers, rounds }: Bench): Promise<Row> {
  const empty = new Uint8Array(1);
  const times: { ours: number[]; wasm: number[] } = { ours: [], wasm: [] };
  for (let round = 0; round < rounds; round++) {
    const { crc64 } = await importFresh<{ crc64: typeof Crc64 }>('crc64.mjs');
    times.ours.push(await timeOf(() => crc64(empty)));
    times.wasm.push(await timeOf(async () => (await peers.createCRC64()).init().update(empty).digest()));
  }
  const costs = new Map(Object.entries(times));
  const name = 'CRC-64, set-up (ours: the first call) / hash-wasm';
  return compare(costs, 'ours', 'wasm', { name, unit: milliseconds });
}

async function timeOf(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function codeSize({ bundle, peers }: Bench): Promise<Row> {
  const [mine, theirs] = await Promise.all([
    bundle("export { crc64 } from './src/crc64.ts';"),
    bundle(`export * as wasm from ${JSON.stringify(peers.resolve('hash-wasm/dist/crc64.umd.min.js'))};`),
  ]);
  const [a, b] = [mine, theirs].map((text) => gzipSync(text, { level: 9 }).byteLength) as [number, number];
  return { ...spread([b / a]), name: 'CRC-64, code, gzip / hash-wasm', ours: `${a} B`, theirs: `${b} B` };
}

export async function crc64(bench: Bench): Promise<Row[]> {
  return [...(await crc64Speed(bench)), await setUp(bench), await codeSize(bench)];
}
