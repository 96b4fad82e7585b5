// Finds the Chromium for the browser tests, and installs one if necessary. This file has no dependencies. It looks for
// the Chromium of Playwright only when Playwright is installed.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { onCi, root, run } from './project.mjs';

// The first variable that is set counts. The value "none" means that the tests run without a browser.
const VARIABLES = ['OSS_APPEND_CHROMIUM', 'CHROMIUM_PATH'];

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge'];

/** Returns the usual paths of browsers on the current operating system. */
function wellKnownPaths({ ProgramFiles, 'ProgramFiles(x86)': x86, LOCALAPPDATA } = process.env) {
  const apps = ['Google Chrome', 'Chromium', 'Microsoft Edge'];
  if (process.platform === 'darwin') return apps.map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
  if (process.platform !== 'win32') return ['/opt/google/chrome/chrome', '/snap/bin/chromium'];
  const programs = ['Google\\Chrome\\Application\\chrome.exe', 'Microsoft\\Edge\\Application\\msedge.exe'];
  return [ProgramFiles, x86, LOCALAPPDATA].flatMap((folder) =>
    folder ? programs.map((name) => join(folder, name)) : [],
  );
}

function pathsOnPath() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...(process.platform === 'linux' ? ['/usr/bin'] : [])];
  return process.platform === 'win32' ? [] : NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
}

async function playwrightPath() {
  try {
    return [(await import('playwright')).chromium.executablePath()];
  } catch {
    return []; // Playwright is not installed yet, or it has no browser for this system.
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Returns true when the browser runs. On Ubuntu, `chromium-browser` can be a script that only advises to install a
 * snap. On other systems, libraries for the browser can be missing.
 */
function starts(path) {
  if (process.platform !== 'linux') return true; // On Windows, the check would open a window.
  return spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

/**
 * Returns the path of Chromium, Chrome or Edge, or undefined when none is installed.
 *
 * @throws Error if an environment variable contains a path without a program.
 */
export async function findChromium() {
  for (const name of VARIABLES) {
    const path = process.env[name];
    if (path === 'none') return undefined;
    if (path && !isExecutable(path)) throw new Error(`${name} is "${path}", but there is no program at this path`);
    if (path) return path;
  }
  const candidates = [...(await playwrightPath()), ...pathsOnPath(), ...wellKnownPaths()];
  return candidates.find((path) => isExecutable(path) && starts(path));
}

const isRoot = process.getuid?.() === 0;
const APT_INSTALL = 'apt-get install -y --no-install-recommends chromium';
const hasApt = () => process.platform === 'linux' && existsSync('/usr/bin/apt-get');

/**
 * Installs Chromium with apt-get when this runs as root, or else with Playwright on CI. It installs nothing when an
 * environment variable names a browser. Returns true when an installation succeeded.
 */
export function installChromium() {
  if (VARIABLES.some((name) => process.env[name])) return false;
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  if (isRoot && hasApt()) {
    console.log(`Installing a browser: ${APT_INSTALL}`);
    const apt = (line) => run('apt-get', line.split(' ').slice(1), { env });
    if (apt('apt-get update -q') && apt(APT_INSTALL)) return true;
  }
  // The Chromium package of Ubuntu needs a snap, and other systems have no apt. Playwright has its own Chromium.
  return onCi && run(process.execPath, [join(root, 'node_modules/playwright/cli.js'), 'install', 'chromium']);
}

/** Returns the command with which a developer can install Chromium. */
export function installCommand() {
  return hasApt() ? `sudo apt-get update && sudo ${APT_INSTALL}` : 'npx playwright install chromium';
}
