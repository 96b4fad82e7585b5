// `npm run load:worker`: the demo's Worker in real workerd under load, with a faulty OSS behind it and a kill in the middle.
// Prints rates, times and memory, and one closing line, "N passed, N failed". Needs nothing but Node 20 and npm.
//
//   OSS_APPEND_LOAD_CLIENTS=50   uploads at once
//   OSS_APPEND_LOAD_MB=20        MB of each
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, root } from '../../.ci/project.mjs';

async function bundle(folder) {
  const { build } = await import('esbuild');
  const common = {
    absWorkingDir: root,
    outdir: folder,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    outExtension: { '.js': '.mjs' },
    entryNames: '[name]',
    logLevel: 'warning',
  };
  await build({ ...common, entryPoints: ['demo/worker/worker.ts', 'test/load/proxy.ts', 'test/load/pump.ts'] });
  await build({ ...common, entryPoints: ['test/load/main.ts'], platform: 'node', packages: 'external' });
}

let counts = { passed: 0, failed: 0 };
try {
  install();
  install('test/runtimes');
  const folder = join(root, 'build/load');
  await bundle(folder);
  const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
  counts = await main({ root, folder });
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.stack : error}`);
  counts.failed += 1;
}
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
