/**
 * A refused request: its status, a code for programs, and the facts that the client may know. This file makes the
 * response.
 */

/** Thrown wherever the edge refuses a request. The handler answers it as JSON. */
export class Refusal extends Error {
  /** The HTTP status. */
  readonly status: number;
  /** A name for programs, such as `ForbiddenKey`. */
  readonly code: string;
  /** What the client needs to continue, besides code and message. */
  readonly facts: object;

  constructor(status: number, code: string, message: string, facts: object = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.facts = facts;
  }

  /** Returns the same refusal with more facts. */
  with(facts: object): Refusal {
    return new Refusal(this.status, this.code, this.message, { ...this.facts, ...facts });
  }

  toResponse(): Response {
    return json({ error: this.code, message: this.message, ...this.facts }, this.status);
  }
}

/** Refuses a request that the edge cannot understand. The message names the wrong part, and never quotes it. */
export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}

/**
 * Refuses a request because of a failure whose cause the client must not know. The code is for the log of the
 * application.
 */
export function hidden(code: string): Refusal {
  return new Refusal(500, code, 'Something went wrong here');
}

/** Makes a response that no cache keeps, because tokens and grants are secrets of one user. */
export function json(value: object, status = 200): Response {
  return Response.json(value, {
    status,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  });
}
