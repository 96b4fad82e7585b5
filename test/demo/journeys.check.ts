/** The demo as users see it: a real Chromium, real HTTP, and different origins for page and OSS. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import { rollup } from 'rollup';
import { loadConfigFile } from 'rollup/loadConfigFile';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../.ci/chromium.mjs';
import { type Demo, type DemoOptions, startDemo } from '../../demo/server.ts';

const MIB = 1024 * 1024;
const root = fileURLToPath(new URL('../..', import.meta.url));
const publicFolder = join(root, 'build/demo/public');
const executablePath = await findChromium();
if (!executablePath) console.log('not run: the demo in a browser (no Chromium)');

let demo: Demo;
/** The requests that reached the OSS: `OPTIONS for POST at 0`, `POST at 0`, `HEAD`. */
let arrived: string[];

async function start(options: DemoOptions = {}): Promise<void> {
  arrived = [];
  demo = await startDemo({ publicFolder, onrequest: (came) => arrived.push(summary(came)), ...options });
}

function summary({ method, url, headers }: Request): string {
  const position = new URL(url).searchParams.get('position');
  const what = method === 'OPTIONS' ? `OPTIONS for ${headers.get('access-control-request-method')}` : method;
  return position === null ? what : `${what} at ${position}`;
}

function count(what: string): number {
  return arrived.filter((one) => one === what).length;
}

const preflights = () => arrived.filter((one) => one.startsWith('OPTIONS'));

beforeAll(buildPage);
afterEach(() => demo.close());

describe.skipIf(!executablePath)('in a page', () => {
  const file = randomBytes(20 * MIB);
  let folder: string;
  let path: string;
  let browser: Browser;
  let page: Page;
  /** The complaints of the browser: errors and violations of the CSP. */
  let complaints: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oss-append-'));
    path = join(folder, 'holiday.mov');
    await writeFile(path, file);
    const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
    const args = process.getuid?.() === 0 ? ['--no-sandbox', ...quiet] : quiet;
    browser = await chromium.launch({ args, ...(executablePath ? { executablePath } : {}) });
  });

  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  afterEach(() => page.close());

  async function open(options: DemoOptions = {}): Promise<void> {
    await start(options);
    complaints = [];
    page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    await page.goto(demo.url);
    await page.getByText(demo.ossUrl).waitFor();
  }

  /** Waits until the append has ended, and returns how it ended. */
  async function outcome(): Promise<string | null> {
    await page.locator('#state[data-kind=good], #state[data-kind=bad]').waitFor();
    return page.locator('#state').textContent();
  }

  async function stored() {
    return demo.oss.object(demo.bucket, demo.prefix + (await page.locator('#name').inputValue()));
  }

  /** Checks that the object in OSS has these bytes, and that the page says so. */
  async function expectStored(bytes: Uint8Array): Promise<void> {
    expect(await outcome()).toBe('Done');
    expect(await page.locator('#verdict').textContent()).toBe('Equal');
    const object = await stored();
    expect(object?.length).toBe(bytes.byteLength);
    expect(Buffer.compare(object?.bytes() ?? new Uint8Array(), bytes), 'the bytes in OSS').toBe(0);
    expect(await page.locator('#object-length').textContent()).toBe(bytes.byteLength.toLocaleString('en'));
    for (const id of ['#expected-crc', '#object-crc'])
      expect(await page.locator(id).textContent(), id).toBe(object?.crc64);
  }

  test('a header-signed append of 20 MiB, sent twice, causes one preflight for each request', async () => {
    await open();
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
    await page.getByRole('button', { name: 'Append again' }).click();
    await expectStored(Buffer.concat([file, file]));
    for (let position = 0; position < 40 * MIB; position += MIB) {
      expect(count(`POST at ${position}`)).toBe(1);
      expect(count(`OPTIONS for POST at ${position}`)).toBe(1);
    }
    expect(count('OPTIONS for HEAD')).toBeLessThanOrEqual(count('HEAD'));
    expect(complaints).toEqual([]);
    if (process.env['OSS_APPEND_SCREENSHOT']) await takePicture();
  });

  /** Takes the picture for the README. */
  async function takePicture(): Promise<void> {
    await page.setViewportSize({ width: 1200, height: 1110 });
    await page.screenshot({ path: join(root, 'build/demo.png') });
  }

  test('a query-signed append of 20 MiB causes one preflight, for the Content-Type of the first request', async () => {
    await open();
    await page.getByLabel('In the URL').check();
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
    await page.getByRole('button', { name: 'Append again' }).click();
    await expectStored(Buffer.concat([file, file]));
    expect(preflights()).toEqual(['OPTIONS for POST at 0']);
    expect(count(`POST at ${39 * MIB}`)).toBe(1);
    expect((await stored())?.headers['content-type']).toBe('video/quicktime');
    // The URLs of these requests contain signatures, so the page shows only where each request went.
    expect(await page.locator('#log-rows tr').count()).toBe(arrived.length - 1);
    expect(await page.content()).not.toMatch(/x-oss-|signature=|STS\./i);
    expect(complaints).toEqual([]);
  });

  test('a query-signed append of 20 MiB without a Content-Type causes no preflight', async () => {
    await open();
    await page.getByLabel('In the URL').check();
    await page.getByLabel('Store the file’s media type').uncheck();
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
    expect(preflights()).toEqual([]);
    expect(count('POST at 0')).toBe(1);
    expect(complaints).toEqual([]);
  });

  test('if an append is stopped while a segment is stored but not answered, Resume finds it and sends no byte twice', async () => {
    await open({
      faults: [{ operation: 'AppendObject', nth: 3, kind: 'answer-late', delay: 3_600_000 }],
    });
    await page.locator('#file').setInputFiles(path);
    await expect.poll(async () => (await stored())?.length).toBe(3 * MIB);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('2.0 MiB of 20.0 MiB').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await expectStored(file);
    const appends = arrived.filter((one) => one.startsWith('POST'));
    expect(appends).toEqual(Array.from({ length: 20 }, (_, index) => `POST at ${index * MIB}`));
  });

  test('if every second answer is lost, each byte is stored once', async () => {
    await open();
    const set = page.waitForResponse(`${demo.url}/faults`);
    await page.getByLabel('Network').selectOption('lossy');
    await set;
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
    expect(demo.oss.requests.filter(({ fault }) => fault === 'drop-after').length).toBeGreaterThan(5);
    expect(await page.locator('#map .confirmed').count()).toBe(20);
  });

  test('the page reports another writer, and a new object works', async () => {
    await open({ faults: [{ operation: 'AppendObject', nth: 2, kind: 'rival', same: true, when: 'before' }] });
    await page.locator('#file').setInputFiles(path);
    expect(await outcome()).toBe('Failed');
    expect(await page.getByRole('alert').textContent()).toMatch(/another writer was first.*begin a new one/s);
    await page.getByRole('button', { name: 'New object' }).click();
    await page.getByLabel('Segment size').selectOption('32 MiB');
    await page.locator('#file').setInputFiles(path);
    await expectStored(file);
  });

  test('a file can be chosen with the keyboard or dropped', async () => {
    await open();
    // The test listens first, because Playwright notices only file choosers that open after it listens.
    const chooser = page.waitForEvent('filechooser');
    await page.keyboard.press('Tab');
    await page.locator('#file:focus').waitFor({ state: 'attached' });
    await page.keyboard.press('Enter');
    await (await chooser).setFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('chosen, ') });
    await expectStored(Buffer.from('chosen, '));
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['dropped'], 'b.txt', { type: 'text/plain' }));
      return transfer;
    });
    await page.dispatchEvent('#drop-zone', 'drop', { dataTransfer: dropped });
    await expectStored(Buffer.from('chosen, dropped'));
    expect(complaints).toEqual([]);
  });
});

/** Builds the page as `npm start` does, from the current sources. */
async function buildPage(): Promise<void> {
  const { options } = await loadConfigFile(join(root, 'rollup.config.mjs'), {});
  const page = options.find(({ input }) => String(input) === 'demo/page/main.ts');
  if (!page) throw new Error('rollup.config.mjs does not build demo/page/main.ts');
  const bundle = await rollup(page);
  for (const output of page.output) await bundle.write(output);
  await bundle.close();
}
