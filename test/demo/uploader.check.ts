/** What users do with the list of files: folders, more files meanwhile, cancel, removal, retry, and files picked again. */
import type { Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import type { FaultSchedule } from '../../src/testing/index.ts';
import { untilKept } from './kept.ts';
import { browsers, folderOnDisk, MIB, onDisk, picked, Visit } from './visit.ts';
import { useVisits, type Visits } from './visits.ts';

/** The default of one second is too short for a slow machine. */

describe.each(browsers)('in %s', (name) => {
  const visits = useVisits(name);
  let visit: Visit;

  async function begin(options?: Parameters<Visits['begin']>[0]): Promise<Visit> {
    visit = await visits.begin(options);
    return visit;
  }

  const TRIP = { 'map.bin': picked('map.bin', 3000), 'day 1/beach.bin': picked('beach.bin', 5000) };

  /** Each file of the folder is stored below the name of the folder. */
  async function expectTrip(): Promise<void> {
    await visit.upload();
    await visit.allStored();
    for (const [path, { buffer }] of Object.entries(TRIP))
      expect(visit.stored(`trip/${path}`)?.equals(buffer), path).toBe(true);
  }

  test('a folder that is picked is stored with its paths', async () => {
    const { page } = await begin();
    if (name === 'chromium')
      await page.locator('input[type=file][webkitdirectory]').setInputFiles(folderOnDisk('trip', TRIP));
    else await pickEntries(page);
    await visit.item('beach.bin').waitFor();
    await expectTrip();
  });

  test('a folder that is dropped is stored with its paths', async () => {
    const { page } = await begin();
    if (name === 'chromium') await dropFromDisk(page, folderOnDisk('trip', TRIP));
    else await dropEntries(page);
    await visit.item('beach.bin').waitFor();
    await expectTrip();
  });

  /** Drops a real folder, as a file manager does. Only Chromium lets a test do this. */
  async function dropFromDisk(page: Page, path: string): Promise<void> {
    const session = await visits.context.newCDPSession(page);
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await session.send('Input.dispatchDragEvent', { type, x: 300, y: 300, data });
  }

  /** Files with the paths that a picked folder gives them. Firefox lets no test pick a real folder. */
  async function pickEntries(page: Page): Promise<void> {
    const plain = Object.entries(TRIP).map(([path, { name: file, buffer }]) => [path, file, buffer.toString('latin1')]);
    await page.locator('input[type=file][webkitdirectory]').evaluate((input, all) => {
      const files = all.map(([path = '', file = '', text = '']) => {
        const made = new File([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], file);
        return Object.defineProperty(made, 'webkitRelativePath', { value: `trip/${path}` });
      });
      Object.defineProperty(input, 'files', { value: files, configurable: true });
      input.dispatchEvent(new Event('change', { bubbles: true }));
    }, plain);
  }

  /** Drops an entry of the file system that is made of data. A script cannot make a real one. */
  async function dropEntries(page: Page): Promise<void> {
    const plain = Object.entries(TRIP).map(([path, { name: file, buffer }]) => [path, file, buffer.toString('latin1')]);
    await page.evaluate((all) => {
      const fileEntry = ([path = '', file = '', text = '']: string[]) => {
        const data = new File([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], file);
        const take = (done: (taken: File) => void) => done(data);
        return { isFile: true, isDirectory: false, name: file, fullPath: `/trip/${path}`, file: take };
      };
      const folderEntry = (folder: string, fullPath: string, entries: object[]) => {
        const batches = [entries, []];
        const createReader = () => ({ readEntries: (done: (batch: object[]) => void) => done(batches.shift() ?? []) });
        return { isFile: false, isDirectory: true, name: folder, fullPath, createReader };
      };
      const [map = [], beach = []] = all;
      const inner = folderEntry('day 1', '/trip/day 1', [fileEntry(beach)]);
      const entry = folderEntry('trip', '/trip', [fileEntry(map), inner]);
      const item = { kind: 'file', type: '', webkitGetAsEntry: () => entry, getAsFile: () => null };
      const drop = new Event('drop', { bubbles: true, cancelable: true });
      Object.defineProperty(drop, 'dataTransfer', { value: { types: ['Files'], items: [item], files: [] } });
      document.querySelector('footer')?.dispatchEvent(drop);
    }, plain);
  }

  test('files can be dropped, pasted and picked while another one is in flight, and the page shows the remaining time', async () => {
    const { page } = await begin();
    const slow = await visit.beginSlowly(16 * MIB);
    const more = [picked('dropped.bin', 2000), picked('pasted.bin', 3000), picked('picked.bin', 4000)] as const;
    await page.locator('.total .speed', { hasText: /[KM]iB\/s · .*left/ }).waitFor();
    await visit.drop('footer', more[0]);
    await visit.paste(more[1]);
    await visit.item('pasted.bin').waitFor();
    await visit.pick(more[2]);
    await visit.upload();
    await visit.switchOn('Slow link', false);
    await page.locator('aside.total.stored', { hasText: 'Files: 4' }).waitFor();
    for (const file of [slow, ...more]) expect(visit.stored(file.name)?.equals(file.buffer), file.name).toBe(true);
  });

  test('removing one file that waits, is in flight or is stored does not disturb the others', async () => {
    const { page } = await begin();
    const remove = (file: string) =>
      visit
        .item(file)
        .getByRole('button', { name: /Remove/ })
        .click();
    // Four files are in flight at the same time, for at least eight seconds. The others wait.
    const files = [8, 8, 8, 8, 1, 1].map((size, index) => picked(`file-${index + 1}.bin`, size * MIB));
    const done = picked('done.bin', 1000);
    await visit.pick(done);
    await visit.upload();
    await visit.allStored();
    await visit.switchOn('Slow link');
    await visit.pickPath(...files.map(onDisk));
    await visit.item('file-6.bin').waitFor();
    await visit.upload();
    await page.locator('.ruler > svg .stored').first().waitFor();
    await remove('file-6.bin');
    await remove('file-2.bin');
    await remove('done.bin');
    await visit.switchOn('Slow link', false);
    await page.locator('aside.total.stored', { hasText: 'Files: 4' }).waitFor();
    for (const { name: file, buffer } of files)
      if (/[1345]/.test(file)) expect(visit.stored(file)?.equals(buffer), file).toBe(true);
    expect(visit.positions('file-6.bin')).toEqual([]);
    expect(visit.stored('file-2.bin')?.length ?? 0).toBeLessThan(8 * MIB);
    // The list forgets a stored file, and OSS keeps its object.
    expect(visit.stored('done.bin')?.equals(done.buffer)).toBe(true);
    expect(await page.locator('.uppy-Dashboard-Item').count()).toBe(4);
  });

  test('“cancel all” stops the uploads and empties the list, and the same file then goes on where its object ends', async () => {
    const { page, demo } = await begin();
    const { path, buffer } = await visit.beginSlowly(16 * MIB);
    await page.locator('.uppy-StatusBar').getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.uppy-Dashboard-Item').waitFor({ state: 'detached' });
    await page.locator('.badge.cancelled').waitFor();
    await page.locator('aside.total').waitFor({ state: 'detached' });
    expect(await visit.events()).toContain('cancelled');
    await expect.poll(() => demo.oss.busy).toBe(0);
    const held = visit.stored('slow.bin')?.length ?? 0;
    expect(held).toBeLessThan(buffer.length);
    const asked: string[] = [];
    page.on('dialog', (dialog) => asked.push(dialog.type()));
    await page.reload();
    await visit.ready();
    expect(asked).toEqual([]);
    expect(visit.stored('slow.bin')?.length).toBe(held);
    await visit.switchOn('Slow link', false);
    await visit.pickPath(path);
    await page.locator('.notice', { hasText: 'already holds the first' }).waitFor();
    await visit.upload();
    await visit.allStored();
    expect(visit.stored('slow.bin')?.equals(buffer)).toBe(true);
    expect(visit.positions('slow.bin')).toEqual([...new Set(visit.positions('slow.bin'))]);
  });

  /** OSS refuses the second append of a file, and the library does not retry it. The next attempt of the user succeeds. */
  function refuseOnce(): FaultSchedule {
    let appends = 0;
    return ({ operation, key }) => {
      if (operation !== 'AppendObject' || key.includes('/logs/')) return undefined;
      return ++appends === 2 ? { kind: 'deny' } : undefined;
    };
  }

  test.each([
    ['Try again', '.notice.bad'],
    ['Retry all', 'aside.total'],
  ])('after a failure “%s” goes on where the object ends', async (label, place) => {
    const { page } = await begin({ faults: refuseOnce() });
    const file = picked('refused.bin', 6 * MIB);
    await visit.pick(file);
    await visit.upload();
    await page.locator('aside.total.failed').waitFor();
    expect(await page.locator('.notice.bad').textContent()).toContain('AccessDenied');
    expect(visit.stored('refused.bin')?.length ?? 0).toBeGreaterThan(0);
    await page.locator(place).getByRole('button', { name: label }).click();
    await visit.allStored();
    await visit.proven();
    expect(await visit.events()).toContain('went-on');
    expect(visit.stored('refused.bin')?.equals(file.buffer)).toBe(true);
    expect(visit.positions('refused.bin')).toEqual([...new Set(visit.positions('refused.bin'))]);
  });

  test('a file that is added after a failure is uploaded, and the failed one is tried again with it', async () => {
    const { page } = await begin({ faults: refuseOnce() });
    const files = [picked('refused.bin', 6 * MIB), picked('other.bin', 3000)] as const;
    await visit.pick(files[0]);
    await visit.upload();
    await page.locator('aside.total.failed').waitFor();
    await visit.pick(files[1]);
    await visit.total.getByRole('button', { name: 'Upload all' }).click();
    await page.locator('aside.total.stored', { hasText: 'Files: 2' }).waitFor();
    for (const { name: file, buffer } of files) expect(visit.stored(file)?.equals(buffer), file).toBe(true);
    expect(visit.positions('refused.bin')).toEqual([...new Set(visit.positions('refused.bin'))]);
  });

  /** Deletes the data that the browser keeps, as if the browser had been closed before it wrote the data. */
  async function forgetData(page: Page): Promise<void> {
    await page.evaluate(
      () =>
        new Promise<void>((resolve, reject) => {
          const opening = indexedDB.open('uppy-blobs');
          opening.onerror = reject;
          opening.onsuccess = () => {
            const work = opening.result.transaction('files', 'readwrite');
            work.objectStore('files').clear();
            work.onerror = reject;
            work.oncomplete = () => resolve();
          };
        }),
    );
  }

  test('the page asks again for a file whose data the browser did not keep, and the file goes on where its object ends', async () => {
    const { page } = await begin();
    const { path, buffer } = await visit.beginSlowly(16 * MIB);
    await untilKept(page, 1);
    await forgetData(page);
    page.on('dialog', (dialog) => void dialog.accept());
    await page.reload();
    const notice = page.locator('.notice.ghosts');
    await notice.waitFor();
    expect(await notice.textContent()).toContain('did not keep the data of “slow.bin”');
    await visit.switchOn('Slow link', false);
    const choosing = page.waitForEvent('filechooser');
    await notice.getByRole('button', { name: 'Pick again' }).click();
    await (await choosing).setFiles(path);
    await notice.waitFor({ state: 'detached' });
    await page.locator('.notice', { hasText: 'already holds the first' }).waitFor();
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    expect(await visit.events()).toContain('went-on');
    expect(visit.stored('slow.bin')?.equals(buffer)).toBe(true);
    expect(visit.positions('slow.bin')).toEqual([...new Set(visit.positions('slow.bin'))]);
  });

  test('a file whose data the browser did not keep can be removed from the list, and then the others go on', async () => {
    const { page } = await begin();
    await visit.beginSlowly(16 * MIB);
    await untilKept(page, 1);
    await forgetData(page);
    page.on('dialog', (dialog) => void dialog.accept());
    await page.reload();
    const other = picked('other.bin', 3000);
    await page.locator('.notice.ghosts').waitFor();
    await visit.pick(other);
    expect(await page.locator('.uppy-StatusBar-actionBtn--upload').isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Remove from the list' }).click();
    await visit.upload();
    await page.locator('aside.total.stored', { hasText: 'Files: 1' }).waitFor();
    expect(visit.stored('other.bin')?.equals(other.buffer)).toBe(true);
  });

  test('after a reload in the middle of several files one notice offers to go on, or to store new objects', async () => {
    const { page } = await begin();
    const files = [picked('one.bin', 12 * MIB), picked('two.bin', 12 * MIB)];
    await visit.switchOn('Slow link');
    await visit.pickPath(...files.map(onDisk));
    await visit.upload();
    await expect.poll(() => files.every(({ name: file }) => visit.positions(file).length > 0)).toBe(true);
    await page.locator('.ruler > svg .stored').first().waitFor();
    page.on('dialog', (dialog) => void dialog.accept());
    await untilKept(page, 2);
    await page.reload();
    await page.locator('.notice', { hasText: 'holds 2 of these files' }).waitFor();
    await visit.switchOn('Slow link', false);
    await page.getByRole('button', { name: 'Store them as new objects' }).click();
    await page.locator('.notice').waitFor({ state: 'detached' });
    await visit.upload();
    await visit.allStored();
    for (const [index, file] of ['one (2).bin', 'two (2).bin'].entries())
      expect(visit.stored(file)?.equals(files[index]?.buffer ?? Buffer.of()), file).toBe(true);
  });

  test('a file that another tab is appending now gets an object of its own', async () => {
    await begin();
    const { path, buffer } = await visit.beginSlowly();
    const second = await Visit.in(await visits.context.newPage(), visit.demo);
    await second.pickPath(path);
    await second.upload();
    await second.allStored();
    await visit.switchOn('Slow link', false);
    await visit.allStored();
    const keys = visit.keys().filter((key) => key.endsWith('/slow.bin'));
    expect(keys).toHaveLength(2);
    for (const key of keys)
      expect(Buffer.from(visit.demo.oss.object(visit.demo.bucket, key)?.bytes() ?? []).equals(buffer)).toBe(true);
    for (const each of [visit, second]) expect(await each.page.locator('.notice.bad').count()).toBe(0);
  });

  test('with the way “Pipe”, the page counts bytes while they are sent, and options without effect are disabled', async () => {
    const { page } = await begin();
    await visit.openFold('How it is sent');
    await page.getByRole('radio', { name: 'Pipe' }).check();
    expect(await page.getByRole('radio', { name: 'In the URL' }).isDisabled()).toBe(true);
    expect(await page.getByRole('switch', { name: 'Expire the token' }).isDisabled()).toBe(true);
    await visit.switchOn('Slow link');
    await visit.pickPath(onDisk(picked('piped.bin', 6 * MIB)));
    await visit.upload();
    // The numbers of sent bytes while they were ahead of the confirmed ones.
    const ahead = new Set<string>();
    const look = async () => {
      const [confirmed = '', sent = ''] = await page.locator('dl.facts dd').allTextContents();
      if (sent !== confirmed.split(' / ')[0]) ahead.add(sent);
      return ahead.size;
    };
    await expect.poll(look, { interval: 20 }).toBeGreaterThan(2);
    await visit.allStored();
    await visit.proven();
  });

  test('a file name with HTML is shown as a text', async () => {
    const { page } = await begin();
    const evil = '<img src=x onerror=alert(1)>.txt';
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.message());
      void dialog.dismiss();
    });
    await visit.pickPath(onDisk(picked(evil, 300, 'text/plain')));
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    expect(await page.locator('.key code').textContent()).toContain(evil);
    expect(await page.locator('img[src=x]').count()).toBe(0);
    expect(visit.stored(evil)?.length).toBe(300);
    expect(asked).toEqual([]);
    expect(visit.complaints).toEqual([]);
  });
});
