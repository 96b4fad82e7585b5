// `npm run test:doctor` bundles main.ts and the script of its page, and runs them. The options are described in main.ts.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, root } from '../../../.ci/project.mjs';

let counts = { passed: 0, failed: 0 };
try {
  install();
  const { build } = await import('esbuild');
  const common = { absWorkingDir: root, bundle: true, format: 'esm', logLevel: 'warning' };
  const outfile = join(root, 'build/doctor/main.mjs');
  const entryPoints = ['test/doctor/browser/main.ts'];
  await build({ ...common, entryPoints, outfile, platform: 'node', target: 'node20', packages: 'external' });
  process.chdir(root);
  const { main } = await import(pathToFileURL(outfile).href);
  counts = await main();
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.stack : error}`);
  counts.failed += 1;
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
