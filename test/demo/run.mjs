// `npm run test:demo` drives the demo in a browser. Each file of tests bundles what it needs
// from the sources. The last line is "N passed, N failed".
//
//   npm run test:demo                                all files
//   npm run test:demo -- test/demo/static.check.ts   these files (arguments go to vitest)
import { install } from '../../.ci/project.mjs';
import { conclude, needChromium, vitest } from '../../.ci/suite.mjs';

await conclude(async function* () {
  install();
  yield await needChromium('the demo in Chromium');
  yield vitest('test/demo/vitest.config.ts');
});
