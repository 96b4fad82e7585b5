/**
 * The page of the demo as its users see it, in real browsers: what users do, what the page says, and what is stored.
 */
import { describe, expect, test } from 'vitest';
import { crc64 } from '../../src/index.ts';
import { browsers, MIB, picked, type Visit } from './visit.ts';
import { useVisits, type Visits } from './visits.ts';

describe.each(browsers)('in %s', (name) => {
  const visits = useVisits(name);
  let visit: Visit;

  async function begin(options?: Parameters<Visits['begin']>[0]): Promise<Visit> {
    visit = await visits.begin(options);
    return visit;
  }

  test('a file is stored segment by segment, is proven equal, and the browser has no complaint', async () => {
    const { page, demo } = await begin();
    const file = picked('holiday.mov', 5 * MIB + 17, 'video/quicktime');
    await visit.pick(file);
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    expect(visit.stored('holiday.mov')?.equals(file.buffer)).toBe(true);
    const object = demo.oss.object(demo.bucket, visit.keys()[0] ?? '');
    expect(object?.headers['content-type']).toBe('video/quicktime');
    expect(await page.locator('.proof tbody code').allTextContents()).toEqual([object?.crc64, object?.crc64]);
    // Each of the last segments is shown with the CRC-64 of the file up to its end.
    const rows = await page.locator('.area-object .scroll').first().locator('tbody tr').all();
    const ends = visit.positions('holiday.mov').slice(1).concat(file.buffer.length).slice(-rows.length).reverse();
    for (const [index, row] of rows.entries()) {
      expect(await row.locator('.badge').textContent()).toBe('proven');
      expect(await row.locator('code').textContent()).toBe(String(crc64(file.buffer.subarray(0, ends[index]))));
    }
    expect(await visit.events()).toEqual(['began', 'stored', 'proven']);
    expect(await page.locator('.total').textContent()).toContain('All is stored');
    expect(visit.complaints).toEqual([]);
  });

  test('files that are dropped anywhere are all taken, and have one total', async () => {
    const { page } = await begin();
    const files = [picked('one.bin', 300_000), picked('two.bin', 200_000), picked('three.bin', 100_000)];
    await visit.drop('footer', ...files);
    await page.locator('.uppy-Dashboard-Item').nth(2).waitFor();
    await visit.upload();
    await visit.allStored();
    for (const { name: file, buffer } of files) expect(visit.stored(file)?.equals(buffer), file).toBe(true);
    expect(await visit.total.textContent()).toContain('Files: 3');
  });

  test('the page says that an answer is lost, finds the bytes stored, and sends nothing twice', async () => {
    const { demo } = await begin();
    await visit.switchOn('Lose answers');
    const file = picked('lossy.bin', 6 * MIB);
    await visit.pick(file);
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    const events = await visit.events();
    // When a kept-alive connection ends, a browser may send the request again by itself. OSS refuses the second copy.
    const at = events.findIndex((event) => event === 'sent-twice' || event === 'answer-lost');
    expect(at, events.join(' ')).toBeGreaterThan(0);
    expect(events[at + 1]).toBe('found-stored');
    expect(visit.stored('lossy.bin')?.equals(file.buffer)).toBe(true);
    const appends = demo.oss.requests.filter(
      ({ operation, key }) => operation === 'AppendObject' && !key?.includes('/logs/'),
    );
    const positions = appends.filter(({ status }) => status === 200).map(({ position }) => position);
    expect(new Set(positions).size).toBe(positions.length);
  });

  const FAULTS: readonly [label: string, told: string][] = [
    ['Expire the token', 'token-expired'],
    ['Skew the clock', 'clock-wrong'],
    ['Throttle', 'throttled'],
    ['Answer late', 'answered-late'],
  ];
  test.each(FAULTS)('after the fault “%s” the page goes on by itself and says what happened', async (label, told) => {
    await begin();
    await visit.switchOn(label);
    const file = picked('broken.bin', 2 * MIB);
    await visit.pick(file);
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    expect(await visit.events()).toContain(told);
    expect(visit.stored('broken.bin')?.equals(file.buffer)).toBe(true);
  });

  test('an upload survives a connection that drops in the middle of a body', async () => {
    const { demo, page } = await begin();
    await visit.switchOn('Drop connections');
    const file = picked('dropped.bin', 2 * MIB);
    await visit.pick(file);
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    expect(visit.stored('dropped.bin')?.equals(file.buffer)).toBe(true);
    await page.locator('.switch.on b').waitFor();
    // A browser may repeat such a request itself, and then the page sees nothing of it. But OSS saw the fault.
    expect(demo.oss.requests.some(({ fault }) => fault?.includes('drop-during'))).toBe(true);
  });

  test('the answer of a login page is not believed, and the upload goes on', async () => {
    await begin();
    await visit.switchOn('Login page in between');
    const file = picked('portal.bin', 2 * MIB);
    await visit.pick(file);
    await visit.upload();
    await visit.allStored();
    await visit.proven();
    expect(visit.stored('portal.bin')?.equals(file.buffer)).toBe(true);
  });

  /** Uploads a file and flips one of its bits on the way, so that its object is damaged. */
  async function beginDamaged() {
    const { page } = await begin();
    await visit.switchOn('Flip a bit');
    const file = picked('flipped.bin', 2 * MIB);
    await visit.pick(file);
    await visit.upload();
    await page.locator('aside.total.failed').waitFor();
    return { page, file };
  }

  test('a flipped bit stops the upload with the step that helps, no bar looks complete, and a new name works', async () => {
    const { page, file } = await beginDamaged();
    expect(await page.locator('.notice.bad').textContent()).toContain('the object is damaged');
    expect(await page.locator('.badge.failed').count()).toBe(1);
    expect(await page.locator('.total progress').evaluate((bar: HTMLProgressElement) => bar.value < bar.max)).toBe(
      true,
    );
    await visit.switchOn('Flip a bit', false);
    await page.getByRole('button', { name: 'Store under a new name' }).click();
    await visit.allStored();
    expect(visit.stored('flipped (2).bin')?.equals(file.buffer)).toBe(true);
  });

  test.each([
    ['Uppy’s button of the file', '.uppy-Dashboard-Item-action--retry, .uppy-Dashboard-Item-progressIndicator'],
    ['“Retry all” of the total', 'aside.total button:has-text("Retry all")'],
  ])('a retry of a damaged file goes to a new object: %s', async (_, button) => {
    const { page, file } = await beginDamaged();
    await visit.switchOn('Flip a bit', false);
    await page.locator(button).first().click();
    await visit.allStored();
    expect(visit.stored('flipped (2).bin')?.equals(file.buffer)).toBe(true);
  });

  test('the doctor names the faults that are switched on, and does not say then that all is well', async () => {
    const { page } = await begin();
    await visit.openFold('Doctor');
    const examine = async () => {
      await page.getByRole('button', { name: 'Examine' }).click();
      await page.locator('.area-doctor [role=status] > *').first().waitFor();
      await page.getByRole('button', { name: 'Examine' }).waitFor();
    };
    await examine();
    expect(await page.locator('.area-doctor .verdict').allTextContents()).toEqual([
      'All is well: this page can append to the bucket.',
    ]);
    await visit.switchOn('Slow link');
    // What the doctor found before is not true any more.
    await page.locator('.area-doctor .verdict').waitFor({ state: 'detached' });
    await examine();
    expect(await page.locator('.area-doctor .verdict').allTextContents()).toEqual([
      'The doctor found nothing wrong. But faults are switched on (Slow link), and they can still disturb an upload.',
    ]);
    expect(await page.locator('.area-doctor .verdict.stored').count()).toBe(0);
  });

  test('a tab that follows shows the newest line', async () => {
    const { page, demo } = await begin();
    const lines = Array.from({ length: 400 }, (_, line) => `line ${line}\n`).join('');
    await visit.pick({ name: 'lines.txt', mimeType: 'text/plain', buffer: Buffer.from(lines) });
    await visit.upload();
    await visit.allStored();
    await page.goto(`${demo.url}#follow=${encodeURIComponent(visit.keys()[0] ?? '')}`);
    const listing = page.locator('.listing');
    await listing.waitFor();
    expect(await listing.textContent()).toContain('line 399');
    const below = () => listing.evaluate((at) => at.scrollHeight - at.clientHeight - at.scrollTop);
    expect(await below()).toBeLessThan(2);
    expect(await listing.evaluate((at) => at.scrollTop)).toBeGreaterThan(0);
  });
});
