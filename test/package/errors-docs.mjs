// `npm run docs:errors` writes the tables of docs/errors.md and docs/zh-CN/errors.md. `npm test` fails while a document
// does not have the tables of the code.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const outfile = join(root, 'build/errors-page.mjs');
await build({
  entryPoints: [join(root, 'test/package/errors-page.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  logLevel: 'warning',
});
const { PAGES, withTables } = await import(pathToFileURL(outfile).href);
for (const [language, file] of Object.entries(PAGES)) {
  const path = join(root, file);
  writeFileSync(path, withTables(readFileSync(path, 'utf8'), language));
}
