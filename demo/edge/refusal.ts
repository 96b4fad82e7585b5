/** A refusal: its status, a code for machines, and the facts that the client may know. Hides how it becomes a response. */

/** Thrown wherever a request is refused. The handler answers it as JSON. */
export class Refusal extends Error {
  readonly status: number;
  /** For machines. */
  readonly code: string;
  /** What the client needs to go on, beside code and message. */
  readonly facts: object;

  constructor(status: number, code: string, message: string, facts: object = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.facts = facts;
  }

  /** The same refusal with more facts. */
  with(facts: object): Refusal {
    return new Refusal(this.status, this.code, this.message, { ...this.facts, ...facts });
  }

  toResponse(): Response {
    return json({ error: this.code, message: this.message, ...this.facts }, this.status);
  }
}

/** Refuses a request that cannot be understood. The message says which part of it, and never quotes it. */
export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}

/** A response that no cache keeps: tokens and grants are secrets of one user. */
export function json(value: object, status = 200): Response {
  return Response.json(value, {
    status,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  });
}
