/** The part of a client that the engine uses. */

import type { OssClient } from '../request/client.ts';

/** The methods that the engine needs: an `OssClient`, a `PresignedClient`, or another object that has them. */
export type AppendClient = Pick<OssClient, 'appendObject' | 'headObject' | 'getObject' | 'retry'> &
  // Only `seal` needs this method.
  Partial<Pick<OssClient, 'sealAppendObject'>>;
