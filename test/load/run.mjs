// `npm run load:worker` runs the Worker of the demo in real workerd under load. The LocalOss behind it has faults, and
// the Worker is killed twice in the middle of the uploads. The script prints rates, times and memory, and at the end
// "N passed, N failed". It needs only Node 20 and npm.
//
//   OSS_APPEND_LOAD_CLIENTS=50   the number of simultaneous uploads
//   OSS_APPEND_LOAD_MB=20        the size of each upload in MB
//   OSS_APPEND_LOAD_ROUND=tus    runs only the uploads with tus, kills and cut connections, and measures nothing
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, root } from '../../.ci/project.mjs';
import { conclude } from '../../.ci/suite.mjs';

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
  await build({ ...common, entryPoints: ['demo/worker/worker.ts', 'test/load/proxy.ts'] });
  await build({ ...common, entryPoints: ['test/load/main.ts'], platform: 'node', packages: 'external' });
}

await conclude(async function* () {
  install();
  install('test/runtimes');
  const folder = join(root, 'build/load');
  await bundle(folder);
  const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
  yield await main({ root, folder });
});
