// `npm run test:doctor` bundles main.ts and runs it. The options are described in main.ts.
import { install } from '../../../.ci/project.mjs';
import { conclude, load } from '../../../.ci/suite.mjs';

await conclude(async function* () {
  install();
  const { main } = await load('test/doctor/browser/main.ts');
  yield await main();
});
