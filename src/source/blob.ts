/** Blobs as sources: read in pieces, and cut into slices. It hides what reading a Blob costs in each runtime. */

import { ownSlice, untyped } from '../bytes.ts';
import { type Crc64, crc64 as ownCrc64 } from '../crc64.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import { failSource, type Segment, type SegmentReader, sourceError } from './segment.ts';

/** Hash and hand over this much between two turns of the event loop, bytes: a millisecond in a browser, on a slow phone six. */
export const PIECE = 524_288;

/**
 * Read this much of a Blob at a time, bytes: browsers take a third longer for reads of 1 MiB, and 8 MiB would block a page.
 * Not as a stream, which Chromium would read half as fast again: workerd gives streams in chunks of 4 KiB and takes five
 * times as long, and Node 24.16 to 24.18 never frees what it has given.
 */
const READ = 4_194_304;

/**
 * Reads a Blob, or a part of it, a piece at a time.
 *
 * @throws SourceError where the file changed since it was picked, or cannot be read any more.
 */
export async function* blobPieces(
  blob: Blob,
  start = 0,
  end: number = blob.size,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  for (let from = start; from < end; from += READ) {
    const bytes = await readBlob(blob, from, Math.min(from + READ, end));
    for (let at = 0; at < bytes.byteLength; at += PIECE) {
      if (at > 0) await breathe();
      yield bytes.subarray(at, at + PIECE);
    }
  }
}

/**
 * Lets the event loop turn: a page draws, a server takes other requests. By a message, for timers wait 4 ms, and in a
 * hidden page a second or more. Some workers have no channels: nobody there waits for a frame.
 */
export function breathe(): Promise<void> | undefined {
  if (typeof MessageChannel === 'undefined') return undefined;
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      // Deno keeps it open else.
      port2.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** A beginning of a Blob, and the CRC-64 of its bytes. */
export interface Prefix {
  readonly size: number;
  readonly crc: bigint;
}

/** The CRC-64 of a beginning of a Blob, of `size` bytes, computed from that of a shorter one. */
export async function extendPrefix(
  blob: Blob,
  { size: start, crc: known }: Prefix,
  size: number,
  { crc64 = ownCrc64, signal }: { readonly crc64?: Crc64 | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<Prefix> {
  let crc = known;
  try {
    for await (const piece of blobPieces(blob, start, size)) {
      throwIfAborted(signal);
      crc = BigInt(crc64(piece, crc));
    }
    return { size, crc };
  } catch (error) {
    if (signal?.aborted) throw error;
    return failSource(error);
  }
}

/** Reads a part of a Blob. */
export async function readBlob(blob: Blob, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const size = end - start;
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = new Uint8Array(await blob.slice(start, end).arrayBuffer());
  } catch (cause) {
    const why = 'a file that was changed, moved or removed since it was picked, or more Blobs than there is room for';
    throw sourceError(`it cannot be read any more: ${why}`, cause);
  }
  if (bytes.byteLength === size) return bytes;
  throw sourceError(`the file gave ${bytes.byteLength} of ${size} bytes: it was changed since it was picked`);
}

/** A Blob's segments are slices of it, and cost no memory of ours; Chromium copies those of what does not lie on the disk. */
export class BlobSegments implements SegmentReader {
  readonly inMemory = false;
  readonly type: string;
  readonly #blob: Blob;
  readonly #crc64: Crc64;
  #offset: number;

  constructor(blob: Blob, crc64: Crc64, start: number) {
    this.type = blob.type;
    this.#blob = untyped(blob);
    this.#crc64 = crc64;
    this.#offset = start;
  }

  get total(): number {
    return this.#blob.size;
  }

  async next(size: number): Promise<Segment | undefined> {
    const start = this.#offset;
    if (start >= this.total) return undefined;
    this.#offset = Math.min(start + size, this.total);
    const body = ownSlice(this.#blob, start, this.#offset);
    return { ...(await extendPrefix(body, { size: 0, crc: 0n }, body.size, { crc64: this.#crc64 })), body };
  }

  cancel(): void {
    this.#offset = this.total;
  }
}
