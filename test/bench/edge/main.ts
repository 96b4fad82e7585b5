/**
 * `npm run bench:edge` measures one MiB of an upload through the edge, and through a bare proxy that only passes the
 * body on. Both run in the same runtime. The rounds are interleaved, so that other work on the machine slows both.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ENVIRONMENT } from '../../edge/world.ts';
import { resetPeak, usageOf } from '../../load/process.ts';
import { median, spread } from '../measure.ts';
import { type Places, processorTime, type Running, runtimesIn, type Start, startProgram } from './processes.ts';
import { Body, drain, patch, post, throughProxy } from './sender.ts';

const MIB = 1024 * 1024;
/** The length of a body before the first round, so that code is compiled and memory is allocated. */
const WARM = 16;
const TIMES_WARM = 4;

/** The cost of one upload. */
interface Cost {
  /** The processor time of the runtime for one MiB, in ms. */
  readonly cpu: number;
  /** MiB/s. */
  readonly rate: number;
  /** The growth of the memory of the process at its peak, in MiB. */
  readonly memory: number;
}

/** One way to send a body through a process. */
interface Contestant {
  readonly name: string;
  readonly process: Running;
  readonly send: (url: string, body: Body) => Promise<void>;
}

interface Settings {
  readonly rounds: number;
  readonly mib: number;
}

/** The costs of each contestant, round by round. */
type Costs = ReadonlyMap<string, Cost[]>;

const BARE = 'bare proxy';

export async function main(places: Places, args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '5' }, mib: { type: 'string', default: '64' } },
  });
  const settings = { rounds: Number(values.rounds), mib: Number(values.mib) };
  const runtimes = runtimesIn(places);
  const names = positionals.length > 0 ? positionals : Object.keys(runtimes);
  console.log(`${settings.rounds} rounds; each contestant sends ${settings.mib} MiB in each round`);
  const store = await startProgram(process.execPath, [join(places.folder, 'store.mjs')]);
  try {
    for (const name of names) {
      const start = runtimes[name];
      if (!start)
        throw new Error(`there is no runtime "${name}"; the runtimes are ${Object.keys(runtimes).join(', ')}`);
      await race(name, { start, store: store.url, settings });
    }
  } finally {
    await store.stop();
  }
  console.log(`\n${FOOTER}`);
}

const FOOTER = `The factors are the cost divided by the cost of the bare proxy in the same round: the median of all rounds, and the
lowest and the highest one. The processor time is that of the runtime only, not that of the client and of the store.`;

interface Race {
  readonly start: Start;
  /** The URL of the store. */
  readonly store: string;
  readonly settings: Settings;
}

async function race(name: string, { start, store, settings }: Race): Promise<void> {
  const env = { ...ENVIRONMENT, OSS_ENDPOINT: store } as Record<string, string>;
  const edge = await start({ ...env, CONTESTANT: 'edge' });
  const reference = await start({ ...env, CONTESTANT: 'reference' });
  const contestants: readonly Contestant[] = [
    { name: BARE, process: reference, send: throughProxy(store) },
    { name: 'only reading', process: reference, send: drain('/read') },
    { name: 'reading and CRC-64', process: reference, send: drain('/gather') },
    { name: 'plain POST', process: edge, send: post },
    { name: 'tus PATCH', process: edge, send: patch },
  ];
  try {
    for (const isAnnounced of [true, false]) {
      console.log(`\n${name}, bodies ${isAnnounced ? 'with' : 'without'} Content-Length`);
      print(await rounds(contestants, { ...settings, isAnnounced }));
    }
  } finally {
    await Promise.all([edge.stop(), reference.stop()]);
  }
}

async function rounds(
  contestants: readonly Contestant[],
  { rounds, mib, isAnnounced }: Settings & { readonly isAnnounced: boolean },
): Promise<Costs> {
  const costs = new Map(contestants.map(({ name }) => [name, [] as Cost[]]));
  const [body, warm] = [new Body(mib * 16, isAnnounced), new Body(WARM * 16, isAnnounced)];
  for (let i = 0; i < TIMES_WARM; i++) for (const contestant of contestants) await measure(contestant, warm);
  for (let round = 0; round < rounds; round++)
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(turn + round) % contestants.length]!;
      costs.get(contestant.name)?.push(await measure(contestant, body));
    }
  return costs;
}

async function measure({ process: { pid, url }, send }: Contestant, body: Body): Promise<Cost> {
  const mib = body.size / MIB;
  await resetPeak(pid);
  const idle = await usageOf(pid);
  const [used, begun] = [await processorTime(pid), performance.now()];
  await send(url, body);
  const [cpu, seconds] = [(await processorTime(pid)) - used, (performance.now() - begun) / 1000];
  const after = await usageOf(pid);
  return { cpu: cpu / mib, rate: mib / seconds, memory: ((after?.peak ?? 0) - (idle?.resident ?? 0)) / MIB };
}

function print(costs: Costs): void {
  const bare = costs.get(BARE) ?? [];
  for (const [name, all] of costs) {
    const middle = (field: keyof Cost) => median(all.map((cost) => cost[field]));
    const factor = (field: keyof Cost) => spread(all.map((cost, i) => cost[field] / (bare[i]?.[field] ?? Number.NaN)));
    const { ratio, low, high } = factor('cpu');
    const cells = [
      `CPU ${middle('cpu').toFixed(2)} ms/MiB`,
      `x ${ratio.toFixed(2)} (${low.toFixed(2)} - ${high.toFixed(2)})`.padEnd(22),
      `${middle('rate').toFixed(0)} MiB/s, x ${factor('rate').ratio.toFixed(2)}`.padEnd(18),
      `memory +${middle('memory').toFixed(0)} MiB`,
    ];
    console.log(`  ${name.padEnd(20)}${cells.join('  ')}`);
  }
}
