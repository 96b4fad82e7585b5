/** Proves that an object is equal to a file: the page computes the CRC-64 of the file again, and asks OSS for its own. */
import { AppendableObject, type AppendClient, crc64 } from '../../../src/index.ts';

export interface Content {
  /** Bytes. */
  readonly length: number;
  /** The CRC-64, decimal. It is undefined if CORS hides it. */
  readonly crc: string | undefined;
}

/** What the comparison says: it runs, or it compared both, or it failed. */
export type Verdict = 'running' | { readonly file: Content; readonly object: Content } | { readonly reason: unknown };

/** Computes the length and the CRC-64 of a Blob. Reading in chunks keeps the page responsive. */
export async function contentOf(blob: Blob, signal?: AbortSignal): Promise<Content> {
  let crc = 0n;
  const reader = blob.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    signal?.throwIfAborted();
    crc = crc64(read.value, crc);
  }
  return { length: blob.size, crc: String(crc) };
}

/** Asks OSS for the length and the CRC-64 of an object. A new AppendableObject has no tail, so it asks. */
export async function contentOfObject(client: AppendClient, key: string): Promise<Content> {
  const { position, hashCrc64ecma } = await new AppendableObject(client, key).open();
  return { length: position, crc: hashCrc64ecma };
}

export function areEqual(one: Content, other: Content): boolean {
  return one.length === other.length && one.crc !== undefined && one.crc === other.crc;
}
