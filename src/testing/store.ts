// Keeps a copy of the objects elsewhere, so that they survive the process. LocalOss itself stays in memory: it tells the
// store every change, and answers no request before the store has everything that the answer may show.

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

/** Keeps changes. */
export interface ObjectStore {
  /** Called at each change, in order. The pieces stay as they are, so the store need not copy them. */
  save(change: ObjectChange): void;
  /**
   * Resolves when every change saved so far is safe. LocalOss awaits it before each answer. If it rejects, there is no
   * answer: fetch rejects with the same error.
   */
  flush(): Promise<void>;
}

/** What the store was told of an object. */
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

/** Finds out what has changed since the store was last told about an object. */
export class Tracker {
  readonly #store: ObjectStore;
  readonly #known: Map<string, Known> = new Map();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Tells the store about the object of a key, if it has changed. */
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

function isSame({ object, text }: Known, now: StoredObject): boolean {
  return object === now && text === JSON.stringify(now.state);
}
