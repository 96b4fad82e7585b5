/** The types of a test case and its environment. The suite in each runtime and the server in Node share them. */
import type { Clock, Credentials, OssClient, OssClientOptions, Presign, PresignedClient } from '../../src/index.ts';
import type { Fault, Operation } from '../../src/testing/index.ts';
import type { Trait } from './traits.ts';

/** A test case. It runs on every runtime that has the needed traits. */
export interface Case {
  readonly name: string;
  /** The traits that a runtime must have. The case is skipped on other runtimes. */
  readonly needs?: readonly Trait[];
  run(context: Context): void | Promise<void>;
}

/** A fault, and the requests that it applies to. The default of `times` is 1, because JSON has no Infinity. */
export type FaultRule = Fault & { readonly operation?: Operation; readonly nth?: number; readonly times?: number };

/** A request that the server received. */
export interface WireRequest {
  readonly method: string;
  readonly position: string | null;
  /** True if the connection was used for an earlier request. */
  readonly reused: boolean;
}

/** The stored state of an object, read directly from LocalOss. */
export interface StoredObject {
  readonly length: number;
  readonly crc64: string;
  readonly appends: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}

/** The facts about LocalOss that the control endpoint returns. */
export interface RunConfig {
  readonly ossUrl: string;
  /** A URL at which no server listens. */
  readonly deadUrl: string;
  readonly region: string;
  /** In a run on a real bucket: its name, and the prefix of all keys. */
  readonly bucket?: string | undefined;
  readonly prefix?: string | undefined;
  /** A permanent key with all permissions. */
  readonly permanent: Credentials;
}

/** The buckets. They differ in the parts of an answer that CORS shows to a page. */
export type BucketName = 'open-bucket' | 'hidden-bucket' | 'closed-bucket';

/** The environment of a case. */
export interface Context extends RunConfig {
  /** The key of an object that only this case uses. */
  readonly key: string;
  /** The URL of the control endpoint. */
  readonly controlUrl: string;
  readonly traits: ReadonlySet<Trait>;
  /** An STS token with all permissions. */
  readonly credentials: Credentials;
  /** A client that was created at the module scope of a Worker, before any request. Only workerd has one. */
  readonly early?: OssClient | undefined;
  /** The clock of the platform. The suite watches it, and a case fails when it leaves a timer behind. */
  readonly clock: Clock;
  /** Returns a client that retries without long waits. */
  client(options?: Partial<OssClientOptions>): OssClient;
  /** Returns a client without a key. The function signs its requests. */
  presigned(presign: Presign): PresignedClient;
  /** Adds faults for requests to the object. */
  faults(...rules: readonly FaultRule[]): Promise<void>;
  /** Removes all faults of the object. */
  noFaults(): Promise<void>;
  /** Reads the bytes and the state of the object directly from LocalOss, without an OSS request. */
  stored(options?: { readonly bucket?: BucketName; readonly key?: string }): Promise<StoredObject | undefined>;
  /** Stores a normal object under the key. */
  putNormal(): Promise<void>;
  /** Returns the requests for the object in the order in which the server received them. */
  wire(method?: string): Promise<readonly WireRequest[]>;
}

/** The result of one case. */
export interface Result {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** The reason why the case failed or was skipped. */
  readonly reason?: string | undefined;
}

/** The report of a run. */
export interface Report {
  /** The user agent string of the runtime. */
  readonly agent: string;
  readonly results: readonly Result[];
}
