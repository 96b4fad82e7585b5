// Makes the buckets of a LocalOss from their options, and returns the settings that requests can change.

import type { Bucket, BucketAcl } from './call.ts';
import { type CorsRule, checkCorsRules } from './cors.ts';
import { Refusal } from './errors.ts';

/** One bucket. */
export interface BucketOptions {
  /** The region in the form that signatures use: `cn-hangzhou`, without `oss-`. */
  readonly region: string;
  /** The rights of requests without a signature. The default is `private`. */
  readonly acl?: BucketAcl;
  /** The CORS rules. By default there is no rule, so no page of another origin can read an answer. */
  readonly cors?: readonly CorsRule[];
  /** A bucket rule that refuses each write to an existing object, including appends: 409 FileAlreadyExists. */
  readonly forbidOverwrite?: boolean;
  /** Requester pays: each request must contain `x-oss-request-payer: requester`, in a header or in the query. */
  readonly requesterPays?: boolean;
  /** False for a bucket whose account or region does not offer SealAppendObject. The default is true. */
  readonly sealing?: boolean;
  /** Adds `Vary: Origin` to each answer. */
  readonly responseVary?: boolean;
  /** The custom domains of the bucket, with a port if the port is not the default one. */
  readonly hosts?: readonly string[];
  /** `checksum` keeps only length and CRC, for objects that are larger than memory. Then the objects cannot be read. */
  readonly contents?: 'bytes' | 'checksum';
}

/** The settings of a bucket that requests choose or change. A store can keep them as JSON. */
export interface BucketSettings {
  readonly region: string;
  readonly acl: BucketAcl;
  readonly storageClass: string;
  readonly cors: readonly CorsRule[];
  readonly responseVary: boolean;
  /**
   * When the bucket was made, in ms since the epoch. A bucket of the options counts as made when somebody first asks
   * for this time.
   */
  readonly created?: number;
}

/** Makes an empty bucket. @throws {TypeError | RangeError} if OSS would refuse its name, region or CORS rules. */
export function bucketFrom(name: string, options: BucketOptions, created?: number): Bucket {
  const {
    region,
    acl = 'private',
    cors = [],
    responseVary = false,
    contents = 'bytes',
    forbidOverwrite = false,
    sealing = true,
    requesterPays = false,
  } = options;
  if (!isBucketName(name)) {
    throw new RangeError(
      `A bucket name has 3 to 63 characters of a-z, 0-9 and "-", and no "-" at its ends: got "${name}"`,
    );
  }
  if (!/^[a-z0-9-]+$/.test(region) || region.startsWith('oss-')) {
    throw new RangeError(`A region must look like cn-hangzhou, without "oss-": got "${region}"`);
  }
  checkCorsRules(cors);
  const rules = { acl, cors, responseVary, forbidsOverwrite: forbidOverwrite, allowsSealing: sealing, requesterPays };
  return {
    name,
    region,
    created,
    storageClass: 'Standard',
    ...rules,
    keepsBytes: contents === 'bytes',
    objects: new Map(),
  };
}

/** Returns whether a name has the form of a bucket's name. */
export function isBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name);
}

/** Makes the error 400 InvalidBucketName. */
export function invalidBucketName(name: string): Refusal {
  const message = 'The specified bucket is not valid.';
  return new Refusal(400, 'InvalidBucketName', message, { elements: { BucketName: name } });
}

/** Returns the settings of a bucket that requests can change. */
export function settingsOf({ region, acl, storageClass, cors, responseVary, created }: Bucket): BucketSettings {
  const settings = { region, acl, storageClass, cors, responseVary };
  return created === undefined ? settings : { ...settings, created };
}

/** Returns the buckets by custom domain. */
export function domainsOf(buckets: Readonly<Record<string, BucketOptions>>): Map<string, string> {
  const domains = new Map<string, string>();
  for (const [name, { hosts = [] }] of Object.entries(buckets)) {
    for (const host of hosts) domains.set(host.toLowerCase(), name);
  }
  return domains;
}
