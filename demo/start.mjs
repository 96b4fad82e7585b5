// `npm start`: from a bare clone to the demo in a browser. Installs and builds what is needed, then serves.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, npm, root } from '../.ci/project.mjs';

const server = join(root, 'build/demo/server.mjs');

try {
  install();
  if (!npm('run', '--silent', 'build')) throw new Error('the build failed: see above');
  if (!existsSync(server)) throw new Error('the build made no demo: demo/server.ts is missing');
  // The server runs in this process, so that Ctrl-C ends it, and believes itself the program: it listens and prints its URL.
  process.argv[1] = server;
  await import(pathToFileURL(server).href);
} catch (error) {
  console.error(`Cannot start the demo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
