/**
 * Keeps the lengths of uploads in the memory of this process. It is for a demo on one machine: after a restart the lengths
 * are lost. A service keeps them in a database, or in a Durable Object as in demo/worker/upload-length.ts.
 */
import type { KeepLength } from '../../src/edge/index.ts';

/** Returns the option `keepLength`, with an empty memory. */
export function lengthsInMemory(): KeepLength {
  const lengths = new Map<string, number>();
  return ({ upload, length }) => {
    if (length !== undefined && !lengths.has(upload)) lengths.set(upload, length);
    return lengths.get(upload);
  };
}
