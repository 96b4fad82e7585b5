// `npm run test:tus` tests the edge in every runtime that this machine has: first with the tests of test/edge that start
// runtimes, then with clients that others wrote. The options are described in main.ts.
import { spawnSync } from 'node:child_process';
import { install, onCi, root, run } from '../../.ci/project.mjs';
import { conclude, load, vitest } from '../../.ci/suite.mjs';

function hasClient(python) {
  return spawnSync(python, ['-c', 'import tusclient.client'], { timeout: 60_000 }).status === 0;
}

/** Returns a Python that has the client. It is a package of Debian. In CI, a missing one is installed. */
function findPython() {
  const find = () => ['python3', '/usr/bin/python3'].find(hasClient);
  if (!find() && onCi && process.getuid?.() === 0) run('apt-get', ['install', '-y', 'python3-tuspy']);
  return find();
}

await conclude(async function* () {
  install();
  install('test/runtimes');
  yield vitest('test/tus/vitest.config.ts', []);
  const { main } = await load('test/tus/main.ts');
  yield await main({ root, python: findPython() });
});
