// Runs a program and reads what it prints. The server of the tests lives in this process, so it must not be blocked.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Resolves to everything that the program prints. Rejects if it cannot be started. */
export async function outputOf(command, args, { cwd, env }) {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      text += data;
    });
  }
  await once(child, 'close');
  return text;
}
