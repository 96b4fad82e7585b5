/**
 * Provides the option `presign` for a page that has no key: an edge signs each request. Several appends of the same
 * size can be granted in advance with one request. These appends then need no additional round trip for their grants.
 */
import type { OssClientOptions } from '../../src/index.ts';

type Presign = NonNullable<OssClientOptions['presign']>;
type PresignRequest = Parameters<Presign>[0];

/** Options of {@link Grants}. */
export interface GrantOptions {
  /** The number of grants that one request asks for. With the default 1, each grant is requested when it is needed. */
  readonly ahead?: number | undefined;
  /** The size of the object's appends in bytes, which is its `segmentSize`. The option `ahead` needs it. */
  readonly segmentSize?: number | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** Returns the time in ms since the epoch. The default is `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** A grant for an append that the page requested in advance. */
interface Held {
  readonly position: number;
  readonly size: number;
  readonly url: string;
  readonly expiration: string;
}

/** A grant that expires within this time (ms) is not used, because the append may take some time. */
const MARGIN = 30_000;

/** Grants for one upload. Give `presign` to an `OssClient` instead of credentials. */
export class Grants {
  readonly #edge: string;
  readonly #options: GrantOptions;
  /** The grants by key, position and size. Each grant is used once, because a retry may need a fresh one. */
  readonly #held: Map<string, Held> = new Map();
  #filling: Promise<void> | undefined;
  /** The length of the object in bytes after the upload. The last append is shorter than the others and ends here. */
  end: number | undefined;

  /** `edge` is the origin of the service. An empty string means the origin of the page. */
  constructor(edge: string, options: GrantOptions = {}) {
    this.#edge = edge;
    this.#options = options;
  }

  readonly presign: Presign = async (request) => {
    const held = await this.#take(request);
    if (held) return held.url;
    const { operation, key, position, size, range, decode, headers, signal } = request;
    const { url } = await this.#ask('/grant', { operation, key, position, size, range, decode, headers }, signal);
    return String(url);
  };

  async #take(request: PresignRequest): Promise<Held | undefined> {
    const { operation, key, position = 0, size = 0, headers } = request;
    const { ahead = 1 } = this.#options;
    if (operation !== 'appendObject' || ahead < 2) return undefined;
    // The grant may be in a response that has not arrived yet.
    if (!this.#held.has(idOf(key, position, size))) await this.#filling;
    if (!this.#held.has(idOf(key, position, size)) && this.#isUsual(position, size)) await this.#fill(request);
    const held = this.#held.get(idOf(key, position, size));
    this.#forgetBefore(position + 1);
    // The request for the next grants runs while this grant is used.
    if (held && this.#held.size === 0 && !this.#isLast(held)) {
      this.#fill({ ...request, position: position + size, headers: {} }).catch(() => {});
    }
    const { now = Date.now } = this.#options;
    // Only the grant for position 0 has the headers in its signature.
    const usable = held && Date.parse(held.expiration) - now() > MARGIN;
    return usable && (position === 0 || Object.keys(headers).length === 0) ? held : undefined;
  }

  #isUsual(position: number, size: number): boolean {
    return size === this.#options.segmentSize || (size > 0 && position + size === this.end);
  }

  #isLast({ position, size }: Held): boolean {
    return position + size === this.end || size !== this.#options.segmentSize;
  }

  #fill({ key, position, headers, signal }: PresignRequest): Promise<void> {
    const { segmentSize, ahead: count } = this.#options;
    const asking = this.#ask('/grants', { key, position, segmentSize, count, end: this.end, headers }, signal);
    const filling = asking.then(({ grants }) => {
      for (const held of grants as Held[]) this.#held.set(idOf(key, held.position, held.size), held);
    });
    this.#filling = filling.catch(() => {});
    return filling;
  }

  #forgetBefore(position: number): void {
    for (const [id, held] of this.#held) if (held.position < position) this.#held.delete(id);
  }

  async #ask(path: string, body: object, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const { fetch = (url: string, init: RequestInit) => globalThis.fetch(url, init) } = this.#options;
    const init: RequestInit = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      credentials: 'include',
    };
    const response = await fetch(this.#edge + path, signal ? { ...init, signal } : init);
    if (response.ok) return response.json();
    const { error = '', message = '' } = await response.json().catch(() => ({}));
    throw new Error(`The edge granted no request: HTTP ${response.status} ${error} ${message}`);
  }
}

function idOf(key: string, position: number, size: number): string {
  return `${position} ${size} ${key}`;
}
