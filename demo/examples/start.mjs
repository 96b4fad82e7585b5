// `npm run demo:example -- react` runs an example with LocalOss. It installs what it needs, also in a bare clone.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, npm, root } from '../../.ci/project.mjs';

const NAMES = ['page', 'react', 'vue', 'worker-hono', 'deno', 'bun', 'extension'];

/** Installs the packages and builds the library, which the examples import as `oss-append`. */
export function prepare() {
  install();
  if (!existsSync(join(root, 'dist/index.js'))) {
    console.log('Building the library (once) …');
    if (!npm('run', '--silent', 'build')) throw new Error('The build failed');
  }
  install('demo/examples');
}

/**
 * Starts an example with an OSS of its own.
 *
 * @param {string} name
 */
export async function startExample(name) {
  const { startCloud } = await import('./cloud.mjs');
  const cloud = await startCloud();
  try {
    const { start } = await import('./starters.mjs');
    const example = await start[name](cloud);
    const close = async () => {
      await example.close();
      await cloud.close();
    };
    return { ...example, oss: cloud.oss, secret: cloud.environment.UPLOAD_SECRET, close };
  } catch (error) {
    await cloud.close();
    throw error;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const [, , name = ''] = process.argv;
    if (!NAMES.includes(name))
      throw new RangeError(`There is no example "${name}". Choose one of: ${NAMES.join(', ')}`);
    prepare();
    const { says, close } = await startExample(name);
    console.log(`${says}\nPress Ctrl-C to end.`);
    await once(process, 'SIGINT');
    await close();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
