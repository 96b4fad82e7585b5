// `npm run bench`: how fast, beside the peers and beside what the platform offers. One table of ratios; ten minutes for all.
// `npm run bench:browser`: the same in Chromium.
//
//   npm run bench                              everything
//   npm run bench -- --only signing,crc64      these parts: signing, crc64, small, large, link, growth
//   npm run bench:browser -- --only large      these parts: small, large, compute
//   npm run bench -- --json                    { name: { ratio, low, high, target, ours, theirs } }
//   npm run bench -- --rounds 9                more rounds than five
//
// The peers (ali-oss, aws4fetch, hash-wasm, tiny-oss) are those of test/peers, with a lock of their own.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findChromium, installCommand } from '../../.ci/chromium.mjs';
import { install, root } from '../../.ci/project.mjs';

const folder = join(root, 'build/bench');
const peers = join(root, 'test/peers/node_modules');

const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  logLevel: 'warning',
};

async function bundleAll() {
  const { build } = await import('esbuild');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const here = ['main', 'receiver', 'uploader'].map((name) => `test/bench/${name}.ts`);
  const entryPoints = [...here, 'src/crc64.ts'];
  await build({ ...common, entryPoints, outdir: folder, entryNames: '[name]', outExtension: { '.js': '.mjs' } });
}

async function bundle(contents) {
  const { build } = await import('esbuild');
  const stdin = { contents, resolveDir: root };
  const { outputFiles } = await build({ ...common, stdin, platform: 'browser', minify: true, write: false });
  return outputFiles[0].text;
}

/** The page: our sources as a bundler makes them, the browser builds of the peers. */
async function pageFiles() {
  const { build } = await import('esbuild');
  const entryPoints = ['test/bench/browser/page.ts'];
  const options = { ...common, entryPoints, platform: 'browser', nodePaths: [peers], minify: true, write: false };
  const { outputFiles } = await build(options);
  const type = 'text/javascript';
  const scripts = '<script src="/ali-oss.js"></script><script type="module" src="/page.js"></script>';
  return {
    '/': { type: 'text/html', body: `<!doctype html><meta charset="utf-8"><title>bench</title>${scripts}` },
    '/page.js': { type, body: outputFiles[0].text },
    '/ali-oss.js': { type, body: readFileSync(join(peers, 'ali-oss/dist/aliyun-oss-sdk.min.js')) },
  };
}

async function browser() {
  const chromium = await findChromium();
  if (!chromium) throw new Error(`no Chromium is here. To install one: ${installCommand()}`);
  return { chromium, files: await pageFiles() };
}

const args = process.argv.slice(2);
install();
install('test/peers');
await bundleAll();
const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
const place = { root, bundle, browser: args.includes('--browser') ? await browser() : undefined };
process.exitCode = (await main(place, args)) ? 0 : 1;
