/** Sends one body to a contestant, in each of the ways that the benchmark compares. */
import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc64, OssClient } from '../../../src/index.ts';
import { BUCKET, RAM } from '../../edge/world.ts';
import { TARGET } from './handlers.ts';

const CHUNK = 65_536;
const CHUNK_BYTES = Uint8Array.from({ length: CHUNK }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);

/** A body whose length the request announces, or not. */
export class Body {
  readonly size: number;
  readonly isAnnounced: boolean;
  /** The CRC-64 in decimal. */
  readonly crc: string;

  /** @param chunks the length in chunks of 64 KiB */
  constructor(chunks: number, isAnnounced: boolean) {
    this.size = chunks * CHUNK;
    this.isAnnounced = isAnnounced;
    let crc = 0n;
    for (let i = 0; i < chunks; i++) crc = crc64(CHUNK_BYTES, crc);
    this.crc = String(crc);
  }

  *chunks(): Generator<Uint8Array, void, void> {
    for (let at = 0; at < this.size; at += CHUNK) yield CHUNK_BYTES;
  }
}

let uploads = 0;

/** Sends a body to the edge with one plain POST. */
export async function post(edge: string, body: Body): Promise<void> {
  const path = `/upload/${encodeURIComponent(`inbox/bench/${uploads++}`)}`;
  const answer = JSON.parse(await send(edge + path, { method: 'POST', headers: {}, body }));
  if (answer.hashCrc64ecma !== body.crc) throw new Error('the object has another CRC-64 than the body');
}

/** Sends a body to the edge with tus: a creation, and one PATCH. */
export async function patch(edge: string, body: Body): Promise<void> {
  const version = { 'tus-resumable': '1.0.0' };
  const created = await fetch(`${edge}/upload`, {
    method: 'POST',
    headers: { ...version, 'upload-length': String(body.size) },
  });
  const location = new URL(created.headers.get('location') ?? '', `${edge}/upload`).href;
  const headers = { ...version, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
  await send(location, { method: 'PATCH', headers, body });
  const found = await fetch(location, { method: 'HEAD', headers: version });
  if (found.headers.get('upload-offset') !== String(body.size)) throw new Error('the upload is not complete');
}

/** Returns a function that sends a body through the bare proxy to a presigned URL of the store. */
export function throughProxy(store: string): (proxy: string, body: Body) => Promise<void> {
  const client = new OssClient({ region: 'cn-hangzhou', bucket: BUCKET, endpoint: store, credentials: RAM });
  return async (proxy, body) => {
    const { url } = await client.presignAppendObject(`bare/${uploads++}`, { position: 0, contentType: null });
    const answer = JSON.parse(await send(proxy, { method: 'POST', headers: { [TARGET]: url }, body }));
    if (answer.hashCrc64ecma !== body.crc) throw new Error('the object has another CRC-64 than the body');
  };
}

/** Sends a body to a reference that keeps nothing of it. */
export const drain =
  (path: string) =>
  async (url: string, body: Body): Promise<void> => {
    const { size } = JSON.parse(await send(url + path, { method: 'POST', headers: {}, body }));
    if (size !== body.size) throw new Error('the reference did not read the whole body');
  };

async function send(
  url: string,
  { method, headers, body }: { readonly method: string; readonly headers: OutgoingHttpHeaders; readonly body: Body },
): Promise<string> {
  const sending = request(url, {
    agent: false,
    method,
    headers: body.isAnnounced ? { ...headers, 'content-length': body.size } : headers,
  });
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  const sent = pipeline(Readable.from(body.chunks()), sending);
  const [response] = await answered;
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part;
  if ((response.statusCode ?? 0) >= 300) throw new Error(`HTTP ${response.statusCode} ${text.slice(0, 200)}`);
  await sent;
  return text;
}
