// Bundles what tsc has compiled or what is never published: the library in one file, the demo's page and its server.
// An entry whose source does not exist yet is left out, and named.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import esbuild from 'rollup-plugin-esbuild';

const typescript = () => esbuild({ target: 'es2022', tsconfig: false });

/** Copies a folder's files beside the bundle, save the TypeScript that the bundle is made of. */
const copyStatic = (folder) => ({
  name: 'copy-static',
  generateBundle() {
    for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile()))
      if (!name.endsWith('.ts'))
        this.emitFile({ type: 'asset', fileName: name, source: readFileSync(`${folder}/${name}`) });
  },
});

/** Reads tsc's source maps along with its files, so that a bundle's map leads to the sources that are published with it. */
const sourceMaps = {
  name: 'source-maps',
  load(file) {
    if (file.includes('node_modules') || !existsSync(`${file}.map`)) return null;
    return { code: readFileSync(file, 'utf8'), map: readFileSync(`${file}.map`, 'utf8') };
  },
};

// The MIT licence of what is bundled asks for its notice; this file travels alone.
const NOTICE = `/*! oss-append: Apache-2.0
 * @noble/hashes: The MIT License (MIT), Copyright (c) 2022 Paul Miller (https://paulmillr.com),
 * https://github.com/paulmillr/noble-hashes/blob/main/LICENSE */`;

// For pages without a build step: everything, @noble/hashes too, in one minified module.
const library = {
  source: 'src/index.ts',
  input: 'dist/index.js',
  output: { file: 'dist/oss-append.min.js', format: 'es', sourcemap: true, banner: NOTICE },
  plugins: [sourceMaps, nodeResolve({ browser: true }), terser({ module: true, ecma: 2020 })],
};

const page = {
  source: 'demo/page/main.ts',
  input: 'demo/page/main.ts',
  output: { file: 'build/demo/public/main.js', format: 'es', sourcemap: true },
  plugins: [nodeResolve({ browser: true }), typescript(), copyStatic('demo/page')],
};

const server = {
  source: 'demo/server.ts',
  input: 'demo/server.ts',
  output: { file: 'build/demo/server.mjs', format: 'es', sourcemap: true },
  external: /^node:/,
  plugins: [nodeResolve({ exportConditions: ['node'], preferBuiltins: true }), typescript()],
};

export default [library, page, server].flatMap(({ source, ...bundle }) => {
  if (existsSync(source)) return [bundle];
  console.warn(`not built: ${bundle.output.file} (no ${source} yet)`);
  return [];
});
