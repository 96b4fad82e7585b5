// Finds the browsers for `npm run test:runtimes`, and installs them on CI. The code for Chromium is in chromium.mjs.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findChromium, installChromium } from './chromium.mjs';
import { onCi, root, run } from './project.mjs';

const PACKAGES = ['firefox-esr', 'webkit2gtk-driver', 'xvfb', 'xauth'];
const FIREFOXES = ['firefox-esr', 'firefox', '/Applications/Firefox.app/Contents/MacOS/firefox'];
/** The paths of the test browser of WebKitGTK on Debian, Ubuntu and Fedora. */
const MINI_BROWSERS = [
  '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
  '/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
  '/usr/libexec/webkit2gtk-4.1/MiniBrowser',
];

function onPath(name) {
  if (name.includes('/')) return existsSync(name) ? name : undefined;
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Returns true when the program runs. On Ubuntu, `firefox` can be a script that only advises to install a snap. */
function starts(path) {
  return spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

/**
 * Returns the launch options for Playwright, or undefined when there is no Firefox. A Firefox of the system needs the
 * channel `moz-firefox`. The Firefox of Playwright needs no options.
 */
export async function findFirefox() {
  const asked = process.env.OSS_APPEND_FIREFOX;
  if (asked === 'none') return undefined;
  const path = asked || FIREFOXES.map(onPath).find((found) => found && starts(found));
  if (path) return { executablePath: path, channel: 'moz-firefox' };
  const { firefox } = await import('playwright');
  return existsSync(firefox.executablePath()) ? {} : undefined;
}

function findWebKit() {
  const driver = onPath('WebKitWebDriver');
  const browser = MINI_BROWSERS.find((path) => existsSync(path));
  const display = process.env.DISPLAY ? undefined : onPath('xvfb-run');
  return driver && browser && (display || process.env.DISPLAY) ? { driver, browser, display } : undefined;
}

/** Runs apt-get as root, or with sudo when sudo needs no password. */
function apt(...args) {
  const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '--non-interactive'];
  const [first, ...rest] = [...sudo, ...command];
  return run(first, rest);
}

/** Installs the packages one by one. Ubuntu has no firefox-esr, and the other packages must be installed anyway. */
function installFromApt() {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get') || !apt('update', '-q')) return;
  for (const name of PACKAGES) apt('install', '-y', '-q', '--no-install-recommends', name);
}

/** Installs the missing browsers. An environment variable that sets or excludes Firefox prevents its installation. */
async function installBrowsers() {
  const needsFirefox = !process.env.OSS_APPEND_FIREFOX && !(await findFirefox());
  if (!(await findChromium())) installChromium();
  if (needsFirefox || !findWebKit()) installFromApt();
  if (!needsFirefox || (await findFirefox())) return;
  run(process.execPath, [join(root, 'node_modules/playwright/cli.js'), 'install', 'firefox']);
}

/**
 * Returns the places of Chromium, Firefox and WebKit. On CI it installs missing browsers first. On other machines it
 * prints the command that installs them.
 */
export async function findBrowsers() {
  if (onCi) await installBrowsers();
  const executablePath = await findChromium();
  const found = { chromium: executablePath && { executablePath }, firefox: await findFirefox(), webkit: findWebKit() };
  const missing = Object.keys(found).filter((name) => !found[name]);
  if (missing.length > 0) {
    const command = `sudo apt-get install -y --no-install-recommends chromium ${PACKAGES.join(' ')}`;
    console.log(`Missing browsers: ${missing.join(', ')}. On Debian, this command installs all of them: ${command}`);
  }
  return found;
}
