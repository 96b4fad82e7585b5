/** What a user does with a recording besides its usual course: a double click, a lost network, another writer. */
import type { Page } from 'playwright';
import { beforeEach, describe, expect, test } from 'vitest';
import { browsers, type Visit } from './visit.ts';
import { useVisits } from './visits.ts';

/** Keeps the streams that the browser gives to the page, so that a test sees whether their devices are off. */
async function watchDevices(page: Page): Promise<void> {
  await page.evaluate(() => {
    const streams: MediaStream[] = [];
    const { mediaDevices } = navigator;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wanted) => {
      const stream = await open(wanted);
      streams.push(stream);
      return stream;
    };
    Object.assign(globalThis, { streams });
  });
}

/** The state of each track of each stream, such as `live`. */
function devices(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    (globalThis as unknown as { streams: MediaStream[] }).streams.flatMap((stream) =>
      stream.getTracks().map(({ readyState }) => readyState),
    ),
  );
}

describe.each(browsers)('in %s', (name) => {
  const visits = useVisits(name);
  let visit: Visit;

  beforeEach(async () => {
    visit = await visits.begin();
    await watchDevices(visit.page);
    await visit.openFold('Record live');
  });

  const card = () => visit.page.locator('.area-record');
  const begin = () => visit.page.getByRole('button', { name: 'Record: Microphone' });
  const stop = () => visit.page.getByRole('button', { name: 'Stop' });
  const stored = () => visit.page.locator('.ruler > svg .stored').first();

  test('a double click begins one recording, and no device stays on after its end', async () => {
    const { page } = visit;
    await begin().evaluate((button: HTMLButtonElement) => {
      button.click();
      button.click();
    });
    await stored().waitFor();
    await stop().click();
    await card().locator('.verdict.stored').waitFor();
    expect(await devices(page)).toEqual(['ended']);
    expect(visit.keys().filter((key) => key.includes('microphone'))).toHaveLength(1);
  });

  test('a recording says that the network is away, and its rest is stored when the network is back', async () => {
    const { page } = visit;
    await begin().click();
    await stored().waitFor();
    await visit.switchOn('Go offline');
    await page.locator('.trouble', { hasText: 'You are offline' }).waitFor();
    await stop().click();
    // The device is off at once, and the page says what it still waits for.
    await card().getByText('the rest is on its way').waitFor();
    expect(await devices(page)).toEqual(['ended']);
    await visit.switchOn('Go offline', false);
    await card().locator('.verdict.stored').waitFor();
    await page.locator('.trouble').waitFor({ state: 'detached' });
  });

  test('the focus moves from the button that ends a recording to one that begins the next', async () => {
    await begin().click();
    await stored().waitFor();
    await stop().press('Enter');
    await card().locator('.verdict.stored').waitFor();
    const focused = () => visit.page.evaluate(() => document.activeElement?.textContent ?? '');
    await expect.poll(focused).toMatch(/^Record: /);
  });

  test('a recording that another writer disturbs says so in its card, and is no file that failed', async () => {
    const { page } = visit;
    await begin().click();
    await stored().waitFor();
    await page.getByRole('button', { name: 'Let another writer append' }).click();
    await card().locator('.verdict.failed', { hasText: 'Record again' }).waitFor();
    expect(await page.locator('.notice.bad').count()).toBe(0);
    expect(await page.locator('.events [data-kind=failed]').textContent()).not.toContain('under a new name');
    expect(await devices(page)).toEqual(['ended']);
    await begin().click();
    await card().locator('.verdict.failed').waitFor({ state: 'detached' });
    await stop().click();
    await card().locator('.verdict.stored').waitFor();
  });
});
