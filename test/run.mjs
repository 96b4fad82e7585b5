// `npm test`: from a bare clone to one closing line, "N passed, N failed". Needs only Node 20 and npm.
//
//   npm test                              installs what is missing, builds, checks types and style, runs every test
//   npm test -- test/unit/crc64.test.ts   builds and runs these tests (arguments go to vitest)
//
//   OSS_APPEND_CHROMIUM=/path/to/chrome   the browser to use; "none" leaves the browser tests out
//   CI=true                               a missing browser is a failure
import { install, npmLater, onCi } from '../.ci/project.mjs';
import { conclude, needChromium, vitest } from '../.ci/suite.mjs';

/** A step that is not a test: it counts only if it fails. */
async function step(name, script = name) {
  const ok = await npmLater('run', '--silent', script);
  console.log(`== ${name}: ${ok ? 'done' : `failed (npm run ${script})`}`);
  return { passed: 0, failed: ok ? 0 : 1 };
}

await conclude(async function* () {
  const isWhole = process.argv.length === 2;
  install();
  // CI has the runtimes too. Before the tests: several look for them.
  if (onCi) install('test/runtimes');
  // The whole suite may bring its browser; a run of chosen tests takes the one that is there.
  yield await needChromium('browser tests', { mayInstall: onCi || isWhole });
  // The build compiles the sources of the library, so only the rest is checked beside it.
  yield* await Promise.all([step('build'), ...(isWhole ? [step('types and style', 'check:rest')] : [])]);
  yield vitest('test/vitest.config.ts');
});
