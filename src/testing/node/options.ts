// The options of `serveLocalOss`, and the default values of missing options.

import { randomBytes } from 'node:crypto';
import type { BucketOptions } from '../buckets.ts';
import type { Clock } from '../clock.ts';
import type { CorsRule } from '../cors.ts';
import type { FaultSchedule } from '../faults.ts';
import type { RoleOptions } from '../local-sts.ts';
import { LOCAL_PAGES } from './cors.ts';

/** The options of `serveLocalOss`. */
export interface ServeLocalOssOptions {
  /** The names of the buckets, or their options by name. */
  readonly buckets: readonly string[] | Readonly<Record<string, BucketOptions>>;
  /** The region of buckets that are given by name only. Default: `cn-hangzhou`. */
  readonly region?: string | undefined;
  /** Default: 0, which means any free port. */
  readonly port?: number | undefined;
  /** The address on which the server listens. Default: `127.0.0.1`, so that no other machine reaches it. */
  readonly host?: string | undefined;
  /**
   * The names by which clients call this server, beside `localhost` and IP addresses. Each one serves path style and
   * `{bucket}.{name}`. A request with any other name is refused, because a foreign page could have made that name point
   * to this machine.
   */
  readonly endpoints?: readonly string[] | undefined;
  /** The permanent keys: the secrets by access key ID. Default: one random key. */
  readonly accessKeys?: Readonly<Record<string, string>> | undefined;
  /** The roles of the STS by ARN. Default: `acs:ram::1000000000000000:role/local`. */
  readonly roles?: Readonly<Record<string, RoleOptions>> | undefined;
  /**
   * The CORS rules of buckets that have none of their own. Default: every page of this machine may do everything
   * (localhost, on any port).
   */
  readonly cors?: readonly CorsRule[] | undefined;
  /** The faults, and when they happen. A fault may be text, as on the command line: `drop-after:every=3`. */
  readonly faults?: FaultSchedule | readonly string[] | undefined;
  /**
   * A folder in which objects, buckets and the random key are kept. Everything that was answered is there after a restart,
   * also if the process was killed. Default: everything ends with the server.
   */
  readonly data?: string | undefined;
  /** Called with each request, after its answer is ready or its connection has failed. It contains no secret. */
  readonly onrequest?: ((request: ServedRequest) => void) | undefined;
  /** The source of time. Default: the system clock. */
  readonly clock?: Partial<Clock> | undefined;
}

/** A request that was answered, or whose connection failed. */
export interface ServedRequest {
  readonly method: string;
  /** The operation of OSS, or `AssumeRole` of STS. */
  readonly operation: string;
  /** The bucket. It is empty for a request to STS. */
  readonly bucket: string;
  readonly key: string;
  /** The position of an append or a seal, in bytes. */
  readonly position?: number;
  /** The status of what the server did. It is undefined if the connection failed earlier. */
  readonly status?: number;
  /** The kinds of the faults, separated by spaces. */
  readonly fault?: string;
}

/** A permanent key. */
export interface AccessKeyPair {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

const ROLE_ARN = 'acs:ram::1000000000000000:role/local';

/** Returns the options of all buckets. @throws {RangeError} if there is no bucket. */
export function bucketsOf({
  buckets,
  region = 'cn-hangzhou',
  cors = [LOCAL_PAGES],
}: ServeLocalOssOptions): Record<string, BucketOptions> {
  const named: [string, BucketOptions][] = isList(buckets)
    ? buckets.map((name) => [name, { region }])
    : Object.entries(buckets);
  if (named.length === 0) throw new RangeError('serveLocalOss needs at least one bucket: buckets: ["logs"]');
  return Object.fromEntries(named.map(([name, options]) => [name, { cors, ...options }]));
}

function isList(buckets: ServeLocalOssOptions['buckets']): buckets is readonly string[] {
  return Array.isArray(buckets);
}

/** Returns a random key: the secret by access key ID. */
export function randomKey(): Readonly<Record<string, string>> {
  return { [`LTAI${randomBytes(10).toString('hex')}`]: randomBytes(20).toString('hex') };
}

/** Returns the roles of the STS. */
export function rolesOf({ roles = {} }: ServeLocalOssOptions): Readonly<Record<string, RoleOptions>> {
  return Object.keys(roles).length > 0 ? roles : { [ROLE_ARN]: {} };
}
