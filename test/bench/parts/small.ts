// Makes 2,000 appends of 1 KiB to a receiver in another process: one after the other, and with all calls made at once.
// The first reference is bare `fetch`: it sends the same bytes to the same place and reads the answer, but it signs and
// checks nothing. The second reference is `fetch` of the same requests, signed beforehand and with a signal. It shows
// how much of the difference is the cost of `fetch` itself.
import { AppendableObject, OssClient, presignV4, signV4 } from '../../../src/index.ts';
import type { Bench } from '../bench.ts';
import { type Contestant, compare, microseconds, type Row, race } from '../measure.ts';
import { withReceivers } from '../receivers.ts';

const APPENDS = 2000;
const SIZE = 1024;
/** The round trip in ms to a nearby region, and the number of appends that are sent over it. */
const LATENCY = 10;
const DISTANT_APPENDS = 100;

const bytes = new Uint8Array(SIZE).fill(46);
const credentials = {
  accessKeyId: 'STS.bench',
  accessKeySecret: 'of-this-benchmark-only',
  securityToken: 'x'.repeat(600),
};

async function timeEach(work: (appends: number) => Promise<unknown>, appends = APPENDS): Promise<number> {
  const start = performance.now();
  await work(appends);
  return (performance.now() - start) / 1000 / appends;
}

function clientOf(url: string, signing: 'header' | 'query'): OssClient {
  return new OssClient({ region: 'cn-hangzhou', bucket: 'bench', endpoint: url, credentials, signing });
}

function objectOf(url: string, signing: 'header' | 'query' = 'header'): AppendableObject {
  return new AppendableObject(clientOf(url, signing), 'small.log', { tail: { position: 0, hashCrc64ecma: '0' } });
}

async function bareFetch(url: string, appends = APPENDS): Promise<void> {
  for (let i = 0; i < appends; i++) {
    const answer = await fetch(`${url}/bench/small.log?append&position=${i * SIZE}`, { method: 'POST', body: bytes });
    await answer.arrayBuffer();
  }
}

/**
 * Sends the same requests as our client, signed beforehand. This shows what the headers (or the longer URL) and the
 * signal cost in `fetch` itself.
 */
function preparedFetch(url: string, signing: 'header' | 'query'): () => Promise<void> {
  const request = { method: 'POST', bucket: 'bench', key: 'small.log', query: { append: '', position: '0' } };
  const scope = { region: 'cn-hangzhou', date: new Date() };
  const headers = signing === 'header' ? signV4(request, credentials, scope) : {};
  const query = signing === 'header' ? 'append' : presignV4(request, credentials, { ...scope, expiresIn: 300 });
  return async () => {
    for (let i = 0; i < APPENDS; i++) {
      const { signal } = new AbortController();
      const target = `${url}/bench/small.log?${query.replace('position=0&', '')}&position=${i * SIZE}`;
      const answer = await fetch(target, { method: 'POST', body: bytes, headers, signal });
      await answer.arrayBuffer();
    }
  };
}

async function oneByOne(object: AppendableObject, appends = APPENDS): Promise<void> {
  for (let i = 0; i < appends; i++) await object.append(bytes);
}

async function clientAlone(client: OssClient): Promise<void> {
  for (let i = 0; i < APPENDS; i++) await client.appendObject('small.log', bytes, { position: i * SIZE });
}

function atOnce(object: AppendableObject): Promise<unknown> {
  return Promise.all(Array.from({ length: APPENDS }, () => object.append(bytes)));
}

export function small({ rounds }: Bench): Promise<Row[]> {
  return withReceivers([{}, { latency: LATENCY }], async ([receiver, distant]) => {
    const { url } = receiver!;
    const contestants: Contestant[] = [
      { name: 'fetch', run: () => timeEach(() => bareFetch(url)) },
      { name: 'fetch, headers', run: () => timeEach(preparedFetch(url, 'header')) },
      { name: 'fetch, signed URL', run: () => timeEach(preparedFetch(url, 'query')) },
      { name: 'header', run: () => timeEach(() => oneByOne(objectOf(url))) },
      { name: 'query', run: () => timeEach(() => oneByOne(objectOf(url, 'query'))) },
      { name: 'client', run: () => timeEach(() => clientAlone(clientOf(url, 'header'))) },
      { name: 'at once', run: () => timeEach(() => atOnce(objectOf(url))) },
      { name: 'fetch, 10 ms', run: () => timeEach((appends) => bareFetch(distant!.url, appends), DISTANT_APPENDS) },
      {
        name: 'header, 10 ms',
        run: () => timeEach((appends) => oneByOne(objectOf(distant!.url), appends), DISTANT_APPENDS),
      },
    ];
    await race(contestants, 1);
    const costs = await race(contestants, rounds);
    const line = (name: string, mine: string, theirs: string, target?: number) =>
      compare(costs, mine, theirs, { name: `small appends, ${name}`, target, unit: microseconds });
    return [
      line('header-signed / bare fetch', 'header', 'fetch', 0.95),
      line('query-signed / bare fetch', 'query', 'fetch', 0.95),
      line('header-signed / bare fetch, 10 ms away', 'header, 10 ms', 'fetch, 10 ms', 0.95),
      line('header-signed / fetch of the same requests', 'header', 'fetch, headers', 0.95),
      line('query-signed / fetch of the same requests', 'query', 'fetch, signed URL', 0.95),
      line('OssClient alone / fetch of the same requests', 'client', 'fetch, headers'),
      line('2,000 at once / bare fetch one by one', 'at once', 'fetch', 1),
    ];
  });
}
