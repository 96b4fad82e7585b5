/** Tests the three ways of the demo page in a real Chromium, with the edge in the server of the page and in workerd. */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import { rollup } from 'rollup';
import { loadConfigFile } from 'rollup/loadConfigFile';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../.ci/chromium.mjs';
import { type Demo, startDemo } from '../../demo/server.ts';
import { startWorkerDemo } from '../../demo/worker/main.ts';
import { bundle, compatibilityDate, edgeRuntimes, workerdCommand } from '../edge/runtimes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Another test also builds the page at the same time, so this test has its own folder.
const publicFolder = join(root, 'build/edge-page');
const executablePath = await findChromium();
if (!executablePath) console.log('not run: the three ways of the demo in a browser (no Chromium)');
const hasWorkerd = edgeRuntimes()['workerd'] !== undefined;
if (!hasWorkerd) console.log('not run: the demo with its edge in workerd (npm run test:runtimes installs it)');

const WAYS: readonly [label: RegExp, requests: RegExp][] = [
  [/STS token/, /\/token$/],
  [/Grants/, /\/grants$/],
  [/An upload/, /\/upload\//],
];

async function startWithWorker(): Promise<Demo> {
  const folder = dirname(await bundle('demo/worker/worker.ts'));
  return startWorkerDemo({ command: workerdCommand, folder, publicFolder, compatibilityDate: compatibilityDate() });
}

const demos: [string, () => Promise<Demo>][] = [['the server of the page', () => startDemo({ publicFolder })]];
if (hasWorkerd) demos.push(['workerd', startWithWorker]);

describe.skipIf(!executablePath).each(demos)('with the edge in %s', (_, start) => {
  let browser: Browser;
  let demo: Demo;
  let page: Page;

  beforeAll(async () => {
    await buildPage();
    const args = process.getuid?.() === 0 ? ['--no-sandbox', '--disable-gpu'] : ['--disable-gpu'];
    browser = await chromium.launch({ args, ...(executablePath ? { executablePath } : {}) });
    demo = await start();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await demo?.close();
  });
  afterEach(() => page.close());

  test.each(WAYS)('a file is appended twice to one object: %s', async (label, requests) => {
    const file = randomBytes(3 * 1024 * 1024 + 17);
    const asked: string[] = [];
    const complaints: string[] = [];
    page = await browser.newPage();
    page.on('request', (request) => asked.push(request.url().replace(/\?.*/, '')));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (/error|warning/.test(message.type())) complaints.push(message.text());
    });
    await page.goto(demo.url);
    await page.getByText(demo.ossUrl).waitFor();
    await page.getByLabel(label).check();
    await page.locator('#file').setInputFiles({ name: 'a.bin', mimeType: 'text/x-test', buffer: file });
    await page.locator('#state[data-kind=good], #state[data-kind=bad]').waitFor();
    expect(await page.locator('#problem-message').textContent()).toBe('');
    await page.getByRole('button', { name: 'Append again' }).click();
    await page.locator('#state[data-kind=busy]').waitFor();
    await page.locator('#state[data-kind=good], #state[data-kind=bad]').waitFor();
    expect(await page.locator('#verdict').textContent()).toBe('Equal');
    const key = `${await page.locator('#prefix').textContent()}${await page.locator('#name').inputValue()}`;
    const object = demo.oss.object(demo.bucket, key);
    expect(Buffer.compare(object?.bytes() ?? new Uint8Array(), Buffer.concat([file, file]))).toBe(0);
    expect(object?.headers['content-type']).toBe('text/x-test');
    expect(asked.some((url) => requests.test(url))).toBe(true);
    // Only the first way asks for a token, and the page of the third way sends nothing to OSS itself.
    expect(asked.some((url) => /\/token$/.test(url))).toBe(String(label).includes('STS'));
    expect(asked.some((url) => url.startsWith(demo.ossUrl))).toBe(!String(label).includes('upload'));
    expect(complaints).toEqual([]);
  });
});

/** Builds the page from the current sources, like `npm start`. */
async function buildPage(): Promise<void> {
  const { options } = await loadConfigFile(join(root, 'rollup.config.mjs'), {});
  const page = options.find(({ input }) => String(input) === 'demo/page/main.ts');
  if (!page) throw new Error('rollup.config.mjs does not build demo/page/main.ts');
  const built = await rollup(page);
  await built.write({ file: join(publicFolder, 'main.js'), format: 'es' });
  await built.close();
}
