/** Tools for the tests of the edge: an OSS, an STS, the demo's edge in front of them, and a browser with cookies. */
import { type EdgeEnvironment, edgeFrom } from '../demo/edge/app.ts';
import { createEdge, type EdgeHandler, type EdgeOptions } from '../src/edge/index.ts';
import { type FaultSchedule, LocalOss, LocalSts } from '../src/testing/index.ts';

export const BUCKET = 'demo-bucket';
export const EDGE = 'https://edge.example';
export const PAGE = 'https://page.example';
export const ROLE = 'acs:ram::1000000000000000:role/append';
/** A RAM user that may write to the bucket and may assume the role. */
export const RAM = { accessKeyId: 'LTAIedge', accessKeySecret: 'EdgeSecretEdgeSecretEdgeSecret' };
export const SESSION_SECRET = 'a session secret that is long enough for an HMAC';

/** Settings that name no host, so that the edge uses Alibaba Cloud's hosts. */
export const ENVIRONMENT: EdgeEnvironment = {
  OSS_REGION: 'cn-hangzhou',
  OSS_BUCKET: BUCKET,
  RAM_KEY_ID: RAM.accessKeyId,
  RAM_KEY_SECRET: RAM.accessKeySecret,
  ROLE_ARN: ROLE,
  SESSION_SECRET,
  ORIGINS: PAGE,
  PREFIX: 'inbox/',
};

/** Makes the services that replace Alibaba Cloud. */
export function makeCloud(options: { readonly faults?: FaultSchedule; readonly contents?: 'bytes' | 'checksum' } = {}) {
  const { faults = [], contents = 'bytes' } = options;
  const accessKeys = { [RAM.accessKeyId]: RAM.accessKeySecret };
  const cors = [{ allowedOrigins: [PAGE], allowedMethods: ['GET', 'HEAD', 'POST'] as const }];
  const oss = new LocalOss({ buckets: { [BUCKET]: { region: 'cn-hangzhou', cors, contents } }, accessKeys, faults });
  const sts = new LocalSts({ oss, accessKeys, roles: { [ROLE]: {} } });
  return { oss, sts };
}

/** Sends requests as a page of {@link PAGE} does: with its origin and its cookies. */
export class Browser {
  readonly #handle: (request: Request) => Promise<Response>;
  readonly #edge: string;
  #cookie = '';
  /** The method and path of each request to the edge. */
  readonly sent: string[] = [];

  constructor(handle: (request: Request) => Promise<Response>, edge: string = EDGE) {
    this.#handle = handle;
    this.#edge = edge;
  }

  readonly fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set('origin', PAGE);
    if (this.#cookie) headers.set('cookie', this.#cookie);
    const request = new Request(new URL(url, this.#edge), { ...init, headers });
    this.sent.push(`${request.method} ${new URL(request.url).pathname}`);
    const response = await this.#handle(request);
    this.#cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.#cookie;
    return response;
  };

  post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    return this.fetch(path, { method: 'POST', body: JSON.stringify(body), ...init });
  }

  /** Logs in, and returns the prefix of all keys of this user. */
  async login(): Promise<string> {
    return (await (await this.fetch('/session', { method: 'POST' })).json()).prefix;
  }

  get cookie(): string {
    return this.#cookie;
  }
}

/** Makes the demo's edge in this process. */
export function demoEdge(more: Partial<EdgeEnvironment> = {}): EdgeHandler {
  return edgeFrom({ ...ENVIRONMENT, ...more });
}

/** Makes the edge of user u1. The user may do everything, unless `more` changes that. */
export function edgeOf(store: LocalOss, more: Partial<EdgeOptions> = {}): EdgeHandler {
  return createEdge({
    oss: { region: 'cn-hangzhou', bucket: BUCKET, fetch: store.fetch },
    credentials: RAM,
    tokenFor: () => Promise.reject(new Error('none')),
    authenticate: async () => 'u1',
    prefixOf: (user) => `inbox/${user}/`,
    origins: [],
    segmentSize: 1000,
    ...more,
  });
}

/** Makes pseudo-random bytes. The same seed makes the same bytes. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0, x = seed; i < words.length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    words[i] = x ^ (x >>> 15);
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** Holds back every append while the gate is closed, like a store that is slower than its sender. */
export class Gate {
  #opened: Promise<void> = Promise.resolve();
  #open = () => {};

  close(): void {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }

  get passed(): Promise<void> {
    return this.#opened;
  }
}

/** A body whose chunks come when the test says so. */
export class Sender {
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #wanted: () => void = () => {};
  cancelled = false;

  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> = new ReadableStream(
    {
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#wanted(),
      cancel: () => {
        this.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );

  /** Sends a chunk, and waits until the next chunk is requested. */
  give(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    const wanted = new Promise<void>((resolve) => {
      this.#wanted = resolve;
    });
    this.offer(chunk);
    return wanted;
  }

  offer(chunk: Uint8Array<ArrayBuffer>): void {
    this.#controller?.enqueue(chunk);
  }

  end(): void {
    this.#controller?.close();
  }
}

/** A body of unknown length whose chunks are produced only on request. */
export function streamOf(bytes: Uint8Array<ArrayBuffer>, chunk: number, ongive: (length: number) => void = () => {}) {
  let at = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const next = bytes.slice(at, at + chunk);
    at += next.length;
    if (next.length === 0) return controller.close();
    ongive(next.length);
    controller.enqueue(next);
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>({ pull }, { highWaterMark: 0 });
}
