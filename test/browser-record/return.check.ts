/** A page with a log that the user leaves and comes back to. Chromium keeps it in the back/forward cache, and the log goes on. */
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../.ci/chromium.mjs';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';

const executablePath = await findChromium();

/** Makes a log when the page is loaded, and notes whether the page came back from the cache. */
const PAGE = `<!doctype html><title>page</title><script type="module">
  import { LogAppender } from '/library.js';
  const credentials = async () => (await fetch('/token')).json();
  const client = { region: 'cn-hangzhou', bucket: 'logs', endpoint: ENDPOINT, credentials };
  globalThis.log = new LogAppender(client, 'app.log', { flushAfter: 60_000 });
  globalThis.shown = [];
  addEventListener('pageshow', ({ persisted }) => shown.push(persisted));
</script>`;

async function bundle(): Promise<string> {
  const stdin = {
    contents: "export * from './src/log/index.ts';",
    resolveDir: new URL('../..', import.meta.url).pathname,
  };
  const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', target: 'es2022', write: false });
  return outputFiles[0]!.text;
}

describe.skipIf(!executablePath)('a page in the back/forward cache of Chromium', () => {
  let browser: Browser;
  let site: Served;
  let ossServer: Served;
  let oss: LocalOss;

  beforeAll(async () => {
    const library = await bundle();
    const html = (text: string) => new Response(text, { headers: { 'content-type': 'text/html' } });
    site = await serve((request) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/') return html(PAGE.replace('ENDPOINT', JSON.stringify(ossServer.url)));
      if (pathname === '/library.js') return new Response(library, { headers: { 'content-type': 'text/javascript' } });
      if (pathname === '/token') return Response.json(oss.issueToken());
      return html('<!doctype html><title>other</title>');
    });
    const rule = {
      allowedOrigins: [site.url],
      allowedMethods: ['GET', 'HEAD', 'POST'] as const,
      allowedHeaders: ['*'],
      exposeHeaders: EXPOSED_HEADERS,
    };
    oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', cors: [rule] } } });
    ossServer = await serve((request) => oss.fetch(request));
    browser = await chromium.launch({
      executablePath: executablePath!,
      // Playwright turns the cache off by default.
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    });
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all([site?.close(), ossServer?.close()]);
  });

  const stored = () => new TextDecoder().decode(oss.object('logs', 'app.log')?.bytes());

  test('its log stores each record once: the records from before the user left, and those from after the return', async () => {
    const page = await browser.newPage();
    await page.goto(site.url);
    await page.waitForFunction('globalThis.log !== undefined');
    await page.evaluate("log.write('first'); log.flush()");
    await page.evaluate("void log.write('before the user left')");
    await page.goto(`${site.url}/other`);
    // `goBack` waits for a load, but a page from the cache does not load again.
    await page.evaluate('history.back()');
    await page.waitForFunction('globalThis.shown?.length === 2');
    expect(await page.evaluate('shown')).toEqual([false, true]);
    await page.evaluate("log.write('after the return'); log.flush()");
    expect(stored()).toBe('first\nbefore the user left\nafter the return\n');
    await page.close();
  }, 90_000);
});
