// Runs uploads, each in its own process.
import { fork } from 'node:child_process';
import { answerOf, beside } from './receivers.ts';
import type { Job, Taken } from './uploader.ts';

export type { Job, Taken } from './uploader.ts';

export async function upload(job: Job): Promise<Taken> {
  const child = fork(beside('uploader.mjs'));
  try {
    child.send(job);
    const answer = await answerOf<Taken | { readonly error: string }>(child);
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  } finally {
    child.disconnect();
  }
}
