// Where `npm run test:runtimes` finds its browsers, and how CI gets them. Chromium's own part is in chromium.mjs.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findChromium, installChromium } from './chromium.mjs';
import { onCi, root, run } from './project.mjs';

const PACKAGES = ['firefox-esr', 'webkit2gtk-driver', 'xvfb', 'xauth'];
const FIREFOXES = ['firefox-esr', 'firefox', '/Applications/Firefox.app/Contents/MacOS/firefox'];
/** WebKitGTK's test browser, where Debian, Ubuntu and Fedora put it. */
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

/** Ubuntu's firefox may be a script that only asks for a snap. */
function starts(path) {
  return spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

/** Playwright drives a Firefox of the system by a channel of its own, and its own Firefox without. */
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

/** As root, or where sudo asks for nothing. */
function apt(...args) {
  const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '--non-interactive'];
  const [first, ...rest] = [...sudo, ...command];
  return run(first, rest);
}

/** One by one: Ubuntu has no firefox-esr. */
function installFromApt() {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get') || !apt('update', '-q')) return;
  for (const name of PACKAGES) apt('install', '-y', '-q', '--no-install-recommends', name);
}

/** A browser that was named, or that is not wanted, is not looked for elsewhere. */
async function installBrowsers() {
  const needsFirefox = !process.env.OSS_APPEND_FIREFOX && !(await findFirefox());
  if (!(await findChromium())) installChromium();
  if (needsFirefox || !findWebKit()) installFromApt();
  if (!needsFirefox || (await findFirefox())) return;
  run(process.execPath, [join(root, 'node_modules/playwright/cli.js'), 'install', 'firefox']);
}

/** The places of Chromium, Firefox and WebKit. CI installs those that are missing; elsewhere people are told how. */
export async function findBrowsers() {
  if (onCi) await installBrowsers();
  const executablePath = await findChromium();
  const found = { chromium: executablePath && { executablePath }, firefox: await findFirefox(), webkit: findWebKit() };
  const missing = Object.keys(found).filter((name) => !found[name]);
  if (missing.length > 0) {
    const command = `sudo apt-get install -y --no-install-recommends chromium ${PACKAGES.join(' ')}`;
    console.log(`Missing browsers: ${missing.join(', ')}. On Debian: ${command}`);
  }
  return found;
}
