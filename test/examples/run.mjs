// `npm run test:examples` builds and runs each example of demo/examples with LocalOss: pages in Chromium, the Worker in
// workerd, and the servers in Deno and Bun. It prints "N passed, N failed" at the end.
import { conclude, needChromium, vitest } from '../../.ci/suite.mjs';
import { prepare } from '../../demo/examples/start.mjs';

await conclude(async function* () {
  prepare();
  yield await needChromium('the pages and the extension');
  yield vitest('test/examples/vitest.config.ts');
});
