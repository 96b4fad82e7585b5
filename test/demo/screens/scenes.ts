/** The states of the page that are worth a look. Each one is made as a user would make it. */
import type { BrowserContextOptions } from 'playwright';
import { startDemo } from '../../../demo/server.ts';
import { builtPage, MIB, onDisk, type Picked, picked, type Visit } from '../visit.ts';

export interface Scene {
  readonly name: string;
  /** The picture shows the place to which the scene has scrolled, and not the top of the page. */
  readonly isScrolled?: boolean;
  /** Brings the page into the state. The picture shows the newest tab. */
  readonly act: (visit: Visit) => Promise<void>;
  readonly options?: BrowserContextOptions;
}

const PHONE = { viewport: { width: 360, height: 760 }, hasTouch: true };
const DARK: BrowserContextOptions = { colorScheme: 'dark' };
const FORCED: BrowserContextOptions = { forcedColors: 'active' };
const CHINESE: BrowserContextOptions = { locale: 'zh-CN' };
/** A window of 1,440 × 1,000 px at 200 %. */
const ZOOMED = { viewport: { width: 720, height: 500 }, deviceScaleFactor: 2 };

export const movie = (size: number) => picked('holiday.mov', size, 'video/quicktime');
export const two = [movie(12 * MIB), picked('notes.txt', 300_000, 'text/plain')];

/** Switches a fault on by its place in the panel, because its name depends on the language. */
export async function breakWith({ page }: Visit, ...names: Fault[]): Promise<void> {
  for (const name of names) {
    const part = page.locator(`.switch-list .switch:nth-child(${FAULTS.indexOf(name) + 1})`);
    await part.getByRole('switch').check();
    await part.and(page.locator('.on')).waitFor();
  }
}

const FAULTS = ['offline', 'lose', 'drop', 'late', 'expire', 'skew', 'flip', 'throttle', 'slow', 'portal'] as const;
type Fault = (typeof FAULTS)[number];

/** Makes the segments small, so that the ruler shows many of them. */
async function smallSegments(visit: Visit): Promise<void> {
  await visit.page.evaluate(() => localStorage.setItem('oss-append segment size', String(256 * 1024)));
  await visit.page.reload();
  await visit.ready();
}

/** Picks files from the disk, because a picture of long objects needs long files. */
async function pick({ page }: Visit, ...files: Picked[]): Promise<void> {
  await page.locator('input[type=file]').first().setInputFiles(files.map(onDisk));
  await page.locator('.uppy-Dashboard-Item').first().waitFor();
}

async function store(visit: Visit, ...files: Picked[]): Promise<void> {
  await pick(visit, ...files);
  await visit.upload();
  await visit.allStored();
}

/** Waits until this number of segments of the shown object is stored. */
async function grown({ page }: Visit, count: number): Promise<void> {
  await page.waitForFunction((least) => document.querySelectorAll('.ruler > svg .stored').length >= least, count);
}

/** Begins to store files over a slow link, and waits until some of the first one is stored. */
export async function begin(visit: Visit, files: Picked[], { faults = [], segments = 1 }: Begun = {}): Promise<void> {
  await smallSegments(visit);
  await breakWith(visit, 'slow', ...faults);
  await pick(visit, ...files);
  await visit.upload();
  await grown(visit, segments);
}

interface Begun {
  readonly faults?: Fault[];
  readonly segments?: number;
}

/** Answers are lost, and the page has settled some of them. */
const inFlight = (visit: Visit) => begin(visit, two, { faults: ['lose'], segments: 8 });

async function done(visit: Visit): Promise<void> {
  await store(visit, movie(20 * MIB));
  await visit.proven();
}

/** Waits until the list of events contains an event of this kind. */
const told = ({ page }: Visit, kind: string) => page.locator(`.events [data-kind=${kind}]`).first().waitFor();

async function open({ page }: Visit, area: string): Promise<void> {
  await page.locator(`.area-${area} > summary`).click();
}

async function openAll({ page }: Visit): Promise<void> {
  for (const summary of await page.locator('.fold > summary').all()) await summary.click();
}

/** Stores a file while a fault happens. */
const after = (fault: Fault, kind: string) => async (visit: Visit) => {
  await breakWith(visit, fault);
  await store(visit, movie(6 * MIB));
  await told(visit, kind);
};

async function damaged(visit: Visit): Promise<void> {
  await breakWith(visit, 'flip');
  await pick(visit, movie(3 * MIB));
  await visit.upload();
  await visit.page.locator('aside.total.failed').waitFor();
}

async function rival(visit: Visit): Promise<void> {
  await begin(visit, [movie(12 * MIB)], { segments: 3 });
  await visit.page.locator('.rival button').click();
  await visit.page.locator('.notice.bad').waitFor();
}

async function serverGone(visit: Visit): Promise<void> {
  await begin(visit, [movie(12 * MIB)], { segments: 3 });
  await visit.demo.close();
  await visit.page.locator('.trouble').waitFor();
}

async function restarted(visit: Visit): Promise<void> {
  await serverGone(visit);
  const again = await startDemo({ port: Number(new URL(visit.demo.url).port), publicFolder: await builtPage() });
  await visit.page.locator('.total button', { hasText: /Reload/ }).waitFor();
  visit.page.once('close', () => void again.close());
}

async function cannotBegin({ page }: Visit): Promise<void> {
  await page.route('**/config', (route) => route.fulfill({ status: 500 }));
  await page.reload();
  await page.locator('.notice.bad').waitFor();
}

async function offer(visit: Visit): Promise<void> {
  const path = onDisk(movie(3 * MIB));
  await visit.pickPath(path);
  await visit.upload();
  await visit.allStored();
  await visit.page.locator('.uppy-StatusBar-actionBtn--done').click();
  await visit.pickPath(path);
  await visit.page.locator('.notice').waitFor();
}

async function restored(visit: Visit): Promise<void> {
  await begin(visit, [movie(12 * MIB)], { segments: 3 });
  visit.page.on('dialog', (dialog) => void dialog.accept());
  await visit.page.reload();
  await visit.page.locator('.notice').waitFor();
}

async function paused(visit: Visit): Promise<void> {
  await begin(visit, two, { segments: 4 });
  await visit.page.locator('.total button').click();
  await visit.page.locator('aside.total.paused').waitFor();
}

async function recording({ page }: Visit): Promise<void> {
  await page.locator('.area-record > summary').click();
  await page.locator('.area-record button').first().click();
  await page.locator('.ruler > svg .stored').first().waitFor();
}

/** Opens the tab that follows the shown object. */
async function follow({ page }: Visit): Promise<void> {
  const opening = page.context().waitForEvent('page');
  await page.locator('a[target=_blank]').click();
  await (await opening).locator('pre').waitFor();
}

async function following(visit: Visit): Promise<void> {
  await begin(visit, [picked('story.txt', 12 * MIB, 'text/plain')], { segments: 3 });
  await follow(visit);
}

async function followingText(visit: Visit): Promise<void> {
  const lines = Array.from({ length: 400 }, (_, n) => `line ${n}: <b>every byte</b> exactly once\n`).join('');
  await store(visit, { name: 'story.txt', mimeType: 'text/plain', buffer: Buffer.from(lines) });
  await follow(visit);
}

/** Runs the doctor after faults that it must find. */
const examined =
  (...faults: Fault[]) =>
  async (visit: Visit) => {
    await breakWith(visit, ...faults);
    await open(visit, 'doctor');
    await visit.page.locator('.area-doctor button').click();
    await visit.page.locator('.area-doctor :is(.verdict, .notice)').first().waitFor();
    await visit.page.locator('.area-doctor').scrollIntoViewIfNeeded();
  };

async function log(visit: Visit): Promise<void> {
  await store(visit, movie(2 * MIB));
  await open(visit, 'log');
  await visit.page.locator('.area-log pre').waitFor();
  await visit.page.locator('.area-log').scrollIntoViewIfNeeded();
}

async function thousand(visit: Visit): Promise<void> {
  await visit.pick(...Array.from({ length: 1000 }, (_, n) => picked(`photo-${n}.jpg`, 2000 + n, 'image/jpeg')));
  await visit.upload();
  await visit.page.locator('aside.total', { hasText: /: \d\d+ (of|\/) ?1,000/ }).waitFor({ timeout: 120_000 });
}

async function manySegments(visit: Visit): Promise<void> {
  await smallSegments(visit);
  await pick(visit, picked('long.bin', 75 * MIB));
  await visit.upload();
  await visit.page.locator('aside.total.stored').waitFor({ timeout: 600_000 });
  await visit.proven();
}

async function dragged(visit: Visit): Promise<void> {
  await visit.page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['dragged'], 'dragged.txt', { type: 'text/plain' }));
    for (const kind of ['dragenter', 'dragover'])
      document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
  });
}

/** The keyboard focus is on a switch. */
async function focused(visit: Visit): Promise<void> {
  await visit.page.getByRole('switch').nth(1).focus();
  await visit.page.keyboard.press('Tab');
}

async function lookAtBreakIt(visit: Visit): Promise<void> {
  await inFlight(visit);
  await visit.page.locator('.area-break').evaluate((card) => card.scrollIntoView());
}

async function longName(visit: Visit): Promise<void> {
  await store(visit, picked(`${'a-very-long-name-'.repeat(9)}.bin`, MIB));
  await visit.proven();
}

export const SCENES: readonly Scene[] = [
  { name: 'empty', act: async () => {} },
  { name: 'empty-dark', act: async () => {}, options: DARK },
  { name: 'empty-phone-dark', act: async () => {}, options: { ...PHONE, ...DARK } },
  { name: 'flight', act: inFlight },
  { name: 'flight-dark', act: inFlight, options: DARK },
  { name: 'flight-phone', act: inFlight, options: PHONE },
  { name: 'flight-wide', act: inFlight, options: { viewport: { width: 1600, height: 1000 } } },
  { name: 'flight-1000px', act: inFlight, options: { viewport: { width: 1000, height: 900 } } },
  { name: 'flight-zoom-200', act: inFlight, options: ZOOMED },
  { name: 'flight-chinese', act: inFlight, options: CHINESE },
  { name: 'flight-forced-colours', act: inFlight, options: FORCED },
  { name: 'flight-reduced-motion', act: inFlight, options: { reducedMotion: 'reduce' } },
  { name: 'break-it', act: lookAtBreakIt, isScrolled: true },
  { name: 'done', act: done },
  { name: 'done-dark', act: done, options: DARK },
  { name: 'done-chinese-phone', act: done, options: { ...CHINESE, ...PHONE } },
  { name: 'paused', act: paused },
  { name: 'thousand', act: thousand },
  { name: 'segments-300', act: manySegments },
  { name: 'long-name-phone', act: longName, options: PHONE },
  { name: 'drag-over', act: dragged },
  { name: 'focus', act: focused },
  { name: 'folds', act: openAll },
  { name: 'folds-chinese', act: openAll, options: CHINESE },
  { name: 'folds-dark-phone', act: openAll, options: { ...PHONE, ...DARK } },
  {
    name: 'error-offline',
    act: async (visit) => {
      await begin(visit, [movie(12 * MIB)], { segments: 3 });
      await breakWith(visit, 'offline');
      await visit.page.locator('.trouble').waitFor();
    },
  },
  { name: 'error-server-gone', act: serverGone },
  { name: 'error-server-gone-dark-phone', act: serverGone, options: { ...PHONE, ...DARK } },
  { name: 'error-server-restarted', act: restarted },
  { name: 'error-token-expired', act: after('expire', 'token-expired') },
  { name: 'error-answer-lost', act: after('lose', 'found-stored') },
  { name: 'error-connection-dropped', act: after('drop', 'stored') },
  { name: 'error-clock', act: after('skew', 'clock-wrong') },
  { name: 'error-throttled', act: after('throttle', 'throttled') },
  { name: 'error-portal', act: after('portal', 'found-absent') },
  { name: 'error-rival', act: rival },
  { name: 'error-bit-flipped', act: damaged },
  { name: 'error-bit-flipped-dark', act: damaged, options: DARK },
  { name: 'error-bit-flipped-chinese', act: damaged, options: CHINESE },
  { name: 'error-bit-flipped-forced-colours', act: damaged, options: FORCED },
  { name: 'error-config', act: cannotBegin },
  { name: 'error-config-chinese-phone', act: cannotBegin, options: { ...CHINESE, ...PHONE, ...DARK } },
  { name: 'offer', act: offer },
  { name: 'restored', act: restored },
  { name: 'recording', act: recording, isScrolled: true },
  { name: 'follow', act: following },
  { name: 'follow-text-dark', act: followingText, options: DARK },
  { name: 'doctor-well', act: examined(), isScrolled: true },
  { name: 'doctor-portal-chinese', act: examined('portal'), isScrolled: true, options: CHINESE },
  { name: 'log', act: log, isScrolled: true },
];
