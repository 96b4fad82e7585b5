// `node bundle.mjs <tool> <entry> <folder>` bundles the entry into folder/entry. Each tool has the settings that its
// manual recommends for an application.
import { basename, resolve } from 'node:path';

const TOOLS = {
  async esbuild(entry, folder) {
    const { build } = await import('esbuild');
    await build({
      entryPoints: [entry],
      outdir: folder,
      bundle: true,
      minify: true,
      format: 'esm',
      logLevel: 'warning',
    });
  },

  async rollup(entry, folder) {
    const { rollup } = await import('rollup');
    const { nodeResolve } = await import('@rollup/plugin-node-resolve');
    const build = await rollup({ input: entry, plugins: [nodeResolve({ browser: true })], onwarn: fail });
    await build.write({ file: resolve(folder, basename(entry)), format: 'es' });
  },

  async vite(entry, folder) {
    const { build } = await import('vite');
    const output = { entryFileNames: basename(entry) };
    await build({
      configFile: false,
      logLevel: 'warn',
      build: { outDir: folder, emptyOutDir: false, rollupOptions: { input: entry, output } },
    });
  },

  async webpack(entry, folder) {
    const { default: webpack } = await import('webpack');
    await pack(webpack, { entry, output: { path: folder, filename: basename(entry) } });
  },

  async 'webpack-4'(entry, folder) {
    const { default: webpack } = await import('webpack-4');
    const compile = { test: /\.js$/, include: /node_modules/, use: resolve('es2019.cjs') };
    await pack(webpack, { entry, output: { path: folder, filename: basename(entry) }, module: { rules: [compile] } });
  },
};

/** Runs webpack 4 or 5, which are called in the same way. */
async function pack(webpack, settings) {
  const config = { mode: 'production', target: 'web', performance: { hints: false }, ...settings };
  const stats = await new Promise((done, failed) => {
    webpack(config, (error, result) => (error ? failed(error) : done(result)));
  });
  if (stats.hasErrors() || stats.hasWarnings()) fail(stats.toString());
}

function fail(warning) {
  throw new Error(warning.message ?? warning);
}

const [tool, entry, folder] = process.argv.slice(2);
await TOOLS[tool](resolve(entry), resolve(folder));
