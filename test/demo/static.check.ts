/**
 * Tests the static build in real browsers, on a plain file server and below a path. A small page with the library
 * stands for the page of the demo, so that these tests do not depend on what that page looks like.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type BrowserContext, type CDPSession, chromium, firefox, type Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findFirefox } from '../../.ci/browsers.mjs';
import { findChromium } from '../../.ci/chromium.mjs';
import { buildStatic } from '../../demo/host/static/build.mjs';
import { type PlainServer, servePlainFiles } from './plain-server.ts';
import type { StaticPage } from './static-page.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BASE = '/oss-append';

let folder: string;
let site: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oss-append-static-'));
  const page = join(folder, 'page');
  site = join(folder, 'site');
  await mkdir(page);
  await writeFile(
    join(page, 'index.html'),
    '<!doctype html><meta charset="utf-8"><title>page</title><script type="module" src="main.js"></script><div id="app"></div>',
  );
  const entryPoints = ['test/demo/static-page.ts'];
  await build({ absWorkingDir: root, entryPoints, outfile: join(page, 'main.js'), bundle: true, format: 'esm' });
  await buildStatic(page, site);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const executablePath = await findChromium();
const otherBrowser = await findFirefox();
if (!executablePath) console.log('not run: the static build in Chromium (no Chromium)');
if (!otherBrowser) console.log('not run: the static build in Firefox (no Firefox)');

/** Starts a browser whose storage is in a folder, so that it can be ended and started again. */
type Start = (profile: string) => Promise<BrowserContext>;

const BROWSERS: Readonly<Record<string, Start | undefined>> = {
  Chromium: executablePath
    ? (profile) => {
        const args = ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
        return chromium.launchPersistentContext(profile, { executablePath, args });
      }
    : undefined,
  Firefox: otherBrowser && ((profile) => firefox.launchPersistentContext(profile, otherBrowser)),
};

const found = Object.entries(BROWSERS).filter((entry): entry is [string, Start] => entry[1] !== undefined);

describe.each(found)('the static build in %s', (name, start) => {
  let server: PlainServer;
  let profile: string;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  // A browser takes seconds to start, so the tests share one. Their objects have different names.
  beforeAll(async () => {
    server = await servePlainFiles(site, BASE);
    profile = await mkdtemp(join(folder, 'profile-'));
    context = await start(profile);
  });
  afterAll(async () => {
    await context?.close();
    await server?.close();
  });
  beforeEach(async () => {
    page = await open();
  });
  afterEach(() => page.close());

  async function newPage(): Promise<Page> {
    const opened = await context.newPage();
    complaints = [];
    opened.on('pageerror', (error) => complaints.push(String(error)));
    opened.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) complaints.push(message.text());
    });
    return opened;
  }

  async function open(): Promise<Page> {
    const opened = await newPage();
    await opened.goto(`${server.url}${BASE}/`);
    await opened.getByText('The page is ready').waitFor();
    return opened;
  }

  /** Calls a function of the page: see static-page.ts. */
  function call<K extends keyof StaticPage>(method: K, ...args: Parameters<StaticPage[K]>): ReturnType<StaticPage[K]> {
    const work = page.evaluate(
      ([name, given]) => (globalThis as unknown as Record<string, (...all: unknown[]) => unknown>)[name]?.(...given),
      [method, args] as const,
    );
    return work as ReturnType<StaticPage[K]>;
  }

  test('answers the first visit, and the file server can answer every request', async () => {
    expect(await call('config')).toMatchObject({
      ...{ mode: 'static', canBreak: true, endpoint: server.url, pathStyle: true, edge: `${server.url}${BASE}` },
    });
    for (const way of ['token', 'query', 'grants', 'pipe'] as const)
      expect(await call('upload', { way, name: `${way}.bin`, size: 300_000 }), way).toMatchObject({ isEqual: true });
    expect(server.asked.filter((one) => !one.startsWith(`GET ${BASE}/`) && one !== 'GET /favicon.ico')).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('survives the faults, and counts them', async () => {
    const faults = ['lose-answers', 'drop-connections', 'throttle', 'portal', 'expire-token', 'skew-clock'] as const;
    await call('breakIt', 'tab3/', faults);
    const name = 'tab3/a.bin';
    expect(await call('upload', { way: 'token', name, size: 100_000, segmentSize: 30_000 })).toMatchObject({
      isEqual: true,
    });
    const { faults: hits } = await call('stats', 'tab3/');
    for (const fault of faults) expect(hits[fault], fault).toBeGreaterThan(0);
  });

  test('keeps the objects, the faults and the prefix when the browser ends and starts again in the middle', async () => {
    const { prefix } = await call('config');
    await call('breakIt', 'tab4/', ['slow']);
    // Nobody waits for this upload, because the browser ends before it does.
    await call('begin', { way: 'token', name: 'tab5/a.bin', size: 3_000_000, segmentSize: 100_000 });
    await expect.poll(() => call('lengthOf', 'tab5/a.bin')).toBeGreaterThan(200_000);
    await context.close();
    context = await start(profile);
    page = await open();
    expect((await call('config')).prefix).toBe(prefix);
    expect(await call('faults', 'tab4/')).toEqual(['slow']);
    expect(await call('lengthOf', 'tab5/a.bin')).toBeGreaterThan(200_000);
    expect(await call('resume', { way: 'token', name: 'tab5/a.bin', size: 3_000_000 })).toMatchObject({
      isEqual: true,
    });
  });

  test('works after a hard reload, which leaves a page without a worker', async () => {
    await call('upload', { way: 'token', name: 'reloaded.bin', size: 1000 });
    if (name === 'Chromium') {
      const session = await context.newCDPSession(page);
      const loaded = page.waitForEvent('load');
      await session.send('Page.reload', { ignoreCache: true });
      await loaded;
    } else {
      const loaded = page.waitForEvent('load');
      await page.evaluate(() => void (location.reload as (force: boolean) => void)(true));
      await loaded;
    }
    await page.getByText('The page is ready').waitFor();
    expect(await call('lengthOf', 'reloaded.bin')).toBe(1000);
    expect(await call('upload', { way: 'grants', name: 'after.bin', size: 1000 })).toMatchObject({ isEqual: true });
  });

  test('says in two languages that a browser without Service Workers cannot run it', async () => {
    const without = await newPage();
    await without.addInitScript(() => void Reflect.deleteProperty(Navigator.prototype, 'serviceWorker'));
    await without.goto(`${server.url}${BASE}/`);
    const alert = without.getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/needs a Service Worker.*需要 Service Worker/s);
    await without.close();
  });

  test('another tab neither meets nor changes the faults of this one', async () => {
    await call('breakIt', 'tab1/', ['throttle']);
    const first = page;
    page = await open();
    await call('breakIt', 'tab2/', []);
    await call('upload', { way: 'token', name: 'tab2/a.bin', size: 1000 });
    expect((await call('stats', 'tab2/')).faults).toEqual({});
    await page.close();
    page = first;
    expect(await call('faults', 'tab1/')).toEqual(['throttle']);
  });

  // Only Chromium lets a test end a worker.
  const testInChromium = name === 'Chromium' ? test : () => {};
  testInChromium('goes on when the browser ends the worker in mid-upload', async () => {
    const session = await context.newCDPSession(page);
    await session.send('ServiceWorker.enable');
    const size = 9_000_000;
    await call('begin', { way: 'token', name: 'ended.bin', size, segmentSize: 50_000 });
    let reached = 0;
    for (let ends = 0; ends < 3; ends++) {
      // A worker that ends forgets its tokens, and a request renews its token once. So the upload must have gone on
      // before the next worker ends.
      await expect.poll(() => call('lengthOf', 'ended.bin')).toBeGreaterThan(Math.min(reached, size - 1));
      await endWorker(session);
      reached = await call('lengthOf', 'ended.bin');
    }
    expect(await call('ended')).toMatchObject({ isEqual: true });
  });
});

/** Ends the worker. Resolves after its end, because the browser ends a worker some time after the command. */
async function endWorker(session: CDPSession): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    session.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
      if (versions.some(({ runningStatus }) => runningStatus === 'stopped')) resolve();
    });
  });
  await session.send('ServiceWorker.stopAllWorkers');
  await ended;
}
