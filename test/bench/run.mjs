// `npm run bench` compares our speed with that of the peers and of the platform's own functions. It prints one table of
// ratios. All parts together take ten minutes. `npm run bench:browser` does the same in Chromium, and repeats signing
// and CRC-64 in Firefox. It takes six minutes.
//
//   npm run bench                         runs all parts
//   npm run bench -- signing crc          runs some parts of: signing, crc, small, large, link, rate, growth
//   npm run bench:browser -- large        runs some parts of: small, large, compute, firefox (compute in Firefox)
//   npm run bench -- --json               prints { name: { ratio, low, high, target, ours, theirs } }
//   npm run bench -- --rounds 9           runs nine rounds; the default is five
//
// The peers (ali-oss, aws4fetch, hash-wasm, tiny-oss) are installed in test/peers, which has its own lock file.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findFirefox } from '../../.ci/browsers.mjs';
import { findChromium, installCommand } from '../../.ci/chromium.mjs';
import { install, root } from '../../.ci/project.mjs';

const INSTALL = '--install';
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

/** Returns the files of the page: our sources as a bundler builds them, and the browser builds of the peers. */
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
  if (!chromium) throw new Error(`no Chromium was found. Install one with: ${installCommand()}`);
  const firefox = await findFirefox();
  return { chromium, firefox: firefox?.executablePath, files: await pageFiles() };
}

/** Installs the packages in a separate process whose output goes to stderr. So stdout contains only the results. */
function installAll() {
  const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), INSTALL], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error('the packages could not be installed; the output of npm above says why');
}

async function bench(args) {
  installAll();
  await bundleAll();
  const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
  const place = { root, bundle, browser: args.includes('--browser') ? await browser() : undefined };
  return main(place, args);
}

const args = process.argv.slice(2);
if (args[0] === INSTALL) {
  install();
  install('test/peers');
} else {
  process.exitCode = (await bench(args)) ? 0 : 1;
}
