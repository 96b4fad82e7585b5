/**
 * `npm run bench:log` measures LogAppender in Node, against a server in another process that answers like OSS after a round trip: how
 * fast `write` is, how many records a second are stored, what CPU and bytes a record costs, what memory a dead network takes, and how
 * much gzip saves. The references are a bare `fetch` of the same batches, and one append for each record.
 */
import { AppendableObject, OssClient } from '../../../src/index.ts';
import { LogAppender, type LogAppenderOptions } from '../../../src/log/index.ts';
import type { Fetch } from '../../../src/request/request.ts';
import { LocalOss } from '../../../src/testing/index.ts';
import { drive, NOON, VirtualClock } from '../../tools/virtual-clock.ts';
import { type Receiver, withReceivers } from '../receivers.ts';

const SIZES = [10, 100, 1000];
const LATENCIES = [0, 50, 200];
/** The number of batches that each measurement sends. */
const BATCHES = 40;
const ROUNDS = 3;

const credentials = {
  accessKeyId: 'STS.bench',
  accessKeySecret: 'of-this-benchmark-only',
  securityToken: 'x'.repeat(600),
};
const tail = { position: 0, hashCrc64ecma: '0' };

function clientOf(endpoint: string, fetch = globalThis.fetch) {
  return {
    region: 'cn-hangzhou',
    bucket: 'bench',
    endpoint,
    credentials,
    fetch: (url: string, init: RequestInit) => fetch(url, init),
  };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

/** Returns how long the work takes, s. */
async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Microseconds for one `write`, with a queue that is emptied while the clock is stopped. */
async function acceptTime(endpoint: string, record: string): Promise<number> {
  const perRound = Math.floor(2_000_000 / record.length);
  const log = new LogAppender(clientOf(endpoint), 'accept.log', { queueSize: 8_388_608, segmentSize: 8_388_608, tail });
  const times: number[] = [];
  for (let round = 0; round < 12; round++) {
    const start = performance.now();
    for (let n = 0; n < perRound; n++) log.write(record);
    times.push(((performance.now() - start) * 1000) / perRound);
    await log.flush();
  }
  await log.close();
  return median(times.slice(2));
}

interface Stored {
  readonly seconds: number;
  readonly cpu: number;
  readonly sent: number;
  readonly bodies: Uint8Array[];
}

/** Writes this many records at once and flushes them. */
async function storeRecords(
  endpoint: string,
  record: string,
  count: number,
  options: LogAppenderOptions = {},
): Promise<Stored> {
  const bodies: Uint8Array[] = [];
  let sent = 0;
  const counting = (url: string, init: RequestInit) => {
    const body = init.body as Uint8Array<ArrayBuffer> | Blob | undefined;
    if (body instanceof Uint8Array) bodies.push(body);
    sent +=
      url.length +
      JSON.stringify(init.headers ?? {}).length +
      ((body as Blob)?.size ?? (body as Uint8Array)?.byteLength ?? 0);
    return fetch(url, init);
  };
  const log = new LogAppender(clientOf(endpoint, counting as typeof fetch), 'stored.log', {
    queueSize: 64 * 1024 ** 2,
    tail,
    ...options,
  });
  const before = process.cpuUsage();
  const seconds = await time(async () => {
    for (let n = 0; n < count; n++) log.write(record);
    await log.flush();
  });
  const { user, system } = process.cpuUsage(before);
  await log.close();
  return { seconds, cpu: user + system, sent, bodies };
}

async function fetchBodies(url: string, bodies: readonly Uint8Array[]): Promise<void> {
  let position = 0;
  for (const body of bodies) {
    const target = `${url}/bench/stored.log?append&position=${position}`;
    const answer = await fetch(target, { method: 'POST', body: body as Uint8Array<ArrayBuffer> });
    await answer.arrayBuffer();
    position += body.byteLength;
  }
}

/** Returns how many records are stored in a second if each record is an append of its own. */
async function oneByOne(endpoint: string, record: string, count: number): Promise<number> {
  const object = new AppendableObject(new OssClient(clientOf(endpoint)), 'single.log', { tail });
  return (
    count /
    (await time(async () => {
      for (let n = 0; n < count; n++) await object.append(`${record}\n`);
    }))
  );
}

async function storedRow(url: string, latency: number, size: number): Promise<string> {
  const record = 'x'.repeat(size - 1);
  const count = Math.ceil((BATCHES / (latency > 100 ? 4 : 1)) * (49_152 / size));
  await storeRecords(url, record, count);
  const runs: { readonly stored: Stored; readonly bare: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const stored = await storeRecords(url, record, count);
    runs.push({ stored, bare: await time(() => fetchBodies(url, stored.bodies)) });
  }
  const seconds = median(runs.map(({ stored }) => stored.seconds));
  const share = median(runs.map(({ stored, bare }) => bare / stored.seconds));
  const single = await oneByOne(url, record, latency === 0 ? 500 : 10);
  const { cpu, sent } = (runs[0] as { stored: Stored }).stored;
  const cells = [
    `${size} B`,
    `${latency} ms`,
    Math.round(count / seconds).toLocaleString('en'),
    share.toFixed(2),
    Math.round(single).toLocaleString('en'),
    (cpu / count).toFixed(2),
    (sent / count).toFixed(0),
  ];
  return cells.map((cell) => cell.padStart(12)).join('');
}

/** Bytes that the process grows by while 64 MiB are written and nothing can be sent. */
async function deadNetwork(queueSize: number): Promise<{ readonly grown: number; readonly dropped: number }> {
  const dead = () => Promise.reject(new TypeError('Failed to fetch'));
  const log = new LogAppender(clientOf('http://127.0.0.1:9', dead as typeof fetch), 'dead.log', { queueSize, tail });
  const used = () => {
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  for (let n = 0; n < 671_089; n++) log.write('x'.repeat(99));
  const grown = used() - before;
  const { dropped } = log;
  await log.close().catch(() => {});
  return { grown, dropped };
}

/** Returns a log like that of an application: its records have levels, times, ids, paths and durations. */
function realisticLog(count: number): object[] {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  return Array.from({ length: count }, (_, n) => ({
    time: new Date(1_767_355_200_000 + n * 137).toISOString(),
    level: pick(['info', 'info', 'info', 'warn', 'error']),
    request: Math.floor(random() * 2 ** 32).toString(16),
    path: pick(['/cart', '/cart/items', '/checkout', '/login', '/search?q=shoes', '/product/1842']),
    status: pick([200, 200, 200, 304, 404, 500]),
    ms: Math.floor(random() * 400),
    message: pick(['request answered', 'cache was empty', 'retry after a time-out', 'user is signed in']),
  }));
}

async function ratio(url: string): Promise<number> {
  const sizes: number[] = [];
  for (const gzip of [false, true]) {
    const log = new LogAppender(clientOf(url), 'ratio.log', { gzip, queueSize: 64 * 1024 ** 2, tail });
    for (const record of realisticLog(5000)) log.write(record);
    await log.flush();
    sizes.push(log.tail?.position ?? 0);
    await log.close();
  }
  return (sizes[0] as number) / (sizes[1] as number);
}

/** Events of Workers in a second, each with a log of its own on one object, and the number of objects. */
const EVENTS = [
  [1, 1],
  [5, 1],
  [10, 1],
  [20, 1],
  [50, 1],
  [50, 10],
] as const;

/**
 * Simulates events that come at random times for ten seconds, in virtual time. Each writes one record and flushes. A
 * request takes from 20 to 60 ms.
 */
async function eventsRow(perSecond: number, objects: number): Promise<string> {
  let state = perSecond;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const clock = new VirtualClock(NOON, random);
  const oss = new LocalOss({ buckets: { bench: { region: 'cn-hangzhou' } }, clock });
  let requests = 0;
  const way = () => clock.wait(10 + random() * 20);
  const fetch: Fetch = async (url, init) => {
    requests++;
    await way();
    const answer = await oss.fetch(url, init);
    await way();
    return answer;
  };
  const client = { region: 'cn-hangzhou', bucket: 'bench', credentials: oss.issueToken(), fetch, clock };
  const times: number[] = [];
  const events = Array.from({ length: perSecond * 10 }, async (_, n) => {
    await clock.wait(random() * 10_000);
    const begun = clock.now();
    const log = new LogAppender(client, `${n % objects}.log`, { shared: true });
    log.write({ n, id: random() });
    await log.flush();
    times.push(clock.now() - begun);
  });
  await drive(Promise.all(events), clock, oss, 1_000_000);
  const cells = [perSecond, objects, (requests / events.length).toFixed(1), median(times), Math.max(...times)];
  return cells.map((cell) => `${typeof cell === 'number' ? Math.round(cell) : cell}`.padStart(12)).join('');
}

export async function main(): Promise<void> {
  await withReceivers(
    LATENCIES.map((latency) => ({ latency })),
    async (receivers) => {
      const near = receivers[0] as Receiver;
      console.log('Time of one write, in us (target: under 1 for 100 bytes)');
      for (const size of SIZES)
        console.log(
          `${`${size} B`.padStart(12)}${(await acceptTime(near.url, 'x'.repeat(size - 1))).toFixed(3).padStart(12)}`,
        );
      console.log(
        '\nStored, from the first write to the end of flush (target: 0.95 of bare fetch for 100 bytes at 50 ms)',
      );
      const head = ['record', 'latency', 'records/s', 'of bare', 'one by one/s', 'CPU us', 'bytes sent'];
      console.log(head.map((cell) => cell.padStart(12)).join(''));
      for (const [index, latency] of LATENCIES.entries())
        for (const size of SIZES) console.log(await storedRow((receivers[index] as Receiver).url, latency, size));
      for (const queueSize of [1_048_576, 4_194_304]) {
        const { grown, dropped } = await deadNetwork(queueSize);
        const mib = (bytes: number) => (bytes / 1024 ** 2).toFixed(1);
        console.log(
          `\nA dead network, 64 MiB written: ${mib(grown)} MiB of memory for a queue of ${mib(queueSize)} MiB, ${dropped} records dropped`,
        );
      }
      console.log('\nEvents of Workers, each with a log of its own (simulated)');
      const titles = ['events/s', 'objects', 'requests', 'median ms', 'longest ms'];
      console.log(titles.map((cell) => cell.padStart(12)).join(''));
      for (const [perSecond, objects] of EVENTS) console.log(await eventsRow(perSecond, objects));
      console.log(`\nA realistic log is ${(await ratio(near.url)).toFixed(1)} times shorter with gzip`);
    },
  );
}
