/** The page of the adapters: the real FilePond and the real React, with the examples of docs/uppy.md. */
import { appendTo } from 'docs:filepond';
import { useAppend } from 'docs:react';
import * as FilePond from 'filepond';
import { createElement, StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { credentialsFromUrl, OssClient } from '../../../src/index.ts';

/** What the tests read from the page. */
export interface AdaptersUnderTest {
  /** The progress that FilePond has shown, as numbers from 0 to 1, and its events. */
  readonly told: (number | string)[];
  /** The status of FilePond's first file: `IDLE`, `PROCESSING`, `PROCESSING_COMPLETE` or `PROCESSING_ERROR`. */
  status(): string | undefined;
  /** The key that FilePond knows for its first file. */
  serverId(): string | undefined;
  /** Promises that rejected without a handler. */
  readonly complaints: string[];
  /** The numbers of bytes that React has shown. */
  readonly shown: number[];
}

declare global {
  interface Window {
    adapters: AdaptersUnderTest;
  }
}

const complaints: string[] = [];
window.onunhandledrejection = ({ reason }) => void complaints.push(String(reason));

const client = new OssClient({
  region: 'cn-hangzhou',
  bucket: 'logs',
  endpoint: document.documentElement.dataset['endpoint'] ?? '',
  credentials: credentialsFromUrl('/token'),
  retry: { maxAttempts: 2, baseDelay: 20 },
});

const told: (number | string)[] = [];
const pond = FilePond.create(document.querySelector('#pond') as HTMLElement, {
  server: { process: appendTo(client, 'inbox/'), revert: null },
  labelFileProcessingError: (error: { readonly body: string }) => error.body,
  onprocessfileprogress: (_file, progress) => void told.push(progress),
  onprocessfileabort: () => void told.push('abort'),
  onprocessfile: (error) => void told.push(error ? 'error' : 'stored'),
  onprocessfilerevert: () => void told.push('revert'),
});

const shown: number[] = [];

function Upload() {
  const { loaded, tail, error, upload, pause } = useAppend(client, 'inbox/react.txt');
  if (shown.at(-1) !== loaded) shown.push(loaded);
  const pick = (files: FileList | null) => void (files?.[0] && upload(files[0]));
  return createElement(
    'section',
    { id: 'upload' },
    createElement('input', {
      type: 'file',
      onChange: (event: { readonly target: HTMLInputElement }) => pick(event.target.files),
    }),
    createElement('button', { type: 'button', onClick: pause }, 'Pause'),
    createElement('output', null, tail ? `stored ${tail.position}` : error ? String(error) : `loaded ${loaded}`),
  );
}

function App() {
  const [isThere, show] = useState(true);
  return createElement(
    'main',
    null,
    createElement('button', { type: 'button', id: 'away', onClick: () => show(false) }, 'Away'),
    isThere && createElement(Upload),
  );
}

createRoot(document.querySelector('#react') as HTMLElement).render(createElement(StrictMode, null, createElement(App)));

const nameOf = (status: number | undefined) =>
  Object.entries(FilePond.FileStatus).find(([, value]) => value === status)?.[0];

window.adapters = {
  told,
  status: () => nameOf(pond.getFile()?.status),
  serverId: () => pond.getFile()?.serverId,
  complaints,
  shown,
};
