// `npm run test:package` packs the library, installs the tarball into empty projects outside the repository, and uses
// it there like an application. It prints "N passed, N failed" at the end. It needs the npm registry.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { install, root } from '../../.ci/project.mjs';
import { conclude, needChromium, vitest } from '../../.ci/suite.mjs';

/** Runs npm in a folder and returns its output. The output is part of the error when npm fails. */
function npmIn(folder, ...args) {
  const cli = process.env.npm_execpath ?? '';
  const [command, first] = basename(cli) === 'npm-cli.js' ? [process.execPath, [cli]] : ['npm', []];
  const options = { cwd: folder, encoding: 'utf8', shell: command === 'npm' && process.platform === 'win32' };
  const { status, stdout, stderr } = spawnSync(command, [...first, ...args], options);
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed in ${folder}:\n${stdout}${stderr}`);
  return stdout;
}

/**
 * Returns the path of the tarball that `npm publish` would send. The folder dist is deleted first, because the script
 * `prepack` must build it.
 */
function pack(folder) {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
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

await conclude(async function* () {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'oss-append-package-')));
  try {
    install();
    yield await needChromium('the package in a browser');
    const tarball = pack(folder);
    makeProjects(folder, tarball);
    const env = { OSS_APPEND_PACKAGE: folder, OSS_APPEND_TARBALL: tarball };
    yield vitest('test/package/vitest.config.ts', [], { env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
