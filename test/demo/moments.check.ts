/** What users do at odd moments, and in odd browsers: each of these showed something untrue, or nothing, or lost the focus. */
import { writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { browsers, MIB, picked, Visit } from './visit.ts';
import { useVisits } from './visits.ts';

describe.each(browsers)('in %s', (name) => {
  const visits = useVisits(name);
  let visit: Visit;

  beforeEach(async () => {
    visit = await visits.begin();
  });

  const on = () => visit.page.locator('.area-break .switch.on label').allTextContents();

  test('faults that are switched on at the same moment are all switched on, also after a reload', async () => {
    const { page } = visit;
    await page.locator('.area-break').evaluate((card) => {
      const inputs = [...card.querySelectorAll<HTMLInputElement>('.switch input')];
      for (const input of inputs.slice(1, 4)) input.click();
    });
    const all = ['Lose answers', 'Drop connections', 'Answer late'];
    await expect.poll(on).toEqual(all);
    await page.reload();
    await visit.ready();
    await expect.poll(on).toEqual(all);
  });

  test('a switch stays off if the server does not take the change', async () => {
    const { page, demo } = visit;
    await demo.close();
    const control = page.getByRole('switch', { name: 'Lose answers' });
    await control.evaluate((input: HTMLInputElement) => input.click());
    await page.locator('.area-break [role=alert]').waitFor();
    expect(await control.isChecked()).toBe(false);
    expect(await on()).toEqual([]);
  });

  test('an object keeps its proof, and without its file the page does not promise one', async () => {
    const { page } = visit;
    const choose = (file: string) =>
      page
        .locator('.area-object select')
        .selectOption({ label: visit.keys().find((key) => key.endsWith(`/${file}`)) ?? '' });
    const store = async (file: string) => {
      await visit.pick(picked(file, 30_000));
      await visit.upload();
      await visit.item(file).and(page.locator('.is-complete')).waitFor();
      await visit.allStored();
    };
    await store('one.bin');
    await visit.proven();
    await choose('one.bin');
    // This object is never shown while its file is in the list.
    await store('two.bin');
    await page.locator('.uppy-StatusBar-actionBtn--done').click();
    await page.locator('.uppy-Dashboard-Item').first().waitFor({ state: 'detached' });
    await choose('two.bin');
    await page.locator('.proof', { hasText: 'nothing to compare the object with' }).waitFor();
    expect(await page.getByRole('button', { name: 'Compare again' }).count()).toBe(0);
    await choose('one.bin');
    await visit.proven();
    expect((await visit.events()).filter((kind) => kind === 'proven')).toHaveLength(1);
  });

  test('the bar of an empty file is empty until the file is stored', async () => {
    const { page } = visit;
    const position = () => page.locator('.total progress').evaluate((bar: HTMLProgressElement) => bar.position);
    await visit.switchOn('Go offline');
    await visit.pick(picked('empty.txt', 0, 'text/plain'));
    await visit.upload();
    await page.locator('.trouble', { hasText: 'You are offline' }).waitFor();
    expect(await position()).toBe(0);
    await visit.switchOn('Go offline', false);
    await visit.allStored();
    expect(await position()).toBe(1);
  });

  // Firefox reads on in a file that changed, and waits for bytes if the file has become shorter.
  test.skipIf(name === 'firefox')(
    'a file that changed on the disk is picked again, and replaces the old one',
    async () => {
      const { page } = visit;
      const { path } = await visit.beginSlowly(8 * MIB);
      const changed = picked('changed', 2 * MIB);
      writeFileSync(path, changed.buffer);
      const notice = page.locator('.notice.bad', { hasText: 'the file changed' });
      await notice.waitFor();
      expect(await notice.getByRole('button', { name: 'Try again' }).count()).toBe(0);
      await visit.switchOn('Slow link', false);
      const choosing = page.waitForEvent('filechooser');
      await notice.getByRole('button', { name: 'Pick again' }).click();
      await (await choosing).setFiles(path);
      await notice.waitFor({ state: 'detached' });
      await visit.upload();
      await visit.allStored();
      await visit.proven();
      expect(await page.locator('.uppy-Dashboard-Item').count()).toBe(1);
      expect(visit.stored('slow (2).bin')?.equals(changed.buffer)).toBe(true);
    },
  );

  test('many files that fail at once cover neither the list nor the reason, and can all be tried again', async () => {
    const { page } = visit;
    await visit.switchOn('Flip a bit');
    await visit.pick(...Array.from({ length: 12 }, (_, n) => picked(`flipped-${n}.bin`, 300 + n)));
    await visit.upload();
    const notice = page.locator('.notice.bad', { hasText: 'More files that failed: 9' });
    await notice.waitFor();
    expect(await notice.locator('li').count()).toBe(3);
    // Uppy draws each message twice. A screen reader must not say it twice.
    const messages = await page.locator('.uppy-Informer p:visible').allTextContents();
    expect(messages.length).toBeLessThanOrEqual(2);
    expect(new Set(messages).size).toBe(messages.length);
    await visit.switchOn('Flip a bit', false);
    await visit.total.getByRole('button', { name: 'Retry all' }).click();
    await visit.allStored();
    await notice.waitFor({ state: 'detached' });
  });

  test.each([
    ['Store under a new name', '.notice.bad'],
    ['Retry all', 'aside.total'],
  ])('the focus stays in the page when the button “%s” goes away', async (label, place) => {
    const { page } = visit;
    await visit.switchOn('Flip a bit');
    await visit.pick(picked('flipped.bin', 300_000));
    await visit.upload();
    await page.locator('aside.total.failed').waitFor();
    await visit.switchOn('Flip a bit', false);
    await page.locator(place).getByRole('button', { name: label }).press('Enter');
    await visit.allStored();
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).not.toBe('BODY');
  });

  test('the button of the doctor keeps the focus', async () => {
    const { page } = visit;
    await visit.openFold('Doctor');
    await page.getByRole('button', { name: 'Examine' }).press('Enter');
    await page.locator('.area-doctor .verdict').waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Examine');
  });

  test('if the browser does not let the page copy the code, the button says so', async () => {
    const { page } = visit;
    await page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new DOMException('Not allowed', 'NotAllowedError'));
    });
    await visit.openFold('Show the code');
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'The browser does not allow it' }).waitFor();
    expect(visit.complaints).toEqual([]);
  });

  test('a browser that keeps no data for the page can upload all the same', async () => {
    const page = await visits.context.newPage();
    await page.addInitScript(() => {
      const refuse = () => {
        throw new DOMException('Denied', 'SecurityError');
      };
      for (const storage of ['localStorage', 'sessionStorage']) Object.defineProperty(window, storage, { get: refuse });
      IDBFactory.prototype.open = refuse;
    });
    const other = await Visit.in(page, visit.demo);
    const file = picked('unkept.bin', 300_000);
    await other.pick(file);
    await other.upload();
    await other.allStored();
    await other.proven();
    expect(other.stored('unkept.bin')?.equals(file.buffer)).toBe(true);
    expect(other.complaints).toEqual([]);
  });

  test('a tab that follows says that no answer comes, and goes on where it stopped', async () => {
    const { demo } = visit;
    await visit.beginSlowly(3 * MIB);
    const opening = visits.context.waitForEvent('page');
    await visit.page.getByRole('link', { name: 'Follow this object in a second tab' }).click();
    const follower = await opening;
    await follower.locator('dl.facts', { hasText: /\d\sMiB/ }).waitFor();
    await follower.route(`${demo.ossUrl}/**`, (route) => route.abort());
    await follower.getByText('No answer from OSS').waitFor();
    await follower.getByText('The following ended: no answer came').waitFor({ timeout: 100_000 });
    await visit.allStored();
    await visit.proven();
    await follower.unroute(`${demo.ossUrl}/**`);
    await follower.getByRole('button', { name: 'Try again' }).click();
    await follower.locator('dl.facts', { hasText: '(3,145,728)' }).waitFor();
    const crc = await follower.locator('dl.facts dd').last().textContent();
    expect(await visit.page.locator('.proof tbody code').last().textContent()).toBe(crc);
    expect(await follower.locator('.verdict').count()).toBe(0);
  });
});
