/** Takes pictures of the page in each of its states, so that somebody can look at them with the eye of a designer. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright';
import { launch, MIB, onDisk, type Picked, picked, Visit } from '../visit.ts';

const FOLDER = 'build/demo/screens';

type Scene = readonly [name: string, act: (visit: Visit) => Promise<void>, options?: BrowserContextOptions];

const WIDE = { width: 1440, height: 1000 };
const PHONE = { width: 360, height: 760 };

/** Small segments, so that the ruler shows many. */
async function smallSegments({ page }: Visit): Promise<void> {
  await page.evaluate(() => localStorage.setItem('oss-append segment size', String(256 * 1024)));
  await page.reload();
}

async function store(visit: Visit, ...files: Picked[]): Promise<void> {
  await visit.pick(...files);
  await visit.upload();
  await visit.allStored();
}

/** Begins to store a file over a slow link, so that the picture shows it in flight. */
async function inFlight(visit: Visit, ...files: Picked[]): Promise<void> {
  await smallSegments(visit);
  await visit.ready();
  await visit.switchOn('Slow link');
  await visit.switchOn('Lose answers');
  await visit.pick(...files);
  await visit.upload();
  await visit.page.locator('.events [data-kind=found-stored]').first().waitFor();
  await visit.page.waitForTimeout(4000);
}

const two = [picked('holiday.mov', 12 * MIB, 'video/quicktime'), picked('notes.txt', 300_000, 'text/plain')];
const chinese = ({ page }: Visit) => page.locator('header select').first().selectOption('zh');

const SCENES: readonly Scene[] = [
  ['empty', async () => {}],
  ['flight', (visit) => inFlight(visit, ...two)],
  ['flight-dark', (visit) => inFlight(visit, ...two), { colorScheme: 'dark' }],
  [
    'done',
    async (visit) => {
      await store(visit, picked('holiday.mov', 20 * MIB, 'video/quicktime'));
      await visit.proven();
    },
  ],
  [
    'segments-300',
    async (visit) => {
      await smallSegments(visit);
      await visit.ready();
      await store(visit, picked('long.bin', 75 * MIB));
      await visit.proven();
    },
  ],
  ['phone', (visit) => inFlight(visit, ...two), { viewport: PHONE }],
  ['phone-dark-empty', async () => {}, { viewport: PHONE, colorScheme: 'dark' }],
  ['wide', (visit) => inFlight(visit, ...two), { viewport: { width: 1600, height: 1000 } }],
  [
    'chinese',
    async (visit) => {
      await inFlight(visit, ...two);
      await chinese(visit);
    },
  ],
  [
    'folds-chinese',
    async (visit) => {
      await chinese(visit);
      for (const summary of await visit.page.locator('summary').all()) await summary.click();
    },
  ],
  [
    'thousand',
    async (visit) => {
      await visit.pick(...Array.from({ length: 1000 }, (_, n) => picked(`photo-${n}.jpg`, 2000 + n, 'image/jpeg')));
      await visit.upload();
      await visit.page.waitForTimeout(8000);
    },
  ],
  [
    'damaged',
    async (visit) => {
      await visit.switchOn('Flip a bit');
      await visit.pick(picked('holiday.mov', 3 * MIB));
      await visit.upload();
      await visit.page.locator('aside.total.failed').waitFor();
    },
  ],
  [
    'offline',
    async (visit) => {
      await visit.switchOn('Slow link');
      await visit.pick(picked('holiday.mov', 12 * MIB));
      await visit.upload();
      await visit.page.locator('.ruler > svg .stored').first().waitFor();
      await visit.switchOn('Go offline');
      await visit.page.locator('.trouble').waitFor();
    },
  ],
  [
    'server-gone',
    async (visit) => {
      await visit.switchOn('Slow link');
      await visit.pick(picked('holiday.mov', 12 * MIB));
      await visit.upload();
      await visit.page.locator('.ruler > svg .stored').first().waitFor();
      await visit.demo.close();
      await visit.page.locator('.trouble').waitFor();
    },
  ],
  [
    'cannot-begin',
    async ({ page }) => {
      await page.route('**/config', (route) => route.fulfill({ status: 500 }));
      await page.reload();
      await page.locator('.notice.bad').waitFor();
    },
  ],
  [
    'offer',
    async (visit) => {
      const path = onDisk(picked('holiday.mov', 3 * MIB));
      await visit.pickPath(path);
      await visit.upload();
      await visit.allStored();
      await visit.page.getByRole('button', { name: 'Done' }).click();
      await visit.pickPath(path);
      await visit.page.locator('.notice').waitFor();
    },
  ],
  ['forced-colours', (visit) => inFlight(visit, ...two), { forcedColors: 'active' }],
];

async function take(browser: Browser, [name, act, options = {}]: Scene): Promise<void> {
  const context = await browser.newContext({ viewport: WIDE, locale: 'en-US', ...options });
  const visit = await Visit.begin(context);
  await act(visit).catch((error: unknown) => console.log(`${name}: ${String(error).slice(0, 300)}`));
  await visit.page.waitForTimeout(600);
  await visit.page.screenshot({ path: join(FOLDER, `${name}.png`) });
  await visit.page.screenshot({ path: join(FOLDER, `${name}-whole.png`), fullPage: true });
  await context.close();
  await visit.end();
  console.log(`${name}: ${visit.complaints.join('; ') || 'ok'}`);
}

export async function main(wanted: readonly string[]): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const browser = await launch('chromium');
  for (const scene of SCENES) if (wanted.length === 0 || wanted.includes(scene[0])) await take(browser, scene);
  await browser.close();
}
