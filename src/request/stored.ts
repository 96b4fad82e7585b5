/**
 * Reads the bytes of an object as they are stored. `fetch` decodes a body that has a Content-Encoding, and Chromium even
 * fails if it has only a part of such a body.
 */

import { ServiceError } from '../errors.ts';
import type { OssClient } from './client.ts';
import type { GetObjectOptions, ObjectContent } from './operations.ts';

/**
 * Whether decoded bytes are accepted, because OSS has refused to send the stored bytes. All requests of one reading share
 * one `ReadMode`, so that OSS has to refuse only the first of them.
 */
export interface ReadMode {
  decode: boolean;
}

/**
 * Asks for the stored bytes. OSS refuses some of these requests with HTTP 400. Then this request and all later ones
 * with the same `ReadMode` are sent as plain requests.
 */
export async function getStored(
  client: Pick<OssClient, 'getObject'>,
  key: string,
  options: Omit<GetObjectOptions, 'decode'>,
  mode: ReadMode,
): Promise<ObjectContent> {
  try {
    return await client.getObject(key, { ...options, decode: mode.decode });
  } catch (error) {
    if (mode.decode || !(error instanceof ServiceError) || error.status !== 400) throw error;
    mode.decode = true;
    return client.getObject(key, { ...options, decode: true });
  }
}
