/** The three ways of the page to an object, with the edge in the server of the page and in workerd. */
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Demo, startDemo } from '../../demo/server.ts';
import { startWorkerDemo } from '../../demo/worker/main.ts';
import { bundle, compatibilityDate, edgeRuntimes, workerdCommand } from '../edge/runtimes.ts';
import { browsers, builtPage, MIB, picked, Visit } from './visit.ts';
import { useBrowser } from './visits.ts';

const hasWorkerd = edgeRuntimes()['workerd'] !== undefined;
if (!hasWorkerd) console.log('not run: the demo with its edge in workerd (npm run test:runtimes installs it)');

async function startWithWorker(): Promise<Demo> {
  const folder = dirname(await bundle('demo/worker/worker.ts'));
  const options = { command: workerdCommand, folder, compatibilityDate: compatibilityDate() };
  return startWorkerDemo({ ...options, publicFolder: await builtPage() });
}

const demos: [string, () => Promise<Demo>][] = [
  ['the server of the page', async () => startDemo({ publicFolder: await builtPage() })],
];
if (hasWorkerd) demos.push(['workerd', startWithWorker]);

describe.skipIf(!browsers.includes('chromium')).each(demos)('with the edge in %s', (_, start) => {
  const browser = useBrowser('chromium');
  let demo: Demo;
  let visit: Visit;

  beforeAll(async () => {
    demo = await start();
  });
  afterAll(() => demo?.close());
  afterEach(() => visit.page.close());

  test.each(['Token', 'Grant', 'Pipe'])('a file is stored and proven on the way “%s”', async (way) => {
    const asked: string[] = [];
    const page = await browser.current.newPage({ locale: 'en-US' });
    page.on('request', (request) => asked.push(`${request.method()} ${request.url().replace(/\?.*/, '')}`));
    visit = await Visit.in(page, demo);
    await visit.openFold('How it is sent');
    await page.getByRole('radio', { name: way }).check();
    // The log of the page always has a token.
    await visit.openFold('Log of this page');
    await visit.switchOn('Write the log', false);
    asked.length = 0;
    const file = picked(`${way}.bin`, 3 * MIB + 17, 'text/x-test');
    await visit.pick(file);
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    expect(visit.stored(`${way}.bin`)?.equals(file.buffer)).toBe(true);
    expect(await visit.events()).toEqual(['began', 'stored', 'proven']);
    expect(visit.complaints).toEqual([]);
    const has = (what: RegExp) => asked.some((url) => what.test(url));
    expect([has(/POST .*\/token$/), has(/POST .*\/grant$/), has(/POST .*\/upload\//)]).toEqual(
      ['Token', 'Grant', 'Pipe'].map((one) => one === way),
    );
    // The page of the pipe appends nothing to OSS itself.
    expect(asked.some((url) => url.startsWith(`POST ${demo.ossUrl}`))).toBe(way !== 'Pipe');
  });
});
