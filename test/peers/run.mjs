// `npm run test:peers` checks LocalOss with clients by other authors. The clients have their own lock file in this
// folder, and this script installs them. It prints "N passed, N failed" at the end.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { install, npm, root, run } from '../../.ci/project.mjs';

const FOLDER = 'test/peers';
const RESULTS = 'build/test-results-peers.json';

const readJson = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));

/** Returns true when every package is installed in the version of the lock file. */
function hasPeers() {
  if (!existsSync(join(root, FOLDER, 'node_modules/.package-lock.json'))) return false;
  const { '': _, ...wanted } = readJson(`${FOLDER}/package-lock.json`).packages;
  const { packages: installed } = readJson(`${FOLDER}/node_modules/.package-lock.json`);
  return Object.entries(wanted).every(
    ([path, { version }]) =>
      installed[path]?.version === version && existsSync(join(root, FOLDER, path, 'package.json')),
  );
}

function installPeers() {
  if (hasPeers()) return;
  console.log(`Installing the peers: npm ci in ${FOLDER}`);
  if (!npm('ci', '--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund')) throw new Error('npm ci failed');
}

function readCounts() {
  if (!existsSync(join(root, RESULTS))) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numPendingTests, success } = readJson(RESULTS);
  if (numPendingTests > 0) console.log(`not run: ${numPendingTests} tests that are marked as skipped`);
  // A problem outside of the tests counts as one failure: a file cannot be loaded, or there is no test at all.
  return { passed: numPassedTests, failed: numFailedTests || (success && numPassedTests > 0 ? 0 : 1) };
}

function vitest(args) {
  rmSync(join(root, RESULTS), { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${join(root, RESULTS)}`];
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const ok = run(process.execPath, [cli, 'run', '--config', `${FOLDER}/vitest.config.ts`, ...reporters, ...args]);
  const { passed, failed } = readCounts();
  return { passed, failed: failed || (ok ? 0 : 1) };
}

function main(args) {
  install();
  installPeers();
  const typed = run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', FOLDER]);
  if (!typed) console.error(`failed: the type check (tsc -p ${FOLDER})`);
  const { passed, failed } = vitest(args);
  return { passed, failed: failed + (typed ? 0 : 1) };
}

let counts = { passed: 0, failed: 1 };
try {
  counts = main(process.argv.slice(2));
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.message : error}`);
}
process.exitCode = counts.failed === 0 ? 0 : 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
