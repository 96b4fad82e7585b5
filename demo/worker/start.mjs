// `npm run demo:worker` runs the demo of `npm start` with its edge in workerd, the runtime of Cloudflare Workers.
// It installs workerd into the folder of this file, and needs no account.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, npm, root } from '../../.ci/project.mjs';

const folder = join(root, 'build/worker');

/** Reads the date from the wrangler configuration, so that the demo behaves like a deployed Worker. */
function compatibilityDate() {
  const text = readFileSync(join(root, 'demo/worker/wrangler.jsonc'), 'utf8');
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, '')).compatibility_date;
}

async function bundle() {
  const { build } = await import('esbuild');
  const common = { absWorkingDir: root, bundle: true, format: 'esm', target: 'es2022', logLevel: 'warning' };
  const out = (name) => ({ entryPoints: [`demo/worker/${name}.ts`], outfile: join(folder, `${name}.mjs`) });
  await build({ ...common, ...out('worker') });
  await build({ ...common, ...out('main'), platform: 'node', packages: 'external' });
}

try {
  install();
  install('demo/worker');
  console.log('Building the library and the page …');
  if (!npm('run', '--silent', 'build')) throw new Error('the build failed; its output above says why');
  await bundle();
  const { run } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
  await run({
    command: join(root, 'demo/worker/node_modules/.bin/workerd'),
    folder,
    publicFolder: join(root, 'build/demo/public'),
    compatibilityDate: compatibilityDate(),
    port: Number(process.env.PORT ?? 8080),
  });
} catch (error) {
  console.error(`Cannot start the demo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
