/** Observes a LocalOss from outside: what was stored in each life of the object, and what other clients did to it. */
import type { Fault, FaultRequest } from '../../../src/testing/faults.ts';
import { LocalOss, type LocalOssOptions } from '../../../src/testing/local-oss.ts';

export const BUCKET = 'logs';
export const KEY = 'a.log';

/**
 * One life of the object, from its creation (or from the start of the run) to its deletion or replacement. In one life
 * it only grows.
 */
export interface Epoch {
  readonly from: number;
  to: number;
  bytes: Uint8Array;
  /** The entries of the log that were not yet carried out when this life ended. */
  readonly open: Set<number>;
}

/** A change that was made to the object by a client that is not one of the writers. */
export interface Deed {
  readonly kind: 'rival' | 'delete' | 'replace' | 'flip-bit';
  readonly at: number;
}

export class ObservedOss extends LocalOss {
  readonly deeds: Deed[] = [];
  readonly epochs: Epoch[] = [];
  /** The faults of each request, by the position of the request in the log. */
  readonly faults = new Map<number, readonly Fault[]>();
  #now = 0;

  constructor(clock: NonNullable<LocalOssOptions['clock']>, faultsOf: (request: FaultRequest) => readonly Fault[]) {
    const faults = (request: FaultRequest) => this.#noteFaults(faultsOf(request));
    super({ buckets: { [BUCKET]: { region: 'cn-hangzhou', acl: 'public-read-write' } }, clock, faults });
    this.epochs.push({ from: 0, to: Number.POSITIVE_INFINITY, bytes: new Uint8Array(0), open: new Set() });
  }

  /** The time as a counter of observations. It increases with each observation. */
  get now(): number {
    return this.#now;
  }

  tick(): number {
    return ++this.#now;
  }

  get stored(): Uint8Array {
    return this.object(BUCKET, KEY)?.bytes() ?? new Uint8Array(0);
  }

  /** Returns the lives of the object. The last one is in its current state. */
  look(): readonly Epoch[] {
    this.epochs.at(-1)!.bytes = this.stored;
    return this.epochs;
  }

  /** Stores the contents of the object before the run begins. */
  begin(bytes: Uint8Array): void {
    super.appendObject(BUCKET, KEY, bytes);
  }

  note(kind: Deed['kind']): void {
    this.deeds.push({ kind, at: this.tick() });
  }

  /** LocalOss asks for the faults of a request just before it logs the request. */
  #noteFaults(faults: readonly Fault[]): readonly Fault[] {
    this.faults.set(this.requests.length, faults);
    return faults;
  }

  override appendObject(bucket: string, key: string, bytes: Uint8Array | number): void {
    super.appendObject(bucket, key, bytes);
    // An append that OSS refuses throws, and does not count as an append of the rival.
    this.note('rival');
  }

  override putObject(bucket: string, key: string, bytes: Uint8Array): void {
    this.#end('replace');
    super.putObject(bucket, key, bytes);
  }

  override deleteObject(bucket: string, key: string): void {
    this.#end('delete');
    super.deleteObject(bucket, key);
  }

  #end(kind: Deed['kind']): void {
    const epoch = this.epochs.at(-1)!;
    epoch.bytes = this.stored;
    for (const [entry, { status }] of this.requests.entries()) if (status === undefined) epoch.open.add(entry);
    this.note(kind);
    epoch.to = this.now;
    this.epochs.push({ from: this.now, to: Number.POSITIVE_INFINITY, bytes: new Uint8Array(0), open: new Set() });
  }
}
