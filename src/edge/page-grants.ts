/**
 * The option `presign` for a page that has no key: an edge signs each request of the page. This file also asks for
 * several appends in advance with one request, so that these appends need no additional round trip for their grants.
 */

import { checkFunction, checkType, checkWholeNumber } from '../check.ts';
import { CredentialsError } from '../errors.ts';
import { harmless, redact } from '../redact.ts';
import type { Presign } from '../request/presigner.ts';
import type { PresignRequest } from '../request/request.ts';
import { type Clock, platformClock } from '../waiting/clock.ts';

/** Options of {@link PageGrants}. */
export interface PageGrantsOptions {
  /**
   * The number of grants that one request asks for. With the default 1, the page asks for each grant when it needs it.
   */
  readonly ahead?: number | undefined;
  /**
   * The size of the object's segments in bytes: the same number as in `AppendableObject`. The option `ahead` needs it. Segments may
   * be shorter, because of `maxRate` or after a failure. If they are, the page asks in advance for grants of the size
   * of the last two segments.
   */
  readonly segmentSize?: number | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** Replaces the clock of the platform. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
}

/** A grant for an append that the page asked for in advance. */
interface HeldGrant {
  readonly position: number;
  readonly size: number;
  readonly url: string;
  readonly expiration: string;
}

/** A grant that expires within this time (ms) is not used, because the append may take some time. */
const MARGIN = 30_000;

/**
 * The page's side of an edge's grants. Make one for each upload, and give its `presign` to a `PresignedClient` in place
 * of credentials. It sends the cookies of the edge's origin (`credentials: 'include'`).
 *
 * @throws TypeError or RangeError for options that cannot work. If the edge refuses a grant, the call of the client
 *   rejects with a {@link CredentialsError} whose `cause` has the HTTP status and the code of the edge's answer, such
 *   as `NotAllowed`.
 * @example
 * ```ts
 * import { AppendableObject, PresignedClient } from 'oss-append';
 * import { PageGrants } from 'oss-append/edge';
 *
 * async function send(file: File, key: string) {
 *   const segmentSize = 4 * 1024 * 1024;
 *   const grants = new PageGrants('https://edge.example.com', { ahead: 8, segmentSize });
 *   const client = new PresignedClient({ presign: grants.presign });
 *   const object = new AppendableObject(client, key, { segmentSize });
 *   grants.end = (await object.open()).position + file.size;
 *   return object.append(file);
 * }
 * ```
 */
export class PageGrants {
  readonly #edge: string;
  readonly #options: PageGrantsOptions;
  readonly #clock: Pick<Clock, 'now'>;
  /** The grants by key, position and size. Each grant is used once, because a retry may need a fresh one. */
  readonly #held: Map<string, HeldGrant> = new Map();
  #filling: Promise<void> | undefined;
  /** The size of the last append in bytes. */
  #size: number | undefined;
  /**
   * The length in bytes that the object will have after the upload. Set it if you know it: the last append is shorter.
   */
  end: number | undefined;

  /** `edge` is the origin of the edge. An empty string means the origin of the page. */
  constructor(edge: string, options: PageGrantsOptions = {}) {
    checkType(typeof edge === 'string', 'edge must be a string');
    checkFunction('fetch', options.fetch);
    for (const name of ['ahead', 'segmentSize'] as const)
      if (options[name] !== undefined) checkWholeNumber(name, options[name], 1);
    this.#edge = edge;
    this.#options = options;
    this.#clock = options.clock ?? platformClock();
  }

  /** Asks the edge to sign one request. It is bound, so you can pass it on without this object. */
  readonly presign: Presign = async (request) => {
    const held = await this.#take(request);
    if (held) return held.url;
    const { operation, key, position, size, range, decode, headers, signal } = request;
    const { url } = await this.#ask('/grant', { operation, key, position, size, range, decode, headers }, signal);
    return String(url);
  };

  async #take(request: PresignRequest): Promise<HeldGrant | undefined> {
    const { operation, key, position = 0, size = 0, headers } = request;
    const { ahead = 1 } = this.#options;
    if (operation !== 'appendObject' || ahead < 2) return undefined;
    const isUsual = this.#isUsual(position, size);
    this.#size = size;
    // The grant may be in a response that has not arrived yet.
    if (!this.#held.has(idOf(key, position, size))) await this.#filling;
    if (!this.#held.has(idOf(key, position, size)) && isUsual) await this.#fill(request);
    const held = this.#held.get(idOf(key, position, size));
    this.#forgetBefore(position + 1);
    // The request for the next grants runs while this grant is used.
    if (held && this.#held.size === 0 && position + size !== this.end) {
      this.#fill({ ...request, position: position + size, headers: {} }).catch(() => {});
    }
    const usable = held && Date.parse(held.expiration) - this.#clock.now() > MARGIN;
    // Grants that were asked for in advance are signed without headers, except the grant for position 0.
    return usable && (position === 0 || Object.keys(headers).length === 0) ? held : undefined;
  }

  #isUsual(position: number, size: number): boolean {
    const { segmentSize = 0 } = this.#options;
    const isAlike = size === segmentSize || (size === this.#size && size < segmentSize);
    return size > 0 && (isAlike || position + size === this.end);
  }

  #fill({ key, position, size: segmentSize, headers, signal }: PresignRequest): Promise<void> {
    const { ahead: count } = this.#options;
    const asking = this.#ask('/grants', { key, position, segmentSize, count, end: this.end, headers }, signal);
    const filling = asking.then(({ grants }) => {
      for (const held of grants as HeldGrant[]) this.#held.set(idOf(key, held.position, held.size), held);
    });
    this.#filling = filling.catch(() => {});
    return filling;
  }

  #forgetBefore(position: number): void {
    for (const [id, held] of this.#held) if (held.position < position) this.#held.delete(id);
  }

  async #ask(path: string, body: object, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const { fetch = globalThis.fetch } = this.#options;
    const init: RequestInit = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      credentials: 'include',
    };
    const response = await fetch(this.#edge + path, signal ? { ...init, signal } : init);
    if (response.ok) return response.json();
    throw await refused(response);
  }
}

async function refused(response: Response): Promise<CredentialsError> {
  const { error, message = '' } = await response.json().catch(() => ({}));
  const code = harmless(error) ?? `Http${response.status}`;
  const text = `The edge granted no request: ${code} (HTTP ${response.status}) ${redact(String(message))}`;
  return new CredentialsError(text.trim(), { code });
}

function idOf(key: string, position: number, size: number): string {
  return `${position} ${size} ${key}`;
}
