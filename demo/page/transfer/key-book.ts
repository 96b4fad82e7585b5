/**
 * Chooses the key of each file, and remembers it. So the same file goes to the same object after a reload, and two
 * files with one name do not share an object.
 */

/** What names a file. Two picks of the same file have the same values. */
export interface FileName {
  readonly name: string;
  readonly size: number | null;
  readonly lastModified?: number | undefined;
  /** The path below the picked folder. */
  readonly relativePath?: string | null | undefined;
}

/** The part of `localStorage` that is needed. */
export type Store = Pick<Storage, 'getItem' | 'setItem'>;

/** The book remembers at most this many files. */
const MOST = 2000;

export class KeyBook {
  readonly #store: Store;
  readonly #name: string;
  readonly #scope: string;
  /** The keys by their files, as they were stored when the page began, and as they were chosen since. */
  readonly #known: Map<string, string>;
  readonly #taken: Set<string>;
  /** Keys that were chosen by this page and have had no object yet. */
  readonly #new = new Set<string>();
  #isSaving = false;

  /** `prefix` is the beginning of the user's keys, and `scope` is the beginning of the keys of this tab. */
  constructor(store: Store, { prefix, scope }: { readonly prefix: string; readonly scope: string }) {
    this.#store = store;
    this.#name = `oss-append keys ${prefix}`;
    this.#scope = scope;
    this.#known = this.#read();
    this.#taken = new Set(this.#known.values());
  }

  /** Returns the key that this file was stored under before, in this or in another tab. */
  known(file: FileName): string | undefined {
    return this.#known.get(printOf(file));
  }

  /** Returns a key of this tab that no other file has, and remembers it. */
  choose(file: FileName): string {
    const path = pathOf(file);
    for (let number = 1; ; number++) {
      const key = `${this.#scope}${number === 1 ? path : numbered(path, number)}`;
      if (this.#taken.has(key)) continue;
      this.#new.add(key);
      return this.#remember(file, key);
    }
  }

  /** Returns whether the key was chosen since the last upload to it, so that it can have no object. */
  isNew(key: string): boolean {
    return this.#new.has(key);
  }

  /** Notes that an upload to the key has begun. */
  used(key: string): void {
    this.#new.delete(key);
  }

  /** Remembers that a file goes to this key. Returns the key. */
  #remember(file: FileName, key: string): string {
    this.#known.set(printOf(file), key);
    this.#taken.add(key);
    // A thousand files are chosen in one turn of the event loop, and saved once.
    if (!this.#isSaving) queueMicrotask(() => this.#save());
    this.#isSaving = true;
    return key;
  }

  /** Another tab may have saved keys in the meantime, which stay. */
  #save(): void {
    this.#isSaving = false;
    const all = [...new Map([...this.#read(), ...this.#known])].slice(-MOST);
    this.#store.setItem(this.#name, JSON.stringify(Object.fromEntries(all)));
  }

  #read(): Map<string, string> {
    try {
      return new Map(Object.entries(JSON.parse(this.#store.getItem(this.#name) ?? '{}')));
    } catch {
      return new Map();
    }
  }
}

function printOf({ name, size, lastModified = 0, relativePath }: FileName): string {
  return JSON.stringify([relativePath || name, size, lastModified]);
}

/** Returns the name as a part of a key. A segment `.` or `..` would leave the folder, and control characters are not allowed. */
function pathOf({ name, relativePath }: FileName): string {
  const parts = (relativePath || name).split('/').map((part) => part.replace(/\p{Cc}/gu, '_'));
  const path = parts.filter((part) => part !== '' && part !== '.' && part !== '..').join('/');
  return cutTo(path || 'file', 700);
}

/** Cuts a text to a number of UTF-8 bytes, from its beginning, because the end has the file's type. */
function cutTo(text: string, most: number): string {
  const letters = [...text];
  const encoder = new TextEncoder();
  while (encoder.encode(letters.join('')).length > most) letters.shift();
  return letters.join('');
}

/** Writes a number before the ending of the name: `a (2).txt`. */
function numbered(path: string, number: number): string {
  return path.replace(/(\.[^./]+)?$/, (ending) => ` (${number})${ending}`);
}
