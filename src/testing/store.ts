// Keeps a copy of the objects and buckets elsewhere, so that they survive the process. LocalOss itself stays in memory.
// It gives every change to the store, and answers no request before the store has everything that the answer may show.

import { type BucketSettings, settingsOf } from './buckets.ts';
import type { Bucket } from './call.ts';
import type { ObjectState, StoredObject } from './objects.ts';

/** One change of one object. All changes in their order make the objects again (`LocalOss.restore`). */
export interface ObjectChange {
  readonly bucket: string;
  readonly key: string;
  /** The number of the change. It grows, and makes later ETags unlike earlier ones. */
  readonly serial: number;
  /** The state after the change. It is undefined for an object that was deleted. */
  readonly state?: ObjectState;
  /** The position of the first byte in `pieces`. At 0, the object is a new one, even if there was one of this key. */
  readonly start: number;
  /** The bytes from `start` to the end of the object. The list is empty in a bucket that keeps no bytes. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
}

/** One change of one bucket: requests made it, deleted it, or changed its settings. */
export interface BucketChange {
  readonly bucket: string;
  readonly serial: number;
  /** The settings after the change. They are undefined for a bucket that was deleted. */
  readonly settings?: BucketSettings;
}

/** Keeps changes. */
export interface ObjectStore {
  /** Called at each change, in order. The pieces stay as they are, so the store need not copy them. */
  save(change: ObjectChange | BucketChange): void;
  /**
   * Resolves when every change saved so far is safe. LocalOss awaits it before each answer. If it rejects, there is no
   * answer: fetch rejects with the same error.
   */
  flush(): Promise<void>;
}

/** The last state of an object that the store has received. */
interface Known {
  readonly object: StoredObject;
  readonly length: number;
  /** The state as JSON text. */
  readonly text: string;
}

interface BucketOfObjects {
  readonly name: string;
  readonly objects: ReadonlyMap<string, StoredObject>;
}

/** Finds out what has changed since the store last received an object or a bucket. */
export class Tracker {
  readonly #store: ObjectStore;
  readonly #known: Map<string, Known> = new Map();
  /** The settings of the buckets in the options, and the last settings that the store has received, as JSON text. */
  readonly #options: ReadonlyMap<string, string>;
  readonly #settings: Map<string, string>;

  constructor(store: ObjectStore, buckets: ReadonlyMap<string, Bucket>) {
    this.#store = store;
    this.#options = new Map([...buckets].map(([name, bucket]) => [name, textOf(bucket)]));
    this.#settings = new Map(this.#options);
  }

  /** Returns whether a bucket has other settings than its options, or has no options. */
  isChanged(bucket: Bucket): boolean {
    return this.#options.get(bucket.name) !== textOf(bucket);
  }

  /** Gives a bucket to the store, if its settings have changed. `bucket` is undefined if the bucket was deleted. */
  changedBucket(name: string, bucket: Bucket | undefined, serial: number): void {
    if (this.#settings.get(name) === (bucket && textOf(bucket))) return;
    this.restoredBucket(name, bucket);
    this.#store.save({ bucket: name, serial, ...(bucket && { settings: settingsOf(bucket) }) });
  }

  /** Remembers a bucket that comes from the store. */
  restoredBucket(name: string, bucket: Bucket | undefined): void {
    if (bucket) this.#settings.set(name, textOf(bucket));
    else this.#settings.delete(name);
  }

  /** Gives the object of a key to the store, if the object has changed. */
  changed({ name: bucket, objects }: BucketOfObjects, key: string, serial: number): void {
    const object = objects.get(key);
    const known = this.#known.get(`${bucket}/${key}`);
    if (object ? known && isSame(known, object) : !known) return;
    const start = known && known.object === object ? known.length : 0;
    this.restored(bucket, key, object);
    const state = object && { state: object.state };
    this.#store.save({ bucket, key, serial, ...state, start, pieces: object?.pieces(start) ?? [] });
  }

  /** Remembers an object that comes from the store. */
  restored(bucket: string, key: string, object: StoredObject | undefined): void {
    const name = `${bucket}/${key}`;
    if (object) this.#known.set(name, { object, length: object.length, text: JSON.stringify(object.state) });
    else this.#known.delete(name);
  }
}

function textOf(bucket: Bucket): string {
  return JSON.stringify(settingsOf(bucket));
}

function isSame({ object, text }: Known, now: StoredObject): boolean {
  return object === now && text === JSON.stringify(now.state);
}
