// `npm run bench:log` bundles main.ts and the server that it measures against, and runs them. It takes a minute.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { install, root } from '../../../.ci/project.mjs';

install();
const { build } = await import('esbuild');
const folder = join(root, 'build/bench-log');
await build({
  ...{
    absWorkingDir: root,
    entryPoints: ['test/bench/log/main.ts', 'test/bench/receiver.ts'],
    outdir: folder,
    bundle: true,
  },
  ...{ entryNames: '[name]', outExtension: { '.js': '.mjs' }, format: 'esm', target: 'es2022', platform: 'node' },
});
// The memory of a process can only be measured after a garbage collection.
setFlagsFromString('--expose-gc');
globalThis.gc = runInNewContext('gc');
const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
await main();
process.exit(0);
