// A bucket, and one authenticated request to it.

import type { Body } from './body.ts';
import type { CorsRule } from './cors.ts';
import type { Operation } from './faults.ts';
import type { StoredObject } from './objects.ts';
import type { Identity } from './verify.ts';
import type { Query } from './wire.ts';

/** What requests without a signature may do. */
export type BucketAcl = 'private' | 'public-read' | 'public-read-write';

/** A bucket and its objects. */
export interface Bucket {
  readonly name: string;
  readonly region: string;
  /**
   * When the bucket was made, in ms since the epoch. A bucket of the options counts as made when somebody first asks
   * for this time.
   */
  created: number | undefined;
  acl: BucketAcl;
  /** The storage class of an object whose request names no storage class. */
  storageClass: string;
  cors: readonly CorsRule[];
  /** Refuses each write to an existing object, including appends (the overwrite rule of the bucket). */
  readonly forbidsOverwrite: boolean;
  /** Refuses each request that does not agree to pay. */
  readonly requesterPays: boolean;
  /** True if the bucket's region and account may seal appendable objects. */
  readonly allowsSealing: boolean;
  /** Adds `Vary: Origin` to each answer. */
  responseVary: boolean;
  /** True if the bucket keeps the bytes of its objects, false if it keeps only length and CRC. */
  readonly keepsBytes: boolean;
  readonly objects: Map<string, StoredObject>;
}

/** An authenticated request whose body has been received. */
export interface Call {
  readonly operation: Operation;
  readonly method: string;
  readonly bucket: Bucket;
  readonly key: string;
  readonly query: Query;
  readonly headers: Headers;
  /** The host of the URL, with its port. */
  readonly host: string;
  readonly body: Body;
  /** The signer of the request. It is undefined for an anonymous request. */
  readonly identity: Identity | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A number that is unique for each call. */
  readonly serial: number;
}
