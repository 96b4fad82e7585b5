/**
 * The journal of a log in IndexedDB. It keeps the records that OSS does not have yet, so that the next page can send
 * them. Each page writes into its own part of the journal, and holds a Web Lock on it as long as it lives. If the lock
 * of a part is free, its page is gone, and another page sends its records.
 */

import type { Feed } from './feed.ts';
import type { Flight, JournalPart, LeftBehind, Waiting } from './journal-part.ts';
import { type JournaledLog, loadFeed, PartKeeper } from './part-keeper.ts';

/** Keeps records for the next page: see {@link IndexedDbJournal}. A journal in another storage extends this class. */
export abstract class LogJournal {
  /**
   * Returns a new part for this page, and the parts of pages that are gone, the oldest first.
   *
   * @param id a number that grows with time. The part gets this number or a larger one: it must be larger than the
   * numbers of the parts that are in the journal already, because a clock may be set back.
   */
  abstract open(id: number): Promise<{ readonly own: JournalPart; readonly left: readonly JournalPart[] }>;

  /**
   * Begins to keep the records of a log, and returns what earlier pages have left. The log calls this. So a log without a journal
   * does not contain the code for it.
   */
  async connect(id: number, log: JournaledLog): Promise<Feed[]> {
    const { own, left } = await this.open(id);
    const feeds = await Promise.all(left.map((part) => loadFeed(part, log)));
    log.own.keeper = new PartKeeper(log.own, own, log.fail);
    log.own.keeper.sync();
    return feeds;
  }
}

/**
 * The object that has IndexedDB and Web Locks. Workers and Node have no types for these, so their types are not written
 * here.
 */
export interface JournalPlatform {
  readonly indexedDB?: object | undefined;
  readonly navigator?: { readonly locks?: object | undefined } | undefined;
}

const DATABASE = 'oss-append-log';
const STORE = 'rows';
/** Numbers of the rows that are not records. Records have their own number, which is never negative. */
const FLIGHT = -2;
const WAITING = -1;

/**
 * A journal in IndexedDB, for the option `persist` of a `LogAppender`.
 *
 * Logs with the same name continue each other: records that one page could not store are sent by the next page, exactly
 * once. Tabs that are open at the same time do not disturb each other.
 *
 * @param name the name of the journal, for example the name of the application
 * @param platform the object that has IndexedDB and Web Locks. Default: `globalThis`.
 * @throws TypeError if IndexedDB or Web Locks are missing; the errors of IndexedDB.
 * @example
 * ```ts
 * import { credentialsFromUrl } from 'oss-append';
 * import { IndexedDbJournal, LogAppender } from 'oss-append/log';
 *
 * const client = { region: 'cn-hangzhou', bucket: 'my-logs', credentials: credentialsFromUrl('/sts') };
 * const log = new LogAppender(client, 'pages/app.ndjson', { persist: new IndexedDbJournal('app') });
 * log.write({ time: Date.now(), message: 'survives a crash of this page' });
 * ```
 */
export class IndexedDbJournal extends LogJournal {
  readonly #name: string;
  readonly #platform: JournalPlatform;

  /**
   * @param name the name of the journal, for example the name of the application
   * @param platform the object that has IndexedDB and Web Locks. Default: `globalThis`.
   * @throws TypeError if IndexedDB or Web Locks are missing; the errors of IndexedDB.
   */
  constructor(name: string, platform: JournalPlatform = globalThis) {
    super();
    this.#name = name;
    this.#platform = platform;
  }

  /** @throws TypeError if IndexedDB or Web Locks are missing; the errors of IndexedDB. */
  override async open(id: number): Promise<{ own: JournalPart; left: JournalPart[] }> {
    const { indexedDB, navigator } = this.#platform;
    const locks = navigator?.locks as Pick<LockManager, 'request'> | undefined;
    if (!indexedDB || !locks)
      throw new TypeError('persist needs IndexedDB and Web Locks, and one of them is missing here');
    const database = await openDatabase(indexedDB as IDBFactory);
    const ids = new Set((await keysOf(database, this.#name)).map(([, id]) => id));
    const parts = await Promise.all([...ids].map((other) => this.#part(database, locks, other)));
    const left = parts.filter((part) => part !== undefined);
    // Pages may open in the same millisecond, and a clock may be set back. Even then, the parts have the order of their pages.
    for (let free = Math.max(id, ...ids); ; free++) {
      const own = ids.has(free) ? undefined : await this.#part(database, locks, free);
      if (own) return { own, left };
    }
  }

  /** Returns the part if its lock is free. The lock ends together with the page. */
  #part(database: IDBDatabase, locks: Pick<LockManager, 'request'>, id: number): Promise<Part | undefined> {
    return new Promise((resolve, reject) => {
      const hold = (lock: Lock | null) =>
        new Promise<void>((release) => {
          resolve(lock ? new Part(database, this.#name, id, release) : undefined);
          if (!lock) release();
        });
      locks.request(`${DATABASE} ${this.#name} ${id}`, { ifAvailable: true }, hold).catch(reject);
    });
  }
}

/** The name of the journal, the id of the part, and the number of the first record of the row. */
type RowKey = [name: string, id: number, row: number];

class Part implements JournalPart {
  readonly #database: IDBDatabase;
  readonly #name: string;
  readonly #id: number;
  readonly #release: () => void;
  /**
   * The rows of records. The key is the number of the first record of a row; the value has the number after its last
   * record.
   */
  readonly #rows = new Map<number, number>();

  constructor(database: IDBDatabase, name: string, id: number, release: () => void) {
    this.#database = database;
    this.#name = name;
    this.#id = id;
    this.#release = release;
  }

  add(records: Waiting | undefined, waiting: number): Promise<void> {
    return this.#write((store) => {
      if (records) {
        store.put(records, this.#key(records.first));
        this.#rows.set(records.first, records.first + records.sizes.length);
      }
      this.#forget(store, waiting);
    });
  }

  fly(flight: Flight): Promise<void> {
    return this.#write((store) => {
      store.put(flight, this.#key(FLIGHT));
    });
  }

  land(waiting: number): Promise<void> {
    return this.#write((store) => {
      store.delete(this.#key(FLIGHT));
      this.#forget(store, waiting);
    });
  }

  async load(): Promise<LeftBehind> {
    const keys = (await keysOf(this.#database, this.#name)).filter(([, id]) => id === this.#id);
    const rows = new Map<number, unknown>();
    // Only these rows are read, because the parts of other pages may be long.
    await this.#write((store) => {
      for (const key of keys) {
        const value = store.get(key);
        value.onsuccess = () => rows.set(key[2], value.result);
      }
    });
    const records = [...rows].filter(([row]) => row >= 0).map(([, value]) => value as Waiting);
    for (const { first, sizes } of records) this.#rows.set(first, first + sizes.length);
    return { flight: rows.get(FLIGHT) as Flight | undefined, waiting: Number(rows.get(WAITING) ?? 0), records };
  }

  async close(isEmpty: boolean): Promise<void> {
    if (isEmpty)
      await this.#write((store) => {
        for (const row of [FLIGHT, WAITING, ...this.#rows.keys()]) store.delete(this.#key(row));
      });
    this.#release();
  }

  #forget(store: IDBObjectStore, waiting: number): void {
    store.put(waiting, this.#key(WAITING));
    for (const [first, end] of this.#rows) {
      if (end > waiting) break;
      store.delete(this.#key(first));
      this.#rows.delete(first);
    }
  }

  #key(row: number): RowKey {
    return [this.#name, this.#id, row];
  }

  #write(work: (store: IDBObjectStore) => void): Promise<void> {
    return transact(this.#database, work);
  }
}

/** Returns the keys of all rows of a journal, in the order of its parts and their records. */
async function keysOf(database: IDBDatabase, journal: string): Promise<RowKey[]> {
  let keys: RowKey[] = [];
  await transact(database, (store) => {
    const all = store.getAllKeys();
    all.onsuccess = () => {
      keys = (all.result as RowKey[]).filter(([name]) => name === journal);
    };
  });
  return keys;
}

function openDatabase(indexedDB: IDBFactory): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => {
      const database = request.result;
      // Other code deletes the database. It would wait for this page, and so would every page that opens it.
      database.onversionchange = () => database.close();
      resolve(database);
    };
    request.onerror = () => reject(request.error);
  });
}

/** Resolves when the changes are stored. Transactions run one after the other. */
function transact(database: IDBDatabase, work: (store: IDBObjectStore) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, 'readwrite');
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    work(transaction.objectStore(STORE));
    // Without this, the changes could be lost when the page ends now.
    transaction.commit?.();
  });
}
