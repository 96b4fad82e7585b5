// `npm run test:uppy` bundles browser/main.ts and runs it. The options are described there.
import { install } from '../../.ci/project.mjs';
import { conclude, load } from '../../.ci/suite.mjs';

await conclude(async function* () {
  install();
  const { main } = await load('test/uppy/browser/main.ts');
  yield await main();
});
