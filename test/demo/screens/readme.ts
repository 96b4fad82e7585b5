/** Makes the pictures of README.md and README.zh-CN.md from the page itself: `npm run demo:screens -- readme`. */
import { statSync, writeFileSync } from 'node:fs';
import type { Browser, BrowserContext, Page, Route } from 'playwright';
import { MIB, Visit } from '../visit.ts';
import { begin, breakWith, movie, two } from './scenes.ts';

const LOOKS = [
  { locale: 'en-US', ending: '' },
  { locale: 'zh-CN', ending: '-zh' },
] as const;
type Look = (typeof LOOKS)[number];

/** The text of the first step. The page itself has the texts of the other two steps. */
const SENDING = {
  'en-US': 'The page appends the next 256 KiB.',
  'zh-CN': '页面追加下一个 256 KiB。',
};

/** The quality of the WebP pictures, where 1 is the best. Text is sharp, and a picture stays below 100 KB. */
const QUALITY = 0.86;

/** GitHub takes WebP, which is a third of a PNG here. The browser itself converts it. */
async function write(context: BrowserContext, png: Buffer, path: string): Promise<void> {
  const page = await context.newPage();
  const webp = await page.evaluate(
    async ([data, quality]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      canvas.getContext('2d')?.drawImage(image, 0, 0);
      return canvas.toDataURL('image/webp', quality).split(',')[1] ?? '';
    },
    [png.toString('base64'), QUALITY] as const,
  );
  await page.close();
  writeFileSync(path, Buffer.from(webp, 'base64'));
  console.log(`${path} (${Math.ceil(statSync(path).size / 1024)} KiB)`);
}

/** The position of the append whose answer is lost, bytes. */
const POSITION = 4 * 256 * 1024;

/** One step of the story: what the page says, and its ruler. */
interface Step {
  readonly says: string;
  readonly ruler: string;
}

async function stepOf(page: Page, says?: string): Promise<Step> {
  const ruler = await page.locator('.ruler > svg').screenshot({ animations: 'disabled' });
  const newest = page.locator('.events li').first().locator('span');
  return { says: says ?? (await newest.textContent()) ?? '', ruler: ruler.toString('base64') };
}

/** Loses the answer of one append, and holds each later request until its picture is taken. */
async function settle(visit: Visit, first: string): Promise<Step[]> {
  const { page, demo } = visit;
  const steps: Step[] = [];
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const handle = async (route: Route) => {
    const request = route.request();
    const position = Number(new URL(request.url()).searchParams.get('position') ?? -1);
    if (request.method() === 'POST' && position === POSITION && steps.length === 0) {
      await page.locator('.ruler > svg .sent').waitFor();
      steps.push(await stepOf(page, first));
      await breakWith(visit, 'lose');
    }
    if (request.method() === 'HEAD' && steps.length === 1) {
      await page.locator('.ruler > svg .lost').waitFor();
      steps.push(await stepOf(page));
    }
    if (request.method() === 'POST' && steps.length >= 2) await finished;
    return route.continue();
  };
  await page.route(`${demo.ossUrl}/**/holiday.mov*`, handle);
  await begin(visit, [movie(3 * MIB)]);
  await page.locator('.events [data-kind=found-stored]').waitFor();
  await page.locator('.ruler > svg .lost').waitFor({ state: 'detached' });
  steps.push(await stepOf(page));
  finish();
  return steps;
}

/** Draws the steps one below the other. */
function strip(steps: readonly Step[], isDark: boolean): string {
  const rows = steps.map(
    ({ says, ruler }, index) => `<li><b>${index + 1}</b><p>${says}</p><img src="data:image/png;base64,${ruler}"></li>`,
  );
  const [ground, text, line] = isDark ? ['#1b2129', '#e8edf3', '#35404d'] : ['#ffffff', '#1a2330', '#d7dde5'];
  return `<style>
    body { margin: 0; font: 15px/1.45 system-ui, sans-serif; }
    ol { width: 920px; box-sizing: border-box; margin: 0; padding: 6px 20px; list-style: none; background: ${ground}; color: ${text}; border: 1px solid ${line}; border-radius: 10px }
    li { display: grid; grid-template-columns: 20px 1fr 480px; gap: 14px; align-items: center; padding: 12px 0 6px } li + li { border-top: 1px solid ${line} }
    p { margin: 0 } img { width: 480px }</style><ol>${rows.join('')}</ol>`;
}

async function makeFor(browser: Browser, { locale, ending }: Look, isDark: boolean): Promise<void> {
  const colorScheme = isDark ? 'dark' : 'light';
  const options = { locale, colorScheme, viewport: { width: 1440, height: 960 } } as const;
  const end = `${ending}${isDark ? '-dark' : ''}.webp`;
  const flat = await browser.newContext(options);
  flat.setDefaultTimeout(180_000);
  const visit = await Visit.begin(flat);
  await begin(visit, two, { faults: ['lose'], segments: 5 });
  await write(flat, await visit.page.screenshot({ animations: 'disabled' }), `demo/page${end}`);
  await flat.close();
  await visit.end();
  const sharp = await browser.newContext({ ...options, deviceScaleFactor: 2 });
  sharp.setDefaultTimeout(180_000);
  const story = await Visit.begin(sharp);
  const steps = await settle(story, SENDING[locale]);
  const paper = await sharp.newPage();
  await paper.setContent(strip(steps, isDark));
  await write(sharp, await paper.locator('ol').screenshot({ omitBackground: true }), `demo/settled${end}`);
  await sharp.close();
  await story.end();
}

/** Makes the pictures in both languages, in light and dark. */
export async function makeReadmePictures(browser: Browser): Promise<void> {
  for (const look of LOOKS) for (const isDark of [false, true]) await makeFor(browser, look, isDark);
}
