/** Turns any source into segments of at most the requested size. Each segment has its CRC and can be sent again. */

import { bytesOf, isBlob, isSendable } from '../bytes.ts';
import { type Crc64, crc64 as ownCrc64 } from '../crc64.ts';
import { BlobSegments, blobPieces } from './blob.ts';
import { ChunkSegments, chunksOf, iterate } from './chunks.ts';
import { Gatherer } from './gatherer.ts';
import type { AppendSource, SegmentReader } from './segment.ts';

/**
 * @param crc64 the function that computes the CRCs
 * @param start for a Blob, the number of bytes that are skipped at its beginning
 * @throws TypeError if the value is not a source, or if something else is already reading it
 */
export function readSegments(source: AppendSource, crc64: Crc64 = ownCrc64, start = 0): SegmentReader {
  const gatherer = new Gatherer(crc64);
  if (isBlob(source)) {
    const { size, type } = source;
    if (isSendable(source)) return new BlobSegments(source, crc64, start);
    return new ChunkSegments(iterate(blobPieces(source, start)), gatherer, size, type);
  }
  const bytes = bytesOf(source);
  if (bytes) return new ChunkSegments(iterate([bytes]), gatherer, bytes.byteLength);
  return new ChunkSegments(chunksOf(source as Parameters<typeof chunksOf>[0]), gatherer);
}
