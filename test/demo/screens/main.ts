/** Takes pictures of the page in each of its states, so that somebody can look at them with the eye of a designer. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { launch, Visit } from '../visit.ts';
import { makeReadmePictures } from './readme.ts';
import { SCENES, type Scene } from './scenes.ts';

const FOLDER = 'build/demo/screens';
const WIDE = { width: 1440, height: 1000 };

/** The counters and the animations of Uppy come to rest in this time, ms. */
const SETTLED = 700;

/** Takes what the window shows, and then the whole page in a window that is as high as the page. */
async function takeBoth(page: Page, { name, isScrolled }: Scene): Promise<string[]> {
  const paths = [join(FOLDER, `${name}.png`), join(FOLDER, `${name}-whole.png`)] as const;
  if (!isScrolled) await page.evaluate(() => scrollTo(0, 0));
  await page.waitForTimeout(SETTLED);
  await page.screenshot({ path: paths[0] });
  const { width = WIDE.width } = page.viewportSize() ?? {};
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height });
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForTimeout(SETTLED / 2);
  await page.screenshot({ path: paths[1], fullPage: true });
  return [...paths];
}

/** Returns the problem of a scene. Its pictures are taken in this case too, because they show what is wrong. */
async function take(browser: Browser, scene: Scene): Promise<string | undefined> {
  const begin = Date.now();
  const context = await browser.newContext({ viewport: WIDE, locale: 'en-US', ...scene.options });
  context.setDefaultTimeout(60_000);
  const visit = await Visit.begin(context);
  const problems: string[] = [];
  const note = (error: unknown) => void problems.push(String(error).split('\n')[0] ?? '');
  await scene.act(visit).catch(note);
  const made = await takeBoth(context.pages().at(-1) ?? visit.page, scene).catch(note);
  await context.close();
  await visit.end();
  const sizes = (made ?? []).map((path) => `${path} (${Math.ceil(statSync(path).size / 1024)} KiB)`);
  console.log(`${sizes.join(', ')} in ${Math.round((Date.now() - begin) / 1000)} s`);
  for (const problem of problems) console.log(`failed: ${scene.name}: ${problem}`);
  return problems[0];
}

async function forReadme(): Promise<number> {
  const browser = await launch('chromium');
  await makeReadmePictures(browser);
  await browser.close();
  return 0;
}

/** Takes the wanted scenes, or all of them. Returns the number of scenes that failed. */
export async function main(wanted: readonly string[]): Promise<number> {
  const begin = Date.now();
  if (wanted[0] === 'readme') return forReadme();
  const scenes = SCENES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const unknown = wanted.filter((name) => !scenes.some((scene) => scene.name === name));
  if (unknown.length > 0)
    throw new Error(`No scene ${unknown.join(', ')}. Name some of: ${SCENES.map(({ name }) => name).join(', ')}`);
  mkdirSync(FOLDER, { recursive: true });
  const browser = await launch('chromium');
  let failed = 0;
  for (const scene of scenes) if (await take(browser, scene)) failed++;
  await browser.close();
  const seconds = Math.round((Date.now() - begin) / 1000);
  console.log(
    `\n${2 * scenes.length} pictures of ${scenes.length} scenes in ${FOLDER}, in ${seconds} s; ${failed} failed`,
  );
  return failed;
}
