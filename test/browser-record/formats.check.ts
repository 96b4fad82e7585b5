/** Recordings in other browsers and formats: WebM in Firefox, and MP4 in Chromium where its MediaRecorder can make it. */
import { build } from 'esbuild';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';
import { startChromium, startFirefox } from './browsers.ts';

let site: Served;
let ossServer: Served;
let oss: LocalOss;

beforeAll(async () => {
  const contents = "export * from './src/index.ts'; export * from './src/log/index.ts';";
  const stdin = { contents, resolveDir: new URL('../..', import.meta.url).pathname };
  const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', target: 'es2022', write: false });
  site = await serve((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/token') return Response.json(oss.issueToken());
    const [text, type] =
      pathname === '/library.js' ? [outputFiles[0]!.text, 'text/javascript'] : ['<!doctype html>', 'text/html'];
    return new Response(text, { headers: { 'content-type': type } });
  });
  const rule = {
    allowedOrigins: [site.url],
    allowedMethods: ['GET', 'HEAD', 'POST'] as const,
    allowedHeaders: ['*'],
    exposeHeaders: EXPOSED_HEADERS,
  };
  oss = new LocalOss({ buckets: { 'my-uploads': { region: 'cn-hangzhou', acl: 'public-read', cors: [rule] } } });
  ossServer = await serve((request) => oss.fetch(request));
});

afterAll(() => Promise.all([site?.close(), ossServer?.close()]));

type Library = typeof import('../../src/index.ts') & typeof import('../../src/log/index.ts');

/** Records four chunks and returns how many bytes the recorder gave, and what a video element says of the object. */
function recordAndPlay(page: Page, key: string, mimeType: string) {
  return page.evaluate(
    async ({ endpoint, key, mimeType }) => {
      const { OssClient, AppendableObject, recordTo } = globalThis as unknown as Library;
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 }, audio: true });
      const recorder = new MediaRecorder(stream, { mimeType });
      const credentials = async () => (await fetch('/token')).json();
      const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-uploads', endpoint, credentials });
      let [chunks, bytes] = [0, 0];
      recorder.addEventListener('dataavailable', ({ data }) => {
        bytes += data.size;
        if (++chunks === 4) recorder.stop();
      });
      const { tail } = await recordTo(new AppendableObject(client, key, { contentType: mimeType }), recorder, {
        timeslice: 200,
      });
      const video = document.createElement('video');
      video.src = `${endpoint}/my-uploads/${key}`;
      await new Promise((resolve, reject) => {
        video.addEventListener('loadeddata', resolve);
        video.addEventListener('error', () => reject(new Error(video.error?.message)));
      });
      return { bytes, position: tail.position, width: video.videoWidth };
    },
    { endpoint: ossServer.url, key, mimeType },
  );
}

test.each([
  ['WebM in Firefox', startFirefox, 'video/webm;codecs=vp8,opus'],
  ['MP4 in Chromium', startChromium, 'video/mp4'],
] as const)('a recording plays: %s', async (name, start, mimeType) => {
  const browser = await start();
  if (!browser) return console.log(`not run: ${name}, because the browser was not found`);
  try {
    const page = await browser.newPage();
    await page.goto(site.url);
    await page.evaluate("import('/library.js').then((library) => Object.assign(globalThis, library))");
    const isSupported = await page.evaluate((type) => MediaRecorder.isTypeSupported(type), mimeType);
    if (!isSupported) return console.log(`not run: ${name}, because its MediaRecorder does not make ${mimeType}`);
    const key = `inbox/${mimeType.slice(6, 10).replace(/\W/, '')}.bin`;
    const { bytes, position, width } = await recordAndPlay(page, key, mimeType);
    expect([position, oss.object('my-uploads', key)?.length]).toEqual([bytes, bytes]);
    expect(width).toBeGreaterThan(0);
  } finally {
    await browser.close();
  }
});
