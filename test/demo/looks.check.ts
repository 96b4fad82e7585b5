/** What a user sees: the bars in forced colours, everything on a phone, and movement at 200 % zoom. */
import type { BrowserContextOptions, Locator, Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import { browsers, MIB, onDisk, picked, type Visit } from './visit.ts';
import { useBrowser, visitOnce } from './visits.ts';

type Colour = readonly [red: number, green: number, blue: number];

/** The ratio of contrast of two colours, as WCAG 2.2 defines it. */
function contrast(one: Colour, other: Colour): number {
  const light = (colour: Colour) => {
    const [red, green, blue] = colour.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    }) as unknown as Colour;
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark = 0, bright = 0] = [light(one), light(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

describe.skipIf(!browsers.includes('chromium'))('in chromium', () => {
  const browser = useBrowser('chromium');
  const visiting = (options: BrowserContextOptions, act: (visit: Visit) => Promise<void>) =>
    visitOnce(browser.current, options, act);

  /** Takes a picture of an element, and returns the colours of its columns at these shares of its width. */
  async function columns(element: Locator, shares: readonly number[]): Promise<Colour[][]> {
    const { x, y, width, height } = (await element.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const clip = { x: Math.floor(x), y: Math.floor(y), width: Math.ceil(width), height: Math.ceil(height) };
    const picture = await element.page().screenshot({ clip, animations: 'disabled' });
    // An empty page of another window has no policy that forbids reading the picture.
    const reader = await browser.current.newPage();
    const pixels = await reader.evaluate(
      async ([base64, all]) => {
        const image = new Image();
        image.src = `data:image/png;base64,${base64}`;
        await image.decode();
        const paper = new OffscreenCanvas(image.width, image.height).getContext('2d');
        paper?.drawImage(image, 0, 0);
        return all.map((share) => {
          const { data = [] } = paper?.getImageData(Math.floor(image.width * share), 0, 1, image.height) ?? {};
          return [...data];
        });
      },
      [picture.toString('base64'), shares] as const,
    );
    await reader.close();
    return pixels.map((values) =>
      Array.from({ length: values.length / 4 }, (_, row) => {
        const [red = 0, green = 0, blue = 0] = values.slice(4 * row);
        return [red, green, blue];
      }),
    );
  }

  /** The highest contrast between two pixels of the same height. */
  const highest = (one: readonly Colour[], other: readonly Colour[]) =>
    Math.max(...one.map((colour, row) => contrast(colour, other[row] ?? colour)));

  describe.each(['light', 'dark'] as const)('with forced colours on a %s ground', (colorScheme) => {
    test('the filled part of each bar differs from its empty part, and both from nothing', () =>
      visiting({ forcedColors: 'active', colorScheme }, async (visit) => {
        const { page } = visit;
        await visit.beginSlowly(8 * MIB);
        await visit.total.getByRole('button', { name: 'Pause all' }).click();
        await page.locator('aside.total.paused').waitFor();
        const done = Number(await page.locator('.total progress').evaluate((bar: HTMLProgressElement) => bar.position));
        expect(done).toBeGreaterThan(0.02);
        expect(done).toBeLessThan(0.9);
        await page.evaluate(() => scrollTo(0, 0));
        const total = page.locator('.total progress');
        const uppy = page.locator('.uppy-StatusBar');
        const ruler = page.locator('.ruler .ground');
        // Below its bar, Uppy writes how far it is.
        for (const [bar, name, height] of [
          [total, 'the total', 7],
          [uppy, 'the bar of Uppy', 5],
          [ruler, 'the ruler', 28],
        ] as const) {
          const whole = await columns(bar, [done / 2, 0.97]);
          const [filled = [], empty = []] = whole.map((colours) => colours.slice(0, height));
          expect(highest(filled, empty), `${name}: filled and empty`).toBeGreaterThanOrEqual(3);
          // A line shows where the empty part ends.
          const [first = [0, 0, 0]] = empty;
          expect(
            highest(
              empty,
              empty.map(() => first),
            ),
            `${name}: the edge`,
          ).toBeGreaterThanOrEqual(3);
        }
      }));
  });

  /** What is cut off, hidden or wider than its place, as a list of sentences. */
  function faults(page: Page): Promise<string[]> {
    return page.evaluate(() => {
      const wide = document.documentElement.clientWidth;
      const told: string[] = [];
      const name = (one: Element) => `${one.tagName.toLowerCase()}.${[...one.classList].join('.')}`;
      for (const one of document.querySelectorAll('#app *')) {
        // A hidden text is for screen readers. The list of a select is drawn by the browser.
        if (one.closest('.hidden, .skip, select, [hidden], [aria-hidden=true]') || !one.checkVisibility()) continue;
        const { left, right, width } = one.getBoundingClientRect();
        if (width > 0 && (left < -1 || right > wide + 1)) told.push(`${name(one)} leaves the window`);
        const { overflowX, overflowY } = getComputedStyle(one);
        if (overflowX !== 'visible' && one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
          told.push(`${name(one)} is ${one.scrollWidth} px wide in ${one.clientWidth} px`);
        const isCut = /hidden|clip/.test(overflowY) && one.clientHeight > 0 && one.scrollHeight > one.clientHeight + 1;
        if (isCut) told.push(`${name(one)} is ${one.scrollHeight} px high in ${one.clientHeight} px`);
        const frame = one instanceof SVGTextElement ? one.ownerSVGElement?.getBoundingClientRect() : undefined;
        if (frame && right > frame.right + 1) told.push(`the mark ${one.textContent} is cut off`);
      }
      return [...new Set(told)];
    });
  }

  /** The number of visible cells in each row of each table, and of visible entries in each list. */
  function parts(page: Page): Promise<string[]> {
    return page.evaluate(() =>
      [...document.querySelectorAll('tr, ul, ol, dl, .legend, .switch-list')]
        .filter((one) => one.checkVisibility())
        .map((one) => {
          const shown = [...one.children].filter((child) => {
            const { width, height } = child.getBoundingClientRect();
            return child.checkVisibility() && width > 0 && height > 0;
          });
          return `${one.tagName} ${one.className}: ${shown.length} of ${one.children.length}`;
        }),
    );
  }

  test.each(['en-US', 'zh-CN'])('at 360 px nothing vanishes, is cut off or scrolls to the side: %s', (locale) =>
    visiting({ locale, viewport: { width: 360, height: 740 } }, async (visit) => {
      const { page } = visit;
      for (const summary of await page.locator('.fold > summary').all()) await summary.click();
      await page.locator('.area-doctor button').first().click();
      await page.locator('.area-doctor :is(.verdict, .notice)').first().waitFor();
      const names = [`${'long-name-'.repeat(15)}.bin`, `${'很长的文件名'.repeat(12)}.bin`];
      await visit.pickPath(...names.map((name, index) => onDisk(picked(name, (6 + index) * MIB))));
      await visit.upload();
      await visit.allStored();
      await visit.proven();
      await page.locator('.area-log pre').waitFor();
      expect(await faults(page)).toEqual([]);
      const narrow = await parts(page);
      expect(narrow.filter((part) => !/: (\d+) of \1$/.test(part))).toEqual([]);
      expect(narrow.filter((part) => part === 'TR : 6 of 6').length, 'rows of segments').toBeGreaterThan(3);
      await expect.poll(() => page.locator('.segments').ariaSnapshot()).toMatch(/columnheader.*\n.*columnheader/);
      await page.setViewportSize({ width: 1300, height: 900 });
      expect(await parts(page), 'the same parts as in a wide window').toEqual(narrow);
    }),
  );

  /** The place of an element in the window. */
  async function placeOf(element: Locator): Promise<{ x: number; y: number; right: number; bottom: number }> {
    const { x = 0, y = 0, width = 0, height = 0 } = (await element.boundingBox()) ?? {};
    return { x, y, right: x + width, bottom: y + height };
  }

  test('in a wide list, the mark of a stored file is not behind the button that removes the file', () =>
    visiting({ viewport: { width: 720, height: 700 } }, async (visit) => {
      await visit.pick(picked('one.bin', 3000));
      await visit.upload();
      await visit.allStored();
      const mark = await placeOf(visit.page.locator('.is-complete .uppy-Dashboard-Item-progressIndicator'));
      const remove = await placeOf(visit.page.locator('.uppy-Dashboard-Item-action--remove'));
      expect(mark.right > remove.x && remove.right > mark.x).toBe(false);
    }));

  test('the preview of a recording does not touch the text above it', () =>
    visiting({}, async ({ page }) => {
      await page.locator('.area-record > summary').click();
      await page.getByRole('button', { name: 'Record: Camera' }).click();
      await page.locator('video').waitFor();
      const [note, video] = [await placeOf(page.locator('.area-record .note')), await placeOf(page.locator('video'))];
      expect(video.y - note.bottom).toBeGreaterThanOrEqual(8);
    }));

  test('at 200 % zoom something visible moves during an upload, without scrolling', () =>
    visiting({ viewport: { width: 650, height: 450 }, deviceScaleFactor: 2 }, async (visit) => {
      const { page } = visit;
      await visit.beginSlowly(16 * MIB);
      await page.evaluate(() => scrollTo(0, 0));
      const bar = page.locator('.total progress');
      const { y = -1, height = 0 } = (await bar.boundingBox()) ?? {};
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y + height).toBeLessThanOrEqual(450);
      // The number of columns that differ from the right end of the bar. Nothing else of the page is in this picture.
      const filled = async () => {
        const [end = [], ...others] = await columns(bar, [0.97, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5]);
        return others.filter((one) => highest(one, end) > 1.5).length;
      };
      const first = await filled();
      await expect.poll(filled, { interval: 500 }).toBeGreaterThan(first + 1);
      const text = await page.locator('.total strong').textContent();
      await expect.poll(() => page.locator('.total strong').textContent()).not.toBe(text);
    }));
});
