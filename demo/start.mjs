// `npm start` runs the demo, also in a bare clone. It installs the packages, builds the page and the server, and starts
// them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, npm, root } from '../.ci/project.mjs';

const server = join(root, 'build/demo/server.mjs');

try {
  install();
  console.log('Building the library and the page …');
  if (!npm('run', '--silent', 'build')) throw new Error('the build failed; its output above says why');
  if (!existsSync(server)) throw new Error('the build made no demo, because demo/server.ts does not exist');
  // The server runs in this process, so that Ctrl-C ends it. It starts only if it is the main program, so its path
  // comes first.
  process.argv[1] = server;
  await import(pathToFileURL(server).href);
} catch (error) {
  console.error(`Cannot start the demo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
