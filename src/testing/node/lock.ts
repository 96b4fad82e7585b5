// Holds a folder for one process. Two servers that write to one file would destroy it.

import { readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError } from './failure.ts';

/** The folders that this process holds. Its own number in a file of another life is not proof that it holds the folder. */
const held: Set<string> = /* @__PURE__ */ new Set();

/**
 * Takes the folder, also from a process that ended without giving it back. Returns a function that gives it back.
 *
 * @throws {FileError} if a running process holds the folder.
 */
export async function lock(folder: string): Promise<() => Promise<void>> {
  // One folder can have many names.
  const path = join(await realpath(folder), 'lock');
  if (held.has(path)) throw inUse(folder, path, String(process.pid));
  held.add(path);
  try {
    await take(folder, path);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    await rm(path, { force: true });
    held.delete(path);
  };
}

async function take(folder: string, path: string): Promise<void> {
  if (await create(path)) return;
  const owner = await ownerOf(path);
  if (!isDead(owner)) throw inUse(folder, path, owner);
  await replace(folder, path);
}

/**
 * Replaces the file of a dead process. Only one process does this at a time: otherwise a second process, which has read
 * the old file too, could remove the new file of the first one, and both would hold the folder.
 */
async function replace(folder: string, path: string): Promise<void> {
  const guard = `${path}.new`;
  if (!(await create(guard))) throw inUse(folder, guard, await ownerOf(guard));
  try {
    if (isDead(await ownerOf(path))) await rm(path, { force: true });
    if (!(await create(path))) throw inUse(folder, path, await ownerOf(path));
  } finally {
    await rm(guard, { force: true });
  }
}

/** Makes a file with the number of this process. Returns false if the file exists already. */
async function create(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function ownerOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** A file without a number was made by a process that is just starting. */
function isDead(owner: string): boolean {
  return /^\d+$/.test(owner) && (Number(owner) === process.pid || !isRunning(Number(owner)));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inUse(folder: string, file: string, owner: string): FileError {
  const hint = `End process ${owner || '(it is starting)'}, or choose another folder.`;
  return new FileError(`The data folder ${folder} is in use. ${hint} If no such server runs, delete ${file}.`);
}
