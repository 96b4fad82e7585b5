/** The rounds of `npm run load:worker`, and the checks of each round. */
import { join } from 'node:path';
import { type RunningWorkerd, startWorkerd } from '../../demo/worker/workerd.ts';
import { crc64 } from '../../src/index.ts';
import type { Fault, FaultRequest, LocalOss } from '../../src/testing/index.ts';
import { serve } from '../../src/testing/node/http.ts';
import { BUCKET, ENVIRONMENT, makeCloud } from '../edge/world.ts';
import { startCutter } from '../tus/cutter.ts';
import { randomFrom } from '../tus/world.ts';
import { Client, Source, send } from './client.ts';
import { resetPeak, usageOf } from './process.ts';

const MB = 1_000_000;
/** True if only the round with tus runs, which needs no quiet machine. */
const ONLY_TUS = process.env['OSS_APPEND_LOAD_ROUND'] === 'tus';
const MIB = 1024 * 1024;
const CLIENTS = Number(process.env['OSS_APPEND_LOAD_CLIENTS'] ?? 50);
const SIZE = Number(process.env['OSS_APPEND_LOAD_MB'] ?? 20) * MB;
/**
 * The memory in bytes by which the process of the Worker may grow under load. Cloudflare gives an isolate 128 MB, of
 * which an idle one with this Worker needs less than 28 MB. workerd itself has no limit, and gets no flags here that
 * would make V8 collect garbage earlier.
 */
const MEMORY = 100 * MB;
const COMPATIBILITY_DATE = '2026-04-01';

interface Places {
  readonly root: string;
  /** The folder of the bundles. */
  readonly folder: string;
}

class Results {
  passed = 0;
  failed = 0;

  check(what: string, ok: boolean, found = ''): void {
    if (ok) this.passed++;
    else this.failed++;
    console.log(`${ok ? 'passed' : 'failed'}: ${what}${found && ` (${found})`}`);
  }
}

/** The faults of LocalOss. One of them happens to about one append in eight. */
const TROUBLE: readonly Fault[] = [
  { kind: 'drop-before' },
  { kind: 'drop-during' },
  { kind: 'drop-after' },
  { kind: 'error-before', status: 503 },
  { kind: 'error-after', status: 500 },
  { kind: 'throttle', delay: 50 },
  { kind: 'answer-late', delay: 100 },
  { kind: 'gateway', after: true },
];

function trouble({ operation, key, nth }: FaultRequest): Fault | undefined {
  if (operation !== 'AppendObject') return undefined;
  const chance =
    [...key].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619), nth * 2654435761) >>> 8;
  return chance % 8 === 0 ? TROUBLE[(chance >>> 3) % TROUBLE.length] : undefined;
}

export async function main({ root, folder }: Places): Promise<{ passed: number; failed: number }> {
  const results = new Results();
  const { oss, sts } = makeCloud({ faults: trouble, contents: 'checksum' });
  const [ossServer, stsServer, sink] = await Promise.all([
    serve((request) => oss.fetch(request)),
    serve((request) => sts.fetch(request)),
    serve(swallow),
  ]);
  const workers: RunningWorkerd[] = [];
  const start = async (script: string, env: Record<string, string>, port?: number) => {
    const worker = await startWorkerd({
      command: join(root, 'test/runtimes/node_modules/.bin/workerd'),
      script: join(folder, script),
      env,
      port,
      compatibilityDate: COMPATIBILITY_DATE,
    });
    workers.push(worker);
    return worker;
  };
  const env = { ...ENVIRONMENT, OSS_ENDPOINT: ossServer.url, OSS_STS_ENDPOINT: stsServer.url } as Record<
    string,
    string
  >;
  console.log(`${CLIENTS} clients upload ${SIZE / MB} MB each at the same time, with bodies of unknown length`);
  try {
    if (!ONLY_TUS) await measure();
    await killRound((port) => start('worker.mjs', env, port), oss, results);
  } finally {
    // A round that failed leaves its Worker running.
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all([ossServer.close(), stsServer.close(), sink.close()]);
  }
  return results;

  async function measure(): Promise<void> {
    const bare = await bareRound('a bare proxy', await start('proxy.mjs', { SINK: sink.url }));
    const ours = await pipeRound('pipe to appends', await start('worker.mjs', env), oss, results);
    console.log(`our rate divided by the rate of a bare proxy: ${(ours.rate / bare.rate).toFixed(2)}`);
    if (ours.cpu && bare.cpu)
      console.log(`our CPU time divided by that of a bare proxy: ${(ours.cpu / bare.cpu).toFixed(2)}`);
    checkMemory('peak memory minus idle memory', ours.growth, results);
  }
}

/** Reads a body and computes its CRC, like LocalOss, but stores nothing. */
async function swallow({ body }: Request): Promise<Response> {
  let crc = 0n;
  for await (const chunk of body ?? []) crc = crc64(chunk, crc);
  return new Response(String(crc));
}

/** The measurements of one round. */
interface Round {
  /** All clients together, in MB/s. */
  readonly rate: number;
  /** Peak memory minus idle memory, in bytes. It is undefined on systems without `/proc`. */
  readonly growth: number | undefined;
  /** The processor time of the Worker's process for one MiB, in ms. It is undefined on systems without `/proc`. */
  readonly cpu: number | undefined;
}

async function bareRound(name: string, proxy: RunningWorkerd): Promise<Round> {
  await send(proxy.url, new Source(0, MIB).chunks());
  const round = await timed(name, proxy.pid, async (i) => {
    const source = new Source(i, SIZE);
    const answer = await send(proxy.url, source.chunks());
    if (answer !== source.crc() && answer !== String(source.size))
      throw new Error(`the sink did not receive the bytes of client ${i}: it answered ${answer.slice(0, 100)}`);
  });
  await proxy.stop();
  return round;
}

async function pipeRound(name: string, worker: RunningWorkerd, oss: LocalOss, results: Results): Promise<Round> {
  oss.clearRequests();
  const { client, prefix } = await Client.login(worker.url);
  // The first upload compiles code and allocates memory once. That cost is not part of the load.
  await client.upload(`${prefix}warm`, new Source(0, 2 * MIB));
  const round = await timed(name, worker.pid, async (i) => {
    await client.upload(`${prefix}${i}`, new Source(i, SIZE));
  });
  const faulty = oss.requests.filter(({ fault }) => fault).length;
  const appends = oss.requests.filter(({ operation }) => operation === 'AppendObject').length;
  const subrequests = Math.ceil(oss.requests.length / CLIENTS);
  console.log(`${appends} appends; ${faulty} requests had a fault; ${subrequests} subrequests for each upload`);
  const stored = areSources(oss, prefix, CLIENTS);
  results.check(`each of the ${CLIENTS} objects has the length and the CRC of its source`, stored);
  results.check('the Worker logged no failure', worker.output() === '', worker.output().slice(0, 200));
  await worker.stop();
  return round;
}

function checkMemory(what: string, growth: number | undefined, results: Results): void {
  if (growth === undefined) console.log(`not run: ${what} (this system has no /proc)`);
  else results.check(`${what} is at most ${MEMORY / MB} MB`, growth <= MEMORY, `${mb(growth)} MB`);
}

/**
 * Uploads with tus-js-client over a network that drops connections, and kills the process twice while all clients send:
 * after a quarter and after half of the bytes are stored.
 */
async function killRound(
  start: (port?: number) => Promise<RunningWorkerd>,
  oss: LocalOss,
  results: Results,
): Promise<void> {
  let worker = await start();
  const random = randomFrom(1);
  const cutter = await startCutter(worker.url, () => SIZE * (0.1 + random()));
  const { client, prefix } = await Client.login(worker.url);
  const total = () =>
    oss
      .keys(BUCKET)
      .filter((key) => key.startsWith(prefix))
      .reduce((sum, key) => sum + (oss.object(BUCKET, key)?.length ?? 0), 0);
  oss.clearRequests();
  const work = Promise.all(
    Array.from({ length: CLIENTS }, (_, i) => client.uploadWithTus(cutter.url, new Source(i, SIZE))),
  );
  for (const part of [1 / 4, 1 / 2]) {
    // The race ends the round also when a client fails, because the bytes would then never reach the goal.
    await Promise.race([work, until(() => total() >= CLIENTS * SIZE * part)]);
    await worker.stop();
    console.log(`killed with ${mb(total())} of ${mb(CLIENTS * SIZE)} MB stored`);
    worker = await start(worker.port);
  }
  const ends = await work;
  await worker.stop();
  await cutter.close();
  const resumed = ends.reduce((sum, end) => sum + end.resumed, 0);
  const faulty = oss.requests.filter(({ fault }) => fault).length;
  console.log(
    `tus: ${CLIENTS} uploads of ${SIZE / MB} MB, 2 kills, ${cutter.cuts()} cut connections, ${faulty} faults of OSS`,
  );
  const wrong = ends.reduce((sum, { key }, i) => sum + wrongBytes(oss.object(BUCKET, key), new Source(i, SIZE)), 0);
  results.check('the clients had to resume after the kills', resumed >= CLIENTS, `${resumed} times in total`);
  results.check(`0 bytes are lost or doubled in the ${CLIENTS} objects after two kills`, wrong === 0, `${wrong} bytes`);
}

/** Returns how many bytes an object has too many or too few, or all if it has other bytes. */
function wrongBytes(object: ReturnType<LocalOss['object']>, source: Source): number {
  if (object?.length !== source.size) return Math.abs((object?.length ?? 0) - source.size);
  return object.crc64 === source.crc() ? 0 : source.size;
}

function areSources(oss: LocalOss, prefix: string, count: number): boolean {
  return Array.from({ length: count }, (_, i) => i).every((i) => {
    const object = oss.object(BUCKET, `${prefix}${i}`);
    const source = new Source(i, SIZE);
    return object?.length === source.size && object.crc64 === source.crc();
  });
}

/** Runs all clients at the same time, and prints the measurements. */
async function timed(name: string, pid: number, one: (i: number) => Promise<void>): Promise<Round> {
  const idle = await usageOf(pid);
  await resetPeak(pid);
  const times: number[] = [];
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, i) => {
      await one(i);
      times.push(performance.now() - begin);
    }),
  );
  const rate = (CLIENTS * SIZE) / MB / ((performance.now() - begin) / 1000);
  times.sort((a, b) => a - b);
  const at = (part: number) => ((times[Math.ceil(times.length * part) - 1] ?? 0) / 1000).toFixed(2);
  const after = await usageOf(pid);
  const growth = idle && after && after.peak - idle.resident;
  const cpu = idle && after && (after.cpu - idle.cpu) / ((CLIENTS * SIZE) / MIB);
  const time = cpu === undefined ? '' : `, CPU ${cpu.toFixed(2)} ms per MiB`;
  const resident = mb(idle?.resident ?? 0);
  const memory = growth === undefined ? '' : `, memory ${resident} MB when idle and ${mb(growth)} MB more at the peak`;
  const upload = `an upload takes ${at(0.5)} s (p50) or ${at(0.99)} s (p99)`;
  console.log(`${name}: ${rate.toFixed(0)} MB/s, ${upload}${time}${memory}`);
  return { rate, growth, cpu };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

function mb(bytes: number): string {
  return (bytes / MB).toFixed(0);
}
