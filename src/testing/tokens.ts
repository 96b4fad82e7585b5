// The STS tokens that LocalOss issues, in the form that AssumeRole returns them.
// https://help.aliyun.com/document_detail/28763 (AssumeRole)

import { base64 } from './encoding.ts';
import { SessionPolicy } from './session-policy.ts';

/** Temporary credentials, in the shape of AssumeRole's `Credentials`. */
export interface SecurityToken {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
  /** ISO 8601 in UTC, to the second. */
  readonly expiration: string;
}

/** What is asked of a token. */
export interface TokenOptions {
  /** A session policy, as object or JSON text of at most 2,048 characters. Without one the token may do everything. */
  readonly policy?: object | string;
  /** 1 to 43,200; 3,600 by default. (The real service starts at 900.) */
  readonly durationSeconds?: number;
}

/** What a server keeps of a key: the secret, and for a temporary key the token, its end and its rights. */
export interface AccessKey {
  readonly secret: string;
  readonly token?: string;
  /** Milliseconds since the epoch. */
  readonly expiration?: number;
  readonly policy?: SessionPolicy | undefined;
}

/** Makes random credentials that live from `now` (ms). */
export function makeToken(options: TokenOptions, now: number): { credentials: SecurityToken; key: AccessKey } {
  const { durationSeconds = 3600, policy } = options;
  if (!Number.isInteger(durationSeconds) || durationSeconds < 1 || durationSeconds > 43200) {
    throw new RangeError(`durationSeconds must be an integer from 1 to 43200: got ${durationSeconds}`);
  }
  const expiration = Math.floor(now / 1000 + durationSeconds) * 1000;
  const accessKeySecret = randomLetters(44);
  // Real tokens are base64: `+`, `/` and `=` in every one of ours, so that a missing encoding shows at once.
  const securityToken = `CAIS+/${base64(crypto.getRandomValues(new Uint8Array(127)))}`;
  const parsed = policy === undefined ? undefined : new SessionPolicy(policy);
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
