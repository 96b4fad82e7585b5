/** The engine's side of a client. */

import type { OssClient } from '../request/client.ts';

/** What the engine needs of a client: an `OssClient`, a `PresignedClient`, or anything of this shape. */
export type AppendClient = Pick<OssClient, 'appendObject' | 'headObject' | 'getObject' | 'retry'> &
  // Only `seal` needs this one.
  Partial<Pick<OssClient, 'sealAppendObject'>>;
