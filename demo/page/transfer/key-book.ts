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

/** So many files are remembered. */
const MOST = 2000;

export class KeyBook {
  readonly #store: Store;
  readonly #name: string;
  readonly #scope: string;
  readonly #taken = new Map<string, string>();

  /** `prefix` is the beginning of the user's keys, and `scope` is the beginning of the keys of this tab. */
  constructor(store: Store, { prefix, scope }: { readonly prefix: string; readonly scope: string }) {
    this.#store = store;
    this.#name = `oss-append keys ${prefix}`;
    this.#scope = scope;
  }

  /** Returns the key that this file was stored under before, in this or in another tab. */
  known(file: FileName): string | undefined {
    return this.#read()[printOf(file)];
  }

  /** Returns a key of this tab that no other file has, and remembers it. */
  choose(file: FileName): string {
    const path = pathOf(file);
    for (let number = 1; ; number++) {
      const key = `${this.#scope}${number === 1 ? path : numbered(path, number)}`;
      if (!this.#isTaken(key)) return this.remember(file, key);
    }
  }

  /** Remembers that a file goes to this key. Returns the key. */
  remember(file: FileName, key: string): string {
    const print = printOf(file);
    this.#taken.set(key, print);
    const { [print]: _, ...others } = this.#read();
    const kept = [...Object.entries(others), [print, key]].slice(-MOST);
    this.#store.setItem(this.#name, JSON.stringify(Object.fromEntries(kept)));
    return key;
  }

  #isTaken(key: string): boolean {
    return this.#taken.has(key) || Object.values(this.#read()).includes(key);
  }

  #read(): Record<string, string> {
    try {
      return JSON.parse(this.#store.getItem(this.#name) ?? '{}');
    } catch {
      return {};
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
