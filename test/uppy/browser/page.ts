/** The page of the tests: Uppy with the Dashboard, Golden Retriever and the plugin. */
import Uppy, { type Meta } from '@uppy/core';
import Dashboard from '@uppy/dashboard';
import GoldenRetriever from '@uppy/golden-retriever';
import { credentialsFromUrl, OssClient } from '../../../src/index.ts';
import { OssAppend, type OssAppendBody } from '../../../src/uppy/index.ts';

/** What the tests read from the page. */
export interface PageUnderTest {
  readonly uppy: Uppy<Meta, OssAppendBody>;
  /** The client of the plugin. */
  readonly client: OssClient;
  /** The events in their order: `upload-success 1.txt`. */
  readonly told: string[];
  /** Promises that rejected without a handler, and what the strict policy of the page forbade. */
  readonly complaints: string[];
  /** The numbers of listeners on Uppy and on the window, by their events. */
  readonly listeners: Readonly<Record<string, number>>;
}

declare global {
  interface Window {
    test: PageUnderTest;
  }
}

const listeners: Record<string, number> = {};
const count = (event: string, change: number) => {
  listeners[event] = (listeners[event] ?? 0) + change;
};
const { addEventListener, removeEventListener } = window;
window.addEventListener = (...args: Parameters<typeof addEventListener>) => {
  count(args[0], 1);
  addEventListener.apply(window, args);
};
window.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
  count(args[0], -1);
  removeEventListener.apply(window, args);
};

const complaints: string[] = [];
window.onunhandledrejection = ({ reason }) => {
  complaints.push(`unhandled: ${reason instanceof Error ? reason.stack : reason}`);
};
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
  complaints.push(`forbidden: ${violatedDirective} ${blockedURI}`);
});

const { endpoint } = document.documentElement.dataset;
const client = new OssClient({
  region: 'cn-hangzhou',
  bucket: 'logs',
  endpoint: endpoint ?? '',
  credentials: credentialsFromUrl('/token'),
  retry: { maxAttempts: 12, baseDelay: 20, maxDelay: 200 },
});

const uppy = new Uppy<Meta, OssAppendBody>({ id: 'journey' });
const [on, off] = [uppy.on, uppy.off];
uppy.on = (event, callback) => {
  count(`uppy: ${event}`, 1);
  return on.call(uppy, event, callback) as typeof uppy;
};
uppy.off = (event, callback) => {
  count(`uppy: ${event}`, -1);
  return off.call(uppy, event, callback) as typeof uppy;
};

const told: string[] = [];
for (const event of ['upload-progress', 'upload-success', 'upload-error'] as const)
  on.call(uppy, event, (file: { name: string } | undefined) => void told.push(`${event} ${file?.name}`));
on.call(uppy, 'complete', () => void told.push('complete'));
on.call(uppy, 'restored', () => void told.push('restored'));

uppy
  .use(Dashboard, {
    inline: true,
    target: '#dashboard',
    proudlyDisplayPoweredByUppy: false,
    disableThumbnailGenerator: true,
  })
  .use(GoldenRetriever)
  .use(OssAppend<Meta, OssAppendBody>, { client, key: ({ name }) => `inbox/${name}`, limit: 4, segmentSize: 2048 });

window.test = { uppy, client, told, complaints, listeners };
