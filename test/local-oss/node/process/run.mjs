// `npm run test:local` compiles the library and runs what needs whole processes: the command that is killed in the middle
// of its work, and the examples of docs/local.md with their test runners. It prints "N passed, N failed" at the end.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium, installCommand } from '../../../../.ci/chromium.mjs';
import { install, onCi, root, run } from '../../../../.ci/project.mjs';

const RESULTS = join(root, 'build/local-results.json');
const node = (...args) =>
  run(
    process.execPath,
    args.map((arg) => (arg.includes('/') ? join(root, arg) : arg)),
  );

/** Compiles into dist. The bundles and the demo are not needed here. */
function compile() {
  return ['src/tsconfig.json', 'src/testing/node/tsconfig.json'].every((config) =>
    node('node_modules/typescript/bin/tsc', '-p', config),
  );
}

function check() {
  rmSync(RESULTS, { force: true });
  const config = 'test/local-oss/node/process/vitest.config.ts';
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const ok = run(process.execPath, [cli, 'run', '--config', config, ...reporters, ...process.argv.slice(2)]);
  const { numPassedTests: passed = 0, numFailedTests = 0 } = existsSync(RESULTS)
    ? JSON.parse(readFileSync(RESULTS, 'utf8'))
    : {};
  return { passed, failed: numFailedTests || (ok && passed > 0 ? 0 : 1) };
}

async function main() {
  install();
  const chromium = await findChromium();
  process.env.OSS_APPEND_CHROMIUM = chromium ?? 'none';
  if (!chromium) console.log(`not run: the Playwright example (no Chromium). Install it: ${installCommand()}`);
  if (!compile()) throw new Error('the library does not compile; the output above says why');
  const { passed, failed } = check();
  return { passed, failed: failed + (!chromium && onCi ? 1 : 0) };
}

let counts = { passed: 0, failed: 1 };
try {
  counts = await main();
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.message : error}`);
}
process.exitCode = counts.failed === 0 ? 0 : 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
