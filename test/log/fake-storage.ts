/**
 * What pages of one origin share: IndexedDB and Web Locks, as far as a journal uses them. A page that is killed loses its locks, and
 * the transactions that are not yet complete.
 */
import type { JournalPlatform } from '../../src/log/journal.ts';

type Key = readonly (string | number)[];

function compare(a: Key, b: Key): number {
  const index = a.findIndex((part, at) => part !== b[at]);
  return index < 0 ? 0 : (a[index] as string) < (b[index] as string) ? -1 : 1;
}

/** A request or a transaction, whose listener is called later. */
class Later {
  result: unknown;
  error: Error | null = null;
  onsuccess: (() => void) | undefined;
  onerror: (() => void) | undefined;
  onupgradeneeded: (() => void) | undefined;
  oncomplete: (() => void) | undefined;
  onabort: (() => void) | undefined;
}

/** The storage of an origin. */
export class FakeStorage {
  readonly rows: { readonly key: Key; readonly value: unknown }[] = [];
  /** The connections that are open. */
  readonly databases = new Set<FakeDatabase>();
  readonly #locks = new Set<string>();
  /** How many answers are on their way. */
  busy = 0;
  /** How many values were read. */
  reads = 0;
  /** How many transactions were completed. */
  transactions = 0;
  /** Called when the changes of a transaction are stored, before its page learns that. */
  oncommit: () => unknown = () => {};
  /** Called when a transaction is complete, in the same turn of the event loop. */
  oncomplete: () => void = () => {};
  /** The error with which every transaction fails, if it is set. */
  failure: Error | undefined;
  /** Called when a transaction has failed. */
  onfailure: () => void = () => {};
  readonly #later: (done: () => void) => void;

  /** @param later calls a function in a later turn of the event loop, in the order of the calls */
  constructor(later: (done: () => void) => void = (done) => void setImmediate(done)) {
    this.#later = later;
  }

  /** Resolves when storage has answered. */
  answer(): Promise<void> {
    this.busy++;
    return new Promise((resolve) => {
      this.#later(() => {
        this.busy--;
        resolve();
      });
    });
  }

  /**
   * Deletes the database, as the code of a page may do. Returns false if the deletion must wait, because a page keeps
   * the database open.
   */
  deleteDatabase(): boolean {
    for (const database of this.databases) database.onversionchange?.();
    const isClosed = this.databases.size === 0;
    if (isClosed) this.rows.length = 0;
    return isClosed;
  }

  /** The APIs as one page sees them. */
  page(): FakePageStorage {
    return new FakePageStorage(this, this.#locks);
  }

  /** What a journal has: rows by their name, part and number. */
  get keys(): readonly Key[] {
    return this.rows.map(({ key }) => key);
  }

  /** Returns the value of a row, and notes that it was read. */
  read(key: Key): unknown {
    this.reads++;
    return this.rows.find((row) => compare(row.key, key) === 0)?.value;
  }

  change(key: Key, value?: unknown): void {
    const at = this.rows.findIndex((row) => compare(row.key, key) === 0);
    if (at >= 0) this.rows.splice(at, 1);
    if (value !== undefined) this.rows.push({ key, value: structuredClone(value) });
    this.rows.sort((a, b) => compare(a.key, b.key));
  }
}

/** A page's connection to the database. */
class FakeDatabase {
  readonly #storage: FakeStorage;
  readonly #transaction: () => object;
  onversionchange: (() => void) | undefined;

  constructor(storage: FakeStorage, transaction: () => object) {
    this.#storage = storage;
    this.#transaction = transaction;
  }

  createObjectStore(): void {}

  transaction(): object {
    if (!this.#storage.databases.has(this)) throw new DOMException('The connection is closed', 'InvalidStateError');
    return this.#transaction();
  }

  close(): void {
    this.#storage.databases.delete(this);
  }
}

export class FakePageStorage implements JournalPlatform {
  readonly #storage: FakeStorage;
  readonly #locks: Set<string>;
  readonly #held = new Set<string>();
  #isDead = false;
  readonly indexedDB: IDBFactory;
  readonly navigator: { readonly locks: Pick<LockManager, 'request'> };

  constructor(storage: FakeStorage, locks: Set<string>) {
    this.#storage = storage;
    this.#locks = locks;
    this.indexedDB = { open: () => this.#open() } as unknown as IDBFactory;
    const request = (name: string, _options: object, use: (lock: object | null) => Promise<unknown>) =>
      this.#lock(name, use);
    this.navigator = { locks: { request } as unknown as Pick<LockManager, 'request'> };
  }

  /** The page ends now. */
  kill(): void {
    this.#isDead = true;
    for (const name of this.#held) this.#locks.delete(name);
  }

  async #lock(name: string, use: (lock: object | null) => Promise<unknown>): Promise<unknown> {
    await this.#turn();
    if (this.#locks.has(name)) return use(null);
    this.#locks.add(name);
    this.#held.add(name);
    return use({ name }).finally(() => {
      this.#locks.delete(name);
      this.#held.delete(name);
    });
  }

  #open(): Later {
    const request = new Later();
    const database = new FakeDatabase(this.#storage, () => this.#transaction());
    request.result = database;
    this.#storage.databases.add(database);
    this.#turn().then(() => {
      request.onupgradeneeded?.();
      request.onsuccess?.();
    });
    return request;
  }

  #transaction(): object {
    const changes: (() => void)[] = [];
    const reads: Later[] = [];
    const read = (get: () => unknown) => {
      const request = new Later();
      reads.push(request);
      changes.push(() => {
        request.result = get();
      });
      return request;
    };
    const store = {
      put: (value: unknown, key: Key) => changes.push(() => this.#storage.change(key, value)),
      delete: (key: Key) => changes.push(() => this.#storage.change(key)),
      getAllKeys: () => read(() => this.#storage.keys),
      get: (key: Key) => read(() => structuredClone(this.#storage.read(key))),
    };
    const transaction = Object.assign(new Later(), { objectStore: () => store, commit: () => {} });
    this.#turn().then(() => this.#complete(transaction, changes, reads));
    return transaction;
  }

  #complete(transaction: Later, changes: readonly (() => void)[], reads: readonly Later[]): void {
    const { failure } = this.#storage;
    if (failure) {
      transaction.error = failure;
      this.#storage.onfailure();
      transaction.onabort?.();
      return;
    }
    for (const change of changes) change();
    this.#storage.oncommit();
    if (this.#isDead) return;
    for (const { onsuccess } of reads) onsuccess?.();
    this.#storage.transactions++;
    transaction.oncomplete?.();
    this.#storage.oncomplete();
  }

  /** Storage answers in a later turn of the event loop. A dead page gets no events. */
  async #turn(): Promise<void> {
    await this.#storage.answer();
    if (this.#isDead) await new Promise(() => {});
  }
}
