// Holds a folder for one process. Two servers that write to one file would destroy it.

import { readFile, rm, writeFile } from 'node:fs/promises';
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
  const path = join(folder, 'lock');
  if (held.has(path)) throw inUse(folder, String(process.pid));
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
  for (;;) {
    const error = await writeFile(path, String(process.pid), { flag: 'wx' }).catch((reason: unknown) => reason);
    if (error === undefined) return;
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const owner = await readFile(path, 'utf8').catch(() => '');
    // A file without a number was made by a process that is just starting.
    if (!/^\d+$/.test(owner) || (Number(owner) !== process.pid && isRunning(Number(owner)))) throw inUse(folder, owner);
    await rm(path, { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inUse(folder: string, owner: string): FileError {
  const file = join(folder, 'lock');
  const hint = `End process ${owner || '(it is starting)'}, or choose another folder.`;
  return new FileError(`The data folder ${folder} is in use. ${hint} If no such server runs, delete ${file}.`);
}
