/**
 * The failures, as data. There is one family, `OssError`. A subclass exists only if its errors carry different facts.
 */

import { harmless, redact, redactUrls, removeSecrets } from './redact.ts';
import type { ObjectTail } from './tail.ts';

/**
 * What is known about the segment in flight when an append failed.
 *
 * - `absent`: the segment is not and will not be stored. Nothing was sent, or other bytes were found in its place.
 * - `stored`: the object holds these bytes in this place, and at least one request with them got no answer. If more
 *   bytes follow, the bytes may also be the beginning of a longer request of another writer; this cannot be decided.
 * - `unknown`: the segment may be stored already, or may still be stored later. `AppendableObject.settle` finds out.
 */
export type Outcome = 'absent' | 'stored' | 'unknown';

/** The facts of an error in addition to its message. */
export interface OssErrorInit {
  readonly code: string;
  readonly cause?: unknown;
  readonly tail?: ObjectTail | undefined;
  readonly outcome?: Outcome | undefined;
  readonly loaded?: number | undefined;
}

/**
 * The base class of every failure that is not a mistake of the caller. A mistake of the caller throws `TypeError` or
 * `RangeError`.
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
  /** The class name is written as a string, here and below, because minifiers rename classes. */
  override readonly name: string = 'OssError';
  /** A code for programs: OSS's own code (such as `AccessDenied`), or a code of this library. */
  declare readonly code: string;
  /** After a failed append: the last confirmed tail of the object. */
  declare readonly tail?: ObjectTail;
  /** After a failed append: whether the segment in flight is stored. */
  declare readonly outcome?: Outcome;
  /** After a failed append: the number of bytes of this call's source that are confirmed as stored. */
  declare readonly loaded?: number;

  constructor(message: string, init: OssErrorInit) {
    const { cause, ...facts } = init;
    super(message, 'cause' in init ? { cause: withoutSecrets(cause) } : undefined);
    // The facts of a subclass are copied here too, so a subclass only declares its fields.
    Object.assign(this, facts);
  }
}

/** The facts of a refusal by OSS. */
export interface ServiceErrorInit extends OssErrorInit {
  readonly status: number;
  readonly requestId?: string | undefined;
  readonly ec?: string | undefined;
  readonly position?: number | undefined;
  readonly serverTime?: number | undefined;
  readonly retryAfter?: number | undefined;
}

/**
 * OSS, or a gateway in front of it, answered with an error.
 *
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/error-responses
 */
export class ServiceError extends OssError {
  override readonly name: string = 'ServiceError';
  /** The HTTP status. */
  declare readonly status: number;
  /** The header `x-oss-request-id`. The support of Alibaba Cloud asks for it. */
  declare readonly requestId: string | undefined;
  /**
   * The more detailed error code of OSS, such as `0026-00000016`. It may change, so programs should not depend on it.
   */
  declare readonly ec: string | undefined;
  /** The object's length in bytes, if a 409 contains it. */
  declare readonly position: number | undefined;
  /** The time of OSS in ms since the epoch, if the answer contains it. */
  declare readonly serverTime: number | undefined;
  /** The time in ms that OSS asks the client to wait. */
  declare readonly retryAfter: number | undefined;

  constructor(message: string, init: ServiceErrorInit) {
    super(message, init);
  }
}

/**
 * There was no usable answer: the network failed, the time ran out, CORS forbade the answer (browsers report this like
 * a network failure), or another server than OSS answered. `code` is `NetworkError`, `TimeoutError` or
 * `UnexpectedResponse`.
 */
export class TransportError extends OssError {
  override readonly name: string = 'TransportError';
}

/** The facts of a conflict. */
export interface AppendConflictInit extends OssErrorInit {
  /** The position where the segment was to be stored, in bytes. */
  readonly position: number;
  /** The length of the segment, in bytes. */
  readonly size: number;
  /** The object's actual length, in bytes. It is `undefined` if the object does not exist. */
  readonly found?: number | undefined;
}

/**
 * The object differs from its last confirmed state, because another client appended to it, deleted it or replaced it.
 * `code` is `AppendConflict`.
 */
export class AppendConflictError extends OssError {
  override readonly name: string = 'AppendConflictError';
  /** The position where our segment was to be stored, in bytes. */
  declare readonly position: number;
  /** The length of our segment, in bytes. */
  declare readonly size: number;
  /** The object's actual length, in bytes. It is `undefined` if the object does not exist. */
  declare readonly found: number | undefined;

  constructor(message: string, init: AppendConflictInit) {
    super(message, init);
  }
}

/** The facts of a failed check. */
export interface ChecksumErrorInit extends OssErrorInit {
  readonly position: number;
  readonly expected: string;
  readonly actual: string;
}

/** OSS holds other bytes than were sent: the object is damaged from `position` on. `code` is `ChecksumMismatch`. */
export class ChecksumError extends OssError {
  override readonly name: string = 'ChecksumError';
  /** The position of the first byte of the damaged segment. */
  declare readonly position: number;
  /** The CRC-64 that the object should have, in decimal. */
  declare readonly expected: string;
  /** The CRC-64 that the object has, in decimal. */
  declare readonly actual: string;

  constructor(message: string, init: ChecksumErrorInit) {
    super(message, init);
  }
}

/**
 * The source could not be read to its end, for example because a file changed after it was picked, or a stream failed.
 * `cause` is the error of the source.
 */
export class SourceError extends OssError {
  override readonly name: string = 'SourceError';

  constructor(message: string, init: OssErrorInit) {
    super(message, init);
    // The cause is the caller's own error. It is kept unchanged, so that the caller can recognise it.
    if ('cause' in init) this.cause = init.cause;
  }
}

/** The facts of a failure of the credentials. */
export interface CredentialsErrorInit extends OssErrorInit {
  readonly sent?: boolean | undefined;
}

/**
 * There are no usable credentials: loading failed, they are malformed or expired, or a presign function gave no URL.
 */
export class CredentialsError extends OssError {
  override readonly name: string = 'CredentialsError';
  /** True if an earlier request of the same call was sent and refused. */
  declare readonly sent: boolean;

  constructor(message: string, init: CredentialsErrorInit) {
    super(message, { sent: false, ...init } as OssErrorInit);
  }
}

/** The facts of a failed append that are added to its error. */
export interface AppendFacts {
  readonly tail?: ObjectTail | undefined;
  readonly outcome: Outcome;
  readonly loaded: number;
}

/**
 * Returns a copy of the error with the facts of the append that it ended. The error itself is not changed, because one
 * error can end several appends.
 */
export function withFacts(error: OssError, { tail, outcome, loaded }: AppendFacts): OssError {
  return remake(error, { outcome, loaded, ...(tail && { tail }) });
}

/**
 * Returns a copy of an error with other facts. No constructor runs, because the class may be one of the caller with a
 * constructor of its own. The copy keeps the class, the stack and all fields.
 */
export function remake<T extends Error>(
  error: T,
  facts: Partial<OssErrorInit> = {},
  message: string = error.message,
): T {
  const copy: T = Object.setPrototypeOf(new Error(message, facts), Object.getPrototypeOf(error));
  // An error that ended an earlier append has the tail of that append.
  const { message: _message, tail: _tail, ...own } = Object.getOwnPropertyDescriptors<Partial<OssError>>(error);
  return Object.assign(Object.defineProperties(copy, own as PropertyDescriptorMap), facts);
}

/**
 * Removes secrets from a cause. An error becomes a plain copy of its harmless parts, a text is redacted, and for any
 * other value only its type remains. This is necessary because errors of some runtimes (Deno, Bun) contain the URL with
 * its signature, and errors of fetch wrappers contain the request.
 */
export function withoutSecrets(cause: unknown, secrets: readonly string[] = [], depth = 0): unknown {
  if (typeof cause === 'string') return redact(cause, secrets);
  if (Object(cause) !== cause || cause instanceof OssError) return cause;
  try {
    // An error is recognised by its shape, because it may come from another realm.
    const isError = typeof (cause as Partial<Error>).message === 'string' && depth < 5;
    return isError ? copyOf(cause as Error, secrets, depth) : Object.prototype.toString.call(cause).slice(0, 50);
  } catch {
    // A getter of the error threw.
    return 'unreadable';
  }
}

function copyOf(error: Error & { readonly code?: unknown }, secrets: readonly string[], depth: number): Error {
  const name = harmless(error.name, secrets) ?? 'Error';
  const message = redact(error.message, secrets);
  // Some runtimes name the reason only in the code, such as ECONNREFUSED.
  const code = harmless(error.code, secrets);
  // The stack of some runtimes begins with the message, which may have lines that look like frames.
  const frames = redactUrls(removeSecrets(`${error.stack}`.replace(error.message, ''), secrets))
    .split('\n')
    .filter((line) => /^\s+at |@/.test(line));
  const init = error.cause === undefined ? undefined : { cause: withoutSecrets(error.cause, secrets, depth + 1) };
  const stack = [`${name}: ${message}`, ...frames].join('\n');
  return Object.assign(new Error(message, init), { name, stack }, code && { code });
}
