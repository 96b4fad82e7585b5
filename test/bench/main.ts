// Runs the parts one after the other and prints their results. When one part fails, the other parts still run.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { BROWSER_PARTS, type BrowserBench, benchBrowser } from './browser/main.ts';
import type { Row } from './measure.ts';
import { crc64 } from './parts/crc64.ts';
import { growth } from './parts/growth.ts';
import { large } from './parts/large.ts';
import { link } from './parts/link.ts';
import { rate } from './parts/rate.ts';
import { signing } from './parts/signing.ts';
import { small } from './parts/small.ts';
import { loadPeers } from './peers.ts';
import { toJson, toTable } from './report.ts';

/** The facts about the project that `run.mjs` passes on. */
export interface Place {
  readonly root: string;
  bundle(code: string): Promise<string>;
  /** The paths of the browsers and the files of the page. Only `bench:browser` sets this. */
  readonly browser?: Pick<BrowserBench, 'chromium' | 'firefox' | 'files'> | undefined;
}

type Parts = Readonly<Record<string, () => Promise<Row[]>>>;

const NODE_PARTS: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  signing,
  crc: crc64,
  small,
  large,
  link,
  rate,
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
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds must be a whole number of at least 1, found "${values.rounds}"`);
  return { json: values.json, rounds, names: positionals };
}

function choose(parts: Parts, names: readonly string[]): [name: string, part: () => Promise<Row[]>][] {
  for (const name of names)
    if (!parts[name]) throw new Error(`there is no part "${name}"; the parts are ${Object.keys(parts).join(', ')}`);
  return Object.entries(parts).filter(([name]) => names.length === 0 || names.includes(name));
}

/** Returns true when every part ran without an error. */
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
  return `A ratio says how many times as good our side is: above 1 is better. It is the median over ${rounds} round(s).
All contestants ran in each round. "all rounds" shows the lowest and the highest ratio with the machine's noise.
${machine}.`;
}
