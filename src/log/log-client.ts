/** The client of a log. A log needs its own, because its requests pass through functions of the log before they are sent. */

import type { AppendClient } from '../append/client.ts';
import { checkType } from '../check.ts';
import { OssClient, type OssClientOptions } from '../request/client.ts';
import type { Fetch } from '../request/request.ts';

/**
 * What the client of a log is made of: the settings of an `OssClient`, or a function that makes a client which sends with
 * the given `fetch`, such as a `PresignedClient`.
 */
export type LogClient = OssClientOptions | ((fetch: Fetch) => AppendClient);

/**
 * Makes a client.
 *
 * @param wrap makes the client's `fetch` from that of the settings or of the platform
 * @param signing where the signature goes, if the settings do not say it
 */
export function connect(client: LogClient, wrap: (fetch: Fetch) => Fetch, signing?: 'query'): AppendClient {
  const platformFetch: Fetch = (url, init) => globalThis.fetch(url, init);
  const isClient = 'appendObject' in client;
  checkType(!isClient, 'a log needs the settings of a client, or a function that makes one, and not the client itself');
  if (typeof client === 'function') return client(wrap(platformFetch));
  return new OssClient({ ...client, signing: client.signing ?? signing, fetch: wrap(client.fetch ?? platformFetch) });
}
