/** The demo page: what an application does with oss-append. What it looks like is in view.ts. */
import { crc64, crc64Combine, type ObjectTail } from '../../src/index.ts';
import { watchedFetch } from './traffic.ts';
import * as view from './view.ts';
import { type Call, makeTarget, type Target } from './ways.ts';

/** A file on its way, or arrived. */
interface Transfer {
  readonly file: File;
  readonly object: Target;
  /** Where the object ended before this file. */
  start?: ObjectTail;
}

/** Where the OSS and the edge are, and which keys this page may write. */
const config = await loadConfig();

/** Where the chosen object ends. `undefined`: ask OSS. */
let tail: ObjectTail | undefined = { position: 0 };
let transfer: Transfer | undefined;
let stop = new AbortController();

/** Appends a file to the chosen object, which need not be empty. */
async function append(file: File): Promise<void> {
  const { name, way, signing, contentType, segmentSize } = view.settings();
  const { edge, prefix, ...place } = config;
  const client = { ...place, signing, fetch: watchedFetch(view.showExchange) };
  const object = makeTarget({ way, edge, client, key: prefix + name, tail, contentType, segmentSize });
  const current: Transfer = { file, object };
  transfer = current;
  view.showTransfer(file, object.key);
  await carryOut(current, async (call) => {
    current.start = await object.open(call);
    view.showStart(current.start.position);
    await object.append(file, call);
  });
}

/** Goes on after Stop or a failure. What OSS holds of the file is proven by its CRC, and only the rest is sent. */
async function resume(current: Transfer): Promise<void> {
  const { file, object, start } = current;
  if (!start) return append(file);
  await carryOut(current, (call) => object.resume(file, start, call));
}

/** Runs one append or resume to its end, whichever that is, and then looks at the object. */
async function carryOut(current: Transfer, work: (call: Call) => Promise<unknown>): Promise<void> {
  stop = new AbortController();
  const { signal } = stop;
  tail = undefined;
  view.showRunning();
  try {
    await work({ signal, onprogress: ({ loaded }) => view.showProgress(loaded) });
    tail = current.object.tail;
    view.showChecking();
    await compare(current, signal);
  } catch (error) {
    if (signal.aborted) view.showStopped();
    else view.showProblem(error);
  }
}

/** Sets the object in OSS beside what this page computes from the file itself. */
async function compare({ file, object, start }: Transfer, signal: AbortSignal): Promise<void> {
  const [fileCrc, head] = await Promise.all([checksum(file, signal), object.look(signal)]);
  const { position = 0, hashCrc64ecma = '0' } = start ?? {};
  const expected = {
    length: position + file.size,
    crc: String(crc64Combine(BigInt(hashCrc64ecma), fileCrc, file.size)),
  };
  const found = { length: head.position, crc: head.hashCrc64ecma };
  view.showComparison({ length: file.size, crc: String(fileCrc) }, expected, found);
}

async function checksum(blob: Blob, signal: AbortSignal): Promise<bigint> {
  let crc = 0n;
  const reader = blob.stream().getReader();
  for (let { done, value } = await reader.read(); !done && value; { done, value } = await reader.read()) {
    signal.throwIfAborted();
    crc = crc64(value, crc);
  }
  return crc;
}

async function loadConfig(): Promise<Config> {
  const config: Config = await ask('/config');
  // A login would stand here; its answer says what is ours.
  const { prefix } = await ask(`${config.edge}/session`, { method: 'POST', credentials: 'include' });
  return { ...config, prefix };
}

interface Config {
  readonly region: string;
  readonly bucket: string;
  readonly endpoint: string;
  readonly prefix: string;
  /** Origin; empty for the page's own. */
  readonly edge: string;
}

async function ask(url: string, init: RequestInit = {}): Promise<Config> {
  const response = await fetch(url, init);
  if (response.ok) return response.json();
  throw new Error(`The demo's server answered HTTP ${response.status}`);
}

view.begin(config, {
  onfile: append,
  onstop: () => stop.abort(),
  onresume: () => transfer && resume(transfer),
  onagain: () => transfer && append(transfer.file),
  // A new name is known to be free; of a name that was typed, OSS is asked.
  onfresh: () => {
    tail = { position: 0 };
  },
  onname: () => {
    tail = undefined;
  },
  onnetwork: (kind) => fetch('/network', { method: 'POST', body: kind }),
});
