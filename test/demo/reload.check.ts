/** A reload at a bad moment: right after a file was stored, and before the browser has kept the data of all files. */
import type { Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import { untilKept } from './kept.ts';
import { browsers, MIB, onDisk, picked, type Visit } from './visit.ts';
import { useVisits } from './visits.ts';

describe.each(browsers)('in %s', (name) => {
  const visits = useVisits(name);

  /**
   * Reloads the page in the moment in which the list shows that a file is stored. Returns a function that tells whether
   * the page has asked OSS for an object since then.
   */
  async function reloadWhenStored({ page, demo }: Visit): Promise<() => boolean> {
    let before = 0;
    const reloaded = page.waitForEvent('framenavigated').then(() => {
      before = demo.oss.requests.length;
    });
    await page.evaluate(() => {
      const look = () => {
        if (!document.querySelector('.uppy-Dashboard-Item.is-complete')) return;
        observer.disconnect();
        location.reload();
      };
      const observer = new MutationObserver(look);
      observer.observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    await page.locator('.uppy-StatusBar-actionBtn--upload').click();
    await reloaded;
    await page.waitForLoadState();
    return () => demo.oss.requests.slice(before).some(({ operation }) => operation === 'HeadObject');
  }

  /**
   * From now on, the browser saves only the next `most` records of this store of Golden Retriever. So the other records
   * are missing after a reload, even if the browser saves very fast.
   */
  async function saveOnly(most: number, store: 'metadata' | 'files', page: Page): Promise<void> {
    await page.evaluate(
      ([limit, limited]) => {
        let saved = 0;
        for (const name of ['add', 'put'] as const) {
          const save = IDBObjectStore.prototype[name];
          const saveSome = function (this: IDBObjectStore, ...record: Parameters<typeof save>) {
            return this.name === limited && saved++ >= limit ? this.count() : save.apply(this, record);
          };
          Object.assign(IDBObjectStore.prototype, { [name]: saveSome });
        }
      },
      [most, store] as const,
    );
  }

  test('after a reload right after the last file was stored, the list is empty and nobody is asked for a file', async () => {
    const visit = await visits.begin();
    const { page } = visit;
    await visit.pick(picked('stored.bin', 300_000));
    await untilKept(page, 1);
    await saveOnly(0, 'metadata', page);
    const asked = await reloadWhenStored(visit);
    await visit.ready();
    // The page asks OSS whether the restored file is stored, and then removes the file from the list.
    await expect.poll(asked).toBe(true);
    const traces = page.locator('.uppy-Dashboard-Item, .area-upload .notice, .uppy-Dashboard-serviceMsg');
    await expect.poll(() => traces.count()).toBe(0);
    const next = picked('next.bin', 3000);
    await visit.pick(next);
    await visit.upload();
    await visit.allStored();
    expect(visit.stored('next.bin')?.equals(next.buffer)).toBe(true);
    expect(visit.positions('stored.bin')).toEqual([...new Set(visit.positions('stored.bin'))]);
  });

  test('after a reload right after one of two files was stored, the other one goes on', async () => {
    const visit = await visits.begin();
    const { page } = visit;
    await visit.switchOn('Slow link');
    const large = picked('large.bin', 16 * MIB);
    await visit.pickPath(onDisk(large), onDisk(picked('small.bin', 1000)));
    await visit.item('small.bin').waitFor();
    await untilKept(page, 2);
    await saveOnly(0, 'metadata', page);
    page.on('dialog', (dialog) => void dialog.accept());
    const asked = await reloadWhenStored(visit);
    await visit.ready();
    await expect.poll(asked).toBe(true);
    await visit.item('small.bin').waitFor({ state: 'detached' });
    expect(await page.locator('.notice.ghosts').count()).toBe(0);
    await visit.switchOn('Slow link', false);
    await visit.upload();
    await page.locator('aside.total.stored', { hasText: 'Files: 1' }).waitFor();
    expect(visit.stored('large.bin')?.equals(large.buffer)).toBe(true);
    expect(visit.positions('small.bin')).toHaveLength(1);
    expect(visit.positions('large.bin')).toEqual([...new Set(visit.positions('large.bin'))]);
  });

  test.each([0, 3, 8])(
    'after a reload, the page asks for each of 8 files except the %i whose data the browser kept',
    async (whole) => {
      const visit = await visits.begin();
      const { page } = visit;
      const files = Array.from({ length: 8 }, (_, number) => picked(`dropped-${number}.bin`, MIB / 2 + number));
      await saveOnly(whole, 'files', page);
      await visit.drop('footer', ...files);
      await untilKept(page, 8, { whole });
      await page.reload();
      const items = page.locator('.uppy-Dashboard-Item');
      await expect.poll(() => items.count()).toBe(8);
      expect(await page.locator('.uppy-Dashboard-Item.is-ghost').count()).toBe(8 - whole);
      expect(await page.locator('.uppy-Dashboard-Item.is-complete').count()).toBe(0);
      await expect.poll(() => page.getByText('We restored all files').count()).toBe(whole === 8 ? 1 : 0);
      await expect.poll(() => page.locator('.notice.ghosts').count()).toBe(whole === 8 ? 0 : 1);
      if (whole < 8) await page.getByRole('button', { name: 'Remove from the list' }).click();
      await expect.poll(() => items.count()).toBe(whole);
      if (whole === 0) return;
      await visit.upload();
      await page.locator('aside.total.stored', { hasText: `Files: ${whole}` }).waitFor();
      const stored = files.filter(({ name: file, buffer }) => visit.stored(file)?.equals(buffer));
      expect(stored).toHaveLength(whole);
    },
  );
});
