/** The rounds of `npm run load:worker`, and what each must show. */
import { join } from 'node:path';
import { serve } from '../../demo/node-http.ts';
import { type RunningWorkerd, startWorkerd } from '../../demo/worker/workerd.ts';
import { crc64 } from '../../src/index.ts';
import type { Fault, FaultRequest, LocalOss } from '../../src/testing/index.ts';
import { BUCKET, ENVIRONMENT, makeCloud } from '../edge-tools.ts';
import { Client, Source, send } from './client.ts';
import { resetPeak, usageOf } from './process.ts';

const MB = 1_000_000;
const MIB = 1024 * 1024;
const CLIENTS = Number(process.env['OSS_APPEND_LOAD_CLIENTS'] ?? 50);
const SIZE = Number(process.env['OSS_APPEND_LOAD_MB'] ?? 20) * MB;
/** What the Worker's process may grow by under load, bytes. */
const MEMORY = 100 * MB;
/**
 * Bodies lie outside V8's heap, and left alone it collects them late: workerd itself has no limit of memory. Cloudflare's
 * 128 MB for heap and bodies make it collect before; with these flags it collects often, and each time in full.
 */
const COLLECT_EARLY = ['--gc-global', '--max-semi-space-size=1'];
const COMPATIBILITY_DATE = '2026-04-01';

interface Places {
  readonly root: string;
  /** Of the bundles. */
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

/** What the OSS does to about one append in eight. */
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
  const start = (
    script: string,
    env: Record<string, string>,
    { port, v8Flags }: { readonly port?: number | undefined; readonly v8Flags?: readonly string[] } = {},
  ) =>
    startWorkerd({
      command: join(root, 'test/runtimes/node_modules/.bin/workerd'),
      script: join(folder, script),
      env,
      port,
      v8Flags,
      compatibilityDate: COMPATIBILITY_DATE,
    });
  const env = { ...ENVIRONMENT, OSS_ENDPOINT: ossServer.url, STS_ENDPOINT: stsServer.url } as Record<string, string>;
  console.log(`${CLIENTS} clients at once, ${SIZE / MB} MB each, body of unknown length`);
  try {
    const bare = await bareRound('bare proxying fetch', await start('proxy.mjs', { SINK: sink.url }));
    const pump = await bareRound('reading and posting alone', await start('pump.mjs', { SINK: sink.url }));
    const ours = await pipeRound('pipe to appends', await start('worker.mjs', env), oss, results);
    console.log(`rate against a bare proxying fetch: ${(ours.rate / bare.rate).toFixed(2)}`);
    compareMemory({ bare, pump, ours }, results);
    const early = await start('worker.mjs', env, { v8Flags: COLLECT_EARLY });
    const limited = await pipeRound('pipe, bodies collected early', early, oss, results);
    checkMemory('peak memory less idle memory, bodies collected early', limited.growth, results);
    await killRound((port) => start('worker.mjs', env, { port }), oss, results);
  } finally {
    await Promise.all([ossServer.close(), stsServer.close(), sink.close()]);
  }
  return results;
}

/** Takes a body and its CRC, as the OSS does, and keeps nothing. */
async function swallow({ body }: Request): Promise<Response> {
  let crc = 0n;
  for await (const chunk of body ?? []) crc = crc64(chunk, crc);
  return new Response(String(crc));
}

/** What a round took. */
interface Round {
  /** MB/s. */
  readonly rate: number;
  /** Of memory, at its peak, bytes. */
  readonly growth: number | undefined;
}

async function bareRound(name: string, proxy: RunningWorkerd): Promise<Round> {
  await send(proxy.url, new Source(0, MIB).chunks());
  const round = await timed(name, proxy.pid, async (i) => {
    const source = new Source(i, SIZE);
    const answer = await send(proxy.url, source.chunks());
    if (answer !== source.crc() && answer !== String(source.size)) throw new Error('the sink got other bytes');
  });
  await proxy.stop();
  return round;
}

async function pipeRound(name: string, worker: RunningWorkerd, oss: LocalOss, results: Results): Promise<Round> {
  oss.clearRequests();
  const { client, prefix } = await Client.login(worker.url);
  // What is compiled and allocated once is no part of the load.
  await client.upload(`${prefix}warm`, new Source(0, 2 * MIB));
  const round = await timed(name, worker.pid, async (i) => {
    await client.upload(`${prefix}${i}`, new Source(i, SIZE));
  });
  const faulty = oss.requests.filter(({ fault }) => fault).length;
  const appends = oss.requests.filter(({ operation }) => operation === 'AppendObject').length;
  console.log(
    `${appends} appends, ${faulty} of all requests in trouble; ${Math.ceil(oss.requests.length / CLIENTS)} subrequests an upload`,
  );
  results.check(`each of ${CLIENTS} objects is its source, in length and CRC`, areSources(oss, prefix, CLIENTS));
  results.check('the Worker logged no failure', worker.output() === '', worker.output().slice(0, 200));
  await worker.stop();
  return round;
}

/** Where V8 collects as late as it likes, what counts is what we add to what any Worker takes that touches its bytes. */
function compareMemory({ bare, pump, ours }: Record<'bare' | 'pump' | 'ours', Round>, results: Results): void {
  if (ours.growth === undefined || bare.growth === undefined || pump.growth === undefined) return;
  console.log(`peak memory less that of a bare proxying fetch: ${mb(ours.growth - bare.growth)} MB`);
  checkMemory('peak memory less that of reading and posting alone', ours.growth - pump.growth, results);
}

function checkMemory(what: string, growth: number | undefined, results: Results): void {
  if (growth === undefined) console.log(`not run: ${what} (no /proc)`);
  else results.check(`${what} is within ${MEMORY / MB} MB`, growth <= MEMORY, `${mb(growth)} MB`);
}

/** The process is killed twice while everybody sends; the second time right after it came back. */
async function killRound(
  start: (port?: number) => Promise<RunningWorkerd>,
  oss: LocalOss,
  results: Results,
): Promise<void> {
  let worker = await start();
  const { client, prefix } = await Client.login(worker.url);
  const stored = () => Array.from({ length: CLIENTS }, (_, i) => oss.object(BUCKET, `${prefix}${i}`)?.length ?? 0);
  const total = () => stored().reduce((sum, length) => sum + length, 0);
  const work = Promise.all(
    Array.from({ length: CLIENTS }, (_, i) => client.uploadThrough(`${prefix}${i}`, new Source(i, SIZE))),
  );
  for (const part of [1 / 4, 1 / 2]) {
    // A client that fails ends the round, too.
    await Promise.race([work, until(() => total() >= CLIENTS * SIZE * part)]);
    await worker.stop();
    console.log(`killed with ${mb(total())} of ${mb(CLIENTS * SIZE)} MB stored`);
    worker = await start(worker.port);
  }
  const ends = await work;
  await worker.stop();
  const resumed = ends.reduce((sum, end) => sum + end.resumed, 0);
  results.check('the kills were felt', resumed >= CLIENTS, `${resumed} resumptions`);
  results.check(`each of ${CLIENTS} objects is its source after two kills`, areSources(oss, prefix, CLIENTS));
}

function areSources(oss: LocalOss, prefix: string, count: number): boolean {
  return Array.from({ length: count }, (_, i) => i).every((i) => {
    const object = oss.object(BUCKET, `${prefix}${i}`);
    const source = new Source(i, SIZE);
    return object?.length === source.size && object.crc64 === source.crc();
  });
}

/** Runs everybody at once, and prints what it took. */
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
  const cpu =
    idle && after ? `, CPU ${((after.cpu - idle.cpu) / ((CLIENTS * SIZE) / MIB)).toFixed(2)} ms for a MiB` : '';
  const memory = growth === undefined ? '' : `, memory ${mb(idle?.resident ?? 0)} MB idle and ${mb(growth)} MB more`;
  console.log(`${name}: ${rate.toFixed(0)} MB/s, an upload takes p50 ${at(0.5)} s, p99 ${at(0.99)} s${cpu}${memory}`);
  return { rate, growth };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

function mb(bytes: number): string {
  return (bytes / MB).toFixed(0);
}
