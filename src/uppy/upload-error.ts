/** The error of a file: the reason, and the advice for it. The reasons themselves are in `OssError` and its classes. */

import {
  AppendConflictError,
  ChecksumError,
  CredentialsError,
  OssError,
  ServiceError,
  SourceError,
  TransportError,
} from '../errors.ts';
import type { Text, Translate } from './locale.ts';

/** The facts of a failed upload. */
export interface UploadErrorInit {
  readonly code: string;
  readonly details?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The error of `upload-error`. `message` is the reason and `details` is the advice; the Dashboard shows both. `cause` is
 * the error of the append, an `OssError`.
 */
export class UploadError extends Error {
  override readonly name: string = 'UploadError';
  /**
   * The code of the `OssError`; or `RemoteFile`, `DataMissing`, `NotABlob`, `KeyInUse` or `Uninstalled`; or
   * `InvalidCall` if an option or a function of the page caused the error.
   */
  readonly code: string;
  /** What to do now, in one or two sentences. */
  declare readonly details?: string;
  /** True if no usable answer came, as in the errors of Uppy's own uploaders. */
  readonly isNetworkError: boolean;

  constructor(message: string, { code, details, cause }: UploadErrorInit) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.isNetworkError = cause instanceof TransportError;
    if (details) this.details = details;
  }
}

/** Makes the error of a file from the error of its append, or of a function of the page. */
export function toUploadError(cause: unknown, translate: Translate): UploadError {
  if (cause instanceof UploadError) return cause;
  const advice = adviceFor(cause);
  const code = cause instanceof OssError ? cause.code : 'InvalidCall';
  return new UploadError(textOf(cause), { code, details: advice && translate(advice), cause });
}

/** Returns a text for a thrown value. A function of the page can throw a value of any type, and Uppy needs a text. */
function textOf(thrown: unknown): string {
  try {
    return String(Object(thrown).message || thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

/** Returns the status of the answer that refused the upload. */
export function statusOf({ cause }: UploadError): number | undefined {
  return cause instanceof ServiceError ? cause.status : undefined;
}

function adviceFor(error: unknown): Text | undefined {
  if (error instanceof ServiceError) return 'adviceService';
  if (error instanceof TransportError) return 'adviceTransport';
  if (error instanceof AppendConflictError) return 'adviceConflict';
  if (error instanceof ChecksumError)
    return error.code === 'DifferentPrefix' ? 'adviceDifferentPrefix' : 'adviceDamaged';
  if (error instanceof SourceError) return 'adviceSource';
  if (error instanceof CredentialsError) return 'adviceCredentials';
  return undefined;
}
