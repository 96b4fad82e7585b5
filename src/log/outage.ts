/** Failures that end when the network is back. */

import { CredentialsError } from '../errors.ts';

/**
 * Returns whether no credentials came. This may happen because the network is away: a token ends during an outage, and
 * a new one cannot be loaded.
 */
export function hasNoCredentials(error: unknown): boolean {
  return error instanceof CredentialsError && /^(CredentialsLoadFailed|PresignFailed)$/.test(error.code);
}
