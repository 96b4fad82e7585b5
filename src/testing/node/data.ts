// A data folder: its lock, its key, and the journal of its objects.

import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { LocalOss } from '../local-oss.ts';
import { FileError } from './failure.ts';
import { Journal } from './journal.ts';
import { lock } from './lock.ts';
import { randomKey } from './options.ts';

type AccessKeys = Readonly<Record<string, string>>;

/** An open data folder. */
export class DataFolder {
  readonly journal: Journal;
  readonly #path: string;
  readonly #unlock: () => Promise<void>;

  private constructor(path: string, unlock: () => Promise<void>) {
    this.#path = path;
    this.#unlock = unlock;
    this.journal = new Journal(path);
  }

  /** Makes the folder if there is none, and takes it for this process. @throws {FileError} */
  static async open(path: string): Promise<DataFolder> {
    return withReason(`Cannot use the data folder ${path}`, async () => {
      await makeFolder(resolve(path));
      return new DataFolder(path, await lock(path));
    });
  }

  /** Returns the key that the folder has, or gives it a random one. @throws {FileError} */
  async accessKeys(): Promise<AccessKeys> {
    const path = join(this.#path, 'keys.json');
    return withReason(`Cannot use ${path}`, async () => {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text !== undefined) return readKeys(text);
      const keys = randomKey();
      await writeFile(`${path}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
      await rename(`${path}.new`, path);
      return keys;
    });
  }

  /**
   * Restores the buckets and objects. Returns the number of bytes of an unfinished record that were cut from the end.
   *
   * @throws {FileError} if a file is damaged, or if it holds objects of a bucket that does not exist.
   */
  async restore(oss: LocalOss): Promise<number> {
    return withReason(`Cannot use the data folder ${this.#path}`, () =>
      this.journal.open({
        snapshot: () => oss.snapshot(),
        restore: (change) => {
          const isKnown = !('key' in change) || oss.buckets.some(({ name }) => name === change.bucket);
          if (isKnown) return oss.restore(change);
          const hint = `Start with --bucket ${change.bucket}, or with another data folder.`;
          throw new FileError(`${this.#path} holds objects of the bucket "${change.bucket}". ${hint}`);
        },
      }),
    );
  }

  async close(): Promise<void> {
    await this.journal.close();
    await this.#unlock();
  }
}

/**
 * Makes a folder, and the missing folders above it. It does not use the option `recursive` of mkdir, because that call
 * never ends in places such as /proc, where only the system makes folders.
 */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (await isFolder(path)) return;
    const parent = dirname(path);
    // The root of a path is its own parent. It can be missing, for example a drive of Windows.
    const isParentMissing = parent !== path && (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!isParentMissing || (await isFolder(parent))) throw error;
    await makeFolder(parent);
    await makeFolder(path);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function readKeys(text: string): AccessKeys {
  const keys: unknown = JSON.parse(text);
  const isRecord = typeof keys === 'object' && keys !== null && !Array.isArray(keys);
  if (!isRecord || Object.keys(keys).length === 0 || !Object.values(keys).every((one) => typeof one === 'string'))
    throw new TypeError('it must be a JSON object of secrets by access key ID');
  return keys as AccessKeys;
}

/** Turns every failure into a FileError that says what was attempted. */
async function withReason<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw new FileError(`${what}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
