/**
 * Reads the bytes of an object as they are stored. `fetch` decodes a body that has a Content-Encoding, and Chromium even
 * fails if it has only a part of such a body.
 */

import { ServiceError } from '../errors.ts';
import type { OssClient } from './client.ts';
import type { GetObjectOptions, ObjectContent } from './operations.ts';

/**
 * Whether a reader accepts decoded bytes, because OSS has refused to send the stored bytes. Each reader keeps one
 * `Wish`.
 */
export interface Wish {
  decode: boolean;
}

/**
 * Asks for the stored bytes. OSS refuses some of these requests with HTTP 400. Then this request and all later ones
 * with the same `Wish` are sent as plain requests.
 */
export async function getStored(
  client: Pick<OssClient, 'getObject'>,
  key: string,
  options: Omit<GetObjectOptions, 'decode'>,
  wish: Wish,
): Promise<ObjectContent> {
  try {
    return await client.getObject(key, { ...options, decode: wish.decode });
  } catch (error) {
    if (wish.decode || !(error instanceof ServiceError) || error.status !== 400) throw error;
    wish.decode = true;
    return client.getObject(key, { ...options, decode: true });
  }
}
