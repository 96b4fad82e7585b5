// `npm run test:demo` drives the demo in a browser. It builds the page first, and prints "N passed, N failed" at the end.
//
//   npm run test:demo                                all files
//   npm run test:demo -- test/demo/static.check.ts   these files (arguments go to vitest)
import { install, npm } from '../../.ci/project.mjs';
import { conclude, needChromium, vitest } from '../../.ci/suite.mjs';

await conclude(async function* () {
  install();
  yield await needChromium('the demo in Chromium');
  if (!npm('run', '--silent', 'build')) throw new Error('the build failed; its output above says why');
  yield vitest('test/demo/vitest.config.ts');
});
