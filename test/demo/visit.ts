/** What the journeys share: the built page on a fresh demo, a browser, and what a user sees and does. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, firefox, type Locator, type Page } from 'playwright';
import { findBrowsers } from '../../.ci/browsers.mjs';
import { buildPage } from '../../demo/page/build.mjs';
import { type Demo, type DemoOptions, startDemo } from '../../demo/server.ts';

export const MIB = 1024 * 1024;

export type BrowserName = 'chromium' | 'firefox';

const FIREFOX_PREFS = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
};
const CHROMIUM_ARGS = [
  ...['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
];

const found = await findBrowsers();
const { OSS_APPEND_DEMO_BROWSER: only } = process.env;

/** The driver of WebKitGTK, which Playwright cannot drive. */
export const webkit = only && only !== 'webkit' ? undefined : found.webkit;

/** The browsers of this machine, or only the one that the environment names. */
export const browsers = (['chromium', 'firefox'] as const).filter((name) => found[name] && (!only || only === name));
for (const name of ['chromium', 'firefox'] as const)
  if (!found[name]) console.log(`not run: the page of the demo in ${name}, which was not found`);

/**
 * A number above 1 makes the short timers of the page slower, and a number below 1 makes them faster. A journey that fails
 * with 6 or with 0.1 passes only because the machine has a certain speed.
 */
const slowness = Number(process.env['OSS_APPEND_DEMO_TIMERS'] ?? 1);

/** Runs in the page before its scripts. A page uses timers of 20 ms to 1 s to collect changes, so only these change. */
function slowTimers(factor: number): void {
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const begin = window[name].bind(window) as (work: TimerHandler, ms: number, ...values: unknown[]) => number;
    const changed = (work: TimerHandler, ms = 0, ...values: unknown[]) =>
      begin(work, ms >= 20 && ms <= 1000 ? ms * factor : ms, ...values);
    Object.assign(window, { [name]: changed });
  }
}

export function launch(name: BrowserName): Promise<Browser> {
  if (name === 'firefox') return firefox.launch({ ...found.firefox, firefoxUserPrefs: FIREFOX_PREFS });
  const args = process.getuid?.() === 0 ? ['--no-sandbox', ...CHROMIUM_ARGS] : CHROMIUM_ARGS;
  return chromium.launch({ ...found.chromium, args });
}

let built: Promise<string> | undefined;

/** Builds the page once for all tests of a file. */
export function builtPage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'oss-append-page-'));
  built ??= buildPage(folder).then(() => folder);
  return built;
}

/** A file to pick. */
export interface Picked {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** Writes a file to the disk. A browser gives it the same date each time that it is picked. */
export function onDisk({ name, buffer }: Picked): string {
  const path = join(mkdtempSync(join(tmpdir(), 'oss-append-file-')), name);
  writeFileSync(path, buffer);
  return path;
}

/** Writes a folder with files to the disk. The keys of `files` are the paths below the folder. */
export function folderOnDisk(name: string, files: Readonly<Record<string, Picked>>): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'oss-append-folder-')), name);
  for (const [path, { buffer }] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), buffer);
  }
  return folder;
}

/** Bytes that differ everywhere, so that a wrong place is noticed. */
export function picked(name: string, size: number, mimeType = 'application/octet-stream'): Picked {
  const buffer = Buffer.alloc(size);
  let state = size + name.length;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    buffer[i] = state >>> 24;
  }
  return { name, mimeType, buffer };
}

/** One user with one tab on a demo. */
export class Visit {
  readonly demo: Demo;
  readonly page: Page;
  /** What the browser complained about: errors and violations of the policy. */
  readonly complaints: string[] = [];

  private constructor(demo: Demo, page: Page) {
    this.demo = demo;
    this.page = page;
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      const text = message.text();
      // Browsers write each failed request to the console, and in the journeys requests fail on purpose.
      if (message.type() === 'error' && !/Failed to load resource|Cross-Origin Request Blocked|CORS/.test(text))
        this.complaints.push(text);
    });
  }

  static async begin(context: BrowserContext, options: DemoOptions = {}): Promise<Visit> {
    const demo = await startDemo({ publicFolder: await builtPage(), ...options });
    if (slowness !== 1) await context.addInitScript(slowTimers, slowness);
    return Visit.in(await context.newPage(), demo);
  }

  /** Opens the page of a demo that runs already. */
  static async in(page: Page, demo: Demo): Promise<Visit> {
    const visit = new Visit(demo, page);
    await page.goto(demo.url);
    await visit.ready();
    return visit;
  }

  async end(): Promise<void> {
    await this.demo.close();
  }

  async ready(): Promise<void> {
    await this.page.locator('.uppy-Dashboard-AddFiles, .uppy-Dashboard-files').first().waitFor();
  }

  /** The input for files. While the list is shown, the Dashboard has it behind “Add more”. */
  async #input(): Promise<Locator> {
    const more = this.page.locator('.uppy-DashboardContent-addMore');
    if (await more.isVisible()) await more.click();
    return this.page.locator('input[type=file]').first();
  }

  async pick(...files: Picked[]): Promise<void> {
    await (await this.#input()).setInputFiles(files);
    for (const { name } of files.slice(0, 3))
      await this.page
        .locator('.uppy-Dashboard-Item', { hasText: name.slice(0, 10) })
        .first()
        .waitFor();
  }

  /** Picks files of the disk. */
  async pickPath(...paths: string[]): Promise<void> {
    await (await this.#input()).setInputFiles(paths);
    await this.page.locator('.uppy-Dashboard-Item').first().waitFor();
  }

  /** Drops files on any element, as a user does with a file manager. */
  async drop(selector: string, ...files: Picked[]): Promise<void> {
    const plain = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, text: buffer.toString('latin1') }));
    const transfer = await this.page.evaluateHandle((all) => {
      const made = new DataTransfer();
      for (const { name, mimeType, text } of all) {
        const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
        made.items.add(new File([bytes], name, { type: mimeType }));
      }
      return made;
    }, plain);
    for (const kind of ['dragenter', 'dragover', 'drop'])
      await this.page.dispatchEvent(selector, kind, { dataTransfer: transfer });
  }

  /** Pastes files while nothing has the focus. */
  async paste(...files: Picked[]): Promise<void> {
    const plain = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, text: buffer.toString('latin1') }));
    await this.page.evaluate((all) => {
      const data = new DataTransfer();
      for (const { name, mimeType, text } of all)
        data.items.add(new File([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], name, { type: mimeType }));
      // Firefox takes no files from the options of a ClipboardEvent.
      const paste = new Event('paste', { bubbles: true, cancelable: true });
      Object.defineProperty(paste, 'clipboardData', { value: data });
      document.body.dispatchEvent(paste);
    }, plain);
  }

  /** The entry of a file in the list. */
  item(name: string): Locator {
    return this.page.locator('.uppy-Dashboard-Item', { hasText: name });
  }

  async upload(): Promise<void> {
    // While other files are in flight, the Dashboard has another button for those that were added since.
    const buttons = '.uppy-StatusBar-actionBtn--upload, .uppy-StatusBar-actionBtn--uploadNewlyAdded';
    await this.page.locator(buttons).click();
  }

  /** The bar with the total of all files. */
  get total(): Locator {
    return this.page.locator('aside.total');
  }

  /** Waits until each file of the list is stored. The bar may show an earlier upload for 200 ms. */
  async allStored(): Promise<void> {
    const open = this.page.locator('.uppy-Dashboard-Item:not(.is-complete)');
    await open.first().waitFor({ state: 'detached', timeout: 110_000 });
    await this.page.locator('aside.total.stored').waitFor({ timeout: 110_000 });
  }

  /** Waits until the page has proven that the shown object is equal to its file. */
  async proven(): Promise<void> {
    await this.page.locator('.proof .verdict.stored').waitFor();
  }

  /** Begins to store a file over a slow link, and waits until some of it is stored. */
  async beginSlowly(size = 6 * MIB, name = 'slow.bin'): Promise<Picked & { readonly path: string }> {
    await this.switchOn('Slow link');
    const file = picked(name, size);
    const path = onDisk(file);
    await this.pickPath(path);
    await this.upload();
    await this.page.locator('.ruler > svg .stored').first().waitFor();
    return { ...file, path };
  }

  /** The positions of the appends of a file that OSS took. */
  positions(name: string): (number | undefined)[] {
    return this.demo.oss.requests
      .filter(
        ({ operation, status, key }) => operation === 'AppendObject' && status === 200 && key.endsWith(`/${name}`),
      )
      .map(({ position }) => position);
  }

  /** The kinds of the events of the shown object, oldest first. */
  async events(): Promise<string[]> {
    const kinds = await this.page
      .locator('.events li')
      .evaluateAll((items) => items.map((item) => item.dataset['kind']));
    return kinds.map(String).reverse();
  }

  async switchOn(name: string, isOn = true): Promise<void> {
    const control = this.page.getByRole('switch', { name, exact: true });
    await control.setChecked(isOn);
    const isSet = isOn ? '.switch.on' : '.switch:not(.on)';
    await this.page.locator(isSet, { has: control }).waitFor();
  }

  async openFold(title: string): Promise<void> {
    await this.page.locator('summary', { hasText: title }).click();
  }

  /** The keys of the objects of the users of this demo, without the logs. */
  keys(): string[] {
    const keys = this.demo.oss.requests.map(({ key }) => key).filter((key) => key && !key.includes('/logs/'));
    return [...new Set(keys)] as string[];
  }

  /** The bytes of the object whose key ends with a name. */
  stored(name: string): Buffer | undefined {
    const key = this.keys().find((one) => one.endsWith(`/${name}`));
    const object = key ? this.demo.oss.object(this.demo.bucket, key) : undefined;
    return object && Buffer.from(object.bytes());
  }
}
