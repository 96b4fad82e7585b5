/** A reload at a bad moment: right after a file was stored, and right after files were dropped. */
import type { Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import { browsers, MIB, onDisk, type Picked, picked, type Visit } from './visit.ts';
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

  /** The browser has no time to save the list again. Without this, a fast browser may save it just before the reload. */
  async function neverSaveAgain(page: Page): Promise<void> {
    await page.evaluate(() => {
      const { put } = IDBObjectStore.prototype;
      Object.assign(IDBObjectStore.prototype, {
        put(this: IDBObjectStore, ...record: Parameters<IDBObjectStore['put']>) {
          return this.name === 'metadata' ? this.count() : put.apply(this, record);
        },
      });
    });
  }

  /** The number of files whose data, and the number of files whose names, the browser keeps. */
  const kept = (page: Page) =>
    page.evaluate(
      () =>
        new Promise<string>((resolve, reject) => {
          const opening = indexedDB.open('uppy-blobs');
          opening.onerror = reject;
          opening.onsuccess = () => {
            const work = opening.result.transaction(['files', 'metadata']);
            const data = work.objectStore('files').count();
            const lists = work.objectStore('metadata').getAll();
            work.onerror = reject;
            work.oncomplete = () => {
              opening.result.close();
              const files = lists.result.flatMap(({ metadata }) => Object.keys(JSON.parse(metadata).files));
              resolve(`${data.result} of ${files.length}`);
            };
          };
        }),
    );

  test('after a reload right after the last file was stored, the list is empty and nobody is asked for a file', async () => {
    const visit = await visits.begin();
    const { page } = visit;
    await visit.pick(picked('stored.bin', 300_000));
    await expect.poll(() => kept(page)).toBe('1 of 1');
    await neverSaveAgain(page);
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
    await expect.poll(() => kept(page)).toBe('2 of 2');
    await neverSaveAgain(page);
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

  /** Drops files, and reloads the page in the same moment, or as soon as the list shows a file. */
  async function dropAndReload(page: Page, files: readonly Picked[], waitsForList: boolean): Promise<void> {
    const plain = files.map(({ name: file, buffer }) => ({ file, text: buffer.toString('latin1') }));
    const reloaded = page.waitForEvent('framenavigated');
    await page.evaluate(
      ([all, waits]) => {
        const dataTransfer = new DataTransfer();
        for (const { file, text } of all)
          dataTransfer.items.add(new File([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], file));
        for (const kind of ['dragenter', 'dragover', 'drop'])
          document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
        const look = () => {
          if (!waits || document.querySelector('.uppy-Dashboard-Item')) location.reload();
          else requestAnimationFrame(look);
        };
        look();
      },
      [plain, waitsForList] as const,
    );
    await reloaded;
    await page.waitForLoadState();
  }

  test.each([
    ['at once', false],
    ['as soon as the list shows a file', true],
  ])(
    'after a reload right after a drop, no file is said to be kept whose data is gone: %s',
    async (_, waitsForList) => {
      const visit = await visits.begin();
      const { page } = visit;
      const files = Array.from({ length: 8 }, (__, number) => picked(`dropped-${number}.bin`, MIB / 2 + number));
      await dropAndReload(page, files, waitsForList);
      await visit.ready();
      // The list is restored a moment after the Dashboard is there.
      const restored = (await kept(page)).endsWith('of 0') ? 0 : files.length;
      await expect.poll(() => page.locator('.uppy-Dashboard-Item').count()).toBe(restored);
      const ghosts = await page.locator('.uppy-Dashboard-Item.is-ghost').count();
      expect(await page.locator('.notice.ghosts').count()).toBe(ghosts > 0 ? 1 : 0);
      expect(await page.locator('.uppy-Dashboard-Item.is-complete').count()).toBe(0);
      expect(await page.getByText('We restored all files').count()).toBe(restored > 0 && ghosts === 0 ? 1 : 0);
      if (ghosts > 0) await page.getByRole('button', { name: 'Remove from the list' }).click();
      await expect.poll(() => page.locator('.uppy-Dashboard-Item').count()).toBe(restored - ghosts);
      // Each file that the page shows as restored has all of its data.
      if (restored === ghosts) return;
      await visit.upload();
      await page.locator('aside.total.stored', { hasText: `Files: ${restored - ghosts}` }).waitFor();
      const held = files.filter(({ name: file, buffer }) => visit.stored(file)?.equals(buffer));
      expect(held).toHaveLength(restored - ghosts);
    },
  );
});
