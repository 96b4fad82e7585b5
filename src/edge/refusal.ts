/**
 * A refused request: its status, a code for programs, and the facts that the client may know. This file makes the
 * response, and decides what the client learns of a failure of OSS or STS.
 */
import { OssError } from '../errors.ts';

/** Headers of a response. */
type Headers = Readonly<Record<string, string>>;

/** The error that the edge throws when it refuses a request. The handler answers it as JSON. */
export class Refusal extends Error {
  /** The HTTP status. */
  readonly status: number;
  /** A name for programs, such as `ForbiddenKey`. */
  readonly code: string;
  /** What the client needs to continue, besides code and message. */
  readonly facts: object;
  /** Headers that a standard demands. */
  readonly headers: Headers;

  constructor(status: number, code: string, message: string, facts: object = {}, headers: Headers = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.facts = facts;
    this.headers = headers;
  }

  /** Returns the same refusal with more facts. */
  with(facts: object, headers: Headers = {}): Refusal {
    const all = { ...this.headers, ...headers };
    return new Refusal(this.status, this.code, this.message, { ...this.facts, ...facts }, all);
  }

  /** Returns the same refusal with another status. */
  withStatus(status: number): Refusal {
    return new Refusal(status, this.code, this.message, this.facts, this.headers);
  }

  toResponse(): Response {
    return json({ error: this.code, message: this.message, ...this.facts }, this.status, this.headers);
  }

  /**
   * Makes a response of the media type `application/problem+json`. It also has the fields of {@link toResponse}.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9457
   */
  toProblem(): Response {
    const { status, code, message } = this;
    const problem = { type: 'about:blank', title: message, status, error: code, message, ...this.facts };
    return json(problem, status, { 'content-type': 'application/problem+json', ...this.headers });
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

/** Makes a refusal of any failure. Causes and messages of OSS and STS do not leave the edge. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (!(error instanceof OssError)) return hidden('InternalError');
  const { code, tail, outcome, loaded } = error;
  const facts = { tail, outcome, loaded };
  if (error.name === 'SourceError') return new Refusal(400, code, 'The body ended early: continue at the tail', facts);
  if (error.name === 'AppendConflictError') return new Refusal(409, code, MOVED, facts);
  return new Refusal(502, code, 'OSS or STS refused the request, or did not answer', facts);
}

const MOVED =
  'Other bytes were appended in the meantime: by another writer, or by an earlier upload of yours that was still finishing. Ask for the tail and continue there';

/** Headers of every answer: no cache keeps them, because tokens, grants and upload URLs are secrets of one user. */
export const PRIVATE: Headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** Makes a response that no cache keeps. */
export function json(value: object, status = 200, headers: Headers = {}): Response {
  return Response.json(value, { status, headers: { ...PRIVATE, ...headers } });
}
