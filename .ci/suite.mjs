// The test commands of the project share this file. Each one counts tests, and its last line is "N passed, N failed".
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findChromium, installChromium, installCommand } from './chromium.mjs';
import { onCi, root, run } from './project.mjs';

/**
 * Runs a test command: a generator that yields counts of tests. Prints their sum and ends the process. An error that
 * the generator throws counts as one failure, and so does a command without any test.
 */
export async function conclude(suite) {
  let [passed, failed] = [0, 0];
  try {
    for await (const counts of suite()) {
      passed += counts.passed;
      failed += counts.failed;
    }
    if (passed + failed === 0) throw new Error('no test was run');
  } catch (error) {
    console.error(`failed: ${error instanceof Error ? error.stack : error}`);
    failed += 1;
  }
  // An open connection, for example to a browser whose tab was killed, would keep the process alive.
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`, () => process.exit(failed === 0 ? 0 : 1));
}

/**
 * Runs the tests of a vitest configuration, or only those that the arguments name. Returns their counts. Skipped tests
 * are named, so that none goes unnoticed.
 */
export function vitest(config, args = process.argv.slice(2), { env } = {}) {
  const results = join(root, 'build/results', `${basename(dirname(config))}.json`);
  rmSync(results, { force: true });
  const options = ['--config', config, '--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const ok = run(process.execPath, [cli, 'run', ...options, ...args], { env });
  const { passed, failed } = readCounts(results);
  // An error outside of the tests, such as an unhandled rejection, counts as one failure.
  return { passed, failed: failed || (ok && passed > 0 ? 0 : 1) };
}

function readCounts(results) {
  if (!existsSync(results)) return { passed: 0, failed: 1 };
  const { testResults: files, numPassedTests, numFailedTests } = JSON.parse(readFileSync(results, 'utf8'));
  for (const { status, fullName } of files.flatMap(({ assertionResults }) => assertionResults))
    if (status !== 'passed' && status !== 'failed') console.log(`not run: ${fullName}`);
  // A file that cannot be loaded has failed without a single test.
  const broken = files.filter(({ status, assertionResults }) => status === 'failed' && !assertionResults.length);
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}

/**
 * Bundles a program and imports it. Node 20 cannot run TypeScript, so the programs of the tests are bundled.
 *
 * @param entry the path of the program, from the folder of the project
 */
export async function load(entry, { plugins = [] } = {}) {
  const { build } = await import('esbuild');
  const outfile = join(root, 'build', entry.replace(/\.ts$/, '.mjs'));
  await build({
    ...{ absWorkingDir: root, entryPoints: [entry], outfile, bundle: true, format: 'esm', platform: 'node' },
    ...{ target: 'node20', packages: 'external', logLevel: 'warning', plugins },
  });
  process.chdir(root);
  return import(pathToFileURL(outfile).href);
}

/**
 * Puts the path of Chromium into the environment for the tests. If there is no Chromium, a message says which tests do
 * not run. On CI, a missing Chromium counts as one failure.
 *
 * @param what the tests that need it, for the message
 */
export async function needChromium(what, { mayInstall = false } = {}) {
  let path = await findChromium();
  if (!path && mayInstall && installChromium()) path = await findChromium();
  process.env.OSS_APPEND_CHROMIUM = path ?? 'none';
  if (!path) console.log(`not run: ${what}, because no Chromium was found. To install it: ${installCommand()}`);
  return { passed: 0, failed: !path && onCi ? 1 : 0 };
}
