/**
 * A relay between the runtime suite and a bucket. The suite addresses it in path style, as it addresses LocalOss, and V4 does not
 * sign the host: so a signed request can be passed on unchanged. Some faults of LocalOss can be played here, on the way.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { resolveEndpoint } from '../../src/request/endpoint.ts';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import type { FaultRequest, Operation } from '../../src/testing/index.ts';
import type { FaultRule } from '../runtimes/context.ts';
import type { RawAnswer, RealBucket } from './bucket.ts';

/** The faults that the relay can play. */
export const PLAYABLE: ReadonlySet<string> = new Set([
  'answer-late',
  'commit-late',
  'deny',
  'drop-after',
  'drop-before',
  'drop-during',
  'error-after',
  'error-before',
  'expire-token',
  'flip-bit',
  'gateway',
  'hide-headers',
  'portal',
  'redirect',
  'repeat',
  'rival',
  'throttle',
]);

type Plan = ReadonlyMap<string, FaultRule>;

/** What the relay reports to the server of the suite. */
export interface RelayEvents {
  /** Returns the faults of a request. */
  due(request: FaultRequest): readonly FaultRule[];
  /** Is called with each request. */
  onrequest(incoming: IncomingMessage): void;
  /** Is called when OSS has accepted an append of this many bytes. */
  onstored(key: string, length: number): void;
}

const CORS: readonly string[] = [
  ...['access-control-allow-origin', '*'],
  ...['access-control-allow-methods', 'GET, HEAD, POST'],
  ...['access-control-expose-headers', [...EXPOSED_HEADERS, 'x-oss-meta-origin'].join(', ')],
];

/** Headers that belong to one connection, or that the relay writes itself. */
const OWN = /^(connection|keep-alive|transfer-encoding|access-control-.*)$/i;

/** Makes the listener of the relay. */
export function relayTo(bucket: RealBucket, events: RelayEvents): RequestListener {
  const counts = new Map<string, number>();
  return (incoming, outgoing) => {
    events.onrequest(incoming);
    if (incoming.method === 'OPTIONS') return allow(incoming, outgoing);
    const key = keyOf(incoming.url ?? '', bucket);
    const operation = operationOf(incoming);
    const name = `${operation} ${key}`;
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    const request = { operation, method: incoming.method ?? '', bucket: bucket.place.bucket, key, nth };
    const plan = new Map(events.due(request).map((rule) => [rule.kind as string, rule]));
    if (incoming.method === 'POST') bucket.written.add(key);
    new Passage(bucket, { incoming, outgoing, key, plan, onstored: (length) => events.onstored(key, length) })
      .run()
      .catch(() => incoming.socket.destroy());
  };
}

function keyOf(url: string, { place }: RealBucket): string {
  return decodeURIComponent(url.replace(/\?.*/s, '').slice(place.bucket.length + 2));
}

function operationOf({ method, url = '' }: IncomingMessage): Operation {
  if (method === 'POST') return /[?&]seal/.test(url) ? 'SealAppendObject' : 'AppendObject';
  return method === 'HEAD' ? 'HeadObject' : 'GetObject';
}

function allow(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const asked = incoming.headers['access-control-request-headers'];
  const headers = asked ? [...CORS, 'access-control-allow-headers', asked] : [...CORS];
  outgoing.writeHead(200, headers).end();
}

interface Parts {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly key: string;
  readonly plan: Plan;
  onstored(length: number): void;
}

type Reply = Pick<RawAnswer, 'status' | 'rawHeaders' | 'body'>;

/** One request on its way. */
class Passage {
  readonly #bucket: RealBucket;
  readonly #parts: Parts;
  #body: Buffer = Buffer.alloc(0);

  constructor(bucket: RealBucket, parts: Parts) {
    this.#bucket = bucket;
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { incoming, plan } = this.#parts;
    if (plan.has('drop-before')) throw new Error('dropped');
    for await (const chunk of incoming) this.#body = Buffer.concat([this.#body, chunk as Buffer]);
    if (plan.has('drop-during')) throw new Error('dropped');
    const planned = this.#refusal();
    if (planned) return this.#answer(planned);
    await this.#playRival('before');
    if (plan.has('commit-late')) return this.#commitLate();
    const flip = plan.get('flip-bit');
    if (flip?.kind === 'flip-bit') this.#body[flip.at ?? 0]! ^= 1;
    if (plan.has('repeat')) await this.#forward();
    const answer = await this.#forward();
    await this.#playRival('after');
    if (plan.has('drop-after')) throw new Error('dropped');
    const late = plan.get('answer-late');
    if (late?.kind === 'answer-late') await pause(late.delay);
    this.#answer(this.#replaced() ?? answer);
  }

  /** The answer that a fault gives in place of OSS, before the request has an effect. */
  #refusal(): Reply | undefined {
    const { plan } = this.#parts;
    const redirect = plan.get('redirect');
    if (redirect?.kind === 'redirect')
      return { status: redirect.status ?? 307, rawHeaders: ['location', redirect.location], body: Buffer.alloc(0) };
    const [gateway, error] = [plan.get('gateway'), plan.get('error-before')];
    if (gateway?.kind === 'gateway' && !gateway.after) return page(gateway.status ?? 502);
    if (error?.kind === 'error-before') return xml(error.status ?? 500, 'InternalError');
    if (plan.has('portal')) return page(200);
    if (plan.has('throttle')) return xml(503, 'TotalQpsLimitExceeded');
    if (plan.has('expire-token')) return xml(403, 'SecurityTokenExpired');
    return plan.has('deny') ? xml(403, 'AccessDenied') : undefined;
  }

  #replaced(): Reply | undefined {
    const { plan } = this.#parts;
    const [gateway, error] = [plan.get('gateway'), plan.get('error-after')];
    if (gateway) return page(502);
    return error?.kind === 'error-after' ? xml(error.status ?? 500, 'InternalError') : undefined;
  }

  async #forward(): Promise<RawAnswer> {
    const { incoming, key, onstored } = this.#parts;
    const { method = '', rawHeaders, url = '' } = incoming;
    const headers: Record<string, string> = {};
    for (let i = 0; i < rawHeaders.length; i += 2)
      if (!/^(host|connection|transfer-encoding|content-length)$/i.test(rawHeaders[i] ?? ''))
        headers[rawHeaders[i] ?? ''] = rawHeaders[i + 1] ?? '';
    if (method === 'POST') headers['content-length'] = String(this.#body.byteLength);
    const search = url.includes('?') ? url.slice(url.indexOf('?')) : '';
    const target = resolveEndpoint(this.#bucket.place).url(key) + search;
    const body = method === 'POST' ? this.#body : undefined;
    const answer = await this.#bucket.exchange(target, { method, headers }, body);
    if (method === 'POST' && answer.status === 200) onstored(this.#body.byteLength);
    return answer;
  }

  async #playRival(when: 'before' | 'after'): Promise<void> {
    const rival = this.#parts.plan.get('rival');
    if (rival?.kind !== 'rival' || rival.when !== when) return;
    const bytes = 'bytes' in rival ? rival.bytes : Buffer.alloc(this.#body.byteLength, (this.#body[0] ?? 0) ^ 255);
    const head = await this.#bucket.head(this.#parts.key);
    const position = Number(head.headers['x-oss-next-append-position'] ?? 0);
    const { status } = await this.#bucket.append(this.#parts.key, '', position, { body: bytes });
    if (status === 200) this.#parts.onstored(bytes.byteLength);
  }

  /** Sends the request later, and never answers. The client gives up in the meantime. */
  async #commitLate(): Promise<void> {
    const late = this.#parts.plan.get('commit-late');
    await pause(late?.kind === 'commit-late' ? late.delay : 0);
    await this.#forward();
  }

  #answer({ status, rawHeaders, body }: Reply): void {
    const hidden = this.#parts.plan.get('hide-headers');
    const names = hidden?.kind === 'hide-headers' ? (hidden.names ?? []) : [];
    const headers: string[] = [...CORS];
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] ?? '';
      if (!OWN.test(name) && !names.includes(name.toLowerCase())) headers.push(name, rawHeaders[i + 1] ?? '');
    }
    this.#parts.outgoing.writeHead(status, headers).end(body);
  }
}

function page(status: number): Reply {
  return { status, rawHeaders: ['content-type', 'text/html'], body: Buffer.from('<html><h1>Not OSS</h1></html>') };
}

function xml(status: number, code: string): Reply {
  const rawHeaders = ['content-type', 'application/xml', 'x-oss-request-id', 'RELAY'];
  return { status, rawHeaders, body: Buffer.from(`<Error><Code>${code}</Code><Message>Played.</Message></Error>`) };
}

function pause(delay: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay));
}
