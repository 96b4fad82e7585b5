/**
 * Records Chromium's fake camera into an object of a LocalOss on another origin, and plays what is stored. A second page plays the
 * beginning while the first one still records.
 */
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findChromium } from '../../.ci/chromium.mjs';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';

const executablePath = await findChromium();
const STORED = 'inbox/call.webm';

/** The library, and what a page does with it, as one module. */
async function bundle(): Promise<string> {
  const contents = `
    export * from './src/index.ts';
    export * from './src/log/index.ts';`;
  const stdin = { contents, resolveDir: new URL('../..', import.meta.url).pathname };
  const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', target: 'es2022', write: false });
  return outputFiles[0]!.text;
}

const [CLUSTER, TIME, BLOCK] = ['1f43b675', 'e7', 'a3'];
/** What else is in a recording: the EBML header, Segment, Info, Tracks, Void, Tags. */
const OTHERS = ['1a45dfa3', '18538067', '1549a966', '1654ae6b', 'ec', '1254c367'];

function describeBlock(content: Buffer, time: number): string {
  const isKey = (content.readUInt8(3) & 0x80) > 0;
  return `track ${content.readUInt8(0) & 127} at ${time + content.readInt16BE(1)} ms${isKey ? ', key' : ''}`;
}

/**
 * The track and time of each block of a file. Throws for an element that has no place in a recording: a file with
 * missing bytes contains such an element.
 */
function blocksOf(file: Uint8Array): string[] {
  const bytes = Buffer.from(file);
  const blocks: string[] = [];
  for (let [at, time] = [0, 0]; at < bytes.byteLength; ) {
    const idEnd = at + Math.clz32(bytes.readUInt8(at)) - 23;
    const id = bytes.toString('hex', at, idEnd);
    const sizeLength = Math.clz32(bytes.readUInt8(idEnd)) - 23;
    at = idEnd + sizeLength;
    if (id === CLUSTER || id === '18538067') continue;
    const size = Number(BigInt(`0x${bytes.toString('hex', idEnd, at)}`) & (2n ** BigInt(7 * sizeLength) - 1n));
    const content = bytes.subarray(at, at + size);
    if (id === TIME) time = content.readUIntBE(0, size);
    else if (id === BLOCK) blocks.push(describeBlock(content, time));
    else if (!OTHERS.includes(id)) throw new Error(`element ${id} has no place here`);
    at += size;
    if (at > bytes.byteLength) throw new Error('the last element is cut');
  }
  return blocks;
}

describe.skipIf(!executablePath)('a recording in Chromium', () => {
  let browser: Browser;
  let context: BrowserContext;
  let site: Served;
  let ossServer: Served;
  let oss: LocalOss;

  beforeAll(async () => {
    const library = await bundle();
    site = await serve((request) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/')
        return new Response('<!doctype html><title>page</title>', { headers: { 'content-type': 'text/html' } });
      if (pathname === '/library.js') return new Response(library, { headers: { 'content-type': 'text/javascript' } });
      if (pathname === '/token') return Response.json(oss.issueToken());
      return new Response(null, { status: 404 });
    });
    const rule = {
      allowedOrigins: [site.url],
      allowedMethods: ['GET', 'HEAD', 'POST'] as const,
      allowedHeaders: ['*'],
      exposeHeaders: EXPOSED_HEADERS,
    };
    oss = new LocalOss({ buckets: { 'my-uploads': { region: 'cn-hangzhou', acl: 'public-read', cors: [rule] } } });
    ossServer = await serve((request) => oss.fetch(request));
    browser = await chromium.launch({
      executablePath: executablePath!,
      args: [
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        '--autoplay-policy=no-user-gesture-required',
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ],
    });
  });

  // A context that is closed gives the camera back.
  beforeEach(async () => {
    context = await browser.newContext({ permissions: ['camera', 'microphone'] });
  });

  afterEach(() => context.close());

  afterAll(async () => {
    await browser?.close();
    await Promise.all([site?.close(), ossServer?.close()]);
  });

  async function newPage(): Promise<Page> {
    const page = await context.newPage();
    await page.goto(site.url);
    await page.evaluate("import('/library.js').then((library) => Object.assign(globalThis, library))");
    return page;
  }

  /** Runs the body of an async function in a page. */
  function inPage<T>(page: Page, code: string, given?: unknown): Promise<T> {
    return page.evaluate(
      ([body, value]) => new Function('given', `return (async () => { ${body} })()`)(value) as Promise<T>,
      [code, given] as const,
    );
  }

  /** Begins to record. The page keeps the promise of `recordTo`, and the values that the callbacks got. */
  async function record(page: Page, key: string, options: object = {}): Promise<void> {
    await inPage(
      page,
      `
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 }, audio: true });
      const mimeType = 'video/webm;codecs=vp8,opus';
      globalThis.recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 500_000, videoKeyFrameIntervalDuration: 500 });
      const credentials = async () => (await fetch('/token')).json();
      const retry = { baseDelay: 50, maxDelay: 200 };
      const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-uploads', endpoint: given.endpoint, credentials, retry });
      globalThis.object = new AppendableObject(client, given.key, { contentType: mimeType });
      globalThis.lags = [];
      globalThis.chunks = [];
      recorder.addEventListener('dataavailable', ({ data }) => chunks.push(data));
      const onbehind = (lag) => lags.push({ ...lag, at: performance.now() });
      globalThis.done = recordTo(object, recorder, { timeslice: 200, onbehind, ...given.options });`,
      { endpoint: ossServer.url, key, options },
    );
  }

  /**
   * Begins to follow an object. The page keeps a promise, which resolves to the length and the CRC-64 of the object.
   */
  const follow = (page: Page, key: string) =>
    inPage(
      page,
      `
      const credentials = async () => (await fetch('/token')).json();
      const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-uploads', endpoint: given.endpoint, credentials });
      globalThis.followed = (async () => {
        let [size, crc] = [0, 0n];
        for await (const bytes of tail(client, given.key, { minDelay: 100, maxDelay: 1000 })) {
          crc = crc64(bytes, crc);
          size += bytes.byteLength;
        }
        return { size, crc64: String(crc) };
      })();`,
      { endpoint: ossServer.url, key },
    );

  /** Stops the recorder, and says how the recording ended. */
  const stop = (page: Page) =>
    inPage<{ tail: { position: number }; dropped: number }>(
      page,
      "if (recorder.state !== 'inactive') recorder.stop(); return done;",
    );

  /** Waits in the page until an expression of it is true. */
  const until = (page: Page, expression: string) => page.waitForFunction(expression, undefined, { polling: 50 });

  /** The duration that a video element reads, and how far it plays, s. */
  const play = (page: Page, key: string) =>
    inPage<{ duration: number; played: number; width: number; error: string | undefined }>(
      page,
      `
      const video = document.createElement('video');
      video.muted = true;
      video.src = given;
      document.body.append(video);
      const event = (name) => new Promise((resolve, reject) => {
        video.addEventListener(name, resolve, { once: true });
        video.addEventListener('error', () => reject(new Error(video.error.message)), { once: true });
      });
      await event('loadedmetadata');
      if (!Number.isFinite(video.duration)) {
        // A recorder does not know the duration when it writes the beginning: the end must be looked for.
        const known = event('durationchange');
        video.currentTime = Number.MAX_SAFE_INTEGER;
        await known;
      }
      const { duration } = video;
      const back = event('seeked');
      video.currentTime = 0;
      await back;
      video.playbackRate = 4;
      const ended = event('ended');
      await video.play();
      await ended;
      return { duration, played: video.currentTime, width: video.videoWidth };`,
      `${ossServer.url}/my-uploads/${key}`,
    );

  const storedBytes = (key: string) => oss.object('my-uploads', key)?.bytes();

  /** All bytes that the recorder gave, as base64, because a page can return text. */
  const given = async (page: Page) => {
    const text = await inPage<string>(
      page,
      `const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
      let text = '';
      for (const byte of bytes) text += String.fromCharCode(byte);
      return btoa(text);`,
    );
    return new Uint8Array(Buffer.from(text, 'base64'));
  };

  test('loses the network for a while and plays; a second page plays the beginning while it is still recorded', async () => {
    const page = await newPage();
    await record(page, STORED);
    await until(page, 'lags.some(({ bytes }) => bytes === 0) && chunks.length > 12');
    const second = await newPage();
    const beginning = await play(second, STORED);
    expect(beginning).toMatchObject({ width: 320 });
    expect(beginning.duration).toBeGreaterThan(0.5);
    // The second page also follows the object, through the same outage.
    await follow(second, STORED);
    expect(await inPage(page, 'return recorder.state')).toBe('recording');
    await context.setOffline(true);
    await until(page, 'lags.at(-1).seconds > 2.5');
    expect(await inPage<number>(page, 'return lags.at(-1).bytes')).toBeGreaterThan(10_000);
    await context.setOffline(false);
    await until(page, 'lags.at(-1).bytes === 0');
    const { tail } = await stop(page);
    expect(storedBytes(STORED)).toEqual(await given(page));
    expect(tail.position).toBe(storedBytes(STORED)?.byteLength);
    await inPage(page, 'return object.seal()');
    const { crc64, length } = oss.object('my-uploads', STORED) ?? {};
    expect(await inPage(second, 'return followed')).toEqual({ size: length, crc64 });
    const whole = await play(await newPage(), STORED);
    expect(whole.duration).toBeGreaterThan(beginning.duration + 2.5);
    expect(whole.played).toBeCloseTo(whole.duration, 0);
  }, 90_000);

  test('with the policy drop, leaves out whole clusters while the network is away, and plays to its end', async () => {
    const page = await newPage();
    await record(page, 'inbox/gaps.webm', { whenFull: 'drop', queueSize: 100_000 });
    await until(page, 'lags.some(({ bytes }) => bytes === 0) && chunks.length > 12');
    await context.setOffline(true);
    await until(page, 'lags.at(-1).dropped > 50_000');
    await context.setOffline(false);
    await until(page, 'lags.at(-1).bytes === 0');
    const { dropped } = await stop(page);
    const all = await given(page);
    const kept = storedBytes('inbox/gaps.webm');
    expect(kept?.byteLength).toBe(all.byteLength - dropped);
    // Chromium can play damaged files, but other players cannot. So each block must be equal to a block of the
    // recorder.
    const [before, after] = [blocksOf(all), blocksOf(kept as Uint8Array)];
    expect(after.length).toBeLessThan(before.length);
    expect(after.filter((block) => !before.includes(block))).toEqual([]);
    expect(after.at(-1)).toBe(before.at(-1));
    // After a gap, each track goes on with a key frame, so that no picture depends on a missing picture.
    for (const track of ['track 1', 'track 2']) {
      const [all, rest] = [before, after].map((blocks) => blocks.filter((block) => block.startsWith(track)));
      const behindGaps = rest?.filter((block, at) => at > 0 && all?.[all.indexOf(block) - 1] !== rest[at - 1]);
      expect(behindGaps?.length).toBeGreaterThan(0);
      for (const block of behindGaps ?? []) expect(block).toContain(', key');
    }
    expect(await inPage<number>(page, 'return Math.max(...lags.map(({ bytes }) => bytes))')).toBeLessThanOrEqual(
      100_000,
    );
    const seconds = await inPage<number>(page, 'return (lags.at(-1).at - lags[0].at) / 1000');
    const { duration, played } = await play(await newPage(), 'inbox/gaps.webm');
    expect(duration).toBeGreaterThan(seconds / 2);
    expect(played).toBeCloseTo(duration, 0);
  }, 90_000);

  test('with the policy wait, pauses the recorder while the network is away, and plays without a gap', async () => {
    const page = await newPage();
    await record(page, 'inbox/paused.webm', { queueSize: 50_000 });
    await until(page, 'lags.some(({ bytes }) => bytes === 0) && chunks.length > 5');
    await context.setOffline(true);
    await until(page, "recorder.state === 'paused'");
    await context.setOffline(false);
    await until(page, "recorder.state === 'recording' && lags.at(-1).bytes === 0");
    await stop(page);
    expect(storedBytes('inbox/paused.webm')).toEqual(await given(page));
    const { duration, played } = await play(await newPage(), 'inbox/paused.webm');
    expect(played).toBeCloseTo(duration, 0);
  }, 90_000);
});
