/** The servers of the runtime suite for a run on a bucket: the relay, the control endpoint and the page. */
import { createListener, type FetchHandler, listen } from '../../src/testing/node/http.ts';
import type { FaultRule } from '../runtimes/context.ts';
import {
  Elsewhere,
  Faults,
  need,
  OPEN,
  Plain,
  pageFiles,
  Reports,
  type RuntimeServer,
  Wire,
} from '../runtimes/server.ts';
import { RealBucket } from './bucket.ts';
import type { LiveSettings } from './environment.ts';
import { PLAYABLE, relayTo } from './relay.ts';

/** A running server, and the bucket behind it. */
export interface LiveServer extends RuntimeServer {
  readonly bucketBehind: RealBucket;
}

/** The answer to a request for something that only LocalOss can do. The suite then skips the case. */
const IMPOSSIBLE = () => new Response('only LocalOss can do this', { status: 501, headers: OPEN });

/** Starts the relay, the control endpoint and the page. */
export async function startLiveServer(folder: string, settings: LiveSettings): Promise<LiveServer> {
  const [relay, controlServer, page, dead] = await Promise.all([listen(), listen(), listen(), listen()]);
  await dead.close();
  const { region, prefix, credentials, bucket } = settings;
  const [faults, wire, reports, appends] = [new Faults(), new Wire(), new Reports(), new Map<string, number>()];
  const real = new RealBucket(settings);
  const config = { ossUrl: relay.url, deadUrl: dead.url, region, prefix, bucket, permanent: credentials };
  // An empty append changes nothing of an object that exists.
  const onstored = (key: string, length: number) =>
    void (length > 0 || !appends.has(key) ? appends.set(key, (appends.get(key) ?? 0) + 1) : appends);
  relay.answerWith(
    relayTo(real, {
      due: (request) => faults.due(request) as FaultRule[],
      onrequest: (incoming) => wire.record(incoming),
      onstored,
    }),
  );
  controlServer.answerWith(createListener(control({ real, faults, wire, reports, appends, config })));
  const policy = `default-src 'self'; connect-src ${relay.url} ${controlServer.url} ${dead.url}`;
  page.answerWith(createListener(pageFiles(folder, policy)));
  return {
    ...config,
    bucketBehind: real,
    // A bucket may be far away.
    timeLimit: 1_200_000,
    controlUrl: controlServer.url,
    pageUrl: page.url,
    report: (run) => reports.of(run),
    close: async () => void (await Promise.all([relay.close(), controlServer.close(), page.close()])),
  };
}

interface Parts {
  readonly real: RealBucket;
  readonly faults: Faults;
  readonly wire: Wire;
  readonly reports: Reports;
  /** How many appends OSS has stored, by key. */
  readonly appends: ReadonlyMap<string, number>;
  readonly config: object;
}

function control({ real, faults, wire, reports, appends, config }: Parts): FetchHandler {
  const [elsewhere, plain] = [new Elsewhere(), new Plain()];
  const { credentials } = real.place;
  const lead = (query: URLSearchParams, { method }: Request) => elsewhere.record(need(query, 'key'), method);
  const isOther = (query: URLSearchParams) => !/^(open-bucket)?$/.test(query.get('bucket') ?? '');
  const routes: Record<string, (query: URLSearchParams, request: Request) => unknown> = {
    'GET /config': () => config,
    'POST /token': () => credentials,
    'GET /token': () => ({ Credentials: credentials }),
    'POST /faults': async (query, request) => {
      const rules: FaultRule[] = await request.json();
      if (isOther(query) || rules.some(({ kind }) => !PLAYABLE.has(kind))) return IMPOSSIBLE();
      return faults.add(need(query, 'key'), rules);
    },
    'DELETE /faults': (query) => faults.clear(need(query, 'key')),
    'POST /elsewhere': lead,
    'HEAD /elsewhere': lead,
    'GET /elsewhere': lead,
    'GET /elsewhere/methods': (query) => elsewhere.of(need(query, 'key')),
    'POST /plain': (query, request) => plain.take(query, request),
    'GET /plain/seen': (query) => plain.seen(need(query, 'key')),
    'GET /wire': (query) => wire.of(need(query, 'key')),
    'GET /object': (query) => (isOther(query) ? IMPOSSIBLE() : view(real, need(query, 'key'), appends)),
    'POST /normal': async (query, request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      await real.send({ method: 'PUT', key: need(query, 'key'), body });
    },
    'POST /report': async (query, request) => reports.put(need(query, 'run'), await request.json()),
  };
  return async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const route = routes[`${request.method} ${pathname}`];
    if (request.method === 'OPTIONS') return new Response(null, { headers: OPEN });
    if (!route) return new Response('There is nothing here\n', { status: 404, headers: OPEN });
    const answer = await route(searchParams, request);
    return answer instanceof Response ? answer : Response.json(answer ?? null, { headers: OPEN });
  };
}

/** Reads an object from the bucket. Nobody but the relay knows how many appends it has. */
async function view(real: RealBucket, key: string, counts: ReadonlyMap<string, number>): Promise<Response | undefined> {
  const { status, body, headers } = await real.get(key);
  if (status !== 200) return undefined;
  const facts = {
    length: body.byteLength,
    crc64: headers['x-oss-hash-crc64ecma'],
    appends: counts.get(key) ?? 0,
    headers,
  };
  return new Response(new Uint8Array(body), { headers: { ...OPEN, 'x-view': JSON.stringify(facts) } });
}
