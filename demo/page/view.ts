/** The user interface of the page. It shows the state that main.ts passes to it, and calls main.ts for user actions. */
import {
  AppendConflictError,
  ChecksumError,
  CredentialsError,
  ServiceError,
  SourceError,
  TransportError,
} from '../../src/index.ts';
import { bytes, element, exact, text } from './dom.ts';
import { showRequest } from './request-log.ts';
import { SegmentMap } from './segment-map.ts';
import type { Exchange } from './traffic.ts';

/** The functions that are called for user actions. */
export interface Actions {
  onfile(file: File): unknown;
  onstop(): unknown;
  onresume(): unknown;
  onagain(): unknown;
  onfresh(): unknown;
  onname(): unknown;
  onnetwork(kind: string): unknown;
}

/** The settings in the form. */
export interface Settings {
  readonly name: string;
  readonly way: 'token' | 'grants' | 'upload';
  readonly signing: 'header' | 'query';
  /** With undefined, the object gets the media type of the file; with null, it gets none. */
  readonly contentType: null | undefined;
  /** The segment size in bytes. */
  readonly segmentSize: number;
}

/** The length in bytes, and the CRC-64 in decimal if it is known. */
export interface Content {
  readonly length: number;
  readonly crc: string | undefined;
}

const map = new SegmentMap();
/** The size of the current file, and the length of the object before it, in bytes. */
let size = 0;
let start = 0;
/** The start time of this run (ms), and the bytes that were confirmed by then. Both are needed for the rate. */
let since = 0;
let from: number | undefined;

/** Shows the settings of the server, and starts to listen for user actions. */
export function begin({ endpoint, prefix }: { endpoint: string; prefix: string }, actions: Actions): void {
  text('endpoint', endpoint);
  text('prefix', prefix);
  nameAnew();
  listenForFiles(actions.onfile);
  for (const [id, action] of Object.entries({
    stop: actions.onstop,
    resume: actions.onresume,
    again: actions.onagain,
    fresh: () => {
      clear();
      actions.onfresh();
    },
  }))
    element(id).addEventListener('click', action);
  element('name').addEventListener('input', actions.onname);
  form().addEventListener('submit', (event) => event.preventDefault());
  const network = element('network') as HTMLSelectElement;
  network.addEventListener('change', () => actions.onnetwork(network.value));
  // A browser keeps the values of a form when the page is reloaded, but a restarted server does not know this value.
  actions.onnetwork(network.value);
}

export function settings(): Settings {
  const fields = new FormData(form());
  return {
    name: String(fields.get('name')),
    way: wayOf(fields.get('way')),
    signing: fields.get('signing') === 'query' ? 'query' : 'header',
    contentType: fields.has('contentType') ? undefined : null,
    segmentSize: Number(fields.get('segmentSize')),
  };
}

function wayOf(value: unknown): Settings['way'] {
  return value === 'grants' || value === 'upload' ? value : 'token';
}

export function showTransfer(file: File, key: string): void {
  size = file.size;
  text('transfer-heading', file.name);
  text('status', `Appending ${bytes(file.size)} to ${key}`);
  text('confirmed', '–');
  text('rate', '–');
  text('segments', '–');
  element('comparison').hidden = true;
  showStart(0);
}

/** Shows the length of the object before this file. */
export function showStart(position: number): void {
  start = position;
  map.reset(start, size);
}

export function showRunning(): void {
  since = performance.now();
  from = undefined;
  element('transfer').hidden = false;
  element('problem').hidden = true;
  showState('busy', 'Appending', ['stop']);
}

/** Shows the progress. `loaded` is the number of bytes of the file that OSS has confirmed. */
export function showProgress(loaded: number): void {
  from ??= loaded;
  map.confirm(start + loaded);
  const progress = element('progress') as HTMLProgressElement;
  progress.max = Math.max(size, 1);
  progress.value = size === 0 ? 1 : loaded;
  text('confirmed', `${bytes(loaded)} of ${bytes(size)}`);
  text('segments', String(map.confirmed));
  const seconds = (performance.now() - since) / 1000;
  if (loaded > from) text('rate', `${bytes(Math.round((loaded - from) / seconds))}/s`);
}

export function showExchange(exchange: Exchange): void {
  showRequest(exchange);
  map.show(exchange);
}

export function showChecking(): void {
  showState('busy', 'Checking', ['stop']);
  text('status', 'All bytes are appended. Comparing the file with the object in OSS…');
}

export function showComparison(file: Content, expected: Content, object: Content): void {
  const equal = expected.length === object.length && expected.crc === object.crc;
  showContent('file', file);
  showContent('expected', expected);
  showContent('object', object);
  element('expected-row').hidden = expected.length === file.length;
  element('comparison').hidden = false;
  badge('verdict', equal ? 'good' : 'bad', equal ? 'Equal' : 'Not equal');
  text(
    'status',
    `The object has ${exact(object.length)} bytes. They are ${equal ? '' : 'not '}equal to the bytes that were sent.`,
  );
  showState(equal ? 'good' : 'bad', equal ? 'Done' : 'Not equal', ['again', 'fresh']);
}

export function showStopped(): void {
  showState('busy', 'Stopped', ['resume', 'fresh']);
  text('status', 'Stopped. The last segment may be stored or not. Choose Resume: the library finds out and continues.');
}

export function showProblem(error: unknown): void {
  showState('bad', 'Failed', ['resume', 'fresh']);
  text('status', 'The append did not finish.');
  text('problem-message', error instanceof Error ? error.message : String(error));
  text('problem-advice', advice(error));
  element('problem').hidden = false;
  element('transfer').hidden = false;
}

/** Returns the next step for the user. */
function advice(error: unknown): string {
  if (error instanceof SourceError) return 'The file cannot be read any more. Choose the file again.';
  if (error instanceof ChecksumError) return 'The object is damaged. Do not append to it again, but begin a new one.';
  if (error instanceof AppendConflictError) return 'Another writer changed this object. Please begin a new one.';
  if (error instanceof ServiceError && error.code === 'AccessDenied')
    return 'The demo may have been restarted. Reload the page.';
  if (error instanceof TransportError || error instanceof CredentialsError)
    return 'Check that the server of the demo is running (start it with npm start). Then choose Resume.';
  return 'Choose Resume, or begin a new object.';
}

/** Shows the state and the buttons for it. */
function showState(kind: 'good' | 'busy' | 'bad', word: string, buttons: readonly string[]): void {
  const running = buttons.includes('stop');
  const { activeElement } = document;
  badge('state', kind, word);
  for (const id of ['stop', 'resume', 'again', 'fresh']) element(id).hidden = !buttons.includes(id);
  for (const id of ['file', 'name', 'segment-size']) (element(id) as HTMLInputElement).disabled = running;
  for (const field of form().querySelectorAll('input')) field.disabled = running;
  // When the pressed button disappears, a keyboard user would lose the focus, so it moves to the next button.
  if (activeElement instanceof HTMLButtonElement && activeElement.hidden) element(buttons[0] ?? 'file').focus();
}

function badge(id: string, kind: string, word: string): void {
  element(id).dataset['kind'] = kind;
  text(id, word);
}

function showContent(id: string, { length, crc = 'hidden by CORS' }: Content): void {
  text(`${id}-length`, exact(length));
  text(`${id}-crc`, crc);
}

function clear(): void {
  nameAnew();
  element('transfer').hidden = true;
  element('comparison').hidden = true;
  element('file').focus();
}

function nameAnew(): void {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  (element('name') as HTMLInputElement).value = `object-${random.toString(16).padStart(8, '0')}`;
}

/**
 * Listens for files from the file picker, and for files that are dropped anywhere on the page. Without the handler for
 * the whole page, a browser would leave the page and show a file that misses the drop zone.
 */
function listenForFiles(onfile: (file: File) => unknown): void {
  const picker = element('file') as HTMLInputElement;
  const take = (file: File | undefined) => {
    if (file && !picker.disabled && form().reportValidity()) onfile(file);
  };
  picker.addEventListener('change', () => {
    take(picker.files?.[0]);
    // With an empty value, choosing the same file again is also a change.
    picker.value = '';
  });
  addEventListener('dragover', (event) => {
    event.preventDefault();
    element('drop-zone').classList.add('over');
  });
  addEventListener('dragleave', ({ relatedTarget }) => {
    if (!relatedTarget) element('drop-zone').classList.remove('over');
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    element('drop-zone').classList.remove('over');
    take(event.dataTransfer?.files[0]);
  });
}

function form(): HTMLFormElement {
  return element('settings') as HTMLFormElement;
}
