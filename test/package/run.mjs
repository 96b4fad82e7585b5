// `npm run test:package` packs the library, installs the tarball into empty projects outside the repository, and uses
// it there like an application. It prints "N passed, N failed" at the end. It needs the npm registry.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findChromium, installCommand } from '../../.ci/chromium.mjs';
import { install, npm, onCi, root, run } from '../../.ci/project.mjs';

const RESULTS = join(root, 'build/package-results.json');

/** Runs npm in a folder and returns its output. The output is part of the error when npm fails. */
function npmIn(folder, ...args) {
  const cli = process.env.npm_execpath ?? '';
  const [command, first] = basename(cli) === 'npm-cli.js' ? [process.execPath, [cli]] : ['npm', []];
  const options = { cwd: folder, encoding: 'utf8', shell: command === 'npm' && process.platform === 'win32' };
  const { status, stdout, stderr } = spawnSync(command, [...first, ...args], options);
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed in ${folder}:\n${stdout}${stderr}`);
  return stdout;
}

/** Builds the library and returns the path of the tarball that `npm publish` would send. */
function pack(folder) {
  if (!npm('run', '--silent', 'build')) throw new Error('the build failed; its output above says why');
  const [{ filename }] = JSON.parse(npmIn(root, 'pack', '--json', '--pack-destination', folder));
  return join(folder, filename);
}

/** Creates a project with tools, and a project with only the package. */
function makeProjects(folder, tarball) {
  const quiet = ['--no-audit', '--no-fund'];
  const [project, empty] = ['project', 'empty'].map((name) => join(folder, name));
  cpSync(join(root, 'test/package/project'), project, { recursive: true });
  npmIn(project, 'ci', ...quiet);
  npmIn(project, 'install', '--no-save', '--no-package-lock', ...quiet, tarball);
  mkdirSync(empty);
  writeFileSync(join(empty, 'package.json'), '{ "private": true, "type": "module" }');
  npmIn(empty, 'install', ...quiet, tarball);
}

function check(folder, tarball) {
  rmSync(RESULTS, { force: true });
  const env = { OSS_APPEND_PACKAGE: folder, OSS_APPEND_TARBALL: tarball };
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const ok = run(process.execPath, [cli, 'run', '--config', 'test/package/vitest.config.ts', ...reporters], { env });
  const { numPassedTests: passed = 0, numFailedTests = 0 } = existsSync(RESULTS)
    ? JSON.parse(readFileSync(RESULTS, 'utf8'))
    : {};
  return { passed, failed: numFailedTests || (ok && passed > 0 ? 0 : 1) };
}

async function main(folder) {
  install();
  const chromium = await findChromium();
  process.env.OSS_APPEND_CHROMIUM = chromium ?? 'none';
  if (!chromium)
    console.log(`not run: the package in a browser, because no Chromium was found. Install it: ${installCommand()}`);
  const tarball = pack(folder);
  makeProjects(folder, tarball);
  const { passed, failed } = check(folder, tarball);
  return { passed, failed: failed + (!chromium && onCi ? 1 : 0) };
}

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'oss-append-package-')));
let counts = { passed: 0, failed: 1 };
try {
  counts = await main(folder);
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.message : error}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = counts.failed === 0 ? 0 : 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
