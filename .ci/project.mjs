// What the commands of a bare clone share: where the project is, how npm is run, whether the packages are installed.
// No dependencies: this runs before anything is installed, on Node 20, on every system.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** True on CI, where whatever is missing is a failure. */
export const onCi = !['', '0', 'false'].includes(process.env.CI ?? '');

/** The environment of what we run. Biome, Vitest and others colour a log file or a pipe unless told not to. */
const environment = () =>
  process.stdout.isTTY || process.env.FORCE_COLOR ? process.env : { NO_COLOR: '1', ...process.env };

/** Runs a command in the project's folder with our output and no input; true where it succeeded. */
export function run(command, args, { env, shell = false } = {}) {
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...environment(), ...env }, shell };
  const { status, error } = spawnSync(command, args, options);
  if (error) console.error(`Cannot run ${command}: ${error.message}`);
  return status === 0;
}

/** Runs the npm that started us, or else the one on the PATH (a .cmd file on Windows, which wants a shell). */
export function npm(...args) {
  const cli = process.env.npm_execpath ?? '';
  if (basename(cli) === 'npm-cli.js') return run(process.execPath, [cli, ...args]);
  return run('npm', args, { shell: process.platform === 'win32' });
}

function packagesIn(lockFile) {
  return Object.entries(JSON.parse(readFileSync(join(root, lockFile), 'utf8')).packages).filter(
    ([path]) => path !== '',
  );
}

/** True where node_modules holds what the lock file says. By content: a checkout gives every file a new date. */
export function isInstalled(folder = '.') {
  if (!existsSync(join(root, folder, 'node_modules/.package-lock.json'))) return false;
  const installed = new Map(packagesIn(join(folder, 'node_modules/.package-lock.json')));
  for (const [path, { version, optional }] of packagesIn(join(folder, 'package-lock.json'))) {
    const there = installed.get(path);
    if (there ? there.version !== version : !optional) return false;
  }
  return [...installed.keys()].every((path) => existsSync(join(root, folder, path, 'package.json')));
}

/** Runs `npm ci` where it is needed, in the project or in one of its folders that has packages of its own; throws where it fails. */
export function install(folder = '.') {
  if (isInstalled(folder)) return;
  const where = folder === '.' ? [] : ['--prefix', folder];
  console.log(['Installing packages: npm ci', ...where].join(' '));
  // The tools are development dependencies: they are needed under NODE_ENV=production too.
  if (!npm('ci', ...where, '--include=dev', '--no-audit', '--no-fund')) throw new Error('npm ci failed: see above');
}
