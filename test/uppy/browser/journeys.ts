/** What a user does with the Dashboard, and what must be true after it. Each journey has a fresh browser profile and bucket. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright';
import type { Site } from './site.ts';

/** The page of a user, and the servers. */
export interface Scene {
  readonly site: Site;
  readonly context: BrowserContext;
  readonly page: Page;
  /** Kills the process of the tab, and opens the page in a new one. */
  killAndReopen(): Promise<Page>;
}

const WAIT = 120_000;
const names = (count: number) => Array.from({ length: count }, (_, n) => `${n + 1}.txt`);
/** About 9 KB, so five segments. */
const textOf = (name: string) => `the text of ${name}, `.repeat(500);

/** A folder with files. Uppy recognises a file that is picked again by its name, its size and its date. */
const folder = mkdtempSync(join(tmpdir(), 'uppy-files-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

async function pick(page: Page, files: readonly string[]): Promise<void> {
  const paths = files.map((name) => join(folder, name));
  for (const [n, path] of paths.entries()) if (!existsSync(path)) writeFileSync(path, textOf(files[n] ?? ''));
  await page.setInputFiles('.uppy-Dashboard-input >> nth=0', paths);
}

/**
 * Picks the files again whose data Golden Retriever does not have. It stores the data of one file after the other, and
 * removes the data of a complete file before it stores that the file is complete.
 */
async function pickGhosts(page: Page): Promise<void> {
  const ghosts = await page.evaluate(() =>
    window.test.uppy.getFiles().flatMap(({ name, isGhost }) => (isGhost ? [name] : [])),
  );
  console.log(`  ${ghosts.length} files were ghosts`);
  if (ghosts.length === 0) return;
  await page.locator('.uppy-Dashboard-Item-reSelect').first().click();
  await pick(page, ghosts);
}

/** Waits until Golden Retriever has stored the data of this many files. */
async function kept(page: Page, count: number): Promise<void> {
  await page.waitForFunction(countBlobs, count, { timeout: WAIT, polling: 200 });
}

/** Runs in the page. */
function countBlobs(count: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('uppy-blobs');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const counting = database.transaction('files').objectStore('files').count();
      counting.onsuccess = () => {
        database.close();
        resolve(counting.result >= count);
      };
    };
  });
}

/** The button of the status bar that starts an upload, also after a reload. */
const uploadButton = (page: Page) => page.locator('.uppy-StatusBar-actionBtn--upload');
const barButton = (page: Page, label: string) => page.locator(`.uppy-StatusBar [aria-label="${label}"]`);
const fileButton = (page: Page, name: string, label: string) =>
  page.locator('.uppy-Dashboard-Item', { hasText: name }).locator(`[aria-label="${label}"]`);

/** Waits until something holds in the page. */
const until = (page: Page, holds: () => boolean) => page.waitForFunction(holds, undefined, { timeout: WAIT });
const complete = (page: Page) => page.getByText('Complete', { exact: true }).waitFor({ timeout: WAIT });
const told = (page: Page) => page.evaluate(() => window.test.told);

/** Waits until the servers show something. */
async function untilServed(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + WAIT; !holds(); await new Promise((resolve) => setTimeout(resolve, 20)))
    ok(Date.now() < end, 'the servers did not get there in time');
}

/**
 * Stops the files while the server holds their requests. The gate stays closed until the page has ended each of these
 * requests itself. So no answer of the server can be the reason of their end.
 */
async function stopHeld(site: Site, stop: () => Promise<unknown>, release: () => void): Promise<void> {
  await untilServed(() => site.held > 0 && site.held === site.inFlight);
  await stop();
  await untilServed(() => site.inFlight === 0);
  release();
}

function allStored(site: Site, files: readonly string[]): void {
  const wrong = files.filter((name) => site.stored(name) !== textOf(name));
  deepEqual(wrong, [], 'objects that do not equal their files');
}

/** Every file of Uppy's list is complete, none is a ghost, and none was forgotten by the Dashboard. */
async function allComplete(page: Page, files: readonly string[]): Promise<void> {
  const listed = await page.evaluate(() =>
    window.test.uppy.getFiles().map(({ name, progress, error, isGhost, isPaused }) => {
      return progress.uploadComplete && !error && !isGhost && !isPaused ? name : `${name} is not complete`;
    }),
  );
  deepEqual([...listed].sort(), [...files].sort());
  equal(await page.evaluate(() => Object.keys(window.test.uppy.getState().currentUploads).length), 0);
  deepEqual(await page.evaluate(() => window.test.complaints), []);
}

export const JOURNEYS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  '50 files with a limit of 4, with faults: each is stored once, and no listener is left': async ({ site, page }) => {
    const files = names(50);
    site.rain(1);
    await pick(page, files);
    await page.locator('.uppy-Dashboard-Item').first().waitFor();
    const before = await page.evaluate(() => window.test.listeners);
    await uploadButton(page).click();
    await complete(page);
    allStored(site, files);
    await allComplete(page, files);
    ok(site.mostKeys <= 4, `${site.mostKeys} files were in flight at once`);
    const successes = (await told(page)).filter((text) => text.startsWith('upload-success'));
    deepEqual([...successes].sort(), files.map((name) => `upload-success ${name}`).sort());
    deepEqual(await page.evaluate(() => window.test.listeners), before);
  },

  'the tab is killed in the middle, Golden Retriever restores the list, and every file goes on': async (scene) => {
    const { site } = scene;
    const files = names(50);
    site.rain(2);
    await pick(scene.page, files);
    await kept(scene.page, 50);
    await uploadButton(scene.page).click();
    await until(scene.page, () => window.test.told.filter((text) => text.startsWith('upload-success')).length >= 12);
    const page = await scene.killAndReopen();
    await until(page, () => window.test.told.includes('restored'));
    await pickGhosts(page);
    const lengths = new Map(files.map((name) => [name, site.stored(name)?.length ?? 0]));
    await uploadButton(page).click();
    await complete(page);
    allStored(site, files);
    await allComplete(page, files);
    // A file that was complete before is not appended to, and the others were not begun again.
    const partial = [...lengths.values()].filter((length) => length > 0 && length < textOf('1.txt').length).length;
    console.log(
      `  ${[...lengths.values()].filter((length) => length > 9000).length} complete, ${partial} in the middle`,
    );
  },

  'the page is reloaded before the data of all files is kept: the ghosts are picked again, and every file goes on':
    async ({ site, page }) => {
      const files = names(20);
      await pick(page, files);
      await uploadButton(page).click();
      await until(page, () => window.test.told.filter((text) => text.startsWith('upload-success')).length >= 5);
      await page.reload();
      await until(page, () => window.test.told.includes('restored'));
      await pickGhosts(page);
      await uploadButton(page).click();
      await complete(page);
      allStored(site, files);
      await allComplete(page, files);
    },

  'files that fail before their first progress show the reason and the advice, and are retried by their buttons':
    async ({ site, page }) => {
      const files = names(3);
      site.faults = ({ operation }) => (operation === 'OptionObject' ? undefined : { kind: 'deny' });
      await pick(page, files);
      await uploadButton(page).click();
      await until(page, () => window.test.uppy.getFiles().every(({ error }) => error));
      const errors = await page.evaluate(() => window.test.uppy.getFiles().map(({ error }) => error ?? ''));
      for (const error of errors) ok(/AccessDenied.*Follow the hint/s.test(error), error);
      ok(await page.locator('.uppy-Informer', { hasText: 'Failed to upload' }).count());
      site.faults = ({ operation, key }) =>
        operation !== 'OptionObject' && key === 'inbox/1.txt' ? { kind: 'deny' } : undefined;
      await barButton(page, 'Retry upload').click();
      await untilServed(() => files.slice(1).every((name) => site.stored(name) === textOf(name)));
      await until(page, () => window.test.uppy.getFiles().filter(({ error }) => error).length === 1);
      site.clear();
      await fileButton(page, '1.txt', 'Retry upload').click();
      await complete(page);
      allStored(site, files);
      await allComplete(page, files);
    },

  'a file that is removed in flight sends nothing more, is not a ghost, and can be added again': async ({
    site,
    page,
  }) => {
    const files = names(8);
    const release = site.hold();
    await pick(page, files);
    await uploadButton(page).click();
    await until(page, () => window.test.uppy.getFiles().some(({ progress }) => progress.uploadStarted));
    await page.evaluate(() => window.test.uppy.removeFile(window.test.uppy.getFiles()[0]?.id ?? ''));
    release();
    const rest = files.slice(1);
    await complete(page);
    allStored(site, rest);
    await allComplete(page, rest);
    equal(site.stored('1.txt'), undefined);
    deepEqual(
      (await told(page)).filter((text) => text.endsWith(' 1.txt') && !text.startsWith('upload-progress')),
      [],
    );
    await page.locator('.uppy-DashboardContent-addMore').click();
    await pick(page, ['1.txt']);
    await page
      .locator('.uppy-StatusBar-actionBtn--uploadNewlyAdded, .uppy-StatusBar-actionBtn--upload')
      .first()
      .click();
    await untilServed(() => site.stored('1.txt') === textOf('1.txt'));
    await until(page, () => window.test.uppy.getFiles().every(({ progress }) => progress.uploadComplete));
    await allComplete(page, files);
  },

  'pause and resume by the buttons, for one file and for all; cancel; and then the same files go on': async ({
    site,
    page,
  }) => {
    const files = names(6);
    site.faults = ({ operation }) => (operation === 'AppendObject' ? { kind: 'answer-late', delay: 100 } : undefined);
    await pick(page, files);
    await uploadButton(page).click();
    await fileButton(page, '1.txt', 'Pause upload').click();
    await until(page, () => window.test.uppy.getFiles().filter(({ progress }) => progress.uploadComplete).length === 5);
    ok(site.stored('1.txt') !== textOf('1.txt'));
    await fileButton(page, '1.txt', 'Resume upload').click();
    await complete(page);
    allStored(site, files);
    await page.evaluate(() => window.test.uppy.cancelAll());

    const more = names(12).slice(6);
    await pick(page, more);
    await uploadButton(page).click();
    await until(page, () => window.test.uppy.getFiles().some(({ progress }) => Number(progress.bytesUploaded) > 0));
    await barButton(page, 'Pause').click();
    await until(page, () => window.test.uppy.getObjectOfFilesPerState().isAllPaused);
    await barButton(page, 'Resume').click();
    await until(page, () => window.test.uppy.getFiles().some(({ progress }) => Number(progress.bytesUploaded) > 5000));
    const release = site.hold();
    await stopHeld(site, () => barButton(page, 'Cancel').click(), release);
    deepEqual(await page.evaluate(() => window.test.uppy.getFiles()), []);
    const requests = more.map((name) => site.requestsFor(name));
    // Another file is uploaded to its end. A cancelled file that still waits would be started in the meantime.
    await pick(page, ['another.txt']);
    await uploadButton(page).click();
    await complete(page);
    allStored(site, ['another.txt']);
    deepEqual(
      more.map((name) => site.requestsFor(name)),
      requests,
    );
    await page.evaluate(() => window.test.uppy.cancelAll());
    site.clear();
    await pick(page, more);
    await uploadButton(page).click();
    await complete(page);
    allStored(site, more);
    await allComplete(page, more);
  },

  'destroy in flight: nothing more is sent, and no listener of the uploader is left': async ({ site, page }) => {
    const release = site.hold();
    await pick(page, names(10));
    await uploadButton(page).click();
    await untilServed(() => site.held === 4);
    await stopHeld(site, () => page.evaluate(() => window.test.uppy.destroy()), release);
    // Another object is stored after that, over the same network. If the uploader had sent a request at its end, that request would
    // have arrived before this one.
    await page.evaluate(() => window.test.client.appendObject('inbox/another.txt', 'another', { position: 0 }));
    const carriedOut = site.oss?.requests.filter(({ operation }) => operation !== 'OptionObject') ?? [];
    deepEqual(
      carriedOut.map(({ key }) => key),
      ['inbox/another.txt'],
    );
    // The uploader is the only one in the page that listens to this event.
    equal(await page.evaluate(() => window.test.listeners['uppy: resume-all']), 0);
    deepEqual(
      (await told(page)).filter((text) => /success|error/.test(text)),
      [],
    );
    deepEqual(await page.evaluate(() => window.test.complaints), []);
  },
};
