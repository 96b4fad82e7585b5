/**
 * The options of an edge. All options are checked when the handler is made, so that no mistake waits for its first
 * request.
 */
import { checkFlags, checkFunction, checkObject, checkRange, checkType } from '../check.ts';
import { OssClient, type OssClientOptions } from '../request/client.ts';
import type { Credentials, CredentialsProvider } from '../request/credentials.ts';
import { MAX_OBJECT_SIZE } from '../tail.ts';
import { platformClock } from '../waiting/clock.ts';
import type { Timers } from './body-reader.ts';
import type { Allows } from './decisions.ts';
import type { KeepLength } from './deferred-length.ts';
import type { NewUpload } from './resumable-upload.ts';
import type { EdgeUpload } from './upload.ts';

/** What the edge does, and for whom. */
export interface EdgeOptions {
  /** The options of the edge's `OssClient`: the region, the bucket, and others such as `endpoint` and `cname`. */
  readonly oss: Omit<OssClientOptions, 'credentials' | 'presign'>;
  /** The credentials that sign grants and uploads: the key of a RAM user, or tokens. They never leave the edge. */
  readonly credentials: CredentialsProvider;
  /**
   * Makes an STS token for the keys under a prefix, like `assumeRole` with `appendPolicy`. Leave this option out if you
   * limit the bytes of a user, because nothing limits how much the holder of a token stores. Default: the edge gives no
   * tokens.
   */
  readonly tokenFor?: ((user: string, prefix: string) => Promise<Credentials>) | undefined;
  /** Returns the user who sent a request, for example from a cookie. Only a string that is not empty lets a user in. */
  readonly authenticate: (request: Request) => string | undefined | Promise<string | undefined>;
  /**
   * Returns the beginning of a user's keys. It must end with `/`, because `inbox/u1` is also the beginning of
   * `inbox/u10`.
   */
  readonly prefixOf: (user: string) => string;
  /**
   * Allows or refuses each operation of a user, for quotas and the like. Only `true` is a yes. If the operation
   * transfers bytes, a number above 0 is a yes to that many bytes. Default: everything under the user's prefix is
   * allowed.
   */
  readonly allows?: Allows | undefined;
  /**
   * The origins whose pages may call, such as `https://app.example.com`. List the edge's own origin if its own pages
   * call it.
   */
  readonly origins: readonly string[];
  /**
   * More routes by method and path, such as `'POST /login'`. They run before `authenticate`, but after the check of the
   * origin. A route here replaces the edge's own route of the same name.
   */
  readonly routes?: Readonly<Record<string, (request: Request) => Response | Promise<Response>>> | undefined;
  /** How long a grant is valid, in seconds, up to 43,200. It never outlives the token that signs it. Default 300. */
  readonly grantLife?: number | undefined;
  /** The greatest length in bytes that uploads can give an object. Default 5 GiB, which is OSS's limit. */
  readonly maxUpload?: number | undefined;
  /** The most bytes of one granted append, and of one granted range that has an end. Default 32 MiB. */
  readonly maxSegment?: number | undefined;
  /** The most grants in one answer, up to 1,000. Default 32. */
  readonly maxBatch?: number | undefined;
  /**
   * The bytes of each segment of an upload, up to 128 MiB. An upload holds two segments in memory, and each segment costs
   * one subrequest and one round trip. Default: from 384 KiB to 2 MiB. The fewer uploads this process serves at the same
   * time, the longer their segments are. So 50 uploads fit into the 128 MB of a Worker.
   */
  readonly segmentSize?: number | undefined;
  /**
   * How long a sender may send nothing, in ms. Then the bytes so far are stored, and the answer is 408. Default 30,000.
   */
  readonly idleTimeout?: number | undefined;
  /**
   * How long one body may take in ms, however fast it is. Then the bytes so far are stored, and the answer is 408.
   * Default 21,600,000, which is 6 hours.
   */
  readonly totalTimeout?: number | undefined;
  /**
   * The secret that signs the URLs of resumable uploads: at least 32 characters. In a list, the first one signs and all
   * are accepted, so that you can replace a secret. Default: this edge has no resumable uploads.
   */
  readonly uploadSecret?: string | readonly string[] | undefined;
  /** How long the URL of a resumable upload is valid, in seconds, up to 2,592,000. Default 86,400, which is a day. */
  readonly uploadLife?: number | undefined;
  /**
   * Returns the key of a resumable upload whose client named none. It must begin with the user's prefix. Default: the
   * prefix, a random name and the name of the file, as in `inbox/u1/5Ttq…/a.webm`.
   */
  readonly keyFor?: ((upload: NewUpload) => string | Promise<string>) | undefined;
  /**
   * True if a client may delete the objects of its uploads with `DELETE`. `allows` is asked for `deleteUpload`. The
   * credentials need `oss:DeleteObject`. Default false: nothing is ever deleted.
   */
  readonly deletesUploads?: boolean | undefined;
  /**
   * Keeps the length of an upload whose client does not know the length at the creation. The function keeps the first
   * length that the client gives, for at least `uploadLife`. It can use a Durable Object or a table of a database.
   * Default: a client must give the length when it creates a resumable upload.
   */
  readonly keepLength?: KeepLength | undefined;
  /**
   * The path under which clients see the edge, such as `/files`, if the edge is not at the root of its origin. The edge
   * then accepts requests with and without this path, because a proxy may remove the path. The `Location` of an upload
   * has the whole path. Default: the edge is at the root, or a router removes the path, and the `Location` is relative.
   */
  readonly basePath?: string | undefined;
  /** Gets every failure except 404, without secrets. Exceptions that it throws are ignored. */
  readonly onfailure?: ((failure: EdgeFailure) => void) | undefined;
  /**
   * Gets every complete upload. The edge answers without waiting for this function. The function gets a complete
   * resumable upload again each time a client asks for its offset, because the edge may have been killed before the
   * first call. So the function must ignore a call whose `upload` it has already handled.
   */
  readonly onuploaded?: ((upload: EdgeUpload) => void | Promise<void>) | undefined;
}

/** A failure in words that are safe in a log: no key, no query and no secret. */
export interface EdgeFailure {
  readonly method: string;
  /** The path without the key of an object, or `-` for an unknown path. */
  readonly route: string;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The code in the answer, such as `NotAllowed`. */
  readonly code: string;
}

/** The checked and complete options. */
export interface Settings extends Omit<EdgeOptions, NumberName>, Numbers {
  readonly allows: Allows;
  readonly routes: NonNullable<EdgeOptions['routes']>;
  readonly uploadSecrets: readonly string[];
  readonly keyFor: NonNullable<EdgeOptions['keyFor']>;
  readonly deletesUploads: boolean;
  readonly clock: Timers;
}

type NumberName =
  | 'grantLife'
  | 'maxUpload'
  | 'maxSegment'
  | 'maxBatch'
  | 'segmentSize'
  | 'idleTimeout'
  | 'totalTimeout'
  | 'uploadLife';

/** The numbers of the settings. Only `segmentSize` has no default. */
type Numbers = Readonly<Record<Exclude<NumberName, 'segmentSize'>, number>> & Pick<EdgeOptions, 'segmentSize'>;

const MIB = 1024 * 1024;

/** The options that are numbers, with their default and their greatest value. The least value is 1. */
const NUMBERS: Readonly<Record<NumberName, readonly [usual: number | undefined, most: number]>> = {
  grantLife: [300, 43_200],
  maxUpload: [MAX_OBJECT_SIZE, MAX_OBJECT_SIZE],
  maxSegment: [32 * MIB, MAX_OBJECT_SIZE],
  maxBatch: [32, 1000],
  segmentSize: [undefined, 128 * MIB],
  // A timer with a longer delay ends at once.
  idleTimeout: [30_000, 2 ** 31 - 1],
  totalTimeout: [21_600_000, 2 ** 31 - 1],
  uploadLife: [86_400, 2_592_000],
};

const REQUIRED_FUNCTIONS = ['authenticate', 'prefixOf'] as const;
const OPTIONAL_FUNCTIONS = ['tokenFor', 'allows', 'keyFor', 'keepLength', 'onfailure', 'onuploaded'] as const;
const OTHERS = ['oss', 'credentials', 'origins', 'routes', 'uploadSecret', 'deletesUploads', 'basePath'];
/** An HMAC with SHA-256 needs a secret of this many characters. */
const SECRET = 32;

/**
 * Checks the options of an edge and adds the defaults. The result is a copy, so a later change of the options has no
 * effect.
 *
 * @throws TypeError or RangeError for options that cannot work, and for unknown names: with a misspelt `allows`, an
 *   edge would allow everything.
 */
export function settingsFrom(options: EdgeOptions): Settings {
  checkObject('options', options);
  for (const name of Object.keys(options)) checkType(isOption(name), `createEdge has no option "${name}"`);
  for (const name of REQUIRED_FUNCTIONS) checkFunction(name, options[name] ?? null);
  for (const name of OPTIONAL_FUNCTIONS) checkFunction(name, options[name]);
  const { oss, credentials, routes = {}, allows = () => true, keyFor = usualKey, deletesUploads = false } = options;
  checkObject('routes', routes);
  for (const [name, route] of Object.entries(routes)) checkFunction(`routes["${name}"]`, route ?? null);
  // The constructor of the client checks the region, the bucket, the endpoint and the credentials.
  new OssClient({ ...oss, credentials });
  checkFlags({ deletesUploads });
  const { basePath } = options;
  checkType(
    basePath === undefined || isPath(basePath),
    'basePath must be an encoded path such as /files, without a slash at its end',
  );
  const given = { routes: { ...routes }, allows, keyFor, deletesUploads, clock: oss.clock ?? platformClock() };
  return { ...options, ...numbersOf(options), ...given, uploadSecrets: secretsOf(options) };
}

/** Without a name the key is only the random name, so that no key ends with a slash. */
function usualKey({ prefix, id, name }: NewUpload): string {
  return name === undefined ? `${prefix}${id}` : `${prefix}${id}/${name}`;
}

/** @throws TypeError for a secret that could be guessed. The message does not contain the secret. */
function secretsOf({ uploadSecret = [] }: EdgeOptions): readonly string[] {
  const secrets: unknown = typeof uploadSecret === 'string' ? [uploadSecret] : uploadSecret;
  const isSecret = (text: unknown) => typeof text === 'string' && text.length >= SECRET;
  if (Array.isArray(secrets) && secrets.every(isSecret)) return [...secrets];
  throw new TypeError(`uploadSecret must be a string of at least ${SECRET} characters, or a list of such strings`);
}

/** Returns whether a URL would contain this path unchanged. An empty text stands for the root of the origin. */
function isPath(text: unknown): boolean {
  if (typeof text !== 'string' || !/^(?:\/[^/?#\\]+)*$/.test(text)) return false;
  return new URL(`${text}/`, 'http://edge').pathname === `${text}/`;
}

function isOption(name: string): boolean {
  return name in NUMBERS || [...REQUIRED_FUNCTIONS, ...OPTIONAL_FUNCTIONS, ...OTHERS].includes(name);
}

function numbersOf(options: EdgeOptions): Numbers {
  const entries = Object.entries(NUMBERS).map(([name, [usual, most]]) => {
    const { [name as NumberName]: value = usual } = options;
    const isGood = Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most;
    if (value !== undefined) checkRange(isGood, name, `a whole number from 1 to ${most}`, value);
    return [name, value];
  });
  return Object.fromEntries(entries);
}
