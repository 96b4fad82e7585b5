// `npm run bench`: how fast, beside the peers and beside what the platform offers. One table of ratios; ten minutes for all.
//
//   npm run bench                              everything
//   npm run bench -- --only signing,crc64      these parts: signing, crc64, small, large, link, growth
//   npm run bench -- --json                    { name: { ratio, low, high, target, ours, theirs } }
//   npm run bench -- --rounds 9                more rounds than five
//
// The peers (ali-oss, aws4fetch, hash-wasm, tiny-oss) are those of test/peers, with a lock of their own.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, root } from '../../.ci/project.mjs';

const folder = join(root, 'build/bench');

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

install();
install('test/peers');
await bundleAll();
const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
process.exitCode = (await main({ root, bundle }, process.argv.slice(2))) ? 0 : 1;
