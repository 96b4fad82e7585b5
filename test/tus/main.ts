/**
 * `npm run test:tus`: clients that others wrote upload through the edge in Node, workerd, Deno and Bun: tus-js-client,
 * tuspy (Python), and Uppy in Chromium. The network drops connections, and the store has faults.
 *
 *   OSS_APPEND_TUS_UPLOADS=100   the number of uploads of tus-js-client over the bad network, in each runtime
 *   OSS_APPEND_TUS_RUNTIME=deno  runs one runtime only
 */
import { mkdirSync } from 'node:fs';
import { installedRuntimes } from '../edge/runtimes.ts';
import { runJavaScript } from './javascript.ts';
import { runPython } from './python.ts';
import { openUppy, runUppy } from './uppy.ts';
import { Results, World } from './world.ts';

const UPLOADS = Number(process.env['OSS_APPEND_TUS_UPLOADS'] ?? 100);
const ONLY = process.env['OSS_APPEND_TUS_RUNTIME'];
const SEED = 17;

export async function main({ python }: { readonly python: string | undefined }): Promise<Results> {
  mkdirSync('build/tus', { recursive: true });
  const results = new Results();
  const page = await openUppy();
  if (!python) console.log('not run: tuspy (python3-tuspy is not installed)');
  try {
    for (const [name, start] of installedRuntimes().filter(([name]) => !ONLY || name === ONLY)) {
      const world = await World.start(start, page.origin, SEED);
      try {
        await runJavaScript(name, world, results, UPLOADS);
        if (python) await runPython(name, world, { python, results });
        await runUppy(name, world, page, results);
        const log = world.edge.output();
        const secrets = [world.cookie, world.prefix, 'upload=', 'x-oss-signature'];
        results.check(
          `the log of ${name} has no key, no URL and no secret`,
          !secrets.some((text) => log.includes(text)),
        );
      } finally {
        await world.stop();
      }
    }
  } finally {
    await page.close();
  }
  return results;
}
