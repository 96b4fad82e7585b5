/**
 * `npm run test:doctor`: every cause that the doctor knows is provoked in a real Chromium and a real Firefox, and recognised.
 *
 *   OSS_APPEND_DOCTOR_BROWSER=firefox   runs one browser only
 *   OSS_APPEND_DOCTOR_CASE=token        runs only the cases whose name has this text
 */
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, firefox, type Page } from 'playwright';
import { findBrowsers } from '../../../.ci/browsers.mjs';
import { onCi } from '../../../.ci/project.mjs';
import type { Diagnosis } from '../../../src/doctor/index.ts';
import { OssClient } from '../../../src/request/client.ts';
import type { LocalOss } from '../../../src/testing/index.ts';
import { type FetchHandler, type Served, serve } from '../../../src/testing/node/http.ts';
import { platformClock } from '../../../src/waiting/clock.ts';
import { CASES, type DoctorCase, WAYS, type Way } from '../cases.ts';
import { networkOf } from '../instead.ts';
import { bucketOf, presignOn, problemsOf } from '../world.ts';
import type { Job } from './page.ts';
import { PAGE_CASES, type PageCase } from './page-cases.ts';

const { OSS_APPEND_DOCTOR_BROWSER: ONLY_BROWSER, OSS_APPEND_DOCTOR_CASE: ONLY_CASE = '' } = process.env;

/** Names that resolve to this machine, so that hosts of OSS and pages without HTTPS can be tried. */
export const LOCAL_NAMES = ['page.test', 'oss.test', 'logs.oss-cn-beijing.aliyuncs.com'];

async function bundlePage(): Promise<string> {
  const entryPoints = ['test/doctor/browser/page.ts'];
  const { outputFiles } = await build({ entryPoints, bundle: true, format: 'iife', target: 'es2022', write: false });
  return outputFiles[0]?.text ?? '';
}

/** The server of the page. It also signs for a page without a key. */
class Site {
  readonly #script: string;
  #served: Served | undefined;
  presign: FetchHandler = () => new Response(null, { status: 500 });

  constructor(script: string) {
    this.#script = script;
  }

  get port(): string {
    return new URL(this.#served?.url ?? '').port;
  }

  async open(): Promise<void> {
    this.#served = await serve((request) => this.answer(request));
  }

  async close(): Promise<void> {
    await this.#served?.close();
  }

  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/presign') return this.presign(request);
    if (pathname === '/page.js') return new Response(this.#script, { headers: { 'content-type': 'text/javascript' } });
    const policy = pathname === '/strict' ? { 'content-security-policy': "default-src 'self'" } : {};
    const html = '<!doctype html><title>doctor</title><link rel="icon" href="data:,"><script src="/page.js"></script>';
    return new Response(html, { headers: { 'content-type': 'text/html', ...policy } });
  }
}

class Room {
  readonly #context: BrowserContext;
  readonly #site: Site;

  constructor(context: BrowserContext, site: Site) {
    this.#context = context;
    this.#site = site;
  }

  /** Plays the server of a page with HTTPS. A page whose requests are intercepted sends no preflights, so only few cases may do this. */
  async #serveWithHttps(page: Page): Promise<void> {
    await page.route('https://page.test/**', async (route) => {
      const answer = await this.#site.answer(new Request(route.request().url()));
      const body = await answer.text();
      await route.fulfill({ status: 200, headers: Object.fromEntries(answer.headers), body });
    });
  }

  /** Examines a case, and returns what is wrong with the diagnosis. */
  async examine(one: PageCase, way: Way): Promise<string[]> {
    const { site = 'http://127.0.0.1', path = '/' } = one;
    const origin = /^https/.test(site) ? site : `${site}:${this.#site.port}`;
    const oss = bucketOf(one, one.allowed ?? origin);
    const server = await serve(one.answer ?? answersOf(one, oss));
    const endpoint = `${one.endpoint ?? 'http://127.0.0.1'}:${new URL(server.url).port}`;
    const credentials = { ...oss.issueToken(one.token), ...one.credentials };
    const clock = { ...platformClock(), now: () => Date.now() + (one.clock ?? 0) };
    const signer = new OssClient({
      region: 'cn-hangzhou',
      bucket: 'logs',
      endpoint,
      credentials,
      clock,
      ...one.client,
    });
    this.#site.presign = async (request) =>
      one.tokenFails
        ? new Response('no', { status: 500 })
        : Response.json(await presignOn(signer)(await request.json()));
    const page = await this.#context.newPage();
    // The machine may be busy, so that a page needs longer than the usual time-out.
    page.setDefaultNavigationTimeout(120_000);
    try {
      if (/^https/.test(site)) await this.#serveWithHttps(page);
      await page.goto(origin + path);
      if (one.isDead) await server.close();
      if (one.isOffline) await this.#context.setOffline(true);
      const diagnosis = await run(page, { case: dataOf(one), way, endpoint, credentials });
      return problemsOf(one, diagnosis, { place: 'page', oss });
    } finally {
      await this.#context.setOffline(false);
      await page.close();
      await server.close();
    }
  }
}

/** LocalOss, or the answers of the case in its place. */
function answersOf({ instead }: PageCase, oss: LocalOss): FetchHandler {
  if (!instead) return (request) => oss.fetch(request);
  const network = networkOf(instead, oss.fetch);
  return async (request) => {
    const { url, method, headers } = request;
    const bytes = new Uint8Array(await request.arrayBuffer());
    return network(url, { method, headers: [...headers], ...(bytes.length > 0 && { body: bytes }) });
  };
}

/** The page gets only what it needs, because functions cannot be sent to it. */
function dataOf({ options, client, clock, tokenFails }: PageCase): DoctorCase {
  // The machine may be busy, so that an answer needs longer than the usual time-out.
  const patient = { timeout: 60_000, ...options };
  return JSON.parse(JSON.stringify({ name: '', finds: [], options: patient, client, clock, tokenFails }));
}

function run(page: Page, job: Job): Promise<Diagnosis> {
  return page.evaluate((given) => Reflect.get(globalThis, 'examine')(given) as Promise<Diagnosis>, job);
}

const starts: Record<string, (place: object) => Promise<Browser>> = {
  chromium: (place) => {
    const rules = LOCAL_NAMES.map((name) => `MAP ${name} 127.0.0.1`).join(', ');
    const args = ['--disable-gpu', `--host-resolver-rules=${rules}`];
    return chromium.launch({ ...place, args: process.getuid?.() === 0 ? [...args, '--no-sandbox'] : args });
  },
  firefox: (place) =>
    firefox.launch({ ...place, firefoxUserPrefs: { 'network.dns.localDomains': LOCAL_NAMES.join(',') } }),
};

async function runAll(name: string, browser: Browser, script: string): Promise<{ passed: number; failed: number }> {
  const counts = { passed: 0, failed: 0 };
  const site = new Site(script);
  await site.open();
  const room = new Room(await browser.newContext(), site);
  const began = Date.now();
  for (const one of [...CASES, ...PAGE_CASES].filter(({ name: title }) => title.includes(ONLY_CASE))) {
    for (const way of one.ways ?? WAYS) {
      const problems = await room.examine(one, way).catch((error: unknown) => [String(error)]);
      counts[problems.length === 0 ? 'passed' : 'failed'] += 1;
      if (problems.length > 0) console.log(`FAILED ${name}, ${way}, ${one.name}\n  ${problems.join('\n  ')}`);
    }
  }
  await site.close();
  const { passed, failed } = counts;
  const seconds = Math.round((Date.now() - began) / 1000);
  console.log(
    `${failed === 0 ? 'ok' : 'FAILED'} ${name} ${browser.version()}: ${passed} passed, ${failed} failed, ${seconds} s`,
  );
  return counts;
}

export async function main(): Promise<{ passed: number; failed: number }> {
  const counts = { passed: 0, failed: 0 };
  const places: Record<string, object | undefined> = await findBrowsers();
  const script = await bundlePage();
  for (const [name, start] of Object.entries(starts)) {
    if (ONLY_BROWSER && ONLY_BROWSER !== name) continue;
    const place = places[name];
    if (!place) {
      console.log(`not run: ${name} is missing`);
      // On CI, both browsers must be there.
      if (onCi) counts.failed += 1;
      continue;
    }
    const browser = await start(place);
    const { passed, failed } = await runAll(name, browser, script).finally(() => browser.close());
    counts.passed += passed;
    counts.failed += failed;
  }
  return counts;
}
