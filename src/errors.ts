/**
 * What can go wrong, as data. There is one family, `OssError`; a subclass exists only where the caller gets different facts.
 */

import { cut, harmless, redact, redactUrls } from './redact.ts';
import type { ObjectTail } from './tail.ts';

/**
 * What is known of the segment that was under way when an append failed.
 *
 * - `absent`: it is not stored and will not be: nothing was sent, or other bytes were seen in its place.
 * - `stored`: the object holds these bytes in this place, and at least one request with them got no answer. Where more bytes
 *   follow, another writer's longer request may have begun with the same bytes: nobody can tell.
 * - `unknown`: it may be stored now, or may still become so. `AppendableObject.settle` finds out.
 */
export type Outcome = 'absent' | 'stored' | 'unknown';

/** Facts that an error may carry beside its message. */
export interface OssErrorInit {
  readonly code: string;
  readonly cause?: unknown;
}

/**
 * The base of every failure that is not the caller's mistake (those are `TypeError` and `RangeError`).
 *
 * @example
 * ```ts
 * import { type AppendableObject, OssError } from 'oss-append';
 *
 * async function appendOrReport(object: AppendableObject, file: File) {
 *   try {
 *     await object.append(file);
 *   } catch (error) {
 *     if (!(error instanceof OssError)) throw error;
 *     console.warn(error.code, error.outcome, error.tail?.position, error.loaded);
 *   }
 * }
 * ```
 */
export class OssError extends Error {
  /** Spelled out, here and below: minifiers rename classes. */
  override readonly name: string = 'OssError';
  /** For machines: OSS's own code (`AccessDenied`), or one of this library's. */
  readonly code: string;
  /** After a failed append: the last confirmed tail of the object. */
  declare readonly tail?: ObjectTail;
  /** After a failed append: whether the segment under way is stored. */
  declare readonly outcome?: Outcome;
  /** After a failed append: bytes of this call's source that are confirmed stored. */
  declare readonly loaded?: number;

  constructor(message: string, { code, ...rest }: OssErrorInit) {
    super(message, 'cause' in rest ? { cause: withoutSecrets(rest.cause) } : undefined);
    this.code = code;
  }
}

/** Facts of a refusal by OSS. */
export interface ServiceErrorInit extends OssErrorInit {
  readonly status: number;
  readonly requestId?: string | undefined;
  readonly ec?: string | undefined;
  readonly position?: number | undefined;
  readonly serverTime?: number | undefined;
  readonly retryAfter?: number | undefined;
}

/**
 * OSS (or a gateway before it) answered, and the answer is no.
 *
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/error-responses
 */
export class ServiceError extends OssError {
  override readonly name: string = 'ServiceError';
  /** HTTP status. */
  readonly status: number;
  /** `x-oss-request-id`: what Alibaba Cloud's support asks for. */
  readonly requestId: string | undefined;
  /** OSS's finer error code, such as `0026-00000016`. For reading: it may change, so do not branch on it. */
  readonly ec: string | undefined;
  /** The object's length in bytes, where a 409 carries it. */
  readonly position: number | undefined;
  /** OSS's clock, ms since the epoch, where the answer carries it. */
  readonly serverTime: number | undefined;
  /** How long OSS asks us to wait, ms. */
  readonly retryAfter: number | undefined;

  constructor(message: string, init: ServiceErrorInit) {
    super(message, init);
    this.status = init.status;
    this.requestId = init.requestId;
    this.ec = init.ec;
    this.position = init.position;
    this.serverTime = init.serverTime;
    this.retryAfter = init.retryAfter;
  }
}

/**
 * No usable answer: the network, a time-out, a CORS refusal (which browsers do not tell apart from a dead network),
 * or something that is not OSS. `code` is `NetworkError`, `TimeoutError` or `UnexpectedResponse`.
 */
export class TransportError extends OssError {
  override readonly name: string = 'TransportError';
}

/** Facts of a conflict. */
export interface AppendConflictInit extends OssErrorInit {
  /** Where the segment was to go, bytes. */
  readonly position: number;
  /** Its length, bytes. */
  readonly size: number;
  /** The object's length as it was found, bytes; `undefined` where there is no such object. */
  readonly found?: number | undefined;
}

/** The object is not what it was when we last confirmed it: another writer, a deletion, a replacement. `code` is `AppendConflict`. */
export class AppendConflictError extends OssError {
  override readonly name: string = 'AppendConflictError';
  /** Where our segment was to go, bytes. */
  readonly position: number;
  /** The length of our segment, bytes. */
  readonly size: number;
  /** The object's length as it was found, bytes; `undefined` where there is no such object. */
  readonly found: number | undefined;

  constructor(message: string, init: AppendConflictInit) {
    super(message, init);
    this.position = init.position;
    this.size = init.size;
    this.found = init.found;
  }
}

/** Facts of a failed check. */
export interface ChecksumErrorInit extends OssErrorInit {
  readonly position: number;
  readonly expected: string;
  readonly actual: string;
}

/** The bytes that OSS holds are not the bytes that were sent: the object is damaged from `position` on. `code` is `ChecksumMismatch`. */
export class ChecksumError extends OssError {
  override readonly name: string = 'ChecksumError';
  /** First byte of the segment that is damaged. */
  readonly position: number;
  /** CRC-64 that the object should have, decimal. */
  readonly expected: string;
  /** CRC-64 that it has, decimal. */
  readonly actual: string;

  constructor(message: string, init: ChecksumErrorInit) {
    super(message, init);
    this.position = init.position;
    this.expected = init.expected;
    this.actual = init.actual;
  }
}

/** The source could not be read to its end: a file that changed since it was picked, a stream that failed. `cause` says why. */
export class SourceError extends OssError {
  override readonly name: string = 'SourceError';

  constructor(message: string, init: OssErrorInit) {
    super(message, init);
    // The caller's own, as it was: theirs to tell apart.
    if ('cause' in init) this.cause = init.cause;
  }
}

/** No usable credentials: loading them failed, they are malformed or out of date, or a presign function gave no URL. */
export class CredentialsError extends OssError {
  override readonly name: string = 'CredentialsError';
  /** A request of the same call was sent before, and refused. */
  declare readonly sent?: boolean;
}

/** What a failed append knows, added to its error. */
export interface AppendFacts {
  readonly tail?: ObjectTail | undefined;
  readonly outcome: Outcome;
  readonly loaded: number;
}

/**
 * Adds to an error what the engine knows of the append that it ended. An error that has ended another append before (a
 * refresh that failed for two) is copied. Other thrown values pass as they are.
 */
export function withAppendFacts(error: unknown, { tail, ...facts }: AppendFacts): unknown {
  if (!(error instanceof OssError)) return error;
  const known = tail ? { ...facts, tail } : facts;
  if (!('outcome' in error)) return Object.assign(error, known);
  const copy = Reflect.construct(error.constructor, [error.message, { ...error, cause: error.cause }]);
  return Object.assign(copy, { tail: undefined }, known);
}

/** A failed append whose outcome could not be found out: the failure that began it, with what kept us from looking. */
export function unproven(failure: unknown, reading: OssError): unknown {
  if (!(failure instanceof OssError)) return failure;
  const permission =
    reading instanceof ServiceError && reading.status === 403 ? ' (reading it back needs oss:GetObject)' : '';
  failure.message += `. Whether these bytes are stored could not be proven${permission}: ${reading.message}`;
  failure.cause ??= reading;
  return failure;
}

/**
 * What a cause may show: an error as a plain copy of its harmless parts, redacted text, and of anything else only what kind of
 * thing it is. Errors of some runtimes (Deno, Bun) quote the URL with its signature, and those of fetch wrappers carry the request.
 */
export function withoutSecrets(cause: unknown, secrets: readonly string[] = [], depth = 0): unknown {
  if (typeof cause === 'string') return redact(cause, secrets);
  if (Object(cause) !== cause || cause instanceof OssError) return cause;
  try {
    return isError(cause) && depth < 5
      ? copyOf(cause, secrets, depth)
      : Object.prototype.toString.call(cause).slice(0, 50);
  } catch {
    // A getter threw.
    return 'unreadable';
  }
}

function copyOf(error: Error & { readonly code?: unknown }, secrets: readonly string[], depth: number): Error {
  const { name, message, stack, code, cause } = error;
  const init = cause === undefined ? undefined : { cause: withoutSecrets(cause, secrets, depth + 1) };
  const copy = new Error(redact(message, secrets), init);
  // What a runtime says in a code, such as ECONNREFUSED, it may say nowhere else.
  const shown = typeof code === 'string' ? harmless(code, secrets) : undefined;
  if (shown) Object.assign(copy, { code: shown });
  const frames = redactUrls(cut(String(stack ?? ''), secrets))
    .split('\n')
    .filter((line) => /^\s+at |@/.test(line));
  return Object.assign(copy, {
    name: harmless(String(name)) ?? 'Error',
    stack: [`${name}: ${copy.message}`, ...frames].join('\n'),
  });
}

/** By its shape: it may come from another realm. */
function isError(value: unknown): value is Error {
  return typeof (value as Partial<Error> | null)?.message === 'string';
}
