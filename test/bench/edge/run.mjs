// `npm run bench:edge` measures the edge against a bare proxy in workerd, Deno, Bun and Node: processor time for one MiB,
// memory and throughput, as ratios of interleaved rounds. It takes some three minutes, and needs a system with /proc.
//
//   npm run bench:edge                     runs all runtimes
//   npm run bench:edge -- workerd node     runs some of: workerd, deno, bun, node
//   npm run bench:edge -- --rounds 15      runs fifteen rounds; the default is five
//   npm run bench:edge -- --mib 256        sends bodies of 256 MiB; the default is 64
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, root } from '../../../.ci/project.mjs';

install();
install('test/runtimes');
const { build } = await import('esbuild');
const folder = join(root, 'build/bench-edge');
const common = {
  ...{ absWorkingDir: root, outdir: folder, bundle: true, format: 'esm', target: 'es2022', logLevel: 'warning' },
  ...{ entryNames: '[name]', outExtension: { '.js': '.mjs' } },
};
const here = (name) => `test/bench/edge/${name}.ts`;
await build({ ...common, entryPoints: [here('worker')] });
await build({
  ...common,
  entryPoints: ['main', 'command', 'store'].map(here),
  platform: 'node',
  packages: 'external',
  external: ['esbuild'],
});
const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
await main({ bin: join(root, 'test/runtimes/node_modules/.bin'), folder }, process.argv.slice(2));
