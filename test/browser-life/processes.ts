/** Finds the processes of a browser that run pages, and kills them. It reads /proc, so it works on Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, parent = '0'] = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        return []; // The process has ended.
      }
    });
}

/** Kills the processes of pages below this process: Chromium's renderers and Firefox's content processes. Returns how many. */
export function killPages(): number {
  const all = processes();
  const below = new Set([process.pid]);
  for (let size = 0; size !== below.size; ) {
    size = below.size;
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid);
  }
  const pages = all.filter(
    ({ pid, command }) => below.has(pid) && (/--type=renderer/.test(command) || /-contentproc .*\btab\b/.test(command)),
  );
  for (const { pid } of pages) process.kill(pid, 'SIGKILL');
  return pages.length;
}
