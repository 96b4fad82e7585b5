/**
 * The contract between the page of the demo and its host. The host is the server of `npm start`, or a Service Worker in
 * the static build. The page uses the same routes in both cases.
 *
 * All paths are relative to the folder of the page, because the static build may live below a path such as
 * `/oss-append/`: the page asks for `config` and not for `/config`. The routes of the edge (`session`, `token`,
 * `grant`, `grants`, `upload/{key}`) begin with {@link HostConfig.edge}, and stay as src/edge describes them. Every
 * request to the edge is sent with `credentials: 'include'`.
 */

/** The answer of `GET config`. */
export interface HostConfig {
  /**
   * `local`: LocalOss in the server of `npm start`. `real`: a bucket of Alibaba Cloud. `static`: LocalOss in a Service
   * Worker. Browsers send no preflights in the mode `static`, because the objects have the origin of the page.
   */
  readonly mode: 'local' | 'real' | 'static';
  readonly region: string;
  readonly bucket: string;
  /** The option `endpoint` of `OssClient`. It is an origin. */
  readonly endpoint: string;
  /** The option `pathStyle` of `OssClient`. */
  readonly pathStyle: boolean;
  /**
   * The beginning of all keys of this host. It ends with `/`. The answer of `POST session` contains the prefix of the
   * user, which is the same or longer. The page writes below the user's prefix only.
   */
  readonly prefix: string;
  /**
   * The address of the edge without a slash at its end: an absolute URL. It can be the folder of the page, such as
   * `https://example.com/oss-append`, or another origin.
   */
  readonly edge: string;
  /** True if the routes `faults`, `rival` and `stats` exist. On a real bucket it is false, and they answer 404. */
  readonly canBreak: boolean;
}

/** The answer of `POST session`. */
export interface HostSession {
  readonly user: string;
  /** The beginning of the keys that this user may write. It ends with `/`. */
  readonly prefix: string;
}

/**
 * What the panel "break it" can switch on. "Offline" is not in the list, because the page makes it. While a fault is
 * active, it happens to every second request of the same operation on the same key, and to the first one after it was
 * switched on. So a retry succeeds. `slow` and `skew-clock` happen to every request.
 */
export const FAULT_NAMES = [
  /** The append is stored, and the connection ends without an answer. */
  'lose-answers',
  /** The connection ends when half of the append's body has arrived. Nothing is stored. */
  'drop-connections',
  /** The append is stored at once, and the answer comes {@link LATE} ms later. */
  'answer-late',
  /** OSS refuses an append with 403 SecurityTokenExpired, but only a request with an STS token. */
  'expire-token',
  /**
   * The clock of OSS is 20 minutes behind the clock of the page. This fault happens only to requests with an STS token,
   * because the edge, which signs the other requests, has the right time.
   */
  'skew-clock',
  /** One bit of the append is stored wrong. The library finds it (ChecksumError), and the object stays damaged. */
  'flip-bit',
  /** OSS refuses an append with 503, and asks for a wait of {@link THROTTLE_DELAY} ms. */
  'throttle',
  /** Bodies are transferred at {@link SLOW_RATE} bytes per second. */
  'slow',
  /**
   * The login page of a network answers in OSS's place, with status 200 and HTML. It happens to appends, HEAD and GET.
   */
  'portal',
] as const;

/** The name of a fault. */
export type FaultName = (typeof FAULT_NAMES)[number];

/** The delay of `answer-late` in ms. */
export const LATE = 4000;
/** The wait for which `throttle` asks, in ms. */
export const THROTTLE_DELAY = 500;
/** The speed of `slow`, in bytes per second. */
export const SLOW_RATE = 1024 * 1024;

/**
 * The body of `PUT faults`, and the answer of `PUT faults` and of `GET faults?scope=`. A PUT replaces the active faults
 * of its scope, and does not change other scopes.
 */
export interface ScopedFaults {
  /**
   * The beginning of the keys to which the faults happen. It begins with {@link HostConfig.prefix} and ends with `/`.
   * Each tab uses its own scope, so that no tab changes the faults of another one.
   */
  readonly scope: string;
  readonly active: readonly FaultName[];
}

/** The answer of `GET stats?scope=`: what OSS has received for the keys of a scope. */
export interface ScopedStats {
  readonly scope: string;
  /** All requests, including preflights. */
  readonly requests: number;
  /** The OPTIONS requests that browsers send before other requests. */
  readonly preflights: number;
  /** The AppendObject requests, including those that were refused or lost. */
  readonly appends: number;
  /** The HEAD requests. */
  readonly heads: number;
  /** The GET requests. */
  readonly gets: number;
  /** How often each fault has happened. Faults that have not happened are absent. */
  readonly faults: Readonly<Partial<Record<FaultName, number>>>;
}

/** The body of `POST rival`: another writer appends a text to an object. */
export interface RivalRequest {
  /** It begins with {@link HostConfig.prefix}. The object is created if it does not exist. */
  readonly key: string;
  /** The text has 1 to 65,536 bytes of UTF-8. */
  readonly text: string;
}

/** The answer of `POST rival`. */
export interface RivalAnswer {
  /** The length of the object in bytes after the rival's append. */
  readonly position: number;
}

/**
 * The answer to a request that the host refuses: 400 for a request that cannot work, 404 for a route that does not
 * exist, 409 for a rival's append to an object that takes no appends.
 */
export interface HostRefusal {
  readonly error: string;
  readonly message: string;
}
