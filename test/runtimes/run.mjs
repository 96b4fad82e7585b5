// `npm run test:runtimes`: the suite of suite.ts on every runtime that this machine has, and one closing line,
// "N passed, N failed". Needs only Node 20 and npm; the runtimes come from npm, browsers from the system.
//
//   npm run test:runtimes                     everything
//   npm run test:runtimes -- deno chromium    these alone
//
//   OSS_APPEND_CHROMIUM, OSS_APPEND_FIREFOX   paths of browsers; "none" for none
//   CI=true                                   a missing runtime is a failure, save WebKit and other versions of Node
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findBrowsers } from '../../.ci/browsers.mjs';
import { install, onCi, root } from '../../.ci/project.mjs';
import { conclude } from '../../.ci/suite.mjs';
import { bundle } from './bundle.mjs';

const folder = join(root, 'build/runtimes');

function installRuntimes() {
  try {
    install('test/runtimes');
  } catch (error) {
    console.error(`Some runtimes may be missing: ${error.message}`);
  }
}

await conclude(async function* () {
  install();
  installRuntimes();
  const places = await findBrowsers();
  await bundle(folder, 'test/runtimes/main');
  const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
  yield await main({ root, ...places }, { chosen: process.argv.slice(2), strict: onCi });
});
