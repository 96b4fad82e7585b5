/**
 * The example of docs/recording.md that plays a recording while it grows, in two pages of Chromium and of Firefox: one
 * records the microphone, and the other follows the object and plays it.
 */
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';
import { startChromium, startFirefox } from './browsers.ts';

const root = new URL('../..', import.meta.url).pathname;
let site: Served;
let ossServer: Served;
let oss: LocalOss;

/** What the two pages do. `done` resolves when a page has recorded or played everything. */
const PAGE = `<!doctype html><script type="module">
  import { AppendableObject, OssClient, recordTo, watch } from '/library.js';
  const credentials = async () => (await fetch('/token')).json();
  const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-uploads', endpoint: ENDPOINT, credentials });
  const mimeType = 'audio/webm;codecs=opus';
  globalThis.record = async (key) => {
    globalThis.recorder = new MediaRecorder(await navigator.mediaDevices.getUserMedia({ audio: true }), { mimeType });
    const object = new AppendableObject(client, key, { contentType: mimeType });
    globalThis.done = recordTo(object, recorder, { timeslice: 200 }).then(() => object.seal());
  };
  globalThis.play = (key) => {
    globalThis.player = new Audio();
    player.autoplay = player.muted = true;
    globalThis.done = watch(client, key, mimeType, player, new AbortController().signal);
  };
</script>`;

/** The library and the example, as one module. */
async function bundle(): Promise<string> {
  const blocks = readFileSync(`${root}docs/recording.md`, 'utf8').matchAll(/^```ts\n(.*?)^```/gms);
  const example = [...blocks].map(([, code]) => code as string).find((code) => code.includes('MediaSource'));
  const contents = `${example}
    export * from 'oss-append';
    export * from 'oss-append/log';`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    alias: { 'oss-append/log': `${root}src/log/index.ts`, 'oss-append': `${root}src/index.ts` },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0]!.text;
}

beforeAll(async () => {
  const library = await bundle();
  site = await serve((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/token') return Response.json(oss.issueToken());
    const page = PAGE.replace('ENDPOINT', JSON.stringify(ossServer.url));
    const [text, type] = pathname === '/library.js' ? [library, 'text/javascript'] : [page, 'text/html'];
    return new Response(text, { headers: { 'content-type': type } });
  });
  const rule = {
    allowedOrigins: [site.url],
    allowedMethods: ['GET', 'HEAD', 'POST'] as const,
    allowedHeaders: ['*'],
    exposeHeaders: EXPOSED_HEADERS,
  };
  oss = new LocalOss({ buckets: { 'my-uploads': { region: 'cn-hangzhou', cors: [rule] } } });
  ossServer = await serve((request) => oss.fetch(request));
});

afterAll(() => Promise.all([site?.close(), ossServer?.close()]));

async function newPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(site.url);
  await page.waitForFunction('globalThis.play !== undefined');
  return page;
}

test.each([
  ['Chromium', startChromium],
  ['Firefox', startFirefox],
])(
  'a second page plays a recording while it grows, and to its end: %s',
  async (name, start) => {
    const browser = await start();
    if (!browser) return console.log(`not run: ${name} is missing`);
    try {
      const [recording, playing] = [await newPage(browser), await newPage(browser)];
      await recording.evaluate(`record('${name}.webm')`);
      await playing.evaluate(`void play('${name}.webm')`);
      await playing.waitForFunction('player.currentTime > 1.5');
      expect(await recording.evaluate('recorder.state')).toBe('recording');
      await recording.evaluate('recorder.stop(); done');
      await playing.evaluate('done');
      await playing.waitForFunction('player.ended');
      expect(await playing.evaluate('player.error')).toBeNull();
    } finally {
      await browser.close();
    }
  },
  90_000,
);
