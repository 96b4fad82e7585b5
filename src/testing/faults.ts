// The faults that can happen to a request. A schedule names faults, and a FaultPlan holds the faults of one request.

/** The names of the operations that LocalOss distinguishes. */
export const OPERATIONS = [
  'AppendObject',
  'SealAppendObject',
  'PutObject',
  'HeadObject',
  'GetObjectMeta',
  'GetObject',
  'DeleteObject',
  'CopyObject',
  'GetObjectAcl',
  'GetObjectTagging',
  'ListObjects',
  'ListObjectsV2',
  'ListObjectVersions',
  'DeleteMultipleObjects',
  'ListMultipartUploads',
  'ListBuckets',
  'PutBucket',
  'DeleteBucket',
  'GetBucketInfo',
  'GetBucketAcl',
  'GetBucketCors',
  'PutBucketCors',
  'DeleteBucketCors',
  'OptionObject',
  'Unsupported',
] as const;

/** The operations that LocalOss distinguishes. */
export type Operation = (typeof OPERATIONS)[number];

/** Whether something happens before or after the request takes effect. */
export type When = 'before' | 'after';

/** A fault of one request. Delays are in milliseconds of the injected clock. */
export type Fault =
  /** The connection fails before the server has read anything. fetch rejects with a TypeError. */
  | { readonly kind: 'drop-before' }
  /** The connection fails after the server has read half of the body. Nothing is stored. */
  | { readonly kind: 'drop-during' }
  /** The request takes effect, and then the answer is lost. */
  | { readonly kind: 'drop-after' }
  /** The server answers with an error, and the request has no effect. The default for `status` is 500. */
  | { readonly kind: 'error-before'; readonly status?: 500 | 502 | 503; readonly code?: string }
  /** The request takes effect, and the server answers with an error. */
  | { readonly kind: 'error-after'; readonly status?: 500 | 502 | 503; readonly code?: string }
  /**
   * A proxy answers with HTML instead of OSS's XML, without any header of OSS or CORS. The default for `status` is 502.
   */
  | { readonly kind: 'gateway'; readonly after?: boolean; readonly status?: number; readonly body?: string }
  /**
   * The page of a captive portal, or of a site that answers every path. Its status is 200 with HTML and a
   * Last-Modified, for HEAD and for a GET of a range as well, without any header of OSS or CORS. The request has no
   * effect.
   */
  | { readonly kind: 'portal' }
  /**
   * A redirect to this URL. A page of any origin may follow it. The default for `status` is 307. The request has no
   * effect.
   */
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: 301 | 302 | 303 | 307 | 308 }
  /** A refusal with any status and code. The request has no effect. */
  | { readonly kind: 'refuse'; readonly status: number; readonly code: string }
  /**
   * A proxy or server on the way accepts no body of more than `bytes`. By default it answers 413 with the page of
   * nginx, without any header of OSS or CORS. With `xml`, OSS itself refuses the body (400 EntityTooLarge). With
   * `reset`, the connection breaks. Nothing is stored.
   */
  | { readonly kind: 'limit'; readonly bytes: number; readonly answer?: 'page' | 'xml' | 'reset' }
  /** The request takes effect at once, and the answer comes after the delay. */
  | { readonly kind: 'answer-late'; readonly delay: number }
  /**
   * The request takes effect after the delay, even if the client gave up earlier. The position is checked at that
   * moment. There is no answer.
   */
  | { readonly kind: 'commit-late'; readonly delay: number }
  /** The transport sends the request twice. Both take effect, and the client gets only the second answer. */
  | { readonly kind: 'repeat'; readonly lost?: 'first' }
  /**
   * One bit of the body is stored wrong, in byte `at` (0 by default). The answer contains the CRC of the stored bytes.
   */
  | { readonly kind: 'flip-bit'; readonly at?: number }
  /** A cache (CDN) on the way answers each HEAD with OSS's answer to the object's first HEAD that had this fault. */
  | { readonly kind: 'cached-head' }
  /** The answer lacks these headers. The default is every header that CORS hides without ExposeHeader. */
  | { readonly kind: 'hide-headers'; readonly names?: readonly string[] }
  /**
   * The answer lacks Content-Length, ETag and Accept-Ranges. OSS omits them if it compresses a text during the
   * transfer. A partial answer (HTTP 206) keeps its Content-Length, unless `parts` is set: then a proxy removes this
   * header as well.
   */
  | { readonly kind: 'no-length'; readonly parts?: boolean }
  /**
   * The platform decodes the answer because of a Content-Encoding. The caller then reads as many bytes as are stored,
   * but all of them differ. A single byte becomes an empty body. The fault does nothing if the request asks for the
   * stored bytes (`response-content-encoding=identity`), unless `always` is set: then OSS ignores that wish.
   */
  | { readonly kind: 'decoded'; readonly always?: boolean }
  /** The request takes effect, and the browser withholds the answer because of CORS. fetch rejects with a TypeError. */
  | { readonly kind: 'opaque' }
  /** For this request, the server's clock is `by` ms ahead. */
  | { readonly kind: 'skew-clock'; readonly by: number }
  /** The server answers 403 SecurityTokenExpired. The request has no effect. */
  | { readonly kind: 'expire-token' }
  /**
   * Another writer appends `bytes`. With `same`, it appends as many bytes as the body has, all unlike the body's first
   * byte.
   */
  | { readonly kind: 'rival'; readonly bytes: Uint8Array; readonly when: When }
  | { readonly kind: 'rival'; readonly same: true; readonly when: When }
  /** Another client deletes the object. */
  | { readonly kind: 'delete'; readonly when: When }
  /** Another client replaces the object by a new one. The new object is a normal one, unless `type` is `Appendable`. */
  | {
      readonly kind: 'replace';
      readonly when: When;
      readonly bytes?: Uint8Array;
      readonly type?: 'Appendable' | 'Normal';
    }
  /**
   * The server answers 503 with `x-oss-qos-delay-time` of `delay` ms (100 by default) and `code` (TotalQpsLimitExceeded
   * by default). No effect.
   */
  | { readonly kind: 'throttle'; readonly delay?: number; readonly code?: string }
  /** Bodies are transferred at this speed, in both directions. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** The body of the answer stops in the middle, until the client aborts the request. */
  | { readonly kind: 'stall-body' }
  /** The server answers 403 AccessDenied. The request has no effect. */
  | { readonly kind: 'deny' };

/** The facts of a request that a schedule can use. */
export interface FaultRequest {
  readonly operation: Operation;
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  /** The position of an append, in bytes. */
  readonly position?: number;
  /** The size of the body in bytes, if the request declares it. */
  readonly size?: number;
  /** The number of this operation on this object, counted from 1. */
  readonly nth: number;
}

/** The requests that get a fault of a list. All given conditions must hold. */
export interface FaultCondition {
  readonly operation?: Operation;
  readonly key?: string;
  /** The first request that gets the fault, counted for each operation and object. The default is 1. */
  readonly nth?: number;
  /** The number of requests that get the fault. The default is 1, and Infinity is allowed. */
  readonly times?: number;
}

/** A function that is called for each request (several faults act together), or a list of faults with conditions. */
export type FaultSchedule =
  | ((request: FaultRequest) => Fault | readonly Fault[] | undefined)
  | readonly (Fault & FaultCondition)[];

type Kind = Fault['kind'];

/** The faults of one request. */
export class FaultPlan {
  readonly #faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
  }

  get<K extends Kind>(kind: K): Extract<Fault, { kind: K }> | undefined {
    return this.#faults.find((fault): fault is Extract<Fault, { kind: K }> => fault.kind === kind);
  }

  /** Returns the changes that other clients make at this moment, in the order of the schedule. */
  deeds(when: When): readonly (Fault & { readonly when: When })[] {
    return this.#faults.filter((fault): fault is Fault & { when: When } => 'when' in fault && fault.when === when);
  }

  /** The kinds of the faults for the log. It is undefined for a request without faults. */
  get names(): string | undefined {
    return this.#faults.length === 0 ? undefined : this.#faults.map((fault) => fault.kind).join(' ');
  }
}

const PEACE: FaultPlan = /* @__PURE__ */ new FaultPlan([]);

/** Returns the faults of each request, and counts how often each fault of a list was used. */
export class FaultSource {
  readonly #schedule: FaultSchedule;
  readonly #spent: Map<object, number> = new Map();

  /** @throws TypeError for a fault of a kind that does not exist, because a misspelt fault would never happen. */
  constructor(schedule: FaultSchedule = []) {
    if (typeof schedule !== 'function') for (const { kind } of schedule) checkKind(kind);
    this.#schedule = schedule;
  }

  plan(request: FaultRequest): FaultPlan {
    const faults = typeof this.#schedule === 'function' ? this.#schedule(request) : this.#due(this.#schedule, request);
    if (faults === undefined) return PEACE;
    const list = 'kind' in faults ? [faults] : faults;
    return list.length === 0 ? PEACE : new FaultPlan(list);
  }

  /** Resets the counts. */
  reset(): void {
    this.#spent.clear();
  }

  #due(list: readonly (Fault & FaultCondition)[], request: FaultRequest): readonly Fault[] {
    const due = list.filter(
      (one) =>
        (one.operation ?? request.operation) === request.operation &&
        (one.key ?? request.key) === request.key &&
        request.nth >= (one.nth ?? 1) &&
        (this.#spent.get(one) ?? 0) < (one.times ?? 1),
    );
    for (const one of due) this.#spent.set(one, (this.#spent.get(one) ?? 0) + 1);
    return due;
  }
}

const KINDS: readonly Kind[] = [
  'answer-late',
  'cached-head',
  'commit-late',
  'decoded',
  'delete',
  'deny',
  'drop-after',
  'drop-before',
  'drop-during',
  'error-after',
  'error-before',
  'expire-token',
  'flip-bit',
  'gateway',
  'hide-headers',
  'limit',
  'no-length',
  'opaque',
  'portal',
  'redirect',
  'refuse',
  'repeat',
  'replace',
  'rival',
  'skew-clock',
  'slow',
  'stall-body',
  'throttle',
];

function checkKind(kind: Kind): void {
  if (KINDS.includes(kind)) return;
  throw new TypeError(`faults: there is no kind "${kind}"; the kinds are ${KINDS.join(', ')}`);
}
