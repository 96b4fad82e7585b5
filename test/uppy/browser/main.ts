/**
 * `npm run test:uppy`: a real Uppy with the Dashboard and Golden Retriever in real Chromium and Firefox, against LocalOss
 * with faults; and the examples of docs/uppy.md with the real FilePond and the real React.
 *
 *   OSS_APPEND_UPPY_BROWSER=firefox   runs one browser only
 *   OSS_APPEND_UPPY_JOURNEY=killed    runs the journeys whose names contain this text
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Browser, type BrowserContext, chromium, firefox, type Page } from 'playwright';
import { type BrowserPlace, findBrowsers } from '../../../.ci/browsers.mjs';
import { onCi } from '../../../.ci/project.mjs';
import { killPages } from '../../browser-life/processes.ts';
import { ADAPTER_JOURNEYS } from './adapter-journeys.ts';
import type { AdaptersUnderTest } from './adapters-page.ts';
import { JOURNEYS } from './journeys.ts';
import { type Assets, bundlePages, Site } from './site.ts';

const { OSS_APPEND_UPPY_BROWSER: ONLY, OSS_APPEND_UPPY_JOURNEY: PART = '' } = process.env;

const ALL = { ...JOURNEYS, ...ADAPTER_JOURNEYS };

const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Playwright sets a variable that makes Firefox end when one of its tabs crashes. This script removes the variable. */
async function startFirefox(place: BrowserPlace): Promise<Browser> {
  mkdirSync('build', { recursive: true });
  const executablePath = join('build', 'firefox-that-survives');
  const real = place.executablePath ?? firefox.executablePath();
  writeFileSync(executablePath, `#!/bin/sh\nunset MOZ_CRASHREPORTER_SHUTDOWN\nexec '${real}' "$@"\n`, { mode: 0o755 });
  return firefox.launch({ ...place, executablePath: resolve(executablePath) });
}

async function open(context: BrowserContext, site: Site): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await page.setViewportSize({ width: 900, height: 900 });
  await page.goto(site.url);
  await page.waitForFunction(() => 'test' in window);
  return page;
}

/** What the page shows when a journey has failed. */
async function stateOf(page: Page | undefined): Promise<string> {
  const shown = page?.evaluate(() => {
    const adapters: AdaptersUnderTest | undefined = window.adapters;
    if (adapters) {
      const { told, shown, complaints, status } = adapters;
      return JSON.stringify({ status: status(), complaints, told: told.slice(-5), shown: shown.slice(-5) }, null, 1);
    }
    const open = window.test.uppy.getFiles().filter(({ progress }) => !progress.uploadComplete);
    const files = open.map(({ name, error, isGhost, isPaused, progress }) => {
      return { name, error, isGhost, isPaused, percentage: progress.percentage };
    });
    return JSON.stringify({ files, complaints: window.test.complaints, told: window.test.told.slice(-5) }, null, 1);
  });
  return (await shown?.catch(String)) ?? '';
}

/** Runs one journey in a profile of its own. Returns what went wrong. */
async function travel(browser: Browser, name: string, assets: Assets): Promise<string | undefined> {
  const site = new Site(assets);
  await site.open();
  const context = await browser.newContext();
  let page: Page | undefined;
  try {
    page = await open(context, site);
    const first = page;
    const killAndReopen = async () => {
      if (killPages() === 0) throw new Error('No process of a page was found');
      // The page is gone. Playwright may wait for its answer for ever.
      await Promise.race([first.close().catch(() => {}), wait(500)]);
      page = await open(context, site);
      return page;
    };
    await ALL[name]?.({ site, context, page, killAndReopen });
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${reason}\n${await Promise.race([stateOf(page), wait(2000)])}`;
  } finally {
    await Promise.race([context.close().catch(() => {}), wait(3000)]);
    await site.close();
  }
}

export async function main(): Promise<{ passed: number; failed: number }> {
  const counts = { passed: 0, failed: 0 };
  const found = await findBrowsers();
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const starts: Record<string, (() => Promise<Browser>) | undefined> = {
    chromium: found.chromium && (() => chromium.launch({ ...found.chromium, args })),
    firefox: found.firefox && (() => startFirefox(found.firefox ?? {})),
  };
  const assets = await bundlePages();
  for (const [browserName, start] of Object.entries(starts)) {
    if (ONLY && ONLY !== browserName) continue;
    if (!start) {
      console.log(`not run: ${browserName} is missing`);
      // On CI, both browsers must be there.
      if (onCi) counts.failed += 1;
      continue;
    }
    for (const name of Object.keys(ALL).filter((journey) => journey.includes(PART))) {
      const browser = await start();
      const began = Date.now();
      const problem = await travel(browser, name, assets);
      const seconds = ((Date.now() - began) / 1000).toFixed(1);
      console.log(
        `${problem ? 'FAILED' : 'ok'} ${browserName}: ${name} (${seconds} s)${problem ? `\n${problem}` : ''}`,
      );
      counts[problem ? 'failed' : 'passed']++;
      await Promise.race([browser.close().catch(() => {}), wait(5000)]);
    }
  }
  return counts;
}
