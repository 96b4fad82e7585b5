/**
 * Pages in real Chromium: Uppy with its Tus plugin, unmodified, over a network that drops connections and offline for a
 * while; and the code with tus-js-client of docs/edge.md.
 */
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright';
import { findBrowsers } from '../../.ci/browsers.mjs';
import { type Served, serve } from '../../src/testing/node/http.ts';
import type { Results, World } from './world.ts';

/** The page: it uploads files of random bytes, and reports the name, the URL and the checksum of each file. */
const PAGE = `
import Uppy from '@uppy/core';
import Tus from '@uppy/tus';
window.uploadAll = async ({ endpoint, session, count, size }) => {
  await fetch(session, { method: 'POST', credentials: 'include' });
  const uppy = new Uppy({ autoProceed: false });
  uppy.use(Tus, { endpoint, withCredentials: true, retryDelays: Array(40).fill(50), chunkSize: 400_000, limit: 3 });
  for (let i = 0; i < count; i++) {
    const bytes = new Uint8Array(size + i * 1001);
    for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    uppy.addFile({ name: 'Grüße ' + i + '.bin', type: 'application/octet-stream', data: new Blob([bytes]) });
  }
  uppy.on('progress', (percent) => { window.percent = percent; });
  const { successful, failed } = await uppy.upload();
  const files = await Promise.all(successful.map(async ({ uploadURL, data }) => ({
    url: uploadURL, bytes: Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', await data.arrayBuffer()))),
    size: data.size })));
  return { files, failed: failed.map(({ error }) => String(error)) };
};
window.uploadAsInGuide = async ({ endpoint, session }) => {
  await fetch(session, { method: 'POST', credentials: 'include' });
  globalThis.endpoint = endpoint;
  return upload(new File(['hello'], 'a.txt', { type: 'text/plain' }));
};
window.ready = true;
`;

/** Returns the code of docs/edge.md that uploads a file with tus-js-client. Its endpoint is a variable here. */
function guide(): string {
  const text = readFileSync('docs/edge.md', 'utf8');
  const [, code = ''] = /^```ts\n(import \{ Upload \}.*?)^```/ms.exec(text) ?? [];
  return code.replace("'https://edge.example.com/upload'", 'globalThis.endpoint');
}

/** The page of Uppy, and a way to start a browser. */
export interface UppyPage {
  readonly origin: string;
  readonly launch: (() => Promise<Browser>) | undefined;
  close(): Promise<void>;
}

/** Bundles and serves the page. */
export async function openUppy(): Promise<UppyPage> {
  const stdin = { contents: guide() + PAGE, resolveDir: process.cwd(), loader: 'ts' as const };
  const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', write: false, logLevel: 'error' });
  const script = outputFiles[0]?.text ?? '';
  const site: Served = await serve(({ url }) => {
    const isScript = new URL(url).pathname === '/page.js';
    const body = isScript ? script : '<!doctype html><title>Uppy</title><script type="module" src="/page.js"></script>';
    return new Response(body, { headers: { 'content-type': isScript ? 'text/javascript' : 'text/html' } });
  });
  const found = (await findBrowsers()).chromium;
  const launch = found && (() => chromium.launch({ ...found, args: ['--no-sandbox'] }));
  return { origin: site.url, launch, close: site.close };
}

/** The report of the page at its end. */
interface Uploaded {
  readonly files: { readonly url: string; readonly bytes: number[]; readonly size: number }[];
  readonly failed: string[];
}

/** Runs the scenario. */
export async function runUppy(name: string, world: World, { origin, launch }: UppyPage, results: Results) {
  if (!launch) return console.log('not run: Uppy (no Chromium)');
  await results.run(
    `tus-js-client in a page, ${name}: the code of docs/edge.md sends the cookies of the page`,
    async () => {
      const browser = await launch();
      try {
        const page = await browser.newPage();
        await page.goto(origin);
        await page.waitForFunction('window.ready');
        const given = { endpoint: `${world.edge.url}/upload`, session: `${world.edge.url}/session` };
        const url = await page.evaluate(`window.uploadAsInGuide(${JSON.stringify(given)})`);
        world.checkBytes(String(url), Buffer.from('hello'));
        return undefined;
      } finally {
        await browser.close();
      }
    },
  );
  await results.run(`Uppy, ${name}: 12 files arrive over a bad network and through an offline time`, async () => {
    // The other clients need minutes, so the browser starts only now.
    const browser = await launch();
    try {
      return await uploadWithUppy(world, await browser.newPage(), origin);
    } finally {
      await browser.close();
    }
  });
}

async function uploadWithUppy(world: World, page: Page, origin: string): Promise<string> {
  await page.goto(origin);
  await page.waitForFunction('window.ready');
  const before = world.cutter.cuts();
  const given = {
    endpoint: `${world.cutter.url}/upload`,
    session: `${world.edge.url}/session`,
    count: 12,
    size: 900_000,
  };
  const work = page.evaluate(`window.uploadAll(${JSON.stringify(given)})`) as Promise<Uploaded>;
  await Promise.race([work, page.waitForFunction('window.percent >= 20', undefined, { timeout: 300_000 })]);
  await page.context().setOffline(true);
  await page.waitForTimeout(500);
  await page.context().setOffline(false);
  const { files, failed } = await work;
  if (failed.length > 0 || files.length !== given.count)
    throw new Error(`failed: ${failed.join('; ') || files.length}`);
  for (const { url, bytes, size } of files) await checkStored(world, url, { digest: bytes, size });
  return `${world.cutter.cuts() - before} connections were cut`;
}

async function checkStored(
  world: World,
  url: string,
  { digest, size }: { readonly digest: number[]; readonly size: number },
): Promise<void> {
  const stored = world.bytesOf(url);
  if (stored?.length !== size) throw new Error(`an object has ${stored?.length} bytes in place of ${size}`);
  const found = new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(stored)));
  if (Buffer.compare(found, Uint8Array.from(digest)) !== 0) throw new Error('an object has other bytes');
}
