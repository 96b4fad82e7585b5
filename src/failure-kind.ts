/** Says what a failure means: whether the request was carried out, whether a repeat may help, and what the object is. */

import { ServiceError, TransportError } from './errors.ts';

/**
 * What a failure says about the request.
 *
 * - `ambiguous`: it is unknown whether the request was carried out, because there was no usable answer, or a 5xx.
 * - `throttled`: the request was not carried out, and may be repeated later.
 * - `position`: the object does not end at the position of the append.
 * - `protected`: a 409 for another reason, such as a bucket's overwrite rule. The rule may protect bytes that our own
 *   lost request stored.
 * - `tooLarge`: the body is too long for OSS, or for a proxy on the way.
 * - `refused`: the request was not carried out, and a repeat would be refused as well.
 */
export type FailureKind = 'ambiguous' | 'throttled' | 'position' | 'protected' | 'tooLarge' | 'refused';

/**
 * Returns the kind of a failure. The engine, the transport and STS all use this function.
 *
 * @param throttled the codes that mean throttling at any status, for a service with its own codes
 */
export function kindOf(error: unknown, throttled?: RegExp): FailureKind {
  if (error instanceof TransportError) return 'ambiguous';
  if (!(error instanceof ServiceError)) return 'refused';
  const { status, code } = error;
  if (status === 429 || (status === 503 && /LimitExceeded$/.test(code)) || throttled?.test(code)) return 'throttled';
  // 501 and 505 are excluded, because the server does not have this operation and a repeat would not help.
  if ((status >= 500 && status !== 501 && status !== 505) || status === 408 || code === 'RequestTimeout')
    return 'ambiguous';
  if (status === 413 || /^(?!Metadata).*TooLarge$/.test(code)) return 'tooLarge';
  if (status !== 409 || takesNoAppends(error)) return 'refused';
  // CORS can hide the code of a 409.
  return /^(PositionNotEqualToLength|Http409)$/.test(code) ? 'position' : 'protected';
}

/** Returns true if the object accepts no appends at all, so this request was not carried out and never will be. */
export function takesNoAppends(error: unknown): boolean {
  return (
    error instanceof ServiceError &&
    /^(ObjectNotAppendable|FileImmutable|AppendSealedObjectNotAllowed)$/.test(error.code)
  );
}

/** Returns true if OSS refused an append because the object is sealed. */
export function saysSealed(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'AppendSealedObjectNotAllowed';
}

/**
 * Returns true if there is no such object. If CORS hides the code, an append to position 0 shows whether the object
 * exists. A missing bucket is an error of its own.
 */
export function isMissing(error: unknown): boolean {
  return error instanceof ServiceError && error.status === 404 && /^(NoSuchKey|Http404)$/.test(error.code);
}
