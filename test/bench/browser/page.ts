// The page of `npm run bench:browser`. It asks for a job, does the job, posts the measurements, and asks again.

import { AwsV4Signer } from 'aws4fetch';
import { createCRC64 } from 'hash-wasm';
import TinyOss from 'tiny-oss';
import { AppendableObject, OssClient } from '../../../src/index.ts';
import { PresignedClient } from '../../../src/request/presigned.ts';
import type { Row } from '../measure.ts';
import { crc64Speed } from '../parts/crc64-speed.ts';
import { signing } from '../parts/signing.ts';
import type { AliOss, Peers } from '../peers.ts';
import type { Job, Outcome, Sender } from './job.ts';
import { watchMainThread } from './main-thread.ts';

/** The browser build of ali-oss, which a script tag of the page loads. */
interface AliOssInPage extends AliOss {
  append(key: string, body: Blob, options: { readonly position: number }): Promise<unknown>;
}
declare const OSS: new (options: Readonly<Record<string, unknown>>) => AliOssInPage;

const KIB = 1024;
const MIB = 1024 * KIB;
const SMALL = 1024;
const REGION = 'cn-hangzhou';
const [accessKeyId, accessKeySecret, securityToken] = ['STS.bench', 'of-this-benchmark-only', 'x'.repeat(600)];
const credentials = { accessKeyId, accessKeySecret, securityToken };

function clientOf(endpoint: string, sender: Sender): OssClient | PresignedClient {
  const common = { region: REGION, bucket: 'bench', endpoint };
  if (sender !== 'presigned')
    return new OssClient({ ...common, credentials, signing: sender === 'query' ? 'query' : 'header' });
  // A real page asks a server for presigned URLs. The signer here answers at once, so that only the append is measured.
  const signer = new OssClient({ ...common, credentials });
  return new PresignedClient({
    presign: ({ key: name, position = 0, size }) =>
      signer.presignAppendObject(name, { position, size, expiresIn: 300 }),
  });
}

function aliOssOf(endpoint: string) {
  const keys = { accessKeyId, accessKeySecret, stsToken: securityToken, refreshSTSTokenInterval: 1e9 };
  const options = { region: `oss-${REGION}`, bucket: 'bench', authorizationV4: true, timeout: 600_000 };
  return new OSS({ ...options, ...keys, endpoint, cname: true });
}

/** Appends one body at a position. */
type Send = (body: Blob | Uint8Array<ArrayBuffer>, position: number) => Promise<unknown>;

let jobs = 0;
/** The object's key. Each job gets a new one, because browsers cache the answer to a preflight by URL. */
let key = '';

function withFetch(url: string): Send {
  return async (body, position) =>
    (await fetch(`${url}/bench/${key}?append&position=${position}`, { method: 'POST', body })).arrayBuffer();
}

function withAliOss(url: string): Send {
  const store = aliOssOf(url);
  return (body, position) => store.append(key, body instanceof Blob ? body : new Blob([body]), { position });
}

function objectOf(url: string, sender: Sender, segmentSize?: number): AppendableObject {
  return new AppendableObject(clientOf(url, sender), key, { tail: { position: 0, hashCrc64ecma: '0' }, segmentSize });
}

async function small({ url, sender, appends }: Job & { kind: 'small' }): Promise<void> {
  const bytes = new Uint8Array(SMALL).fill(46);
  const object = objectOf(url, sender);
  const engine: Send = () => object.append(bytes);
  const send = sender === 'fetch' ? withFetch(url) : sender === 'ali-oss' ? withAliOss(url) : engine;
  for (let i = 0; i < appends; i++) await send(bytes, i * SMALL);
}

const files = new Map<number, File>();

/** Returns a File of `size` bytes that is stored on the disk, like a file that a user picks. */
async function fileOf(size: number): Promise<File> {
  const file = files.get(size) ?? (await makeFile(size));
  files.set(size, file);
  return file;
}

async function makeFile(size: number): Promise<File> {
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle(`${size}.bin`, { create: true });
  const writer = await handle.createWritable();
  const noise = new Blob(Array.from({ length: 256 }, () => crypto.getRandomValues(new Uint8Array(64 * KIB))));
  for (let at = 0; at < size; at += noise.size) await writer.write(noise.slice(0, size - at));
  await writer.close();
  return handle.getFile();
}

function streamOf(size: number): ReadableStream<Uint8Array> {
  const bytes = crypto.getRandomValues(new Uint8Array(64 * KIB));
  let left = size;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      const chunk = bytes.subarray(0, Math.min(left, bytes.byteLength));
      left -= chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
}

async function slices(
  { url, sender, size, segmentSize = 8 * MIB }: Job & { kind: 'large' },
  file: File,
): Promise<void> {
  const send = sender === 'fetch' ? withFetch(url) : withAliOss(url);
  for (let at = 0; at < size; at += segmentSize) await send(file.slice(at, Math.min(at + segmentSize, size)), at);
}

/** Runs the same parts for signing and CRC-64 as `npm run bench`. */
async function compute(rounds: number) {
  const peers = { AliOss: OSS, AwsV4Signer, TinyOss, createCRC64 } as unknown as Peers;
  return [...(await signing({ peers, rounds })), ...(await crc64Speed({ peers, rounds }))];
}

/** Creates the source of a job, and returns the work whose duration is measured. */
async function prepare(job: Job): Promise<() => Promise<unknown>> {
  if (job.kind === 'small') return () => small(job);
  if (job.kind === 'compute') return () => compute(job.rounds);
  if (job.kind === 'idle') return () => new Promise((resolve) => setTimeout(resolve, job.time));
  const { url, sender, from, size, segmentSize } = job;
  const source = from === 'blob' ? await fileOf(size) : streamOf(size);
  if (source instanceof File && (sender === 'fetch' || sender === 'ali-oss')) return () => slices(job, source);
  return () => objectOf(url, sender, segmentSize).append(source);
}

async function perform(job: Job): Promise<Outcome> {
  key = `key-${jobs++}`;
  const run = await prepare(job);
  const watch = watchMainThread();
  const start = performance.now();
  const result = await run();
  const time = (performance.now() - start) / 1000;
  return { time, longestTask: watch(), ...(job.kind === 'compute' && { rows: result as Row[] }) };
}

async function main(): Promise<void> {
  for (;;) {
    const answer = await fetch('/job');
    if (answer.status === 204) return;
    const outcome = await perform((await answer.json()) as Job).catch((error: unknown) => ({ error: String(error) }));
    await fetch('/outcome', { method: 'POST', body: JSON.stringify(outcome) });
  }
}

void main();
