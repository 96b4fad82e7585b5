/** Bundles the package with the bundlers of typical applications, and runs the bundles in Node and in a page. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../.ci/chromium.mjs';
import type { LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';
import { library, node, out, project } from './packed.ts';

const executablePath = await findChromium();
const TOOLS = ['esbuild', 'rollup', 'vite', 'webpack'];

/** Bundles an entry of the project and returns the path of the bundle. */
function bundle(tool: string, entry: string): string {
  const folder = join(out, tool);
  mkdirSync(folder, { recursive: true });
  const { ok, output } = node(['bundle.mjs', tool, entry, folder], project);
  expect(ok, output).toBe(true);
  expect(output.replace(/\d+ modules transformed|built in \S+/g, '')).not.toMatch(/warn/i);
  return join(folder, entry);
}

function runBundle(file: string): string {
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }');
  const { ok, output } = node([file], out);
  expect(ok, output).toBe(true);
  return output.trim();
}

describe.each(TOOLS)('%s', (tool) => {
  test('the bundle of an application runs without other files', () => {
    const { tail, stored } = JSON.parse(runBundle(bundle(tool, 'app.js')));
    expect(tail).toEqual({ position: 7, hashCrc64ecma: stored });
  });

  test('a bundle that uses one part of the library does not contain the other parts', () => {
    const file = bundle(tool, 'part.js');
    expect(runBundle(file)).toBe('11051210869376104954');
    const text = readFileSync(file, 'utf8');
    expect(text).not.toMatch(/OSS4-HMAC|x-oss-date|AppendableObject/);
  });

  test('an import that is not used adds no code to the bundle', () => {
    const file = bundle(tool, 'nothing.js');
    expect(statSync(file).size).toBeLessThan(100);
    expect(runBundle(file)).toBe('nothing 0');
  });
});

describe('webpack 4, which reads "main" and no "exports", with a loader that compiles ES2022', () => {
  test('the bundle of an application runs without other files', () => {
    const { tail, stored } = JSON.parse(runBundle(bundle('webpack-4', 'app-4.js')));
    expect(tail).toEqual({ position: 7, hashCrc64ecma: stored });
  });

  test('a bundle that uses one part of the library does not contain the other parts', () => {
    const file = bundle('webpack-4', 'part.js');
    expect(runBundle(file)).toBe('11051210869376104954');
    expect(readFileSync(file, 'utf8')).not.toMatch(/OSS4-HMAC|x-oss-date|AppendableObject/);
  });
});

describe.skipIf(!executablePath)('the single file for pages without a bundler', () => {
  let browser: Browser;
  let oss: LocalOss;
  let pages: Served;
  let ossServer: Served;

  const html = (endpoint: string) => `<!doctype html><title>page</title><output></output>
    <script type="module" nonce="page">
      import { append, OssClient } from './oss-append.min.js';
      const credentials = ${JSON.stringify(oss.issueToken())};
      const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', endpoint: '${endpoint}', credentials });
      const result = await append(client, 'page.log', new Blob(['from a page'])).catch(String);
      document.querySelector('output').value = JSON.stringify(result);
    </script>`;

  const answer = ({ url }: Request): Response => {
    const path = new URL(url).pathname;
    const policy = `default-src 'self'; script-src 'self' 'nonce-page'; connect-src ${ossServer.url}`;
    const headers = { 'content-type': 'text/html', 'content-security-policy': policy };
    if (path === '/') return new Response(html(ossServer.url), { headers });
    const file = /^\/oss-append\.min\.js$/.test(path) ? readFileSync(join(library, 'dist', path)) : undefined;
    return new Response(file ?? null, { status: file ? 200 : 404, headers: { 'content-type': 'text/javascript' } });
  };

  beforeAll(async () => {
    const testing = pathToFileURL(join(library, 'dist/testing/index.js')).href;
    const packed: { LocalOss: typeof LocalOss } = await import(/* @vite-ignore */ testing);
    pages = await serve(answer);
    const cors = { allowedOrigins: [pages.url], allowedMethods: ['POST', 'HEAD'] as const, allowedHeaders: ['*'] };
    oss = new packed.LocalOss({ buckets: { logs: { region: 'cn-hangzhou', cors: [cors] } } });
    ossServer = await serve((request) => oss.fetch(request));
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: executablePath!, args });
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all([pages?.close(), ossServer?.close()]);
  });

  test('appends in a page with a strict content security policy', async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(pages.url);
    const result = JSON.parse((await page.locator('output:not(:empty)').textContent()) ?? '');
    const stored = oss.object('logs', 'page.log');
    expect(result).toEqual({ position: 11, hashCrc64ecma: stored?.crc64 });
    expect(new TextDecoder().decode(stored?.bytes())).toBe('from a page');
    // The browser itself reports every 404. The icon and the object before its first append cause one each.
    expect(complaints.filter((text) => !/^Failed to load resource: .* 404/.test(text))).toEqual([]);
  });
});
