/** Any source to segments of at most the asked size, each with its CRC and sendable again. */

import { bytesOf, isBlob, isSendable } from '../bytes.ts';
import { type Crc64, crc64 as ownCrc64 } from '../crc64.ts';
import { BlobSegments, blobPieces } from './blob.ts';
import { ChunkSegments, chunksOf, iterate } from './chunks.ts';
import { Gatherer } from './gatherer.ts';
import type { AppendSource, SegmentReader } from './segment.ts';

/**
 * @param crc64 what computes the CRCs
 * @param start of a Blob, bytes that are left out at its beginning
 * @throws TypeError for what is no source, or one that is already being read.
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
