/**
 * Keeps what the Service Worker must not forget in IndexedDB, because browsers end a worker that is idle for some 30 s:
 * the objects, the keys and the prefix of this browser, and the faults and counters.
 *
 * Only the objects of the keys that somebody asks for are read again, so a restart stays fast. The store deletes
 * objects that nobody has changed for a day. If all objects together have more than 512 MiB, it deletes the oldest
 * ones.
 */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { LocalOss, ObjectChange, ObjectStore } from '../../../src/testing/index.ts';
import type { DeskState } from '../fault-desk.ts';
import type { HostIdentity } from '../local-host.ts';

/** One change, as it is stored: its pieces are one buffer. */
interface StoredChange extends Omit<ObjectChange, 'pieces'> {
  readonly bytes: ArrayBuffer;
}

interface Schema extends DBSchema {
  /** The values that exist once. */
  readonly single: { readonly key: string; readonly value: unknown };
  /** The changes of the objects, by key and number. */
  readonly changes: { readonly key: [key: string, serial: number]; readonly value: StoredChange };
  /** Every object that has changes: its length in bytes, and when it was changed last, in ms since the epoch. */
  readonly objects: { readonly key: string; readonly value: Known };
}

interface Known {
  readonly key: string;
  readonly length: number;
  readonly changed: number;
}

type Database = IDBPDatabase<Schema>;

const NAME = 'oss-append-demo';
const DAY = 86_400_000;
const MOST_BYTES = 512 * 1024 * 1024;

/** All changes of one key. */
function changesOf(key: string): IDBKeyRange {
  return IDBKeyRange.bound([key, 0], [key, Number.MAX_SAFE_INTEGER]);
}

/** The database of a worker. */
export class WorkerStore implements ObjectStore {
  readonly #database: Database;
  readonly #loading: Map<string, Promise<void>> = new Map();
  #unsaved: ObjectChange[] = [];
  #saving: Promise<void> = Promise.resolve();
  /** Why the browser keeps nothing more. The objects then live as long as the worker. */
  #full: unknown;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Opens the database, and deletes old objects. */
  static async open(now: number = Date.now()): Promise<WorkerStore> {
    const upgrade = (database: Database) => {
      database.createObjectStore('single');
      database.createObjectStore('changes');
      database.createObjectStore('objects', { keyPath: 'key' });
    };
    const store = new WorkerStore(await openDB<Schema>(NAME, 1, { upgrade }));
    await store.#deleteOld(now);
    return store;
  }

  /** Returns the identity of this browser. The first call stores the given one. */
  async identity(first: HostIdentity): Promise<HostIdentity> {
    const known = await this.#database.get('single', 'identity');
    if (known) return known as HostIdentity;
    await this.#database.put('single', first, 'identity');
    return first;
  }

  /** Returns the faults and counters of the last life of the worker. */
  async desk(): Promise<DeskState | undefined> {
    return (await this.#database.get('single', 'desk')) as DeskState | undefined;
  }

  async saveDesk(state: DeskState): Promise<void> {
    await this.#database.put('single', state, 'desk').catch((error: unknown) => this.#keepNothing(error));
  }

  /** Makes an object again, before the first request for its key. */
  load(oss: LocalOss, key: string): Promise<void> {
    const loading = this.#loading.get(key) ?? this.#load(oss, key);
    this.#loading.set(key, loading);
    return loading;
  }

  async #load(oss: LocalOss, key: string): Promise<void> {
    const changes = await this.#database.getAll('changes', changesOf(key));
    try {
      for (const { bytes, ...change } of changes)
        oss.restore({ ...change, pieces: bytes.byteLength > 0 ? [new Uint8Array(bytes)] : [] });
    } catch (error) {
      console.warn('An object is damaged in the storage of the browser, so it is deleted.', error);
      for (const { bucket } of changes.slice(0, 1)) oss.deleteObject(bucket, key);
    }
  }

  save(change: ObjectChange): void {
    this.#unsaved.push(change);
  }

  flush(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#saveAll());
    return this.#saving;
  }

  async #saveAll(): Promise<void> {
    const changes = this.#unsaved;
    this.#unsaved = [];
    if (changes.length === 0 || this.#full !== undefined) return;
    await this.#write(changes).catch((error: unknown) => this.#keepNothing(error));
  }

  async #write(changes: readonly ObjectChange[]): Promise<void> {
    const transaction = this.#database.transaction(['changes', 'objects'], 'readwrite');
    const [stored, objects] = [transaction.objectStore('changes'), transaction.objectStore('objects')];
    const work = changes.map(async ({ pieces, ...change }) => {
      const { key, serial, start, state } = change;
      if (start === 0) await stored.delete(changesOf(key));
      if (!state) return objects.delete(key);
      await stored.put({ ...change, bytes: join(pieces) }, [key, serial]);
      return objects.put({ key, length: state.length, changed: Date.now() });
    });
    await Promise.all([...work, transaction.done]);
  }

  /** Goes on without a copy. If the append failed here, its bytes would nevertheless be stored. */
  #keepNothing(error: unknown): void {
    this.#full ??= error;
    console.warn('The browser stores nothing more for this page, so objects live as long as its worker.', error);
  }

  async #deleteOld(now: number): Promise<void> {
    const known = await this.#database.getAll('objects');
    known.sort((one, other) => other.changed - one.changed);
    let kept = 0;
    const old = known.filter(({ changed, length }) => {
      kept += length;
      return now - changed > DAY || kept > MOST_BYTES;
    });
    for (const { key } of old) {
      await this.#database.delete('changes', changesOf(key));
      await this.#database.delete('objects', key);
    }
  }
}

function join(pieces: readonly Uint8Array[]): ArrayBuffer {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes.buffer;
}
