/** What happens around an upload: reloads, second picks, other tabs, a dead server, leaving, and recordings. */
import { beforeEach, describe, expect, test } from 'vitest';
import { startDemo } from '../../demo/server.ts';
import { untilKept } from './kept.ts';
import { browsers, builtPage, MIB, onDisk, picked, Visit } from './visit.ts';
import { useVisits } from './visits.ts';

describe.each(browsers)('in %s', (name) => {
  const visits = useVisits(name);
  let visit: Visit;

  beforeEach(async () => {
    visit = await visits.begin();
  });

  test('after a reload the list is there again, the upload goes on where the object ends, and no byte is sent twice', async () => {
    const { page } = visit;
    const file = await visit.beginSlowly(16 * MIB);
    page.on('dialog', (dialog) => void dialog.accept());
    await untilKept(page, 1);
    await page.reload();
    await page.locator('.uppy-Dashboard-Item', { hasText: 'slow.bin' }).waitFor();
    await page.locator('.notice').waitFor();
    expect(await page.locator('.notice').textContent()).toMatch(
      /already holds the first .* of 16\sMiB.*Press “Upload”, and only the rest is sent/,
    );
    // Only one button is filled with colour: the one that goes on.
    const filled = await page.locator('.area-upload button, aside.total button').evaluateAll((buttons) => {
      const isFilled = (one: Element) => !/, 0\)$|^transparent$/.test(getComputedStyle(one).backgroundColor);
      const isLarge = ({ clientWidth, clientHeight }: Element) => clientWidth > 60 && clientHeight > 24;
      return buttons.filter((one) => isFilled(one) && isLarge(one)).map(({ textContent }) => textContent);
    });
    expect(filled).toEqual(['Upload 1 file']);
    await visit.switchOn('Slow link', false);
    await page
      .locator('.uppy-Dashboard-serviceMsg, .uppy-StatusBar-actionBtn--upload, .uppy-StatusBar-actions button')
      .first()
      .waitFor();
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    expect(await page.locator('.notice').count(), 'the offer is gone').toBe(0);
    expect(await visit.events()).toContain('went-on');
    expect(visit.stored('slow.bin')?.equals(file.buffer)).toBe(true);
    const positions = visit.positions('slow.bin');
    expect(new Set(positions).size).toBe(positions.length);
  });

  test('a stored file that is picked again sends nothing, and the user can store it as a new object', async () => {
    const { page, demo } = visit;
    const file = picked('twice.bin', MIB);
    const path = onDisk(file);
    await visit.pickPath(path);
    await visit.upload();
    await visit.allStored();
    await page.getByRole('button', { name: 'Done' }).click();
    await visit.pickPath(path);
    await page.locator('.notice', { hasText: 'already holds the whole file' }).waitFor();
    const appends = () =>
      demo.oss.requests.filter(({ operation, key }) => operation === 'AppendObject' && key.includes('twice')).length;
    const before = appends();
    await visit.upload();
    await visit.allStored();
    expect(appends()).toBe(before);
    await page.getByRole('button', { name: 'Done' }).click();
    await visit.pickPath(path);
    await page.getByRole('button', { name: 'Store it as a new object' }).click();
    await visit.upload();
    await visit.allStored();
    expect(visit.stored('twice (2).bin')?.equals(file.buffer)).toBe(true);
  });

  test('pause stops, and resume goes on', async () => {
    const { page } = visit;
    const file = await visit.beginSlowly();
    await page.getByRole('button', { name: 'Pause all' }).click();
    await page.locator('aside.total.paused').waitFor();
    expect(await page.locator('.badge.paused').count()).toBe(1);
    await visit.switchOn('Slow link', false);
    await page.getByRole('button', { name: 'Resume all' }).click();
    await visit.allStored();
    await visit.proven();
    expect(visit.stored('slow.bin')?.equals(file.buffer)).toBe(true);
    expect(await visit.events()).toEqual(expect.arrayContaining(['paused', 'resumed', 'stored', 'proven']));
  });

  /** Accepts each dialog of the page, and returns the list of their kinds. */
  function dialogs(): string[] {
    const asked: string[] = [];
    visit.page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    return asked;
  }

  test('the browser lets the user leave without a question before the upload and after it', async () => {
    const asked = dialogs();
    await visit.pick(picked('short.bin', 1000));
    await visit.page.reload();
    await visit.ready();
    expect(asked, 'before the upload').toEqual([]);
    await visit.upload();
    await visit.allStored();
    await visit.page.reload();
    expect(asked, 'after the upload').toEqual([]);
  });

  test('the browser asks before the user leaves while something is in flight', async () => {
    const asked = dialogs();
    await visit.beginSlowly();
    await visit.page.reload();
    expect(asked).toEqual(['beforeunload']);
  });

  test('the page says within seconds that its server is gone, and after the restart it offers the only step that helps', async () => {
    const { page, demo } = visit;
    await visit.beginSlowly(20 * MIB);
    const port = Number(new URL(demo.url).port);
    await demo.close();
    await page.locator('.trouble', { hasText: 'The server of the demo does not answer' }).waitFor();
    expect(await page.locator('.speed').count()).toBe(0);
    const again = await startDemo({ port, publicFolder: await builtPage() });
    try {
      await page.locator('.trouble', { hasText: 'server was restarted' }).waitFor();
      await page.locator('.total').getByRole('button', { name: 'Reload the page' }).waitFor();
    } finally {
      await again.close();
    }
  });

  test('while the page is offline it waits, says so, and goes on by itself', async () => {
    const { page } = visit;
    const file = await visit.beginSlowly();
    await visit.switchOn('Go offline');
    await page.locator('.trouble', { hasText: 'You are offline' }).waitFor();
    await visit.switchOn('Slow link', false);
    await visit.switchOn('Go offline', false);
    await visit.allStored();
    await visit.proven();
    expect(await page.locator('.trouble').count()).toBe(0);
    expect(visit.stored('slow.bin')?.equals(file.buffer)).toBe(true);
    expect(await visit.events()).toEqual(expect.arrayContaining(['offline', 'online']));
  });

  test('another writer is noticed, nothing is mixed, and the file can be stored under a new name', async () => {
    const { page } = visit;
    const file = await visit.beginSlowly();
    await page.getByRole('button', { name: 'Let another writer append' }).click();
    await page.locator('.notice.bad', { hasText: 'the object holds other bytes than this file' }).waitFor();
    // The bytes in flight were refused, so they are not called a lost answer.
    await page.locator('.segments .badge.absent').waitFor();
    await visit.switchOn('Slow link', false);
    await page.getByRole('button', { name: 'Store under a new name' }).click();
    await visit.allStored();
    expect(visit.stored('slow (2).bin')?.equals(file.buffer)).toBe(true);
  });

  test('a second tab has its own faults and objects, and leaves those of the first tab alone', async () => {
    const { page, demo } = visit;
    await visit.switchOn('Throttle');
    const second = await Visit.in(await visits.context.newPage(), demo);
    expect(await second.page.getByRole('switch', { name: 'Throttle' }).isChecked()).toBe(false);
    const file = picked('same.bin', 400_000);
    await second.pick(file);
    await second.upload();
    await second.allStored();
    await visit.pick(file);
    await visit.upload();
    await visit.allStored();
    expect(await visit.events()).toContain('throttled');
    expect(await second.events()).not.toContain('throttled');
    expect(visit.keys().filter((key) => key.endsWith('same.bin'))).toHaveLength(2);
    await page.reload();
    await visit.ready();
    expect(await page.getByRole('switch', { name: 'Throttle' }).isChecked()).toBe(true);
  });

  test('a second tab follows an object while it grows', async () => {
    const { page } = visit;
    const file = await visit.beginSlowly(3 * MIB);
    const opening = visits.context.waitForEvent('page');
    await page.getByRole('link', { name: 'Follow this object in a second tab' }).click();
    const follower = await opening;
    await follower.locator('dl.facts').waitFor();
    await visit.allStored();
    await follower.locator('dl.facts', { hasText: '(3,145,728)' }).waitFor();
    const [length, , crc] = await follower.locator('dl.facts dd').allTextContents();
    expect(length).toMatch(/^3\sMiB/);
    await visit.proven();
    expect(await page.locator('.proof tbody code').last().textContent()).toBe(crc);
    expect(visit.stored('slow.bin')?.equals(file.buffer)).toBe(true);
  });

  test('if the settings of the server cannot be loaded, the page says why and what to do', async () => {
    const { page } = visit;
    await page.route('**/config', (route) => route.fulfill({ status: 500 }));
    await page.reload();
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/HTTP 500.*npm start/s);
    await page.unroute('**/config');
    await page.getByRole('button', { name: 'Try again' }).click();
    await visit.ready();
  });

  test.each([
    ['Camera', /^video\//],
    ['Screen', /^video\//],
    ['Microphone', /^audio\//],
  ] as const)('a recording is stored while it is recorded: %s', async (source, type) => {
    const { page, demo } = visit;
    // Counts what the browser records, so that the stored object can be compared with it.
    await page.evaluate(() => {
      const { start } = MediaRecorder.prototype;
      MediaRecorder.prototype.start = function (...options) {
        this.addEventListener('dataavailable', ({ data }) =>
          Object.assign(globalThis, { recorded: recorded() + data.size }),
        );
        return start.apply(this, options);
      };
      const recorded = () => (globalThis as { recorded?: number }).recorded ?? 0;
    });
    // Firefox has a fake camera for tests, but no fake screen.
    if (name === 'firefox' && source === 'Screen')
      await page.evaluate(() => {
        const { mediaDevices } = navigator;
        mediaDevices.getDisplayMedia = () => mediaDevices.getUserMedia({ video: true, audio: true });
      });
    await visit.openFold('Record live');
    await page.getByRole('button', { name: `Record: ${source}` }).click();
    await page.locator('.area-record', { hasText: /[1-9][\d.,]*\s[KM]iB are stored/ }).waitFor();
    const [key = ''] = visit.keys();
    expect(demo.oss.object(demo.bucket, key)?.length).toBeGreaterThan(0);
    const stop = page.getByRole('button', { name: 'Stop' });
    expect(await stop.evaluate((button) => button === document.activeElement)).toBe(true);
    const asking = page.waitForEvent('dialog');
    const closing = page.close({ runBeforeUnload: true });
    const dialog = await asking;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    await closing;
    await stop.click();
    await page.locator('.area-record .verdict.stored').waitFor();
    const recorded = await page.evaluate(() => (globalThis as { recorded?: number }).recorded);
    expect(demo.oss.object(demo.bucket, key)?.length).toBe(recorded);
    expect(demo.oss.object(demo.bucket, key)?.headers['content-type']).toMatch(type);
  });

  test('a typed text and a pasted file become files, and the log and the code of the page can be seen', async () => {
    const { page } = visit;
    await visit.openFold('Write a text');
    await page.getByLabel('Text', { exact: true }).fill('every byte <b>once</b>');
    await page.getByRole('button', { name: 'Add to the files' }).click();
    await visit.paste({ name: 'pasted.txt', mimeType: 'text/plain', buffer: Buffer.from('pasted') });
    await page.locator('.uppy-Dashboard-Item').nth(1).waitFor();
    await visit.upload();
    await visit.allStored();
    expect(visit.stored('note.txt')?.toString()).toBe('every byte <b>once</b>');
    expect(visit.stored('pasted.txt')?.toString()).toBe('pasted');
    await visit.openFold('Log of this page');
    await page.locator('.area-log pre', { hasText: '"kind":"stored"' }).waitFor();
    await visit.openFold('Show the code');
    expect(await page.locator('.area-code pre').textContent()).toContain("from 'oss-append/uppy'");
    await visit.openFold('Doctor');
    await page.getByRole('button', { name: 'Examine' }).click();
    await page.locator('.area-doctor .verdict.stored').waitFor();
    expect(visit.complaints).toEqual([]);
  });

  test('with a signature in the URL, an append of bytes needs no preflight', async () => {
    const { page } = visit;
    await visit.openFold('How it is sent');
    await page.getByRole('radio', { name: 'In the URL' }).check();
    await page.getByLabel('Store the media type of the file').uncheck();
    await visit.openFold('Log of this page');
    await visit.switchOn('Write the log', false);
    await visit.pick(picked('quiet.bin', 3 * MIB));
    await visit.upload();
    await visit.allStored();
    await page.locator('[data-testid=counters] div', { hasText: /Appends that reached OSS\s*[1-9]/ }).waitFor();
    expect(
      await page.locator('[data-testid=counters] div', { hasText: 'Preflights' }).locator('dd').textContent(),
    ).toBe('0');
    expect(page.url()).not.toContain('?');
    expect(await page.content()).not.toMatch(/x-oss-signature=|security-token|STS\./i);
  });

  test('a thousand files are taken and appended, and the page answers in the meantime', async () => {
    const { page } = visit;
    const folder = Array.from({ length: 1000 }, (_, n) => picked(`photo-${n}.txt`, 20 + n, 'text/plain'));
    await visit.pick(...folder);
    await visit.upload();
    await page.locator('aside.total', { hasText: /Files stored: [1-9]\d* of 1,000/ }).waitFor({ timeout: 100_000 });
    await page.locator('header select').first().selectOption('zh');
    await page.locator('h2', { hasText: '上传文件' }).waitFor();
    await page.getByRole('button', { name: '全部暂停' }).click();
    await page.locator('aside.total.paused', { hasText: '1,000' }).waitFor();
    const [first] = folder;
    expect(first && visit.stored(first.name)?.equals(first.buffer)).toBe(true);
  }, 300_000);
});
