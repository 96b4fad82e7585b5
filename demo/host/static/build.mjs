// Makes the static build from the built page: plain files, with LocalOss in a Service Worker.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../.ci/project.mjs';

/**
 * The page until boot.js replaces it. Without a web server or in an old browser, no script runs, and this text stays.
 */
const WAIT =
  'The demo is starting. If this text stays, open the page in a current browser, through a web server: over HTTPS or from localhost.';

/** Bundles a file for browsers. */
async function bundle(name, outdir, options) {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: [`demo/host/static/${name}.ts`],
    outfile: join(outdir, `${name}.js`),
    bundle: true,
    minify: true,
    sourcemap: true,
    legalComments: 'linked',
    target: 'es2022',
    tsconfigRaw: {},
    logLevel: 'warning',
    ...options,
  });
}

/** Returns the text of a constant of a TypeScript file without imports, which Node 20 cannot load. */
async function contentPolicy() {
  const { transform } = await import('esbuild');
  const source = readFileSync(join(root, 'demo/host/content-policy.ts'), 'utf8');
  const { code } = await transform(source, { loader: 'ts', format: 'esm' });
  const module = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return module.contentPolicy();
}

/** Replaces one text that must be there exactly once. */
function replaceOnce(text, from, to) {
  if (text.split(from).length !== 2) throw new Error(`index.html must contain ${from} once`);
  return text.replace(from, () => to);
}

/** Makes the static build from the built page. */
export async function buildStatic(page = join(root, 'build/demo/public'), outdir = join(root, 'build/demo-static')) {
  rmSync(outdir, { recursive: true, force: true });
  cpSync(page, outdir, { recursive: true });
  // A worker that is one classic script runs in every browser.
  await bundle('worker', outdir, { format: 'iife' });
  await bundle('boot', outdir, { format: 'esm' });
  const index = join(outdir, 'index.html');
  const policy = `<meta http-equiv="Content-Security-Policy" content="${await contentPolicy()}">`;
  const html = replaceOnce(readFileSync(index, 'utf8'), 'src="main.js"', 'src="boot.js"');
  // The policy must come before everything that it restricts.
  const safe = replaceOnce(html, '<meta charset="utf-8">', `<meta charset="utf-8">\n    ${policy}`);
  writeFileSync(index, replaceOnce(safe, '<div id="app"></div>', `<div id="app"><p>${WAIT}</p></div>`));
}
