/** What every route needs of HTTP: refusals as data, bodies of a limited size, and CORS for named origins only. */

import type { Clock } from '../../src/index.ts';

/** Thrown where a request is refused; becomes an answer with its status. */
export class Refusal extends Error {
  readonly status: number;
  /** For machines. */
  readonly code: string;
  /** Facts for the client beside code and message. */
  readonly facts: object;

  constructor(status: number, code: string, message: string, facts: object = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.facts = facts;
  }

  /** The same, with these facts. */
  with(facts: object): Refusal {
    return new Refusal(this.status, this.code, this.message, facts);
  }

  toResponse(): Response {
    return json({ error: this.code, message: this.message, ...this.facts }, this.status);
  }
}

/** An answer that no cache keeps: tokens and grants are secrets of one user. */
export function json(value: object, status = 200): Response {
  return Response.json(value, {
    status,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  });
}

/** How long a body may be, and how long in coming. */
export interface BodyLimits {
  /** Bytes. */
  readonly most: number;
  /** Wait for more of it, ms. */
  readonly idle: number;
  readonly clock: Timers;
}

/** A clock, or a part of one. */
export type Timers = Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>;

/** @throws Refusal for a body that is too long, or stalls, or is no JSON object. */
export async function readJson(request: Request, limits: BodyLimits): Promise<Record<string, unknown>> {
  checkLength(request, limits.most);
  const bytes: number[] = [];
  for await (const chunk of limited(request, limits)) bytes.push(...chunk);
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(bytes)));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Not quoted: whatever it was, it is not ours to repeat.
  }
  throw new Refusal(400, 'BadRequest', 'The body must be a JSON object');
}

/** The length that a request announces, bytes. @throws Refusal where it is too long. */
export function checkLength({ headers }: Request, most: number): number | undefined {
  const text = headers.get('content-length');
  if (text === null) return undefined;
  if (Number(text) > most) throw tooLarge(most);
  return Number(text);
}

/**
 * The chunks of a body, to be read one at a time: whoever stops asking stops the sender. Read into one buffer of ours
 * where the platform can do so, and not for every packet. A chunk is good until the next is asked for.
 *
 * @throws Refusal when there are more than `most` bytes (an announced length may be missing, or a lie), and when the
 * sender gives nothing for `idle` ms while it is waited for (in a Worker: less than 16 KiB).
 */
export async function* limited(
  { body }: Request,
  { most, ...patience }: BodyLimits,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  if (!body) return;
  const reader = new BodyReader(body);
  const watch = new Watch(patience);
  try {
    for (let total = 0, chunk = await watch.wait(reader.read()); chunk; chunk = await watch.wait(reader.read())) {
      total += chunk.byteLength;
      if (total > most) throw tooLarge(most);
      yield chunk;
    }
  } finally {
    watch.end();
    reader.cancel();
  }
}

/** Ends a wait that is too long. One timer for a whole body, which a read is too short to set. */
class Watch {
  readonly #idle: number;
  readonly #clock: Timers;
  #timer: unknown;
  /** When the wait that is on began, ms. */
  #since: number | undefined;
  #stall: (reason: Refusal) => void = () => {};

  constructor({ idle, clock }: Omit<BodyLimits, 'most'>) {
    this.#idle = idle;
    this.#clock = clock;
    this.#set(idle);
  }

  async wait<T>(work: Promise<T>): Promise<T> {
    this.#since = this.#clock.now();
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#stall = reject;
        work.then(resolve, reject);
      });
    } finally {
      this.#since = undefined;
    }
  }

  end(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #set(delay: number): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), delay);
  }

  /** Nothing counts while nobody asks: then it is the store that is slow. */
  #look(): void {
    const waited = this.#since === undefined ? 0 : this.#clock.now() - this.#since;
    if (waited < this.#idle) this.#set(this.#idle - waited);
    else this.#stall(new Refusal(408, 'RequestTimeout', `Nothing came for ${this.#idle} ms: go on from the tail`));
  }
}

const BUFFER = 64 * 1024;
/** Asked for at once: a read for each packet costs a Worker a third of its time, and memory. */
const ENOUGH = 16 * 1024;

class BodyReader {
  readonly #byob: ReadableStreamBYOBReader | undefined;
  readonly #plain: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  #buffer = new ArrayBuffer(0);

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
    try {
      this.#byob = body.getReader({ mode: 'byob' });
    } catch {
      this.#plain = body.getReader();
    }
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!this.#byob) return (await this.#plain?.read())?.value;
    if (this.#buffer.byteLength === 0) this.#buffer = new ArrayBuffer(BUFFER);
    const { value } = await this.#byob.read(new Uint8Array(this.#buffer), { min: ENOUGH });
    if (value) this.#buffer = value.buffer;
    // The end may come with the last bytes.
    return value?.byteLength ? value : undefined;
  }

  cancel(): void {
    (this.#byob ?? this.#plain)?.cancel().catch(() => {});
  }
}

function tooLarge(most: number): Refusal {
  return new Refusal(413, 'TooLarge', `A body may have ${most} bytes here`);
}

/** CORS for these origins, and nobody else. */
export class Cors {
  readonly #origins: readonly string[];

  constructor(origins: readonly string[]) {
    if (origins.some((origin) => new URL(origin).origin !== origin))
      throw new TypeError('origins read like https://example.com');
    this.#origins = origins;
  }

  /** Refuses the pages of others: browsers send their Origin with every POST, and it cannot be forged there. */
  check({ headers, url }: Request): void {
    const origin = headers.get('origin');
    if (origin === null || origin === new URL(url).origin || this.#origins.includes(origin)) return;
    throw new Refusal(403, 'ForbiddenOrigin', 'This origin may not call this service');
  }

  preflight(): Response {
    const headers = {
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '600',
    };
    return new Response(null, { status: 204, headers });
  }

  /** The answer, readable by the asking page if it is a named one. */
  apply({ headers }: Request, response: Response): Response {
    const origin = headers.get('origin');
    response.headers.append('vary', 'Origin');
    if (origin === null || !this.#origins.includes(origin)) return response;
    response.headers.set('access-control-allow-origin', origin);
    response.headers.set('access-control-allow-credentials', 'true');
    return response;
  }
}
