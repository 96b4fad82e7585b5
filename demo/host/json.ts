/** JSON in requests to the host, and JSON in its answers. */
import type { HostRefusal } from './contract.ts';

/** A request that the host refuses, with its status, a code for programs, and a sentence for people. */
export class HostError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }

  toResponse(): Response {
    const answer: HostRefusal = { error: this.code, message: this.message };
    return json(answer, this.status);
  }
}

/** Makes the error for a request that cannot work. */
export function badRequest(message: string): HostError {
  return new HostError(400, 'BadRequest', message);
}

/** Answers with data, which no cache keeps. */
export function json(data: object, status = 200): Response {
  return Response.json(data, { status, headers: { 'cache-control': 'no-store' } });
}

/**
 * Reads a JSON object.
 *
 * @throws HostError 400 if the body is something else.
 */
export async function fieldsOf(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const data: unknown = await request.json().catch(() => undefined);
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data as Record<string, unknown>;
  throw badRequest('The body must be a JSON object');
}
