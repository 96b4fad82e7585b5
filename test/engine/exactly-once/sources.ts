/** Makes sources of every form with the same bytes, without any real I/O. */
import type { AppendSource } from '../../../src/source/segment.ts';
import { PolyfillBlob } from '../../runtimes/polyfill-blob.ts';
import type { VirtualClock } from '../../tools/virtual-clock.ts';
import { MemoryBlob } from './memory-blob.ts';
import type { SourcePlan } from './schedule.ts';

/**
 * Makes a Blob that the engine accepts as a file. The file is gone at the read with the number `reads`, counted from 0.
 */
export function memoryBlob(bytes: Uint8Array<ArrayBuffer>, reads = Number.POSITIVE_INFINITY): Blob {
  return new MemoryBlob([bytes], { reads: { left: reads } }) as unknown as Blob;
}

/** A number of bytes. A polyfill copies too slowly for more bytes than this. */
const MANY = 10_000;

/** The error that a failing source throws. */
export class BrokenSource extends Error {}

/** Makes the source of a plan. */
export function makeSource(bytes: Uint8Array<ArrayBuffer>, plan: SourcePlan, clock: VirtualClock): AppendSource {
  const { form, chunks, failAt } = plan;
  if (form === 'bytes') return bytes;
  if (form === 'buffer') return bytes.buffer;
  if (form === 'string') return text(bytes);
  // Every second Blob has the class of a library, which `fetch` would treat as text.
  if (form === 'blob' && failAt === undefined && bytes.length % 2 === 1 && bytes.length < MANY)
    return new PolyfillBlob([bytes]);
  if (form === 'blob') return memoryBlob(bytes, failAt);
  if (form === 'response') return new Response(bytes);
  const parts = cut(bytes, chunks);
  if (form === 'stream' || form === 'byte-stream' || form === 'text-stream' || form === 'piped')
    return stream(parts, plan, clock);
  if (form === 'async') return pieces(parts, plan, clock);
  if (form === 'reused') return reused(parts, plan);
  return form === 'blobs'
    ? each(
        parts.map((part) => memoryBlob(part)),
        plan,
      )
    : each(parts, plan);
}

/** Returns whether a source of this form can fail as planned. */
export function canFail({ form, failAt }: SourcePlan): boolean {
  return failAt !== undefined && !['bytes', 'buffer', 'string', 'response'].includes(form);
}

function cut(bytes: Uint8Array<ArrayBuffer>, sizes: readonly number[]): Uint8Array<ArrayBuffer>[] {
  let end = 0;
  return sizes.map((size) => {
    end += size;
    return bytes.slice(end - size, end);
  });
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function* each<T>(parts: readonly T[], { failAt }: SourcePlan): Generator<T, void, void> {
  for (const [index, part] of parts.entries()) {
    if (index === failAt) throw new BrokenSource();
    yield part;
  }
  if (failAt === parts.length) throw new BrokenSource();
}

/** Uses one buffer for all chunks and fills it again for each chunk, as parsers do. */
function* reused(parts: readonly Uint8Array[], plan: SourcePlan): Generator<Uint8Array<ArrayBuffer>, void, void> {
  const buffer = new Uint8Array(Math.max(1, ...plan.chunks));
  for (const part of each(parts, plan)) {
    buffer.fill(0xff);
    buffer.set(part);
    yield buffer.subarray(0, part.byteLength);
  }
  buffer.fill(0xff);
}

async function* pieces<T>(parts: readonly T[], plan: SourcePlan, clock: VirtualClock): AsyncGenerator<T, void, void> {
  for (const part of each(parts, plan)) {
    if (plan.gap) await clock.wait(plan.gap);
    yield part;
  }
}

function stream(
  parts: readonly Uint8Array<ArrayBuffer>[],
  plan: SourcePlan,
  clock: VirtualClock,
): ReadableStream<Uint8Array<ArrayBuffer> | string> {
  const chunks = pieces(parts, plan, clock);
  const pull = async (controller: { enqueue(chunk: never): void; close(): void }) => {
    for (;;) {
      const { done, value } = await chunks.next();
      if (done) return controller.close();
      // A byte stream accepts no empty chunk.
      if (plan.form === 'byte-stream' && value.byteLength === 0) continue;
      return controller.enqueue((plan.form === 'text-stream' ? text(value) : value) as never);
    }
  };
  if (plan.form === 'byte-stream') return new ReadableStream({ type: 'bytes', pull });
  return new ReadableStream({ pull });
}
