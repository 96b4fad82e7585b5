/** Frees memory at once that V8 would collect late. */

/**
 * Empties a buffer. V8 collects garbage when its heap is large, and buffers are outside of the heap. So a Worker with
 * many uploads would hold several times the memory that it uses. A runtime without `transfer`, such as Node 20, leaves
 * the memory to the garbage collector. A buffer that was transferred before, for example into a read that is still
 * waiting, is empty, and its `transfer` would throw.
 */
export function freeBuffer(buffer: ArrayBuffer): void {
  // The library is compiled for ES2022, which has no `transfer`.
  const { transfer } = buffer as { transfer?: (this: ArrayBuffer, length: number) => ArrayBuffer };
  if (buffer.byteLength > 0) transfer?.call(buffer, 0);
}
