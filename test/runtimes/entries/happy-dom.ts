/** The suite in Node with happy-dom's globals in place of Node's, as unit tests of pages have them. */
import process from 'node:process';
import { Browser } from 'happy-dom';
import { runSuite, type SuiteOptions, sayBroken } from '../suite.ts';

const NAMES = [
  ...['window', 'document', 'location', 'navigator', 'XMLHttpRequest', 'fetch', 'Request', 'Response', 'Headers'],
  ...['AbortController', 'AbortSignal', 'Event', 'EventTarget', 'DOMException', 'Blob', 'File', 'FormData'],
  ...['addEventListener', 'removeEventListener', 'setTimeout', 'clearTimeout'],
] as const;

const { pageUrl, ...options }: SuiteOptions & { pageUrl: string } = JSON.parse(process.argv[2] ?? '');
const page = new Browser().newPage();
page.url = pageUrl;
const { window } = page.mainFrame;

for (const name of NAMES) {
  const value: unknown = Reflect.get(window, name);
  const bound = typeof value === 'function' && /^[a-z]/.test(name) ? value.bind(window) : value;
  Object.defineProperty(globalThis, name, { value: bound, writable: true, configurable: true });
}

// Its cache ignores `cache: 'no-store'`, and would return old positions.
const { fetch } = globalThis;
globalThis.fetch = (...request) => {
  page.context.responseCache.clear();
  return fetch(...request);
};

function watch(report: (problem: string) => void): void {
  process.on('warning', ({ name, message }) => report(`warning: ${name}: ${message}`));
  process.on('unhandledRejection', (reason) => report(`unhandled rejection: ${reason}`));
}

await runSuite({ ...options, watch }).catch((error: unknown) => sayBroken(options, error));
await page.close();
