// Runs the parts, one after the other, and prints what they found. A part that fails does not take the others with it.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { BROWSER_PARTS, type BrowserBench, benchBrowser } from './browser/main.ts';
import type { Row } from './measure.ts';
import { crc64 } from './parts/crc64.ts';
import { growth } from './parts/growth.ts';
import { large } from './parts/large.ts';
import { link } from './parts/link.ts';
import { signing } from './parts/signing.ts';
import { small } from './parts/small.ts';
import { loadPeers } from './peers.ts';
import { toJson, toTable } from './report.ts';

/** What `run.mjs` knows of the project. */
export interface Place {
  readonly root: string;
  bundle(code: string): Promise<string>;
  /** For `bench:browser`: the browsers' paths, and what the page is made of. */
  readonly browser?: Pick<BrowserBench, 'chromium' | 'firefox' | 'files'> | undefined;
}

type Parts = Readonly<Record<string, () => Promise<Row[]>>>;

const NODE_PARTS: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  signing,
  crc: crc64,
  small,
  large,
  link,
  growth,
};
const say = (text: string) => console.error(text);
let imports = 0;

function partsOf({ root, bundle, browser }: Place, rounds: number): Parts {
  const entries = <T>(names: readonly string[], run: (name: string) => Promise<T>) =>
    Object.fromEntries(names.map((name) => [name, () => run(name)]));
  if (browser) return entries(BROWSER_PARTS, (part) => benchBrowser({ ...browser, rounds, parts: [part], say }));
  const importFresh = <T>(file: string) => import(`${new URL(file, import.meta.url).href}?${imports++}`) as Promise<T>;
  const bench = { rounds, peers: loadPeers(root), importFresh, bundle, say };
  return entries(Object.keys(NODE_PARTS), (part) => NODE_PARTS[part]!(bench));
}

function parse(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      browser: { type: 'boolean' },
      rounds: { type: 'string', default: '5' },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds needs a whole number from 1');
  return { json: values.json, rounds, names: positionals };
}

function choose(parts: Parts, names: readonly string[]): [name: string, part: () => Promise<Row[]>][] {
  for (const name of names)
    if (!parts[name]) throw new Error(`there is no part "${name}"; there are ${Object.keys(parts).join(', ')}`);
  return Object.entries(parts).filter(([name]) => names.length === 0 || names.includes(name));
}

/** True where every part ran. */
export async function main(place: Place, args: readonly string[]): Promise<boolean> {
  const { json, rounds, names } = parse(args);
  const rows: Row[] = [];
  let complete = true;
  for (const [name, part] of choose(partsOf(place, rounds), names)) {
    const begun = performance.now();
    try {
      rows.push(...(await part()));
    } catch (error) {
      complete = false;
      say(`failed: ${name}: ${error instanceof Error ? error.stack : error}`);
    }
    say(`${name}: ${Math.round((performance.now() - begun) / 1000)} s`);
  }
  console.log(json ? toJson(rows) : `${toTable(rows)}\n\n${footer(rounds)}`);
  return complete;
}

function footer(rounds: number): string {
  const machine = `Node ${process.versions.node} on ${cpus().length} cores`;
  return `Ratios: how many times as good; above 1 is better. Medians of ${rounds} rounds, all contestants in each; "all rounds" is
the least and the greatest of them, the machine's noise included. ${machine}.`;
}
