// `npm run test:demo` drives the demo in a browser. Each file of tests bundles what it needs
// from the sources. The last line is "N passed, N failed".
//
//   npm run test:demo                                all files
//   npm run test:demo -- test/demo/static.check.ts   these files (arguments go to vitest)
//
//   OSS_APPEND_DEMO_BROWSER=firefox   only this browser
//   OSS_APPEND_DEMO_TIMERS=6          the short timers of the page are six times slower, so a journey fails if it
//                                     passes only because the machine has a certain speed
import { install } from '../../.ci/project.mjs';
import { conclude, needChromium, vitest } from '../../.ci/suite.mjs';

await conclude(async function* () {
  install();
  yield await needChromium('the demo in Chromium');
  yield vitest('test/demo/vitest.config.ts');
});
