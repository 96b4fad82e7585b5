// Bundles the runtime suite. `npm run test:runtimes` and `npm run test:live` use it.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../.ci/project.mjs';

/** The suite and the library are bundles of their own, so that they are loaded in the same way as by a user's code. */
const ownBundles = {
  name: 'own-bundles',
  setup(build) {
    for (const name of ['suite', 'library'])
      build.onResolve({ filter: new RegExp(`^\\.\\./${name}\\.ts$`) }, () => ({
        path: `./${name}.mjs`,
        external: true,
      }));
  },
};

/** Bundles the suite for every runtime, and the program that runs it, into a folder. */
export async function bundle(folder, program) {
  const { build } = await import('esbuild');
  const common = {
    absWorkingDir: root,
    outdir: folder,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    outExtension: { '.js': '.mjs' },
    entryNames: '[name]',
    plugins: [ownBundles],
    logLevel: 'warning',
  };
  const here = (...names) => names.map((name) => `test/runtimes/${name}.ts`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build({ ...common, entryPoints: here('suite', 'library', 'entries/page', 'entries/worker') });
  // A Worker holds all in one, so that the client made at module scope is of the suite's own copy of the library.
  await build({ ...common, plugins: [], entryPoints: here('entries/workerd'), external: ['./workerd-config.mjs'] });
  const node = { platform: 'node', packages: 'external' };
  await build({ ...common, ...node, entryPoints: [`${program}.ts`, ...here('entries/command', 'entries/happy-dom')] });
  copyFileSync(join(root, 'test/runtimes/entries/index.html'), join(folder, 'index.html'));
}
