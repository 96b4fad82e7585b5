/** Checks that each example of demo/examples works with LocalOss, in the runtime for which it was written. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, chromium, type Page } from 'playwright';
import { afterEach, expect, test } from 'vitest';
import { type Example, startExample } from '../../demo/examples/start.mjs';

const executablePath = process.env['OSS_APPEND_CHROMIUM'] ?? 'none';
const args = ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(name: string): Promise<Example> {
  const example = await startExample(name);
  closers.push(() => example.close());
  return example;
}

test('the pages and the Worker compile', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', join(root, 'demo/examples')], { encoding: 'utf8' });
  expect(stdout).toBe('');
});

test.each(['worker-hono', 'deno', 'bun'])('%s appends the bodies of two requests to one object', async (name) => {
  const example = await start(name);
  const { oss } = example;
  const bytes = new Uint8Array(300_000).map((_, index) => index % 251);
  const send = () => post(example, 'a.bin', bytes);
  expect(await (await send()).json()).toMatchObject({ position: bytes.length });
  expect(await (await send()).json()).toMatchObject({ position: 2 * bytes.length });
  expect(oss.object('examples', 'inbox/a.bin')?.bytes().slice(bytes.length)).toEqual(bytes);
});

test.each(['worker-hono', 'deno', 'bun'])('%s answers 502 when OSS refuses', async (name) => {
  const example = await start(name);
  const { oss } = example;
  oss.putObject('examples', 'inbox/a.bin', new Uint8Array([1]));
  const response = await post(example, 'a.bin', 'more');
  expect([response.status, await response.json()]).toEqual([502, { code: 'ObjectNotAppendable', outcome: 'absent' }]);
});

test.each(['worker-hono', 'deno', 'bun'])('%s refuses a request without the secret', async (name) => {
  const { url, oss } = await start(name);
  const send = (headers: HeadersInit) => fetch(`${url}upload/a.bin`, { method: 'POST', headers, body: 'bytes' });
  const answers = [await send({}), await send({ authorization: 'Bearer ' }), await send({ authorization: 'Bearer x' })];
  expect(answers.map(({ ok }) => ok)).toEqual([false, false, false]);
  expect(oss.object('examples', 'inbox/a.bin')).toBeUndefined();
});

test.each(['worker-hono', 'deno', 'bun'])('%s decodes the name in the URL', async (name) => {
  const example = await start(name);
  expect((await post(example, encodeURIComponent('视频 1.webm'), 'bytes')).status).toBe(200);
  expect(example.oss.object('examples', 'inbox/视频 1.webm')?.length).toBe(5);
});

/** Sends bytes to a server as its user does. */
function post({ url, secret }: Example, name: string, body: Uint8Array<ArrayBuffer> | string): Promise<Response> {
  const headers = { authorization: `Bearer ${secret}` };
  return fetch(`${url}upload/${name}`, { method: 'POST', headers, body });
}

const ifBrowser = test.skipIf(executablePath === 'none');

async function visit(url: string): Promise<Page> {
  const browser = await chromium.launch({ executablePath, args });
  closers.push(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(url);
  return page;
}

ifBrowser.each(['page', 'react', 'vue'])('%s uploads a file, pauses, and goes on after a reload', async (name) => {
  const { url, oss } = await start(name);
  const buffer = Buffer.alloc(8_000_000, 'some bytes');
  const file = { name: 'a.bin', mimeType: 'application/octet-stream', buffer };
  const page = await visit(url);
  // The second segment of the file never gets an answer, so the upload stays in its middle until the user pauses.
  let appends = 0;
  await page.route(/append/, (route) => {
    appends += route.request().method() === 'POST' ? 1 : 0;
    return appends >= 2 ? undefined : route.continue();
  });
  await page.setInputFiles('input', file);
  await page.waitForFunction(() => (document.querySelector('progress')?.value ?? 0) > 0);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Resume' }).waitFor();
  const stored = oss.object('examples', 'inbox/u1/a.bin')?.length ?? 0;
  expect([stored > 0, stored < buffer.length]).toEqual([true, true]);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.reload();
  await page.setInputFiles('input', file);
  await page.getByText('8000000 bytes stored').waitFor();
  expect(Buffer.from(oss.object('examples', 'inbox/u1/a.bin')?.bytes() ?? []).equals(buffer)).toBe(true);
});

ifBrowser.each(['page', 'react', 'vue'])('%s goes on with the button after a failure', async (name) => {
  const { url } = await start(name);
  const page = await visit(url);
  await page.route(/sts/, (route) => route.fulfill({ status: 403 }));
  await page.setInputFiles('input', { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('content') });
  await page.getByText('Cannot load credentials').waitFor();
  await page.unrouteAll();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText('7 bytes stored').waitFor();
  expect(await page.locator('button').isDisabled()).toBe(true);
});

ifBrowser.each(['page', 'react', 'vue'])('%s stops the upload of a file when the user picks another', async (name) => {
  const { url } = await start(name);
  const page = await visit(url);
  // The first file never gets an answer, so only an abort ends its request before the second file is stored.
  const isSlow = (address: string) => /slow\.txt.*append/.test(address);
  await page.route(/slow\.txt.*append/, () => {});
  const ended: string[] = [];
  page.on('requestfailed', (request) => void (isSlow(request.url()) && ended.push(request.url())));
  const pick = (file: string) =>
    page.setInputFiles('input', { name: file, mimeType: 'text/plain', buffer: Buffer.from(file) });
  const sent = page.waitForRequest((request) => isSlow(request.url()));
  await pick('slow.txt');
  await sent;
  await pick('quick.txt');
  await page.getByText('9 bytes stored').waitFor();
  expect(ended).toHaveLength(1);
});

ifBrowser('the extension appends the titles of pages, and goes on after its service worker was stopped', async () => {
  const { folder = '', oss } = await start('extension');
  const profile = await mkdtemp(join(tmpdir(), 'extension-profile-'));
  closers.push(() => rm(profile, { recursive: true, force: true }));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: false,
    args: [...args, '--headless=new', `--disable-extensions-except=${folder}`, `--load-extension=${folder}`],
  });
  closers.push(() => context.close());
  await listening(context);
  const page = await context.newPage();
  await page.goto('data:text/html,<title>first page</title>');
  await expect.poll(() => titles(oss)).toContain('first page');
  await stopWorker(context);
  await page.goto('data:text/html,<title>second page</title>');
  await expect.poll(() => titles(oss)).toContain('second page');
});

/** Resolves when the service worker listens to tabs. Before that, the extension does not notice that a page loads. */
async function listening(context: BrowserContext): Promise<void> {
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  await expect.poll(() => worker.evaluate('chrome.tabs.onUpdated.hasListeners()'), { interval: 100 }).toBe(true);
}

/** Stops the service worker, as the browser does after some idle seconds. */
async function stopWorker(context: BrowserContext): Promise<void> {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('ServiceWorker.enable');
  await session.send('ServiceWorker.stopAllWorkers');
  await page.close();
}

function titles(oss: Example['oss']): string[] {
  const text = new TextDecoder().decode(oss.object('examples', 'inbox/u1/extension.ndjson')?.bytes());
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).title);
}
