// Bundles the compiled library into one file, and bundles the server of the demo, which is not published. The page of the
// demo is bundled by demo/page/build.mjs.
// An entry whose source does not exist is skipped, and a warning names it.
import { existsSync, readFileSync } from 'node:fs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import esbuild from 'rollup-plugin-esbuild';

const typescript = () => esbuild({ target: 'es2022', tsconfig: false });

/** Also reads the source maps of tsc, so that the source map of the bundle refers to the published sources. */
const sourceMaps = {
  name: 'source-maps',
  load(file) {
    if (file.includes('node_modules') || !existsSync(`${file}.map`)) return null;
    return { code: readFileSync(file, 'utf8'), map: readFileSync(`${file}.map`, 'utf8') };
  },
};

// The MIT licence of @noble/hashes requires this notice in the bundle, because the bundle can be copied without the
// licence file.
const NOTICE = `/*! oss-append: Apache-2.0
 * @noble/hashes: The MIT License (MIT), Copyright (c) 2022 Paul Miller (https://paulmillr.com),
 * https://github.com/paulmillr/noble-hashes/blob/main/LICENSE */`;

// One minified module with the whole library and @noble/hashes, for pages without a build step.
const library = {
  source: 'src/index.ts',
  input: 'dist/index.js',
  output: { file: 'dist/oss-append.min.js', format: 'es', sourcemap: true, banner: NOTICE },
  plugins: [sourceMaps, nodeResolve({ browser: true }), terser({ module: true, ecma: 2020 })],
};

const server = {
  source: 'demo/server.ts',
  input: 'demo/server.ts',
  output: { file: 'build/demo/server.mjs', format: 'es', sourcemap: true },
  external: /^node:/,
  plugins: [nodeResolve({ exportConditions: ['node'], preferBuiltins: true }), typescript()],
};

export default [library, server].flatMap(({ source, ...bundle }) => {
  if (existsSync(source)) return [bundle];
  console.warn(`not built: ${bundle.output.file}, because ${source} does not exist`);
  return [];
});
