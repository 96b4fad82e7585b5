/** What an edge is told. Everything is checked when the handler is made, so that no mistake waits for its request. */
import {
  type Credentials,
  type CredentialsProvider,
  type ObjectTail,
  OssClient,
  type OssClientOptions,
} from '../../src/index.ts';
import { MAX_OBJECT_SIZE } from './asked.ts';
import type { Allows } from './decisions.ts';
import type { Timers } from './reader.ts';

/** What an edge does for whom. */
export interface EdgeOptions {
  /** Where the bucket is. */
  readonly oss: Pick<OssClientOptions, 'region' | 'bucket' | 'endpoint' | 'pathStyle' | 'fetch' | 'clock' | 'retry'>;
  /** Signs grants and pipes: a RAM user's key, or tokens. It never leaves the edge. */
  readonly credentials: CredentialsProvider;
  /**
   * Makes a token for the keys under a prefix, as `assumeRole` with `appendPolicy` does. Leave it out where a user's bytes are
   * limited: nothing limits what the holder of a token stores until it ends. Default: there are no tokens.
   */
  readonly tokenFor?: ((user: string, prefix: string) => Promise<Credentials>) | undefined;
  /** The application's credential: who sends this request? Only a text that is not empty lets somebody in. */
  readonly authenticate: (request: Request) => string | undefined | Promise<string | undefined>;
  /** What a user's keys begin with. It ends in `/`, because `inbox/u1` is also the beginning of `inbox/u10`. */
  readonly prefixOf: (user: string) => string;
  /**
   * The application's say, for quotas and the like: may this user do this now? Only `true` is a yes, and where bytes flow a
   * number above 0, which says how many. Default: always yes.
   */
  readonly allows?: Allows | undefined;
  /** The pages that may call, such as `https://app.example.com`; the edge's own origin too, where its own pages call it. */
  readonly origins: readonly string[];
  /** More routes, such as a login, by method and path. They are asked before anybody is authenticated. */
  readonly routes?: Readonly<Record<string, (request: Request) => Response | Promise<Response>>> | undefined;
  /** Life of a grant, s. Default 300. OSS takes 43,200 at most where a token signs. */
  readonly grantLife?: number | undefined;
  /** Bytes that an object may have by uploads. Default 5 GiB. */
  readonly maxUpload?: number | undefined;
  /** Bytes of a granted append, and of a granted range that has an end. Default 32 MiB. */
  readonly maxSegment?: number | undefined;
  /** Appends granted at once. Default 32. */
  readonly maxBatch?: number | undefined;
  /** Bytes of a segment of a pipe. Default 256 KiB: see handlers.ts. An upload holds about three of them. */
  readonly segmentSize?: number | undefined;
  /** How long a sender may give nothing, ms. Default 30,000. What came before is stored, and the answer is 408. */
  readonly idleTimeout?: number | undefined;
  /** Told of failures, without secrets: a method, a route, a status, a code. What it throws is dropped. */
  readonly onfailure?: ((failure: Failure) => void) | undefined;
  /** Told after an upload that came whole; it may still run when the answer has gone. */
  readonly onuploaded?: ((upload: { user: string; key: string; tail: ObjectTail }) => void | Promise<void>) | undefined;
}

/** A failure, in words that may stand in a log. */
export interface Failure {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly code: string;
}

/** The options, checked and complete. */
export interface Settings extends Omit<EdgeOptions, keyof typeof COUNTS> {
  readonly allows: Allows;
  readonly routes: NonNullable<EdgeOptions['routes']>;
  readonly clock: Timers;
  readonly grantLife: number;
  readonly maxUpload: number;
  readonly maxSegment: number;
  readonly maxBatch: number;
  readonly segmentSize: number;
  readonly idleTimeout: number;
}

const MIB = 1024 * 1024;

/** The options that are numbers: the default, and the most. The least is 1. */
const COUNTS = {
  grantLife: [300, 43_200],
  maxUpload: [MAX_OBJECT_SIZE, MAX_OBJECT_SIZE],
  maxSegment: [32 * MIB, MAX_OBJECT_SIZE],
  maxBatch: [32, 1000],
  segmentSize: [256 * 1024, 128 * MIB],
  // Timers take longer waits for none at all.
  idleTimeout: [30_000, 2 ** 31 - 1],
} as const;

/** The options that are functions. Those with `true` must be given. */
const FUNCTIONS = {
  authenticate: true,
  prefixOf: true,
  tokenFor: false,
  allows: false,
  onfailure: false,
  onuploaded: false,
} as const;

const OTHERS = ['oss', 'credentials', 'origins', 'routes'];

/** Looked up at each call, because a test may replace them. */
const PLATFORM: Timers = {
  now: () => Date.now(),
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

/**
 * Checks the options of an edge and adds the defaults. The result is a copy: who changes the options later changes nothing.
 *
 * @throws TypeError or RangeError for options that cannot work, and for names that are none: a misspelt `allows` would allow all.
 */
export function checkOptions(options: EdgeOptions): Settings {
  if (typeof options !== 'object' || options === null) throw new TypeError('createEdge needs options');
  for (const name of Object.keys(options)) checkName(name);
  for (const [name, needed] of Object.entries(FUNCTIONS)) checkFunction(name, options[name as never], needed);
  const { oss, credentials, routes = {}, allows = () => true } = options;
  for (const [name, route] of Object.entries(routes)) checkFunction(`routes["${name}"]`, route, true);
  // Its constructor knows what a region, a bucket, an endpoint and credentials look like.
  new OssClient({ ...oss, credentials });
  return { ...options, ...counts(options), routes: { ...routes }, allows, clock: oss.clock ?? PLATFORM };
}

function counts(options: EdgeOptions): Record<keyof typeof COUNTS, number> {
  const entries = Object.entries(COUNTS).map(([name, [usual, most]]) => {
    const { [name as keyof typeof COUNTS]: value = usual } = options;
    if (Number.isSafeInteger(value) && value >= 1 && value <= most) return [name, value];
    throw new RangeError(`${name} must be a whole number from 1 to ${most}, not ${value}`);
  });
  return Object.fromEntries(entries);
}

function checkName(name: string): void {
  if (name in FUNCTIONS || name in COUNTS || OTHERS.includes(name)) return;
  throw new TypeError(`createEdge has no option "${name}"`);
}

function checkFunction(name: string, value: unknown, needed: boolean): void {
  if (typeof value === 'function' || (value === undefined && !needed)) return;
  throw new TypeError(`${name} must be a function`);
}
