/** The page for everyone: axe finds nothing, the keyboard does everything, and the accessibility tree names it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import { browsers, MIB, onDisk, picked, type Visit } from './visit.ts';
import { useBrowser, visitOnce } from './visits.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Returns what axe finds, with the elements. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
  );
}

/** Axe finds nothing. Uppy's messages fade in and out, so axe looks again if it has met one in the middle of that. */
async function expectNothing(page: Page, when: string): Promise<void> {
  await expect.poll(() => findings(page), { message: when }).toEqual([]);
}

describe.skipIf(!browsers.includes('chromium'))('in chromium', () => {
  const browser = useBrowser('chromium');
  const visiting = (options: BrowserContextOptions, act: (visit: Visit) => Promise<void>) =>
    visitOnce(browser.current, options, act);

  /** Looks at the page in each of its states. */
  async function examine(visit: Visit): Promise<void> {
    const { page } = visit;
    await expectNothing(page, 'empty');
    for (const summary of await page.locator('.fold > summary').all()) await summary.click();
    await expectNothing(page, 'with everything open');
    await visit.switchOn(
      page.url() && (await page.locator('html').getAttribute('lang')) === 'zh-CN' ? '丢失响应' : 'Lose answers',
    );
    await visit.pick(picked('one.txt', 300_000, 'text/plain'), picked('two.txt', MIB, 'text/plain'));
    await expectNothing(page, 'with files');
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    await expectNothing(page, 'when all is stored');
  }

  const LOOKS: readonly [name: string, options: BrowserContextOptions][] = [
    ['light', {}],
    ['dark', { colorScheme: 'dark' }],
    ['Chinese', { locale: 'zh-CN' }],
    ['360 px', { viewport: { width: 360, height: 740 } }],
    ['forced colours', { forcedColors: 'active' }],
  ];
  test.each(LOOKS)('axe finds nothing: %s', (_, options) => visiting(options, examine));

  test.each(['light', 'dark'] as const)('axe finds nothing after an error: %s', (colorScheme) =>
    visiting({ colorScheme }, async (visit) => {
      await visit.switchOn('Flip a bit');
      await visit.pick(picked('flipped.bin', MIB));
      await expectNothing(visit.page, 'with one file');
      await visit.upload();
      await visit.page.locator('aside.total.failed').waitFor();
      await expectNothing(visit.page, 'with one failed file');
      await visit.pick(picked('flipped-too.bin', MIB));
      await visit.page.getByRole('button', { name: 'Upload all' }).waitFor();
      await expectNothing(visit.page, 'with more files');
    }),
  );

  test('axe finds nothing when the page cannot begin, and in a tab that follows', () =>
    visiting({}, async (visit) => {
      const { page } = visit;
      await visit.pick(picked('one.txt', 3000, 'text/plain'));
      await visit.upload();
      await visit.allStored();
      await page.goto(`${visit.demo.url}#follow=${encodeURIComponent(visit.keys()[0] ?? '')}`);
      await page.locator('pre').waitFor();
      await expectNothing(page, 'following');
      await page.route('**/config', (route) => route.abort());
      await page.goto(`${visit.demo.url}/?again`);
      await page.getByRole('alert').waitFor();
      await expectNothing(page, 'cannot begin');
    }));

  test('the keyboard alone adds, uploads, pauses, resumes and breaks, and the focus is never lost', () =>
    visiting({}, async (visit) => {
      const { page } = visit;
      const path = onDisk(picked('keys.bin', 4 * MIB));
      const focused = () => page.evaluate(() => document.activeElement?.tagName ?? 'none');
      /** Presses Tab until the focus is on an element with this name. */
      const isControl = () =>
        page.evaluate(() => document.activeElement?.matches('a, button, input, select, summary, textarea') ?? false);
      const tabTo = async (label: RegExp) => {
        for (let presses = 0; presses < 90; presses++) {
          await page.keyboard.press('Tab');
          const text = await page.evaluate(() => {
            const { activeElement: at } = document;
            const labels = at instanceof HTMLInputElement ? [...(at.labels ?? [])].map((one) => one.textContent) : [];
            return [at?.getAttribute('aria-label'), at?.textContent, ...labels].join(' ');
          });
          const outline = await page.evaluate(() => {
            const { outlineStyle, boxShadow } = getComputedStyle(document.activeElement ?? document.body);
            return `${outlineStyle} ${boxShadow}`;
          });
          // A region that scrolls holds the text of its buttons too.
          if (label.test(text) && (await isControl())) {
            expect(outline, `the focus on ${label} is visible`).not.toBe('none none');
            return;
          }
        }
        throw new Error(`Tab does not reach ${label}`);
      };
      await tabTo(/Skip to the uploader/);
      const choosing = page.waitForEvent('filechooser');
      await tabTo(/browse files/);
      await page.keyboard.press('Enter');
      await (await choosing).setFiles(path);
      await page.locator('.uppy-Dashboard-Item').waitFor();
      // The Dashboard moves the focus a moment later.
      await expect.poll(focused).not.toBe('BODY');
      await tabTo(/^ ?Slow link|Slow link$/);
      await page.keyboard.press('Space');
      await page.locator('.area-break .switch.on').waitFor();
      await tabTo(/Upload 1 file/);
      await page.keyboard.press('Enter');
      await page.locator('.ruler > svg .stored').first().waitFor();
      // The Dashboard moves the focus a moment later.
      await expect.poll(focused).not.toBe('BODY');
      await tabTo(/Pause all/);
      await page.keyboard.press('Enter');
      await page.locator('aside.total.paused').waitFor();
      expect(await focused(), 'after Pause').toBe('BUTTON');
      // The same button now resumes.
      await page.keyboard.press('Enter');
      await visit.allStored();
      await tabTo(/Language|English/);
    }));

  test('the accessibility tree names the parts, the switches and the progress', () =>
    visiting({}, async (visit) => {
      const { page } = visit;
      await visit.pick(picked('tree.bin', MIB));
      await visit.upload();
      await visit.allStored();
      // A chart is drawn a moment after its data came.
      for (const part of [
        /heading "oss-append" \[level=1\]/,
        /heading "Upload files" \[level=2\]/,
        /switch "Lose answers"/,
        /img "Ruler of the object .*: 1 MiB of 1 MiB are stored in 1 segments"/,
        /img "Size of a segment: /,
        /progressbar "Total"/,
        /combobox "Language"/,
        /link "Follow this object in a second tab"/,
        /status: All files are stored\./,
      ])
        await expect.poll(() => page.locator('body').ariaSnapshot()).toMatch(part);
    }));

  test('with reduced motion nothing moves, and at 200 % zoom the progress stays in view', () =>
    visiting({ reducedMotion: 'reduce', viewport: { width: 650, height: 450 } }, async (visit) => {
      const { page } = visit;
      await visit.switchOn('Slow link');
      await visit.pick(picked('calm.bin', 6 * MIB));
      await visit.upload();
      await page.locator('.ruler > svg .sent').first().waitFor();
      const moving = await page.evaluate(
        () => document.getAnimations().filter(({ playState }) => playState === 'running').length,
      );
      expect(moving).toBe(0);
      const bar = await page.locator('.total progress').boundingBox();
      expect(bar?.y).toBeGreaterThanOrEqual(0);
      expect((bar?.y ?? 0) + (bar?.height ?? 0)).toBeLessThanOrEqual(450);
    }));

  test.each([360, 1600])('at %i px nothing is wider than the window', (width) =>
    visiting({ viewport: { width, height: 800 } }, async (visit) => {
      const { page } = visit;
      for (const summary of await page.locator('.fold > summary').all()) await summary.click();
      await visit.pick(picked(`${'long-name-'.repeat(12)}.bin`, MIB));
      await visit.upload();
      await visit.allStored();
      await visit.proven();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }),
  );

  test('the language changes everything at once, and a reload keeps it', () =>
    visiting({}, async (visit) => {
      const { page } = visit;
      await page.getByLabel('Language').selectOption('zh');
      await page.locator('.uppy-Dashboard', { hasText: '浏览文件' }).waitFor();
      expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
      // Names of products and units have no Chinese words.
      const texts = await page.locator('h2, label, small, button').allTextContents();
      const english = texts.filter((text) => /[a-z]{4,}/i.test(text) && !/\p{Script=Han}/u.test(text));
      expect(english.filter((text) => !/^English/.test(text.trim()))).toEqual([]);
      await page.reload();
      await page.locator('h2', { hasText: '上传文件' }).waitFor();
    }));
});
