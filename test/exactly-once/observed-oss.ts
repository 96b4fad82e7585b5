/** LocalOss, watched from outside: what was stored in each life of the object, and what others did to it. */
import type { Fault, FaultRequest } from '../../src/testing/faults.ts';
import { LocalOss, type LocalOssOptions } from '../../src/testing/local-oss.ts';

export const BUCKET = 'logs';
export const KEY = 'a.log';

/** From an object's creation, or from nothing, to its deletion or replacement. Within one it only grows. */
export interface Epoch {
  readonly from: number;
  to: number;
  bytes: Uint8Array;
}

/** Something that was done to the object by someone else than the writers. */
export interface Deed {
  readonly kind: 'rival' | 'delete' | 'replace' | 'flip-bit';
  readonly at: number;
}

export class ObservedOss extends LocalOss {
  readonly deeds: Deed[] = [];
  readonly epochs: Epoch[] = [];
  /** What went wrong with a request, by its place in the log. */
  readonly faults = new Map<number, readonly Fault[]>();
  #now = 0;

  constructor(clock: NonNullable<LocalOssOptions['clock']>, faultsOf: (request: FaultRequest) => readonly Fault[]) {
    const faults = (request: FaultRequest) => this.#noteFaults(faultsOf(request));
    super({ buckets: { [BUCKET]: { region: 'cn-hangzhou', acl: 'public-read-write' } }, clock, faults });
    this.epochs.push({ from: 0, to: Number.POSITIVE_INFINITY, bytes: new Uint8Array(0) });
  }

  /** Time as the order of observations: more with each one. */
  get now(): number {
    return this.#now;
  }

  tick(): number {
    return ++this.#now;
  }

  get stored(): Uint8Array {
    return this.object(BUCKET, KEY)?.bytes() ?? new Uint8Array(0);
  }

  /** The object's lives, the last one as it is now. */
  look(): readonly Epoch[] {
    this.epochs.at(-1)!.bytes = this.stored;
    return this.epochs;
  }

  /** What was there before anything began. */
  begin(bytes: Uint8Array): void {
    super.appendObject(BUCKET, KEY, bytes);
  }

  note(kind: Deed['kind']): void {
    this.deeds.push({ kind, at: this.tick() });
  }

  /** LocalOss asks for a request's faults just before it logs it. */
  #noteFaults(faults: readonly Fault[]): readonly Fault[] {
    this.faults.set(this.requests.length, faults);
    return faults;
  }

  override appendObject(bucket: string, key: string, bytes: Uint8Array | number): void {
    this.note('rival');
    super.appendObject(bucket, key, bytes);
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
    this.note(kind);
    epoch.to = this.now;
    this.epochs.push({ from: this.now, to: Number.POSITIVE_INFINITY, bytes: new Uint8Array(0) });
  }
}
