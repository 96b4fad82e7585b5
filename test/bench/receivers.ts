// Starts receivers, each in its own process, and ends them.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Link } from './receiver.ts';

/** A running receiver. */
export interface Receiver {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** Returns the number of requests since the last call. */
  counts(): Promise<{ readonly requests: number; readonly preflights: number }>;
  close(): void;
}

export async function startReceiver(link: Link = {}): Promise<Receiver> {
  const child = fork(beside('receiver.mjs'), [JSON.stringify(link)]);
  const { port } = await answerOf<{ port: number }>(child);
  const counts = () => {
    child.send('counts');
    return answerOf<{ requests: number; preflights: number }>(child);
  };
  return { url: `http://127.0.0.1:${port}`, counts, close: () => child.disconnect() };
}

/** Starts one receiver for each link, runs `work` with them, and ends them. */
export async function withReceivers<T>(
  links: readonly Link[],
  work: (receivers: readonly Receiver[]) => Promise<T>,
): Promise<T> {
  const receivers = await Promise.all(links.map(startReceiver));
  try {
    return await work(receivers);
  } finally {
    for (const receiver of receivers) receiver.close();
  }
}

/** Resolves to the next message of a child process. Rejects when the process ends before it sends one. */
export function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a process of the benchmark ended with code ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as T);
    });
  });
}

export function beside(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
