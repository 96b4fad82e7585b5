// Functions that all scripts of the project share: they find the project, run npm, and check if the packages are
// installed. This file has no dependencies, because it must run in a bare clone, on Node 20 and on every system.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the project. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** True on CI, where a missing browser or runtime is a failure. */
export const onCi = !['', '0', 'false'].includes(process.env.CI ?? '');

/** Returns the environment of the commands. Without NO_COLOR, some tools write colour codes into files and pipes. */
const environment = () =>
  process.stdout.isTTY || process.env.FORCE_COLOR ? process.env : { NO_COLOR: '1', ...process.env };

/** Runs a command in the folder of the project, with our output and no input. Returns true when it succeeded. */
export function run(command, args, { env, shell = false } = {}) {
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...environment(), ...env }, shell };
  const { status, error } = spawnSync(command, args, options);
  if (error) console.error(`Cannot run ${command}: ${error.message}`);
  return status === 0;
}

/**
 * Returns the npm that started this process, or else the npm on the PATH. On Windows, the npm on the PATH is a .cmd
 * file, which needs a shell.
 */
function npmCommand(args) {
  const cli = process.env.npm_execpath ?? '';
  if (basename(cli) === 'npm-cli.js') return { command: process.execPath, args: [cli, ...args], shell: false };
  return { command: 'npm', args, shell: process.platform === 'win32' };
}

/** Runs npm with our output and no input. Returns true when it succeeded. */
export function npm(...options) {
  const { command, args, shell } = npmCommand(options);
  return run(command, args, { shell });
}

/**
 * Starts npm, and prints its output when it has ended. So the outputs of several commands that run at the same time do
 * not mix. Resolves to true if npm succeeded.
 */
export async function npmLater(...options) {
  const { command, args, shell } = npmCommand(options);
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: environment(), shell });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => output.push(data));
  const [status] = await once(child, 'close').catch((error) => [`Cannot run ${command}: ${error.message}`]);
  process.stdout.write(Buffer.concat(output));
  if (typeof status === 'string') console.error(status);
  return status === 0;
}

function packagesIn(lockFile) {
  return Object.entries(JSON.parse(readFileSync(join(root, lockFile), 'utf8')).packages).filter(
    ([path]) => path !== '',
  );
}

/**
 * Returns true when node_modules contains the packages of the lock file. It compares versions and not dates, because a
 * checkout gives every file a new date.
 */
export function isInstalled(folder = '.') {
  if (!existsSync(join(root, folder, 'node_modules/.package-lock.json'))) return false;
  const installed = new Map(packagesIn(join(folder, 'node_modules/.package-lock.json')));
  for (const [path, { version, optional }] of packagesIn(join(folder, 'package-lock.json'))) {
    const there = installed.get(path);
    if (there ? there.version !== version : !optional) return false;
  }
  return [...installed.keys()].every((path) => existsSync(join(root, folder, path, 'package.json')));
}

/**
 * Runs `npm ci` if packages are missing, in the project or in one of its folders with a separate lock file.
 *
 * @throws Error if `npm ci` fails.
 */
export function install(folder = '.', ...options) {
  if (isInstalled(folder)) return;
  const where = folder === '.' ? [] : ['--prefix', folder];
  console.log(['Installing packages: npm ci', ...where].join(' '));
  // The tools are development dependencies. Without this option, npm skips them when NODE_ENV is "production".
  if (!npm('ci', ...where, ...options, '--include=dev', '--no-audit', '--no-fund'))
    throw new Error('npm ci failed; its output above says why');
}
