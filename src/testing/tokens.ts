// The STS tokens that LocalOss issues, in the form in which AssumeRole returns them.
// https://help.aliyun.com/document_detail/28763 (AssumeRole)

import { base64 } from './encoding.ts';
import { SessionPolicy } from './session-policy.ts';

/** Temporary credentials, with the fields of AssumeRole's `Credentials`. */
export interface SecurityToken {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
  /** The end of the token as an ISO 8601 time in UTC, with seconds and without milliseconds. */
  readonly expiration: string;
}

/** The options of one token. */
export interface TokenOptions {
  /** A session policy, as an object or as JSON text of at most 2,048 characters. Without it, everything is allowed. */
  readonly policy?: object | string;
  /** How long the token is valid, from 1 to 43,200 s. The default is 3,600 s. (The real minimum is 900 s.) */
  readonly durationSeconds?: number;
}

/** What the server stores for an access key: the secret, and for a temporary key its token, its end and its policy. */
export interface AccessKey {
  readonly secret: string;
  readonly token?: string;
  /** The end of the token, in milliseconds since the epoch. */
  readonly expiration?: number;
  readonly policy?: SessionPolicy | undefined;
}

/** Makes random credentials that are valid from the time `now` (milliseconds since the epoch). */
export function makeToken(options: TokenOptions, now: number): { credentials: SecurityToken; key: AccessKey } {
  const { durationSeconds = 3600, policy } = options;
  if (!Number.isInteger(durationSeconds) || durationSeconds < 1 || durationSeconds > 43200) {
    throw new RangeError(`durationSeconds must be an integer from 1 to 43200: got ${durationSeconds}`);
  }
  const expiration = Math.floor(now / 1000 + durationSeconds) * 1000;
  const accessKeySecret = randomLetters(44);
  const parsed = policy === undefined ? undefined : new SessionPolicy(policy);
  // A token grows with its policy, as in STS. With this length, it ends with `=`. Each token also contains `+` and `/`,
  // like real base64 tokens. So a client that forgets to encode it fails at once.
  const length = 127 + 3 * Math.ceil((parsed?.length ?? 0) / 3);
  const securityToken = `CAIS+/${base64(crypto.getRandomValues(new Uint8Array(length)))}`;
  return {
    credentials: {
      accessKeyId: `STS.${randomLetters(25)}`,
      accessKeySecret,
      securityToken,
      expiration: new Date(expiration).toISOString().replace('.000Z', 'Z'),
    },
    key: { secret: accessKeySecret, token: securityToken, expiration, policy: parsed },
  };
}

function randomLetters(count: number): string {
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';
  return Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => letters[byte % letters.length]).join('');
}
