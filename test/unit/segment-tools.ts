/** What the tests of the sources share: reading all segments, and streams that a test controls. */
import { expect } from 'vitest';
import { crc64 } from '../../src/crc64.ts';
import type { AppendSource, Segment } from '../../src/source/segment.ts';
import { readSegments } from '../../src/source/segments.ts';

/** Reads a source to its end, and checks the size and the CRC of each segment. */
export async function segmentsOf(source: AppendSource, size = 4): Promise<Uint8Array[]> {
  const reader = readSegments(source);
  const segments: Uint8Array[] = [];
  for (let segment = await reader.next(size); segment; segment = await reader.next(size))
    segments.push(await check(segment));
  expect(await reader.next(size)).toBeUndefined();
  return segments;
}

export async function check({ body, size, crc }: Segment): Promise<Uint8Array> {
  const bytes = new Uint8Array(body instanceof Blob ? await body.arrayBuffer() : body);
  expect([bytes.byteLength, crc64(bytes)]).toEqual([size, crc]);
  if (body instanceof Blob) expect(body.type).toBe('');
  return bytes;
}

export async function textsOf(source: AppendSource, size = 4): Promise<string[]> {
  return (await segmentsOf(source, size)).map((bytes) => new TextDecoder().decode(bytes));
}

export function streamOf(...chunks: unknown[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk as Uint8Array);
      controller.close();
    },
  });
}
