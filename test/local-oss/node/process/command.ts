/** Runs the compiled command oss-append-local as a process. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../../../..', import.meta.url));

/** A running command. */
export interface Command {
  readonly child: ChildProcessWithoutNullStreams;
  /** The variables that it printed. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything that it printed as a warning. */
  readonly warnings: () => string;
}

/** Starts the command, and resolves when it listens. Rejects with what it printed if it ends before that. */
export async function startCommand(args: readonly string[]): Promise<Command> {
  const child = spawn(process.execPath, [join(root, 'dist/testing/node/bin.js'), '--port', '0', ...args]);
  // A test that fails leaves no process behind.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let [out, err] = ['', ''];
  child.stderr.on('data', (text: Buffer) => {
    err += text;
  });
  const listening = new Promise<void>((resolve) => {
    child.stdout.on('data', (text: Buffer) => {
      out += text;
      if (out.includes('Ctrl-C ends it')) resolve();
    });
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the command ended with code ${code}: ${err}`);
  });
  await Promise.race([listening, ended]);
  // The test that killed the command waits for its end itself.
  ended.catch(() => {});
  const env = Object.fromEntries([...out.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
  return { child, env, warnings: () => err };
}
