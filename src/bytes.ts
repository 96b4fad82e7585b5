/** Bytes in the forms that the platform has for them. It hides realms, views, shared memory, and Blobs that keep a type. */

/** The beginning of a body as text. What is longer is no answer of OSS, and is not read. */
export async function readStart(body: ReadableStream<Uint8Array>, most = 65_536): Promise<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value.subarray(0, most), { stream: true });
    if (text.length < most) continue;
    reader.cancel().catch(() => {});
    return text.slice(0, most);
  }
}

/** Recognises a Blob by its shape, because Blobs also come from other realms and from libraries. */
export function isBlob(value: unknown): value is Blob {
  const { size = -1, slice, arrayBuffer } = Object(value) as Partial<Blob>;
  return Number.isSafeInteger(size) && size >= 0 && typeof slice === 'function' && typeof arrayBuffer === 'function';
}

/**
 * Whether `fetch` sends the bytes of this Blob's slices, and adds no Content-Type. It takes the Blob of a library for text, and
 * sends `[object Blob]`. The platform's own `slice` refuses such a Blob. Two kinds pass that and get a Content-Type from
 * `Response`, which converts a body exactly as `fetch` does: a Blob where a library replaced the global one (jsdom), and one
 * whose slices keep their type (Bun).
 */
export function isSendable(blob: Blob): boolean {
  try {
    return !new Response(ownSlice(blob, 0, 0)).headers.has('content-type');
  } catch {
    return false;
  }
}

/**
 * The same bytes without a type. The standard says that a slice has none. In Bun `fetch` still sends the type of the file that was
 * cut, although the slice shows none.
 */
export function untyped(blob: Blob): Blob {
  return blob.type ? new Blob([ownSlice(blob, 0, blob.size)], { type: '' }) : blob;
}

/** By the platform's own `slice`, whatever a subclass or a library makes of it. */
export function ownSlice(blob: Blob, start: number, end: number): Blob {
  return Blob.prototype.slice.call(blob, start, end);
}

export const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/**
 * Text as UTF-8, and views and buffers of any realm as bytes. They are copied only where `fetch` refuses them: from memory that
 * is shared, or that can change its size.
 */
export function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(value) ? value : { buffer: value as ArrayBuffer };
  if (!/ArrayBuffer$/.test(tagOf(buffer))) return undefined;
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return tagOf(buffer) === 'ArrayBuffer' && !(buffer as { resizable?: boolean }).resizable ? bytes : bytes.slice();
}

export function concat(parts: readonly Uint8Array<ArrayBuffer>[], size: number): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (first?.byteLength === size) return first;
  const all = new Uint8Array(size);
  let done = 0;
  for (const part of parts) {
    all.set(part, done);
    done += part.byteLength;
  }
  return all;
}
