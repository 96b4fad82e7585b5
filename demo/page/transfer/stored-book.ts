/**
 * Remembers which objects this tab has stored to their end. Golden Retriever saves its list only every half a second, so
 * after a reload the list may say that a stored file is still open.
 */
import { AppendableObject, type AppendClient } from '../../../src/index.ts';
import type { Store } from './key-book.ts';

/** What OSS said of an object when the last byte of its file was confirmed. */
interface Stored {
  /** Bytes. */
  readonly position: number;
  /** The CRC-64, decimal. */
  readonly crc: string;
}

/** The newest objects are enough, because the list is behind by half a second at most. */
const MOST = 500;
/** How long the page waits for an answer of OSS, ms. After this time, the file stays in the list. */
const PATIENCE = 10_000;

export class StoredBook {
  readonly #store: Store;
  readonly #name: string;
  readonly #known: Map<string, Stored>;

  /** `prefix` is the beginning of the user's keys. A host that was restarted has other keys. */
  constructor(store: Store, prefix: string) {
    this.#store = store;
    this.#name = `oss-append stored ${prefix}`;
    this.#known = this.#read();
  }

  /** Notes that the whole file is stored. A CRC-64 that CORS hides proves nothing, so such a file is not noted. */
  add(key: string, { position, crc }: { readonly position: number; readonly crc: string | undefined }): void {
    if (crc === undefined) return;
    this.#known.delete(key);
    this.#known.set(key, { position, crc });
    this.#save();
  }

  /** The user has added a file again that goes to this key, so the file belongs in the list. */
  forget(key: string): void {
    if (this.#known.delete(key)) this.#save();
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  /** Asks OSS whether the object is still as it was noted. Without an answer, nothing is proven. */
  async proves(key: string, size: number | null, client: AppendClient): Promise<boolean> {
    const noted = this.#known.get(key);
    if (!noted || noted.position !== size) return false;
    try {
      const object = new AppendableObject(client, key);
      const { position, hashCrc64ecma } = await object.open({ signal: AbortSignal.timeout(PATIENCE) });
      return position === size && hashCrc64ecma === noted.crc;
    } catch {
      return false;
    }
  }

  #save(): void {
    const newest = [...this.#known].slice(-MOST);
    this.#store.setItem(this.#name, JSON.stringify(newest));
  }

  #read(): Map<string, Stored> {
    try {
      return new Map(JSON.parse(this.#store.getItem(this.#name) ?? '[]'));
    } catch {
      return new Map();
    }
  }
}
