/** The demo page. This file contains the application's use of oss-append, and view.ts shows the results. */
import { crc64, crc64Combine, type ObjectTail } from '../../src/index.ts';
import type { ScopedFaults } from '../host/contract.ts';
import { watchedFetch } from './traffic.ts';
import * as view from './view.ts';
import { type Call, makeTarget, type Target } from './ways.ts';

/** A file that is being appended or was appended. */
interface Transfer {
  readonly file: File;
  readonly object: Target;
  /** The tail of the object before this file. */
  start?: ObjectTail;
}

/** The addresses of OSS and the edge, and the prefix of the keys that this page may write. */
const config = await loadConfig();

/** The tail of the chosen object. When it is undefined, the library asks OSS. */
let tail: ObjectTail | undefined = { position: 0 };
let transfer: Transfer | undefined;
let stop = new AbortController();

/** Appends a file to the chosen object. The object can already contain bytes. */
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

/**
 * Continues after Stop or a failure. The CRC proves which bytes of the file are stored in OSS, and only the other bytes
 * are sent.
 */
async function resume(current: Transfer): Promise<void> {
  const { file, object, start } = current;
  if (!start) return append(file);
  await carryOut(current, (call) => object.resume(file, start, call));
}

/** Runs one append or resume. After a success it compares the object with the file; otherwise it shows the problem. */
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

/** Compares length and CRC of the object in OSS with the values that this page computes from the file. */
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
  // A real application would log in here. The answer contains the prefix of the keys that this user may write.
  const { prefix } = await ask(`${config.edge}/session`, { method: 'POST', credentials: 'include' });
  return { ...config, prefix };
}

interface Config {
  readonly region: string;
  readonly bucket: string;
  readonly endpoint: string;
  readonly prefix: string;
  /** The origin of the edge. An empty string means the origin of the page. */
  readonly edge: string;
}

async function ask(url: string, init: RequestInit = {}): Promise<Config> {
  const response = await fetch(url, init);
  if (response.ok) return response.json();
  throw new Error(`The server of the demo answered HTTP ${response.status}. Restart it with npm start.`);
}

/** The faults of a kind of network, for all keys of this page. */
function faultsFor(kind: string): ScopedFaults {
  const active = { slow: ['slow'], lossy: ['lose-answers'] } as const;
  return { scope: config.prefix, active: active[kind as keyof typeof active] ?? [] };
}

view.begin(config, {
  onfile: append,
  onstop: () => stop.abort(),
  onresume: () => transfer && resume(transfer),
  onagain: () => transfer && append(transfer.file),
  // A new random name belongs to no object. For a typed name, the library must ask OSS.
  onfresh: () => {
    tail = { position: 0 };
  },
  onname: () => {
    tail = undefined;
  },
  onnetwork: (kind) => fetch('/faults', { method: 'PUT', body: JSON.stringify(faultsFor(kind)) }),
});
