/** What a case is and what it is given: types shared by the suite, which any runtime runs, and the server behind it. */
import type { Clock, Credentials, OssClient, OssClientOptions } from '../../src/index.ts';
import type { Fault, Operation } from '../../src/testing/index.ts';
import type { Trait } from './traits.ts';

/** One thing that must hold on every runtime, save those that lack what it needs. */
export interface Case {
  readonly name: string;
  /** Traits without which it shows nothing. */
  readonly needs?: readonly Trait[];
  run(context: Context): void | Promise<void>;
}

/** A fault and the requests that suffer it. JSON has no Infinity: `times` is 1 by default. */
export type FaultRule = Fault & { readonly operation?: Operation; readonly nth?: number; readonly times?: number };

/** A request as it came in. */
export interface WireRequest {
  readonly method: string;
  readonly position: string | null;
  /** Whether its connection had served others. */
  readonly reused: boolean;
}

/** An object, seen from behind. */
export interface StoredObject {
  readonly length: number;
  readonly crc64: string;
  readonly appends: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}

/** What the control endpoint says of its OSS. */
export interface RunConfig {
  readonly ossUrl: string;
  /** Nobody listens there. */
  readonly deadUrl: string;
  readonly region: string;
  /** A key that may do everything. */
  readonly permanent: Credentials;
}

/** The buckets differ in what a page may see of their answers. */
export type BucketName = 'open-bucket' | 'hidden-bucket' | 'closed-bucket';

/** A case's surroundings. */
export interface Context extends RunConfig {
  /** An object of this case alone. */
  readonly key: string;
  /** Of the control endpoint. */
  readonly controlUrl: string;
  readonly traits: ReadonlySet<Trait>;
  /** An STS token for everything. */
  readonly credentials: Credentials;
  /** Of a Worker: made at module scope, before any request. */
  readonly early?: OssClient | undefined;
  /** The platform's, watched: a timer that a case leaves behind fails it. */
  readonly clock: Clock;
  /** A client that repeats without long waits. */
  client(options?: Partial<OssClientOptions>): OssClient;
  /** What shall go wrong with the object. */
  faults(...rules: readonly FaultRule[]): Promise<void>;
  /** Nothing goes wrong with the object any more. */
  noFaults(): Promise<void>;
  /** The object's bytes and state, past all protocol. */
  stored(options?: { readonly bucket?: BucketName; readonly key?: string }): Promise<StoredObject | undefined>;
  /** Puts a normal object in place. */
  putNormal(): Promise<void>;
  /** The requests for the object so far, as they came in. */
  wire(method?: string): Promise<readonly WireRequest[]>;
}

/** How one case ended. */
export interface Result {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was left out. */
  readonly reason?: string | undefined;
}

/** All that a run says. */
export interface Report {
  /** The runtime's own name for itself. */
  readonly agent: string;
  readonly results: readonly Result[];
}
