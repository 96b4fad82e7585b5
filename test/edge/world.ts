/**
 * What the tests of the edge share: an OSS, an STS, an edge in this process, the requests of a page, and a browser's
 * cookies.
 */
import { type EdgeEnvironment, edgeFrom } from '../../demo/edge/app.ts';
import { createEdge, type EdgeHandler, type EdgeOptions } from '../../src/edge/index.ts';
import { type FaultSchedule, LocalOss, LocalSts } from '../../src/testing/index.ts';

export const BUCKET = 'demo-bucket';
/** The origin of the edge. */
export const EDGE = 'https://edge.example';
/** The origin whose pages may call the edge of the demo. */
export const PAGE = 'https://page.example';
/** A key of user u1. */
export const KEY = 'inbox/u1/a';
export const ROLE = 'acs:ram::1000000000000000:role/append';
/** The key of a RAM user who may write to the bucket and assume the role. */
export const RAM = { accessKeyId: 'LTAIedge', accessKeySecret: 'EdgeSecretEdgeSecretEdgeSecret' };
export const SESSION_SECRET = 'a session secret that is long enough for an HMAC';

/** Settings without endpoints, so that requests go to Alibaba Cloud. */
export const ENVIRONMENT: EdgeEnvironment = {
  OSS_REGION: 'cn-hangzhou',
  OSS_BUCKET: BUCKET,
  OSS_ACCESS_KEY_ID: RAM.accessKeyId,
  OSS_ACCESS_KEY_SECRET: RAM.accessKeySecret,
  OSS_ROLE_ARN: ROLE,
  SESSION_SECRET,
  ORIGINS: PAGE,
  PREFIX: 'inbox/',
};

/** Makes a LocalOss and a LocalSts, which know {@link RAM}. */
export function makeCloud(options: { readonly faults?: FaultSchedule; readonly contents?: 'bytes' | 'checksum' } = {}) {
  const { faults = [], contents = 'bytes' } = options;
  const accessKeys = { [RAM.accessKeyId]: RAM.accessKeySecret };
  const cors = [{ allowedOrigins: [PAGE], allowedMethods: ['GET', 'HEAD', 'POST'] as const }];
  const oss = new LocalOss({ buckets: { [BUCKET]: { region: 'cn-hangzhou', cors, contents } }, accessKeys, faults });
  const sts = new LocalSts({ oss, accessKeys, roles: { [ROLE]: {} } });
  return { oss, sts };
}

/** Makes the edge of the demo in this process. */
export function demoEdge(more: Partial<EdgeEnvironment> = {}): EdgeHandler {
  return edgeFrom({ ...ENVIRONMENT, ...more });
}

/** The options of {@link edgeOf} that reach a LocalOss. */
export function placeOf({ fetch }: Pick<LocalOss, 'fetch'>) {
  return { region: 'cn-hangzhou', bucket: BUCKET, fetch };
}

/** Makes an edge for user u1, who may do everything unless `more` says otherwise. */
export function edgeOf(store: LocalOss, more: Partial<EdgeOptions> = {}): EdgeHandler {
  return createEdge({
    oss: placeOf(store),
    credentials: RAM,
    tokenFor: () => Promise.reject(new Error('This edge gives no tokens')),
    authenticate: async () => 'u1',
    prefixOf: (user) => `inbox/${user}/`,
    origins: [],
    segmentSize: 1000,
    ...more,
  });
}

/** Returns the path of an object's uploads. */
export function uploadPath(key: string = KEY): string {
  return `/upload/${encodeURIComponent(key)}`;
}

/** Options of {@link uploadRequest}. */
export interface UploadRequestOptions {
  readonly key?: string;
  readonly headers?: Record<string, string>;
  /** The query with its question mark. */
  readonly query?: string;
}

/** Makes a request that uploads a body. */
export function uploadRequest(
  body: BodyInit | null,
  { key, headers = {}, query = '' }: UploadRequestOptions = {},
): Request {
  const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit;
  return new Request(`${EDGE}${uploadPath(key)}${query}`, init);
}

/** Makes a request that asks where an object ends. */
export function tailRequest(key?: string, headers: Record<string, string> = {}): Request {
  return new Request(EDGE + uploadPath(key), { headers });
}

/** Makes a request with a JSON body. */
export function jsonRequest(path: string, body: object): Request {
  return new Request(EDGE + path, { method: 'POST', body: JSON.stringify(body) });
}

/** Tells whether an object has exactly these bytes. */
export function hasBytes(oss: LocalOss, key: string, bytes: Uint8Array): boolean {
  return Buffer.compare(oss.object(BUCKET, key)?.bytes() ?? new Uint8Array(), bytes) === 0;
}

/** Sends requests like a page of {@link PAGE}: with its origin, and with the cookies that it got. */
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

  /** Starts a session, and returns the beginning of its user's keys. */
  async login(): Promise<string> {
    return (await (await this.fetch('/session', { method: 'POST' })).json()).prefix;
  }

  get cookie(): string {
    return this.#cookie;
  }
}
