#!/usr/bin/env node
// The command oss-append-local.

import { run } from './command.ts';

const ended = new Promise<void>((resolve) => {
  // After the first signal, the usual effect of the second one is back: it ends the process at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
});

// The reader of the output may leave, as `head -1` does. The server still serves then, and prints nothing.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

process.exitCode = await run(process.argv.slice(2), {
  out: (line) => console.log(line),
  err: (line) => console.error(line),
  now: () => Date.now(),
  ended,
});
// The delay of a fault, such as commit-late, would keep the process alive until it has passed.
setTimeout(() => process.exit(), 500).unref();
