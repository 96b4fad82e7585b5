// Starts browsers without an attached debugger, and measures the memory of all their processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SWITCHES = [
  '--headless=new',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-extensions',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

/** A running browser. */
export interface Browser {
  /** Rejects when the browser process ends. */
  readonly ended: Promise<never>;
  close(): Promise<void>;
  /**
   * Memory of all processes of the browser in bytes. Memory that the processes share is counted once.
   * Returns undefined on systems without `/proc` (only Linux has it).
   */
  memory(): number | undefined;
}

export function startChromium(path: string, url: string): Browser {
  return start(path, (profile) => [...SWITCHES, `--user-data-dir=${profile}`, url]);
}

export function startFirefox(path: string, url: string): Browser {
  return start(path, (profile) => ['--headless', '--no-remote', '--profile', profile, url]);
}

function start(path: string, args: (profile: string) => readonly string[]): Browser {
  const profile = mkdtempSync(join(tmpdir(), 'oss-append-bench-'));
  const child = spawn(path, args(profile), { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ended = exited.then(() => {
    throw new Error('the browser ended');
  });
  ended.catch(() => {});
  const close = async () => {
    child.kill();
    await exited;
    // The child processes of the browser may still write to the profile for a moment, so the removal is retried.
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }).catch(() => {});
  };
  return { ended, close, memory: () => memoryOf(child) };
}

function memoryOf({ pid }: ChildProcess): number | undefined {
  try {
    return familyOf(pid ?? 0).reduce((sum, member) => sum + sharedOutMemory(member), 0);
  } catch {
    return undefined;
  }
}

function familyOf(first: number): number[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(name)]),
  );
  const family = [first];
  for (const member of family) for (const [pid, parent] of parents) if (parent === member) family.push(pid);
  return family;
}

function parentOf(pid: string): number {
  const stat = readOr(`/proc/${pid}/stat`);
  // The process name may contain spaces and parentheses. The fields after it are the state and the parent's id.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function sharedOutMemory(pid: number): number {
  return Number(/^Pss: +(\d+) kB/m.exec(readOr(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
}

/** Returns an empty string when the file is gone, because a process may end while we read about it. */
function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
