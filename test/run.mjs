// `npm test`: from a bare clone to one closing line, "N passed, N failed". Needs nothing but Node 20 and npm.
//
//   npm test                              installs what is missing, builds, checks types and style, runs every test
//   npm test -- test/unit/crc64.test.ts   builds and runs these tests (arguments go to vitest)
//
//   OSS_APPEND_CHROMIUM=/path/to/chrome   the browser to use; "none" leaves the browser tests out
//   CI=true                               a missing browser is a failure
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium, installChromium, installCommand } from '../.ci/chromium.mjs';
import { install, npmLater, onCi, root, run } from '../.ci/project.mjs';

const RESULTS = 'build/test-results.json';

/** A step that is no test: it counts only where it fails. */
async function step(name, script = name) {
  const ok = await npmLater('run', '--silent', script);
  console.log(`== ${name}: ${ok ? 'done' : `failed (npm run ${script})`}`);
  return { passed: 0, failed: ok ? 0 : 1 };
}

/** Finds or installs the browser and leaves its path in the environment for the tests. */
async function browser({ mayInstall }) {
  let path = await findChromium();
  if (!path && mayInstall && installChromium()) path = await findChromium();
  process.env.OSS_APPEND_CHROMIUM = path ?? 'none';
  console.log(path ? `Browser: ${path}` : 'not run: browser tests (no Chromium)');
  if (!path) console.log(`To install one: ${installCommand()}`);
  return { passed: 0, failed: !path && onCi ? 1 : 0 };
}

/** Skipped tests are named, so that none goes unnoticed. */
function printSkipped(files) {
  for (const { assertionResults } of files)
    for (const { status, fullName } of assertionResults)
      if (status !== 'passed' && status !== 'failed') console.log(`not run: ${fullName}`);
}

function readResults() {
  if (!existsSync(join(root, RESULTS))) return { passed: 0, failed: 1 };
  const results = JSON.parse(readFileSync(join(root, RESULTS), 'utf8'));
  printSkipped(results.testResults);
  // A file that cannot be loaded has failed without a single test.
  const broken = results.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.length,
  );
  return { passed: results.numPassedTests, failed: results.numFailedTests + broken.length };
}

/** Runs vitest. What it reports besides tests (an unhandled rejection, no test at all) counts as one failure. */
function vitest(args) {
  console.log('\n== test');
  rmSync(join(root, RESULTS), { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const ok = run(process.execPath, [cli, 'run', '--config', 'test/vitest.config.ts', ...reporters, ...args]);
  const { passed, failed } = readResults();
  return { passed, failed: failed || (ok && passed > 0 ? 0 : 1) };
}

async function* steps(args) {
  install();
  // CI has the runtimes too. Before the tests: several look for them.
  if (onCi) install('test/runtimes');
  // The whole suite may bring its browser; a run of chosen tests takes the one that is there.
  yield await browser({ mayInstall: onCi || args.length === 0 });
  // The build compiles the sources of the library, so only the rest is checked beside it.
  yield* await Promise.all([step('build'), ...(args.length === 0 ? [step('types and style', 'check:rest')] : [])]);
  yield vitest(args);
}

let passed = 0;
let failed = 0;
try {
  for await (const counts of steps(process.argv.slice(2))) {
    passed += counts.passed;
    failed += counts.failed;
  }
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.message : error}`);
  failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
console.log(`\n${passed} passed, ${failed} failed`);
