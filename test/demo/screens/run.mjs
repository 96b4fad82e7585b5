// `npm run demo:screens` takes pictures of the demo page into build/demo/screens. It is for people who look at them.
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from '../../../.ci/project.mjs';

/** Modules that are not compiled stay where they are, because they know their own place. */
const modulesInPlace = {
  name: 'modules-in-place',
  setup: (made) =>
    made.onResolve({ filter: /\.mjs$/ }, ({ path, resolveDir }) => ({
      path: pathToFileURL(resolve(resolveDir, path)).href,
      external: true,
    })),
};

const outfile = join(root, 'build/demo-screens.mjs');
await build({
  ...{ absWorkingDir: root, entryPoints: ['test/demo/screens/main.ts'], outfile, bundle: true, format: 'esm' },
  ...{ platform: 'node', target: 'node20', packages: 'external', logLevel: 'warning' },
  plugins: [modulesInPlace],
});
process.chdir(root);
const { main } = await import(pathToFileURL(outfile).href);
await main(process.argv.slice(2));
process.exit(0);
