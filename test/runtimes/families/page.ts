/**
 * Runs the suite in browsers. A page runs it in its window, in a worker or in a service worker. The runner also checks
 * the console of the page.
 */
import { type Browser, type ConsoleMessage, chromium, firefox, type Page } from 'playwright';
import type { Report } from '../context.ts';
import type { RuntimeServer } from '../server.ts';
import { Absent, type Family, finding, type Job, type Running, reportOf } from './family.ts';

/**
 * A host name that the browsers resolve to this machine. It is neither localhost nor an IP address, so a page on it is
 * not a secure context.
 */
export const PLAIN_HOST = 'oss-append.test';

const SCOPES: Readonly<Record<string, string>> = {
  window: 'window',
  'plain http': 'window',
  xhr: 'xhr',
  worker: 'worker',
  'service worker': 'sw',
};

/** The place of a browser. It is empty for the browser of Playwright. */
export interface BrowserPlace {
  readonly executablePath?: string;
  readonly channel?: string;
}

/** Returns the URL of the page that runs a job. */
export function pageUrlOf({ pageUrl }: Pick<RuntimeServer, 'pageUrl'>, { runtime, run, controlUrl }: Job): string {
  const scope = Object.keys(SCOPES).find(
    (name) => runtime.endsWith(` ${name}`) && !runtime.endsWith(` service ${name}`),
  );
  const query = new URLSearchParams({ scope: SCOPES[scope ?? ''] ?? '', runtime, run, control: controlUrl });
  const origin = scope === 'plain http' ? pageUrl.replace('127.0.0.1', PLAIN_HOST) : pageUrl;
  return `${origin}/?${query}`;
}

export function chromiumFamily(place: BrowserPlace | undefined): Family {
  const args = [
    ...'--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(
      ' ',
    ),
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    `--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`,
  ];
  return browserFamily('chromium', place, (found) => chromium.launch({ ...found, args }));
}

export function firefoxFamily(place: BrowserPlace | undefined): Family {
  const firefoxUserPrefs = { 'network.dns.localDomains': PLAIN_HOST };
  return browserFamily('firefox', place, (found) => firefox.launch({ ...found, firefoxUserPrefs }));
}

function browserFamily(
  name: string,
  place: BrowserPlace | undefined,
  launch: (place: BrowserPlace) => Promise<Browser>,
): Family {
  const runs = ['window', 'xhr', 'worker', 'service worker', 'plain http'].map((scope) => `${name} ${scope}`);
  return {
    name,
    required: true,
    runs,
    start: async (server) => {
      if (!place) throw new Absent('not installed');
      return running(await launch(place), server);
    },
  };
}

function running(browser: Browser, server: RuntimeServer): Running {
  return {
    version: browser.version(),
    run: (job) => runInPage(browser, server, job),
    close: () => browser.close(),
  };
}

/** Runs a job in a new browser context, so that no service worker and no cache of another run is used. */
async function runInPage(browser: Browser, server: RuntimeServer, job: Job): Promise<Report> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const problems = problemsOf(page);
    await page.goto(pageUrlOf(server, job));
    const { agent, results } = await reportOf(server, job, new Promise(() => {}));
    const problem = problems.length > 0 ? problems.join(' | ') : undefined;
    return { agent, results: [...results, finding('the page throws no error and prints no warning', problem)] };
  } finally {
    await context.close();
  }
}

/** Console messages of the browser about failed requests. They are ignored, because the faults cause such requests. */
const OF_NETWORK = /Failed to load resource|blocked by CORS policy|Cross-Origin Request Blocked/;

function problemsOf(page: Page): string[] {
  const problems: string[] = [];
  const note = (text: string) => {
    if (!OF_NETWORK.test(text)) problems.push(text);
  };
  page.on('pageerror', (error) => note(String(error)));
  page.on('console', (message: ConsoleMessage) => {
    if (/^(warning|error)$/.test(message.type())) note(`${message.type()}: ${message.text()}`);
  });
  return problems;
}
