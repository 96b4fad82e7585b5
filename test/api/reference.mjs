// `npm run docs:api` writes the API reference: one page in docs/api for each entry of package.json, made from the
// declarations and docstrings by typedoc. `npm run test:package` fails while a page does not match the sources.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Application } from 'typedoc';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Returns the source files of the entries. */
function entryPoints() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const files = Object.values(exports).flatMap(({ types }) => types ?? []);
  return files.map((file) => join(root, file.replace('./dist/', 'src/').replace('.d.ts', '.ts')));
}

/**
 * Writes the reference into a folder.
 *
 * @param {string} out
 * @returns {Promise<void>}
 */
export async function writeReference(out) {
  const app = await Application.bootstrapWithPlugins({
    // The configuration of the whole project, because the entry for Node needs the types of Node.
    tsconfig: join(root, 'tsconfig.json'),
    entryPoints: entryPoints(),
    plugin: ['typedoc-plugin-markdown'],
    router: 'module',
    outputs: [{ name: 'markdown', path: out }],
    readme: 'none',
    name: 'oss-append API',
    disableSources: true,
    hideBreadcrumbs: true,
    hidePageHeader: true,
    excludePrivate: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeAliasPropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    logLevel: 'Error',
  });
  const project = await app.convert();
  if (!project) throw new Error('typedoc found an error in the sources');
  await app.generateOutputs(project);
}

/**
 * Reads the pages of a folder by their names.
 *
 * @param {string} folder
 * @returns {Record<string, string>}
 */
export function readPages(folder) {
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.md'));
  const pages = names.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(folder, name), 'utf8')]);
  return Object.fromEntries(pages);
}

/**
 * Makes the reference of the sources as they are now, and returns its pages by their names.
 *
 * @returns {Promise<Record<string, string>>}
 */
export async function makePages() {
  const folder = mkdtempSync(join(tmpdir(), 'reference-'));
  try {
    await writeReference(folder);
    return readPages(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  await writeReference(join(root, 'docs/api'));
