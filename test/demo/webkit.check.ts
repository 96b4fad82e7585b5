/** The page in WebKit, the engine of Safari: one file, a lost answer, and a reload. Playwright does not drive the WebKit of Linux. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Demo, startDemo } from '../../demo/server.ts';
import { Driver, type Session } from '../tools/webkit-driver.ts';
import { builtPage, webkit } from './visit.ts';

if (!webkit) console.log('not run: the page of the demo in WebKit, which was not found');

/** Drops a file on the page: name, size. Each byte of it is known. */
const DROP = `
  const [name, size] = arguments;
  const bytes = Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 255);
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type: 'video/mp4', lastModified: 1_700_000_000_000 }));
  for (const kind of ['dragenter', 'dragover', 'drop'])
    document.querySelector('footer').dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
`;

/** Tells whether Golden Retriever has saved a list of files that names this file. It saves at most every half second. */
const isSaved = (name: string) => `await new Promise((done, failed) => {
  const opening = indexedDB.open('uppy-blobs');
  opening.onerror = failed;
  opening.onsuccess = () => {
    const reading = opening.result.transaction('metadata').objectStore('metadata').getAll();
    reading.onerror = failed;
    reading.onsuccess = () => {
      opening.result.close();
      done(reading.result.some(({ metadata }) => metadata.includes('${name}')));
    };
  };
})`;

const SIZE = 3_000_017;
const expected = () => Buffer.from(Uint8Array.from({ length: SIZE }, (_, at) => (at * 31 + (at >> 8)) & 255));

describe.skipIf(!webkit)('in webkit', () => {
  let driver: Driver;
  let session: Session;
  let demo: Demo;

  beforeAll(async () => {
    if (!webkit) return;
    demo = await startDemo({ publicFolder: await builtPage() });
    driver = await Driver.start(webkit);
    session = await driver.open(webkit.browser);
  });
  afterAll(async () => {
    if (session) await driver.end(session.sessionId);
    driver?.stop();
    await demo?.close();
  });

  /** Waits until an expression is true in the page. */
  async function until(expression: string): Promise<void> {
    for (const end = Date.now() + 60_000; ; await wait(100)) {
      if (await driver.run(session, `return (async () => Boolean(${expression}))()`)) return;
      if (Date.now() > end) throw new Error(`The page never reached ${expression}. It shows: ${await shown()}`);
    }
  }

  const shown = () => driver.run<string>(session, 'return document.body.innerText');
  const click = (selector: string) => driver.run(session, `document.querySelector('${selector}').click()`);

  test('a file is stored and proven although answers are lost, and a reload restores the list', async () => {
    await driver.post(`/session/${session.sessionId}/url`, { url: demo.url });
    await until(`document.querySelector('.uppy-Dashboard-AddFiles')`);
    await click('.switch-list .switch:nth-child(2) input');
    await until(`document.querySelector('.switch-list .switch:nth-child(2).on')`);
    await driver.run(session, DROP, 'holiday.mp4', SIZE);
    await until(`document.querySelector('.uppy-Dashboard-Item')`);
    await click('.uppy-StatusBar-actionBtn--upload');
    await until(`document.querySelector('aside.total.stored')`);
    await until(`document.querySelector('.proof .verdict.stored')`);
    const key = demo.oss.requests.find((request) => request.key?.endsWith('/holiday.mp4'))?.key ?? '';
    expect(Buffer.from(demo.oss.object(demo.bucket, key)?.bytes() ?? []).equals(expected())).toBe(true);
    const kinds = await driver.run<string[]>(
      session,
      `return [...document.querySelectorAll('.events li')].map((event) => event.dataset.kind)`,
    );
    expect(kinds).toContain('found-stored');
    await driver.run(session, DROP, 'second.mp4', SIZE);
    await until(`document.querySelectorAll('.uppy-Dashboard-Item').length === 2`);
    // A reload within half a second of the drop would find the list from before it.
    await until(isSaved('second.mp4'));
    await driver.post(`/session/${session.sessionId}/refresh`, {});
    await until(`document.body.innerText.includes('second.mp4')`);
  });
});
