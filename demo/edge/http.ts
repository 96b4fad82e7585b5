/** What every route needs of HTTP: refusals as data, bodies of a limited size, and CORS for named origins only. */

/** Code of a body that is too long. */
export const TOO_LARGE = 'TooLarge';

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

/** @throws Refusal for a body longer than `most` bytes, or one that is no JSON object. */
export async function readJson(request: Request, most: number): Promise<Record<string, unknown>> {
  checkLength(request, most);
  const bytes: number[] = [];
  for await (const chunk of limited(request, most)) bytes.push(...chunk);
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
 * where the platform can do so; workerd hands out 4 KiB at a time otherwise. A chunk is good until the next is asked for.
 *
 * @throws Refusal when there are more than `most` bytes: an announced length may be missing, or a lie.
 */
export async function* limited({ body }: Request, most: number): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  if (!body) return;
  const reader = new BodyReader(body);
  try {
    for (let total = 0, chunk = await reader.read(); chunk; chunk = await reader.read()) {
      total += chunk.byteLength;
      if (total > most) throw tooLarge(most);
      yield chunk;
    }
  } finally {
    reader.cancel();
  }
}

const BUFFER = 64 * 1024;

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
    const { done, value } = await this.#byob.read(new Uint8Array(this.#buffer));
    if (value) this.#buffer = value.buffer;
    return done ? undefined : value;
  }

  cancel(): void {
    (this.#byob ?? this.#plain)?.cancel().catch(() => {});
  }
}

function tooLarge(most: number): Refusal {
  return new Refusal(413, TOO_LARGE, `A body may have ${most} bytes here`);
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
