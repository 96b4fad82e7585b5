/** The page of the demo in the static build: on a plain file server, below a path, with all of its own parts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildStatic } from '../../demo/host/static/build.mjs';
import { type PlainServer, servePlainFiles } from './plain-server.ts';
import { browsers, builtPage, MIB, picked } from './visit.ts';
import { useBrowser } from './visits.ts';

const BASE = '/oss-append';
const KEPT_ALIVE = /^POST \/local-oss-append\/[^ ]*\/logs\//;

let site: string;
let server: PlainServer;

beforeAll(async () => {
  site = await mkdtemp(join(tmpdir(), 'oss-append-static-'));
  await buildStatic(await builtPage(), site);
  server = await servePlainFiles(site, BASE);
});
afterAll(async () => {
  await server.close();
  await rm(site, { recursive: true, force: true });
});

describe.each(browsers)('the page of the demo in the static build in %s', (name) => {
  const browser = useBrowser(name);
  let page: Page;

  beforeAll(async () => {
    page = await browser.current.newPage({ locale: 'en-US' });
    page.setDefaultTimeout(60_000);
  });

  test('stores a file while answers are lost, proves it equal, and asks no other origin', async () => {
    const complaints: string[] = [];
    const asked = new Set<string>();
    page.on('pageerror', (error) => {
      // Firefox reports each answer that a worker loses as an error of the page.
      if (!/ServiceWorker passed an Error Response/.test(String(error))) complaints.push(String(error));
    });
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) complaints.push(message.text());
    });
    page.on('request', (request) => asked.add(new URL(request.url()).origin));
    await page.goto(`${server.url}${BASE}/`);
    await page.locator('.uppy-Dashboard-AddFiles').first().waitFor();
    await page.getByRole('switch', { name: 'Lose answers', exact: true }).setChecked(true);
    await page
      .locator('input[type=file]')
      .first()
      .setInputFiles(picked('lossy.bin', 3 * MIB));
    await page.locator('.uppy-StatusBar-actionBtn--upload').click();
    await page.locator('aside.total.stored').waitFor();
    await page.locator('.proof .verdict.stored').waitFor();
    const kinds = await page.locator('.events li').evaluateAll((items) => items.map((item) => item.dataset['kind']));
    expect(kinds).toContain('found-stored');
    expect(complaints).toEqual([]);
    expect([...asked].filter((origin) => !['null', server.url].includes(origin))).toEqual([]);
    // The file server has seen only files of the build. Firefox shows a worker no request with `keepalive`, which the log
    // of the page sends, so the file server refuses these.
    const isKnown = (one: string) =>
      one.startsWith(`GET ${BASE}/`) || one === 'GET /favicon.ico' || (name === 'firefox' && KEPT_ALIVE.test(one));
    expect(server.asked.filter((one) => !isKnown(one))).toEqual([]);
  });

  // Only Chromium lets a test delete the data of a site.
  test.skipIf(name === 'firefox')(
    'after the data of the site was deleted in the middle, the page says what is gone, and a reload begins again',
    async () => {
      const own = await servePlainFiles(site, BASE);
      const context = await browser.current.newContext({ locale: 'en-US' });
      const other = await context.newPage();
      other.on('dialog', (dialog) => void dialog.accept());
      await other.goto(`${own.url}${BASE}/`);
      await other.locator('.uppy-Dashboard-AddFiles').first().waitFor();
      await other.getByRole('switch', { name: 'Slow link', exact: true }).setChecked(true);
      await other.locator('.area-break .switch.on').waitFor();
      await other
        .locator('input[type=file]')
        .first()
        .setInputFiles(picked('slow.bin', 16 * MIB));
      await other.locator('.uppy-StatusBar-actionBtn--upload').click();
      await other.locator('.ruler > svg .stored').first().waitFor();
      const session = await context.newCDPSession(other);
      await session.send('Storage.clearDataForOrigin', { origin: own.url, storageTypes: 'all' });
      await other.locator('.trouble', { hasText: 'The Service Worker of this page is gone' }).waitFor();
      await other.locator('.total').getByRole('button', { name: 'Reload the page' }).click();
      await other.locator('.trouble').waitFor({ state: 'detached' });
      await other.locator('.uppy-Dashboard-AddFiles, .uppy-Dashboard-files').first().waitFor();
      await context.close();
      await own.close();
    },
  );
});
