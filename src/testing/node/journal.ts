// Keeps the objects in one file that only grows. A change is written to the end of the file and forced onto the disk
// before its request is answered. So the file always holds everything that was acknowledged, also if the process is
// killed.

import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ObjectStore } from '../store.ts';
import { FileError } from './failure.ts';
import { type Change, encode, HEAD, readHead, readState } from './record.ts';

/** The buckets and objects that a journal makes again. */
export interface Restored {
  restore(change: Change): void;
  /** Returns the changes that make all buckets and objects, one for each. */
  snapshot(): Iterable<Change>;
}

const FILE = 'objects.log';
/** A file is written again at the start if this share of it belongs to objects that no longer exist. */
const MOST_WASTE = 0.5;
const PIECE = 1 << 20;

/** The file of a data folder. */
export class Journal implements ObjectStore {
  readonly #path: string;
  #file: FileHandle | undefined;
  #waiting: Uint8Array[] = [];
  /** How many changes came, and how many of them are on the disk. */
  #saved = 0;
  #safe = 0;
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;
  #onfailure: (error: Error) => void = () => {};

  constructor(folder: string) {
    this.#path = join(folder, FILE);
  }

  /**
   * Makes the objects again, and opens the file for more changes. Returns the number of bytes of an unfinished record
   * that were cut from the end.
   *
   * @throws {FileError} if the file is damaged in another place than at its end.
   */
  async open(objects: Restored): Promise<number> {
    const { kept, cut } = await readAll(this.#path, objects);
    const needed = [...objects.snapshot()].reduce((sum, change) => sum + sizeOf(change), 0);
    if (cut > 0) await truncate(this.#path, kept);
    if (kept > needed * (1 + MOST_WASTE) + PIECE) await rewrite(this.#path, objects);
    this.#file = await open(this.#path, 'a', 0o600);
    await syncFolder(dirname(this.#path));
    return cut;
  }

  save(change: Change): void {
    for (const part of encode(change)) this.#waiting.push(part);
    this.#saved++;
  }

  /** Changes of many requests are forced onto the disk together: those that come during one write go with the next. */
  async flush(): Promise<void> {
    const wanted = this.#saved;
    while (!this.#failure && this.#safe < wanted) {
      this.#writing ??= this.#write();
      await this.#writing;
    }
    if (this.#failure) throw this.#failure;
  }

  /** Why the file cannot be written. It is undefined while all is well. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Called once if the file cannot be written. No request is answered after that. */
  onfailure(call: (error: Error) => void): void {
    this.#onfailure = call;
  }

  async close(): Promise<void> {
    await this.flush().catch(() => {});
    await this.#file?.close();
    this.#file = undefined;
  }

  async #write(): Promise<void> {
    const [parts, saved] = [this.#waiting, this.#saved];
    this.#waiting = [];
    try {
      await writeFile(this.#file!, joined(parts));
      await this.#file!.datasync();
      this.#safe = saved;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#failure = new FileError(`Cannot write ${this.#path}: ${reason}`, { cause });
      this.#onfailure(this.#failure);
    } finally {
      this.#writing = undefined;
    }
  }
}

/** Joins small parts to pieces of about 1 MiB, because each piece costs a call of the system. */
function* joined(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let [small, size]: [Uint8Array[], number] = [[], 0];
  for (const part of parts) {
    small.push(part);
    size += part.length;
    if (size < PIECE) continue;
    yield small.length === 1 ? part : Buffer.concat(small);
    [small, size] = [[], 0];
  }
  yield Buffer.concat(small);
}

function sizeOf(change: Change): number {
  return encode(change).reduce((sum, { length }) => sum + length, 0);
}

/** Reads every record. `kept` is the end of the last complete record, and `cut` is the number of bytes after it. */
async function readAll(path: string, objects: Restored): Promise<{ kept: number; cut: number }> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return { kept: 0, cut: 0 };
  try {
    const reader = new Reader(file, path, (await file.stat()).size);
    while (await reader.readRecord(objects));
    return { kept: reader.position, cut: reader.size - reader.position };
  } finally {
    await file.close();
  }
}

class Reader {
  readonly size: number;
  /** The end of the last whole record. */
  position = 0;
  readonly #file: FileHandle;
  readonly #path: string;

  constructor(file: FileHandle, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.size = size;
  }

  /** Returns false at the end of the file, and before a record that was not finished. */
  async readRecord(objects: Restored): Promise<boolean> {
    const start = this.position;
    if (this.size - start < HEAD) return false;
    const head = readHead(await this.#read(start, HEAD));
    if (!head) return this.#refuseUnlessEmpty(start);
    const stateEnd = start + HEAD + head.stateLength;
    const end = stateEnd + head.bytesLength;
    if (end > this.size) return false;
    const change = readState(await this.#read(start + HEAD, head.stateLength), head);
    if (!change) return this.#refuseUnlessLast(end);
    const pieces = await this.#readPieces(stateEnd, end);
    if (!this.#restore(objects, { ...change, pieces })) return this.#refuseUnlessLast(end);
    this.position = end;
    return true;
  }

  /** Returns false if the bytes are not those of the state. */
  #restore(objects: Restored, change: Change): boolean {
    try {
      objects.restore(change);
      return true;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return false;
    }
  }

  /** A file system may have lengthened the file before it stored the bytes: then only zeros follow. */
  async #refuseUnlessEmpty(start: number): Promise<false> {
    for (let at = start; at < this.size; at += PIECE) {
      const bytes = await this.#read(at, Math.min(PIECE, this.size - at));
      if (bytes.some((byte) => byte !== 0)) throw this.#damaged();
    }
    return false;
  }

  #refuseUnlessLast(end: number): false {
    if (end < this.size) throw this.#damaged();
    return false;
  }

  #damaged(): FileError {
    const hint = 'Restore the file, or start with another data folder.';
    return new FileError(`${this.#path} is damaged at byte ${this.position} of ${this.size}. ${hint}`);
  }

  async #readPieces(start: number, end: number): Promise<Uint8Array<ArrayBuffer>[]> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let at = start; at < end; at += PIECE) pieces.push(await this.#read(at, Math.min(PIECE, end - at)));
    return pieces;
  }

  async #read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#file.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) throw new FileError(`${this.#path} became shorter while it was read`);
      done += bytesRead;
    }
    return bytes;
  }
}

async function truncate(path: string, length: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(length);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Writes a new file that holds only the objects that exist, and puts it in the place of the old one. */
async function rewrite(path: string, objects: Restored): Promise<void> {
  const next = `${path}.new`;
  await rm(next, { force: true });
  const file = await open(next, 'wx', 0o600);
  try {
    for (const change of objects.snapshot()) await writeFile(file, joined(encode(change)));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
}

/** Makes sure that the name of a new file is on the disk. Windows cannot do this, and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
