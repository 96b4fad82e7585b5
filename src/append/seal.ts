/** Seals an object at its end, so that it takes no more appends. */

import { checkType } from '../check.ts';
import { OssError } from '../errors.ts';
import type { Tail } from '../tail.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import type { Engine } from './engine.ts';
import { ensureOpen } from './open.ts';

/**
 * Seals the object at its confirmed end. The client repeats a request whose answer was lost, because OSS accepts a
 * second seal at the same position. If the repeats fail too, HEAD shows whether the object is sealed at this length.
 */
export async function sealAtEnd(engine: Engine, signal: AbortSignal | undefined): Promise<Tail> {
  const { client, key, ledger } = engine;
  checkType(client.sealAppendObject, 'seal needs a client that has sealAppendObject');
  const tail = await ensureOpen(engine, signal);
  try {
    await client.sealAppendObject?.(key, { position: tail.position, signal });
  } catch (error) {
    // Another writer may have appended, so the end must be read again.
    ledger.doubt();
    if (signal?.aborted || !(error instanceof OssError) || !(await isSealed(engine, tail, signal))) throw error;
  }
  return tail;
}

/**
 * Returns true if HEAD proves that the object is sealed. If CORS hides the time of sealing, nothing proves that the
 * object is sealed.
 */
async function isSealed(
  { client, key }: Engine,
  { position }: Tail,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const head = await client.headObject(key, { signal }).catch(() => throwIfAborted(signal));
  return head?.contentLength === position && head.headers.has('x-oss-sealed-time');
}
