/**
 * `npm run test:browser-life`: the process of a tab is killed twenty times at random moments, in real Chromium and Firefox, while a
 * log with a journal writes under faults. Then every record that the journal had must be in the object once, and in order.
 *
 *   OSS_APPEND_LIFE_SEED=1     the seed of the first browser
 *   OSS_APPEND_LIFE_KILLS=20   how often a tab is killed
 *   OSS_APPEND_LIFE_BROWSER=firefox   runs one browser only
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { type Browser, chromium, firefox, type Page } from 'playwright';
import { type BrowserPlace, findBrowsers } from '../../.ci/browsers.mjs';
import { type Fault, LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';
import { killPages } from './processes.ts';

const { OSS_APPEND_LIFE_SEED = '1', OSS_APPEND_LIFE_KILLS = '20' } = process.env;
/** Runs one browser only. */
const ONLY = process.env['OSS_APPEND_LIFE_BROWSER'];
const KILLS = Number(OSS_APPEND_LIFE_KILLS);
const KEY = 'life.log';

const KINDS: readonly Fault[] = [
  { kind: 'drop-before' },
  { kind: 'drop-after' },
  { kind: 'error-after' },
  { kind: 'commit-late', delay: 250 },
  { kind: 'answer-late', delay: 200 },
];

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The servers of one run: the site, and LocalOss on another origin. */
class World {
  readonly #random: () => number;
  readonly #scope: string;
  #site: Served | undefined;
  #ossServer: Served | undefined;
  oss: LocalOss | undefined;
  healed = false;
  /** Records that a journal had when a life began. */
  readonly kept = new Set<string>();
  /** The failures that the logs reported. Most of them are temporary. */
  readonly errors: string[] = [];
  /** The last end of the object that a log reported as stored. */
  stored = 0;
  /** The requests that are in flight, and the timers of LocalOss, which may still carry out a request. */
  readonly #open = new Set<unknown>();
  onjournal: () => void = () => {};
  ondone: (error?: Error) => void = () => {};

  constructor(random: () => number, scope: string) {
    this.#random = random;
    this.#scope = scope;
  }

  async open(): Promise<void> {
    this.#site = await serve((request) => this.#answer(request));
    const cors = {
      allowedOrigins: [this.#site.url],
      allowedMethods: ['GET', 'HEAD', 'POST'] as const,
      allowedHeaders: ['*'],
      exposeHeaders: ['x-oss-next-append-position', 'x-oss-hash-crc64ecma', 'x-oss-request-id', 'content-range'],
    };
    const faults = () =>
      !this.healed && this.#random() < 0.25 ? KINDS[Math.floor(this.#random() * KINDS.length)] : undefined;
    const clock = { setTimeout: this.#setTimeout, clearTimeout: this.#clearTimeout };
    const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', cors: [cors] } }, faults, clock });
    this.oss = oss;
    // A request with `keepalive` outlives its page, and keeps one of the browser's few connections until it ends. So no
    // such request may hang.
    const hung = () => wait(1000).then(() => Promise.reject(new Error('The connection hangs')));
    const answer = (request: Request) => {
      this.#open.add(request);
      const answered = oss.fetch(request).finally(() => this.#open.delete(request));
      return Promise.race([answered, hung()]);
    };
    // A tab that is killed may leave a body unfinished, and its browser keeps the connection.
    this.#ossServer = await serve(answer, { silence: 5000 });
  }

  readonly #setTimeout = (callback: () => void, delay: number): unknown => {
    const run = () => {
      this.#open.delete(timer);
      callback();
    };
    const timer = setTimeout(run, delay);
    this.#open.add(timer);
    return timer;
  };

  readonly #clearTimeout = (timer: unknown): void => {
    this.#open.delete(timer);
    clearTimeout(timer as ReturnType<typeof setTimeout>);
  };

  /** Waits until no request is in flight, and until LocalOss will carry out no request later. */
  async idle(): Promise<void> {
    for (const end = Date.now() + 60_000; this.#open.size > 0 || (this.oss?.busy ?? 0) > 0; await wait(20))
      if (Date.now() > end) throw new Error('The requests did not end');
  }

  url(options: object): string {
    const all = { ...options, key: KEY, endpoint: this.#ossServer?.url };
    return `${this.#site?.url}/?${this.#random()}#${encodeURIComponent(JSON.stringify(all))}`;
  }

  lines(): string[] {
    return new TextDecoder().decode(this.oss?.object('logs', KEY)?.bytes()).split('\n').filter(Boolean);
  }

  async close(): Promise<void> {
    await Promise.all([this.#site?.close(), this.#ossServer?.close()]);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const script = { headers: { 'content-type': 'text/javascript' } };
    const page = { headers: { 'content-type': 'text/html' } };
    if (pathname === '/')
      return new Response('<!doctype html><title>life</title><script src="/scope.js"></script>', page);
    if (pathname === '/scope.js') return new Response(this.#scope, script);
    if (pathname === '/token') return Response.json(this.oss?.issueToken());
    const body = await request.text();
    if (pathname === '/journal') {
      for (const line of body.split('\n').filter((text) => text.startsWith('record'))) this.kept.add(line);
      this.onjournal();
    }
    if (pathname === '/stored') this.stored = Math.max(this.stored, Number(body));
    if (pathname === '/failed') this.ondone(new Error(`The page failed: ${body}`));
    if (pathname === '/error') this.errors.push(body);
    if (pathname === '/done') this.ondone();
    return new Response(null, { status: 204 });
  }
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Kills the tab again and again, and lets the last one finish. */
async function run(browser: Browser, place: string, kills: number, seed: number, scope: string): Promise<World> {
  const random = randomFrom(seed);
  const world = new World(random, scope);
  await world.open();
  const context = await browser.newContext();
  let page: Page | undefined;
  for (let life = 0; life <= kills; life++) {
    const isLast = life === kills;
    world.healed = isLast;
    const begun = new Promise<void>((resolve) => {
      world.onjournal = resolve;
    });
    const done = new Promise<void>((resolve, reject) => {
      world.ondone = (error) => (error ? reject(error) : resolve());
    });
    page = await context.newPage();
    await page.goto(world.url({ place, life, seed: Math.floor(random() * 2 ** 31), isLast }));
    await Promise.race([begun, done, wait(20_000).then(() => Promise.reject(new Error('The page did not begin')))]);
    if (isLast) await Promise.race([done, wait(60_000).then(() => Promise.reject(stuck(world)))]);
    else {
      await Promise.race([done, wait(random() * 900)]);
      if (killPages() === 0) throw new Error('No process of a page was found');
      // The page is gone. Playwright may wait for its answer for ever.
      await Promise.race([page.close().catch(() => {}), wait(500)]);
    }
  }
  // A request that was sent long ago may still be carried out.
  await world.idle();
  await Promise.race([context.close().catch(() => {}), wait(2000)]);
  await world.close();
  return world;
}

function stuck({ errors, oss }: World): Error {
  const requests = oss?.requests.slice(-5).map((request) => JSON.stringify(request));
  return new Error(`The page did not end. ${errors.slice(-5).join('; ')}. ${requests?.join('; ')}`);
}

/**
 * Returns the problems of the object. There is none if each record is there once and in order, and no kept record is
 * missing.
 */
function problems(world: World, least: number): string[] {
  const lines = world.lines().filter((line) => line.startsWith('record'));
  const doubled = lines.filter((line, index) => lines.indexOf(line) !== index);
  const lost = [...world.kept].filter((line) => !lines.includes(line));
  const numbers = lines.map((line) => line.split(' ').slice(1).map(Number)) as [number, number][];
  const unordered = numbers.filter(([life, n], index) => {
    const [lastLife, lastN] = numbers[index - 1] ?? [-1, -1];
    return life < lastLife || (life === lastLife && n <= lastN);
  });
  const length = world.oss?.object('logs', KEY)?.length ?? 0;
  return [
    ...(doubled.length > 0 ? [`${doubled.length} records are stored twice: ${doubled.slice(0, 5)}`] : []),
    ...(lost.length > 0 ? [`${lost.length} records are lost that the journal had: ${lost.slice(0, 5)}`] : []),
    ...(unordered.length > 0
      ? [`${unordered.length} records are not in order: ${unordered.slice(0, 5).join(' and ')}`]
      : []),
    ...(world.stored > length
      ? [`position ${world.stored} was reported as stored, but the object has ${length} bytes`]
      : []),
    ...(lines.length < least ? [`only ${lines.length} records are stored`] : []),
  ];
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['test/browser-life/scope.ts'],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}

/** Playwright sets a variable that makes Firefox end when one of its tabs crashes. This script removes the variable. */
async function startFirefox(place: BrowserPlace): Promise<Browser> {
  const executablePath = join('build', 'firefox-that-survives');
  const real = place.executablePath ?? firefox.executablePath();
  writeFileSync(executablePath, `#!/bin/sh\nunset MOZ_CRASHREPORTER_SHUTDOWN\nexec '${real}' "$@"\n`, { mode: 0o755 });
  return firefox.launch({ ...place, executablePath: resolve(executablePath) });
}

export async function main(): Promise<{ passed: number; failed: number }> {
  const counts = { passed: 0, failed: 0 };
  const found = await findBrowsers();
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const starts: Record<string, (() => Promise<Browser>) | undefined> = {
    chromium: found.chromium && (() => chromium.launch({ ...found.chromium, args })),
    firefox: found.firefox && (() => startFirefox(found.firefox ?? {})),
  };
  const scope = await bundle();
  for (const [name, start] of Object.entries(starts)) {
    if (ONLY && ONLY !== name) continue;
    if (!start) console.log(`not run: ${name} is missing`);
    else for (const plan of plans()) counts[(await examine(name, start, plan, scope)) ? 'passed' : 'failed']++;
  }
  return counts;
}

interface Plan {
  readonly place: string;
  readonly kills: number;
  readonly seed: number;
}

/** What is run in each browser. After some crashed tabs, Firefox itself may crash, so the kills are spread over several browsers. */
function plans(): Plan[] {
  const pages: Plan[] = [];
  for (let left = KILLS, seed = Number(OSS_APPEND_LIFE_SEED); left > 0; left -= 5, seed++)
    pages.push({ place: 'page', kills: Math.min(left, 5), seed });
  const seed = Number(OSS_APPEND_LIFE_SEED);
  return [...pages, { place: 'worker', kills: Math.min(KILLS, 5), seed }, { place: 'service-worker', kills: 0, seed }];
}

/**
 * Returns whether nothing was wrong. When the browser itself ends, which is not a fault of the log, the plan is run
 * again.
 */
async function examine(
  name: string,
  start: () => Promise<Browser>,
  plan: Plan,
  scope: string,
  rest = 2,
): Promise<boolean> {
  const { place, kills, seed } = plan;
  const title = `${name}, ${place}: killed ${kills} times`;
  const browser = await start();
  try {
    const world = await run(browser, place, kills, seed, scope);
    const wrong = problems(world, kills > 0 ? 10 : 1);
    const figures = `${world.lines().length} records, ${world.kept.size} of them journaled`;
    console.log(`${wrong.length === 0 ? 'ok' : 'FAILED'} ${title}: ${figures}`);
    for (const problem of wrong) console.log(`  ${problem}`);
    return wrong.length === 0;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    const isBrowser = /has been closed|_page|Connection closed/.test(why);
    console.log(`${isBrowser ? 'the browser ended' : 'FAILED'} ${title}: ${why}`);
    return isBrowser && rest > 0 ? examine(name, start, { ...plan, seed: seed + 1000 }, scope, rest - 1) : false;
  } finally {
    await Promise.race([browser.close().catch(() => {}), wait(5000)]);
  }
}
