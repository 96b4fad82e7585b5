/** A small page on the static build: it uploads and breaks things when a test calls its functions. */
import type { FaultName, HostConfig, ScopedFaults, ScopedStats } from '../../demo/host/contract.ts';
import { PageGrants } from '../../src/edge/index.ts';
import {
  AppendableObject,
  type AppendClient,
  credentialsFromUrl,
  OssClient,
  PresignedClient,
} from '../../src/index.ts';

/** What to upload, and how. */
export interface Upload {
  readonly way: 'token' | 'query' | 'grants' | 'pipe';
  /** The part of the key after the prefix. */
  readonly name: string;
  /** The size of the file in bytes. */
  readonly size: number;
  readonly segmentSize?: number;
}

/** How an upload has ended. */
export interface Outcome {
  /** True if the object has the bytes of the file, and no others. */
  readonly isEqual: boolean;
  readonly length: number;
}

/** The functions of the page. */
export interface StaticPage {
  config(): Promise<HostConfig>;
  upload(upload: Upload): Promise<Outcome>;
  /** Goes on with an object that has a part of the file. */
  resume(upload: Upload): Promise<Outcome>;
  /** Begins an upload. {@link ended} waits for it. */
  begin(upload: Upload): Promise<void>;
  ended(): Promise<Outcome>;
  lengthOf(name: string): Promise<number>;
  breakIt(folder: string, active: readonly FaultName[]): Promise<void>;
  faults(folder: string): Promise<readonly FaultName[]>;
  stats(folder: string): Promise<ScopedStats>;
}

/** Returns a file whose bytes look random, and are the same each time. */
function fileOf({ name, size }: Upload): File {
  const bytes = new Uint8Array(size);
  for (let i = 0, state = 1; i < size; i++) {
    state = (state * 48_271) % 2_147_483_647;
    bytes[i] = state;
  }
  return new File([bytes], name, { type: 'text/x-test' });
}

async function config(): Promise<HostConfig> {
  return (await fetch('config')).json();
}

async function clientOf(way: Upload['way']): Promise<AppendClient> {
  const { region, bucket, endpoint, pathStyle, edge } = await config();
  if (way === 'grants') return new PresignedClient({ presign: new PageGrants(edge).presign });
  const credentials = credentialsFromUrl(`${edge}/token`, { method: 'POST' });
  const signing = way === 'query' ? 'query' : 'header';
  return new OssClient({ region, bucket, endpoint, pathStyle, credentials, signing });
}

async function objectOf({ way, name, segmentSize }: Upload): Promise<AppendableObject> {
  const { prefix } = await config();
  return new AppendableObject(await clientOf(way), prefix + name, { segmentSize });
}

async function outcomeOf(upload: Upload): Promise<Outcome> {
  const { prefix } = await config();
  const client = (await clientOf('token')) as OssClient;
  const { body } = await client.getObject(prefix + upload.name);
  const stored = new Uint8Array(await new Response(body).arrayBuffer());
  const sent = new Uint8Array(await fileOf(upload).arrayBuffer());
  const isEqual = stored.length === sent.length && stored.every((byte, at) => byte === sent[at]);
  return { isEqual, length: stored.length };
}

async function pipe(upload: Upload): Promise<void> {
  const { edge, prefix } = await config();
  const url = `${edge}/upload/${encodeURIComponent(prefix + upload.name)}`;
  const response = await fetch(url, { method: 'POST', body: fileOf(upload) });
  if (!response.ok) throw new Error(await response.text());
}

async function send(upload: Upload): Promise<Outcome> {
  if (upload.way === 'pipe') await pipe(upload);
  else await (await objectOf(upload)).append(fileOf(upload));
  return outcomeOf(upload);
}

async function scopeOf(folder: string): Promise<string> {
  return (await config()).prefix + folder;
}

let running: Promise<Outcome> | undefined;

const functions: StaticPage = {
  config,
  upload: send,
  resume: async (upload) => {
    await (await objectOf(upload)).resume(fileOf(upload));
    return outcomeOf(upload);
  },
  begin: async (upload) => {
    running = send(upload);
  },
  ended: async () => {
    if (!running) throw new Error('Nothing was begun');
    return running;
  },
  lengthOf: async (name) => (await (await objectOf({ way: 'token', name, size: 0 })).open()).position,
  breakIt: async (folder, active) => {
    const body = JSON.stringify({ scope: await scopeOf(folder), active });
    await fetch('faults', { method: 'PUT', body });
  },
  faults: async (folder) => {
    const answer: ScopedFaults = await (await fetch(`faults?scope=${await scopeOf(folder)}`)).json();
    return answer.active;
  },
  stats: async (folder) => (await fetch(`stats?scope=${await scopeOf(folder)}`)).json(),
};

Object.assign(globalThis, functions);
const place = document.getElementById('app');
if (place) place.textContent = 'The page is ready';
