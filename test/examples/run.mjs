// `npm run test:examples` builds and runs each example of demo/examples with LocalOss: pages in Chromium, the Worker in
// workerd, and the servers in Deno and Bun. It prints "N passed, N failed" at the end.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium, installCommand } from '../../.ci/chromium.mjs';
import { onCi, root, run } from '../../.ci/project.mjs';
import { prepare } from '../../demo/examples/start.mjs';

const RESULTS = join(root, 'build/examples-results.json');

/** Runs vitest and returns its counts. What it reports besides tests counts as one failure. */
function check() {
  rmSync(RESULTS, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const ok = run(process.execPath, [cli, 'run', '--config', 'test/examples/vitest.config.ts', ...reporters]);
  const results = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {};
  const { numPassedTests: passed = 0, numFailedTests = 0 } = results;
  return { passed, failed: numFailedTests || (ok && passed > 0 ? 0 : 1) };
}

let counts = { passed: 0, failed: 1 };
try {
  prepare();
  const chromium = await findChromium();
  process.env.OSS_APPEND_CHROMIUM = chromium ?? 'none';
  if (!chromium)
    console.log(`not run: the pages and the extension, because no Chromium was found. ${installCommand()}`);
  counts = check();
  if (!chromium && onCi) counts.failed += 1;
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.message : error}`);
}
process.exitCode = counts.failed === 0 ? 0 : 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
