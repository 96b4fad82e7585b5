// `npm run test:browser-record` records the fake cameras of real browsers into objects, and brings a page back from the back/forward cache.
// It prints "N passed, N failed" at the end, and "not run" with the reason for what a browser does not have.
//
//   npm run test:browser-record -- test/browser-record/return.check.ts   this file only (arguments go to vitest)
import { findBrowsers } from '../../.ci/browsers.mjs';
import { install, onCi } from '../../.ci/project.mjs';
import { conclude, vitest } from '../../.ci/suite.mjs';

await conclude(async function* () {
  install();
  const { chromium, firefox } = await findBrowsers();
  for (const [name, found] of Object.entries({ Chromium: chromium, Firefox: firefox })) {
    if (found) continue;
    console.log(`not run: ${name}, which was not found`);
    yield { passed: 0, failed: onCi ? 1 : 0 };
  }
  yield vitest('test/browser-record/vitest.config.ts');
});
