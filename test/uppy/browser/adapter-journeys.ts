/** What a user does with FilePond and with React on the examples of docs/uppy.md, and what must be true after it. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Page } from 'playwright';
import type { Scene } from './journeys.ts';

const WAIT = 120_000;

/** A file of some segments: the first one has 1 MiB. */
const fileOf = (name: string, megabytes = 6) => ({
  name,
  mimeType: 'text/plain',
  buffer: Buffer.alloc(megabytes * 1024 * 1024, `the text of file ${name}, `),
});

async function open({ site, page }: Scene): Promise<Page> {
  await page.goto(`${site.url}/adapters`);
  await page.waitForFunction(() => 'adapters' in window);
  return page;
}

const until = (page: Page, holds: () => boolean) => page.waitForFunction(holds, undefined, { timeout: WAIT });

/** Clicks a button of FilePond's file. FilePond moves its buttons, so Playwright would wait long until they stop. */
const press = (page: Page, action: string) => page.locator(`.filepond--action-${action}`).dispatchEvent('click');

const appends = ({ site }: Scene, key: string) =>
  site.oss?.requests.filter((request) => request.operation === 'AppendObject' && request.key === key) ?? [];

/** Each append must take a while, so that the user can act in the middle. */
const slow = ({ site }: Scene) => {
  site.faults = ({ operation }) => (operation === 'AppendObject' ? { kind: 'answer-late', delay: 1500 } : undefined);
};

const deny = ({ site }: Scene) => {
  site.faults = ({ operation }) => (operation === 'OptionObject' ? undefined : { kind: 'deny' });
};

export const ADAPTER_JOURNEYS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  'FilePond: a file is stored with progress; undo removes it from the list only, and sends no request to the page’s server':
    async (scene) => {
      const { site } = scene;
      const page = await open(scene);
      slow(scene);
      await page.setInputFiles('.filepond--browser', fileOf('a.txt'));
      await until(page, () => window.adapters.told.includes('stored'));
      equal(site.stored('a.txt'), fileOf('a.txt').buffer.toString());
      equal(await page.evaluate(() => window.adapters.serverId()), 'inbox/a.txt');
      const progress = (await page.evaluate(() => window.adapters.told)).filter((step) => typeof step === 'number');
      ok(
        progress.some((step) => step > 0 && step < 1),
        `no progress in the middle: ${progress}`,
      );
      deepEqual(
        progress,
        [...progress].sort((a, b) => a - b),
      );

      await press(page, 'revert-item-processing');
      await until(page, () => window.adapters.told.includes('revert'));
      deepEqual(
        site.visits.filter(({ method }) => method !== 'GET'),
        [],
      );
      const before = appends(scene, 'inbox/a.txt').length;
      await until(page, () => window.adapters.status() === undefined);
      // The object is still there. So when the same file is picked again, nothing is appended.
      await page.setInputFiles('.filepond--browser', fileOf('a.txt'));
      await until(page, () => window.adapters.told.filter((event) => event === 'stored').length === 2);
      equal(appends(scene, 'inbox/a.txt').length, before);
      deepEqual(await page.evaluate(() => window.adapters.complaints), []);
    },

  'FilePond: a file that is aborted and added again goes on where its object ends': async (scene) => {
    const { site } = scene;
    const page = await open(scene);
    slow(scene);
    await page.setInputFiles('.filepond--browser', fileOf('b.txt'));
    await until(page, () => window.adapters.told.some((step) => Number(step) > 0));
    await press(page, 'abort-item-processing');
    await until(page, () => window.adapters.told.includes('abort') && window.adapters.status() === undefined);
    const length = site.stored('b.txt')?.length ?? 0;
    ok(length > 0 && length < fileOf('b.txt').buffer.byteLength, `${length} bytes are stored`);
    const before = appends(scene, 'inbox/b.txt').length;
    await page.setInputFiles('.filepond--browser', fileOf('b.txt'));
    await until(page, () => window.adapters.told.includes('stored'));
    equal(site.stored('b.txt'), fileOf('b.txt').buffer.toString());
    const again = appends(scene, 'inbox/b.txt').slice(before);
    ok(
      again.every(({ position = 0 }) => position >= length),
      `sent again from ${again[0]?.position}`,
    );
    deepEqual(await page.evaluate(() => window.adapters.complaints), []);
  },

  'FilePond: a file that fails shows the reason, and is stored by its button to retry': async (scene) => {
    const { site } = scene;
    const page = await open(scene);
    deny(scene);
    await page.setInputFiles('.filepond--browser', fileOf('c.txt', 1));
    await until(page, () => window.adapters.status() === 'PROCESSING_ERROR');
    await page.locator('.filepond--file-status-main', { hasText: 'AccessDenied' }).waitFor({ state: 'attached' });
    site.clear();
    await press(page, 'retry-item-processing');
    await until(page, () => window.adapters.status() === 'PROCESSING_COMPLETE');
    equal(site.stored('c.txt'), fileOf('c.txt', 1).buffer.toString());
    deepEqual(await page.evaluate(() => window.adapters.complaints), []);
  },

  'React: the hook shows progress and errors, pauses, goes on, and stops with its component': async (scene) => {
    const { site } = scene;
    const page = await open(scene);
    const output = page.locator('#upload output');
    const pick = () => page.setInputFiles('#upload input', fileOf('react.txt'));
    deny(scene);
    await pick();
    await output.getByText('AccessDenied').waitFor({ timeout: WAIT });
    slow(scene);
    await page.setInputFiles('#upload input', []);
    await pick();
    await until(page, () => (window.adapters.shown.at(-1) ?? 0) > 0);
    await page.getByText('Pause').click();
    const sent = appends(scene, 'inbox/react.txt').length;
    ok(!(await output.textContent())?.includes('AccessDenied'), 'the old error is still shown');
    await page.setInputFiles('#upload input', []);
    await pick();
    await output.getByText('stored').waitFor({ timeout: WAIT });
    equal(site.stored('react.txt'), fileOf('react.txt').buffer.toString());
    const again = appends(scene, 'inbox/react.txt').slice(sent);
    ok(again.length > 0 && again.every(({ position = 0 }) => position > 0), 'the file began again');

    const longer = { ...fileOf('react.txt', 12), name: 'longer.txt' };
    await page.setInputFiles('#upload input', longer);
    await until(page, () => (window.adapters.shown.at(-1) ?? 0) > 6 * 1024 * 1024);
    await page.locator('#away').click();
    await page.locator('#upload').waitFor({ state: 'detached' });
    deepEqual(await page.evaluate(() => window.adapters.complaints), []);
    ok((site.stored('react.txt')?.length ?? 0) < longer.buffer.byteLength, 'the upload went on without its component');
  },
};
