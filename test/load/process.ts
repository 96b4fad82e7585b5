/** What Linux tells of a process: memory and time. Elsewhere nothing. */
import { readFile, writeFile } from 'node:fs/promises';

/** Of one process, now. */
export interface Usage {
  /** Resident memory, bytes. */
  readonly resident: number;
  /** The most that it was since {@link resetPeak}, bytes. */
  readonly peak: number;
  /** CPU used so far, ms. */
  readonly cpu: number;
}

/** `undefined` where there is no /proc. */
export async function usageOf(pid: number): Promise<Usage | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
    const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
    // Ticks of 10 ms: what every Linux that Node runs on has.
    return { resident: kib('VmRSS'), peak: kib('VmHWM'), cpu: (Number(fields[11]) + Number(fields[12])) * 10 };
  } catch {
    return undefined;
  }
}

/** Lets the peak begin anew. */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => {});
}
