/** Who signs a request: the checks of credentials and presign functions, and their errors. */

import { checkFunction, checkType } from '../check.ts';
import { CredentialsError } from '../errors.ts';
import { type Credentials, credentialsProblem } from './credentials.ts';
import type { Operation, TransportOptions } from './operation.ts';

/** Life of a query-signed URL that is used at once, s. */
export const QUERY_LIFE = 300;

export interface Authorised {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export const EXPOSED =
  'credentials have no securityToken: anyone can read a permanent key in a page. Use STS, or allowInPage: true';

export function isExposed(credentials: Credentials, allowed = false): boolean {
  return !allowed && !credentials.securityToken && 'document' in globalThis;
}

export function checkAuthority({ credentials, presign, allowInPage }: TransportOptions): void {
  checkType(!credentials !== !presign, 'give either credentials or presign');
  checkFunction('presign', presign);
  if (!credentials || typeof credentials === 'function') return;
  const problem = credentialsProblem(credentials);
  if (problem) throw new TypeError(problem);
  checkType(!isExposed(credentials, allowInPage), EXPOSED);
}

/** Whoever holds this error must know that something was sent before, and why that was not enough. */
export function noOthers({ message, code }: CredentialsError, cause: unknown): CredentialsError {
  return Object.assign(new CredentialsError(message, { code, cause }), { sent: true });
}

export function tooOld({ expiration }: Credentials, { attempted }: Operation): CredentialsError {
  const end = new Date(expiration ?? 0).toISOString();
  return new CredentialsError(`Cannot presign (${attempted}): the credentials ended at ${end}`, {
    code: 'CredentialsExpired',
  });
}
