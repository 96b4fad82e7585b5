// Where the browser tests find their Chromium, and how a machine without one gets it.
// No dependencies: Playwright's own copy is looked up only where Playwright is installed.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { onCi, root, run } from './project.mjs';

// The first one counts. The value "none" stands for a machine without a browser.
const VARIABLES = ['OSS_APPEND_CHROMIUM', 'CHROMIUM_PATH'];

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge'];

/** The usual places of each system. */
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
    return []; // not installed yet, or a system that Playwright has no browser for
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

/** Ubuntu's chromium-browser may be a script that only asks for a snap, and a browser may lack system libraries. */
function starts(path) {
  if (process.platform !== 'linux') return true; // Windows would open a window
  return spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

/** Finds a Chromium (or Chrome, or Edge): its path, or undefined. Throws where an environment variable names no program. */
export async function findChromium() {
  for (const name of VARIABLES) {
    const path = process.env[name];
    if (path === 'none') return undefined;
    if (path && !isExecutable(path)) throw new Error(`${name} is "${path}", and no program is there`);
    if (path) return path;
  }
  const candidates = [...(await playwrightPath()), ...pathsOnPath(), ...wellKnownPaths()];
  return candidates.find((path) => isExecutable(path) && starts(path));
}

const isRoot = process.getuid?.() === 0;
const APT_INSTALL = 'apt-get install -y --no-install-recommends chromium';
const hasApt = () => process.platform === 'linux' && existsSync('/usr/bin/apt-get');

/** Installs a Chromium where that is ours to do: as root with apt-get, or else on CI. True where a command succeeded. */
export function installChromium() {
  if (VARIABLES.some((name) => process.env[name])) return false;
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  if (isRoot && hasApt()) {
    console.log(`Installing a browser: ${APT_INSTALL}`);
    const apt = (line) => run('apt-get', line.split(' ').slice(1), { env });
    if (apt('apt-get update -q') && apt(APT_INSTALL)) return true;
  }
  // Ubuntu's apt has no Chromium (its package asks for a snap), other systems have no apt: take Playwright's.
  return onCi && run(process.execPath, [join(root, 'node_modules/playwright/cli.js'), 'install', 'chromium']);
}

/** The command that installs a Chromium, for people. */
export function installCommand() {
  return hasApt() ? `sudo apt-get update && sudo ${APT_INSTALL}` : 'npx playwright install chromium';
}
