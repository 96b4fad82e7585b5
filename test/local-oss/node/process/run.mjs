// `npm run test:local` compiles the library and runs what needs whole processes: the command that is killed in the middle
// of its work, and the examples of docs/local.md with their test runners. It prints "N passed, N failed" at the end.
import { install, npm } from '../../../../.ci/project.mjs';
import { conclude, needChromium, vitest } from '../../../../.ci/suite.mjs';

await conclude(async function* () {
  install();
  yield await needChromium('the Playwright example');
  if (!npm('run', '--silent', 'compile')) throw new Error('the library does not compile; the output above says why');
  yield vitest('test/local-oss/node/process/vitest.config.ts');
});
