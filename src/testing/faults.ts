// What can go wrong on the way to an OSS, and when. A schedule names faults; FaultPlan holds those of one request.

/** The operations that LocalOss tells apart. */
export type Operation =
  | 'AppendObject'
  | 'PutObject'
  | 'HeadObject'
  | 'GetObjectMeta'
  | 'GetObject'
  | 'DeleteObject'
  | 'OptionObject'
  | 'Unsupported';

/** Before or after the request takes effect. */
export type When = 'before' | 'after';

/** One thing that goes wrong with one request. Delays are in milliseconds by the injected clock. */
export type Fault =
  /** The connection fails before the server has read anything: fetch rejects with TypeError. */
  | { readonly kind: 'drop-before' }
  /** The connection fails when half of the body is read. Nothing is stored. */
  | { readonly kind: 'drop-during' }
  /** Stored, and the answer is lost. */
  | { readonly kind: 'drop-after' }
  /** A server error, without effect. `status` 500 by default. */
  | { readonly kind: 'error-before'; readonly status?: 500 | 502 | 503; readonly code?: string }
  /** The request takes effect and is answered with a server error. */
  | { readonly kind: 'error-after'; readonly status?: 500 | 502 | 503; readonly code?: string }
  /** A proxy's HTML instead of OSS's XML, without any header of OSS or CORS. `status` 502 by default. */
  | { readonly kind: 'gateway'; readonly after?: boolean; readonly status?: number; readonly body?: string }
  /**
   * A captive portal, or the page of a site that answers every path: 200 in HTML with a Last-Modified, also to HEAD and to a GET
   * of a range, without any header of OSS or CORS. No effect.
   */
  | { readonly kind: 'portal' }
  /** A redirect to this URL, which a page of any origin may follow. `status` 307 by default. No effect. */
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: 301 | 302 | 303 | 307 | 308 }
  /** A refusal with any status and code, without effect. */
  | { readonly kind: 'refuse'; readonly status: number; readonly code: string }
  /**
   * Something on the way takes no body of more than `bytes`. It answers 413 with nginx's page, without any header of OSS or CORS;
   * with `xml` it is OSS itself that refuses the body (400 EntityTooLarge), with `reset` the connection breaks. Nothing is stored.
   */
  | { readonly kind: 'limit'; readonly bytes: number; readonly answer?: 'page' | 'xml' | 'reset' }
  /** Takes effect at once, answered after the delay. */
  | { readonly kind: 'answer-late'; readonly delay: number }
  /** Takes effect after the delay, even when the client has given up; the position is checked then. Never answered. */
  | { readonly kind: 'commit-late'; readonly delay: number }
  /** The transport sends the request twice, having lost the first answer: done twice, the second answer is returned. */
  | { readonly kind: 'repeat'; readonly lost?: 'first' }
  /** One bit of the body is stored wrong, at byte `at` of it (0 by default); the CRC returned is that of the stored bytes. */
  | { readonly kind: 'flip-bit'; readonly at?: number }
  /** A cache (CDN) on the way answers HEAD as OSS answered the first HEAD of this object that had this fault. */
  | { readonly kind: 'cached-head' }
  /** The answer lacks these headers; by default all that CORS hides without ExposeHeader. */
  | { readonly kind: 'hide-headers'; readonly names?: readonly string[] }
  /**
   * The answer lacks Content-Length, ETag and Accept-Ranges, as OSS leaves them out for a text that it compresses on its
   * way. A part (HTTP 206) keeps its Content-Length, unless a proxy leaves that out too (`parts`).
   */
  | { readonly kind: 'no-length'; readonly parts?: boolean }
  /**
   * The platform decodes what is read, because of a Content-Encoding: as many bytes, all others, and of one byte none.
   * Not so where the request asks for the bytes as they are stored (`response-content-encoding=identity`), unless OSS
   * does not heed that (`always`).
   */
  | { readonly kind: 'decoded'; readonly always?: boolean }
  /** Takes effect, and the browser withholds the answer because of CORS: TypeError. */
  | { readonly kind: 'opaque' }
  /** The server's clock is `by` ms ahead for this request. */
  | { readonly kind: 'skew-clock'; readonly by: number }
  /** 403 SecurityTokenExpired, without effect. */
  | { readonly kind: 'expire-token' }
  /** Another writer appends `bytes`; with `same` as many bytes as this request's body, all different from its first. */
  | { readonly kind: 'rival'; readonly bytes: Uint8Array; readonly when: When }
  | { readonly kind: 'rival'; readonly same: true; readonly when: When }
  /** Somebody deletes the object. */
  | { readonly kind: 'delete'; readonly when: When }
  /** Somebody puts another object in its place: a normal one unless `type` says otherwise. */
  | {
      readonly kind: 'replace';
      readonly when: When;
      readonly bytes?: Uint8Array;
      readonly type?: 'Appendable' | 'Normal';
    }
  /** 503 with `x-oss-qos-delay-time` of `delay` ms (100 by default), without effect. `code` TotalQpsLimitExceeded by default. */
  | { readonly kind: 'throttle'; readonly delay?: number; readonly code?: string }
  /** Bodies pass at this speed, in both directions. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** The body of the answer stops in the middle until the request is aborted. */
  | { readonly kind: 'stall-body' }
  /** 403 AccessDenied, without effect. */
  | { readonly kind: 'deny' };

/** What a schedule sees of a request. */
export interface FaultRequest {
  readonly operation: Operation;
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  /** Of an append. */
  readonly position?: number;
  /** Of the body, in bytes, where the request says it. */
  readonly size?: number;
  /** Count of this operation on this object, from 1. */
  readonly nth: number;
}

/** Which requests a fault of a list is for: all conditions given must hold. */
export interface FaultCondition {
  readonly operation?: Operation;
  readonly key?: string;
  /** From this request on, counted for the operation and object. 1 by default. */
  readonly nth?: number;
  /** How many requests suffer. 1 by default; Infinity is allowed. */
  readonly times?: number;
}

/** A function asked for each request (several faults act together), or a list of faults with their conditions. */
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

  /** The deeds of others at this moment, in the order of the schedule. */
  deeds(when: When): readonly (Fault & { readonly when: When })[] {
    return this.#faults.filter((fault): fault is Fault & { when: When } => 'when' in fault && fault.when === when);
  }

  /** For the log: the kinds, or undefined for a request left in peace. */
  get names(): string | undefined {
    return this.#faults.length === 0 ? undefined : this.#faults.map((fault) => fault.kind).join(' ');
  }
}

const PEACE: FaultPlan = /* @__PURE__ */ new FaultPlan([]);

/** Hands out the faults of a schedule and counts what a list has spent. */
export class FaultSource {
  readonly #schedule: FaultSchedule;
  readonly #spent: Map<object, number> = new Map();

  constructor(schedule: FaultSchedule = []) {
    this.#schedule = schedule;
  }

  plan(request: FaultRequest): FaultPlan {
    const faults = typeof this.#schedule === 'function' ? this.#schedule(request) : this.#due(this.#schedule, request);
    if (faults === undefined) return PEACE;
    const list = 'kind' in faults ? [faults] : faults;
    return list.length === 0 ? PEACE : new FaultPlan(list);
  }

  /** Begins to count anew. */
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
