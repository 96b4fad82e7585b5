// `npm run test:local` compiles the library and runs what needs whole processes: the command that is killed in the middle
// of its work, and the examples of docs/local.md with their test runners. It prints "N passed, N failed" at the end.
import { join } from 'node:path';
import { install, root, run } from '../../../../.ci/project.mjs';
import { conclude, needChromium, vitest } from '../../../../.ci/suite.mjs';

/** Compiles into dist. The bundles and the demo are not needed here. */
function compile() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  return ['src/tsconfig.json', 'src/testing/node/tsconfig.json'].every((config) =>
    run(process.execPath, [tsc, '-p', config]),
  );
}

await conclude(async function* () {
  install();
  yield await needChromium('the Playwright example');
  if (!compile()) throw new Error('the library does not compile; the output above says why');
  yield vitest('test/local-oss/node/process/vitest.config.ts');
});
