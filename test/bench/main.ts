// Runs the parts, one after the other, and prints what they found. A part that fails does not take the others with it.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import type { Row } from './measure.ts';
import { crc64 } from './parts/crc64.ts';
import { growth } from './parts/growth.ts';
import { large } from './parts/large.ts';
import { link } from './parts/link.ts';
import { signing } from './parts/signing.ts';
import { small } from './parts/small.ts';
import { loadPeers } from './peers.ts';
import { toJson, toTable } from './report.ts';

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  signing,
  crc64,
  small,
  large,
  link,
  growth,
};

/** What `run.mjs` knows of the project. */
export interface Place {
  readonly root: string;
  bundle(code: string): Promise<string>;
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '5' },
    },
  });
  const only = values.only.flatMap((names) => names.split(','));
  const unknown = only.find((name) => !(name in PARTS));
  if (unknown) throw new Error(`no part is called "${unknown}": there are ${Object.keys(PARTS).join(', ')}`);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds needs a whole number from 1');
  return { json: values.json, rounds, parts: only.length > 0 ? only : Object.keys(PARTS) };
}

let imports = 0;

function benchOf({ root, bundle }: Place, rounds: number): Bench {
  const importFresh = <T>(file: string) => import(`${new URL(file, import.meta.url).href}?${imports++}`) as Promise<T>;
  const say = (text: string) => console.error(text);
  return { rounds, peers: loadPeers(root), importFresh, bundle, say };
}

/** True where every part ran. */
export async function main(place: Place, args: readonly string[]): Promise<boolean> {
  const { json, rounds, parts } = parse(args);
  const bench = benchOf(place, rounds);
  const rows: Row[] = [];
  let complete = true;
  for (const part of parts) {
    try {
      rows.push(...(await PARTS[part]!(bench)));
    } catch (error) {
      complete = false;
      console.error(`failed: ${part}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  if (json) console.log(toJson(rows));
  else console.log(`${toTable(rows)}\n\n${footer(rounds)}`);
  return complete;
}

function footer(rounds: number): string {
  const machine = `Node ${process.versions.node} on ${cpus().length} cores`;
  return `Ratios: how many times as good; above 1 is better. Medians of ${rounds} rounds, all contestants in each; "all rounds" is
the least and the greatest of them, the machine's noise included. ${machine}.`;
}
