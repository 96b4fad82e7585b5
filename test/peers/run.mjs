// `npm run test:peers` checks LocalOss with clients by other authors. The clients have their own lock file in this
// folder, and this script installs them. It prints "N passed, N failed" at the end.
import { join } from 'node:path';
import { install, root, run } from '../../.ci/project.mjs';
import { conclude, vitest } from '../../.ci/suite.mjs';

await conclude(async function* () {
  install();
  install('test/peers', '--ignore-scripts');
  const typed = run(process.execPath, [join(root, 'node_modules/@typescript/native/bin/tsc'), '-p', 'test/peers']);
  if (!typed) console.error('failed: the type check (tsc -p test/peers)');
  yield { passed: 0, failed: typed ? 0 : 1 };
  yield vitest('test/peers/vitest.config.ts');
});
