// `npm run test:tus` tests the edge in every runtime that this machine has: first with the tests of test/edge that start
// runtimes, then with clients that others wrote. The options are described in main.ts.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, onCi, root, run } from '../../.ci/project.mjs';

function hasClient(python) {
  return spawnSync(python, ['-c', 'import tusclient.client'], { timeout: 60_000 }).status === 0;
}

/** Returns a Python that has the client. It is a package of Debian. In CI, a missing one is installed. */
function findPython() {
  const find = () => ['python3', '/usr/bin/python3'].find(hasClient);
  if (!find() && onCi && process.getuid?.() === 0) run('apt-get', ['install', '-y', 'python3-tuspy']);
  return find();
}

/** Runs the tests of test/edge that start runtimes, and returns how many passed and failed. */
function testRuntimes() {
  const results = join(root, 'build/tus/runtimes.json');
  rmSync(results, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const ok = run(process.execPath, [cli, 'run', '--config', 'test/tus/vitest.config.ts', ...reporters]);
  if (!existsSync(results)) return { passed: 0, failed: 1 };
  const { numPassedTests: passed, numFailedTests } = JSON.parse(readFileSync(results, 'utf8'));
  return { passed, failed: numFailedTests || (ok && passed > 0 ? 0 : 1) };
}

let counts = { passed: 0, failed: 0 };
try {
  install();
  install('test/runtimes');
  const { build } = await import('esbuild');
  const outfile = join(root, 'build/tus/main.mjs');
  await build({
    ...{ absWorkingDir: root, entryPoints: ['test/tus/main.ts'], outfile, bundle: true, format: 'esm' },
    ...{ platform: 'node', target: 'node20', packages: 'external', logLevel: 'warning' },
  });
  process.chdir(root);
  const { main } = await import(pathToFileURL(outfile).href);
  const ours = testRuntimes();
  const others = await main({ root, python: findPython() });
  counts = { passed: ours.passed + others.passed, failed: ours.failed + others.failed };
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.stack : error}`);
  counts.failed += 1;
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
