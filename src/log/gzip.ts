/**
 * Compresses segments as gzip members. Several members in a row are a valid gzip file (RFC 1952, section 2.2). Each
 * segment is one member, so `gunzip` can read the whole object.
 */

import { concat } from '../bytes.ts';
import type { Compression } from './platform.ts';

/** A member that {@link gzipAtOnce} makes has this many bytes more than its records, if these have 65,535 bytes at most. */
export const MEMBER_OVERHEAD = 23;

/** The longest block that holds bytes as they are (RFC 1951, section 3.2.4). */
const MOST_STORED = 65_535;

/** @param CompressionStream the platform's CompressionStream */
export async function gzip(
  bytes: Uint8Array<ArrayBuffer>,
  CompressionStream: Compression,
): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip') as CompressionStream);
  return new Uint8Array(await new Response(body).arrayBuffer());
}

/**
 * Returns a gzip member that holds the bytes uncompressed. It is made at once, because CompressionStream answers too
 * late for a page that the user leaves.
 */
export function gzipAtOnce(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const parts = [Uint8Array.of(31, 139, 8, 0, 0, 0, 0, 0, 0, 255)];
  for (let start = 0; start < bytes.byteLength; start += MOST_STORED) {
    const block = bytes.subarray(start, start + MOST_STORED);
    const size = block.byteLength;
    const isLast = start + size === bytes.byteLength;
    parts.push(Uint8Array.of(Number(isLast), size, size >> 8, ~size, ~size >> 8), block);
  }
  const end = new Uint8Array(8);
  const view = new DataView(end.buffer);
  view.setUint32(0, crc32(bytes), true);
  view.setUint32(4, bytes.byteLength, true);
  parts.push(end);
  return concat(
    parts,
    parts.reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
}

/** This works bit by bit, because it is used only for a few kilobytes, once in the life of a page. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc;
}
