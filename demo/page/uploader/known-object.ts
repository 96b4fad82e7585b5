/** Finds out whether an object already holds a beginning of a file, as after a reload or a second pick. */
import { AppendableObject, type AppendClient } from '../../../src/index.ts';
import { contentOf } from '../transfer/proof.ts';

/** What an object already holds of a file. */
export interface Held {
  readonly key: string;
  /** Bytes of the file that are stored, which the CRC-64 has proven. */
  readonly position: number;
  readonly size: number;
}

/** Returns undefined if there is no object, or if it holds anything else. */
export async function heldOf(file: Blob, key: string, client: AppendClient): Promise<Held | undefined> {
  const { position, hashCrc64ecma } = await new AppendableObject(client, key).open();
  if (position === 0 || position > file.size) return undefined;
  const { crc } = await contentOf(file.slice(0, position));
  return crc === hashCrc64ecma ? { key, position, size: file.size } : undefined;
}
