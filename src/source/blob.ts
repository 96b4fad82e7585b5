/** Reads a Blob in pieces, and cuts it into slices. This file hides the cost of reading a Blob in each runtime. */

import { isSendable, ownSlice, untyped } from '../bytes.ts';
import { type Crc64, crc64 as ownCrc64 } from '../crc64.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import { failSource, type Segment, type SegmentReader, sourceError } from './segment.ts';

/** The number of bytes to hash or pass on before the event loop may run: 1 ms in a browser, 6 ms on a slow phone. */
export const PIECE = 524_288;

/**
 * The number of bytes of a Blob to read at a time. Reads of 1 MiB take browsers a third longer, and reads of 8 MiB
 * would block a page. A Blob is not read as a stream, although Chromium would read it 1.5 times as fast: workerd
 * streams chunks of 4 KiB and takes five times as long, and Node 24.16 to 24.18 never frees the chunks of such a
 * stream.
 */
const READ = 4_194_304;

/**
 * Reads a Blob, or a part of it, one piece at a time.
 *
 * @throws SourceError if the file changed after it was picked, or cannot be read any more
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
 * Lets the event loop run, so that a page can draw and a server can take other requests. A message is used, because a
 * timer waits 4 ms, and in a hidden page a second or more. Some workers have no MessageChannel, and in these no page
 * waits to be drawn.
 */
export function breathe(): Promise<void> | undefined {
  if (typeof MessageChannel === 'undefined') return undefined;
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      // An open port would keep Deno from exiting.
      port2.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** The size of a beginning of a Blob, and the CRC-64 of these bytes. */
export interface Prefix {
  readonly size: number;
  readonly crc: bigint;
}

/** Computes the CRC-64 of the first `size` bytes of a Blob. It continues from the CRC-64 of a shorter beginning. */
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

/** Reads a part of a Blob into memory. */
export async function readBlob(blob: Blob, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const size = end - start;
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    // The methods of a Blob whose frame was removed never settle, so the platform's own methods are used if they accept
    // the Blob.
    const part = isSendable(blob) ? ownSlice(blob, start, end) : blob.slice(start, end);
    bytes = new Uint8Array(await part.arrayBuffer());
  } catch (cause) {
    throw sourceError('the file was changed, moved or removed after it was picked, or no memory is left', cause);
  }
  if (bytes.byteLength === size) return bytes;
  throw sourceError(`the file was changed after it was picked: it gave ${bytes.byteLength} of ${size} bytes`);
}

/**
 * Cuts a Blob into segments. The slices need no memory, except that Chromium copies Blobs that are not files on the
 * disk.
 */
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
