// `npm run test:demo` drives the demo in a browser. It builds the page first, and prints "N passed, N failed" at the end.
//
//   npm run test:demo                                all files
//   npm run test:demo -- test/demo/static.check.ts   these files (arguments go to vitest)
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium, installCommand } from '../../.ci/chromium.mjs';
import { install, npm, onCi, root, run } from '../../.ci/project.mjs';

const RESULTS = join(root, 'build/demo-results.json');

function check(args) {
  rmSync(RESULTS, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const ok = run(process.execPath, [cli, 'run', '--config', 'test/demo/vitest.config.ts', ...reporters, ...args]);
  const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : { testResults: [] };
  for (const { status, fullName } of results.testResults.flatMap(({ assertionResults }) => assertionResults))
    if (status !== 'passed' && status !== 'failed') console.log(`not run: ${fullName}`);
  const { numPassedTests: passed = 0, numFailedTests = 0 } = results;
  return { passed, failed: numFailedTests || (ok && passed > 0 ? 0 : 1) };
}

let counts = { passed: 0, failed: 1 };
try {
  install();
  const chromium = await findChromium();
  process.env.OSS_APPEND_CHROMIUM = chromium ?? 'none';
  if (!chromium) console.log(`not run: the demo in Chromium, which was not found. Install it: ${installCommand()}`);
  if (!npm('run', '--silent', 'build')) throw new Error('the build failed; its output above says why');
  counts = check(process.argv.slice(2));
  if (!chromium && onCi) counts.failed += 1;
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.message : error}`);
}
process.exitCode = counts.failed === 0 ? 0 : 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
