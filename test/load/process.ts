/** Reads the memory and the processor time of a process. This works only on Linux. */
import { readFile, writeFile } from 'node:fs/promises';

/** The current usage of one process. */
export interface Usage {
  /** Resident memory in bytes. */
  readonly resident: number;
  /** The highest resident memory since {@link resetPeak}, in bytes. */
  readonly peak: number;
  /** The processor time since the process started, in ms. */
  readonly cpu: number;
}

/** Returns undefined when the system has no `/proc`, or when the process has ended. */
export async function usageOf(pid: number): Promise<Usage | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
    const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
    // The kernel counts in ticks. A tick is 10 ms on every Linux system that Node supports.
    return { resident: kib('VmRSS'), peak: kib('VmHWM'), cpu: (Number(fields[11]) + Number(fields[12])) * 10 };
  } catch {
    return undefined;
  }
}

/** Sets the peak back to the current resident memory. */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => {});
}
