/** The suite in a page: in its window, or in a worker of it. What to run is in the page's query. */
import { xhrFetch } from '../../../src/xhr.ts';
import { importQuietly } from '../import.ts';
import type { SuiteOptions } from '../suite.ts';

const query = new URLSearchParams(location.search);
const options: SuiteOptions = {
  controlUrl: query.get('control') ?? '',
  runtime: query.get('runtime') ?? '',
  run: query.get('run') ?? '',
};
const scopes: Record<string, () => Promise<unknown>> = {
  window: inWindow,
  xhr: inWindow,
  worker: inWorker,
  sw: inServiceWorker,
};

async function inWindow(): Promise<void> {
  // The suite holds the library too, so it comes after.
  const results = [await importQuietly(() => import('../library.ts'))];
  const { runSuite } = await import('../suite.ts');
  const fetch = query.get('scope') === 'xhr' ? xhrFetch : undefined;
  await runSuite({ ...options, results, fetch });
}

async function sayBroken(error: unknown): Promise<void> {
  await (await import('../suite.ts')).sayBroken(options, error);
}

async function inWorker(): Promise<void> {
  const worker = new Worker('/worker.mjs', { type: 'module' });
  worker.addEventListener('error', (event) => void sayBroken(new Error(event.message || 'the worker did not load')));
  worker.postMessage(options);
}

async function inServiceWorker(): Promise<void> {
  const registration = await navigator.serviceWorker.register('/worker.mjs', { type: 'module' });
  await navigator.serviceWorker.ready;
  registration.active?.postMessage(options);
}

await scopes[query.get('scope') ?? 'window']?.().catch(sayBroken);
