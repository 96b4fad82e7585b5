// `npm run test:runtimes`: the suite of suite.ts on every runtime that this machine has, and one closing line,
// "N passed, N failed". Needs nothing but Node 20 and npm; the runtimes come from npm, browsers from the system.
//
//   npm run test:runtimes                     everything
//   npm run test:runtimes -- deno chromium    these alone
//
//   OSS_APPEND_CHROMIUM, OSS_APPEND_FIREFOX   paths of browsers; "none" for none
//   CI=true                                   a missing runtime is a failure, save WebKit and other versions of Node
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findBrowsers } from '../../.ci/browsers.mjs';
import { install, onCi, root } from '../../.ci/project.mjs';

const folder = join(root, 'build/runtimes');

/** The suite and the library are bundles of their own: what loads them does so as a user's code does. */
const ownBundles = {
  name: 'own-bundles',
  setup(build) {
    for (const name of ['suite', 'library'])
      build.onResolve({ filter: new RegExp(`^\\.\\./${name}\\.ts$`) }, () => ({
        path: `./${name}.mjs`,
        external: true,
      }));
  },
};

async function bundle() {
  const { build } = await import('esbuild');
  const common = {
    absWorkingDir: root,
    outdir: folder,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    outExtension: { '.js': '.mjs' },
    entryNames: '[name]',
    plugins: [ownBundles],
    logLevel: 'warning',
  };
  const here = (...names) => names.map((name) => `test/runtimes/${name}.ts`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build({ ...common, entryPoints: here('suite', 'library', 'entries/page', 'entries/worker') });
  // A Worker holds all in one, so that the client made at module scope is of the suite's own copy of the library.
  await build({ ...common, plugins: [], entryPoints: here('entries/workerd'), external: ['./workerd-config.mjs'] });
  const node = { platform: 'node', packages: 'external' };
  await build({ ...common, ...node, entryPoints: here('main', 'entries/command', 'entries/happy-dom') });
  copyFileSync(join(root, 'test/runtimes/entries/index.html'), join(folder, 'index.html'));
}

function installRuntimes() {
  try {
    install('test/runtimes');
  } catch (error) {
    console.error(`Some runtimes may be missing: ${error.message}`);
  }
}

let counts = { passed: 0, failed: 0 };
try {
  install();
  installRuntimes();
  const places = await findBrowsers();
  await bundle();
  const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
  counts = await main({ root, ...places }, { chosen: process.argv.slice(2), strict: onCi });
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.stack : error}`);
  counts.failed += 1;
}
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
