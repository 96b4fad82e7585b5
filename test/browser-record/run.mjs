// `npm run test:browser-record` records the fake cameras of real browsers into objects, and brings a page back from the back/forward cache.
// It prints "N passed, N failed" at the end, and "not run" with the reason for what a browser does not have.
//
//   npm run test:browser-record -- test/browser-record/return.check.ts   this file only (arguments go to vitest)
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findBrowsers } from '../../.ci/browsers.mjs';
import { install, onCi, root, run } from '../../.ci/project.mjs';

const RESULTS = join(root, 'build/browser-record-results.json');

function check(args) {
  rmSync(RESULTS, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const ok = run(process.execPath, [
    cli,
    'run',
    '--config',
    'test/browser-record/vitest.config.ts',
    ...reporters,
    ...args,
  ]);
  const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : { testResults: [] };
  for (const { status, fullName } of results.testResults.flatMap(({ assertionResults }) => assertionResults))
    if (status !== 'passed' && status !== 'failed') console.log(`not run: ${fullName}`);
  const { numPassedTests: passed = 0, numFailedTests = 0 } = results;
  return { passed, failed: numFailedTests || (ok && passed > 0 ? 0 : 1) };
}

let counts = { passed: 0, failed: 1 };
try {
  install();
  const { chromium, firefox } = await findBrowsers();
  for (const [name, found] of Object.entries({ Chromium: chromium, Firefox: firefox }))
    if (!found) console.log(`not run: ${name}, which was not found`);
  counts = check(process.argv.slice(2));
  if (!(chromium && firefox) && onCi) counts.failed += 1;
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.message : error}`);
}
process.exitCode = counts.failed === 0 ? 0 : 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
