// `npm run test:browser-life` bundles main.ts and runs it. The options are described in main.ts.
import { install } from '../../.ci/project.mjs';
import { conclude, load } from '../../.ci/suite.mjs';

await conclude(async function* () {
  install();
  const { main } = await load('test/browser-life/main.ts');
  yield await main();
});
