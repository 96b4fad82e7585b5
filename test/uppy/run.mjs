// `npm run test:uppy` bundles browser/main.ts and runs it. The options are described there.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, root } from '../../.ci/project.mjs';

let counts = { passed: 0, failed: 0 };
try {
  install();
  const { build } = await import('esbuild');
  const outfile = join(root, 'build/uppy.mjs');
  const entryPoints = ['test/uppy/browser/main.ts'];
  await build({
    ...{ absWorkingDir: root, entryPoints, outfile, bundle: true, format: 'esm', platform: 'node' },
    ...{ target: 'node20', packages: 'external', logLevel: 'warning' },
  });
  process.chdir(root);
  const { main } = await import(pathToFileURL(outfile).href);
  counts = await main();
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.stack : error}`);
  counts.failed += 1;
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
// A browser whose tab was killed may keep the connection to Playwright open.
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
