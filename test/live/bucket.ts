/** A bucket that is reached over real HTTP: requests are signed here, and sent without `fetch`, so that nothing is decoded or repeated. */
import { type IncomingHttpHeaders, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Credentials } from '../../src/request/credentials.ts';
import { resolveEndpoint } from '../../src/request/endpoint.ts';
import { canonicalQuery, presignV4, signV4 } from '../../src/request/signature.ts';

/** Where the bucket is, and who may use it. */
export interface BucketPlace {
  readonly region: string;
  readonly bucket: string;
  /** Default: the public endpoint of the region. */
  readonly endpoint?: string | undefined;
  readonly cname?: boolean | undefined;
  readonly accelerate?: boolean | undefined;
  readonly credentials: Credentials;
}

/** A request before it is signed. */
export interface RawRequest {
  readonly method: string;
  readonly key: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Headers that are sent and not signed. */
  readonly unsigned?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | undefined;
  readonly signing?: 'header' | 'query' | 'none' | undefined;
  /** The time of the signature. Default: now. */
  readonly date?: Date | undefined;
}

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** The code of OSS, also of an answer to HEAD. */
  readonly code: string;
  readonly ec: string;
}

/** Sends one request to a URL. */
export function exchange(url: string, options: RequestOptions, body?: Uint8Array): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const outgoing = send(url, { ...options, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const { statusCode: status = 0, headers, rawHeaders } = incoming;
        resolve({
          status,
          headers,
          rawHeaders,
          body: Buffer.concat(chunks),
          ...reasonOf(headers, Buffer.concat(chunks)),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.setTimeout(60_000, () => outgoing.destroy(new Error('no answer within 60 s')));
    outgoing.end(body);
  });
}

function reasonOf(headers: IncomingHttpHeaders, body: Buffer): { code: string; ec: string } {
  const inHeader = Buffer.from(String(headers['x-oss-err'] ?? ''), 'base64').toString();
  const xml = /<Error[\s>]/.test(inHeader) ? inHeader : body.subarray(0, 65_536).toString();
  const [, code = ''] = /<Code>(\w+)<\/Code>/.exec(xml) ?? [];
  const [, ec = String(headers['x-oss-ec'] ?? '')] = /<EC>([\w-]+)<\/EC>/.exec(xml) ?? [];
  return { code, ec };
}

/** Signs and sends requests to one bucket. */
export class RealBucket {
  readonly place: BucketPlace;
  /** The keys that were written to, so that they can be deleted. */
  readonly written = new Set<string>();
  readonly #inFlight = new Set<Promise<unknown>>();
  #ended = false;

  constructor(place: BucketPlace) {
    this.place = place;
  }

  /** The URL of a request and its headers. */
  sign({ method, key, query = {}, headers = {}, unsigned, signing = 'header', date = new Date() }: RawRequest): {
    url: string;
    headers: Record<string, string>;
  } {
    const { region, bucket, credentials } = this.place;
    const scope = { region, date };
    const signable = { method, bucket, key, query, headers };
    const base = resolveEndpoint(this.place).url(key);
    const search =
      signing === 'query' ? presignV4(signable, credentials, { ...scope, expiresIn: 300 }) : canonicalQuery(query);
    const signed = signing === 'header' ? signV4(signable, credentials, scope) : headers;
    return { url: search ? `${base}?${search}` : base, headers: { ...signed, ...unsigned } };
  }

  send(request: RawRequest): Promise<RawAnswer> {
    const { method, body } = request;
    if (/POST|PUT/.test(method)) this.written.add(request.key);
    const { url, headers } = this.sign(request);
    const length = body || /POST|PUT/.test(method) ? { 'content-length': String(body?.byteLength ?? 0) } : {};
    return this.exchange(url, { method, headers: { ...headers, ...length } }, body);
  }

  /** Sends a request that is signed already. After `cleanUp` nothing is written any more. */
  exchange(url: string, options: { method: string; headers: Record<string, string> }, body?: Uint8Array) {
    if (this.#ended && options.method !== 'DELETE') return Promise.reject(new Error('The run has ended'));
    const answer = exchange(url, options, body);
    this.#inFlight.add(answer);
    const forget = () => void this.#inFlight.delete(answer);
    answer.then(forget, forget);
    return answer;
  }

  append(key: string, text: string, position: number, more: Partial<RawRequest> = {}): Promise<RawAnswer> {
    const query = { append: '', position: String(position), ...more.query };
    return this.send({ method: 'POST', key, body: Buffer.from(text), ...more, query });
  }

  head(key: string, more: Partial<RawRequest> = {}): Promise<RawAnswer> {
    return this.send({ method: 'HEAD', key, ...more });
  }

  get(key: string): Promise<RawAnswer> {
    return this.send({ method: 'GET', key });
  }

  /** Deletes every object that was written to. Returns the keys that are still there. */
  async cleanUp(): Promise<string[]> {
    this.#ended = true;
    await Promise.allSettled(this.#inFlight);
    const left: string[] = [];
    for (const key of this.written) {
      const answer = await this.send({ method: 'DELETE', key }).catch(() => undefined);
      if (answer?.status !== 204) left.push(key);
    }
    return left;
  }
}
