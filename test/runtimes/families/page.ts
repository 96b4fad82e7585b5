/** Browsers: a page that runs the suite in its window, a worker or a service worker, and what its console was told. */
import { type Browser, type ConsoleMessage, chromium, firefox, type Page } from 'playwright';
import type { Report } from '../context.ts';
import type { RuntimeServer } from '../server.ts';
import { Absent, type Family, finding, type Job, type Running, reportOf } from './family.ts';

/** Leads to this machine, and is neither localhost nor an address: a page there is no secure context. */
export const PLAIN_HOST = 'oss-append.test';

const SCOPES: Readonly<Record<string, string>> = {
  window: 'window',
  'plain http': 'window',
  xhr: 'xhr',
  worker: 'worker',
  'service worker': 'sw',
};

/** Where a browser is; none of it for Playwright's own. */
export interface BrowserPlace {
  readonly executablePath?: string;
  readonly channel?: string;
}

/** The address that runs a job. */
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

/** A context of its own for each run: no service worker and no cache of another one. */
async function runInPage(browser: Browser, server: RuntimeServer, job: Job): Promise<Report> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const problems = problemsOf(page);
    await page.goto(pageUrlOf(server, job));
    const { agent, results } = await reportOf(server, job, new Promise(() => {}));
    const told = problems.length > 0 ? problems.join(' | ') : undefined;
    return { agent, results: [...results, finding('the page throws nothing and warns of nothing', told)] };
  } finally {
    await context.close();
  }
}

/** Browsers themselves report failed requests in the console, which the faults are meant to make. */
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
