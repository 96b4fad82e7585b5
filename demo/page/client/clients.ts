/**
 * Three ways from a page to an object: the page has a token, or an edge signs each request (a grant), or the page sends
 * the data through the edge (a pipe).
 */
import { PageGrants } from '../../../src/edge/index.ts';
import {
  type AppendClient,
  credentialsFromUrl,
  OssClient,
  type OssClientOptions,
  PresignedClient,
} from '../../../src/index.ts';
import { xhrFetch } from '../../../src/xhr.ts';
import type { HostConfig } from '../../host/contract.ts';
import { interruptible } from './offline.ts';
import { PipeClient } from './pipe.ts';
import { type Fetch, type Watcher, watchedFetch } from './watch.ts';

/** How the page reaches an object. */
export type Way = 'token' | 'grant' | 'pipe';

/** Where the signature of a request is. Only a client with a token signs itself. */
export type Signing = 'header' | 'query';

export interface Route {
  readonly way: Way;
  readonly signing: Signing;
}

/** What the page knows of its host: the configuration, and the prefix of the user. */
export type Place = Pick<HostConfig, 'region' | 'bucket' | 'endpoint' | 'pathStyle' | 'edge'>;

/** Makes a client. `watcher` gets a report of each request. */
export function makeClient(place: Place, { way, signing }: Route, watcher: Watcher): AppendClient {
  if (way === 'token') return new OssClient(tokenOptions(place, { signing, watcher }));
  const signed = grantClient(place, watcher);
  if (way === 'grant') return signed;
  return new PipeClient({ edge: place.edge, fetch: watchedFetch(interruptible(xhrFetch), watcher), reader: signed });
}

/** Makes a client whose requests the edge signs one by one. */
function grantClient({ edge }: Place, watcher: Watcher): PresignedClient {
  const fetch = watchedFetch(interruptible(plainFetch), watcher);
  return new PresignedClient({ presign: new PageGrants(edge, { fetch }).presign, fetch });
}

/** The options of a client with a token, which the log takes as well. */
export function tokenOptions(
  { edge, region, bucket, endpoint, pathStyle }: Place,
  { signing, watcher }: { readonly signing: Signing; readonly watcher?: Watcher },
): OssClientOptions {
  const send = interruptible(plainFetch);
  return {
    ...{ region, bucket, endpoint, pathStyle, signing },
    fetch: watcher ? watchedFetch(send, watcher) : send,
    credentials: credentialsFromUrl(`${edge}/token`, { method: 'POST', credentials: 'include' }),
  };
}

const plainFetch: Fetch = (url, init) => fetch(url, init);
