/**
 * Converts the platform's forms of bytes. This file hides the differences between realms, views, shared memory, and
 * Blobs that keep a type.
 */

/**
 * Reads the beginning of a body as text. It reads no more than `most` characters, because no answer of OSS is longer.
 * If a wrapper around `fetch` has read the body already, its text is unknown. So the result is a text that means
 * nothing, because an empty one would mean that there was no body.
 */
export async function readStart(body: ReadableStream<Uint8Array> | null, most = 65_536): Promise<string> {
  if (!body || body.locked) return body ? '?' : '';
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
 * Returns whether `fetch` sends the bytes of this Blob's slices and adds no Content-Type. For the Blob class of a
 * library, `fetch` sends the text `[object Blob]`; the platform's own `slice` throws for such a Blob. Two other kinds
 * are found with `Response`, which converts a body exactly as `fetch` does: a Blob of a library that replaced the
 * global class (jsdom), and a Blob whose slices keep their type (Bun).
 */
export function isSendable(blob: Blob): boolean {
  // A Blob with a name is a file from `Bun.file`. For it, `fetch` sends an empty Content-Type, which `Response` hides.
  if (tagOf(blob) === 'Blob' && 'name' in blob && blob.name) return false;
  try {
    return !new Response(ownSlice(blob, 0, 0)).headers.has('content-type');
  } catch {
    return false;
  }
}

/**
 * Returns the same bytes as a Blob without a type. By the standard, a slice has no type. But in Bun, `fetch` sends the
 * type of the file from which the slice was cut, although the slice itself shows none.
 */
export function untyped(blob: Blob): Blob {
  return blob.type ? new Blob([ownSlice(blob, 0, blob.size)], { type: '' }) : blob;
}

/**
 * Cuts a Blob with the platform's own `slice`, because a subclass or a library may replace the method. The slice of a
 * Blob of another frame belongs to that frame, and its `arrayBuffer` never settles if the frame was removed. So such a
 * slice is put into a Blob of this realm.
 */
export function ownSlice(blob: Blob, start: number, end: number): Blob {
  const slice = Blob.prototype.slice.call(blob, start, end);
  return slice instanceof Blob ? slice : new Blob([slice]);
}

export const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/**
 * Returns text as UTF-8, and the views and buffers of any realm as bytes. The bytes are copied only if `fetch` refuses
 * them: bytes in shared memory, or in memory whose size can change.
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
