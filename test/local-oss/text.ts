/** Texts as bytes and streams, and a LocalOss of one open bucket. */
import { LocalOss } from '../../src/testing/index.ts';
import { ManualClock } from './tools.ts';

export function anOss(contents: 'bytes' | 'checksum' = 'bytes', clock = new ManualClock()): LocalOss {
  return new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', contents } }, accessKeys: { ak: 'sk' }, clock });
}

export function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

export function utf8(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(value);
}

/** Makes a stream of these pieces, as bytes. */
export function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(utf8(piece));
      controller.close();
    },
  });
}
