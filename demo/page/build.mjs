// Bundles the page of the demo into one folder of plain files. `npm run build` runs it, and so does the static build.
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const STATIC = ['index.html', 'favicon.svg'];

/** Writes the page into a folder. */
export async function buildPage(outdir = join(here, '../../build/demo/public')) {
  await mkdir(outdir, { recursive: true });
  await build({
    entryPoints: [join(here, 'main.tsx')],
    outdir,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    // Without it, esbuild would take the options of TypeScript, which are for the type check.
    tsconfigRaw: {},
    // Uppy writes sizes with names of units that differ from those of the page.
    alias: { '@transloadit/prettier-bytes': join(here, 'uploader/sizes.ts') },
    minify: true,
    sourcemap: true,
    legalComments: 'linked',
    logLevel: 'warning',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  await Promise.all(STATIC.map((name) => copyFile(join(here, name), join(outdir, name))));
}

if (argv[1] && import.meta.url === pathToFileURL(argv[1]).href) await buildPage();
