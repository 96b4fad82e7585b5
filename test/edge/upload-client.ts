/** An edge with resumable uploads in this process, and the requests that both standards send to it. */
import type { EdgeHandler, EdgeOptions } from '../../src/edge/index.ts';
import type { FaultSchedule, LocalOss } from '../../src/testing/index.ts';
import { VirtualClock } from '../tools/virtual-clock.ts';
import { BUCKET, EDGE, edgeOf, hasBytes, makeCloud, placeOf } from './world.ts';

export const SECRET = 'a secret for upload URLs, long enough';
/**
 * The time of the edge, in whole seconds, because dates of HTTP have no fractions. The store uses the clock of the
 * platform.
 */
export const START: number = Math.floor(Date.now() / 1000) * 1000;

/** Headers of a request. */
export type Headers = Readonly<Record<string, string>>;

/** What a request has besides its method and URL. */
export interface Sent {
  readonly headers?: Headers;
  readonly body?: BodyInit;
}

/** Options of {@link UploadWorld}. */
export interface WorldOptions extends Partial<EdgeOptions> {
  readonly faults?: FaultSchedule;
}

/** An edge for user u1 with a store behind it. */
export class UploadWorld {
  readonly oss: LocalOss;
  readonly edge: EdgeHandler;
  readonly clock: VirtualClock = new VirtualClock(START);
  readonly #options: Partial<EdgeOptions>;

  constructor({ faults = [], ...options }: WorldOptions = {}) {
    this.oss = makeCloud({ faults }).oss;
    this.#options = { oss: { ...placeOf(this.oss), clock: this.clock, retry: { baseDelay: 0 } }, uploadSecret: SECRET };
    this.edge = this.edgeWith(options);
  }

  /** Makes another edge for the same store. */
  edgeWith(options: Partial<EdgeOptions>): EdgeHandler {
    return edgeOf(this.oss, { ...this.#options, ...options });
  }

  send(method: string, path: string, { headers = {}, body }: Sent = {}, edge: EdgeHandler = this.edge) {
    const init = { method, headers, ...(body === undefined ? {} : { body, duplex: 'half' }) } as RequestInit;
    return edge(new Request(new URL(path, EDGE), init));
  }

  /** Sends a request of tus. */
  tus(method: string, path: string, { headers = {}, body }: Sent = {}, edge?: EdgeHandler) {
    const all = { 'tus-resumable': '1.0.0', ...headers };
    return this.send(method, path, body === undefined ? { headers: all } : { headers: all, body }, edge);
  }

  /** Creates an upload with tus, and returns its path. */
  async create(length: number, headers: Headers = {}, path = '/upload'): Promise<string> {
    const response = await this.tus('POST', path, { headers: { 'upload-length': String(length), ...headers } });
    if (response.status !== 201) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    return pathOf(response, path);
  }

  /** Sends a piece with tus. */
  patch(path: string, offset: number, body: BodyInit, headers: Headers = {}) {
    const all = { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset), ...headers };
    return this.tus('PATCH', path, { headers: all, body });
  }

  /** Sends a piece with the draft. */
  append(path: string, offset: number, { complete = '?0', body, headers = {} }: Piece = {}) {
    const all = {
      'content-type': 'application/partial-upload',
      'upload-offset': String(offset),
      'upload-complete': complete,
      ...headers,
    };
    return this.send('PATCH', path, body === undefined ? { headers: all } : { headers: all, body });
  }

  /** Returns the offset of the upload, which it gets with HEAD of tus. */
  async offset(path: string): Promise<number> {
    return Number((await this.tus('HEAD', path)).headers.get('upload-offset'));
  }

  has(path: string, bytes: Uint8Array): boolean {
    return hasBytes(this.oss, keyOf(path), bytes);
  }

  object(path: string) {
    return this.oss.object(BUCKET, keyOf(path));
  }
}

/** A piece of the draft. */
interface Piece {
  readonly complete?: string;
  readonly body?: BodyInit;
  readonly headers?: Headers;
}

/** Returns the path and query of a response's Location, as a client resolves it. */
export function pathOf(response: Response, path = '/upload'): string {
  const { pathname, search } = new URL(response.headers.get('location') ?? 'missing:', new URL(path, EDGE));
  return pathname + search;
}

/** Returns the key in the path of an upload. */
export function keyOf(path: string): string {
  return decodeURIComponent(path.slice('/upload/'.length).split('?')[0] ?? '');
}

/** Returns text as Base64 of its UTF-8. */
export function base64(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64');
}

/** Returns the header that announces the length of a body, as an HTTP client adds it. */
export function sized(length: number): Headers {
  return { 'content-length': String(length) };
}
