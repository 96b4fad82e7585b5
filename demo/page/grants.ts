/**
 * A `presign` for a page without any key: an edge signs each request. Hides how many grants are asked for at a time:
 * appends of one size can be granted ahead, so that they cost no round trip of their own.
 */
import type { OssClientOptions } from '../../src/index.ts';

type Presign = NonNullable<OssClientOptions['presign']>;
type PresignRequest = Parameters<Presign>[0];

/** How grants are asked for. */
export interface GrantOptions {
  /** Appends to have granted at once. Default 1: each when it is needed. */
  readonly ahead?: number | undefined;
  /** The size that the object's appends have, bytes: its `segmentSize`. Needed for `ahead`. */
  readonly segmentSize?: number | undefined;
  /** In place of the global one. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** ms since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** An append, granted ahead. */
interface Held {
  readonly position: number;
  readonly size: number;
  readonly url: string;
  readonly expiration: string;
}

/** A grant that ends sooner than this is not begun with, ms. */
const MARGIN = 30_000;

/** Grants for one upload. `presign` goes into an `OssClient` in place of credentials. */
export class Grants {
  readonly #edge: string;
  readonly #options: GrantOptions;
  /** By key, position and size. Each is handed out once: whoever asks again may need a fresh one. */
  readonly #held: Map<string, Held> = new Map();
  #filling: Promise<void> | undefined;
  /** Where the source will end in the object, bytes: the last append is shorter. */
  end: number | undefined;

  /** `edge`: origin of the service, or an empty text for the page's own. */
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
    // What was asked ahead may be on its way.
    if (!this.#held.has(idOf(key, position, size))) await this.#filling;
    if (!this.#held.has(idOf(key, position, size)) && this.#isUsual(position, size)) await this.#fill(request);
    const held = this.#held.get(idOf(key, position, size));
    this.#forgetBefore(position + 1);
    // The next ones are asked for while this one is used.
    if (held && this.#held.size === 0 && !this.#isLast(held)) {
      this.#fill({ ...request, position: position + size, headers: {} }).catch(() => {});
    }
    const { now = Date.now } = this.#options;
    // The headers are signed with the first append, and only there.
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
    throw new Error(`No grant: HTTP ${response.status} ${error} ${message}`);
  }
}

function idOf(key: string, position: number, size: number): string {
  return `${position} ${size} ${key}`;
}
